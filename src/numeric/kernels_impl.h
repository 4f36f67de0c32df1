// The kernels, written once over a vector of 16 FP32 lanes. Each instruction set gives the lanes
// and the three integer loops that decide speed, as a type `Isa` of its own unnamed namespace:
//
//   F, I                       16 lanes of FP32, of int32
//   load load_n store store_n set set_int   memory and constants; `_n` the first n lanes, rest zero
//   load_i                     16 int32
//   add sub mul div max_f min_f   FP32, one rounding each; max_of the largest lane
//   bits value                 reinterpret F as I and back
//   bit_and bit_or add_i sub_i max_i min_i shift_left shift_right   int32; right shifts are logical
//   ge_select(x, limit, a, b)  a where x >= limit, else b
//   le_zero_select(i, a, b)    a where i <= 0, else b
//   lanes_select(first, last, a, b)   a in lanes first..last, else b
//   floor_sixteenth            floor to multiples of 1/16
//   to_int to_float            round to nearest even
//   lookup16 lookup32          table[index mod 16 or 32]
//   reduce_max reduce_add tree a number from 16 lanes; `tree` adds halves 8, 4, 2, 1
//   round_to_f16               to the nearest FP16 and back; rounded_to_f16 of one number
//   store_i8 store_i16         narrowed lanes, known to be in range
//   matmul_group               R rows of activations by one tile of weights
//   weighted_values            R rows of probabilities by one 32-dimension block of values
//   kF32Side                   outputs and rows that dots_f32 takes together
//   kRowsInLanes               whether kernels_attention.h can use it
//
// This file is compiled into several translation units with different instruction sets: everything
// in it is a template on `Isa`, so that no copy can be shared between them, and it calls nothing
// that the linker could take from another one.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <type_traits>

#include "numeric/float16.h"
#include "numeric/functions.h"
#include "numeric/kernels.h"
#include "numeric/kernels_attention.h"

namespace churon::numeric {

// How the scales of a weight block are stored.
enum class ScaleCode { f16, bf16, f32 };

inline constexpr int kRowsMax = 12;  // rows that a kernel takes together
inline constexpr int kHeadDimMax = 1024;
inline constexpr int kHeadBlocksMax = kHeadDimMax / kBlock;

template <typename Isa>
struct KernelsOf {
  using F = typename Isa::F;
  using I = typename Isa::I;

  // --- Functions (the sequences of functions.h) ---

  static F exp2(F x) {
    const F k = Isa::floor_sixteenth(x);
    const F f = Isa::sub(x, k);
    const I sixteenths = Isa::to_int(Isa::mul(k, Isa::set(16.0F)));
    F p = Isa::mul(f, Isa::set(kExp2C3));
    p = Isa::add(p, Isa::set(kExp2C2));
    p = Isa::mul(p, f);
    p = Isa::add(p, Isa::set(kExp2C1));
    p = Isa::mul(p, f);
    const F high = Isa::lookup16(kExp2High.data(), sixteenths);
    F r = Isa::mul(high, p);
    r = Isa::add(r, Isa::lookup16(kExp2Low.data(), sixteenths));
    r = Isa::add(high, r);
    const I exponent = Isa::template shift_left<19>(Isa::bit_and(sixteenths, Isa::set_int(~15)));
    r = Isa::value(Isa::add_i(Isa::bits(r), exponent));
    r = Isa::ge_select(x, Isa::set(-126.0F), r, Isa::set(0.0F));
    return Isa::ge_select(x, Isa::set(128.0F), Isa::value(Isa::set_int(0x7F800000)), r);
  }

  static F rcp(F x) {
    const I bits = Isa::bits(x);
    const I sign = Isa::bit_and(bits, Isa::set_int(static_cast<std::int32_t>(0x80000000U)));
    const I exponent = Isa::bit_and(Isa::template shift_right<23>(bits), Isa::set_int(0xFF));
    const F m = Isa::value(
        Isa::bit_or(Isa::bit_and(bits, Isa::set_int(0x7FFFFF)), Isa::set_int(0x3F800000)));
    const I j = Isa::template shift_right<18>(bits);
    F y = Isa::sub(Isa::lookup32(kRcpA.data(), j), Isa::mul(Isa::lookup32(kRcpB.data(), j), m));
    const F e = Isa::sub(Isa::set(1.0F), Isa::mul(m, y));
    y = Isa::add(y, Isa::mul(y, e));
    const I y_bits = Isa::bits(y);
    const I result_exponent =
        Isa::sub_i(Isa::add_i(Isa::template shift_right<23>(y_bits), Isa::set_int(127)), exponent);
    const I normal = Isa::bit_or(Isa::bit_or(sign, Isa::template shift_left<23>(result_exponent)),
                                 Isa::bit_and(y_bits, Isa::set_int(0x7FFFFF)));
    I result = Isa::le_zero_select(result_exponent, sign, normal);
    // Exponent 0 (zero): infinity; 255 (infinity): zero.
    result = Isa::le_zero_select(exponent, Isa::bit_or(sign, Isa::set_int(0x7F800000)), result);
    result = Isa::le_zero_select(Isa::sub_i(Isa::set_int(255), exponent), sign, result);
    return Isa::value(result);
  }

  static F silu(F x) {
    const F negative = negate(Isa::mul(x, Isa::set(kLog2E)));
    return Isa::mul(x, rcp(Isa::add(Isa::set(1.0F), exp2(negative))));
  }

  static F gelu(F x) {
    const F cubic = Isa::add(x, Isa::mul(Isa::mul(Isa::set(kGeluCubic), x), Isa::mul(x, x)));
    const F negative = negate(Isa::mul(Isa::set(kGeluScale), cubic));
    return Isa::mul(x, rcp(Isa::add(Isa::set(1.0F), exp2(negative))));
  }

  static F tanh(F y) {
    const F t = rcp(Isa::add(Isa::set(1.0F), exp2(Isa::mul(y, Isa::set(kTwoLog2E)))));
    return Isa::sub(Isa::set(1.0F), Isa::mul(Isa::set(2.0F), t));
  }

  static F negate(F x) {
    // Flips the sign bit: adding 2^31 to the pattern.
    return Isa::value(
        Isa::add_i(Isa::bits(x), Isa::set_int(static_cast<std::int32_t>(0x80000000U))));
  }

  // --- Element-wise ---

  template <typename Operation>
  static void each(std::size_t n, const Operation& operation) {
    std::size_t i = 0;
    for (; i + 16 <= n; i += 16) {
      operation(i, 16);
    }
    if (i < n) {
      operation(i, static_cast<int>(n - i));
    }
  }

  static F load(const float* x, int lanes) {
    return lanes == 16 ? Isa::load(x) : Isa::load_n(x, lanes);
  }
  static void store(float* x, F value, int lanes) {
    if (lanes == 16) {
      Isa::store(x, value);
    } else {
      Isa::store_n(x, value, lanes);
    }
  }

  static void silu_mul(const float* gate, const float* up, std::size_t n, float* y) {
    each(n, [&](std::size_t i, int lanes) {
      store(y + i, Isa::mul(silu(load(gate + i, lanes)), load(up + i, lanes)), lanes);
    });
  }
  static void gelu_mul(const float* gate, const float* up, std::size_t n, float* y) {
    each(n, [&](std::size_t i, int lanes) {
      store(y + i, Isa::mul(gelu(load(gate + i, lanes)), load(up + i, lanes)), lanes);
    });
  }
  static void softcap(float* x, std::size_t n, float cap) {
    const F inverse = Isa::set(1.0F / cap);
    each(n, [&](std::size_t i, int lanes) {
      store(x + i, Isa::mul(Isa::set(cap), tanh(Isa::mul(load(x + i, lanes), inverse))), lanes);
    });
  }
  static void add(const float* x, const float* y, std::size_t n, float* sum) {
    each(n, [&](std::size_t i, int lanes) {
      store(sum + i, Isa::add(load(x + i, lanes), load(y + i, lanes)), lanes);
    });
  }

  static void rms_norm(const float* x, const float* weight, std::size_t n, float epsilon,
                       float* y) {
    // Partial results 0..15 and 16..31 of rule 6.
    F low = Isa::set(0.0F);
    F high = Isa::set(0.0F);
    each(n, [&](std::size_t i, int lanes) {
      const F value = load(x + i, lanes);
      F& partial = i % 32 == 0 ? low : high;
      partial = Isa::add(partial, Isa::mul(value, value));
    });
    const float sum = Isa::tree(Isa::add(low, high));
    const float mean = sum * static_cast<float>(1.0 / static_cast<double>(n));
    const F r = Isa::set(rsqrt(mean + epsilon));
    each(n, [&](std::size_t i, int lanes) {
      store(y + i, Isa::mul(Isa::mul(load(x + i, lanes), r), load(weight + i, lanes)), lanes);
    });
  }

  static void rope(float* head, int dimensions, RopePairing pairing, const float* cosine,
                   const float* sine) {
    const int pairs = dimensions / 2;
    if (pairing == RopePairing::halves) {
      each(static_cast<std::size_t>(pairs), [&](std::size_t i, int lanes) {
        const F a = load(head + i, lanes);
        const F b = load(head + pairs + i, lanes);
        const F c = load(cosine + i, lanes);
        const F s = load(sine + i, lanes);
        store(head + i, Isa::sub(Isa::mul(a, c), Isa::mul(b, s)), lanes);
        store(head + pairs + i, Isa::add(Isa::mul(a, s), Isa::mul(b, c)), lanes);
      });
      return;
    }
    for (int i = 0; i < pairs; ++i) {
      const float a = head[2 * i];
      const float b = head[2 * i + 1];
      head[2 * i] = a * cosine[i] - b * sine[i];
      head[2 * i + 1] = a * sine[i] + b * cosine[i];
    }
  }

  // --- Quantisers ---

  struct Scaled {
    float scale;
    std::int32_t sum;
    bool finite;
  };

  static float power_of_two(int n) {
    return n < -126 ? 0.0F : std::bit_cast<float>(static_cast<std::uint32_t>(n + 127) << 23);
  }

  // One block of `count` values; `q` has 32 bytes.
  static Scaled quantize_block(ActivationFormat format, const float* x, int count, std::int8_t* q) {
    F x0;
    F x1;
    if (count == kBlock) {
      x0 = Isa::load(x);
      x1 = Isa::load(x + 16);
    } else {
      x0 = Isa::load_n(x, count < 16 ? count : 16);
      x1 = Isa::load_n(x + 16, count < 16 ? 0 : count - 16);
    }
    const I magnitude = Isa::set_int(0x7FFFFFFF);
    const std::int32_t amax = Isa::reduce_max(
        Isa::max_i(Isa::bit_and(Isa::bits(x0), magnitude), Isa::bit_and(Isa::bits(x1), magnitude)));
    if (amax >= 0x7F800000) {
      ActivationBlock block;
      const bool finite = numeric::quantize_block(format, x, count, block);
      std::memcpy(q, block.q.data(), kBlock);
      return {block.scale, block.sum, finite};
    }
    float scale;
    float factor;
    if (format == ActivationFormat::q8_0) {
      const float largest = amax < 0x00800000 ? 0.0F : std::bit_cast<float>(amax);
      const float d = largest * 0x1.020408p-7F;
      scale = Isa::rounded_to_f16(d < 65504.0F ? d : 65504.0F);
      factor = scale != 0 ? 1.0F / scale : 0.0F;
    } else {
      int exponent = (amax >> 23) - 127;
      const bool zero = exponent < kExponentMin;
      exponent = zero ? kExponentMin : exponent > kExponentMax ? kExponentMax : exponent;
      scale = power_of_two(exponent - 6);
      factor = zero ? 0.0F : power_of_two(6 - exponent);
    }
    if (factor == 0) {
      std::memset(q, 0, kBlock);
      return {scale, 0, true};
    }
    const F f = Isa::set(factor);
    const F low = Isa::set(-127.0F);
    const F high = Isa::set(127.0F);
    const I q0 = Isa::to_int(Isa::min_f(Isa::max_f(Isa::mul(x0, f), low), high));
    const I q1 = Isa::to_int(Isa::min_f(Isa::max_f(Isa::mul(x1, f), low), high));
    Isa::store_i8(q, q0);
    Isa::store_i8(q + 16, q1);
    return {scale, Isa::reduce_add(Isa::add_i(q0, q1)), true};
  }

  // Writes row `r` of a group of `rows` rows in the layout of ActivationBlocks.
  static bool quantize_into(ActivationFormat format, const float* x, std::size_t columns,
                            std::size_t padded_blocks, std::byte* group, std::size_t rows,
                            std::size_t r) {
    bool finite = true;
    std::size_t b = 0;
    for (; b < columns / kBlock; b += 16) {
      const std::size_t left = columns / kBlock - b;
      finite = quantize_16_blocks(format, x + b * kBlock, left < 16 ? left : 16,
                                  group + b * rows * 44, rows, r) &&
               finite;
    }
    for (b = columns / kBlock; b < padded_blocks; ++b) {
      std::byte* block = group + b * rows * 44;
      auto* q = reinterpret_cast<std::int8_t*>(block + r * kBlock);
      Scaled made{0, 0, true};
      if (b * kBlock < columns) {
        made = quantize_block(format, x + b * kBlock, static_cast<int>(columns - b * kBlock), q);
      } else {
        std::memset(q, 0, kBlock);
      }
      finish_block(block, rows, r, made.scale, static_cast<float>(made.sum) * made.scale, made.sum);
      finite = made.finite && finite;
    }
    return finite;
  }

  static void finish_block(std::byte* block, std::size_t rows, std::size_t r, float scale, float t,
                           std::int32_t sum) {
    const std::int32_t negative_sum = -sum;
    std::memcpy(block + rows * 32 + r * 4, &scale, 4);
    std::memcpy(block + rows * 36 + r * 4, &t, 4);
    std::memcpy(block + rows * 40 + r * 4, &negative_sum, 4);
  }

  // Up to 16 whole blocks: first all magnitudes, then all scales in one vector, then the integers;
  // so no block waits for the division of the one before.
  static bool quantize_16_blocks(ActivationFormat format, const float* x, std::size_t count,
                                 std::byte* group, std::size_t rows, std::size_t r) {
    alignas(64) std::int32_t amax[16] = {};
    alignas(64) float scale[16];
    alignas(64) float factor[16];
    alignas(64) std::int32_t sum[16] = {};
    alignas(64) float t[16];
    const I magnitude = Isa::set_int(0x7FFFFFFF);
    bool finite = true;
    for (std::size_t b = 0; b < count; ++b) {
      const I x0 = Isa::bit_and(Isa::bits(Isa::load(x + b * kBlock)), magnitude);
      const I x1 = Isa::bit_and(Isa::bits(Isa::load(x + b * kBlock + 16)), magnitude);
      amax[b] = Isa::reduce_max(Isa::max_i(x0, x1));
      finite = finite && amax[b] < 0x7F800000;
    }
    if (!finite) {
      for (std::size_t b = 0; b < count; ++b) {
        std::byte* block = group + b * rows * 44;
        const Scaled made = quantize_block(format, x + b * kBlock, kBlock,
                                           reinterpret_cast<std::int8_t*>(block + r * kBlock));
        finish_block(block, rows, r, made.scale, static_cast<float>(made.sum) * made.scale,
                     made.sum);
      }
      return false;
    }
    scales_of(format, Isa::load_i(amax), scale, factor);
    const F low = Isa::set(-127.0F);
    const F high = Isa::set(127.0F);
    for (std::size_t b = 0; b < count; ++b) {
      auto* q = reinterpret_cast<std::int8_t*>(group + b * rows * 44 + r * kBlock);
      const F f = Isa::set(factor[b]);
      const F x0 = Isa::mul(Isa::load(x + b * kBlock), f);
      const F x1 = Isa::mul(Isa::load(x + b * kBlock + 16), f);
      const I q0 = Isa::to_int(Isa::min_f(Isa::max_f(x0, low), high));
      const I q1 = Isa::to_int(Isa::min_f(Isa::max_f(x1, low), high));
      Isa::store_i8(q, q0);
      Isa::store_i8(q + 16, q1);
      sum[b] = Isa::reduce_add(Isa::add_i(q0, q1));
    }
    Isa::store(t, Isa::mul(Isa::to_float(Isa::load_i(sum)), Isa::load(scale)));
    for (std::size_t b = 0; b < count; ++b) {
      finish_block(group + b * rows * 44, rows, r, scale[b], t[b], sum[b]);
    }
    return true;
  }

  // Rule 2 from the largest magnitudes of 16 blocks: their scales, and what values are multiplied
  // with, zero where all integers are.
  static void scales_of(ActivationFormat format, I amax, float* scale, float* factor) {
    const F zero = Isa::set(0.0F);
    if (format == ActivationFormat::q8_0) {
      const F d =
          Isa::min_f(Isa::mul(Isa::value(amax), Isa::set(0x1.020408p-7F)), Isa::set(65504.0F));
      const F rounded = Isa::round_to_f16(d);
      Isa::store(scale, rounded);
      Isa::store(factor, Isa::ge_select(rounded, Isa::set(0x1p-24F),
                                        Isa::div(Isa::set(1.0F), rounded), zero));
      return;
    }
    // Exponents carry the bias of 127.
    const I exponent = Isa::template shift_right<23>(amax);
    const I clamped = Isa::min_i(Isa::max_i(exponent, Isa::set_int(127 + kExponentMin)),
                                 Isa::set_int(127 + kExponentMax));
    Isa::store(scale,
               Isa::value(Isa::template shift_left<23>(Isa::sub_i(clamped, Isa::set_int(6)))));
    const I inverse =
        Isa::template shift_left<23>(Isa::sub_i(Isa::set_int(127 + 127 + 6), clamped));
    Isa::store(factor, Isa::value(Isa::le_zero_select(
                           Isa::sub_i(exponent, Isa::set_int(127 + kExponentMin - 1)),
                           Isa::set_int(0), inverse)));
  }

  static bool quantize(ActivationBlocks& a, const float* x, std::size_t stride,
                       std::size_t row_begin, std::size_t row_end) {
    bool finite = true;
    std::size_t row = a.group_start(row_begin);
    if (row < row_begin) {
      row += a.group_at(row).rows;
    }
    while (row < row_end) {
      const auto group = a.group_at(row);
      for (std::size_t r = 0; r < group.rows; ++r) {
        finite = quantize_into(a.format(), x + (row + r) * stride, a.columns(), a.padded_blocks(),
                               group.data, group.rows, r) &&
                 finite;
      }
      row += group.rows;
    }
    return finite;
  }

  // --- Matrix products ---

  template <Payload P, ScaleCode S, bool Minimum>
  static void matmul_layout(const PackedMatrix& weights, const ActivationBlocks& a,
                            std::size_t tile_begin, std::size_t tile_end, float* y,
                            std::size_t stride) {
    const std::size_t blocks = weights.groups() * weights.layout().group_blocks();
    for (std::size_t tile = tile_begin; tile < tile_end; ++tile) {
      const std::size_t n = tile * kTileRows;
      const int outputs =
          static_cast<int>(weights.rows() - n < kTileRows ? weights.rows() - n : kTileRows);
      const std::byte* w = weights.tile(tile);
      for (std::size_t row = 0; row < a.rows();) {
        const auto group = a.group_at(row);
        float* out = y + row * stride + n;
        switch (group.rows) {
          case 12:
            Isa::template matmul_group<P, S, Minimum, 12>(w, group.data, blocks, out, stride,
                                                          outputs);
            break;
          case 8:
            Isa::template matmul_group<P, S, Minimum, 8>(w, group.data, blocks, out, stride,
                                                         outputs);
            break;
          case 4:
            Isa::template matmul_group<P, S, Minimum, 4>(w, group.data, blocks, out, stride,
                                                         outputs);
            break;
          case 2:
            Isa::template matmul_group<P, S, Minimum, 2>(w, group.data, blocks, out, stride,
                                                         outputs);
            break;
          default:
            Isa::template matmul_group<P, S, Minimum, 1>(w, group.data, blocks, out, stride,
                                                         outputs);
            break;
        }
        row += group.rows;
      }
    }
  }

  static void matmul(const PackedMatrix& weights, const ActivationBlocks& a, std::size_t tile_begin,
                     std::size_t tile_end, float* y, std::size_t stride) {
    const PackedLayout& layout = weights.layout();
    const auto call = [&](auto function) { function(weights, a, tile_begin, tile_end, y, stride); };
    switch (layout.payload) {
      case Payload::u4:
        return layout.minimum ? call(matmul_layout<Payload::u4, ScaleCode::f16, true>)
                              : call(matmul_layout<Payload::u4, ScaleCode::f16, false>);
      case Payload::u5:
        return layout.minimum ? call(matmul_layout<Payload::u5, ScaleCode::f16, true>)
                              : call(matmul_layout<Payload::u5, ScaleCode::f16, false>);
      case Payload::u8:
        if (layout.bf16_scale) {
          return call(matmul_layout<Payload::u8, ScaleCode::bf16, false>);
        }
        return layout.minimum ? call(matmul_layout<Payload::u8, ScaleCode::f16, true>)
                              : call(matmul_layout<Payload::u8, ScaleCode::f16, false>);
      case Payload::e2m1:
        return call(matmul_layout<Payload::e2m1, ScaleCode::bf16, false>);
    }
  }

  // Sixteen partial sums an output, element i to partial i mod 16, then their tree: the order
  // depends on `columns` alone. Rows go in chunks that stay in the second-level cache while the
  // weights pass.
  static void matmul_f32(const float* w, std::size_t columns, std::size_t n_begin,
                         std::size_t n_end, const float* x, std::size_t x_stride, std::size_t rows,
                         float* y, std::size_t y_stride) {
    constexpr std::size_t kChunk = 32;
    constexpr std::size_t kSide = Isa::kF32Side;
    for (std::size_t chunk = 0; chunk < rows; chunk += kChunk) {
      const std::size_t end = chunk + kChunk < rows ? chunk + kChunk : rows;
      std::size_t n = n_begin;
      for (; n + kSide <= n_end; n += kSide) {
        std::size_t row = chunk;
        for (; row + kSide <= end; row += kSide) {
          dots_f32<kSide, kSide>(w + n * columns, columns, x + row * x_stride, x_stride,
                                 y + row * y_stride + n, y_stride);
        }
        for (; row < end; ++row) {
          dots_f32<kSide, 1>(w + n * columns, columns, x + row * x_stride, x_stride,
                             y + row * y_stride + n, y_stride);
        }
      }
      for (; n < n_end; ++n) {
        for (std::size_t row = chunk; row < end; ++row) {
          dots_f32<1, 1>(w + n * columns, columns, x + row * x_stride, x_stride,
                         y + row * y_stride + n, y_stride);
        }
      }
    }
  }

  // N outputs of R rows.
  template <std::size_t N, std::size_t R>
  static void dots_f32(const float* w, std::size_t columns, const float* x, std::size_t x_stride,
                       float* y, std::size_t y_stride) {
    F sum[R][N];
#pragma GCC unroll 4
    for (std::size_t r = 0; r < R; ++r) {
#pragma GCC unroll 4
      for (std::size_t n = 0; n < N; ++n) {
        sum[r][n] = Isa::set(0.0F);
      }
    }
    each(columns, [&](std::size_t i, int lanes) __attribute__((always_inline)) {
      F weight[N];
#pragma GCC unroll 4
      for (std::size_t n = 0; n < N; ++n) {
        weight[n] = load(w + n * columns + i, lanes);
      }
#pragma GCC unroll 4
      for (std::size_t r = 0; r < R; ++r) {
        const F value = load(x + r * x_stride + i, lanes);
#pragma GCC unroll 4
        for (std::size_t n = 0; n < N; ++n) {
          sum[r][n] = Isa::add(sum[r][n], Isa::mul(weight[n], value));
        }
      }
    });
#pragma GCC unroll 4
    for (std::size_t r = 0; r < R; ++r) {
#pragma GCC unroll 4
      for (std::size_t n = 0; n < N; ++n) {
        y[r * y_stride + n] = Isa::tree(sum[r][n]);
      }
    }
  }

  // --- Cache and attention ---

  static bool kv_append(KvCache& cache, std::size_t layer, std::size_t position, const float* keys,
                        const float* values) {
    if (!cache.quantized()) {
      return kv_append_plain(cache, layer, position, keys, values);
    }
    const std::size_t head_dim = cache.shape().head_dim;
    const std::size_t blocks = cache.blocks();
    const std::size_t tile = position / kAttentionTile;
    const std::size_t within = position % kAttentionTile;
    // Heads of whole blocks are quantised together.
    const std::size_t together = head_dim % kBlock == 0 ? kHeadBlocksMax / blocks : 1;
    bool finite = true;
    std::byte made[kHeadBlocksMax * 44];
    for (std::size_t first = 0; first < cache.shape().kv_heads; first += together) {
      const std::size_t left = cache.shape().kv_heads - first;
      const std::size_t heads = left < together ? left : together;
      const auto quantize_heads = [&](const float* x) {
        finite = quantize_into(cache.block_format(), x + first * head_dim, heads * head_dim,
                               heads * blocks, made, 1, 0) &&
                 finite;
      };
      quantize_heads(keys);
      for (std::size_t head = 0; head < heads; ++head) {
        put_key(made + head * blocks * 44, blocks, within % 16,
                cache.keys(layer, first + head, tile) + within / 16 * (blocks * 576));
      }
      quantize_heads(values);
      for (std::size_t head = 0; head < heads; ++head) {
        put_value(made + head * blocks * 44, blocks, within,
                  cache.values(layer, first + head, tile));
      }
    }
    return finite;
  }

  static bool kv_append_plain(KvCache& cache, std::size_t layer, std::size_t position,
                              const float* keys, const float* values) {
    const std::size_t head_dim = cache.shape().head_dim;
    const bool bf16 = cache.format() == KvFormat::bf16;
    bool finite = true;
    for (std::size_t head = 0; head < cache.shape().kv_heads; ++head) {
      const float* k = keys + head * head_dim;
      const float* v = values + head * head_dim;
      float* k_row = cache.key_rows(layer, head) + position * head_dim;
      float* v_row = cache.value_rows(layer, head) + position * head_dim;
      for (std::size_t i = 0; i < head_dim; ++i) {
        k_row[i] = bf16 ? f32_from_bf16(bf16_from_f32(k[i])) : k[i];
        v_row[i] = bf16 ? f32_from_bf16(bf16_from_f32(v[i])) : v[i];
        finite = finite && is_finite(k[i]) && is_finite(v[i]);
      }
    }
    return finite;
  }

  // `key` in the layout of one quantised row; `part` holds the keys of 16 positions.
  static void put_key(const std::byte* key, std::size_t blocks, std::size_t o, std::byte* part) {
    for (std::size_t b = 0; b < blocks; ++b, key += 44, part += 576) {
      std::memcpy(part + 4 * o, key + kBlock, 4);
      for (std::size_t j = 0; j < 8; ++j) {
        std::uint32_t word;
        std::memcpy(&word, key + 4 * j, 4);
        word ^= 0x80808080U;
        std::memcpy(part + 64 + 64 * j + 4 * o, &word, 4);
      }
    }
  }

  // `value` likewise; `tile` holds the values of 64 positions.
  static void put_value(const std::byte* value, std::size_t blocks, std::size_t within,
                        std::byte* tile) {
    std::byte* pairs = tile + blocks * 256 + within / 2 * 32 + within % 2;
    for (std::size_t b = 0; b < blocks; ++b, value += 44) {
      std::memcpy(tile + b * 256 + 4 * within, value + kBlock, 4);
#pragma GCC unroll 32
      for (std::size_t i = 0; i < kBlock; ++i) {
        pairs[b * 2048 + i / 16 * 1024 + i % 16 * 2] = value[i];
      }
    }
  }

  static bool is_finite(float x) {
    return (std::bit_cast<std::uint32_t>(x) & 0x7F800000U) != 0x7F800000U;
  }

  // The state of up to 12 query rows against one key/value head.
  struct Rows {
    int count;
    std::size_t first_visible[kRowsMax];
    std::size_t last_visible[kRowsMax];
    float m[kRowsMax];  // of the span; -inf: none yet
    float l[kRowsMax];
    float total_m[kRowsMax];
    float total_l[kRowsMax];
    alignas(64) float o[kRowsMax][kHeadDimMax];
    alignas(64) float total_o[kRowsMax][kHeadDimMax];
    alignas(64) float z[kRowsMax][kAttentionTile];
    alignas(64) std::int16_t p[kRowsMax][kHeadBlocksMax][kAttentionTile];
    float d[kRowsMax][kHeadBlocksMax][2];
    float a[kRowsMax];      // what the old sum is multiplied with
    bool active[kRowsMax];  // sees a position of the tile
    alignas(64) std::byte q[kRowsMax * kHeadBlocksMax * 44];
  };

  static bool attention(const AttentionCall& call, std::size_t kv_head, std::size_t token_begin,
                        std::size_t token_end) {
    if (!call.cache->quantized()) {
      return attention_plain(call, kv_head, token_begin, token_end);
    }
    bool finite = true;
    if constexpr (Isa::kRowsInLanes) {
      using Many = RowsInLanes<Isa, KernelsOf>;
      const std::size_t tokens = token_end - token_begin;
      const std::size_t rest = tokens % Many::kLanes;
      const std::size_t many = rest < Many::kTokensMin ? tokens - rest : tokens;
      if (many > 0) {
        finite = Many::run(call, kv_head, token_begin, token_begin + many);
        token_begin += many;
      }
    }
    static thread_local Rows rows;
    const std::size_t all = (token_end - token_begin) * call.group;
    for (std::size_t begin = 0; begin < all; begin += kRowsMax) {
      rows.count = static_cast<int>(all - begin < kRowsMax ? all - begin : kRowsMax);
      finite = attend(call, kv_head, token_begin, begin, rows) && finite;
    }
    return finite;
  }

  static std::size_t head_offset(const AttentionCall& call, std::size_t kv_head, std::size_t index,
                                 std::size_t stride) {
    return index / call.group * stride + (kv_head * call.group + index % call.group) *
                                             static_cast<std::size_t>(call.shape.head_dim);
  }

  static bool attention_plain(const AttentionCall& call, std::size_t kv_head,
                              std::size_t token_begin, std::size_t token_end) {
    bool finite = true;
    for (std::size_t i = token_begin * call.group; i < token_end * call.group; ++i) {
      finite = attention_f32(
                   call.shape, call.queries + head_offset(call, kv_head, i, call.query_stride),
                   call.first_position + i / call.group, call.cache->key_rows(call.layer, kv_head),
                   call.cache->value_rows(call.layer, kv_head),
                   call.out + head_offset(call, kv_head, i, call.out_stride)) &&
               finite;
    }
    return finite;
  }

  static bool attend(const AttentionCall& call, std::size_t kv_head, std::size_t token_begin,
                     std::size_t begin, Rows& rows) {
    const auto head_dim = static_cast<std::size_t>(call.shape.head_dim);
    const KvCache& cache = *call.cache;
    const std::size_t blocks = cache.blocks();
    constexpr float kNone = -std::numeric_limits<float>::infinity();
    const auto index = [&](int r) {
      return token_begin * call.group + begin + static_cast<std::size_t>(r);
    };
    bool finite = true;
    std::size_t first = SIZE_MAX;
    std::size_t last = 0;
    for (int r = 0; r < rows.count; ++r) {
      const std::size_t position = call.first_position + index(r) / call.group;
      const auto window = static_cast<std::size_t>(call.shape.window);
      rows.last_visible[r] = position;
      rows.first_visible[r] = window > 0 && position + 1 > window ? position + 1 - window : 0;
      first = rows.first_visible[r] < first ? rows.first_visible[r] : first;
      last = position > last ? position : last;
      rows.total_m[r] = kNone;
      rows.total_l[r] = 0;
      finite = quantize_into(cache.block_format(),
                             call.queries + head_offset(call, kv_head, index(r), call.query_stride),
                             head_dim, blocks, rows.q, static_cast<std::size_t>(rows.count),
                             static_cast<std::size_t>(r)) &&
               finite;
    }
    for (std::size_t span = first / kAttentionSpan * kAttentionSpan; span <= last;
         span += kAttentionSpan) {
      for (int r = 0; r < rows.count; ++r) {
        rows.m[r] = kNone;
        rows.l[r] = 0;
        std::memset(rows.o[r], 0, blocks * kBlock * sizeof(float));
      }
      std::size_t tile = span < first ? first / kAttentionTile * kAttentionTile : span;
      for (; tile <= last && tile < span + kAttentionSpan; tile += kAttentionTile) {
        attend_tile(call, kv_head, tile, blocks, rows);
      }
      merge_span(blocks, rows);
    }
    for (int r = 0; r < rows.count; ++r) {
      float* out = call.out + head_offset(call, kv_head, index(r), call.out_stride);
      const F inverse = Isa::set(numeric::rcp(rows.total_l[r]));
      each(head_dim, [&](std::size_t i, int lanes) {
        store(out + i, Isa::mul(load(rows.total_o[r] + i, lanes), inverse), lanes);
      });
    }
    return finite;
  }

  static void attend_tile(const AttentionCall& call, std::size_t kv_head, std::size_t tile,
                          std::size_t blocks, Rows& rows) {
    const KvCache& cache = *call.cache;
    const std::byte* keys = cache.keys(call.layer, kv_head, tile / kAttentionTile);
    const std::byte* values = cache.values(call.layer, kv_head, tile / kAttentionTile);
    for (std::size_t part = 0; part < 4; ++part) {
      scores(rows.count, keys + part * blocks * 576, rows.q, blocks, &rows.z[0][part * 16]);
    }
    const auto* value_scales = reinterpret_cast<const float*>(values);
    for (int r = 0; r < rows.count; ++r) {
      rows.active[r] =
          tile <= rows.last_visible[r] && tile + kAttentionTile > rows.first_visible[r];
      if (rows.active[r]) {
        softmax_row(call.shape, tile, value_scales, blocks, rows, r);
      }
    }
    for (std::size_t b = 0; b < blocks; ++b) {
      weighted(rows, values + blocks * 256 + b * 2048, b);
    }
  }

  static void softmax_row(const AttentionShape& shape, std::size_t tile, const float* value_scales,
                          std::size_t blocks, Rows& rows, int r) {
    const std::size_t first = rows.first_visible[r] > tile ? rows.first_visible[r] - tile : 0;
    const std::size_t last = rows.last_visible[r] - tile < kAttentionTile - 1
                                 ? rows.last_visible[r] - tile
                                 : kAttentionTile - 1;
    const bool whole = first == 0 && last == kAttentionTile - 1;
    const F none = Isa::set(-std::numeric_limits<float>::infinity());
    F z[4];
    F largest = none;
    for (int v = 0; v < 4; ++v) {
      z[v] = to_score(Isa::load(&rows.z[r][v * 16]), shape);
      const F visible = whole ? z[v] : visible_lanes(v, first, last, z[v], none);
      largest = Isa::max_f(largest, visible);
    }
    const float m_old = rows.m[r];
    const float m_tile = ceil(Isa::max_of(largest));
    const float m = m_old > m_tile ? m_old : m_tile;
    const float a =
        m_old == -std::numeric_limits<float>::infinity() ? 0.0F : numeric::exp2(m_old - m);
    F p[4];
    for (int v = 0; v < 4; ++v) {
      p[v] = exp2(Isa::sub(z[v], Isa::set(m)));
      if (!whole) {
        p[v] = visible_lanes(v, first, last, p[v], Isa::set(0.0F));
      }
    }
    const F low = Isa::add(p[0], p[2]);
    const F high = Isa::add(p[1], p[3]);
    rows.l[r] = rows.l[r] * a + Isa::tree(Isa::add(low, high));
    rows.m[r] = m;
    rows.a[r] = a;
    const I limit = Isa::set_int(32767);
    for (std::size_t b = 0; b < blocks; ++b) {
      for (int half = 0; half < 2; ++half) {
        const F u0 = Isa::mul(p[2 * half], Isa::load(value_scales + b * 64 + half * 32));
        const F u1 = Isa::mul(p[2 * half + 1], Isa::load(value_scales + b * 64 + half * 32 + 16));
        const std::int32_t amax = Isa::reduce_max(Isa::max_i(Isa::bits(u0), Isa::bits(u1)));
        int exponent = (amax >> 23) - 127;
        exponent = exponent < -100 ? -100 : exponent;
        rows.d[r][b][half] = power_of_two(exponent - 14);
        const F inverse = Isa::set(power_of_two(14 - exponent));
        Isa::store_i16(&rows.p[r][b][half * 32],
                       Isa::min_i(Isa::to_int(Isa::mul(u0, inverse)), limit));
        Isa::store_i16(&rows.p[r][b][half * 32 + 16],
                       Isa::min_i(Isa::to_int(Isa::mul(u1, inverse)), limit));
      }
    }
  }

  static float ceil(float x) {
    // Scores are far below 2^31; larger ones are integers already.
    const bool small = x < 0x1p30F && x > -0x1p30F;
    if (!small) {
      return x;
    }
    const auto truncated = static_cast<float>(static_cast<std::int32_t>(x));
    return truncated < x ? truncated + 1.0F : truncated;
  }

  static F visible_lanes(int vector, std::size_t first, std::size_t last, F a, F b) {
    return Isa::lanes_select(static_cast<int>(first) - 16 * vector,
                             static_cast<int>(last) - 16 * vector, a, b);
  }

  static F to_score(F product, const AttentionShape& shape) {
    if (shape.softcap == 0) {
      return Isa::mul(product, Isa::set(score_factor_of(shape.scale)));
    }
    const F y = Isa::mul(Isa::mul(product, Isa::set(shape.scale)), Isa::set(1.0F / shape.softcap));
    return Isa::mul(Isa::mul(Isa::set(shape.softcap), tanh(y)), Isa::set(kLog2E));
  }
  static float score_factor_of(float scale) {
    return static_cast<float>(1.4426950408889634 * static_cast<double>(scale));
  }

  static void merge_span(std::size_t blocks, Rows& rows) {
    constexpr float kNone = -std::numeric_limits<float>::infinity();
    for (int r = 0; r < rows.count; ++r) {
      if (rows.m[r] == kNone) {
        continue;
      }
      if (rows.total_m[r] == kNone) {
        rows.total_m[r] = rows.m[r];
        rows.total_l[r] = rows.l[r];
        std::memcpy(rows.total_o[r], rows.o[r], blocks * kBlock * sizeof(float));
        continue;
      }
      const float m = rows.total_m[r] > rows.m[r] ? rows.total_m[r] : rows.m[r];
      const float a = numeric::exp2(rows.total_m[r] - m);
      const float b = numeric::exp2(rows.m[r] - m);
      rows.total_l[r] = rows.total_l[r] * a + rows.l[r] * b;
      each(blocks * kBlock, [&](std::size_t i, int) {
        Isa::store(rows.total_o[r] + i,
                   Isa::add(Isa::mul(Isa::load(rows.total_o[r] + i), Isa::set(a)),
                            Isa::mul(Isa::load(rows.o[r] + i), Isa::set(b))));
      });
      rows.total_m[r] = m;
    }
  }

  // Calls `function` with the number of rows as a constant.
  template <typename Function>
  static void with_rows(int count, const Function& function) {
    switch (count) {
      case 1:
        return function(std::integral_constant<int, 1>());
      case 2:
        return function(std::integral_constant<int, 2>());
      case 3:
        return function(std::integral_constant<int, 3>());
      case 4:
        return function(std::integral_constant<int, 4>());
      case 5:
        return function(std::integral_constant<int, 5>());
      case 6:
        return function(std::integral_constant<int, 6>());
      case 7:
        return function(std::integral_constant<int, 7>());
      case 8:
        return function(std::integral_constant<int, 8>());
      case 9:
        return function(std::integral_constant<int, 9>());
      case 10:
        return function(std::integral_constant<int, 10>());
      case 11:
        return function(std::integral_constant<int, 11>());
      default:
        return function(std::integral_constant<int, 12>());
    }
  }

  static void scores(int count, const std::byte* keys, const std::byte* q, std::size_t blocks,
                     float* z) {
    with_rows(count, [&](auto rows) {
      Isa::template matmul_group<Payload::u8, ScaleCode::f32, false, rows()>(keys, q, blocks, z,
                                                                             kAttentionTile, 16);
    });
  }

  // o = o * a + P * V for the 32 dimensions of block b.
  static void weighted(Rows& rows, const std::byte* values, std::size_t b) {
    with_rows(rows.count, [&](auto count) {
      constexpr int kRows = count();
      const std::int16_t* p[kRows];
      const float* d[kRows];
      for (int r = 0; r < kRows; ++r) {
        p[r] = rows.p[r][b];
        d[r] = rows.d[r][b];
      }
      for (int part = 0; part < 2; ++part) {
        F t[kRows];
        Isa::template weighted_values<kRows>(values + part * 1024, p, d, t);
        for (int r = 0; r < kRows; ++r) {
          if (rows.active[r]) {
            float* o = rows.o[r] + b * kBlock + static_cast<std::size_t>(part) * 16;
            Isa::store(o, Isa::add(Isa::mul(Isa::load(o), Isa::set(rows.a[r])), t[r]));
          }
        }
      }
    });
  }

  static constexpr Kernels table(KernelSet set, const char* name) {
    return {set,     name, matmul, quantize,  rms_norm,  silu_mul,  gelu_mul,
            softcap, add,  rope,   kv_append, attention, matmul_f32};
  }
};

}  // namespace churon::numeric
