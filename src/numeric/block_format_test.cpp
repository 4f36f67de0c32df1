#include "numeric/block_format.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "numeric/float16.h"
#include "numeric/fp_environment.h"

namespace churon::numeric {
namespace {

using Kind = WeightDefect::Kind;

class BlockFormats : public testing::Test {
 protected:
  static std::vector<std::byte> row_of(TensorType type, std::size_t columns) {
    std::mt19937 random(5);
    std::normal_distribution<float> normal;
    std::vector<float> values(columns);
    for (float& value : values) {
      value = normal(random) * 0.02F;
    }
    std::vector<std::byte> row(bytes_of(type, columns));
    quantize(type, values.data(), columns, row.data());
    return row;
  }
  static std::vector<WeightBlock> blocks_of(BlockFormat format, TensorType type,
                                            const std::vector<std::byte>& row,
                                            std::size_t columns) {
    std::vector<WeightBlock> blocks((columns + kBlock - 1) / kBlock);
    EXPECT_TRUE(weight_blocks(format, type, row.data(), columns, blocks.data()).has_value());
    return blocks;
  }
  // Signal over noise of the blocks against the row that they come from; infinite where equal.
  static double transcoding_db(BlockFormat format, TensorType type, std::size_t columns) {
    const auto row = row_of(type, columns);
    std::vector<float> values(columns);
    dequantize(type, row.data(), columns, values.data());
    double signal = 0;
    double noise = 0;
    std::size_t i = 0;
    for (const auto& block : blocks_of(format, type, row, columns)) {
      std::array<float, kBlock> decoded{};
      decode(block, decoded.data());
      for (std::size_t k = 0; k < kBlock && i < columns; ++k, ++i) {
        signal += static_cast<double>(values[i]) * values[i];
        noise += std::pow(static_cast<double>(decoded[k]) - static_cast<double>(values[i]), 2);
      }
    }
    return noise == 0 ? HUGE_VAL : 10 * std::log10(signal / noise);
  }

 private:
  ScopedFpEnvironment environment_;
};

TEST_F(BlockFormats, rule_3_names_the_target_of_every_type_on_a_chip_that_takes_all_formats) {
  std::vector<BlockFormat> all;
  for (const auto& row : block_formats()) {
    all.push_back(row.format);
  }
  using enum BlockFormat;
  const std::vector<std::pair<TensorType, Transcoding>> expected{
      {TensorType::f32, {q8_0, false}},  {TensorType::f16, {q8_0, false}},
      {TensorType::bf16, {q8_0, false}}, {TensorType::q8_0, {q8_0, true}},
      {TensorType::q4_0, {q4_0, true}},  {TensorType::q4_1, {q4_1, true}},
      {TensorType::q5_0, {q8_0, true}},  {TensorType::q5_1, {q8_m, true}},
      {TensorType::q4_k, {q4_1, false}}, {TensorType::q5_k, {q8_m, false}},
      {TensorType::q6_k, {q8_0, false}}, {TensorType::mxfp4, {mxfp4, true}}};
  ASSERT_EQ(expected.size(), tensor_types().size());
  for (const auto& [type, target] : expected) {
    EXPECT_EQ(transcode_target(type, all), target) << info(type).name;
  }
}

TEST_F(BlockFormats, a_chip_with_few_formats_gets_the_exact_one_or_the_best) {
  using enum BlockFormat;
  const auto target = [](TensorType type, std::vector<BlockFormat> native) {
    return transcode_target(type, native);
  };
  EXPECT_EQ(target(TensorType::q4_1, {q8_0, q8_m}), (Transcoding{q8_m, true}));
  EXPECT_EQ(target(TensorType::q4_1, {q8_0, mxint8}), (Transcoding{q8_0, false}));
  EXPECT_EQ(target(TensorType::q4_0, {q8_0}), (Transcoding{q8_0, true}));
  EXPECT_EQ(target(TensorType::q8_0, {mxfp4, q8_m}), (Transcoding{q8_m, true}));
  EXPECT_EQ(target(TensorType::mxfp4, {q8_0, mxint8}), (Transcoding{mxint8, true}));
  EXPECT_EQ(target(TensorType::q6_k, {mxfp4, mxint8}), (Transcoding{mxint8, false}));
  EXPECT_EQ(target(TensorType::q8_0, {mxfp4}), (Transcoding{mxfp4, false}));
  EXPECT_EQ(target(TensorType::q8_0, {}), std::nullopt);
}

TEST_F(BlockFormats, exact_transcodings_change_no_value) {
  for (const auto& source : tensor_types()) {
    for (const auto& format : block_formats()) {
      const auto target = transcode_target(source.type, {&format.format, 1});
      ASSERT_TRUE(target.has_value());
      const double db = transcoding_db(format.format, source.type, 1280);
      if (target->exact) {
        EXPECT_EQ(db, HUGE_VAL) << source.name << " to " << format.name;
      } else {
        EXPECT_GT(db, format.element_bits == 8 ? 34 : 15) << source.name << " to " << format.name;
      }
    }
  }
}

TEST_F(BlockFormats, transcodings_of_rule_3_lose_what_the_contract_says) {
  EXPECT_GT(transcoding_db(BlockFormat::q4_1, TensorType::q4_k, 256 * 64), 60);
  EXPECT_GT(transcoding_db(BlockFormat::q8_m, TensorType::q5_k, 256 * 64), 60);
  EXPECT_GT(transcoding_db(BlockFormat::q8_0, TensorType::q6_k, 256 * 64), 44);
  EXPECT_GT(transcoding_db(BlockFormat::q8_0, TensorType::f32, 256 * 64), 44);
}

TEST_F(BlockFormats, q4_k_rounds_scale_and_minimum_of_a_sub_block_to_fp16) {
  std::vector<std::byte> row(144);
  const auto put = [&](std::size_t at, float value) {
    const std::uint16_t half = f16_from_f32(value);
    std::memcpy(row.data() + at, &half, sizeof half);
  };
  put(0, 0x1.ffcp-5F);  // eleven significant bits, all set
  put(2, 0x1.004p-4F);
  row[4] = std::byte{41};  // scale of sub-block 0
  row[8] = std::byte{3};   // its minimum
  row[16] = std::byte{9};  // its first element
  const auto blocks = blocks_of(BlockFormat::q4_1, TensorType::q4_k, row, 256);
  EXPECT_EQ(blocks[0].q[0], 9);
  EXPECT_EQ(blocks[0].scale, rounded_to_f16(0x1.ffcp-5F * 41));
  EXPECT_EQ(blocks[0].minimum, rounded_to_f16(-0x1.004p-4F * 3));
  EXPECT_EQ(blocks[1].scale, 0.0F);
}

TEST_F(BlockFormats, a_short_last_block_is_padded_with_zeros) {
  for (const std::size_t columns : {1U, 7U, 31U, 33U, 65U}) {
    const auto row = row_of(TensorType::f32, columns);
    const auto blocks = blocks_of(BlockFormat::q8_0, TensorType::f32, row, columns);
    for (std::size_t i = columns; i < blocks.size() * kBlock; ++i) {
      EXPECT_EQ(blocks[i / kBlock].q[i % kBlock], 0);
    }
    EXPECT_EQ(std::abs(*std::max_element(blocks[0].q.begin(), blocks[0].q.end(),
                                         [](int a, int b) { return std::abs(a) < std::abs(b); })),
              127);
  }
}

// --- Rejection ---

struct Rejected {
  TensorType type;
  BlockFormat format;
  std::size_t at;  // byte in the second block of 32
  unsigned low, high;
  Kind kind;
};

TEST_F(BlockFormats, scales_and_values_that_are_not_finite_are_rejected_with_their_block) {
  using enum BlockFormat;
  const std::vector<Rejected> cases{
      {TensorType::q8_0, q8_0, 34, 0x00, 0x7C, Kind::scale_not_finite},
      {TensorType::q8_0, q8_m, 34, 0x01, 0xFC, Kind::scale_not_finite},
      {TensorType::q4_0, q4_0, 18, 0x00, 0xFC, Kind::scale_not_finite},
      {TensorType::q4_1, q4_1, 20, 0x00, 0x7E, Kind::scale_not_finite},
      {TensorType::q4_1, q4_1, 22, 0x00, 0x7C, Kind::scale_not_finite},
      {TensorType::q5_0, q8_0, 22, 0x00, 0x7C, Kind::scale_not_finite},
      {TensorType::q5_1, q8_m, 26, 0x00, 0x7C, Kind::scale_not_finite},
      {TensorType::q4_1, q8_0, 20, 0x00, 0x7C, Kind::value_not_finite},
      {TensorType::f16, q8_0, 64, 0x00, 0x7C, Kind::value_not_finite},
      {TensorType::bf16, q8_0, 64, 0x80, 0xFF, Kind::value_not_finite},
      {TensorType::f32, mxint8, 130, 0x80, 0x7F, Kind::value_not_finite},
  };
  for (const auto& one : cases) {
    auto row = row_of(one.type, 96);
    row[one.at] = static_cast<std::byte>(one.low);
    row[one.at + 1] = static_cast<std::byte>(one.high);
    std::vector<WeightBlock> blocks(3);
    const auto result = weight_blocks(one.format, one.type, row.data(), 96, blocks.data());
    ASSERT_FALSE(result.has_value()) << info(one.type).name;
    EXPECT_EQ(result.error().kind, one.kind) << info(one.type).name;
    EXPECT_EQ(result.error().block, 1U) << info(one.type).name;
  }
}

TEST_F(BlockFormats, k_quant_scales_that_fp16_cannot_hold_are_rejected) {
  for (const auto& [type, format] : {std::pair{TensorType::q4_k, BlockFormat::q4_1},
                                     std::pair{TensorType::q5_k, BlockFormat::q8_m}}) {
    std::vector<std::byte> row(bytes_of(type, 256));
    row[0] = std::byte{0xFF};  // d = 65504
    row[1] = std::byte{0x7B};
    row[4 + 3] = std::byte{1};
    std::vector<WeightBlock> blocks(8);
    EXPECT_TRUE(weight_blocks(format, type, row.data(), 256, blocks.data()).has_value());
    row[4 + 3] = std::byte{2};
    const auto result = weight_blocks(format, type, row.data(), 256, blocks.data());
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().block, 3U);
    row[1] = std::byte{0x7C};  // d is a NaN
    EXPECT_FALSE(weight_blocks(format, type, row.data(), 256, blocks.data()).has_value());
  }
}

TEST_F(BlockFormats, every_exponent_byte_of_mxfp4_is_taken_or_rejected_by_the_rule) {
  std::vector<std::byte> row(17, std::byte{0x11});
  for (unsigned e = 0; e < 256; ++e) {
    row[0] = static_cast<std::byte>(e);
    WeightBlock block{};
    const int exponent = static_cast<int>(e) - 127;
    const bool taken = exponent >= -60 && exponent <= 40;
    const auto result =
        weight_blocks(BlockFormat::mxfp4, TensorType::mxfp4, row.data(), 32, &block);
    ASSERT_EQ(result.has_value(), taken) << e;
    if (taken) {
      EXPECT_EQ(block.q[0], 1);
      EXPECT_EQ(block.scale, std::ldexp(1.0F, exponent - 1));
    } else {
      EXPECT_EQ(result.error().kind, Kind::exponent_out_of_range);
    }
    // In mxint8 the exponent is five larger: 2 * element is counted in units of 2^(e-6).
    const auto as_mxint8 =
        weight_blocks(BlockFormat::mxint8, TensorType::mxfp4, row.data(), 32, &block);
    ASSERT_EQ(as_mxint8.has_value(), exponent + 5 >= -60 && exponent + 5 <= 40) << e;
  }
}

TEST_F(BlockFormats, a_block_of_zeros_takes_exponent_zero_whatever_its_byte) {
  std::vector<std::byte> row(17, std::byte{0x80});  // +0 and -0
  for (const unsigned e : {0U, 127U, 255U}) {
    row[0] = static_cast<std::byte>(e);
    WeightBlock block{};
    ASSERT_TRUE(weight_blocks(BlockFormat::mxfp4, TensorType::mxfp4, row.data(), 32, &block));
    EXPECT_EQ(block, (WeightBlock{{}, 0.5F, 0.0F}));
  }
}

TEST_F(BlockFormats, bits_per_weight_follow_from_the_fields) {
  for (const auto& row : block_formats()) {
    const int scale_bits = row.scale == ScaleKind::fp16 ? 16 : 8;
    const int bits = kBlock * row.element_bits + scale_bits + (row.has_minimum ? 16 : 0);
    EXPECT_EQ(row.bits_per_weight, static_cast<double>(bits) / kBlock) << row.name;
    EXPECT_EQ(block_format_from_name(row.name), row.format);
  }
  EXPECT_EQ(block_format_from_name("q8_1"), std::nullopt);
}

TEST_F(BlockFormats, defects_say_which_block) {
  EXPECT_EQ(to_text({Kind::scale_not_finite, 7}), "the scale of block 7 is not finite");
  EXPECT_EQ(to_text({Kind::exponent_out_of_range, 0}),
            "the exponent of block 0 is outside -60..40");
}

}  // namespace
}  // namespace churon::numeric
