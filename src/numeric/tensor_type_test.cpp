#include "numeric/tensor_type.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "numeric/float16.h"
#include "numeric/fp_environment.h"

namespace churon::numeric {
namespace {

class TensorTypes : public testing::TestWithParam<TensorType> {
 protected:
  TensorType type_ = GetParam();
  std::size_t elements_ = static_cast<std::size_t>(info(type_).block_elements);

  std::vector<std::byte> quantized(const std::vector<float>& values) const {
    std::vector<std::byte> blocks(bytes_of(type_, values.size()));
    quantize(type_, values.data(), values.size(), blocks.data());
    return blocks;
  }
  std::vector<float> dequantized(const std::vector<std::byte>& blocks, std::size_t count) const {
    std::vector<float> values(count);
    dequantize(type_, blocks.data(), count, values.data());
    return values;
  }
  std::vector<float> through(const std::vector<float>& values) const {
    return dequantized(quantized(values), values.size());
  }

 private:
  ScopedFpEnvironment environment_;
};

std::vector<float> normal_values(std::size_t count) {
  std::mt19937 random(11);
  std::normal_distribution<float> normal;
  std::vector<float> values(count);
  for (float& value : values) {
    value = normal(random);
  }
  return values;
}

double error_db(const std::vector<float>& values, const std::vector<float>& rounded) {
  double signal = 0;
  double noise = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    signal += static_cast<double>(values[i]) * values[i];
    noise += std::pow(static_cast<double>(rounded[i]) - static_cast<double>(values[i]), 2);
  }
  return noise == 0 ? std::numeric_limits<double>::infinity() : 10 * std::log10(signal / noise);
}

// Signal over noise for normally distributed weights, a little under what is reached.
double least_db(TensorType type) {
  switch (type) {
    case TensorType::f32:
      return std::numeric_limits<double>::infinity();
    case TensorType::f16:
      return 70;
    case TensorType::bf16:
      return 50;
    case TensorType::q8_0:
      return 44;
    case TensorType::q6_k:
      return 34.5;
    case TensorType::q5_0:
    case TensorType::q5_1:
    case TensorType::q5_k:
      return 26.5;
    case TensorType::q4_0:
    case TensorType::q4_1:
    case TensorType::q4_k:
      return 20.5;
    case TensorType::mxfp4:
      return 18;
  }
  return 0;
}

TEST_P(TensorTypes, quantiser_is_as_good_as_the_format) {
  const std::vector<float> values = normal_values(64 * 256);
  EXPECT_GE(error_db(values, through(values)), least_db(type_));
}

TEST_P(TensorTypes, zeros_stay_zeros) {
  for (const float value : through(std::vector<float>(512, 0.0F))) {
    EXPECT_EQ(value, 0.0F);
  }
}

TEST_P(TensorTypes, extreme_inputs_stay_finite) {
  for (const float large : {1e38F, 70000.0F, 1e-38F, std::numeric_limits<float>::denorm_min()}) {
    std::vector<float> values(512, large);
    values[3] = -large;
    values[300] = 0;
    for (const float value : through(values)) {
      if (type_ != TensorType::f16) {  // FP16 has no scale: what is too large is infinite
        ASSERT_TRUE(std::isfinite(value)) << large;
      }
    }
  }
}

TEST_P(TensorTypes, a_block_does_not_depend_on_its_neighbours) {
  const std::vector<float> values = normal_values(3 * 256);
  const std::vector<std::byte> all = quantized(values);
  const std::vector<std::byte> last = quantized({values.end() - 256, values.end()});
  EXPECT_TRUE(
      std::equal(last.begin(), last.end(), all.end() - static_cast<std::ptrdiff_t>(last.size())));
}

TEST_P(TensorTypes, is_found_by_number_and_by_name) {
  EXPECT_EQ(tensor_type_from_ggml(info(type_).ggml_id), type_);
  EXPECT_EQ(tensor_type_from_name(info(type_).name), type_);
  EXPECT_EQ(info(type_).type, type_);
  EXPECT_EQ(bytes_of(type_, 256),
            256 / elements_ * static_cast<std::size_t>(info(type_).block_bytes));
}

std::vector<TensorType> all_types() {
  std::vector<TensorType> types;
  for (const auto& row : tensor_types()) {
    types.push_back(row.type);
  }
  return types;
}
INSTANTIATE_TEST_SUITE_P(Types, TensorTypes, testing::ValuesIn(all_types()), [](const auto& test) {
  return std::string(numeric::info(test.param).name);
});

TEST(TensorType, unknown_numbers_and_names_are_refused) {
  EXPECT_EQ(tensor_type_from_ggml(4), std::nullopt);
  EXPECT_EQ(tensor_type_from_ggml(0xFFFFFFFFU), std::nullopt);
  EXPECT_EQ(tensor_type_from_name("q4_k"), TensorType::q4_k);
  EXPECT_EQ(tensor_type_from_name("Q3_K"), std::nullopt);
  EXPECT_EQ(tensor_type_from_name(""), std::nullopt);
}

// --- Layouts: blocks written by hand, bit by bit ---

class Layout : public testing::Test {
 protected:
  std::vector<std::byte> block_ = std::vector<std::byte>(210);

  void half(std::size_t at, float value) {
    const std::uint16_t bits = f16_from_f32(value);
    std::memcpy(block_.data() + at, &bits, sizeof bits);
  }
  void byte(std::size_t at, unsigned value) { block_[at] = static_cast<std::byte>(value); }
  std::vector<float> values(TensorType type) const {
    std::vector<float> out(static_cast<std::size_t>(info(type).block_elements));
    dequantize(type, block_.data(), out.size(), out.data());
    return out;
  }
};

TEST_F(Layout, q8_0_is_a_scale_and_signed_bytes) {
  half(0, 0.5F);
  byte(2, 0x80);
  byte(33, 0x7F);
  const auto x = values(TensorType::q8_0);
  EXPECT_EQ(x[0], -64.0F);
  EXPECT_EQ(x[31], 63.5F);
  EXPECT_EQ(x[1], 0.0F);
}

TEST_F(Layout, q4_0_has_elements_0_and_16_in_the_first_byte) {
  half(0, 2);
  byte(2, 0xF1);
  const auto x = values(TensorType::q4_0);
  EXPECT_EQ(x[0], 2.0F * (1 - 8));
  EXPECT_EQ(x[16], 2.0F * (15 - 8));
  EXPECT_EQ(x[1], 2.0F * (0 - 8));
}

TEST_F(Layout, q4_1_adds_its_minimum) {
  half(0, 0.25F);
  half(2, -3);
  byte(4 + 15, 0x4A);
  const auto x = values(TensorType::q4_1);
  EXPECT_EQ(x[15], 0.25F * 10 - 3);
  EXPECT_EQ(x[31], 0.25F * 4 - 3);
  EXPECT_EQ(x[0], -3.0F);
}

TEST_F(Layout, q5_0_takes_fifth_bits_from_one_little_endian_word) {
  half(0, 1);
  byte(2, 0x01);       // element 0
  byte(2 + 3, 0x80);   // element 31
  byte(6 + 0, 0x05);   // element 0: 16 + 5, element 16: 0
  byte(6 + 15, 0x70);  // element 31: 16 + 7
  const auto x = values(TensorType::q5_0);
  EXPECT_EQ(x[0], 5.0F);
  EXPECT_EQ(x[16], -16.0F);
  EXPECT_EQ(x[31], 7.0F);
}

TEST_F(Layout, q5_1_is_q5_0_with_a_minimum_and_no_offset) {
  half(0, 0.5F);
  half(2, 1);
  byte(4 + 1, 0x02);  // element 9
  byte(8 + 9, 0xC3);  // element 9: 16 + 3, element 25: 12
  const auto x = values(TensorType::q5_1);
  EXPECT_EQ(x[9], 0.5F * 19 + 1);
  EXPECT_EQ(x[25], 0.5F * 12 + 1);
}

TEST_F(Layout, q4_k_packs_scales_and_minima_in_six_bits) {
  half(0, 0.5F);
  half(2, 0.25F);
  byte(4 + 1, 0x80 | 33);    // sub-block 1: scale 33; two high bits 10 of the scale of sub-block 5
  byte(4 + 5, 0x40 | 21);    // sub-block 1: minimum 21; high bits 01 of the minimum of sub-block 5
  byte(4 + 9, 0x97);         // sub-block 5: scale 32 + 7, minimum 16 + 9
  byte(16 + 3, 0xE0);        // element 3 of sub-block 1: 14
  byte(16 + 64 + 31, 0xB0);  // element 31 of sub-block 5: 11
  const auto x = values(TensorType::q4_k);
  EXPECT_EQ(x[32 + 3], 0.5F * 33 * 14 - 0.25F * 21);
  EXPECT_EQ(x[32 + 4], -0.25F * 21);
  EXPECT_EQ(x[5 * 32 + 31], 0.5F * 39 * 11 - 0.25F * 25);
  EXPECT_EQ(x[0], 0.0F);
}

TEST_F(Layout, q5_k_keeps_the_fifth_bit_of_sub_block_s_in_bit_s) {
  half(0, 1);
  byte(4 + 0, 3);
  byte(4 + 2, 1);
  byte(16 + 7, 0x05);       // fifth bits of element 7 in sub-blocks 0 and 2
  byte(48 + 7, 0x02);       // sub-block 0: 2
  byte(48 + 32 + 7, 0x09);  // sub-block 2: 9
  const auto x = values(TensorType::q5_k);
  EXPECT_EQ(x[7], 3.0F * 18);
  EXPECT_EQ(x[64 + 7], 25.0F);
}

TEST_F(Layout, q6_k_spreads_a_half_over_four_quarters) {
  half(208, 0.5F);
  for (std::size_t scale = 0; scale < 16; ++scale) {
    byte(192 + scale, scale == 15 ? 0xFE : 1);
  }
  byte(0 + 5, 0x21);          // half 0: quarter 0 element 5: 1; quarter 2: 2
  byte(32 + 5, 0x43);         // quarter 1: 3; quarter 3: 4
  byte(128 + 5, 0xE4);        // two high bits of the quarters: 0, 1, 2, 3
  byte(64 + 32 + 31, 0xF0);   // half 1, quarter 3, element 31: 15
  byte(128 + 32 + 31, 0xC0);  // with 3 above: 63
  const auto x = values(TensorType::q6_k);
  EXPECT_EQ(x[5], 0.5F * (1 - 32));
  EXPECT_EQ(x[32 + 5], 0.5F * (16 + 3 - 32));
  EXPECT_EQ(x[64 + 5], 0.5F * (32 + 2 - 32));
  EXPECT_EQ(x[96 + 5], 0.5F * (48 + 4 - 32));
  EXPECT_EQ(x[255], 0.5F * -2 * (63 - 32));
}

TEST_F(Layout, mxfp4_is_an_exponent_and_e2m1_codes) {
  byte(0, 127 + 3);
  for (std::size_t i = 0; i < 16; ++i) {
    byte(1 + i, static_cast<unsigned>(i | ((15 - i) << 4)));
  }
  const std::vector<float> codes{0,     0.5F,  1,  1.5F,  2,  3,  4,  6,
                                 -0.0F, -0.5F, -1, -1.5F, -2, -3, -4, -6};
  const auto x = values(TensorType::mxfp4);
  for (std::size_t i = 0; i < 16; ++i) {
    EXPECT_EQ(x[i], 8 * codes[i]);
    EXPECT_EQ(x[16 + i], 8 * codes[15 - i]);
  }
}

TEST_F(Layout, half_and_bfloat_are_plain_numbers) {
  half(0, -1.5F);
  EXPECT_EQ(values(TensorType::f16)[0], -1.5F);
  byte(0, 0x20);
  byte(1, 0x40);
  EXPECT_EQ(values(TensorType::bf16)[0], 2.5F);
}

}  // namespace
}  // namespace churon::numeric
