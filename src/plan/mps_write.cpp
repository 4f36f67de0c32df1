#include <fmt/format.h>

#include <cmath>

#include "base/text.h"
#include "plan/mps.h"

namespace churon::plan {

namespace {

std::string word(std::string_view name) {
  std::string safe;
  for (const char c : name) {
    const bool blank = static_cast<unsigned char>(c) <= ' ' || c == '\x7f';
    safe += blank ? '_' : c;
  }
  // `'MARKER'` and an empty name would read as something else.
  return safe.empty() || safe.front() == '\'' || safe.front() == '*' ? "_" + safe : safe;
}

char type_of(const Row& row) {
  const bool has_lower = std::isfinite(row.lower), has_upper = std::isfinite(row.upper);
  if (!has_lower && !has_upper) {
    return 'N';
  }
  if (row.lower == row.upper) {
    return 'E';
  }
  return has_upper ? 'L' : 'G';
}

std::string bounds_of(const Variable& variable, const std::string& name) {
  const auto line = [&](std::string_view type, double value) {
    return fmt::format(" {} BND {} {}\n", type, name, value);
  };
  const auto bare = [&](std::string_view type) { return fmt::format(" {} BND {}\n", type, name); };
  const bool has_lower = std::isfinite(variable.lower), has_upper = std::isfinite(variable.upper);
  if (variable.lower == variable.upper && has_lower) {
    return line("FX", variable.lower);
  }
  if (!has_lower && !has_upper) {
    return bare("FR");
  }
  std::string text;
  if (!has_lower) {
    text += bare("MI");
  } else if (variable.lower != 0 || (has_upper && variable.upper <= 0)) {
    text += line("LO", variable.lower);
  }
  if (has_upper) {
    text += line("UP", variable.upper);
  } else if (variable.is_integer && text.empty()) {
    text += bare("PL");  // without a bound it would be binary
  }
  return text;
}

}  // namespace

std::string mps(const Program& program, std::string_view comment) {
  std::string text;
  for (const std::string_view line : split(comment, '\n')) {
    text += comment.empty() ? "" : fmt::format("* {}\n", line);
  }
  text += fmt::format("NAME {}\nOBJSENSE\n    {}\nROWS\n N {}\n", word(program.name),
                      program.maximise ? "MAX" : "MIN", word(program.objective_name));
  std::vector<std::vector<std::pair<int, double>>> columns(program.variables().size());
  std::string rhs, ranges;
  for (int i = 0; i < program.row_count(); ++i) {
    const Row& row = program.at(RowId{i});
    const char type = type_of(row);
    text += fmt::format(" {} {}\n", type, word(row.name));
    const double side = type == 'G' ? row.lower : row.upper;
    if (type != 'N' && side != 0) {
      rhs += fmt::format("    RHS {} {}\n", word(row.name), side);
    }
    if (type == 'L' && std::isfinite(row.lower)) {
      ranges += fmt::format("    RNG {} {}\n", word(row.name), row.upper - row.lower);
    }
    for (const Term& term : program.terms({i})) {
      columns[static_cast<std::size_t>(term.variable.index)].emplace_back(i, term.factor);
    }
  }
  if (program.offset != 0) {
    rhs = fmt::format("    RHS {} {}\n", word(program.objective_name), -program.offset) + rhs;
  }
  text += "COLUMNS\n";
  std::string bounds;
  bool between_markers = false;
  const auto mark = [&](bool integer) {
    if (integer != between_markers) {
      text += fmt::format("    MARKER 'MARKER' '{}'\n", integer ? "INTORG" : "INTEND");
      between_markers = integer;
    }
  };
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const Variable& variable = program.variables()[i];
    const std::string name = word(variable.name);
    mark(variable.is_integer);
    // A column without coefficients still has to be named.
    if (variable.cost != 0 || columns[i].empty()) {
      text += fmt::format("    {} {} {}\n", name, word(program.objective_name), variable.cost);
    }
    for (const auto& [row, factor] : columns[i]) {
      text += fmt::format("    {} {} {}\n", name, word(program.at(RowId{row}).name), factor);
    }
    bounds += bounds_of(variable, name);
  }
  mark(false);
  text += "RHS\n" + rhs;
  text += ranges.empty() ? "" : "RANGES\n" + ranges;
  text += "BOUNDS\n" + bounds + "ENDATA\n";
  return text;
}

}  // namespace churon::plan
