#include "cost/actuary.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>

#include "base/file.h"
#include "temporary_folder.h"

namespace churon::cost {
namespace {

const std::string kData = CHURON_SOURCE_DIR "/data/cost";

// 800 mm2 in 7 nm as one die, worked out by hand from the formulas of data/cost/README.md:
// A' = 800 + 0.4 sqrt(800) + 0.04 = 811.3537; gross = pi 145^2 / A' - pi 290 / sqrt(2 A')
// = 58.7973; y = (1 + 8 * 0.09 / 10)^-10 = 0.498941.
TEST(Actuary, a_single_die_of_800_mm2_is_the_sum_worked_out_by_hand) {
  const auto actuary = load_actuary(kData);
  ASSERT_TRUE(actuary);
  const ActuaryCost cost =
      recurring_cost(*actuary, *actuary->node(7), {800, 1, 0.1, Integration::organic});
  const double street = 800 + 0.4 * std::sqrt(800.0) + 0.04;
  const double gross = M_PI * 145 * 145 / street - M_PI * 290 / std::sqrt(2 * street);
  const double yield = std::pow(1.072, -10);
  EXPECT_NEAR(cost.gross_dies, gross, 1e-9);
  EXPECT_NEAR(cost.die_yield, yield, 1e-12);
  const double raw = 9346 / gross + 4, defect = 9346 / gross * (1 / yield - 1);
  EXPECT_NEAR(cost.raw_chips, raw, 1e-9);
  EXPECT_NEAR(cost.defect_chips, defect, 1e-9);
  EXPECT_NEAR(cost.raw_package, 16, 1e-12);  // 4 * 800 * 0.005, no factor for one die
  EXPECT_NEAR(cost.total(), (raw + defect + 16) / 0.99, 1e-9);
}

// Three chiplets of 600 mm2 in 5 nm on an interposer.
TEST(Actuary, three_chiplets_on_an_interposer_lose_packages_and_chips_as_written) {
  const auto actuary = load_actuary(kData);
  ASSERT_TRUE(actuary);
  const ActuaryCost cost =
      recurring_cost(*actuary, *actuary->node(5), {600, 3, 0.1, Integration::interposer});
  const double die = 220, sum = 660, carrier = 726;
  const auto gross = [](double area) {
    const double street = area + 0.4 * std::sqrt(area) + 0.04;
    return M_PI * 145 * 145 / street - M_PI * 290 / std::sqrt(2 * street);
  };
  const double bonded = std::pow(0.95, 3);
  const double made = 1937 / gross(carrier) + carrier * 0.005, substrate = 4 * carrier * 0.005;
  EXPECT_NEAR(cost.die_area_mm2, die, 1e-9);
  EXPECT_NEAR(cost.raw_chips, 3 * (16988 / gross(die) + die * 0.01), 1e-9);
  EXPECT_NEAR(cost.raw_package, made + substrate, 1e-9);
  const double y = std::pow(1 + 7.26 * 0.06 / 6, -6);
  EXPECT_NEAR(cost.defect_package,
              made * (1 / (y * bonded * 0.99) - 1) + substrate * (1 / 0.99 - 1), 1e-9);
  EXPECT_NEAR(cost.wasted_chips, (cost.raw_chips + cost.defect_chips) * (1 / (bonded * 0.99) - 1),
              1e-9);
  EXPECT_LT(sum, carrier);
}

TEST(Actuary, substrate_steps_with_the_sum_of_die_areas) {
  const auto actuary = load_actuary(kData);
  ASSERT_TRUE(actuary);
  const auto per_area = [&](double module) {
    const ActuaryCost cost =
        recurring_cost(*actuary, *actuary->node(14), {module, 2, 0, Integration::organic});
    return cost.raw_package / module / 0.02;
  };
  EXPECT_NEAR(per_area(280), 1.5, 1e-12);
  EXPECT_NEAR(per_area(300), 1.75, 1e-12);
  EXPECT_NEAR(per_area(901), 2, 1e-12);
}

TEST(Actuary, a_reticle_is_no_limit_but_the_wafer_is) {
  const auto actuary = load_actuary(kData);
  ASSERT_TRUE(actuary);
  EXPECT_GT(recurring_cost(*actuary, *actuary->node(5), {900, 1, 0, Integration::organic}).total(),
            0);
  EXPECT_LE(
      recurring_cost(*actuary, *actuary->node(5), {90000, 1, 0, Integration::organic}).gross_dies,
      0);
}

TEST(Actuary, a_bonding_yield_above_one_is_no_parameter) {
  const test::TemporaryFolder folder;
  std::filesystem::copy(kData, folder.path("cost"), std::filesystem::copy_options::recursive);
  const std::string path = folder.path("cost/chiplet_actuary_process.csv");
  std::string text = read_file(path, 1 << 20).value();
  const std::string_view right = "bond_yield_os,0.99";
  text.replace(text.find(right), right.size(), "bond_yield_os,1.2");
  std::ofstream(path) << text;
  const auto actuary = load_actuary(folder.path("cost"));
  ASSERT_FALSE(actuary);
  EXPECT_EQ(actuary.error().front().code, "K0104");
}

}  // namespace
}  // namespace churon::cost
