// One chip description as a tree: the file, what it inherits, and what --set changes, merged into
// one. Arrays of tables become tables named by their ids, so that [[memory]] id = "hbm" and
// [memory.hbm] are the same place, and `--set memory.hbm.stacks=6` finds it.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "chip/document.h"

namespace churon::chip {

struct ChipText {
  std::string id;      // "churon-1"
  std::string file;    // what diagnostics print
  std::string folder;  // where it stands
  std::string text;
};

// Finds what `inherit = "name"` in `from` names; nullopt where there is none.
using FindText =
    std::function<std::optional<Result<ChipText>>(std::string_view name, const ChipText& from)>;

Result<Node> read_description(const ChipText& chip, std::span<const std::string> overrides,
                              const FindText& find, Texts& texts);

// A table with `v` is a number with its provenance, and so is one that has nothing but other keys
// of that form.
bool is_long_form(const Node& node);

// Letters, digits, - and _: what TOML writes without quotes.
bool is_bare_name(std::string_view name);

// The error for a word that names nothing, with the nearest candidate under the caret.
Diagnostic unknown_name(const Texts& texts, const Place& place, std::string code,
                        std::string message, std::string_view word,
                        std::span<const std::string> candidates);

}  // namespace churon::chip
