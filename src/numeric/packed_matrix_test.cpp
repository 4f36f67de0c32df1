#include "numeric/packed_matrix.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <random>
#include <vector>

#include "numeric/buffer.h"
#include "numeric/fp_environment.h"

namespace churon::numeric {
namespace {

struct Packed {
  Buffer memory;
  PackedMatrix matrix;
};
Packed make(BlockFormat format, TensorType type, std::size_t rows, std::size_t columns) {
  Packed packed{Buffer(packed_bytes(format, type, rows, columns), false), {}};
  packed.matrix = PackedMatrix(format, type, rows, columns, packed.memory.data());
  return packed;
}

std::vector<std::byte> random_bytes(std::size_t count, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::vector<std::byte> bytes(count);
  for (auto& byte : bytes) {
    byte = static_cast<std::byte>(random());
  }
  return bytes;
}

void put_half(std::vector<std::byte>& bytes, std::size_t at, std::uint16_t half) {
  std::memcpy(&bytes[at], &half, sizeof half);
}

// A row of one block for every finite half as its scale.
TEST(PackedMatrix, keeps_every_finite_scale_and_integer_of_types_that_move) {
  for (const auto& [type, format] : {std::pair{TensorType::q4_0, BlockFormat::q4_0},
                                     {TensorType::q4_1, BlockFormat::q4_1},
                                     {TensorType::q5_0, BlockFormat::q8_0},
                                     {TensorType::q5_1, BlockFormat::q8_m},
                                     {TensorType::q8_0, BlockFormat::q8_0},
                                     {TensorType::q4_0, BlockFormat::q8_0},
                                     {TensorType::q4_1, BlockFormat::q8_m}}) {
    const ScopedFpEnvironment environment;
    const auto size = static_cast<std::size_t>(info(type).block_bytes);
    const std::size_t rows = 0x10000;
    auto source = random_bytes(rows * size, 3);
    const bool minimum = info(format).has_minimum;
    for (std::size_t row = 0; row < rows; ++row) {
      const auto half = static_cast<std::uint16_t>(row);
      const bool finite = (half & 0x7C00) != 0x7C00;
      put_half(source, row * size, finite ? half : 0x3C00);
      if (minimum) {
        put_half(source, row * size + 2, finite ? static_cast<std::uint16_t>(half ^ 0x8000) : 0);
      }
    }
    auto packed = make(format, type, rows, kBlock);
    const auto error = packed.matrix.pack(0, rows, source.data());
    ASSERT_TRUE(error);
    EXPECT_EQ(error->noise, 0);
    for (std::size_t row = 0; row < rows; ++row) {
      std::array<float, kBlock> before{};
      std::array<float, kBlock> after{};
      dequantize(type, &source[row * size], kBlock, before.data());
      packed.matrix.decode_row(row, after.data());
      for (std::size_t i = 0; i < kBlock; ++i) {
        ASSERT_EQ(before[i], after[i]) << info(type).name << " row " << row << " element " << i;
      }
    }
  }
}

TEST(PackedMatrix, keeps_every_e2m1_code_at_every_place) {
  const ScopedFpEnvironment environment;
  std::vector<std::byte> source(16 * 17);
  for (std::size_t row = 0; row < 16; ++row) {
    source[row * 17] = std::byte{127};
    for (std::size_t i = 0; i < 16; ++i) {
      source[row * 17 + 1 + i] =
          static_cast<std::byte>(((row + i) % 16) | (((row + 5 * i) % 16) << 4));
    }
  }
  auto packed = make(BlockFormat::mxfp4, TensorType::mxfp4, 16, kBlock);
  ASSERT_TRUE(packed.matrix.pack(0, 16, source.data()));
  for (std::size_t row = 0; row < 16; ++row) {
    std::array<float, kBlock> before{};
    std::array<float, kBlock> after{};
    dequantize(TensorType::mxfp4, &source[row * 17], kBlock, before.data());
    packed.matrix.decode_row(row, after.data());
    for (std::size_t i = 0; i < kBlock; ++i) {
      ASSERT_EQ(before[i], after[i]) << row << " " << i;
    }
  }
}

// Whatever way packing takes, the blocks are those of weight_blocks().
TEST(PackedMatrix, holds_the_blocks_of_the_reference_for_every_type_and_format) {
  const ScopedFpEnvironment environment;
  constexpr std::size_t kRows = 19;
  constexpr std::size_t kColumns = 512;
  std::mt19937 random(5);
  std::normal_distribution<float> normal;
  std::vector<float> values(kRows * kColumns);
  for (std::size_t i = 0; i < values.size(); ++i) {
    // Rows from below the smallest half upwards; the last block of each row is zeros.
    const std::size_t row = i / kColumns;
    const float scale = std::exp2f(static_cast<float>(row) * 2.0F - 26.0F);
    values[i] = i % kColumns >= kColumns - kBlock ? 0.0F : normal(random) * scale;
  }
  for (const auto& type : tensor_types()) {
    std::vector<std::byte> source(bytes_of(type.type, values.size()));
    quantize(type.type, values.data(), values.size(), source.data());
    const std::size_t row_bytes = bytes_of(type.type, kColumns);
    for (const auto& format : block_formats()) {
      auto packed = make(format.format, type.type, kRows, kColumns);
      const auto low = packed.matrix.pack(0, 16, source.data());
      const auto high = packed.matrix.pack(16, kRows - 16, &source[16 * row_bytes]);
      ASSERT_TRUE(low && high) << type.name << " " << format.name;
      double signal = 0;
      double noise = 0;
      for (std::size_t row = 0; row < kRows; ++row) {
        std::array<WeightBlock, kColumns / kBlock> blocks{};
        ASSERT_TRUE(weight_blocks(format.format, type.type, &source[row * row_bytes], kColumns,
                                  blocks.data()));
        std::array<float, kColumns> before{};
        std::array<float, kColumns> expected{};
        std::array<float, kColumns> after{};
        dequantize(type.type, &source[row * row_bytes], kColumns, before.data());
        packed.matrix.decode_row(row, after.data());
        for (std::size_t b = 0; b < blocks.size(); ++b) {
          decode(blocks[b], &expected[b * kBlock]);
        }
        for (std::size_t i = 0; i < kColumns; ++i) {
          ASSERT_EQ(after[i], expected[i])
              << type.name << " as " << format.name << " row " << row << " element " << i;
          signal += static_cast<double>(before[i]) * before[i];
          noise += std::pow(static_cast<double>(before[i]) - after[i], 2);
        }
      }
      const std::array only{format.format};
      if (!transcode_target(type.type, only)->exact) {
        EXPECT_NEAR(low->signal + high->signal, signal, signal * 1e-5);
        EXPECT_NEAR(low->noise + high->noise, noise, noise * 1e-3 + signal * 1e-12);
      }
    }
  }
}

TEST(PackedMatrix, rounds_the_smallest_and_the_largest_values_as_the_reference) {
  const ScopedFpEnvironment environment;
  std::vector<float> values;
  std::mt19937 random(6);
  for (std::uint32_t exponent = 0; exponent < 255; ++exponent) {
    for (std::size_t i = 0; i < kBlock; ++i) {
      const std::uint32_t lower =
          exponent < 8 ? exponent : exponent - static_cast<std::uint32_t>(random() % 8);
      values.push_back(std::bit_cast<float>((lower << 23) |
                                            (static_cast<std::uint32_t>(random()) & 0x807FFFFFU)));
    }
  }
  const std::size_t rows = values.size() / kBlock;
  for (const auto format : {BlockFormat::q8_0, BlockFormat::mxint8}) {
    auto packed = make(format, TensorType::f32, rows, kBlock);
    const auto* source = reinterpret_cast<const std::byte*>(values.data());
    ASSERT_TRUE(packed.matrix.pack(0, rows, source));
    for (std::size_t row = 0; row < rows; ++row) {
      WeightBlock block{};
      ASSERT_TRUE(weight_blocks(format, TensorType::f32, source + row * kBlock * sizeof(float),
                                kBlock, &block));
      std::array<float, kBlock> expected{};
      std::array<float, kBlock> after{};
      decode(block, expected.data());
      packed.matrix.decode_row(row, after.data());
      for (std::size_t i = 0; i < kBlock; ++i) {
        ASSERT_EQ(expected[i], after[i]) << info(format).name << " exponent " << row;
      }
    }
  }
}

TEST(PackedMatrix, names_the_row_and_block_of_a_bad_scale) {
  for (const auto& [type, format] : {std::pair{TensorType::q4_1, BlockFormat::q4_1},
                                     {TensorType::q8_0, BlockFormat::q8_0},
                                     {TensorType::q4_k, BlockFormat::q4_1},
                                     {TensorType::q5_k, BlockFormat::q8_m}}) {
    const std::size_t columns = 512;
    std::vector<std::byte> source(20 * bytes_of(type, columns));
    const std::size_t row_bytes = bytes_of(type, columns);
    const std::size_t bad = row_bytes / static_cast<std::size_t>(info(type).block_bytes) - 1;
    put_half(source, 17 * row_bytes + bad * static_cast<std::size_t>(info(type).block_bytes),
             0x7C00);
    auto packed = make(format, type, 20, columns);
    const auto result = packed.matrix.pack(0, 20, source.data());
    ASSERT_FALSE(result) << info(type).name;
    EXPECT_EQ(result.error().row, 17U);
    EXPECT_EQ(result.error().what.kind, WeightDefect::Kind::scale_not_finite);
    EXPECT_EQ(result.error().what.block,
              bad * static_cast<std::size_t>(info(type).block_elements) / kBlock);
  }
}

TEST(PackedMatrix, names_the_row_and_block_of_a_value_that_is_not_finite) {
  std::vector<float> values(3 * 100, 1);
  values[2 * 100 + 70] = std::nanf("");
  auto packed = make(BlockFormat::q8_0, TensorType::f32, 3, 100);
  const auto result = packed.matrix.pack(0, 3, reinterpret_cast<const std::byte*>(values.data()));
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().row, 2U);
  EXPECT_EQ(result.error().what.block, 2U);
  EXPECT_EQ(result.error().what.kind, WeightDefect::Kind::value_not_finite);
}

TEST(PackedMatrix, takes_five_bits_where_five_are_enough) {
  const double weights = 16 * 1024;
  const auto bits = [&](BlockFormat format, TensorType type) {
    return static_cast<double>(packed_bytes(format, type, 16, 1024)) * 8 / weights;
  };
  EXPECT_EQ(bits(BlockFormat::q8_0, TensorType::q8_0), 8.5);
  EXPECT_EQ(bits(BlockFormat::q8_0, TensorType::q5_0), 5.5);
  EXPECT_EQ(bits(BlockFormat::q8_m, TensorType::q5_k), 6.0);
  EXPECT_EQ(bits(BlockFormat::q4_1, TensorType::q4_1), 5.0);
  EXPECT_EQ(bits(BlockFormat::q4_0, TensorType::q4_0), 4.5);
  EXPECT_EQ(bits(BlockFormat::mxfp4, TensorType::mxfp4), 4.5);
}

}  // namespace
}  // namespace churon::numeric
