// A sample of what `validate/functions` does for every input: all significands where that is cheap,
// and both sides of every border of exponents and table intervals.
#include "numeric/functions.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "numeric/fp_environment.h"

namespace churon::numeric {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

class Functions : public testing::Test {
 private:
  ScopedFpEnvironment environment_;
};

float at(std::uint32_t bits) { return std::bit_cast<float>(bits); }

double ulp_error(float result, double exact) {
  const int exponent = std::max(std::ilogb(exact), -126);
  return std::fabs(static_cast<double>(result) - exact) * std::ldexp(1.0, 23 - exponent);
}

// Bit patterns around the first number of every exponent and of its 32 table intervals.
std::vector<std::uint32_t> borders() {
  std::vector<std::uint32_t> all;
  for (std::uint32_t top = 0; top < (255U << 5); ++top) {
    for (std::uint32_t near = 0; near < 5; ++near) {
      const std::uint32_t bits = (top << 18) + near;
      all.push_back(bits >= 2 ? bits - 2 : bits);
    }
  }
  return all;
}

TEST_F(Functions, exp2_is_within_two_ulp_on_both_sides_of_every_border) {
  for (const std::uint32_t bits : borders()) {
    for (const float x : {at(bits), at(bits | 0x80000000U)}) {
      const float y = numeric::exp2(x);
      if (x >= 128.0F) {
        ASSERT_EQ(y, kInfinity) << x;
      } else if (x < -126.0F) {
        ASSERT_EQ(std::bit_cast<std::uint32_t>(y), 0U) << x;
      } else {
        ASSERT_LE(ulp_error(y, std::exp2(static_cast<double>(x))), 2) << x;
      }
    }
  }
}

TEST_F(Functions, exp2_is_exact_for_every_integer) {
  for (int n = -126; n < 128; ++n) {
    EXPECT_EQ(numeric::exp2(static_cast<float>(n)), std::ldexp(1.0F, n));
  }
}

TEST_F(Functions, exp2_is_monotone_over_a_whole_octave_and_at_every_sixteenth) {
  float before = numeric::exp2(1.0F);
  for (std::uint32_t bits = 0x3F800000U; bits <= 0x40000000U; ++bits) {
    const float y = numeric::exp2(at(bits));
    ASSERT_GE(y, before) << at(bits);
    before = y;
  }
  for (int sixteenth = -126 * 16 + 1; sixteenth < 128 * 16; ++sixteenth) {
    float x = static_cast<float>(sixteenth) / 16;
    for (int step = 0; step < 8; ++step) {
      const float below = std::nextafterf(x, -1000.0F);
      ASSERT_LE(numeric::exp2(below), numeric::exp2(x)) << x;
      x = below;
    }
  }
}

TEST_F(Functions, exp2_has_its_values_at_the_ends) {
  EXPECT_EQ(numeric::exp2(-kInfinity), 0.0F);
  EXPECT_EQ(numeric::exp2(kInfinity), kInfinity);
  EXPECT_EQ(numeric::exp2(-0.0F), 1.0F);
  EXPECT_EQ(numeric::exp2(0x1p-149F), 1.0F);
  EXPECT_EQ(numeric::exp2(-0x1p-149F), 1.0F);
  EXPECT_EQ(numeric::exp2(std::nextafterf(-126.0F, -200.0F)), 0.0F);
}

TEST_F(Functions, rcp_is_within_two_ulp_for_every_significand) {
  double worst = 0;
  for (std::uint32_t bits = 0x3F800000U; bits < 0x40000000U; ++bits) {
    worst = std::max(worst, ulp_error(rcp(at(bits)), 1.0 / static_cast<double>(at(bits))));
  }
  EXPECT_LE(worst, 2);
}

TEST_F(Functions, rcp_of_every_exponent_is_that_of_the_significand_scaled) {
  for (const std::uint32_t bits : borders()) {
    const float x = at(bits);
    const float significand = at((bits & 0x7FFFFFU) | 0x3F800000U);
    // The product flushes exactly where the contract says so.
    const int exponent = static_cast<int>(bits >> 23) - 127;
    const float expected =
        exponent == -127
            ? kInfinity
            : static_cast<float>(std::ldexp(static_cast<double>(rcp(significand)), -exponent));
    ASSERT_EQ(rcp(x), expected) << x;
    ASSERT_EQ(std::bit_cast<std::uint32_t>(rcp(-x)),
              std::bit_cast<std::uint32_t>(rcp(x)) | 0x80000000U)
        << x;
  }
}

TEST_F(Functions, rcp_has_its_values_at_the_ends) {
  EXPECT_EQ(rcp(0.0F), kInfinity);
  EXPECT_EQ(rcp(-0.0F), -kInfinity);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(rcp(kInfinity)), 0U);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(rcp(-kInfinity)), 0x80000000U);
  EXPECT_EQ(rcp(0x1p126F), 0x1p-126F);
  EXPECT_EQ(rcp(0x1p127F), 0.0F);
  for (int n = -126; n <= 126; ++n) {
    ASSERT_EQ(rcp(std::ldexp(1.0F, n)), std::ldexp(1.0F, -n)) << n;
  }
}

TEST_F(Functions, rsqrt_is_within_two_ulp_for_every_significand_of_both_parities) {
  double worst = 0;
  for (std::uint32_t bits = 0x3F800000U; bits < 0x40800000U; bits += 3) {
    worst =
        std::max(worst, ulp_error(rsqrt(at(bits)), 1.0 / std::sqrt(static_cast<double>(at(bits)))));
  }
  EXPECT_LE(worst, 2);
}

TEST_F(Functions, rsqrt_of_every_exponent_is_that_of_the_significand_scaled) {
  for (const std::uint32_t bits : borders()) {
    const int exponent = static_cast<int>(bits >> 23) - 127;
    const int odd = exponent & 1;
    const float significand = at((bits & 0x7FFFFFU) | (odd == 0 ? 0x3F800000U : 0x40000000U));
    const float expected =
        exponent == -127 ? kInfinity : std::ldexp(rsqrt(significand), -(exponent - odd) / 2);
    ASSERT_EQ(rsqrt(at(bits)), expected) << at(bits);
  }
  EXPECT_EQ(rsqrt(0.0F), kInfinity);
  EXPECT_EQ(rsqrt(kInfinity), 0.0F);
}

TEST_F(Functions, constants_and_tables_are_what_their_comment_says) {
  const long double log2_e = 1 / std::log(2.0L);
  EXPECT_EQ(kLog2E, static_cast<float>(log2_e));
  EXPECT_EQ(kTwoLog2E, static_cast<float>(2 * log2_e));
  EXPECT_EQ(kGeluScale, static_cast<float>(2 * std::sqrt(2 / std::acos(-1.0L)) * log2_e));
  for (std::size_t j = 0; j < kExp2High.size(); ++j) {
    const long double power = std::exp2(static_cast<long double>(j) / 16);
    EXPECT_EQ(kExp2High[j], static_cast<float>(power)) << j;
    EXPECT_EQ(kExp2Low[j], static_cast<float>(power - static_cast<long double>(kExp2High[j]))) << j;
  }
  for (int i = 0; i <= 64; ++i) {
    const double f = i / 1024.0;
    const double p = f * (static_cast<double>(kExp2C1) +
                          f * (static_cast<double>(kExp2C2) + f * static_cast<double>(kExp2C3)));
    EXPECT_NEAR(1 + p, std::exp2(f), 0x1p-27);
  }
  // Each line touches its largest relative error at both ends and, with the other sign, between.
  for (std::size_t j = 0; j < 32; ++j) {
    const auto error = [&](double m) {
      return m * (static_cast<double>(kRcpA[j]) - static_cast<double>(kRcpB[j]) * m) - 1;
    };
    const double low = 1 + static_cast<double>(j) / 32;
    const double high = low + 1.0 / 32;
    EXPECT_LE(std::fabs(error(low)), 0x1p-13);
    EXPECT_NEAR(error(low), error(high), 0x1p-21);
    EXPECT_NEAR(error(low), -error((low + high) / 2), 0x1p-21);
  }
  for (std::size_t j = 0; j < 32; ++j) {
    const double low =
        j < 16 ? 1 + static_cast<double>(j) / 16 : 2 + static_cast<double>(j - 16) / 8;
    const double high = low + (j < 16 ? 1.0 / 16 : 1.0 / 8);
    for (int i = 0; i <= 8; ++i) {
      const double m = low + (high - low) * i / 8;
      const double line = static_cast<double>(kRsqrtA[j]) - static_cast<double>(kRsqrtB[j]) * m;
      EXPECT_NEAR(line * std::sqrt(m), 1, 0x1p-12) << j;
    }
  }
}

TEST_F(Functions, activations_follow_their_definitions) {
  for (int i = -4000; i <= 4000; ++i) {
    const float x = static_cast<float>(i) / 200;
    const auto d = static_cast<double>(x);
    EXPECT_NEAR(numeric::tanh(x), std::tanh(d), 3e-7);
    EXPECT_NEAR(silu(x), d / (1 + std::exp(-d)), 1e-6 * std::max(1.0, std::fabs(d)));
    const double inner = std::sqrt(2 / std::acos(-1.0)) * (d + 0.044715 * d * d * d);
    EXPECT_NEAR(gelu(x), 0.5 * d * (1 + std::tanh(inner)), 2e-6 * std::max(1.0, std::fabs(d)));
  }
  EXPECT_EQ(numeric::tanh(kInfinity), 1.0F);
  EXPECT_EQ(numeric::tanh(-kInfinity), -1.0F);
  EXPECT_EQ(silu(200.0F), 200.0F);
  EXPECT_EQ(silu(-200.0F), 0.0F);
  EXPECT_EQ(gelu(1e20F), 1e20F);
  EXPECT_EQ(gelu(-1e20F), 0.0F);
}

}  // namespace
}  // namespace churon::numeric
