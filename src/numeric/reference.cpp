#include "numeric/reference.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

#include "base/check.h"
#include "numeric/float16.h"
#include "numeric/functions.h"

namespace churon::numeric {

namespace {

constexpr std::uint32_t kMagnitude = 0x7FFFFFFFU;
constexpr std::uint32_t kInfinity = 0x7F800000U;
constexpr std::uint32_t kLargest = 0x7F7FFFFFU;

// NaN counts as +0, an infinity as the largest finite value of its sign; false where one was met.
bool finite_value(float& x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & kMagnitude) < kInfinity) {
    return true;
  }
  x = (bits & kMagnitude) == kInfinity ? std::bit_cast<float>((bits & ~kMagnitude) | kLargest)
                                       : 0.0F;
  return false;
}

// The largest magnitude, compared as bit patterns; a subnormal is zero.
float largest_magnitude(std::span<const float> x) {
  std::uint32_t largest = 0;
  for (const float value : x) {
    largest = std::max(largest, std::bit_cast<std::uint32_t>(value) & kMagnitude);
  }
  return largest < 0x00800000U ? 0.0F : std::bit_cast<float>(largest);
}

// floor(log2 x) of a positive normal number.
int floor_log2(float x) { return static_cast<int>(std::bit_cast<std::uint32_t>(x) >> 23) - 127; }

// 2^n as FP32; below the normal range +0.
float power_of_two(int n) {
  return n < -126 ? 0.0F : std::bit_cast<float>(static_cast<std::uint32_t>(n + 127) << 23);
}

// Adding 1.5 * 2^23 rounds to the nearest integer, ties to even, and leaves it in the low bits.
std::int32_t nearest_integer(float x) {
  return std::bit_cast<std::int32_t>(x + 0x1.8p23F) - 0x4B400000;
}

std::int8_t rounded(float x) {
  return static_cast<std::int8_t>(nearest_integer(std::clamp(x, -127.0F, 127.0F)));
}

struct FiniteBlock {
  std::array<float, kBlock> x{};
  bool finite = true;
};
FiniteBlock finite_block(const float* x, int count) {
  FiniteBlock block;
  for (int i = 0; i < count; ++i) {
    auto& value = block.x[static_cast<std::size_t>(i)];
    value = x[i];
    block.finite = finite_value(value) && block.finite;
  }
  return block;
}

std::int32_t sum_of(const std::array<std::int8_t, kBlock>& q) {
  std::int32_t sum = 0;
  for (const std::int8_t value : q) {
    sum += value;
  }
  return sum;
}

}  // namespace

// --- Activation blocks ---

bool quantize_block_q8_0(const float* x, int count, ActivationBlock& out) {
  const FiniteBlock block = finite_block(x, count);
  const float amax = largest_magnitude(block.x);
  const float d = rounded_to_f16(std::min(amax * 0x1.020408p-7F, 65504.0F));
  out = {};
  if (d != 0) {
    const float r = 1.0F / d;
    for (std::size_t i = 0; i < kBlock; ++i) {
      out.q[i] = rounded(block.x[i] * r);
    }
    out.scale = d;
    out.sum = sum_of(out.q);
  }
  return block.finite;
}

bool quantize_block_mxint8(const float* x, int count, ActivationBlock& out) {
  const FiniteBlock block = finite_block(x, count);
  const float amax = largest_magnitude(block.x);
  out = {};
  if (amax < power_of_two(kExponentMin)) {
    out.scale = power_of_two(kExponentMin - 6);
    return block.finite;
  }
  const int e = std::clamp(floor_log2(amax), kExponentMin, kExponentMax);
  for (std::size_t i = 0; i < kBlock; ++i) {
    out.q[i] = rounded(block.x[i] * power_of_two(6 - e));
  }
  out.scale = power_of_two(e - 6);
  out.sum = sum_of(out.q);
  return block.finite;
}

bool quantize_block(ActivationFormat format, const float* x, int count, ActivationBlock& out) {
  return format == ActivationFormat::q8_0 ? quantize_block_q8_0(x, count, out)
                                          : quantize_block_mxint8(x, count, out);
}

bool quantize_row(ActivationFormat format, const float* x, std::size_t count,
                  ActivationBlock* out) {
  bool finite = true;
  for (std::size_t i = 0; i < count; i += kBlock) {
    const int length = static_cast<int>(std::min<std::size_t>(kBlock, count - i));
    finite = quantize_block(format, x + i, length, out[i / kBlock]) && finite;
  }
  return finite;
}

// --- Matrix products ---

std::int32_t block_dot(const std::array<std::int8_t, kBlock>& a,
                       const std::array<std::int8_t, kBlock>& b) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    sum += static_cast<std::int32_t>(a[i]) * b[i];
  }
  return sum;
}

float dot(const WeightBlock* weights, const ActivationBlock* activations, std::size_t blocks,
          bool has_minimum) {
  constexpr std::size_t kSegmentBlocks = kSegment / kBlock;
  float total = 0;
  for (std::size_t begin = 0; begin < blocks; begin += kSegmentBlocks) {
    float acc = 0;
    for (std::size_t b = begin; b < std::min(blocks, begin + kSegmentBlocks); ++b) {
      const auto& w = weights[b];
      const auto& a = activations[b];
      const float s = a.scale * w.scale;
      acc = acc + static_cast<float>(block_dot(w.q, a.q)) * s;
      if (has_minimum) {
        const float t = static_cast<float>(a.sum) * a.scale;
        acc = acc + t * w.minimum;
      }
    }
    total = begin == 0 ? acc : total + acc;
  }
  return total;
}

float dot(const ActivationBlock* a, const ActivationBlock* b, std::size_t blocks) {
  check(blocks <= kSegment / kBlock, blocks);
  float acc = 0;
  for (std::size_t i = 0; i < blocks; ++i) {
    const float s = a[i].scale * b[i].scale;
    acc = acc + static_cast<float>(block_dot(a[i].q, b[i].q)) * s;
  }
  return acc;
}

void matmul(const WeightBlock* weights, std::size_t weight_rows, const ActivationBlock* activations,
            std::size_t rows, std::size_t blocks, bool has_minimum, float* y) {
  for (std::size_t row = 0; row < rows; ++row) {
    for (std::size_t n = 0; n < weight_rows; ++n) {
      y[row * weight_rows + n] =
          dot(weights + n * blocks, activations + row * blocks, blocks, has_minimum);
    }
  }
}

// --- Vector operations ---

float tree_sum(std::span<const float> values) {
  std::array<float, 32> partial{};
  for (std::size_t i = 0; i < values.size(); ++i) {
    partial[i % 32] = partial[i % 32] + values[i];
  }
  for (std::size_t half = 16; half > 0; half /= 2) {
    for (std::size_t i = 0; i < half; ++i) {
      partial[i] = partial[i] + partial[i + half];
    }
  }
  return partial[0];
}

void rms_norm(const float* x, const float* weight, std::size_t n, float epsilon, float* y) {
  std::vector<float> squares(n);
  for (std::size_t i = 0; i < n; ++i) {
    squares[i] = x[i] * x[i];
  }
  const float mean = tree_sum(squares) * static_cast<float>(1.0 / static_cast<double>(n));
  const float r = rsqrt(mean + epsilon);
  for (std::size_t i = 0; i < n; ++i) {
    y[i] = (x[i] * r) * weight[i];
  }
}

void silu_mul(const float* gate, const float* up, std::size_t n, float* y) {
  for (std::size_t i = 0; i < n; ++i) {
    y[i] = silu(gate[i]) * up[i];
  }
}

void gelu_mul(const float* gate, const float* up, std::size_t n, float* y) {
  for (std::size_t i = 0; i < n; ++i) {
    y[i] = gelu(gate[i]) * up[i];
  }
}

void softcap(float* x, std::size_t n, float cap) {
  const float inverse = 1.0F / cap;
  for (std::size_t i = 0; i < n; ++i) {
    x[i] = cap * tanh(x[i] * inverse);
  }
}

void add(float* x, const float* y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    x[i] = x[i] + y[i];
  }
}

void rope(float* head, int dimensions, RopePairing pairing, const float* cosine,
          const float* sine) {
  const int pairs = dimensions / 2;
  for (int i = 0; i < pairs; ++i) {
    float& x1 = head[pairing == RopePairing::adjacent ? 2 * i : i];
    float& x2 = head[pairing == RopePairing::adjacent ? 2 * i + 1 : i + pairs];
    const float a = x1;
    const float b = x2;
    x1 = a * cosine[i] - b * sine[i];
    x2 = a * sine[i] + b * cosine[i];
  }
}

// --- Attention ---

bool quantize_probabilities(const float* u, ProbabilityBlock& out) {
  const float amax = largest_magnitude({u, kBlock});
  const bool finite = std::isfinite(amax);
  const int exponent = amax == 0 || !finite ? -100 : std::max(floor_log2(amax), -100);
  out.scale = power_of_two(exponent - 14);
  const float inverse = power_of_two(14 - exponent);
  for (std::size_t i = 0; i < kBlock; ++i) {
    const float q = finite ? u[i] * inverse : 0.0F;
    out.q[i] = static_cast<std::int16_t>(std::min(nearest_integer(q), 32767));
  }
  return finite;
}

float score_factor(float scale) {
  return static_cast<float>(1.4426950408889634 * static_cast<double>(scale));
}

namespace {

constexpr float kNoMaximum = -std::numeric_limits<float>::infinity();

// The running state of one span, or of all spans merged so far.
struct SoftmaxState {
  float m = kNoMaximum;
  float l = 0;
  std::vector<float> o;
};

// 2^(m - m'), exact; before the first score the state is zero and any factor does.
float rescale(float m, float m_new) { return m == kNoMaximum ? 0.0F : numeric::exp2(m - m_new); }

// A row's scores: soft-cap first, then to powers of two.
float to_score(float product, const AttentionShape& shape) {
  if (shape.softcap == 0) {
    return product * score_factor(shape.scale);
  }
  const float capped =
      shape.softcap * numeric::tanh((product * shape.scale) * (1.0F / shape.softcap));
  return capped * kLog2E;
}

// Runs the tiles and spans of rule 5. `score(position)` gives Q*K; `accumulate(tile_begin, p, t)`
// adds to `t`, zero at first, the product of the tile's probabilities with the values.
template <typename Score, typename Accumulate>
bool attend(const AttentionShape& shape, std::size_t position, float* out, const Score& score,
            const Accumulate& accumulate) {
  const auto head_dim = static_cast<std::size_t>(shape.head_dim);
  const std::size_t first_visible =
      shape.window > 0 && position + 1 > static_cast<std::size_t>(shape.window)
          ? position + 1 - static_cast<std::size_t>(shape.window)
          : 0;
  bool finite = true;
  SoftmaxState total;
  total.o.assign(head_dim, 0.0F);
  for (std::size_t span = 0; span <= position; span += kAttentionSpan) {
    SoftmaxState state;
    state.o.assign(head_dim, 0.0F);
    for (std::size_t tile = span; tile <= position && tile < span + kAttentionSpan;
         tile += kAttentionTile) {
      if (tile + kAttentionTile <= first_visible) {
        continue;
      }
      std::array<float, kAttentionTile> z{};
      float largest = kNoMaximum;
      const auto visible = [&](std::size_t j) {
        return tile + j >= first_visible && tile + j <= position;
      };
      for (std::size_t j = 0; j < kAttentionTile; ++j) {
        if (visible(j)) {
          // Looked at before the soft-cap too, which would hide it.
          const float product = score(tile + j);
          z[j] = to_score(product, shape);
          finite = finite && std::isfinite(product) && std::isfinite(z[j]);
          largest = std::max(largest, z[j]);
        }
      }
      const float m_new = std::max(state.m, std::ceil(largest));
      const float a = rescale(state.m, m_new);
      std::array<float, kAttentionTile> p{};
      for (std::size_t j = 0; j < kAttentionTile; ++j) {
        p[j] = visible(j) ? numeric::exp2(z[j] - m_new) : 0.0F;
      }
      state.l = state.l * a + tree_sum(p);
      std::vector<float> t(head_dim, 0.0F);
      finite = accumulate(tile, p, t) && finite;
      for (std::size_t i = 0; i < head_dim; ++i) {
        state.o[i] = state.o[i] * a + t[i];
      }
      state.m = m_new;
    }
    if (state.m == kNoMaximum) {
      continue;
    }
    if (total.m == kNoMaximum) {
      total = state;
      continue;
    }
    const float m_new = std::max(total.m, state.m);
    const float a = rescale(total.m, m_new);
    const float b = rescale(state.m, m_new);
    total.l = total.l * a + state.l * b;
    for (std::size_t i = 0; i < head_dim; ++i) {
      total.o[i] = total.o[i] * a + state.o[i] * b;
    }
    total.m = m_new;
  }
  const float inverse = rcp(total.l);
  for (std::size_t i = 0; i < head_dim; ++i) {
    out[i] = total.o[i] * inverse;
  }
  return finite;
}

}  // namespace

bool attention(const AttentionShape& shape, const ActivationBlock* query, std::size_t position,
               const ActivationBlock* keys, const ActivationBlock* values, float* out) {
  const std::size_t blocks = static_cast<std::size_t>(shape.head_dim + kBlock - 1) / kBlock;
  const auto score = [&](std::size_t j) { return dot(query, keys + j * blocks, blocks); };
  const auto accumulate = [&](std::size_t tile, const std::array<float, kAttentionTile>& p,
                              std::vector<float>& t) {
    bool finite = true;
    for (std::size_t b = 0; b < blocks; ++b) {
      for (std::size_t half = 0; half < kAttentionTile; half += kBlock) {
        std::array<float, kBlock> u{};
        for (std::size_t j = 0; j < kBlock; ++j) {
          // A masked position has p = 0 and need not be in the cache.
          u[j] = tile + half + j <= position
                     ? p[half + j] * values[(tile + half + j) * blocks + b].scale
                     : 0.0F;
        }
        ProbabilityBlock quantized{};
        finite = quantize_probabilities(u.data(), quantized) && finite;
        for (std::size_t i = b * kBlock; i < std::min<std::size_t>((b + 1) * kBlock, t.size());
             ++i) {
          std::int32_t sum = 0;
          for (std::size_t j = 0; j < kBlock && tile + half + j <= position; ++j) {
            sum += static_cast<std::int32_t>(quantized.q[j]) *
                   values[(tile + half + j) * blocks + b].q[i % kBlock];
          }
          t[i] = t[i] + static_cast<float>(sum) * quantized.scale;
        }
      }
    }
    return finite;
  };
  return attend(shape, position, out, score, accumulate);
}

bool attention_f32(const AttentionShape& shape, const float* query, std::size_t position,
                   const float* keys, const float* values, float* out) {
  const auto head_dim = static_cast<std::size_t>(shape.head_dim);
  const auto score = [&](std::size_t j) {
    std::vector<float> products(head_dim);
    for (std::size_t i = 0; i < head_dim; ++i) {
      products[i] = query[i] * keys[j * head_dim + i];
    }
    return tree_sum(products);
  };
  const auto accumulate = [&](std::size_t tile, const std::array<float, kAttentionTile>& p,
                              std::vector<float>& t) {
    for (std::size_t i = 0; i < head_dim; ++i) {
      std::array<float, kAttentionTile> products{};
      for (std::size_t j = 0; j < kAttentionTile && tile + j <= position; ++j) {
        products[j] = p[j] * values[(tile + j) * head_dim + i];
      }
      t[i] = tree_sum(products);
    }
    return true;
  };
  return attend(shape, position, out, score, accumulate);
}

}  // namespace churon::numeric
