// What the words of a serving result mean: one table, for texts, JSON documents and
// docs/compare.md.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/json.h"

namespace churon::report {

struct Definition {
  std::string_view word;  // "TPOT"
  std::string_view meaning;
};
std::span<const Definition> serving_definitions();

// One line each, indented by two spaces.
std::string definitions_text();
Json definitions_json();

}  // namespace churon::report
