#include "numeric/rope_table.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace churon::numeric {
namespace {

TEST(RopeTable, own_functions_are_within_a_few_ulp_of_the_true_values) {
  std::mt19937_64 random(3);
  std::uniform_real_distribution<double> angle(-1e6, 1e6);
  std::uniform_real_distribution<double> exponent(-30, 30);
  for (int i = 0; i < 200000; ++i) {
    const double x = i < 1000 ? i : angle(random);
    ASSERT_NEAR(sin64(x), static_cast<double>(std::sin(static_cast<long double>(x))), 3e-16) << x;
    ASSERT_NEAR(cos64(x), static_cast<double>(std::cos(static_cast<long double>(x))), 3e-16) << x;
    const double y = exponent(random);
    const double e = static_cast<double>(std::exp(static_cast<long double>(y)));
    ASSERT_NEAR(exp64(y) / e, 1, 1e-15) << y;
    ASSERT_NEAR(log64(e), static_cast<double>(std::log(static_cast<long double>(e))),
                4e-16 * std::max(1.0, std::abs(y)));
  }
  EXPECT_NEAR(pow64(1e6, -0.5), 1e-3, 1e-17);
}

TEST(RopeTable, rows_hold_the_angles_of_their_position) {
  RopeTable table({.dimensions = 6, .base = 10000, .factor = 4, .frequency_factors = {1, 2, 8}});
  table.extend(3);
  table.extend(40);
  for (const std::size_t position : {0U, 1U, 39U}) {
    for (int i = 0; i < 3; ++i) {
      const double factor = i == 0 ? 1 : i == 1 ? 2 : 8;
      const double angle =
          static_cast<double>(position) / 4 * std::pow(10000.0, -2.0 * i / 6) / factor;
      EXPECT_FLOAT_EQ(table.cosine(position)[i], static_cast<float>(std::cos(angle)));
      EXPECT_FLOAT_EQ(table.sine(position)[i], static_cast<float>(std::sin(angle)));
    }
  }
}

}  // namespace
}  // namespace churon::numeric
