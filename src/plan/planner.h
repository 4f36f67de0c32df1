// The best plan of a scenario, and what it is worth beside others: waiting a quarter, doing without
// the own chip, buying from one vendor alone.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "plan/elastic.h"
#include "plan/ledger.h"
#include "plan/model.h"
#include "plan/solver.h"

namespace churon::plan {

struct PlanOptions {
  SolverKind solver = SolverKind::highs;
  double gap = 1e-5;
  double time_limit_s = 600;  // of one program
  int threads = 1;            // programs solved side by side; the result is the same for any
  bool with_policies = true;
  std::function<bool()> interrupted = {};
  // Told of each better plan while it is looked for, and what none costs less than: USD of today.
  std::function<void(double objective, double bound)> improved = {};
};

// The best plan under a policy.
struct Outcome {
  Policy policy;
  Status status = Status::optimal;
  bool has_plan = false;
  double objective = 0, bound = 0;  // USD of today
  double gap = 0;
  std::vector<Decisions> decisions = {};  // by future
  std::vector<Book> books = {};           // by future
};

// What more of a cap would save, summed over the futures: USD of today.
struct ShadowPrice {
  std::string key, text, unit;
  int quarter = 0;
  double usd_per_unit = 0;
  double usd_per_percent = 0;  // of what the cap is a hundred percent: see Cap
};

struct Plan {
  std::unique_ptr<Scenario> scenario;
  Model model;
  std::vector<double> values;  // of the model's program
  Outcome best;
  std::vector<ShadowPrice> binding;  // by quarter
  std::optional<Conflict> conflict;  // where there is no plan

  // Each absent where it was not computed: interrupted, or nothing to leave out.
  // Nothing new is signed in the first quarter: what was to be signed then is signed in the second
  // one, or is not to be had any more.
  std::optional<Outcome> waiting, missed;
  std::optional<Outcome> without_own;    // none that may still be decided
  std::vector<Outcome> without_one_own;  // where there are several: each of them alone left out
  std::vector<Outcome> single_vendor;
};

// Errors: those of `solve`, S0203 (the solver finds no end), S0207 (the books do not add up to the
// objective).
Result<Plan> plan(Scenario scenario, const PlanOptions& options);

}  // namespace churon::plan
