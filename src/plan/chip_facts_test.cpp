#include "plan/chip_facts.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "cost/draws.h"

namespace churon::plan {
namespace {

double width(const Fact& fact) { return fact.range.high - fact.range.low; }

TEST(ChipFacts, of_an_own_chip_have_a_price_without_the_programme_and_its_uncertainty) {
  ::setenv("CHURON_DATA", CHURON_SOURCE_DIR, 1);
  const auto chip = chip::load("churon-1");
  ASSERT_TRUE(chip);
  const auto data = cost::read_data({});
  ASSERT_TRUE(data);
  const auto facts = chip_facts(*chip, "churon-1", *data);
  ASSERT_TRUE(facts) << to_text(facts.error());
  ASSERT_TRUE(facts->price && facts->running && facts->nre);
  const auto costing = cost::costing(*chip, {});
  ASSERT_TRUE(costing && costing->slot);
  const auto slot =
      cost::draw(*costing->tree, std::vector{*costing->slot}, {.draws = 1000}).front();
  EXPECT_LT(facts->price->value, cost::central_value(*costing->tree, *costing->slot));
  EXPECT_LT(width(*facts->price), slot.p95 - slot.p5);
  EXPECT_GT(facts->price->range.low, 0);
  EXPECT_EQ(facts->price->source, "`churon cost churon-1`: slot - price.programme");
  // Parts of an hour move apart: the sum is less uncertain than the sum of their widths.
  double parts = 0;
  for (const char* part : {"hourly.space", "hourly.electricity", "hourly.upkeep"}) {
    const auto of =
        cost::draw(*costing->tree, std::vector{*costing->tree->find(part)}, {.draws = 1000});
    parts += of.front().p95 - of.front().p5;
  }
  EXPECT_LT(width(*facts->running), parts);
}

}  // namespace
}  // namespace churon::plan
