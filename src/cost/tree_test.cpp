#include "cost/tree.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace churon::cost {
namespace {

using testing::ElementsAre;

Input plain(std::string key, double low, double central, double high, std::string factor = {}) {
  return {.key = std::move(key),
          .unit = "USD",
          .range = {low, central, high},
          .text = {},
          .basis = "sourced",
          .as_of = "2026",
          .source = "somebody",
          .note = {},
          .place = "t.csv:2",
          .factor = std::move(factor)};
}

const Function kHalf{"half", "x / 2", "x", [](const double* a) { return a[0] / 2; }};

TEST(Tree, the_printed_formula_is_made_of_what_is_computed) {
  Tree tree;
  const Expr a = tree.input(plain("a", 1, 2, 3)), b = tree.input(plain("b", 4, 5, 6));
  const Expr sum = tree.name("sum", "both", "USD", a + b);
  const Expr all = tree.name("all", "", "USD", (sum - (a - b)) / (2 * a) * power(1 - b, a));
  EXPECT_EQ(tree.formula(sum.id), "a + b");
  EXPECT_EQ(tree.formula(all.id), "(sum - (a - b)) / (2 * a) * (1 - b) ^ a");
  EXPECT_EQ(central_value(tree, all.id), (7.0 - (2.0 - 5.0)) / (2 * 2.0) * 16);
  EXPECT_THAT(tree.shown_arguments(all.id), ElementsAre(sum.id, a.id, b.id));
}

TEST(Tree, functions_and_second_names_are_written_by_their_names) {
  Tree tree;
  const Expr a = tree.input(plain("a", 1, 2, 3));
  const Expr half = tree.name("h", "", "USD", tree.call(kHalf, {a + 1}));
  const Expr again = tree.name("again", "", "USD", half);
  EXPECT_EQ(tree.formula(half.id), "half(a + 1)");
  EXPECT_EQ(tree.formula(again.id), "h");
  EXPECT_EQ(central_value(tree, again.id), 1.5);
  EXPECT_EQ(tree.formula(smaller(a, larger(half, again)).id), "min(a, max(h, again))");
}

TEST(Tree, the_same_row_is_the_same_input) {
  Tree tree;
  const Expr a = tree.input(plain("a", 1, 2, 3)), again = tree.input(plain("a", 1, 2, 3));
  EXPECT_EQ(a.id, again.id);
  EXPECT_EQ(tree.inputs().size(), 1U);
}

TEST(Tree, inputs_of_one_factor_move_together) {
  Tree tree;
  const Expr a = tree.input(plain("a", 1, 2, 3, "hbm")),
             b = tree.input(plain("b", 10, 20, 40, "hbm"));
  const Expr sum = a + b;
  ASSERT_EQ(tree.factors().size(), 1U);
  Evaluator evaluator(tree, {&sum.id, 1}, 2);
  const double z[]{-1.645, 1.645};
  evaluator.run(z);
  EXPECT_NEAR(evaluator.lanes(sum.id)[0], 11, 1e-9);
  EXPECT_NEAR(evaluator.lanes(sum.id)[1], 43, 1e-9);
}

TEST(Tree, only_what_a_target_needs_is_evaluated) {
  Tree tree;
  const Expr a = tree.input(plain("a", 1, 2, 3)), b = tree.input(plain("b", 4, 5, 6));
  const Expr target = a * 2.0;
  static_cast<void>(b / 0.0);
  Evaluator evaluator(tree, {&target.id, 1}, 1);
  EXPECT_THAT(evaluator.factors(), ElementsAre(true, false));
}

}  // namespace
}  // namespace churon::cost
