#include "cost/spread.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

namespace churon::cost {
namespace {

TEST(Spread, low_and_high_are_p5_and_p95_and_central_is_the_median) {
  const Spread spread({8, 10, 15}, false);
  EXPECT_NEAR(spread.at(-1.645), 8, 1e-12);
  EXPECT_NEAR(spread.at(0), 10, 1e-12);
  EXPECT_NEAR(spread.at(1.645), 15, 1e-12);
  EXPECT_FALSE(spread.is_logarithmic());
}

TEST(Spread, more_than_threefold_is_spread_in_logarithms) {
  EXPECT_FALSE(Spread({1, 2, 3}, false).is_logarithmic());
  const Spread spread({1, 2, 3.01}, false);
  EXPECT_TRUE(spread.is_logarithmic());
  EXPECT_NEAR(spread.at(-1.645), 1, 1e-12);
  EXPECT_NEAR(spread.at(1.645), 3.01, 1e-12);
  EXPECT_NEAR(spread.at(3.29), 2 * (3.01 / 2) * (3.01 / 2), 1e-9);
}

TEST(Spread, a_low_of_zero_stays_linear) {
  EXPECT_FALSE(Spread({0, 4, 12}, false).is_logarithmic());
}

TEST(Spread, three_equal_numbers_are_a_constant) {
  const Spread spread({1.15, 1.15, 1.15}, true);
  EXPECT_TRUE(spread.is_constant());
  EXPECT_EQ(spread.at(7), 1.15);
  EXPECT_EQ(spread.clipped_share(), 0);
}

TEST(Spread, shares_are_clipped_to_one_and_prices_above_zero_and_the_clipped_share_is_known) {
  const Spread share({0.5, 0.9, 0.99}, true);
  EXPECT_EQ(share.at(5), 1);
  EXPECT_NEAR(share.clipped_share(),
              1 - normal_probability(1.645 * 0.1 / 0.09) + normal_probability(-1.645 * 0.9 / 0.4),
              1e-6);
  const Spread price({1, 5, 6}, false);
  EXPECT_GT(price.at(-9), 0);
}

TEST(Spread, values_of_many_lanes_are_those_of_one) {
  const Spread spread({0.05, 0.1, 0.4}, true);
  const std::vector<double> z{-3, -1, 0, 0.5, 4};
  std::vector<double> values(z.size());
  spread.at(z, values.data());
  for (std::size_t i = 0; i < z.size(); ++i) {
    EXPECT_EQ(values[i], spread.at(z[i]));
  }
}

TEST(Spread, quantiles_of_the_normal_distribution_are_right_to_seven_digits) {
  EXPECT_EQ(normal_quantile(0.5), 0);
  EXPECT_NEAR(normal_quantile(0.95), 1.6448536269514722, 1e-6);
  EXPECT_NEAR(normal_quantile(1e-9), -5.997807015008182, 1e-5);
  for (double p = 1e-7; p < 1; p += 0.0137) {
    EXPECT_NEAR(normal_probability(normal_quantile(p)), p, 1e-6 * p + 1e-9);
  }
  const std::array<std::uint32_t, 4> bits{0, 1U << 20, 1U << 31, 0xffffffff};
  std::array<double, 4> z;
  normal_quantiles(bits, z.data());
  for (std::size_t i = 0; i < bits.size(); ++i) {
    EXPECT_EQ(z[i], normal_quantile((bits[i] + 0.5) * 0x1p-32));
  }
}

}  // namespace
}  // namespace churon::cost
