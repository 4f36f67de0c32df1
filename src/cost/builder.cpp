#include "cost/builder.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "chip/values.h"
#include "cost/sheet.h"

namespace churon::cost {

Builder::Builder(const chip::Chip& described, const Tables& tables, const CostOptions& wanted,
                 Costing& made)
    : chip(described), options(wanted), costing(made), tree(*made.tree), tables_(tables) {}

std::optional<Expr> Builder::find(std::string_view key) const {
  const auto id = tree.find(options.prefix + std::string(key));
  return id ? std::optional(Expr{&tree, *id}) : std::nullopt;
}

std::vector<std::string> Builder::named_after(std::string_view prefix) const {
  std::vector<std::string> names;
  for (const Input& row : tables_.rows()) {
    if (row.key.starts_with(prefix)) {
      names.push_back(row.key.substr(prefix.size()));
    }
  }
  return names;
}

std::string_view Builder::unit_of(std::string_view key) const {
  const Input* const found = tables_.find(key);
  return found == nullptr ? std::string_view{} : found->unit;
}

Expr Builder::row(std::string_view key, std::string_view unit) {
  const auto found = tables_.row(key, unit);
  if (!found) {
    Diagnostic finding = found.error().front();
    const bool said = std::any_of(findings_.begin(), findings_.end(), [&](const Diagnostic& seen) {
      return seen.message == finding.message;
    });
    if (!said) {
      finding.notes.push_back(fmt::format("the costs of {} need it", chip.name));
      findings_.push_back(std::move(finding));
    }
    return tree.constant(1);
  }
  Input input = **found;
  for (const std::string& set : options.set) {
    const std::size_t equals = set.find('=');
    if (set.substr(0, equals) == key) {
      const double value = parse_number(set.substr(equals + 1)).value_or(0);
      input.range = {value, value, value};
      input.place = "--set " + set;
      input.source = "the command line";
      input.basis = "set";
      input.note.clear();
    }
  }
  return add(std::move(input));
}

Expr Builder::given(std::string_view path, Range range, std::string unit, const std::string& group,
                    const chip::Chip& of) {
  const chip::Value* const value = chip::find_value(of, path);
  const std::string& prefix = &of == &chip ? options.prefix : options.like_prefix;
  const std::string key = fmt::format("chip.{}", path);
  // What two descriptions say of the same thing moves together.
  std::string factor = group.empty() && !prefix.empty() ? key : group;
  Input input{.key = prefix + key,
              .unit = std::move(unit),
              .range = range,
              .text = {},
              .basis = {},
              .as_of = {},
              .source = {},
              .note = {},
              .place = {},
              .factor = std::move(factor)};
  if (value != nullptr) {
    const auto source = of.sources.find(value->source);
    input.basis = std::string(chip::name(value->basis));
    input.source = source == of.sources.end() ? value->source : source->second;
    input.place = value->where;
  }
  if (input.basis.empty() || input.basis == "none") {
    input.basis = "design";
  }
  // Bounds on the wrong side of a value that was set.
  input.range.low = std::min(input.range.low, input.range.central);
  input.range.high = std::max(input.range.high, input.range.central);
  input.is_share = input.unit == "1" && input.range.high <= 1;
  return add(std::move(input));
}

Expr Builder::fact(std::string_view path, double value, std::string unit) {
  return given(path, {value, value, value}, std::move(unit), {}, chip);
}

Expr Builder::derived(std::string key, double value, std::string unit, std::string text,
                      std::string source, std::string note) {
  return modelled(std::move(key), {value, value, value}, std::move(unit), std::move(text),
                  std::move(source), std::move(note));
}

Expr Builder::modelled(std::string key, Range range, std::string unit, std::string text,
                       std::string source, std::string note) {
  return add({.key = options.prefix + std::move(key),
              .unit = std::move(unit),
              .range = range,
              .text = std::move(text),
              .basis = "derived",
              .as_of = {},
              .source = std::move(source),
              .note = std::move(note),
              .place = {},
              .factor = {}});
}

Expr Builder::add(Input input) {
  if (!tree.find(input.key)) {
    for (const Scenario& scenario : options.scenarios) {
      if (scenario.group == input.factor) {
        input.range = {input.range.low * scenario.factor, input.range.central * scenario.factor,
                       input.range.high * scenario.factor};
        input.note += fmt::format("{}scenario {}", input.note.empty() ? "" : "; ", scenario.text);
      }
    }
  }
  return tree.input(std::move(input));
}

std::string node_class(std::string_view node) {
  const std::string text = to_lower_ascii(node);
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool is_digit = text[i] >= '0' && text[i] <= '9';
    if (!is_digit || (i > 0 && text[i - 1] >= '0' && text[i - 1] <= '9')) {
      continue;
    }
    std::size_t end = i;
    while (end < text.size() && text[end] >= '0' && text[end] <= '9') {
      ++end;
    }
    const bool before =
        i > 0 && text[i - 1] == 'n' && (i < 2 || text[i - 2] < 'a' || text[i - 2] > 'z');
    const bool behind = end < text.size() && text[end] == 'n' && end - i == 1;  // "4N"
    if (before || behind) {
      return "N" + text.substr(i, end - i);
    }
  }
  return {};
}

}  // namespace churon::cost
