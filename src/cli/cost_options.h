// What `cost` and `compare` share: whose prices, which data, as of when, how many draws.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "cost/costing.h"
#include "cost/draws.h"

namespace churon::cli {

struct CostWords {
  std::string data, hbm_basis, loss, package, as_of, like;
  std::vector<std::string> scenarios, set;
  std::int64_t draws = cost::DrawOptions{}.draws;
  std::uint64_t seed = 1;
};

// Adds --hbm-basis, --package, --loss, --scenario, --set, --as-of, --like, --draws, --seed and
// --data. `set_help` and `like_help` say whom the two concern.
void add_cost_options(CLI::App& app, CostWords& words, const std::string& set_help,
                      const std::string& like_help, const std::string& group);

// Without --set and --like, which need the chips. Errors: K0301, K0302 (scenario), K0305 (date).
Result<cost::CostOptions> cost_options(const CostWords& words);

}  // namespace churon::cli
