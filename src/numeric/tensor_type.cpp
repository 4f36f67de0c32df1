#include "numeric/tensor_type.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/text.h"
#include "numeric/float16.h"
#include "numeric/reference.h"

namespace churon::numeric {

namespace {

constexpr std::array<TensorTypeInfo, 12> kTypes{{
    {TensorType::f32, "F32", 0, 1, 4},
    {TensorType::f16, "F16", 1, 1, 2},
    {TensorType::bf16, "BF16", 30, 1, 2},
    {TensorType::q8_0, "Q8_0", 8, 32, 34},
    {TensorType::q4_0, "Q4_0", 2, 32, 18},
    {TensorType::q4_1, "Q4_1", 3, 32, 20},
    {TensorType::q5_0, "Q5_0", 6, 32, 22},
    {TensorType::q5_1, "Q5_1", 7, 32, 24},
    {TensorType::q4_k, "Q4_K", 12, 256, 144},
    {TensorType::q5_k, "Q5_K", 13, 256, 176},
    {TensorType::q6_k, "Q6_K", 14, 256, 210},
    {TensorType::mxfp4, "MXFP4", 39, 32, 17},
}};

std::uint8_t byte_at(const std::byte* data, std::size_t index) {
  return std::to_integer<std::uint8_t>(data[index]);
}

std::uint16_t half_at(const std::byte* data) {
  std::uint16_t half;
  std::memcpy(&half, data, sizeof half);
  return half;
}

float f16_at(const std::byte* data) { return f32_from_f16(half_at(data)); }

void put_half(std::byte* data, std::uint16_t half) { std::memcpy(data, &half, sizeof half); }
void put_byte(std::byte* data, std::size_t index, int value) {
  data[index] = static_cast<std::byte>(static_cast<std::uint8_t>(value));
}

// Element i of a block of 32 nibbles.
int nibble(const std::byte* nibbles, std::size_t i) {
  const std::uint8_t byte = byte_at(nibbles, i % 16);
  return i < 16 ? byte & 15 : byte >> 4;
}

int fifth_bit(const std::byte* bits, std::size_t i) {
  return (byte_at(bits, i / 8) >> (i % 8)) & 1;
}

}  // namespace

std::array<KScale, 8> k_scales(const std::byte* packed) {
  // Twelve bytes hold eight 6-bit scales and eight 6-bit minima: the first four of each whole, the
  // others split into four low bits and two high bits kept above the first ones.
  std::array<KScale, 8> scales;
  for (std::size_t j = 0; j < 8; ++j) {
    if (j < 4) {
      scales[j] = {byte_at(packed, j) & 63, byte_at(packed, j + 4) & 63};
    } else {
      scales[j] = {(byte_at(packed, j + 4) & 15) | ((byte_at(packed, j - 4) >> 6) << 4),
                   (byte_at(packed, j + 4) >> 4) | ((byte_at(packed, j) >> 6) << 4)};
    }
  }
  return scales;
}

int k_element(TensorType type, const std::byte* block, int i) {
  const int group = i / 32;  // sub-blocks 2g and 2g + 1 share 32 bytes: low and high nibbles
  const std::byte* quants = block + (type == TensorType::q5_k ? 48 : 16);
  const int at = group / 2 * 32 + i % 32;
  const std::uint8_t byte = byte_at(quants, static_cast<std::size_t>(at));
  int q = group % 2 == 0 ? byte & 15 : byte >> 4;
  if (type == TensorType::q5_k) {
    q |= ((byte_at(block + 16, static_cast<std::size_t>(i % 32)) >> group) & 1) << 4;
  }
  return q;
}

float mxfp4_value(int code) {
  constexpr std::array<float, 8> kMagnitudes{0, 0.5F, 1, 1.5F, 2, 3, 4, 6};
  const float magnitude = kMagnitudes[static_cast<std::size_t>(code & 7)];
  return (code & 8) != 0 ? -magnitude : magnitude;
}

std::span<const TensorTypeInfo> tensor_types() { return kTypes; }

const TensorTypeInfo& info(TensorType type) { return kTypes[static_cast<std::size_t>(type)]; }

std::optional<TensorType> tensor_type_from_ggml(std::uint32_t ggml_id) {
  for (const auto& row : kTypes) {
    if (row.ggml_id == ggml_id) {
      return row.type;
    }
  }
  return std::nullopt;
}

std::optional<TensorType> tensor_type_from_name(std::string_view name) {
  const std::string wanted = to_lower_ascii(name);
  for (const auto& row : kTypes) {
    if (to_lower_ascii(row.name) == wanted) {
      return row.type;
    }
  }
  return std::nullopt;
}

std::size_t bytes_of(TensorType type, std::size_t count) {
  const auto& row = info(type);
  check(count % static_cast<std::size_t>(row.block_elements) == 0, row.name, count);
  return count / static_cast<std::size_t>(row.block_elements) *
         static_cast<std::size_t>(row.block_bytes);
}

namespace {

void dequantize_block(TensorType type, const std::byte* block, float* out) {
  switch (type) {
    case TensorType::f32:
      std::memcpy(out, block, sizeof(float));
      return;
    case TensorType::f16:
      *out = f16_at(block);
      return;
    case TensorType::bf16:
      *out = f32_from_bf16(half_at(block));
      return;
    case TensorType::q8_0: {
      const float d = f16_at(block);
      for (std::size_t i = 0; i < 32; ++i) {
        out[i] = d * static_cast<float>(static_cast<std::int8_t>(byte_at(block, 2 + i)));
      }
      return;
    }
    case TensorType::q4_0: {
      const float d = f16_at(block);
      for (std::size_t i = 0; i < 32; ++i) {
        out[i] = d * static_cast<float>(nibble(block + 2, i) - 8);
      }
      return;
    }
    case TensorType::q4_1: {
      const float d = f16_at(block);
      const float m = f16_at(block + 2);
      for (std::size_t i = 0; i < 32; ++i) {
        out[i] = d * static_cast<float>(nibble(block + 4, i)) + m;
      }
      return;
    }
    case TensorType::q5_0: {
      const float d = f16_at(block);
      for (std::size_t i = 0; i < 32; ++i) {
        out[i] =
            d * static_cast<float>((nibble(block + 6, i) | (fifth_bit(block + 2, i) << 4)) - 16);
      }
      return;
    }
    case TensorType::q5_1: {
      const float d = f16_at(block);
      const float m = f16_at(block + 2);
      for (std::size_t i = 0; i < 32; ++i) {
        out[i] = d * static_cast<float>(nibble(block + 8, i) | (fifth_bit(block + 4, i) << 4)) + m;
      }
      return;
    }
    case TensorType::q4_k:
    case TensorType::q5_k: {
      const float d = f16_at(block);
      const float dmin = f16_at(block + 2);
      const auto scales = k_scales(block + 4);
      for (std::size_t i = 0; i < 256; ++i) {
        const auto& sub = scales[i / 32];
        out[i] = d * static_cast<float>(sub.scale) *
                     static_cast<float>(k_element(type, block, static_cast<int>(i))) -
                 dmin * static_cast<float>(sub.minimum);
      }
      return;
    }
    case TensorType::q6_k: {
      const float d = f16_at(block + 208);
      for (std::size_t i = 0; i < 256; ++i) {
        // Halves of 128: 64 bytes of low nibbles, 32 bytes of two-bit tops, 8 scales.
        const std::size_t half = i / 128;
        const std::size_t within = i % 128;
        const std::size_t quarter = within / 32;
        const std::size_t l = within % 32;
        const std::uint8_t low = byte_at(block, half * 64 + (quarter % 2) * 32 + l);
        const int low4 = quarter < 2 ? low & 15 : low >> 4;
        const int high2 = (byte_at(block, 128 + half * 32 + l) >> (2 * quarter)) & 3;
        const auto scale = static_cast<std::int8_t>(byte_at(block, 192 + i / 16));
        out[i] = d * static_cast<float>(scale) * static_cast<float>((low4 | (high2 << 4)) - 32);
      }
      return;
    }
    case TensorType::mxfp4: {
      const int e = byte_at(block, 0);
      const auto scale = static_cast<float>(std::ldexp(1.0, e - 127));
      for (std::size_t i = 0; i < 32; ++i) {
        out[i] = scale * mxfp4_value(nibble(block + 1, i));
      }
      return;
    }
  }
}

// --- Quantisers ---

// The integer in low..high nearest to x, ties to even; a NaN gives `low`. Adding 1.5 * 2^23 rounds
// to an integer and leaves it in the low bits.
int nearest(float x, int low, int high) {
  const float clamped = std::min(std::max(static_cast<float>(low), x), static_cast<float>(high));
  return std::bit_cast<std::int32_t>(clamped + 0x1.8p23F) - 0x4B400000;
}

// What no finite half can hold becomes the largest one.
std::uint16_t saturated_f16(float x) { return f16_from_f32(std::clamp(x, -65504.0F, 65504.0F)); }

// Sums run in four lanes, in binary64, so that they need not wait for one another.
constexpr std::size_t kLanes = 4;
using Lanes = std::array<double, kLanes>;
double sum_of(const Lanes& lanes) { return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]); }

// Scale of a symmetric format with levels -n..n-1: of some scales around -n / extreme, each
// replaced by the least-squares optimum for its rounding, the one with the least error. Errors are
// weighted with x^2, since large weights matter more.
float search_scale(const float* x, std::size_t count, int n) {
  float extreme = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (std::fabs(x[i]) > std::fabs(extreme)) {
      extreme = x[i];
    }
  }
  if (extreme == 0) {
    return 0;
  }
  double best_gain = -1;
  float best_scale = 0;
  for (int step = -9; step <= 9; ++step) {
    const float inverse = -(static_cast<float>(n) + 0.1F * static_cast<float>(step)) / extreme;
    Lanes xq{};
    Lanes qq{};
    for (std::size_t i = 0; i < count; i += kLanes) {
      for (std::size_t lane = 0; lane < kLanes; ++lane) {
        const double value = x[i + lane];
        const double level = nearest(x[i + lane] * inverse, -n, n - 1);
        const double weighted = value * value * level;
        xq[lane] += weighted * value;
        qq[lane] += weighted * level;
      }
    }
    // The error is sum(w x^2) - xq^2 / qq at scale xq / qq.
    const double gain = sum_of(qq) > 0 ? sum_of(xq) * sum_of(xq) / sum_of(qq) : -1;
    if (gain > best_gain) {
      best_gain = gain;
      best_scale = static_cast<float>(sum_of(xq) / sum_of(qq));
    }
  }
  return best_scale;
}

struct Affine {
  float scale;
  float minimum;  // value = scale * q + minimum
};

// The sums of a block of 32 that a straight line through (q, x) depends on.
struct Sums {
  double q = 0, qq = 0, x = 0, xx = 0, xq = 0;
};
Sums sums_of(const float* x, const Affine& line, int n) {
  const float inverse = 1 / line.scale;
  std::int32_t sum_q = 0;
  std::int32_t sum_qq = 0;
  Lanes sum_x{};
  Lanes sum_xx{};
  Lanes sum_xq{};
  for (std::size_t i = 0; i < 32; i += kLanes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      const double value = x[i + lane];
      const int q = nearest((x[i + lane] - line.minimum) * inverse, 0, n);
      sum_q += q;
      sum_qq += q * q;
      sum_x[lane] += value;
      sum_xx[lane] += value * value;
      sum_xq[lane] += value * q;
    }
  }
  return {static_cast<double>(sum_q), static_cast<double>(sum_qq), sum_of(sum_x), sum_of(sum_xx),
          sum_of(sum_xq)};
}

// Scale and minimum of a block of 32 with levels 0..n: the best of some ranges, each refined by
// least squares on its rounding.
Affine search_affine(const float* x, int n, bool minimum_not_positive) {
  constexpr double kCount = 32;
  float low = *std::min_element(x, x + 32);
  const float high = *std::max_element(x, x + 32);
  if (minimum_not_positive) {
    low = std::min(low, 0.0F);
  }
  if (high <= low) {
    return {0, low};
  }
  Affine best{(high - low) / static_cast<float>(n), low};
  double best_error = -1;
  for (int step = -5; step <= 10; ++step) {
    Affine trial{(high - low) / (static_cast<float>(n) + 0.1F * static_cast<float>(step)), low};
    for (int round = 0; round < 2; ++round) {
      const Sums sum = sums_of(x, trial, n);
      const double determinant = kCount * sum.qq - sum.q * sum.q;
      if (determinant <= 0) {
        break;
      }
      double scale = (kCount * sum.xq - sum.q * sum.x) / determinant;
      double minimum = (sum.x - scale * sum.q) / kCount;
      if (minimum_not_positive && minimum > 0) {
        minimum = 0;
        scale = sum.xq / sum.qq;
      }
      if (scale <= 0) {
        break;
      }
      trial = {static_cast<float>(scale), static_cast<float>(minimum)};
    }
    // The sum of (scale * q + minimum - x)^2, multiplied out.
    const Sums sum = sums_of(x, trial, n);
    const double s = trial.scale;
    const double m = trial.minimum;
    const double error =
        s * s * sum.qq + kCount * m * m + sum.xx + 2 * (s * m * sum.q - s * sum.xq - m * sum.x);
    if (best_error < 0 || error < best_error) {
      best_error = error;
      best = trial;
    }
  }
  return best;
}

void put_nibbles(const int* q, std::byte* out) {
  for (int i = 0; i < 16; ++i) {
    put_byte(out, static_cast<std::size_t>(i), (q[i] & 15) | ((q[i + 16] & 15) << 4));
  }
}

void put_fifth_bits(const int* q, std::byte* out) {
  for (int byte = 0; byte < 4; ++byte) {
    int bits = 0;
    for (int bit = 0; bit < 8; ++bit) {
      bits |= ((q[byte * 8 + bit] >> 4) & 1) << bit;
    }
    put_byte(out, static_cast<std::size_t>(byte), bits);
  }
}

void quantize_symmetric(const float* x, int n, TensorType type, std::byte* out) {
  std::array<int, 32> q{};
  const std::uint16_t half = saturated_f16(search_scale(x, 32, n));
  const float d = f32_from_f16(half);
  for (std::size_t i = 0; i < 32; ++i) {
    q[i] = d == 0 ? n : nearest(x[i] / d, -n, n - 1) + n;
  }
  put_half(out, half);
  if (type == TensorType::q4_0) {
    put_nibbles(q.data(), out + 2);
  } else {
    put_fifth_bits(q.data(), out + 2);
    put_nibbles(q.data(), out + 6);
  }
}

void quantize_affine(const float* x, int n, TensorType type, std::byte* out) {
  const Affine affine = search_affine(x, n, false);
  const std::uint16_t scale = saturated_f16(affine.scale);
  const std::uint16_t minimum = saturated_f16(affine.minimum);
  const float d = f32_from_f16(scale);
  const float m = f32_from_f16(minimum);
  std::array<int, 32> q{};
  for (std::size_t i = 0; i < 32; ++i) {
    q[i] = d == 0 ? 0 : nearest((x[i] - m) / d, 0, n);
  }
  put_half(out, scale);
  put_half(out + 2, minimum);
  if (type == TensorType::q4_1) {
    put_nibbles(q.data(), out + 4);
  } else {
    put_fifth_bits(q.data(), out + 4);
    put_nibbles(q.data(), out + 8);
  }
}

void quantize_k_affine(const float* x, TensorType type, std::byte* out) {
  const int n = type == TensorType::q5_k ? 31 : 15;
  std::array<Affine, 8> subs{};
  float scale_max = 0;
  float minimum_max = 0;
  for (std::size_t j = 0; j < 8; ++j) {
    subs[j] = search_affine(x + 32 * j, n, true);
    scale_max = std::max(scale_max, subs[j].scale);
    minimum_max = std::max(minimum_max, -subs[j].minimum);
  }
  const std::uint16_t d_half = saturated_f16(scale_max / 63);
  const std::uint16_t m_half = saturated_f16(minimum_max / 63);
  const float d = f32_from_f16(d_half);
  const float dmin = f32_from_f16(m_half);
  std::array<int, 8> sc{};
  std::array<int, 8> mn{};
  std::array<int, 256> q{};
  for (std::size_t j = 0; j < 8; ++j) {
    sc[j] = d == 0 ? 0 : nearest(subs[j].scale / d, 0, 63);
    mn[j] = dmin == 0 ? 0 : nearest(-subs[j].minimum / dmin, 0, 63);
    const float scale = d * static_cast<float>(sc[j]);
    const float minimum = dmin * static_cast<float>(mn[j]);
    for (std::size_t i = 32 * j; i < 32 * j + 32; ++i) {
      q[i] = scale == 0 ? 0 : nearest((x[i] + minimum) / scale, 0, n);
    }
  }
  put_half(out, d_half);
  put_half(out + 2, m_half);
  for (std::size_t j = 0; j < 4; ++j) {
    put_byte(out + 4, j, sc[j] | ((sc[j + 4] >> 4) << 6));
    put_byte(out + 4, j + 4, mn[j] | ((mn[j + 4] >> 4) << 6));
    put_byte(out + 4, j + 8, (sc[j + 4] & 15) | ((mn[j + 4] & 15) << 4));
  }
  std::byte* quants = out + 16;
  if (type == TensorType::q5_k) {
    for (std::size_t l = 0; l < 32; ++l) {
      int bits = 0;
      for (std::size_t j = 0; j < 8; ++j) {
        bits |= (q[32 * j + l] >> 4) << j;
      }
      put_byte(out + 16, l, bits);
    }
    quants = out + 48;
  }
  for (std::size_t pair = 0; pair < 4; ++pair) {
    for (std::size_t l = 0; l < 32; ++l) {
      put_byte(quants, pair * 32 + l,
               (q[64 * pair + l] & 15) | ((q[64 * pair + 32 + l] & 15) << 4));
    }
  }
}

void quantize_q6_k(const float* x, std::byte* out) {
  std::array<float, 16> scales{};
  float extreme = 0;
  for (std::size_t j = 0; j < 16; ++j) {
    scales[j] = search_scale(x + 16 * j, 16, 32);
    if (std::fabs(scales[j]) > std::fabs(extreme)) {
      extreme = scales[j];
    }
  }
  const std::uint16_t half = saturated_f16(-extreme / 128);
  const float d = f32_from_f16(half);
  std::memset(out, 0, 210);
  put_half(out + 208, half);
  for (std::size_t j = 0; j < 16; ++j) {
    const int scale = d == 0 ? 0 : nearest(scales[j] / d, -128, 127);
    put_byte(out, 192 + j, scale);
    const float step = d * static_cast<float>(scale);
    for (std::size_t i = 16 * j; i < 16 * j + 16; ++i) {
      const int q = (step == 0 ? 0 : nearest(x[i] / step, -32, 31)) + 32;
      const std::size_t part = i / 128;
      const std::size_t quarter = i % 128 / 32;
      const std::size_t l = i % 32;
      const std::size_t low_at = part * 64 + (quarter % 2) * 32 + l;
      const std::size_t high_at = 128 + part * 32 + l;
      put_byte(out, low_at, byte_at(out, low_at) | (quarter < 2 ? q & 15 : (q & 15) << 4));
      put_byte(out, high_at, byte_at(out, high_at) | ((q >> 4) << (2 * quarter)));
    }
  }
}

void quantize_mxfp4(const float* x, std::byte* out) {
  float amax = 0;
  for (int i = 0; i < 32; ++i) {
    amax = std::max(amax, std::fabs(x[i]));
  }
  // OCP MX 1.0, 6.3: the exponent of the largest magnitude less that of the largest element, 4.
  // Of the neighbouring exponents the one with the least squared error is kept.
  const int floor_log2 = amax == 0 ? 0 : std::ilogb(amax);
  int best_exponent = 0;
  double best_error = -1;
  std::array<int, 32> best{};
  for (int exponent = floor_log2 - 3; exponent <= floor_log2 - 1 && amax > 0; ++exponent) {
    const int clamped = std::clamp(exponent, -60, 40);
    double error = 0;
    std::array<int, 32> codes{};
    for (int i = 0; i < 32; ++i) {
      const double scaled = std::ldexp(static_cast<double>(std::fabs(x[i])), -clamped);
      int code = 0;
      for (int candidate = 1; candidate < 8; ++candidate) {
        const double at = std::fabs(scaled - static_cast<double>(mxfp4_value(candidate)));
        const double before = std::fabs(scaled - static_cast<double>(mxfp4_value(code)));
        // Ties go to the even code, as rounding to nearest even does.
        if (at < before || (at == before && candidate % 2 == 0)) {
          code = candidate;
        }
      }
      const double difference =
          std::ldexp(scaled - static_cast<double>(mxfp4_value(code)), clamped);
      error += difference * difference;
      codes[static_cast<std::size_t>(i)] = code | (x[i] < 0 && code != 0 ? 8 : 0);
    }
    if (best_error < 0 || error < best_error) {
      best_error = error;
      best_exponent = clamped;
      best = codes;
    }
  }
  put_byte(out, 0, amax == 0 ? 0 : best_exponent + 127);
  put_nibbles(best.data(), out + 1);
}

void quantize_block(TensorType type, const float* x, std::byte* out) {
  switch (type) {
    case TensorType::f32:
      std::memcpy(out, x, sizeof(float));
      return;
    case TensorType::f16:
      put_half(out, f16_from_f32(*x));
      return;
    case TensorType::bf16:
      put_half(out, bf16_from_f32(*x));
      return;
    case TensorType::q8_0: {
      ActivationBlock block{};
      static_cast<void>(quantize_block_q8_0(x, 32, block));  // the input is finite
      put_half(out, f16_from_f32(block.scale));
      std::memcpy(out + 2, block.q.data(), block.q.size());
      return;
    }
    case TensorType::q4_0:
      return quantize_symmetric(x, 8, type, out);
    case TensorType::q5_0:
      return quantize_symmetric(x, 16, type, out);
    case TensorType::q4_1:
      return quantize_affine(x, 15, type, out);
    case TensorType::q5_1:
      return quantize_affine(x, 31, type, out);
    case TensorType::q4_k:
    case TensorType::q5_k:
      return quantize_k_affine(x, type, out);
    case TensorType::q6_k:
      return quantize_q6_k(x, out);
    case TensorType::mxfp4:
      return quantize_mxfp4(x, out);
  }
}

}  // namespace

void dequantize(TensorType type, const std::byte* blocks, std::size_t count, float* out) {
  const auto& row = info(type);
  const auto elements = static_cast<std::size_t>(row.block_elements);
  check(count % elements == 0, row.name, count);
  for (std::size_t i = 0; i < count; i += elements) {
    dequantize_block(type, blocks, out + i);
    blocks += row.block_bytes;
  }
}

void quantize(TensorType type, const float* values, std::size_t count, std::byte* blocks) {
  const auto& row = info(type);
  const auto elements = static_cast<std::size_t>(row.block_elements);
  check(count % elements == 0, row.name, count);
  for (std::size_t i = 0; i < count; i += elements) {
    quantize_block(type, values + i, blocks);
    blocks += row.block_bytes;
  }
}

}  // namespace churon::numeric
