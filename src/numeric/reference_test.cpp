// The reference against hand-made cases, against binary64, and against the contract's own words.
#include "numeric/reference.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <random>

#include "numeric/float16.h"
#include "numeric/fp_environment.h"

namespace churon::numeric {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();

class Reference : public testing::Test {
 protected:
  std::vector<float> normal(std::size_t count, float sigma = 1) {
    std::normal_distribution<float> distribution(0, sigma);
    std::vector<float> values(count);
    for (float& value : values) {
      value = distribution(random_);
    }
    return values;
  }

 private:
  ScopedFpEnvironment environment_;
  std::mt19937 random_{17};
};

std::uint32_t bits(float x) { return std::bit_cast<std::uint32_t>(x); }

// --- Activation blocks ---

TEST_F(Reference, q8_0_gives_the_largest_magnitude_127_steps) {
  std::vector<float> x(32);
  std::iota(x.begin(), x.end(), -15.0F);
  ActivationBlock block{};
  ASSERT_TRUE(quantize_block_q8_0(x.data(), 32, block));
  EXPECT_EQ(block.scale, rounded_to_f16(16.0F / 127));
  EXPECT_EQ(block.q[31], 127);
  EXPECT_EQ(block.q[15], 0);
  EXPECT_EQ(block.sum, std::accumulate(block.q.begin(), block.q.end(), 0));
}

TEST_F(Reference, q8_0_rounds_ties_to_even) {
  std::vector<float> x(32, 0.0F);
  x[0] = 127;  // d = 1
  x[1] = 0.5F;
  x[2] = 1.5F;
  x[3] = -2.5F;
  ActivationBlock block{};
  ASSERT_TRUE(quantize_block_q8_0(x.data(), 32, block));
  EXPECT_EQ(block.scale, 1.0F);
  EXPECT_EQ(block.q[1], 0);
  EXPECT_EQ(block.q[2], 2);
  EXPECT_EQ(block.q[3], -2);
}

TEST_F(Reference, q8_0_saturates_where_fp16_ends_and_is_zero_where_it_begins) {
  ActivationBlock block{};
  std::vector<float> x(32, 3e38F);
  x[1] = -1e6F;
  ASSERT_TRUE(quantize_block_q8_0(x.data(), 32, block));
  EXPECT_EQ(block.scale, 65504.0F);
  EXPECT_EQ(block.q[0], 127);
  EXPECT_EQ(block.q[1], -15);  // -1e6 / 65504
  // Half of the smallest FP16 subnormal goes to the even neighbour, zero.
  x.assign(32, 127 * 0x1p-25F);
  ASSERT_TRUE(quantize_block_q8_0(x.data(), 32, block));
  EXPECT_EQ(block, ActivationBlock{});
  x.assign(32, 128 * 0x1p-25F);
  ASSERT_TRUE(quantize_block_q8_0(x.data(), 32, block));
  EXPECT_EQ(block.scale, 0x1p-24F);
  EXPECT_EQ(block.q[0], 64);
}

TEST_F(Reference, quantisers_see_nan_and_infinity_and_stay_defined) {
  for (const auto format : {ActivationFormat::q8_0, ActivationFormat::mxint8}) {
    std::vector<float> x(32, 1.0F);
    x[0] = kNan;
    ActivationBlock block{};
    EXPECT_FALSE(quantize_block(format, x.data(), 32, block));
    EXPECT_EQ(block.q[0], 0);
    EXPECT_GE(block.q[1], 64);
    x[0] = -kInfinity;
    EXPECT_FALSE(quantize_block(format, x.data(), 32, block));
    EXPECT_EQ(block.q[0], -127);
    EXPECT_EQ(block.q[1], 0);
    x.assign(32, std::numeric_limits<float>::denorm_min());
    EXPECT_TRUE(quantize_block(format, x.data(), 32, block));
    EXPECT_EQ(block.q, (std::array<std::int8_t, 32>{}));
  }
}

TEST_F(Reference, mxint8_takes_the_exponent_of_the_largest_magnitude) {
  for (int exponent = -70; exponent <= 50; ++exponent) {
    std::vector<float> x(32, std::ldexp(1.0F, exponent));
    x[1] = -x[0] * 1.5F;
    ActivationBlock block{};
    ASSERT_TRUE(quantize_block_mxint8(x.data(), 32, block));
    if (exponent < -60) {
      EXPECT_EQ(block.q[0], 0) << exponent;
      EXPECT_EQ(block.scale, 0x1p-66F) << exponent;
    } else if (exponent <= 40) {
      EXPECT_EQ(block.q[0], 64) << exponent;
      EXPECT_EQ(block.q[1], -96) << exponent;
      EXPECT_EQ(block.scale, std::ldexp(1.0F, exponent - 6)) << exponent;
    } else {
      EXPECT_EQ(block.q[0], 127) << exponent;
      EXPECT_EQ(block.scale, std::ldexp(1.0F, 34)) << exponent;
    }
  }
}

TEST_F(Reference, mxint8_clamps_what_rounds_to_128) {
  std::vector<float> x(32, 1.999F);
  ActivationBlock block{};
  ASSERT_TRUE(quantize_block_mxint8(x.data(), 32, block));
  EXPECT_EQ(block.q[0], 127);
}

TEST_F(Reference, short_blocks_are_padded_with_zero) {
  for (const std::size_t count : {1U, 7U, 31U, 33U, 65U}) {
    const std::vector<float> x = normal(count);
    std::vector<float> padded = x;
    padded.resize((count + 31) / 32 * 32);
    for (const auto format : {ActivationFormat::q8_0, ActivationFormat::mxint8}) {
      std::vector<ActivationBlock> row(padded.size() / 32);
      std::vector<ActivationBlock> whole(padded.size() / 32);
      ASSERT_TRUE(quantize_row(format, x.data(), count, row.data()));
      ASSERT_TRUE(quantize_row(format, padded.data(), padded.size(), whole.data()));
      EXPECT_EQ(row, whole);
    }
  }
}

// --- Matrix products ---

WeightBlock weight_block(int q, float scale, float minimum = 0) {
  WeightBlock block{{}, scale, minimum};
  block.q.fill(static_cast<std::int8_t>(q));
  return block;
}
ActivationBlock activation_block(int q, float scale) {
  ActivationBlock block{{}, scale, 32 * q};
  block.q.fill(static_cast<std::int8_t>(q));
  return block;
}

TEST_F(Reference, block_dot_is_exact_at_its_ends) {
  EXPECT_EQ(block_dot(weight_block(-128, 1).q, activation_block(127, 1).q), -32 * 128 * 127);
  EXPECT_EQ(block_dot(weight_block(127, 1).q, activation_block(127, 1).q), 32 * 127 * 127);
}

TEST_F(Reference, a_segment_adds_its_blocks_ascending_and_rounds_each_time) {
  // 2^24 * 32 + 32 + 32: each 32 is half an ulp of the sum and is lost alone, as the order demands.
  const std::vector<WeightBlock> w{weight_block(1, 0x1p24F), weight_block(1, 0x1p0F),
                                   weight_block(1, 0x1p0F)};
  const std::vector<ActivationBlock> a(3, activation_block(1, 1));
  EXPECT_EQ(dot(w.data(), a.data(), 3, false), 0x1p29F);
  const std::vector<WeightBlock> reversed{w[2], w[1], w[0]};
  EXPECT_EQ(dot(reversed.data(), a.data(), 3, false), 0x1p29F + 64);
}

TEST_F(Reference, segments_of_1024_are_added_to_each_other) {
  // Block 32 begins a segment: with block 33 it makes 64, which counts beside 2^29.
  std::vector<WeightBlock> w(34, weight_block(0, 1));
  w[0] = weight_block(1, 0x1p24F);
  w[32] = weight_block(1, 1);
  w[33] = weight_block(1, 1);
  const std::vector<ActivationBlock> a(34, activation_block(1, 1));
  EXPECT_EQ(dot(w.data(), a.data(), 34, false), 0x1p29F + 64);
  EXPECT_EQ(dot(w.data() + 1, a.data() + 1, 33, false), 64.0F);
}

TEST_F(Reference, the_minimum_term_follows_directly_after_its_block) {
  const std::vector<WeightBlock> w{weight_block(1, 0x1p24F, -0x1p24F), weight_block(1, 1, 0)};
  const std::vector<ActivationBlock> a(2, activation_block(1, 1));
  // 2^29, then -2^29, then 32; a minimum at the end would have lost the 32.
  EXPECT_EQ(dot(w.data(), a.data(), 2, true), 32.0F);
  EXPECT_EQ(dot(w.data(), a.data(), 2, false), 0x1p29F);
}

TEST_F(Reference, matmul_is_near_the_product_of_the_decoded_values) {
  constexpr std::size_t kColumns = 2304;
  constexpr std::size_t kBlocks = kColumns / kBlock;
  const std::vector<float> x = normal(3 * kColumns);
  const std::vector<float> weights = normal(5 * kColumns, 0.05F);
  std::vector<ActivationBlock> a(3 * kBlocks);
  std::vector<WeightBlock> w(5 * kBlocks);
  std::vector<std::byte> row(bytes_of(TensorType::q4_1, kColumns));
  for (std::size_t n = 0; n < 5; ++n) {
    quantize(TensorType::q4_1, weights.data() + n * kColumns, kColumns, row.data());
    ASSERT_TRUE(weight_blocks(BlockFormat::q4_1, TensorType::q4_1, row.data(), kColumns,
                              w.data() + n * kBlocks));
  }
  ASSERT_TRUE(quantize_row(ActivationFormat::q8_0, x.data(), x.size(), a.data()));
  std::vector<float> y(15);
  matmul(w.data(), 5, a.data(), 3, kBlocks, true, y.data());
  for (std::size_t m = 0; m < 3; ++m) {
    for (std::size_t n = 0; n < 5; ++n) {
      double exact = 0;
      for (std::size_t k = 0; k < kColumns; ++k) {
        const auto& wb = w[n * kBlocks + k / kBlock];
        const auto& ab = a[m * kBlocks + k / kBlock];
        exact += (static_cast<double>(wb.q[k % kBlock]) * wb.scale + wb.minimum) *
                 (static_cast<double>(ab.q[k % kBlock]) * ab.scale);
      }
      EXPECT_NEAR(y[m * 5 + n], exact, 2e-4) << m << "," << n;
    }
  }
}

// --- Vector operations ---

TEST_F(Reference, tree_sum_adds_in_the_order_of_the_contract) {
  for (const std::size_t n : {0U, 1U, 7U, 31U, 32U, 33U, 64U, 65U, 1000U}) {
    const std::vector<float> x = normal(n);
    // The halving tree written out: lane i of 16 takes lane i + 16, and so on.
    std::array<float, 32> lanes{};
    for (std::size_t i = 0; i < n; ++i) {
      lanes[i % 32] += x[i];
    }
    std::array<float, 16> a{};
    std::array<float, 8> b{};
    for (std::size_t i = 0; i < 16; ++i) {
      a[i] = lanes[i] + lanes[i + 16];
    }
    for (std::size_t i = 0; i < 8; ++i) {
      b[i] = a[i] + a[i + 8];
    }
    const float expected = ((b[0] + b[4]) + (b[2] + b[6])) + ((b[1] + b[5]) + (b[3] + b[7]));
    EXPECT_EQ(bits(tree_sum(x)), bits(expected)) << n;
  }
}

TEST_F(Reference, rms_norm_gives_unit_mean_square_times_the_weight) {
  for (const std::size_t n : {1U, 31U, 576U, 641U}) {
    const std::vector<float> x = normal(n, 3);
    const std::vector<float> weight = normal(n);
    std::vector<float> y(n);
    rms_norm(x.data(), weight.data(), n, 1e-5F, y.data());
    double square = 0;
    for (const float value : x) {
      square += static_cast<double>(value) * value;
    }
    const double r = 1 / std::sqrt(square / static_cast<double>(n) + 1e-5);
    for (std::size_t i = 0; i < n; ++i) {
      EXPECT_NEAR(y[i], x[i] * r * weight[i], 2e-6 * std::fabs(x[i] * r * weight[i]) + 1e-30);
    }
  }
}

TEST_F(Reference, softcap_bounds_and_keeps_small_values) {
  std::vector<float> x{0, 0.25F, -3, 30, -200, 1e30F};
  softcap(x.data(), x.size(), 30);
  EXPECT_EQ(x[0], 0.0F);
  EXPECT_NEAR(x[1], 30 * std::tanh(0.25 / 30), 1e-5);
  EXPECT_NEAR(x[3], 30 * std::tanh(1.0), 1e-5);
  EXPECT_NEAR(x[4], -30 * std::tanh(200.0 / 30), 1e-4);
  EXPECT_EQ(x[5], 30.0F);
}

TEST_F(Reference, rope_turns_pairs_and_leaves_the_rest) {
  const std::vector<float> cosine{0.0F, 0.6F};
  const std::vector<float> sine{1.0F, 0.8F};
  std::vector<float> head{1, 2, 3, 4, 5, 6};
  rope(head.data(), 4, RopePairing::adjacent, cosine.data(), sine.data());
  EXPECT_EQ(head, (std::vector<float>{-2, 1, 3 * 0.6F - 4 * 0.8F, 3 * 0.8F + 4 * 0.6F, 5, 6}));
  head = {1, 2, 3, 4, 5, 6};
  rope(head.data(), 4, RopePairing::halves, cosine.data(), sine.data());
  EXPECT_EQ(head, (std::vector<float>{-3, 2 * 0.6F - 4 * 0.8F, 1, 2 * 0.8F + 4 * 0.6F, 5, 6}));
}

// --- Attention ---

TEST_F(Reference, probabilities_keep_fifteen_bits_with_a_power_of_two_scale) {
  std::vector<float> u(32, 0.0F);
  u[0] = 0.75F;
  u[1] = 0x1p-15F;
  u[2] = 3 * 0x1p-16F;
  ProbabilityBlock block{};
  ASSERT_TRUE(quantize_probabilities(u.data(), block));
  EXPECT_EQ(block.scale, 0x1p-15F);  // E = -1
  EXPECT_EQ(block.q[0], 0x6000);
  EXPECT_EQ(block.q[1], 1);
  EXPECT_EQ(block.q[2], 2);  // 1.5, to even
  u[0] = std::nextafterf(1.0F, 0.0F);
  ASSERT_TRUE(quantize_probabilities(u.data(), block));
  EXPECT_EQ(block.q[0], 32767);  // would round to 32768
  u.assign(32, 0.0F);
  ASSERT_TRUE(quantize_probabilities(u.data(), block));
  EXPECT_EQ(block.q, (std::array<std::int16_t, 32>{}));
  u[0] = 0x1p-110F;
  ASSERT_TRUE(quantize_probabilities(u.data(), block));
  EXPECT_EQ(block.scale, 0x1p-114F);
  EXPECT_EQ(block.q[0], 16);
  u[0] = kInfinity;
  EXPECT_FALSE(quantize_probabilities(u.data(), block));
}

struct Cache {
  std::size_t blocks;
  std::vector<ActivationBlock> query, keys, values;
  std::vector<float> q, k, v;  // decoded
};

class AttentionReference : public Reference {
 protected:
  Cache cache(int head_dim, std::size_t positions, ActivationFormat format) {
    const auto width = static_cast<std::size_t>(head_dim);
    Cache made{(width + 31) / 32, {}, {}, {}, {}, {}, {}};
    const auto fill = [&](std::size_t rows, float sigma, std::vector<ActivationBlock>& blocks,
                          std::vector<float>& decoded) {
      blocks.resize(rows * made.blocks);
      decoded.resize(rows * width);
      for (std::size_t row = 0; row < rows; ++row) {
        const std::vector<float> x = normal(width, sigma);
        auto* to = blocks.data() + row * made.blocks;
        EXPECT_TRUE(quantize_row(format, x.data(), width, to));
        for (std::size_t i = 0; i < width; ++i) {
          decoded[row * width + i] = static_cast<float>(to[i / 32].q[i % 32]) * to[i / 32].scale;
        }
      }
    };
    fill(1, 2, made.query, made.q);
    fill(positions, 1, made.keys, made.k);
    fill(positions, 1, made.values, made.v);
    return made;
  }

  // Softmax attention in binary64 on the decoded values.
  static std::vector<double> exact(const AttentionShape& shape, const Cache& cache,
                                   std::size_t position) {
    const auto width = static_cast<std::size_t>(shape.head_dim);
    const auto window = static_cast<std::size_t>(shape.window);
    const std::size_t first = window > 0 && position + 1 > window ? position + 1 - window : 0;
    std::vector<double> out(width, 0.0);
    double sum = 0;
    for (std::size_t j = first; j <= position; ++j) {
      double score = 0;
      for (std::size_t i = 0; i < width; ++i) {
        score += static_cast<double>(cache.q[i]) * cache.k[j * width + i];
      }
      score *= static_cast<double>(shape.scale);
      if (shape.softcap > 0) {
        score = static_cast<double>(shape.softcap) *
                std::tanh(score / static_cast<double>(shape.softcap));
      }
      const double p = std::exp(score);
      sum += p;
      for (std::size_t i = 0; i < width; ++i) {
        out[i] += p * cache.v[j * width + i];
      }
    }
    for (double& value : out) {
      value /= sum;
    }
    return out;
  }
};

TEST_F(AttentionReference, is_near_softmax_in_binary64_for_every_kind_of_mask) {
  for (const auto format : {ActivationFormat::q8_0, ActivationFormat::mxint8}) {
    for (const int head_dim : {32, 64, 80}) {
      const Cache c = cache(head_dim, 2100, format);
      for (const std::size_t position :
           {0U, 1U, 31U, 62U, 63U, 64U, 65U, 1023U, 1024U, 1087U, 2099U}) {
        for (const int window : {0, 1, 33, 512}) {
          for (const float cap : {0.0F, 5.0F}) {
            const AttentionShape shape{.head_dim = head_dim,
                                       .scale = 1 / std::sqrt(static_cast<float>(head_dim)),
                                       .softcap = cap,
                                       .window = window};
            const auto width = static_cast<std::size_t>(head_dim);
            const auto expected = exact(shape, c, position);
            std::vector<float> out(width);
            ASSERT_TRUE(attention(shape, c.query.data(), position, c.keys.data(), c.values.data(),
                                  out.data()));
            std::vector<float> out_f32(width);
            ASSERT_TRUE(
                attention_f32(shape, c.q.data(), position, c.k.data(), c.v.data(), out_f32.data()));
            for (std::size_t i = 0; i < width; ++i) {
              ASSERT_NEAR(out[i], expected[i], 5e-4) << position << " " << window;
              ASSERT_NEAR(out_f32[i], expected[i], 1e-5) << position << " " << window;
            }
          }
        }
      }
    }
  }
}

TEST_F(AttentionReference, what_lies_behind_the_mask_does_not_matter) {
  Cache c = cache(64, 300, ActivationFormat::q8_0);
  const AttentionShape shape{.head_dim = 64, .scale = 0.125F, .window = 100};
  std::vector<float> out(64);
  ASSERT_TRUE(attention(shape, c.query.data(), 250, c.keys.data(), c.values.data(), out.data()));
  const auto spoil = [&](std::size_t position) {
    for (std::size_t b = 0; b < c.blocks; ++b) {
      c.keys[position * c.blocks + b] = activation_block(127, 60000);
      c.values[position * c.blocks + b] = activation_block(-127, 60000);
    }
  };
  for (std::size_t position = 0; position < 300; ++position) {
    if (position <= 150 || position > 250) {
      spoil(position);
    }
  }
  std::vector<float> again(64);
  ASSERT_TRUE(attention(shape, c.query.data(), 250, c.keys.data(), c.values.data(), again.data()));
  EXPECT_EQ(out, again);
  spoil(151);
  ASSERT_TRUE(attention(shape, c.query.data(), 250, c.keys.data(), c.values.data(), again.data()));
  EXPECT_NE(out, again);
}

TEST_F(AttentionReference, one_position_returns_its_value) {
  const Cache c = cache(32, 1, ActivationFormat::mxint8);
  std::vector<float> out(32);
  ASSERT_TRUE(attention({.head_dim = 32, .scale = 0.2F}, c.query.data(), 0, c.keys.data(),
                        c.values.data(), out.data()));
  for (std::size_t i = 0; i < 32; ++i) {
    EXPECT_NEAR(out[i], c.v[i], 4e-4 * std::fabs(c.v[i]));
  }
}

TEST_F(AttentionReference, scores_that_differ_by_hundreds_of_powers_of_two_are_fine) {
  // The first tile is far above the second, then the reverse: rescaling by 2^-127 and less is zero.
  for (const int large_first : {0, 1}) {
    std::vector<ActivationBlock> keys;
    std::vector<ActivationBlock> values;
    for (int position = 0; position < 1100; ++position) {
      const bool first = position < 64;
      keys.push_back(activation_block(first == (large_first == 1) ? 100 : -100, 1));
      values.push_back(activation_block(first ? 1 : 2, 1));
    }
    const ActivationBlock query = activation_block(1, 1);
    std::vector<float> out(32);
    ASSERT_TRUE(attention({.head_dim = 32, .scale = 1}, &query, 1099, keys.data(), values.data(),
                          out.data()));
    EXPECT_NEAR(out[0], large_first == 1 ? 1.0F : 2.0F, 1e-4);
  }
}

TEST_F(AttentionReference, f32_cache_reports_what_is_not_finite_even_under_a_softcap) {
  Cache c = cache(32, 70, ActivationFormat::q8_0);
  c.k[66 * 32 + 5] = kNan;
  std::vector<float> out(32);
  for (const float cap : {0.0F, 20.0F}) {
    const AttentionShape shape{.head_dim = 32, .scale = 0.2F, .softcap = cap};
    EXPECT_TRUE(attention_f32(shape, c.q.data(), 65, c.k.data(), c.v.data(), out.data()));
    EXPECT_FALSE(attention_f32(shape, c.q.data(), 66, c.k.data(), c.v.data(), out.data()));
  }
}

TEST_F(Reference, score_factor_is_rounded_once) {
  EXPECT_EQ(score_factor(1), 0x1.715476p+0F);
  EXPECT_EQ(score_factor(0.125F), 0x1.715476p-3F);
}

}  // namespace
}  // namespace churon::numeric
