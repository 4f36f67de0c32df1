#include "cost/flips.h"

#include <gtest/gtest.h>

namespace churon::cost {
namespace {

Input uncertain(std::string key, Range range) {
  return {.key = std::move(key),
          .unit = "USD",
          .range = range,
          .text = {},
          .basis = {},
          .as_of = {},
          .source = {},
          .note = {},
          .place = {},
          .factor = {}};
}

// a + 2 b = 10 at their centres; a alone reaches 12 at 6, b alone at 4, c does not matter.
TEST(Flips, are_where_the_target_crosses_the_level_nearest_first) {
  Tree tree;
  const Expr a = tree.input(uncertain("a", {2, 4, 8}));
  const Expr b = tree.input(uncertain("b", {2.9, 3, 3.5}));
  tree.input(uncertain("c", {1, 2, 3}));
  const Expr target = tree.name("t", "", "USD", a + 2 * b);
  const auto found = flips(tree, target.id, 12);
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].factor, "a");
  const Spread of_a({2, 4, 8}, false), of_b({2.9, 3, 3.5}, false);
  EXPECT_NEAR(of_a.at(found[0].z), 6, 1e-5);
  EXPECT_NEAR(of_b.at(found[1].z), 4, 1e-5);
  EXPECT_NEAR(found[0].probability, normal_probability(-found[0].z), 1e-12);
  EXPECT_EQ(tree.inputs()[found[1].inputs.front()].key, "b");
}

TEST(Flips, are_on_either_side_and_absent_where_nothing_reaches_the_level) {
  Tree tree;
  const Expr a = tree.input(uncertain("a", {2, 4, 8}));
  const Expr target = tree.name("t", "", "USD", 1 / a);
  const auto below = flips(tree, target.id, 1 / 2.5);
  ASSERT_EQ(below.size(), 1U);
  EXPECT_LT(below[0].z, 0);
  EXPECT_TRUE(flips(tree, target.id, 100).empty());
}

}  // namespace
}  // namespace churon::cost
