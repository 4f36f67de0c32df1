#include "numeric/float16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "numeric/fp_environment.h"

namespace churon::numeric {
namespace {

// The value of a finite half by its definition: (-1)^s * 2^(e-15) * 1.f, or 2^-14 * 0.f for e = 0.
double value_of_half(unsigned half) {
  const int exponent = static_cast<int>(half >> 10 & 31U);
  const double fraction = half & 1023U;
  const double magnitude =
      exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
  return (half & 0x8000U) != 0 ? -magnitude : magnitude;
}

void expect_every_half_to_survive_the_way_to_f32_and_back() {
  for (unsigned half = 0; half < 0x10000; ++half) {
    const auto bits = static_cast<std::uint16_t>(half);
    const float value = f32_from_f16(bits);
    if ((half & 0x7FFFU) > 0x7C00U) {
      ASSERT_TRUE(std::isnan(value)) << half;
      ASSERT_TRUE(std::isnan(f32_from_f16(f16_from_f32(value)))) << half;
      continue;
    }
    if ((half & 0x7FFFU) == 0x7C00U) {
      ASSERT_TRUE(std::isinf(value)) << half;
    } else {
      ASSERT_EQ(static_cast<double>(value), value_of_half(half)) << half;
    }
    ASSERT_EQ(std::signbit(value), (half & 0x8000U) != 0) << half;
    ASSERT_EQ(f16_from_f32(value), bits);
  }
}

// Between two neighbouring halves lies one border: their midpoint, an FP32 number, which belongs to
// the even one.
void expect_every_border_between_halves_to_be_right() {
  for (unsigned low = 0; low < 0x7C00; ++low) {
    const unsigned high = low + 1;
    const double above = high == 0x7C00 ? 65536.0 : value_of_half(high);
    const auto border = static_cast<float>((value_of_half(low) + above) / 2);
    const unsigned even = low % 2 == 0 ? low : high;
    for (const unsigned sign : {0U, 0x8000U}) {
      const float s = sign == 0 ? 1.0F : -1.0F;
      ASSERT_EQ(f16_from_f32(s * border), sign | even) << border;
      ASSERT_EQ(f16_from_f32(s * std::nextafterf(border, 0.0F)), sign | low) << border;
      ASSERT_EQ(f16_from_f32(s * std::nextafterf(border, 1e9F)), sign | high) << border;
    }
  }
}

TEST(Float16, every_half_survives_the_way_to_f32_and_back) {
  expect_every_half_to_survive_the_way_to_f32_and_back();
  const ScopedFpEnvironment environment;
  expect_every_half_to_survive_the_way_to_f32_and_back();
}

TEST(Float16, rounds_to_nearest_even_at_every_border) {
  expect_every_border_between_halves_to_be_right();
  const ScopedFpEnvironment environment;
  expect_every_border_between_halves_to_be_right();
}

TEST(Float16, overflows_to_infinity_and_keeps_nan) {
  EXPECT_EQ(f16_from_f32(1e30F), 0x7C00);
  EXPECT_EQ(f16_from_f32(-std::numeric_limits<float>::infinity()), 0xFC00);
  EXPECT_TRUE(std::isnan(f32_from_f16(f16_from_f32(std::numeric_limits<float>::quiet_NaN()))));
  // A NaN whose payload lies in the bits that FP16 drops.
  EXPECT_TRUE(std::isnan(f32_from_f16(f16_from_f32(std::bit_cast<float>(0x7F800001U)))));
}

TEST(Float16, bfloat_rounds_to_nearest_even_at_every_border) {
  for (unsigned low = 0x0080; low < 0x7F80; ++low) {
    const auto at = [](std::uint32_t bits) { return std::bit_cast<float>(bits); };
    const std::uint32_t border = (low << 16) + 0x8000U;
    ASSERT_EQ(bf16_from_f32(at(low << 16)), low);
    ASSERT_EQ(bf16_from_f32(at(border - 1)), low);
    ASSERT_EQ(bf16_from_f32(at(border)), low % 2 == 0 ? low : low + 1);
    ASSERT_EQ(bf16_from_f32(at(border + 1)), low + 1);
    ASSERT_EQ(bf16_from_f32(at(0x80000000U | (border + 1))), 0x8000U | (low + 1));
    ASSERT_EQ(f32_from_bf16(static_cast<std::uint16_t>(low)), at(low << 16));
  }
}

TEST(Float16, bfloat_counts_subnormals_as_zero_and_keeps_nan) {
  EXPECT_EQ(bf16_from_f32(std::bit_cast<float>(0x007FFFFFU)), 0);
  EXPECT_EQ(bf16_from_f32(std::bit_cast<float>(0x807FFFFFU)), 0x8000);
  EXPECT_TRUE(std::isnan(f32_from_bf16(bf16_from_f32(std::bit_cast<float>(0x7F800001U)))));
}

}  // namespace
}  // namespace churon::numeric
