#include "cost/draws.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

namespace churon::cost {
namespace {

Expr input(Tree& tree, std::string key, double low, double central, double high,
           std::string basis = "sourced", std::string factor = {}) {
  return tree.input({.key = std::move(key),
                     .unit = "USD",
                     .range = {low, central, high},
                     .text = {},
                     .basis = std::move(basis),
                     .as_of = "2026",
                     .source = "somebody",
                     .note = {},
                     .place = {},
                     .factor = std::move(factor)});
}

TEST(Draws, quantiles_of_a_sum_of_normals_are_those_of_a_normal) {
  Tree tree;
  const Expr sum = input(tree, "a", 70, 100, 130) + input(tree, "b", 160, 200, 240);
  const auto q = draw(tree, {&sum.id, 1}, {.seed = 3, .draws = 400'000, .threads = 2});
  EXPECT_NEAR(q[0].p50, 300, 0.3);
  EXPECT_NEAR(q[0].p95, 350, 0.5);
  EXPECT_NEAR(q[0].p5, 250, 0.5);
  EXPECT_NEAR(q[0].deviation, 50 / 1.645, 0.2);
}

TEST(Draws, have_the_same_bits_with_any_number_of_threads) {
  Tree tree;
  const Expr a = input(tree, "a", 1, 4, 9), b = input(tree, "b", 2, 3, 4);
  const std::array targets{(a * b).id, (a / b).id, a.id};
  const auto one = draw(tree, targets, {.seed = 9, .draws = 10'007, .threads = 1});
  for (const int threads : {2, 3, 7}) {
    const auto many = draw(tree, targets, {.seed = 9, .draws = 10'007, .threads = threads});
    for (std::size_t t = 0; t < targets.size(); ++t) {
      EXPECT_EQ(one[t].mean, many[t].mean);
      EXPECT_EQ(one[t].p5, many[t].p5);
      EXPECT_EQ(one[t].p50, many[t].p50);
      EXPECT_EQ(one[t].p95, many[t].p95);
    }
  }
}

TEST(Draws, have_the_same_bits_however_many_targets_are_held_at_once) {
  Tree tree;
  const Expr a = input(tree, "a", 1, 4, 9), b = input(tree, "b", 2, 3, 4);
  std::vector<NodeId> targets;
  for (int i = 0; i < 131; ++i) {
    targets.push_back((a * b + i).id);
  }
  const auto whole = draw(tree, targets, {.seed = 9, .draws = 307, .threads = 2});
  for (const std::size_t values : {std::size_t{1}, std::size_t{307 * 65}}) {
    const auto sliced =
        draw(tree, targets, {.seed = 9, .draws = 307, .threads = 2, .values_max = values});
    ASSERT_EQ(sliced.size(), targets.size());
    for (std::size_t t = 0; t < targets.size(); ++t) {
      EXPECT_EQ(whole[t].mean, sliced[t].mean);
      EXPECT_EQ(whole[t].deviation, sliced[t].deviation);
      EXPECT_EQ(whole[t].p10, sliced[t].p10);
      EXPECT_EQ(whole[t].p90, sliced[t].p90);
    }
  }
}

TEST(Draws, a_factor_has_its_numbers_whatever_else_there_is) {
  std::array<double, 100> all, part;
  factor_numbers(5, "hbm", 1000, all);
  factor_numbers(5, "hbm", 1037, {part.data(), 63});
  for (std::size_t i = 0; i < 63; ++i) {
    EXPECT_EQ(part[i], all[37 + i]);
  }
  std::array<double, 100> other;
  factor_numbers(5, "wafer", 1000, other);
  EXPECT_NE(all[0], other[0]);
  factor_numbers(6, "hbm", 1000, other);
  EXPECT_NE(all[0], other[0]);
}

TEST(Draws, quantiles_of_few_draws_lie_between_the_order_statistics) {
  Tree tree;
  const Expr a = input(tree, "a", 50, 100, 150);
  const auto q = draw(tree, {&a.id, 1}, {.seed = 1, .draws = 101, .threads = 1});
  std::array<double, 101> z;
  factor_numbers(1, "a", 0, z);
  std::sort(z.begin(), z.end());
  const Spread spread({50, 100, 150}, false);
  EXPECT_NEAR(q[0].p50, spread.at(z[50]), 1e-4);
  EXPECT_NEAR(q[0].p10, spread.at(z[10]), 1e-4);
  EXPECT_NEAR(q[0].p95, spread.at(z[95]), 1e-4);
}

// Most values fall into one bin of the count: of a few that are far larger.
TEST(Draws, quantiles_of_a_long_tail_are_its_order_statistics) {
  Tree tree;
  const Expr tail = input(tree, "tail", 1e-6, 1, 1e6);
  constexpr std::int64_t kDraws = 4001;
  const auto q = draw(tree, {&tail.id, 1}, {.seed = 3, .draws = kDraws, .threads = 1})[0];
  std::vector<double> values(kDraws);
  for (std::size_t first = 0; first < values.size(); first += 200) {
    const std::size_t size = std::min<std::size_t>(200, values.size() - first);
    factor_numbers(3, tree.factors()[0], first, {values.data() + first, size});
  }
  for (double& value : values) {
    value = tree.value_at(0, value);
  }
  std::sort(values.begin(), values.end());
  for (const auto& [found, share] :
       {std::pair{q.p5, 0.05}, {q.p10, 0.1}, {q.p50, 0.5}, {q.p90, 0.9}, {q.p95, 0.95}}) {
    EXPECT_NEAR(found / values[static_cast<std::size_t>(share * (kDraws - 1))], 1, 1e-6) << share;
  }
}

TEST(Draws, effects_without_end_share_all_of_the_variance) {
  Tree tree;
  const Expr plain = input(tree, "plain", 5, 6, 7);
  const Expr none = input(tree, "none", 0.9, 1, 1.1);
  const Expr broken = plain / (none - none) + plain;
  const auto found = effects(tree, broken.id);
  ASSERT_EQ(found.size(), 2U);
  double shares = 0;
  for (const Effect& effect : found) {
    EXPECT_TRUE(std::isinf(effect.low));
    shares += effect.variance_share;
  }
  EXPECT_DOUBLE_EQ(shares, 1);
}

TEST(Draws, what_cannot_be_computed_counts_as_more_than_anything) {
  Tree tree;
  const Expr a = input(tree, "a", 0.5, 0.9, 0.99);
  const Expr broken = (a - a) / (a - a);
  const auto q = draw(tree, {&broken.id, 1}, {.seed = 1, .draws = 300, .threads = 1});
  EXPECT_TRUE(std::isinf(q[0].p50));
}

TEST(Draws, effects_are_sorted_by_swing_and_their_shares_add_up_to_one) {
  Tree tree;
  const Expr sum = input(tree, "small", 9, 10, 11) + input(tree, "large", 70, 100, 130, "memory") +
                   input(tree, "constant", 5, 5, 5);
  const auto found = effects(tree, sum.id);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].factor, "large");
  EXPECT_NEAR(found[0].low, 85, 1e-9);
  EXPECT_NEAR(found[0].high, 145, 1e-9);
  EXPECT_TRUE(found[0].is_guess);
  EXPECT_FALSE(found[1].is_guess);
  EXPECT_NEAR(found[0].variance_share, 900.0 / 901, 1e-6);
  EXPECT_NEAR(found[0].variance, 900 / (1.645 * 1.645), 14);
}

}  // namespace
}  // namespace churon::cost
