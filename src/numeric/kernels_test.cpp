// Every kernel set against the plain reference: no bit may differ.
#include "numeric/kernels.h"

#include <gtest/gtest.h>

#include <bit>
#include <cstring>
#include <random>
#include <vector>

#include "numeric/float16.h"
#include "numeric/fp_environment.h"
#include "numeric/functions.h"

namespace churon::numeric {
namespace {

struct Matrix;

class KernelTest : public testing::TestWithParam<KernelSet> {
 protected:
  void SetUp() override {
    enter_fp_environment();
    kernels_ = kernels(GetParam());
    if (kernels_ == nullptr) {
      GTEST_SKIP() << "this processor cannot run " << name(GetParam());
    }
  }
  // Numbers of many magnitudes, some zeros.
  std::vector<float> numbers(std::size_t count, float spread = 3) {
    std::normal_distribution<float> normal;
    std::uniform_real_distribution<float> exponent(-spread, spread);
    std::vector<float> x(count);
    for (auto& value : x) {
      value = random_() % 17 == 0 ? 0.0F : normal(random_) * std::exp2f(exponent(random_));
    }
    return x;
  }
  static void expect_equal(const std::vector<float>& ours, const std::vector<float>& reference,
                           const std::string& what) {
    ASSERT_EQ(ours.size(), reference.size());
    for (std::size_t i = 0; i < ours.size(); ++i) {
      ASSERT_EQ(std::bit_cast<std::uint32_t>(ours[i]), std::bit_cast<std::uint32_t>(reference[i]))
          << what << " at " << i << ": " << ours[i] << " and " << reference[i];
    }
  }

  // The kernels' products with `m` random rows against the reference's.
  void expect_products(const Matrix& matrix, ActivationFormat format, std::size_t m);

  const Kernels* kernels_ = nullptr;
  std::mt19937 random_{7};
};

// A matrix as the file has it and as the reference sees it; made once for all kernel sets.
struct Matrix {
  TensorType type;
  BlockFormat format;
  std::size_t n;
  std::size_t k;
  std::vector<std::byte> source;
  std::vector<WeightBlock> blocks;
  [[nodiscard]] std::size_t row_blocks() const { return (k + kBlock - 1) / kBlock; }
};

Matrix make_matrix(TensorType type, BlockFormat format, std::size_t n, std::size_t k) {
  Matrix matrix{type, format, n, k, {}, {}};
  std::mt19937 random(static_cast<std::uint32_t>(n * k) + static_cast<std::uint32_t>(type));
  std::normal_distribution<float> normal;
  // A few rows quantised, again and again.
  const std::size_t row_bytes = bytes_of(type, k);
  std::vector<float> w(k);
  matrix.source.resize(n * row_bytes);
  matrix.blocks.resize(n * matrix.row_blocks());
  for (std::size_t row = 0; row < n; ++row) {
    if (row < 5) {
      for (float& value : w) {
        value = random() % 17 == 0 ? 0.0F : normal(random);
      }
      quantize(type, w.data(), k, &matrix.source[row * row_bytes]);
    } else {
      std::memcpy(&matrix.source[row * row_bytes], &matrix.source[(row * 7 % 5) * row_bytes],
                  row_bytes);
    }
    EXPECT_TRUE(weight_blocks(format, type, &matrix.source[row * row_bytes], k,
                              &matrix.blocks[row * matrix.row_blocks()]));
  }
  return matrix;
}

void KernelTest::expect_products(const Matrix& matrix, ActivationFormat format, std::size_t m) {
  const std::size_t n = matrix.n;
  const std::size_t k = matrix.k;
  const std::size_t blocks = matrix.row_blocks();
  const std::vector<float> x = numbers(m * k);
  std::vector<ActivationBlock> rows(m * blocks);
  for (std::size_t i = 0; i < m; ++i) {
    ASSERT_TRUE(quantize_row(format, x.data() + i * k, k, rows.data() + i * blocks));
  }
  std::vector<float> reference(m * n);
  numeric::matmul(matrix.blocks.data(), n, rows.data(), m, blocks, info(matrix.format).has_minimum,
                  reference.data());

  Buffer memory(packed_bytes(matrix.format, matrix.type, n, k), false);
  PackedMatrix packed(matrix.format, matrix.type, n, k, memory.data());
  ASSERT_TRUE(packed.pack(0, n, matrix.source.data()));
  ActivationBlocks a;
  a.resize(format, m, k);
  ASSERT_TRUE(kernels_->quantize(a, x.data(), k, 0, m));
  // Two ranges of tiles, rows that lie apart.
  const std::size_t stride = n + 3;
  const float untouched = -7;
  std::vector<float> y(m * stride, untouched);
  const std::size_t middle = packed.tiles() / 2;
  kernels_->matmul(packed, a, 0, middle, y.data(), stride);
  kernels_->matmul(packed, a, middle, packed.tiles(), y.data(), stride);
  std::vector<float> ours(m * n);
  for (std::size_t i = 0; i < m; ++i) {
    std::copy_n(&y[i * stride], n, &ours[i * n]);
    for (std::size_t gap = n; gap < stride; ++gap) {
      ASSERT_EQ(y[i * stride + gap], untouched);
    }
  }
  expect_equal(ours, reference,
               std::string(info(matrix.type).name) + " as " + info(matrix.format).name + " m " +
                   std::to_string(m) + " n " + std::to_string(n) + " k " + std::to_string(k));
}

TEST_P(KernelTest, matrix_products_equal_the_reference_in_every_format) {
  using enum BlockFormat;
  using Type = TensorType;
  static const std::vector<Matrix> cases = [] {
    const std::vector<std::pair<Type, BlockFormat>> formats{
        {Type::q4_1, q4_1}, {Type::q8_0, q8_0},    {Type::q4_0, q4_0},  {Type::q5_0, q8_0},
        {Type::q5_1, q8_m}, {Type::q4_k, q4_1},    {Type::q5_k, q8_m},  {Type::q6_k, q8_0},
        {Type::f32, q8_0},  {Type::mxfp4, mxint8}, {Type::f16, mxint8}, {Type::mxfp4, mxfp4},
        {Type::f32, mxfp4}, {Type::q8_0, q8_m},    {Type::q4_0, q8_0},  {Type::q4_1, q8_m},
        {Type::bf16, q4_0}};
    std::vector<Matrix> matrices;
    for (const auto& [type, format] : formats) {
      for (const auto& [n, k] : std::vector<std::pair<std::size_t, std::size_t>>{
               {1, 256}, {17, 512}, {33, 1280}, {16, 2304}}) {
        matrices.push_back(make_matrix(type, format, n, k));
      }
    }
    return matrices;
  }();
  for (const Matrix& matrix : cases) {
    for (const std::size_t m : {1U, 2U, 3U, 7U, 12U, 13U, 31U}) {
      expect_products(matrix, m % 2 == 0 ? ActivationFormat::mxint8 : ActivationFormat::q8_0, m);
    }
  }
}

TEST_P(KernelTest, matrix_products_equal_the_reference_for_every_number_of_rows) {
  static const Matrix matrix = make_matrix(TensorType::q4_1, BlockFormat::q4_1, 31, 96);
  for (std::size_t m = 1; m <= 37; ++m) {
    expect_products(matrix, ActivationFormat::q8_0, m);
  }
}

TEST_P(KernelTest, matrix_products_equal_the_reference_where_the_last_block_is_short) {
  static const std::vector<Matrix> cases = [] {
    std::vector<Matrix> matrices;
    for (const std::size_t k : {1U, 31U, 33U, 65U, 100U, 1023U, 1025U, 1057U, 2049U}) {
      matrices.push_back(make_matrix(TensorType::f32, BlockFormat::q8_0, 18, k));
      matrices.push_back(make_matrix(TensorType::f16, BlockFormat::mxint8, 3, k));
    }
    return matrices;
  }();
  for (const Matrix& matrix : cases) {
    for (const std::size_t m : {1U, 5U, 12U}) {
      expect_products(matrix, ActivationFormat::q8_0, m);
    }
  }
}

TEST_P(KernelTest, quantised_rows_equal_the_reference_at_the_edges) {
  const float inf = std::numeric_limits<float>::infinity();
  std::vector<std::vector<float>> rows;
  for (const std::size_t count : {1U, 5U, 16U, 31U, 32U, 33U, 100U}) {
    for (const float value :
         {0.0F, -0.0F, 1e-45F, 1e-38F, 6e-8F, 1e-3F, 1.0F, 65504.0F, 8.4e6F, 3e38F}) {
      auto row = numbers(count);
      row[count / 2] = value;
      rows.push_back(row);
      for (auto& x : row) {
        x = value;
      }
      rows.push_back(row);
    }
    for (const float value : {inf, -inf, std::nanf("")}) {
      auto row = numbers(count);
      row[count - 1] = value;
      rows.push_back(row);
    }
  }
  for (const auto format : {ActivationFormat::q8_0, ActivationFormat::mxint8}) {
    for (const auto& row : rows) {
      ActivationBlocks a;
      a.resize(format, 1, row.size());
      std::vector<ActivationBlock> reference(a.blocks());
      const bool finite = quantize_row(format, row.data(), row.size(), reference.data());
      EXPECT_EQ(kernels_->quantize(a, row.data(), row.size(), 0, 1), finite);
      const std::byte* block = a.group_at(0).data;
      for (const auto& expected : reference) {
        float scale;
        std::int32_t negative_sum;
        std::memcpy(&scale, block + 32, 4);
        std::memcpy(&negative_sum, block + 40, 4);
        EXPECT_EQ(std::memcmp(block, expected.q.data(), 32), 0);
        EXPECT_EQ(std::bit_cast<std::uint32_t>(scale),
                  std::bit_cast<std::uint32_t>(expected.scale));
        EXPECT_EQ(negative_sum, -expected.sum);
        block += 44;
      }
    }
  }
}

TEST_P(KernelTest, vector_operations_equal_the_reference) {
  for (const std::size_t n : {1U, 7U, 16U, 31U, 33U, 64U, 65U, 576U, 1000U}) {
    const auto x = numbers(n, 6);
    const auto y = numbers(n);
    std::vector<float> ours(n);
    std::vector<float> reference(n);
    kernels_->rms_norm(x.data(), y.data(), n, 1e-5F, ours.data());
    rms_norm(x.data(), y.data(), n, 1e-5F, reference.data());
    expect_equal(ours, reference, "rms_norm");
    kernels_->silu_mul(x.data(), y.data(), n, ours.data());
    silu_mul(x.data(), y.data(), n, reference.data());
    expect_equal(ours, reference, "silu");
    kernels_->gelu_mul(x.data(), y.data(), n, ours.data());
    gelu_mul(x.data(), y.data(), n, reference.data());
    expect_equal(ours, reference, "gelu");
    ours = x;
    reference = x;
    kernels_->softcap(ours.data(), n, 30);
    softcap(reference.data(), n, 30);
    expect_equal(ours, reference, "softcap");
    kernels_->add(x.data(), y.data(), n, ours.data());
    reference = x;
    add(reference.data(), y.data(), n);
    expect_equal(ours, reference, "add");
    for (const auto pairing : {RopePairing::adjacent, RopePairing::halves}) {
      const int dimensions = static_cast<int>(n / 2 * 2);
      ours = x;
      reference = x;
      kernels_->rope(ours.data(), dimensions, pairing, y.data(), y.data() + n / 2);
      rope(reference.data(), dimensions, pairing, y.data(), y.data() + n / 2);
      expect_equal(ours, reference, "rope");
    }
  }
}

// All exponents with the borders of their significands, and random ones between.
TEST_P(KernelTest, activation_functions_equal_the_reference_for_every_exponent) {
  std::vector<float> x;
  for (std::uint32_t exponent = 0; exponent < 255; ++exponent) {
    for (const std::uint32_t significand : {0U, 1U, 0x3FFFFFU, 0x400000U, 0x7FFFFEU, 0x7FFFFFU,
                                            static_cast<std::uint32_t>(random_() & 0x7FFFFFU),
                                            static_cast<std::uint32_t>(random_() & 0x7FFFFFU)}) {
      for (const std::uint32_t sign : {0U, 0x80000000U}) {
        x.push_back(std::bit_cast<float>(sign | (exponent << 23) | significand));
      }
    }
  }
  x.push_back(std::numeric_limits<float>::infinity());
  const std::vector<float> ones(x.size(), 1);
  std::vector<float> ours(x.size());
  std::vector<float> reference(x.size());
  kernels_->silu_mul(x.data(), ones.data(), x.size(), ours.data());
  silu_mul(x.data(), ones.data(), x.size(), reference.data());
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (reference[i] == reference[i]) {  // a NaN has no defined bits
      ASSERT_EQ(std::bit_cast<std::uint32_t>(ours[i]), std::bit_cast<std::uint32_t>(reference[i]))
          << x[i];
    }
  }
}

struct AttentionCase {
  std::size_t head_dim, group, kv_heads, tokens, past;
  int window;
  float softcap;
};

TEST_P(KernelTest, attention_equals_the_reference) {
  // Calls of 8 tokens and more take another way than those of a few.
  const std::vector<AttentionCase> cases{
      {64, 3, 3, 1, 0, 0, 0},       {64, 3, 2, 7, 0, 0, 0},        {64, 3, 1, 70, 60, 0, 0},
      {96, 1, 2, 13, 100, 0, 0},    {128, 7, 1, 5, 300, 0, 0},     {256, 4, 1, 3, 200, 100, 0},
      {40, 2, 1, 9, 50, 33, 20},    {64, 5, 1, 3, 1020, 0, 50},    {64, 2, 1, 2, 2100, 0, 0},
      {64, 2, 1, 66, 1000, 513, 0}, {80, 3, 1, 40, 0, 0, 0},       {64, 1, 1, 31, 1010, 17, 0},
      {33, 2, 1, 25, 5, 1, 30},     {128, 2, 1, 24, 2040, 1100, 0}};
  for (const auto format : {KvFormat::q8_0, KvFormat::mxint8, KvFormat::f32, KvFormat::bf16}) {
    for (const auto& c : cases) {
      const std::size_t positions = c.past + c.tokens;
      const std::size_t heads = c.kv_heads * c.group;
      KvCache cache(format, {2, c.kv_heads, c.head_dim}, positions);
      const std::size_t kv_row = c.kv_heads * c.head_dim;
      const auto k = numbers(positions * kv_row, 1);
      const auto v = numbers(positions * kv_row, 4);
      for (std::size_t i = 0; i < positions; ++i) {
        ASSERT_TRUE(kernels_->kv_append(cache, 1, i, k.data() + i * kv_row, v.data() + i * kv_row));
      }
      const auto queries = numbers(c.tokens * heads * c.head_dim, 1);
      std::vector<float> ours(queries.size());
      AttentionCall call{.shape = {.head_dim = static_cast<int>(c.head_dim),
                                   .scale = 0.125F,
                                   .softcap = c.softcap,
                                   .window = c.window},
                         .cache = &cache,
                         .layer = 1,
                         .group = c.group,
                         .first_position = c.past,
                         .queries = queries.data(),
                         .query_stride = heads * c.head_dim,
                         .out = ours.data(),
                         .out_stride = heads * c.head_dim};
      const std::size_t middle = c.tokens / 3;
      for (std::size_t head = 0; head < c.kv_heads; ++head) {
        ASSERT_TRUE(kernels_->attention(call, head, 0, middle));
        ASSERT_TRUE(kernels_->attention(call, head, middle, c.tokens));
      }

      std::vector<float> reference(queries.size());
      const std::size_t blocks = cache.blocks();
      for (std::size_t head = 0; head < c.kv_heads; ++head) {
        std::vector<ActivationBlock> keys(positions * blocks);
        std::vector<ActivationBlock> values(positions * blocks);
        std::vector<float> plain_keys;
        std::vector<float> plain_values;
        for (std::size_t i = 0; i < positions; ++i) {
          const float* key = k.data() + i * kv_row + head * c.head_dim;
          const float* value = v.data() + i * kv_row + head * c.head_dim;
          ASSERT_TRUE(quantize_row(cache.block_format(), key, c.head_dim, &keys[i * blocks]));
          ASSERT_TRUE(quantize_row(cache.block_format(), value, c.head_dim, &values[i * blocks]));
          for (std::size_t d = 0; d < c.head_dim; ++d) {
            const bool bf16 = format == KvFormat::bf16;
            plain_keys.push_back(bf16 ? f32_from_bf16(bf16_from_f32(key[d])) : key[d]);
            plain_values.push_back(bf16 ? f32_from_bf16(bf16_from_f32(value[d])) : value[d]);
          }
        }
        for (std::size_t token = 0; token < c.tokens; ++token) {
          for (std::size_t g = 0; g < c.group; ++g) {
            const std::size_t at = (token * heads + head * c.group + g) * c.head_dim;
            std::vector<ActivationBlock> query(blocks);
            ASSERT_TRUE(quantize_row(cache.block_format(), &queries[at], c.head_dim, query.data()));
            if (cache.quantized()) {
              ASSERT_TRUE(attention(call.shape, query.data(), c.past + token, keys.data(),
                                    values.data(), &reference[at]));
            } else {
              ASSERT_TRUE(attention_f32(call.shape, &queries[at], c.past + token, plain_keys.data(),
                                        plain_values.data(), &reference[at]));
            }
          }
        }
      }
      expect_equal(ours, reference,
                   std::string("attention ") + name(format) + " head_dim " +
                       std::to_string(c.head_dim) + " past " + std::to_string(c.past));
    }
  }
}

TEST_P(KernelTest, reference_mode_products_do_not_depend_on_the_batch) {
  const std::size_t n = 37;
  const std::size_t k = 100;
  const std::size_t m = 9;
  const auto w = numbers(n * k);
  const auto x = numbers(m * k);
  std::vector<float> together(m * n);
  std::vector<float> apart(m * n);
  kernels_->matmul_f32(w.data(), k, 0, n, x.data(), k, m, together.data(), n);
  for (std::size_t row = 0; row < m; ++row) {
    kernels_->matmul_f32(w.data(), k, 0, n, x.data() + row * k, k, 1, apart.data() + row * n, n);
    double sum = 0;
    for (std::size_t i = 0; i < k; ++i) {
      sum += static_cast<double>(w[5 * k + i]) * x[row * k + i];
    }
    EXPECT_NEAR(apart[row * n + 5], sum, 1e-4 * std::max(1.0, std::abs(sum)));
  }
  expect_equal(together, apart, "matmul_f32");
}

INSTANTIATE_TEST_SUITE_P(Sets, KernelTest,
                         testing::Values(KernelSet::portable, KernelSet::avx2, KernelSet::avx512),
                         [](const auto& set) { return name(set.param); });

}  // namespace
}  // namespace churon::numeric
