// The worked examples of docs/arithmetic.md, computed. Each test makes the text of one example and
// looks for it in the page, so the page cannot say anything else. When one fails, the message shows
// the text that belongs there.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <fstream>
#include <span>
#include <sstream>
#include <string>
#include <vector>

#include "numeric/block_format.h"
#include "numeric/float16.h"
#include "numeric/fp_environment.h"
#include "numeric/functions.h"
#include "numeric/reference.h"
#include "numeric/rope_table.h"

namespace churon::numeric {
namespace {

std::string page() {
  std::ifstream file(CHURON_SOURCE_DIR "/docs/arithmetic.md");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// A number as the page shows it: the bits, and decimal digits enough to tell it from others.
std::string shown(float x) {
  return fmt::format("{:08X} ({:.9g})", std::bit_cast<std::uint32_t>(x), x);
}

std::string shown(const std::array<std::int8_t, kBlock>& q, std::size_t count) {
  return fmt::format("{}",
                     fmt::join(q.begin(), q.begin() + static_cast<std::ptrdiff_t>(count), " "));
}

class ArithmeticExamples : public testing::Test {
 protected:
  template <typename... Values>
  void line(fmt::format_string<Values...> format, Values&&... values) {
    text_ += fmt::format(format, std::forward<Values>(values)...) + "\n";
  }
  void TearDown() override {
    EXPECT_NE(page().find("```text\n" + text_ + "```"), std::string::npos)
        << "docs/arithmetic.md should have:\n```text\n"
        << text_ << "```";
  }

 private:
  std::string text_;
  ScopedFpEnvironment environment_;
};

TEST_F(ArithmeticExamples, half_precision) {
  for (const float x : {1.0F / 3.0F, 65519.0F, 65520.0F, 0x1p-25F, 0x1.8p-25F, 0x1.004p-14F}) {
    const std::uint16_t half = f16_from_f32(x);
    line("f16({:<14.9g}) = {:04X}   f32 of it = {}", x, half, shown(f32_from_f16(half)));
  }
}

const std::vector<float> kExampleX{1, -2, 3, 0.5F, 0.03F};

TEST_F(ArithmeticExamples, activation_block) {
  const float amax = 3;
  const float raw = amax * 0x1.020408p-7F;
  line("x            = 1 -2 3 0.5 0.03, then 27 zeros; amax = 3");
  line("amax * 3C010204 = {}", shown(raw));
  ActivationBlock block{};
  ASSERT_TRUE(quantize_block_q8_0(kExampleX.data(), 5, block));
  line("d            = f16 {:04X} = {}", f16_from_f32(raw), shown(block.scale));
  line("r            = {}", shown(1.0F / block.scale));
  line("q            = {}, then zeros", shown(block.q, 5));
  line("sum_a        = {}", block.sum);
  ASSERT_TRUE(quantize_block_mxint8(kExampleX.data(), 5, block));
  line("as mxint8    : e = 1, q = {}, value of q[2] = {} * 2^-5 = {}", shown(block.q, 5),
       block.q[2], static_cast<float>(block.q[2]) * block.scale);
}

TEST_F(ArithmeticExamples, matrix_product) {
  // Two blocks of one q4_1 weight row; weights i mod 16 and 15 - i mod 16.
  std::array<WeightBlock, 2> w{};
  std::array<ActivationBlock, 2> a{};
  std::vector<float> x(64);
  for (std::size_t i = 0; i < 64; ++i) {
    x[i] = static_cast<float>(i % 7) - 2.5F;
    w[i / 32].q[i % 32] = static_cast<std::int8_t>(i < 32 ? i % 16 : 15 - i % 16);
  }
  w[0].scale = rounded_to_f16(0.01F);
  w[0].minimum = rounded_to_f16(-0.08F);
  w[1].scale = rounded_to_f16(0.02F);
  w[1].minimum = rounded_to_f16(-0.1F);
  ASSERT_TRUE(quantize_row(ActivationFormat::q8_0, x.data(), 64, a.data()));
  float acc = 0;
  for (std::size_t b = 0; b < 2; ++b) {
    const std::int32_t integer = block_dot(w[b].q, a[b].q);
    const float s = a[b].scale * w[b].scale;
    const float t = static_cast<float>(a[b].sum) * a[b].scale;
    line("block {}: sw = {}  min_w = {}", b, shown(w[b].scale), shown(w[b].minimum));
    line("         sa = {}  sum_a = {}  dot = {}", shown(a[b].scale), a[b].sum, integer);
    line("         s = {}  t = {}", shown(s), shown(t));
    acc = acc + static_cast<float>(integer) * s;
    line("         acc + dot*s   = {}", shown(acc));
    acc = acc + t * w[b].minimum;
    line("         acc + t*min_w = {}", shown(acc));
  }
  EXPECT_EQ(acc, dot(w.data(), a.data(), 2, true));
}

TEST_F(ArithmeticExamples, segments) {
  // 33 blocks: 32 in the first segment, one in the second.
  std::vector<WeightBlock> w(33);
  std::vector<ActivationBlock> a(33);
  for (std::size_t b = 0; b < 33; ++b) {
    w[b] = {{}, rounded_to_f16(0.1F), 0};
    a[b] = {{}, rounded_to_f16(0.1F), 32 * 127};
    w[b].q.fill(127);
    a[b].q.fill(127);
  }
  const float first = dot(w.data(), a.data(), 32, false);
  const float second = dot(w.data() + 32, a.data() + 32, 1, false);
  line("every q is 127, every scale f16(0.1); dot of a block = 516128");
  line("segment 0 (32 blocks) = {}", shown(first));
  line("segment 1 (1 block)   = {}", shown(second));
  line("result                = {}", shown(dot(w.data(), a.data(), 33, false)));
}

TEST_F(ArithmeticExamples, transcoded_sub_block) {
  const float d = rounded_to_f16(0.0123F);
  const float dmin = rounded_to_f16(0.0087F);
  line("Q4_K: d = f16 {:04X}, sc = 41, dmin = f16 {:04X}, mn = 29", f16_from_f32(d),
       f16_from_f32(dmin));
  line("d*sc     = {}  scale   = f16 {:04X} = {}", shown(d * 41), f16_from_f32(d * 41),
       shown(rounded_to_f16(d * 41)));
  line("-dmin*mn = {}  minimum = f16 {:04X} = {}", shown(-dmin * 29), f16_from_f32(-dmin * 29),
       shown(rounded_to_f16(-dmin * 29)));
}

TEST_F(ArithmeticExamples, exp2_step_by_step) {
  for (const float x : {0.3F, -1.7F}) {
    const auto k = static_cast<int>(std::floor(x * 16));
    const float f = x - static_cast<float>(k) * 0.0625F;
    const auto j = static_cast<std::size_t>(k & 15);
    const float p = ((f * kExp2C3 + kExp2C2) * f + kExp2C1) * f;
    const float r = kExp2High[j] + (kExp2High[j] * p + kExp2Low[j]);
    line("x = {}: K = {}, j = {}, exponent {}", shown(x), k, j, k >> 4);
    line("    f = {}  p = {}", shown(f), shown(p));
    line("    r = {}  exp2 = {}", shown(r), shown(numeric::exp2(x)));
  }
}

TEST_F(ArithmeticExamples, tables) {
  const auto table = [&](const char* name, std::span<const float> values) {
    for (std::size_t i = 0; i < values.size(); i += 8) {
      std::string row;
      for (const float value : values.subspan(i, std::min<std::size_t>(8, values.size() - i))) {
        row += fmt::format(" {:08X}", std::bit_cast<std::uint32_t>(value));
      }
      line("{:<8}{:>3}:{}", name, i, row);
    }
  };
  table("exp2 hi", kExp2High);
  table("exp2 lo", kExp2Low);
  table("exp2 c", std::array{kExp2C1, kExp2C2, kExp2C3});
  table("rcp a", kRcpA);
  table("rcp b", kRcpB);
  table("rsqrt a", kRsqrtA);
  table("rsqrt b", kRsqrtB);
}

TEST_F(ArithmeticExamples, functions) {
  line("rcp(3)      = {}", shown(rcp(3)));
  line("rcp(-1e-38) = {}", shown(rcp(-1e-38F)));
  line("rsqrt(3)    = {}", shown(rsqrt(3)));
  line("rsqrt(1e20) = {}", shown(rsqrt(1e20F)));
  line("tanh(0.5)   = {}", shown(numeric::tanh(0.5F)));
  line("silu(1)     = {}", shown(silu(1)));
  line("silu(-20)   = {}", shown(silu(-20)));
  line("gelu(1)     = {}", shown(gelu(1)));
  line("gelu(-3)    = {}", shown(gelu(-3)));
}

TEST_F(ArithmeticExamples, tree) {
  std::vector<float> x(40);
  float ascending = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = 1.0F / static_cast<float>(i + 1);
    ascending = ascending + x[i];
  }
  line("x_i = FP32 quotient 1 / (i + 1) for i = 0..39");
  line("partial 7 = x_7 + x_39 = {}", shown(x[7] + x[39]));
  line("tree      = {}", shown(tree_sum(x)));
  line("(one ascending sum would give {})", shown(ascending));
}

TEST_F(ArithmeticExamples, rms_norm_row) {
  const std::vector<float> x{1, 2, 3, 4};
  const std::vector<float> weight{1, 1, 0.5F, 2};
  std::vector<float> y(4);
  rms_norm(x.data(), weight.data(), 4, 1e-5F, y.data());
  line("x = 1 2 3 4, w = 1 1 0.5 2, eps = 1e-5: S = 30, r = {}", shown(rsqrt(30 * 0.25F + 1e-5F)));
  for (std::size_t i = 0; i < 4; ++i) {
    line("y[{}] = {}", i, shown(y[i]));
  }
}

TEST_F(ArithmeticExamples, attention_of_three_positions) {
  // head_dim 32; query and keys are constant blocks, values are 64, -32, 16 in dimension 0.
  const auto constant = [](int q, float scale) {
    ActivationBlock block{{}, scale, 32 * q};
    block.q.fill(static_cast<std::int8_t>(q));
    return block;
  };
  const ActivationBlock query = constant(100, 0x1p-6F);
  const std::vector<ActivationBlock> keys{constant(3, 0x1p-6F), constant(10, 0x1p-6F),
                                          constant(-20, 0x1p-6F)};
  const std::vector<ActivationBlock> values{constant(64, 0x1p-5F), constant(-32, 0x1p-6F),
                                            constant(16, 0x1p-4F)};
  const AttentionShape shape{.head_dim = 32, .scale = 0.25F};
  line("query: all q = 100, sa = 2^-6; keys: q = 3, 10, -20, scale 2^-6; scale = 0.25");
  line("values: q = 64, -32, 16, scales 2^-5, 2^-6, 2^-4; position 2 attends to 0..2");
  line("c = {}", shown(score_factor(shape.scale)));
  std::array<float, 64> p{};
  std::array<float, 32> u{};
  float largest = -1e30F;
  std::array<float, 3> z{};
  for (std::size_t j = 0; j < 3; ++j) {
    z[j] = dot(&query, &keys[j], 1) * score_factor(shape.scale);
    largest = std::max(largest, z[j]);
  }
  const float m = std::ceil(largest);
  for (std::size_t j = 0; j < 3; ++j) {
    p[j] = numeric::exp2(z[j] - m);
    u[j] = p[j] * values[j].scale;
    line("z_{} = {}  p = {}  u = {}", j, shown(z[j]), shown(p[j]), shown(u[j]));
  }
  const float l = tree_sum(p);
  ProbabilityBlock block{};
  ASSERT_TRUE(quantize_probabilities(u.data(), block));
  line("m' = {}, l = {}", m, shown(l));
  line("d = {}, q = {} {} {}", shown(block.scale), block.q[0], block.q[1], block.q[2]);
  std::int32_t sum = 0;
  for (std::size_t j = 0; j < 3; ++j) {
    sum += block.q[j] * values[j].q[0];
  }
  const float t = 0.0F + static_cast<float>(sum) * block.scale;
  line("integer dot of dimension 0 = {}, t = {}", sum, shown(t));
  std::vector<float> out(32);
  ASSERT_TRUE(attention(shape, &query, 2, keys.data(), values.data(), out.data()));
  EXPECT_EQ(out[0], t * rcp(l));
  line("rcp(l) = {}, result = {}", shown(rcp(l)), shown(out[0]));
}

TEST_F(ArithmeticExamples, rope_table) {
  RopeTable table({.dimensions = 64, .base = 100000, .factor = 1, .frequency_factors = {}});
  table.extend(1001);
  line("dimensions 64, base 100000, no scaling");
  for (const std::size_t position : {1U, 1000U}) {
    for (const std::size_t pair : {0U, 1U, 31U}) {
      line("position {:4}, pair {:2}: cos = {}  sin = {}", position, pair,
           shown(table.cosine(position)[pair]), shown(table.sine(position)[pair]));
    }
  }
}

}  // namespace
}  // namespace churon::numeric
