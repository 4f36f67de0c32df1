// docs/chip-reference.md from the key tables.
#include <fmt/format.h>

#include "chip/schema.h"

namespace churon::chip {

namespace {

constexpr std::string_view kIntroduction = R"(# Chip descriptions

A chip is one TOML file. Those that ship are under `chips/`, your own go to `$XDG_CONFIG_HOME/churon/chips` (usually
`~/.config/churon/chips`) or anywhere else: every verb takes a name or a path that ends in `.toml`. `churon chips` lists
the names, `churon check CHIP` holds a description against closed formulas, `churon check CHIP --resolved` prints every
value and where it comes from.

This page is made from the key tables in `src/chip/schema.cpp` by `make golden`.

## Values

* **Units are part of the value**: `core = "1.25 GHz"`, `size = "4 MiB"`, `pin_rate = "9.2 Gb/s"`, `energy = "4.0 pJ/bit"`.
  `k M G T P` are powers of 1,000, `Ki Mi Gi Ti` powers of 1,024; `B` is a byte, `b` or `bit` a bit. A unit is a product
  or quotient: `USD/kWh`, `MiB/mm2`, `/cm2`. A month is a twelfth of a year of 365.25 days. A fraction is `"80 %"` or `0.8`.
* **Provenance**: a number marked *sourced* may be written with what it rests on,
  `{ v = "4.0 pJ/bit", low = "3.3 pJ/bit", high = "4.6 pJ/bit", src = "id", basis = "vendor" }`. `low` and `high` are read
  as P5 and P95, `src` is a key of `[sources]`, `basis` is one of `spec`, `vendor`, `press`, `measured`, `derived`,
  `guess`. In the tables marked so below every number is written that way. `provenance = { src = "id", basis = "vendor" }`
  in a table speaks for all its sourced numbers that say nothing themselves; with `spread = "30 %"` it gives them bounds.
* **What is plausible** is checked: a clock of 125 GHz is an error.
* **Nothing derivable is stated**, except under `[expect]`, which the loader computes itself and compares.

## Variants

`inherit = "churon-1"` takes another description (from beside the file, the user's folder, or the shipped chips), and the
file states what differs. Elements of an array of tables are addressed by their id: `[memory.hbm]` and `[[memory]]` with
`id = "hbm"` are the same place. `name`, `aliases`, `summary` and `[expect]` are not inherited. `--set
memory.hbm.stacks=6` does the same on the command line of any verb; `[expect]` is not compared then.

## Weights on bought chips

A chip of kind `full` takes the block formats of its `[[format]]` tables. A bought chip (`opaque`) unpacks blocks in its
kernels, so it takes all of them: with 8-bit activations it computes at the higher of its int8 and fp8 rates, at bf16 where
neither is stated. 4-bit weights are widened, so its fp4 rate, which needs 4-bit activations, is not used.

## Tables
)";

std::string_view name(Need need) {
  switch (need) {
    case Need::required:
      return "required";
    case Need::full:
      return "required (full)";
    case Need::optional:
      return "optional";
  }
  return "";
}

std::string heading(const Table& table) {
  if (table.path.empty()) {
    return "The top of the file";
  }
  if (!table.repeated()) {
    return fmt::format("[{}]", table.path);
  }
  return table.id_key.empty() ? fmt::format("[{}.NAME]", table.stem())
                              : fmt::format("[[{}]]", table.stem());
}

std::string when(const Table& table) {
  if (table.need == Need::required && table.bought == Need::required) {
    return "Every chip has it.";
  }
  if (table.need == Need::required) {
    return "Required of a chip of kind `full`.";
  }
  return table.bought == Need::required ? "Required of a chip of kind `opaque`." : "Optional.";
}

std::string what(const Row& row) {
  std::string text = form_name(row);
  if (row.form == Form::quantity && !row.range.low.empty()) {
    text += fmt::format(", {} to {}", row.range.low, row.range.high);
  }
  for (std::size_t i = 0; i < row.words.size(); ++i) {
    text += fmt::format("{}`{}`", i == 0 ? ": " : ", ", row.words[i]);
  }
  if (row.sourced) {
    text += "; sourced";
  }
  return text;
}

}  // namespace

std::string reference_page() {
  std::string page(kIntroduction);
  for (const Table& table : schema()) {
    page += fmt::format("\n### {}\n\n{} {}", heading(table), table.doc, when(table));
    if (table.repeated() && !table.id_key.empty()) {
      page += fmt::format(" `{}` names the element.", table.id_key);
    }
    if (table.long_form) {
      page += " Every number is written with its provenance.";
    }
    page += "\n\n| key | is | value | needed |\n| --- | --- | --- | --- |\n";
    for (const Row& row : table.rows) {
      page += fmt::format("| `{}` | {} | {} | {} |\n", row.key, row.doc, what(row),
                          row.standard.empty() ? std::string(name(row.need))
                                               : fmt::format("default `{}`", row.standard));
    }
  }
  return page;
}

}  // namespace churon::chip
