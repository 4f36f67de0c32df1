#include "silicon/power.h"

#include <gtest/gtest.h>

namespace churon::silicon {
namespace {

chip::Chip loaded(std::string_view name, const std::vector<std::string>& overrides = {}) {
  auto chip = chip::load(name, overrides);
  EXPECT_TRUE(chip) << (chip ? "" : to_text(chip.error()));
  return *chip;
}

PowerEstimate estimate(const chip::Chip& chip, std::size_t phase, std::size_t point,
                       std::string_view node = {}) {
  return power(chip, *area(chip, node), chip::phases()[phase], operating_points(chip)[point]);
}

TEST(Power, of_churon_1_is_that_of_the_paper_study) {
  const chip::Chip chip = loaded("churon-1");
  const PowerEstimate decode = estimate(chip, 0, 0);
  const PowerEstimate prefill = estimate(chip, 1, 0);
  EXPECT_NEAR(decode.total.central, 740, 0.15 * 740);
  EXPECT_NEAR(prefill.total.central, 803, 0.15 * 803);
  EXPECT_LT(decode.total.low, decode.total.central);
  EXPECT_GT(decode.total.high, decode.total.central);
}

TEST(Power, is_the_sum_of_its_rows) {
  for (const auto* name : {"churon-0", "churon-1", "churon-1h4"}) {
    const chip::Chip chip = loaded(name);
    for (std::size_t point = 0; point < operating_points(chip).size(); ++point) {
      const PowerEstimate one = estimate(chip, 1, point);
      double sum = 0;
      for (const PowerRow& row : one.rows) {
        EXPECT_GE(row.power.low, 0) << row.id;
        sum += row.power.central;
      }
      EXPECT_NEAR(sum, one.total.central, 1e-6 * sum);
    }
  }
}

TEST(Power, falls_with_the_voltage_and_keeps_the_speed_of_decode) {
  const chip::Chip chip = loaded("churon-1");
  const PowerEstimate nominal = estimate(chip, 0, 0);
  const PowerEstimate eco = estimate(chip, 0, 1);
  ASSERT_EQ(eco.state, "eco");
  EXPECT_EQ(eco.speed, 1);
  EXPECT_LT(eco.total.central, nominal.total.central);
  EXPECT_LT(estimate(chip, 1, 1).speed, 1);
  EXPECT_GT(estimate(chip, 1, 2).total.central, estimate(chip, 1, 0).total.central);
}

TEST(Power, above_the_tdp_says_at_which_speed_it_is_kept) {
  const PowerEstimate boost = estimate(loaded("churon-1"), 1, 2);
  ASSERT_TRUE(boost.above_tdp);
  ASSERT_TRUE(boost.kept_speed);
  EXPECT_LT(*boost.kept_speed, boost.speed);
  EXPECT_GT(*boost.kept_speed, 0.8);
  const PowerEstimate nominal = estimate(loaded("churon-1"), 1, 0);
  EXPECT_FALSE(nominal.above_tdp);
  EXPECT_EQ(nominal.kept_speed, nominal.speed);
}

TEST(Power, leakage_heats_what_leaks) {
  const auto leakage = [](const PowerEstimate& one) {
    for (const PowerRow& row : one.rows) {
      if (row.id == "leakage") {
        return row.power.central;
      }
    }
    return 0.0;
  };
  const PowerEstimate cool = estimate(loaded("churon-1"), 0, 0);
  const PowerEstimate hot = estimate(loaded("churon-1", {"package.theta_jc=0.04 K/W"}), 0, 0);
  EXPECT_GT(hot.junction, cool.junction);
  EXPECT_GT(leakage(hot), leakage(cool));
}

TEST(Power, over_the_cooling_is_an_error_that_says_what_would_do) {
  EXPECT_TRUE(check_cooling(loaded("churon-1"), *area(loaded("churon-1"))).empty());
  const chip::Chip hot = loaded("churon-1", {"package.cooling=air", "power.tdp=1.2 kW"});
  const auto errors = check_cooling(hot, *area(hot));
  ASSERT_EQ(errors.size(), 1U);
  EXPECT_EQ(errors.front().code, "A0305");
  EXPECT_EQ(errors.front().exit, ExitCode::infeasible);
  EXPECT_NE(to_text(errors).find("cold-plate"), std::string::npos) << to_text(errors);
}

TEST(Power, of_an_activity_is_its_energy_over_the_time) {
  const chip::Chip chip = loaded("churon-1");
  const PriceBands prices = energy_prices(chip, Move{});
  stats::Activity activity;
  activity[stats::Action::mac_int8] = 3e12;
  activity[stats::Action::memory_read] = 7e9;
  activity[stats::Action::powered] = 1e-3;
  const Seconds time{1e-3};
  const ActivityPower power = silicon::power(activity, prices, time);
  EXPECT_NEAR(power.total.central, (stats::energy(activity, prices.central) / time).value(), 1e-9);
  EXPECT_NEAR(power.by_action[static_cast<std::size_t>(stats::Action::mac_int8)].value(),
              3e12 * 0.175e-12 / 1e-3, 1e-6);
  EXPECT_NEAR(power.by_action[static_cast<std::size_t>(stats::Action::powered)].value(), 180, 1e-9);
  EXPECT_LT(power.total.low, power.total.central);
  EXPECT_GT(power.total.high, power.total.central);
}

TEST(Power, at_another_node_moves_the_core_and_leaves_the_interfaces) {
  const chip::Chip chip = loaded("churon-1");
  const PowerEstimate here = estimate(chip, 0, 0);
  const PowerEstimate n5 = estimate(chip, 0, 0, "n5");
  ASSERT_EQ(here.rows.size(), n5.rows.size());
  for (std::size_t i = 0; i < here.rows.size(); ++i) {
    const std::string& id = here.rows[i].id;
    if (id == "matrix") {
      EXPECT_NEAR(n5.rows[i].power.central / here.rows[i].power.central, 1 / 0.67, 1e-9);
    } else if (id == "memory" || id == "phy" || id == "link.scaleup") {
      EXPECT_EQ(n5.rows[i].power.central, here.rows[i].power.central) << id;
    }
  }
}

}  // namespace
}  // namespace churon::silicon
