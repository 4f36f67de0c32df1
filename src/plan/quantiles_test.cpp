#include "plan/quantiles.h"

#include <gtest/gtest.h>

#include <cmath>

namespace churon::plan {
namespace {

// 100 chips bought at a discount for the first of two quarters, which serve all there is; nothing
// else is paid.
Plan bought_at_a_discount() {
  Plan plan;
  plan.scenario = std::make_unique<Scenario>();
  Scenario& s = *plan.scenario;
  s.quarters = 2;
  s.capital.assign(2, kInfinity);
  s.sites = {{"site", {1e9, 1e9}, {}}};
  s.classes.resize(1);
  s.classes[0].utilisation.value = 1;
  s.futures = {{.name = "base", .probability = 1, .demand = {{1e5, 1e5}}}};
  Option one;
  one.price.value = 10000;
  one.tokens = {{.value = 1000}};
  one.max.assign(2, kInfinity);
  one.committed.assign(2, 0);
  one.installed_until = -1;
  one.discount = {.key = "discount", .value = 0.25, .unit = "1", .factor = "discount"};
  s.options.push_back(one);
  Decisions made;
  made.options = {{.ordered = {100, 0},
                   .taken = {{100}, {0}},
                   .discounted = {100, 0},
                   .rent = {0, 0},
                   .serve = {{100, 100}}}};
  plan.best.has_plan = true;
  plan.best.decisions = {made};
  plan.best.books = {book(s, plan.best.policy, made, s.futures[0])};
  return plan;
}

double usd_per_mtok(double discount) {
  return 100 * 10000 * (1 - discount) / (2 * kSecondsPerQuarter * 1e5) * 1e6;
}

TEST(Quantiles, are_one_number_where_nothing_is_uncertain) {
  const PlanQuantiles found = cost_per_mtok(bought_at_a_discount(), 1, 100, 2);
  EXPECT_DOUBLE_EQ(found.p10, usd_per_mtok(0.25));
  EXPECT_DOUBLE_EQ(found.p90, usd_per_mtok(0.25));
  EXPECT_TRUE(found.shares.empty());
}

TEST(Quantiles, have_the_range_of_a_discount) {
  const Plan plan = bought_at_a_discount();
  plan.scenario->options[0].discount.range = {0.15, 0.25, 0.35};
  const PlanQuantiles found = cost_per_mtok(plan, 1, 4000, 1);
  constexpr double kP90 = 1.2816 / 1.6449;  // of the way to P95
  EXPECT_NEAR(found.p10, usd_per_mtok(0.25 + kP90 * 0.10), 0.01 * found.p10);
  EXPECT_NEAR(found.p50, usd_per_mtok(0.25), 0.01 * found.p50);
  EXPECT_NEAR(found.p90, usd_per_mtok(0.25 - kP90 * 0.10), 0.01 * found.p90);
  EXPECT_EQ(cost_per_mtok(plan, 1, 4000, 2).p90, found.p90);
}

TEST(Quantiles, have_the_range_of_what_a_fleet_is_worth_at_the_end) {
  const Plan plan = bought_at_a_discount();
  Option& one = plan.scenario->options[0];
  one.discount.value = 0;
  one.residual = {.key = "residual", .value = 0.3, .range = {0.2, 0.3, 0.4}, .unit = "1"};
  const PlanQuantiles found = cost_per_mtok(plan, 1, 4000, 1);
  const auto with = [](double residual) { return usd_per_mtok(std::pow(residual, 2 / 12.0)); };
  constexpr double kP90 = 1.2816 / 1.6449;
  EXPECT_NEAR(found.p10, with(0.3 + kP90 * 0.1), 0.01 * found.p10);
  EXPECT_NEAR(found.p90, with(0.3 - kP90 * 0.1), 0.01 * found.p90);
}

TEST(Quantiles, say_in_how_many_draws_a_plan_is_the_cheaper_one) {
  Plan plan = bought_at_a_discount();
  Option& one = plan.scenario->options[0];
  one.discount.range = {0.15, 0.25, 0.35};
  // Half the chips at no discount cost as much as all at 50 %; three quarters as much as at 25 %.
  const auto with = [&](double chips) {
    Outcome other = plan.best;
    other.decisions[0].options[0].ordered[0] = chips;
    other.decisions[0].options[0].taken[0][0] = chips;
    other.decisions[0].options[0].discounted[0] = 0;
    return share_cheaper(plan, other, 1, 2000, 2);
  };
  EXPECT_EQ(with(50), 0);
  EXPECT_NEAR(with(75), 0.5, 0.03);
  EXPECT_NEAR(with(85), 0.95, 0.03);
  EXPECT_EQ(with(100), 1);
}

}  // namespace
}  // namespace churon::plan
