// What several forms of a plan's report have in common.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "plan/planner.h"
#include "report/plan_report.h"

namespace churon::report {

using plan::index;

// "12.3 billion USD", "450 million USD", "1,250 USD".
std::string usd(double value);
// "1.2 GW", "450 MW".
std::string watts(double value);

// The mean over the futures of a number of each.
template <typename Of>
double mean(const plan::Plan& plan, const Of& of) {
  double sum = 0;
  for (std::size_t f = 0; f < plan.best.books.size(); ++f) {
    sum += plan.scenario->futures[f].probability * of(plan.best.books[f], f);
  }
  return sum;
}

// An order, an allocation or a programme that is signed, in a future or in all of them.
enum class SignatureKind { order, reservation, programme };
std::string_view name(SignatureKind kind);
struct Signature {
  SignatureKind kind = SignatureKind::order;
  std::string what;   // "gb300", "hbm3e of samsung", "programme of churon-1"
  std::string unit;   // "chips"
  int delivery = 0;   // quarter; of a programme that of its first chips, without a slip
  int signing = 0;    // quarter, at whose beginning at the latest
  double amount = 0;  // mean over the futures
  std::vector<double> by_future;
  double low = 0, high = 0;  // over the futures
  double usd = 0;            // at list price, mean

  // What else is signed, future by future.
  void add(const Signature& other);
};
// New ones, by the quarter of signing, then of delivery.
std::vector<Signature> signatures(const plan::Plan& plan);

std::string quarter_text(const plan::Plan& plan, int quarter);

// The decision on an own chip whose gate is open: its option, the quarter of its gate by future
// (-1: none).
struct OwnDecision {
  int option = 0;
  std::vector<int> gate;
  [[nodiscard]] bool is_taken() const { return first().has_value(); }
  // The earliest quarter in which it is decided; none where no future does.
  [[nodiscard]] std::optional<int> first() const;
};
// In the order of the options.
std::vector<OwnDecision> own_decisions(const plan::Plan& plan);
// The best plan without it; nullptr where none was looked for or the search for it ended early.
const plan::Outcome* without(const plan::Plan& plan, const OwnDecision& own);

// Whether the plan is within the gap that was asked for; otherwise it is the best so far.
bool has_reached_gap(const plan::Plan& plan);
// How far what a plan says about an own chip can be relied on.
enum class Standing {
  settled,
  hidden_by_gap,     // a close call: the gaps could hide that the other answer is the better one
  hidden_by_prices,  // a close call: the other one is the better one in too many draws of prices
  not_looked_at,     // whether it is close: there is nothing to hold it against
  not_settled,       // the search ended before the gap was reached
};
std::string_view name(Standing standing);
Standing standing(const PlanRecord& record, const OwnDecision& own);

// How much of the difference between an outcome and the plan their gaps could explain.
double hidden_by_gaps(const plan::Plan& plan, const plan::Outcome& outcome);
// What an outcome costs more than the plan; never below zero: a difference within the gap is none.
double regret(const plan::Plan& plan, const plan::Outcome& outcome);
// "647 million USD"; "less than 122 million USD" where the gap hides it.
std::string regret_text(const plan::Plan& plan, const plan::Outcome& outcome);

// A cap in a quarter where there is no plan: that conflicts, or by how much it would have to give
// way, in its unit. What several futures ask of it is told once, the most of it.
struct CapInQuarter {
  const plan::Cap* cap = nullptr;
  double more = 0;
  double share = 0;  // of its size; 0 where that follows from a plan
};
// In the order of the caps, then of the quarters.
std::vector<CapInQuarter> conflicting(const plan::Plan& plan);
std::vector<CapInQuarter> smallest_relaxation(const plan::Plan& plan);

// A cap over all quarters in which it binds.
struct BindingCap {
  std::string key, text;
  int first_quarter = 0;
  double usd_per_percent = 0;  // of today: what one percent more of it in all of them saves
};
// Dearest first: a percent of one is worth as much as a percent of another in whatever unit.
std::vector<BindingCap> binding_caps(const plan::Plan& plan);

// Demand that is not served, as a share of all demand over the plan and the futures.
double unmet_share(const plan::Plan& plan);
double unmet_share(const plan::Book& book);

}  // namespace churon::report
