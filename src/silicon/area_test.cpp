#include "silicon/area.h"

#include <gtest/gtest.h>

#include <cmath>

namespace churon::silicon {
namespace {

chip::Chip loaded(std::string_view name, const std::vector<std::string>& overrides = {}) {
  auto chip = chip::load(name, overrides);
  EXPECT_TRUE(chip) << (chip ? "" : to_text(chip.error()));
  return *chip;
}
AreaBudget budget(std::string_view name, std::string_view node = {},
                  const std::vector<std::string>& overrides = {}) {
  auto area = silicon::area(loaded(name, overrides), node);
  EXPECT_TRUE(area) << (area ? "" : to_text(area.error()));
  return *area;
}
double mm2(double square_metres) { return square_metres * 1e6; }

const BlockArea& block(const AreaBudget& area, std::string_view id) {
  for (const BlockArea& one : area.blocks) {
    if (one.id == id) {
      return one;
    }
  }
  ADD_FAILURE() << id;
  return area.blocks.front();
}

TEST(Area, of_churon_1_is_that_of_the_paper_study) {
  const AreaBudget area = budget("churon-1");
  struct Row {
    const char* id;
    double mm2;
  };
  for (const Row& row : {Row{"matrix", 84}, Row{"scratch", 71}, Row{"vector", 49}, Row{"dma", 22},
                         Row{"sequencer", 13}, Row{"noc", 45}, Row{"memory.hbm", 104},
                         Row{"d2d", 18}, Row{"misc", 24}, Row{"link.pcie0", 9}}) {
    EXPECT_NEAR(mm2(block(area, row.id).net.central), row.mm2, 0.06 * row.mm2) << row.id;
  }
  EXPECT_NEAR(mm2(block(area, "link.scaleup").net.central + block(area, "collectives").net.central),
              49, 0.5);
  EXPECT_NEAR(mm2(area.spares.central), 18, 0.6);
  EXPECT_NEAR(mm2(area.net.central), 506, 0.02 * 506);
  EXPECT_NEAR(mm2(area.gross.central), 728, 0.02 * 728);
}

TEST(Area, is_what_check_computes) {
  for (const auto* name : {"churon-0", "churon-1", "churon-1h4"}) {
    EXPECT_NEAR(budget(name).gross.central / chip::area_of_blocks(loaded(name)).value(), 1, 1e-12);
  }
}

TEST(Area, has_bands_around_its_central_value) {
  for (const auto* name : {"churon-0", "churon-1"}) {
    const AreaBudget area = budget(name);
    EXPECT_LT(area.gross.low, area.gross.central);
    EXPECT_LT(area.gross.central, area.gross.high);
    double below = 0;
    for (const AreaCause& cause : area.causes) {
      EXPECT_LE(cause.below, 0) << cause.name;
      EXPECT_GE(cause.above, 0) << cause.name;
      below += cause.below * cause.below;
    }
    EXPECT_NEAR(area.gross.central - area.gross.low, std::sqrt(below), 1e-12);
  }
}

TEST(Area, at_its_own_node_stays_as_it_is) {
  EXPECT_EQ(budget("churon-1", "n3e").gross, budget("churon-1").gross);
}

TEST(Area, at_n5_only_logic_grows) {
  const AreaBudget here = budget("churon-1");
  const AreaBudget there = budget("churon-1", "n5");
  for (std::size_t i = 0; i < here.blocks.size(); ++i) {
    const double factor = there.blocks[i].net.central / here.blocks[i].net.central;
    EXPECT_NEAR(factor, here.blocks[i].scaling == chip::Scaling::logic ? 215.0 / 137.6 : 1, 1e-9)
        << here.blocks[i].id;
  }
  // The paper study has 474 mm2 for each of its two dies, with SRAM and PHYs as they are.
  EXPECT_NEAR(mm2(there.gross.central) / 2, 474, 0.05 * 474);
}

TEST(Area, grows_with_every_older_node) {
  double before = 0;
  for (const auto* node : {"n2", "n3e", "n5", "n7", "n16"}) {
    const double now = budget("churon-1", node).gross.central;
    EXPECT_GT(now, before) << node;
    before = now;
  }
}

TEST(Area, counts_spares_with_the_cores) {
  const AreaBudget none = budget("churon-1", {}, {"die.compute.spare_cores=0"});
  const AreaBudget four = budget("churon-1", {}, {"die.compute.spare_cores=4"});
  EXPECT_EQ(none.spares.central, 0);
  EXPECT_NEAR(four.spares.central, 8 * none.core(), 1e-12);
}

TEST(Area, of_a_bought_chip_is_an_error) {
  const auto area = silicon::area(loaded("h200"));
  ASSERT_FALSE(area);
  EXPECT_EQ(area.error().front().code, "A0201");
}

}  // namespace
}  // namespace churon::silicon
