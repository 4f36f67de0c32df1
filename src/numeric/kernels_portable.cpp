// Kernels in plain C++, for every processor.
#include <bit>
#include <cmath>

#include "numeric/kernels_impl.h"

namespace churon::numeric {

namespace {

struct Portable {
  struct F {
    float v[16];
  };
  struct I {
    std::int32_t v[16];
  };

  template <typename Out, typename Function>
  static Out make(const Function& function) {
    Out out;
    for (int i = 0; i < 16; ++i) {
      out.v[i] = function(i);
    }
    return out;
  }

  static constexpr bool kRowsInLanes = false;
  static constexpr std::size_t kF32Side = 2;

  static F load(const float* x) {
    return make<F>([&](int i) { return x[i]; });
  }
  static F load_n(const float* x, int n) {
    return make<F>([&](int i) { return i < n ? x[i] : 0.0F; });
  }
  static void store(float* x, const F& a) { store_n(x, a, 16); }
  static void store_n(float* x, const F& a, int n) {
    for (int i = 0; i < n; ++i) {
      x[i] = a.v[i];
    }
  }
  static F set(float x) {
    return make<F>([&](int) { return x; });
  }
  static I load_i(const std::int32_t* x) {
    return make<I>([&](int i) { return x[i]; });
  }
  static I set_int(std::int32_t x) {
    return make<I>([&](int) { return x; });
  }
  static F add(const F& a, const F& b) {
    return make<F>([&](int i) { return a.v[i] + b.v[i]; });
  }
  static F sub(const F& a, const F& b) {
    return make<F>([&](int i) { return a.v[i] - b.v[i]; });
  }
  static F mul(const F& a, const F& b) {
    return make<F>([&](int i) { return a.v[i] * b.v[i]; });
  }
  static F div(const F& a, const F& b) {
    return make<F>([&](int i) { return a.v[i] / b.v[i]; });
  }
  static F max_f(const F& a, const F& b) {
    return make<F>([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
  }
  static F min_f(const F& a, const F& b) {
    return make<F>([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
  }
  static float max_of(const F& a) {
    float largest = a.v[0];
    for (const float x : a.v) {
      largest = x > largest ? x : largest;
    }
    return largest;
  }
  static I bits(const F& a) { return std::bit_cast<I>(a); }
  static F value(const I& a) { return std::bit_cast<F>(a); }
  static I bit_and(const I& a, const I& b) {
    return make<I>([&](int i) { return a.v[i] & b.v[i]; });
  }
  static I bit_or(const I& a, const I& b) {
    return make<I>([&](int i) { return a.v[i] | b.v[i]; });
  }
  // Sums wrap around, as vector instructions do.
  static I add_i(const I& a, const I& b) {
    return make<I>([&](int i) {
      return static_cast<std::int32_t>(static_cast<std::uint32_t>(a.v[i]) +
                                       static_cast<std::uint32_t>(b.v[i]));
    });
  }
  static I sub_i(const I& a, const I& b) {
    return make<I>([&](int i) {
      return static_cast<std::int32_t>(static_cast<std::uint32_t>(a.v[i]) -
                                       static_cast<std::uint32_t>(b.v[i]));
    });
  }
  static I max_i(const I& a, const I& b) {
    return make<I>([&](int i) { return a.v[i] > b.v[i] ? a.v[i] : b.v[i]; });
  }
  static I min_i(const I& a, const I& b) {
    return make<I>([&](int i) { return a.v[i] < b.v[i] ? a.v[i] : b.v[i]; });
  }
  template <int N>
  static I shift_left(const I& a) {
    return make<I>(
        [&](int i) { return static_cast<std::int32_t>(static_cast<std::uint32_t>(a.v[i]) << N); });
  }
  template <int N>
  static I shift_right(const I& a) {
    return make<I>(
        [&](int i) { return static_cast<std::int32_t>(static_cast<std::uint32_t>(a.v[i]) >> N); });
  }
  static F ge_select(const F& x, const F& limit, const F& a, const F& b) {
    return make<F>([&](int i) { return x.v[i] >= limit.v[i] ? a.v[i] : b.v[i]; });
  }
  static I le_zero_select(const I& x, const I& a, const I& b) {
    return make<I>([&](int i) { return x.v[i] <= 0 ? a.v[i] : b.v[i]; });
  }
  static F lanes_select(int first, int last, const F& a, const F& b) {
    return make<F>([&](int i) { return i >= first && i <= last ? a.v[i] : b.v[i]; });
  }
  static F floor_sixteenth(const F& a) {
    return make<F>([&](int i) {
      const float scaled = a.v[i] * 16.0F;
      // Beyond 2^23 every number is an integer; a NaN passes.
      const bool small = scaled > -0x1p23F && scaled < 0x1p23F;
      if (!small) {
        return a.v[i];
      }
      const auto truncated = static_cast<float>(static_cast<std::int32_t>(scaled));
      return (truncated > scaled ? truncated - 1.0F : truncated) * 0.0625F;
    });
  }
  static I to_int(const F& a) {
    return make<I>([&](int i) {
      return a.v[i] >= -0x1p31F && a.v[i] < 0x1p31F ? static_cast<std::int32_t>(std::lrintf(a.v[i]))
                                                    : std::numeric_limits<std::int32_t>::min();
    });
  }
  static F to_float(const I& a) {
    return make<F>([&](int i) { return static_cast<float>(a.v[i]); });
  }
  static F lookup16(const float* table, const I& index) {
    return make<F>([&](int i) { return table[index.v[i] & 15]; });
  }
  static F lookup32(const float* table, const I& index) {
    return make<F>([&](int i) { return table[index.v[i] & 31]; });
  }
  static std::int32_t reduce_max(const I& a) {
    std::int32_t largest = a.v[0];
    for (const std::int32_t x : a.v) {
      largest = x > largest ? x : largest;
    }
    return largest;
  }
  static std::int32_t reduce_add(const I& a) {
    std::int32_t sum = 0;
    for (const std::int32_t x : a.v) {
      sum += x;
    }
    return sum;
  }
  static float tree(F a) {
    for (int half = 8; half > 0; half /= 2) {
      for (int i = 0; i < half; ++i) {
        a.v[i] = a.v[i] + a.v[i + half];
      }
    }
    return a.v[0];
  }
  static F round_to_f16(const F& a) {
    return make<F>([&](int i) { return numeric::rounded_to_f16(a.v[i]); });
  }
  static float rounded_to_f16(float x) { return numeric::rounded_to_f16(x); }
  static void store_i8(std::int8_t* out, const I& a) {
    for (int i = 0; i < 16; ++i) {
      out[i] = static_cast<std::int8_t>(a.v[i]);
    }
  }
  static void store_i16(std::int16_t* out, const I& a) {
    for (int i = 0; i < 16; ++i) {
      out[i] = static_cast<std::int16_t>(a.v[i]);
    }
  }

  // The integers of a block as the layout stores them, output by output: dot products of int16 are
  // what compilers make good loops of.
  template <Payload P>
  static void unpack(const std::uint8_t* payload, std::int16_t (*weights)[kBlock]) {
    std::uint8_t lines[8][64];
    if constexpr (P == Payload::u8) {
      std::memcpy(lines, payload, sizeof lines);
    } else {
      const std::uint8_t* nibbles = payload + (P == Payload::u5 ? 64 : 0);
      for (int line = 0; line < 4; ++line) {
        for (int i = 0; i < 64; ++i) {
          lines[line][i] = nibbles[64 * line + i] & 15;
          lines[line + 4][i] = static_cast<std::uint8_t>(nibbles[64 * line + i] >> 4);
        }
      }
    }
    if constexpr (P == Payload::u5) {
      // A byte of the mask becomes eight bytes of 0 or 16: its bit i is tested in byte i.
      for (int i = 0; i < 64; ++i) {
        std::uint64_t spread = payload[i] * 0x0101010101010101U & 0x8040201008040201U;
        spread = ((spread + 0x7F7F7F7F7F7F7F7FU) & 0x8080808080808080U) >> 3;
        std::uint64_t bytes;
        std::memcpy(&bytes, lines[0] + 8 * i, sizeof bytes);
        bytes |= spread;
        std::memcpy(lines[0] + 8 * i, &bytes, sizeof bytes);
      }
    }
    if constexpr (P == Payload::e2m1) {
      constexpr std::uint8_t kTable[16] = {16, 17, 18, 19, 20, 22, 24, 28,
                                           16, 15, 14, 13, 12, 10, 8,  4};
      for (auto& line : lines) {
        for (std::uint8_t& x : line) {
          x = kTable[x];
        }
      }
    }
    std::uint8_t outputs[16][kBlock];
    for (int line = 0; line < 8; ++line) {
      for (int o = 0; o < 16; ++o) {
        std::memcpy(&outputs[o][4 * line], &lines[line][4 * o], 4);
      }
    }
    for (int o = 0; o < 16; ++o) {
      for (int k = 0; k < kBlock; ++k) {
        weights[o][k] = outputs[o][k];
      }
    }
  }

  static std::int16_t signed_byte(std::byte x) {
    return static_cast<std::int16_t>((std::to_integer<int>(x) ^ 128) - 128);
  }

  template <ScaleCode S>
  static float scale(const std::byte* at, int o) {
    if constexpr (S == ScaleCode::f32) {
      float value;
      std::memcpy(&value, at + 4 * o, 4);
      return value;
    }
    std::uint16_t half;
    std::memcpy(&half, at + 2 * o, 2);
    return S == ScaleCode::f16 ? f32_from_f16(half) : f32_from_bf16(half);
  }

  template <Payload P, ScaleCode S, bool Minimum, int R>
  static void matmul_group(const std::byte* w, const std::byte* a, std::size_t blocks, float* y,
                           std::size_t stride, int outputs) {
    constexpr PackedLayout kLayout{P, S == ScaleCode::bf16, Minimum};
    constexpr std::size_t kGroup = S == ScaleCode::f32 ? 1 : kLayout.group_blocks();
    float acc[R][16] = {};
    for (std::size_t b = 0; b < blocks; ++b) {
      const std::byte* header = w + b / kGroup * (64 + kGroup * kLayout.payload_bytes());
      const auto* payload =
          reinterpret_cast<const std::uint8_t*>(header + 64 + b % kGroup * kLayout.payload_bytes());
      header += b % kGroup * 32;
      std::int16_t weights[16][kBlock];
      unpack<P>(payload, weights);
      float scales[16];
      float minima[16];
      for (int o = 0; o < 16; ++o) {
        scales[o] = scale<S>(header, o);
        minima[o] = Minimum ? scale<ScaleCode::f16>(header + 32, o) : 0.0F;
      }
      for (int r = 0; r < R; ++r) {
        std::int16_t q[kBlock];
        for (int k = 0; k < kBlock; ++k) {
          q[k] = signed_byte(a[r * kBlock + k]);
        }
        float row_scale;
        float row_sum;
        std::int32_t negative_sum;
        std::memcpy(&row_scale, a + R * 32 + 4 * r, 4);
        std::memcpy(&row_sum, a + R * 36 + 4 * r, 4);
        std::memcpy(&negative_sum, a + R * 40 + 4 * r, 4);
        std::int32_t sums[16];
        for (int o = 0; o < 16; ++o) {
          std::int32_t sum = negative_sum * kLayout.offset();
          for (int k = 0; k < kBlock; ++k) {
            sum += weights[o][k] * q[k];
          }
          sums[o] = sum;
        }
        for (int o = 0; o < 16; ++o) {
          const float s = row_scale * scales[o];
          acc[r][o] = acc[r][o] + static_cast<float>(sums[o]) * s;
          if constexpr (Minimum) {
            acc[r][o] = acc[r][o] + row_sum * minima[o];
          }
        }
      }
      a += ActivationBlocks::block_bytes(R);
      if ((b + 1) % (kSegment / kBlock) == 0 || b + 1 == blocks) {
        const bool first = b < kSegment / kBlock;
        for (int r = 0; r < R; ++r) {
          float* out = y + static_cast<std::size_t>(r) * stride;
          for (int o = 0; o < outputs; ++o) {
            out[o] = first ? acc[r][o] : out[o] + acc[r][o];
          }
        }
        std::memset(acc, 0, sizeof acc);
      }
    }
  }

  template <int R>
  static void weighted_values(const std::byte* values, const std::int16_t* const* p,
                              const float* const* d, F* t) {
    std::int16_t v[2][16][kBlock];
    for (int half = 0; half < 2; ++half) {
      for (int j = 0; j < kBlock; ++j) {
        for (int o = 0; o < 16; ++o) {
          v[half][o][j] = signed_byte(values[(half * 16 + j / 2) * 32 + 2 * o + j % 2]);
        }
      }
    }
    for (int half = 0; half < 2; ++half) {
      for (int r = 0; r < R; ++r) {
        for (int o = 0; o < 16; ++o) {
          std::int32_t sum = 0;
          for (int j = 0; j < kBlock; ++j) {
            sum += p[r][half * 32 + j] * v[half][o][j];
          }
          const float product = static_cast<float>(sum) * d[r][half];
          t[r].v[o] = half == 0 ? product : t[r].v[o] + product;
        }
      }
    }
  }
};

}  // namespace

const Kernels& portable_kernels() {
  static constexpr Kernels kTable = KernelsOf<Portable>::table(KernelSet::portable, "portable");
  return kTable;
}

}  // namespace churon::numeric
