// A scenario from its TOML file; docs/plan.md has every key.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "plan/scenario.h"

namespace churon::plan {

// `data` is the folder of the cost tables; empty: the tool's. Errors, each with line: C0101 (no
// TOML), S0301 … S0310, those of the chips that it names.
Result<Scenario> parse_scenario(std::string_view text, const std::string& file,
                                const std::string& data = {});
Result<Scenario> read_scenario(const std::string& path, const std::string& data = {});

}  // namespace churon::plan
