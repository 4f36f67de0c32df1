// What `churon plan` prints of a scenario: a verdict of four lines, what to sign by when, orders,
// cash, fleet, futures, what binds, what other plans would cost; JSON, charts, explanations.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "plan/planner.h"
#include "plan/quantiles.h"
#include "report/format.h"

namespace churon::report {

struct PlanRecord {
  plan::Plan plan;
  plan::PlanOptions options;
  std::uint64_t seed = 1;
  plan::PlanQuantiles per_mtok;
  // By own chip that is built: the share of the draws of prices in which the plan costs less than
  // the best plan without it.
  std::map<int, double> cheaper_share = {};
};

PlanRecord plan_record(plan::Plan plan, plan::PlanOptions options, std::uint64_t seed);

// Sentences are folded to lines of at most `width` columns.
std::string plan_text(const PlanRecord& record, std::size_t width);
// Of a scenario that no plan satisfies: what conflicts, and the smallest relaxation.
std::string infeasible_text(const PlanRecord& record);
Json plan_json(const PlanRecord& record);
std::string plan_svg(const PlanRecord& record);
// Errors: S0402 (no such quantity).
Result<std::string> plan_explanation(const PlanRecord& record, std::string_view key);

// The values of all variables that are not zero, one a line, under the objective: what goes beside
// an MPS file.
std::string plan_solution_text(const PlanRecord& record);

}  // namespace churon::report
