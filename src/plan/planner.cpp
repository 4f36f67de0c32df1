#include "plan/planner.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "base/parallel.h"
#include "plan/caps_check.h"

namespace churon::plan {

namespace {

// How far the books may be from the objective, relative: that of the checker and of rounding.
constexpr double kBooksTolerance = 1e-5;

struct Solved {
  Outcome outcome;
  Model model;
  std::vector<double> values, duals;
  std::optional<Conflict> conflict;
};

Result<std::optional<Conflict>> conflict_of(const Model& model, const SolveOptions& options) {
  std::vector<Elastic> elastic;
  for (const Cap& cap : model.caps) {
    const double limit = std::fabs(model.program.at(cap.row).upper);
    elastic.push_back({cap.row, 1 / std::max(1.0, limit > 0 ? limit : cap.size_most)});
  }
  return conflict(model.program, elastic, options);
}

Result<void> keep_books(const Scenario& s, const FutureTree& tree, Solved& solved) {
  Outcome& outcome = solved.outcome;
  outcome.decisions = decisions(s, tree, solved.model, solved.values);
  for (std::size_t f = 0; f < s.futures.size(); ++f) {
    outcome.books.push_back(book(s, outcome.policy, outcome.decisions[f], s.futures[f]));
    const auto broken =
        broken_caps(s, outcome.policy, outcome.decisions[f], outcome.books.back(), s.futures[f]);
    if (!broken.empty()) {
      return fail("S0207", fmt::format("the plan breaks a cap in future {}: {}", s.futures[f].name,
                                       broken.front()));
    }
  }
  // Where a whole decision within the gap is a wasteful one (a step of price paid for and not
  // needed), the books are cheaper than the program; below its bound they cannot be.
  const double counted = objective(s, outcome.books);
  double turnover = 1;
  for (const Book& one : outcome.books) {
    for (const auto& [fact, usd] : one.by_fact) {
      turnover = std::max(turnover, std::fabs(usd));
    }
  }
  const double slack = kBooksTolerance * std::max(std::fabs(outcome.objective), turnover);
  const bool adds_up = counted <= outcome.objective + slack && counted >= outcome.bound - slack;
  if (!adds_up) {
    return fail(
        "S0207",
        fmt::format("the plan's books come to {:.10g} USD, its objective to {:.10g}, and no "
                    "plan costs less than {:.10g}",
                    counted, outcome.objective, outcome.bound));
  }
  outcome.objective = std::min(outcome.objective, counted);
  outcome.bound = std::min(outcome.bound, outcome.objective);
  outcome.gap = (outcome.objective - outcome.bound) / std::max(std::fabs(outcome.objective), 1e-9);
  return {};
}

std::function<void(double, double)> in_usd(std::function<void(double, double)> told, double money) {
  return !told ? told : [told = std::move(told), money](double objective, double bound) {
    told(objective * money, bound * money);
  };
}

Result<Solved> solved(const Scenario& s, const FutureTree& tree, const Policy& policy,
                      const PlanOptions& options) {
  Solved made{.outcome = {.policy = policy},
              .model = model(s, tree, policy),
              .values = {},
              .duals = {},
              .conflict = {}};
  // Most of a plan is continuous.
  const SolveOptions how{.gap = options.gap,
                         .time_limit_s = options.time_limit_s,
                         .interrupted = options.interrupted,
                         .improved = in_usd(options.improved, made.model.money),
                         .with_sub_programs = false};
  const Program& program = made.model.program;
  const auto found = solve(program, how, options.solver);
  if (!found) {
    return fail(found);
  }
  Outcome& outcome = made.outcome;
  outcome.status = found->status;
  if (found->status == Status::unbounded) {
    return fail("S0203", "the solver finds no end of what a plan saves, and every plan has one",
                {"numbers of very different sizes are a frequent reason; another solver may do "
                 "better: --solver"});
  }
  if (!found->has_values()) {
    if (found->status == Status::infeasible) {
      auto why = conflict_of(made.model, how);
      if (!why) {
        return fail(why);
      }
      if (*why && (*why)->smallest.empty()) {
        return contradiction();
      }
      made.conflict = std::move(*why);
    }
    return made;
  }
  made.values = found->values;
  made.duals = found->duals;
  outcome.objective = found->objective;
  if (made.duals.empty()) {
    // With the whole numbers fixed the rest is a linear program: exact, and with prices.
    const auto fixed = solve(with_integers_fixed(program, found->values),
                             {.time_limit_s = options.time_limit_s}, SolverKind::highs);
    if (fixed && fixed->status == Status::optimal) {
      made.values = fixed->values;
      made.duals = fixed->duals;
      outcome.objective = fixed->objective;
    }
  }
  const double bound = std::min(found->bound, outcome.objective);
  outcome.objective *= made.model.money;
  outcome.bound = bound * made.model.money;
  outcome.has_plan = true;
  if (const auto kept = keep_books(s, tree, made); !kept) {
    return fail(kept);
  }
  return made;
}

std::vector<ShadowPrice> shadow_prices(const Solved& solved) {
  std::vector<ShadowPrice> prices;
  std::map<std::pair<std::string_view, int>, std::size_t> known;  // by key and quarter
  for (const Cap& cap : solved.model.caps) {
    const auto row = static_cast<std::size_t>(cap.row.index);
    if (row >= solved.duals.size()) {
      continue;
    }
    const double usd = -solved.duals[row] * solved.model.money / cap.scale;
    const auto [same, is_new] = known.try_emplace({cap.key, cap.quarter}, prices.size());
    if (is_new) {
      prices.push_back({cap.key, cap.text, cap.unit, cap.quarter});
    }
    prices[same->second].usd_per_unit += usd;
    prices[same->second].usd_per_percent += usd * size(cap, solved.values) / 100;
  }
  std::erase_if(prices, [&](const ShadowPrice& one) {
    return !(one.usd_per_unit > 1e-9 * solved.model.money / solved.model.chips);
  });
  return prices;
}

// Without all own chips that may still be decided; where there are several, without each alone too.
void add_without_own(const Scenario& s, std::vector<Policy>& policies) {
  std::vector<int> own;
  for (int o = 0; o < s.option_count(); ++o) {
    if (has_open_gate(s.options[index(o)])) {
      own.push_back(o);
    }
  }
  const auto add = [&](std::string key, std::string text, const std::vector<int>& left_out,
                       int without) {
    std::vector<bool> may_order(s.options.size(), true);
    for (const int o : left_out) {
      may_order[index(o)] = false;
    }
    policies.push_back({.key = std::move(key),
                        .text = std::move(text),
                        .without = without,
                        .may_order = std::move(may_order)});
  };
  if (!own.empty()) {
    add("without_own", "no own chip", own, -1);
  }
  for (std::size_t i = 0; own.size() > 1 && i < own.size(); ++i) {
    const std::string& name = s.options[index(own[i])].name;
    add("without." + name, "no " + name, {own[i]}, own[i]);
  }
}

std::vector<Policy> other_policies(const Scenario& s) {
  std::vector<Policy> policies{
      {.key = "wait",
       .text = "nothing new signed for a quarter",
       .may_order = {},
       .first_signing = 1},
      {.key = "miss",
       .text = "nothing new signed for a quarter, its booking windows missed",
       .may_order = {},
       .first_signing = 1,
       .is_late_lost = true}};
  add_without_own(s, policies);
  std::vector<std::string> vendors;
  for (const Option& one : s.options) {
    if (one.kind != Kind::rent &&
        std::find(vendors.begin(), vendors.end(), one.vendor) == vendors.end()) {
      vendors.push_back(one.vendor);
    }
  }
  if (vendors.size() == 1 && s.vendor_share >= 1) {
    vendors.clear();  // from that vendor alone is the same program
  }
  for (const std::string& vendor : vendors) {
    std::vector<bool> from(s.options.size());
    for (std::size_t o = 0; o < s.options.size(); ++o) {
      from[o] = s.options[o].vendor == vendor;
    }
    policies.push_back({.key = "only." + vendor,
                        .text = "new orders from " + vendor + " alone",
                        .vendor = vendor,
                        .may_order = std::move(from),
                        .has_vendor_share = false});
  }
  return policies;
}

// Programs side by side: each is solved by one thread, whichever is free; none is begun after an
// interruption. Of the first alone it is told how it goes.
std::vector<Result<Solved>> solved_side_by_side(const Scenario& s, const FutureTree& tree,
                                                const std::vector<Policy>& policies,
                                                const PlanOptions& options) {
  std::vector<Result<Solved>> results;
  for (const Policy& policy : policies) {
    results.emplace_back(Solved{.outcome = {.policy = policy, .status = Status::interrupted},
                                .model = {},
                                .values = {},
                                .duals = {},
                                .conflict = {}});
  }
  PlanOptions without_progress = options;
  without_progress.improved = {};
  in_parallel(policies.size(), options.threads, [&](std::size_t i) {
    if (!options.interrupted || !options.interrupted()) {
      results[i] = solved(s, tree, policies[i], i == 0 ? options : without_progress);
    }
  });
  return results;
}

}  // namespace

Result<Plan> plan(Scenario scenario, const PlanOptions& options) {
  Plan made;
  made.scenario = std::make_unique<Scenario>(std::move(scenario));
  const Scenario& s = *made.scenario;
  const FutureTree tree(s);
  const Policy all{.key = "plan", .text = "everything is open", .may_order = {}};
  std::vector<Policy> policies{all};
  if (options.with_policies) {
    for (Policy& one : other_policies(s)) {
      policies.push_back(std::move(one));
    }
  }
  auto results = solved_side_by_side(s, tree, policies, options);
  if (!results.front()) {
    return fail(results.front());
  }
  Solved& best = *results.front();
  made.binding = shadow_prices(best);
  made.best = std::move(best.outcome);
  made.model = std::move(best.model);
  made.values = std::move(best.values);
  made.conflict = std::move(best.conflict);
  for (std::size_t i = 1; i < results.size(); ++i) {
    if (!results[i]) {
      return fail(results[i]);
    }
    Outcome& outcome = results[i]->outcome;
    if (outcome.status == Status::interrupted || outcome.status == Status::time_limit) {
      continue;  // its best so far would understate what the plan is worth
    }
    if (outcome.policy.key == "wait") {
      made.waiting = std::move(outcome);
    } else if (outcome.policy.key == "miss") {
      made.missed = std::move(outcome);
    } else if (outcome.policy.key == "without_own") {
      made.without_own = std::move(outcome);
    } else if (outcome.policy.without >= 0) {
      made.without_one_own.push_back(std::move(outcome));
    } else {
      made.single_vendor.push_back(std::move(outcome));
    }
  }
  std::stable_sort(
      made.binding.begin(), made.binding.end(),
      [](const ShadowPrice& a, const ShadowPrice& b) { return a.quarter < b.quarter; });
  return made;
}

}  // namespace churon::plan
