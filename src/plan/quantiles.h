// What a plan costs where prices are others than was thought.
#pragma once

#include <cstdint>
#include <vector>

#include "plan/planner.h"

namespace churon::plan {

struct PlanQuantiles {
  double p10 = 0, p50 = 0, p90 = 0;
  // Between P1 and P99: bin i holds its share of the probability.
  std::vector<double> edges = {}, shares = {};
};
// USD per million tokens over futures and draws of all uncertain prices, running costs, fees,
// programmes, discounts and residuals (two-piece normals of their ranges; what moves together
// shares its number). The plan is held fixed and its books are kept anew in each draw. The same for
// any number of threads.
PlanQuantiles cost_per_mtok(const Plan& plan, std::uint64_t seed, int draws, int threads);

// The share of such draws in which the plan costs less than another one of its scenario, by what is
// minimised; both are held fixed.
double share_cheaper(const Plan& plan, const Outcome& other, std::uint64_t seed, int draws,
                     int threads);

}  // namespace churon::plan
