// Kernels for AVX2 (Intel Haswell and later, AMD Zen and later).
#include <immintrin.h>

#include "numeric/kernels_impl.h"

namespace churon::numeric {

namespace {

struct Avx2 {
  struct F {
    __m256 low, high;
  };
  struct I {
    __m256i low, high;
  };

  static __m256i lane_mask(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static constexpr bool kRowsInLanes = false;
  static constexpr std::size_t kF32Side = 2;

  static F load(const float* x) { return {_mm256_loadu_ps(x), _mm256_loadu_ps(x + 8)}; }
  static F load_n(const float* x, int n) {
    return {_mm256_maskload_ps(x, lane_mask(n)),
            n > 8 ? _mm256_maskload_ps(x + 8, lane_mask(n - 8)) : _mm256_setzero_ps()};
  }
  static void store(float* x, F a) {
    _mm256_storeu_ps(x, a.low);
    _mm256_storeu_ps(x + 8, a.high);
  }
  static void store_n(float* x, F a, int n) {
    _mm256_maskstore_ps(x, lane_mask(n), a.low);
    if (n > 8) {
      _mm256_maskstore_ps(x + 8, lane_mask(n - 8), a.high);
    }
  }
  static F set(float x) { return {_mm256_set1_ps(x), _mm256_set1_ps(x)}; }
  static I load_i(const void* x) {
    const auto* from = static_cast<const __m256i*>(x);
    return {_mm256_loadu_si256(from), _mm256_loadu_si256(from + 1)};
  }
  static I set_int(std::int32_t x) { return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
  static F add(F a, F b) { return {_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)}; }
  static F sub(F a, F b) { return {_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)}; }
  static F mul(F a, F b) { return {_mm256_mul_ps(a.low, b.low), _mm256_mul_ps(a.high, b.high)}; }
  static F div(F a, F b) { return {_mm256_div_ps(a.low, b.low), _mm256_div_ps(a.high, b.high)}; }
  static F max_f(F a, F b) { return {_mm256_max_ps(a.low, b.low), _mm256_max_ps(a.high, b.high)}; }
  static F min_f(F a, F b) { return {_mm256_min_ps(a.low, b.low), _mm256_min_ps(a.high, b.high)}; }
  static float max_of(F a) {
    const __m256 eight = _mm256_max_ps(a.low, a.high);
    const __m128 four = _mm_max_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
  }
  static I bits(F a) { return {_mm256_castps_si256(a.low), _mm256_castps_si256(a.high)}; }
  static F value(I a) { return {_mm256_castsi256_ps(a.low), _mm256_castsi256_ps(a.high)}; }
  static I bit_and(I a, I b) {
    return {_mm256_and_si256(a.low, b.low), _mm256_and_si256(a.high, b.high)};
  }
  static I bit_or(I a, I b) {
    return {_mm256_or_si256(a.low, b.low), _mm256_or_si256(a.high, b.high)};
  }
  static I add_i(I a, I b) {
    return {_mm256_add_epi32(a.low, b.low), _mm256_add_epi32(a.high, b.high)};
  }
  static I sub_i(I a, I b) {
    return {_mm256_sub_epi32(a.low, b.low), _mm256_sub_epi32(a.high, b.high)};
  }
  static I max_i(I a, I b) {
    return {_mm256_max_epi32(a.low, b.low), _mm256_max_epi32(a.high, b.high)};
  }
  static I min_i(I a, I b) {
    return {_mm256_min_epi32(a.low, b.low), _mm256_min_epi32(a.high, b.high)};
  }
  template <int N>
  static I shift_left(I a) {
    return {_mm256_slli_epi32(a.low, N), _mm256_slli_epi32(a.high, N)};
  }
  template <int N>
  static I shift_right(I a) {
    return {_mm256_srli_epi32(a.low, N), _mm256_srli_epi32(a.high, N)};
  }
  static __m256 blend(__m256i mask, __m256 a, __m256 b) {
    return _mm256_blendv_ps(b, a, _mm256_castsi256_ps(mask));
  }
  static F ge_select(F x, F limit, F a, F b) {
    return {_mm256_blendv_ps(b.low, a.low, _mm256_cmp_ps(x.low, limit.low, _CMP_GE_OQ)),
            _mm256_blendv_ps(b.high, a.high, _mm256_cmp_ps(x.high, limit.high, _CMP_GE_OQ))};
  }
  static I le_zero_select(I x, I a, I b) {
    const __m256i one = _mm256_set1_epi32(1);
    return {_mm256_blendv_epi8(b.low, a.low, _mm256_cmpgt_epi32(one, x.low)),
            _mm256_blendv_epi8(b.high, a.high, _mm256_cmpgt_epi32(one, x.high))};
  }
  static F lanes_select(int first, int last, F a, F b) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    const auto mask = [&](int shift) {
      return _mm256_and_si256(_mm256_cmpgt_epi32(lane, _mm256_set1_epi32(first - shift - 1)),
                              _mm256_cmpgt_epi32(_mm256_set1_epi32(last - shift + 1), lane));
    };
    return {blend(mask(0), a.low, b.low), blend(mask(8), a.high, b.high)};
  }
  static __m256 floor_sixteenth(__m256 x) {
    return _mm256_mul_ps(_mm256_floor_ps(_mm256_mul_ps(x, _mm256_set1_ps(16.0F))),
                         _mm256_set1_ps(0.0625F));
  }
  static F floor_sixteenth(F x) { return {floor_sixteenth(x.low), floor_sixteenth(x.high)}; }
  static I to_int(F a) { return {_mm256_cvtps_epi32(a.low), _mm256_cvtps_epi32(a.high)}; }
  static F to_float(I a) { return {_mm256_cvtepi32_ps(a.low), _mm256_cvtepi32_ps(a.high)}; }
  // Eight entries are one permutation; the bits above choose among them.
  static __m256 lookup16(const float* table, __m256i index) {
    const __m256 first = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table), index);
    const __m256 second = _mm256_permutevar8x32_ps(_mm256_loadu_ps(table + 8), index);
    return _mm256_blendv_ps(first, second, _mm256_castsi256_ps(_mm256_slli_epi32(index, 28)));
  }
  static __m256 lookup32(const float* table, __m256i index) {
    return _mm256_blendv_ps(lookup16(table, index), lookup16(table + 16, index),
                            _mm256_castsi256_ps(_mm256_slli_epi32(index, 27)));
  }
  static F lookup16(const float* table, I index) {
    return {lookup16(table, index.low), lookup16(table, index.high)};
  }
  static F lookup32(const float* table, I index) {
    return {lookup32(table, index.low), lookup32(table, index.high)};
  }
  static std::int32_t reduce_max(I a) {
    const __m256i eight = _mm256_max_epi32(a.low, a.high);
    __m128i four = _mm_max_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    four = _mm_max_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    return _mm_cvtsi128_si32(_mm_max_epi32(four, _mm_shuffle_epi32(four, 0xB1)));
  }
  static std::int32_t reduce_add(I a) {
    const __m256i eight = _mm256_add_epi32(a.low, a.high);
    __m128i four = _mm_add_epi32(_mm256_castsi256_si128(eight), _mm256_extracti128_si256(eight, 1));
    four = _mm_add_epi32(four, _mm_shuffle_epi32(four, 0x4E));
    return _mm_cvtsi128_si32(_mm_add_epi32(four, _mm_shuffle_epi32(four, 0xB1)));
  }
  static float tree(F a) {
    const __m256 eight = _mm256_add_ps(a.low, a.high);
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
  static __m256i words(I a) {
    return _mm256_permute4x64_epi64(_mm256_packs_epi32(a.low, a.high), 0xD8);
  }
  static F round_to_f16(F a) {
    return {_mm256_cvtph_ps(_mm256_cvtps_ph(a.low, _MM_FROUND_TO_NEAREST_INT)),
            _mm256_cvtph_ps(_mm256_cvtps_ph(a.high, _MM_FROUND_TO_NEAREST_INT))};
  }
  static float rounded_to_f16(float x) {
    return _cvtsh_ss(_cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT));
  }
  static void store_i8(std::int8_t* out, I a) {
    const __m256i w = words(a);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out),
                     _mm_packs_epi16(_mm256_castsi256_si128(w), _mm256_extracti128_si256(w, 1)));
  }
  static void store_i16(std::int16_t* out, I a) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), words(a));
  }

  // Half of the 8 lines of a block, the outputs from 8 * half, as bytes: unsigned with the layout's
  // offset, but signed for u8, whose sums would not fit.
  template <Payload P>
  static __attribute__((always_inline)) void unpack(const std::byte* payload, int half,
                                                    __m256i w[8]) {
    const auto line = [&](const std::byte* from, int j) {
      return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from + 64 * j + 32 * half));
    };
    if constexpr (P == Payload::u8) {
      for (int j = 0; j < 8; ++j) {
        w[j] = _mm256_xor_si256(line(payload, j), _mm256_set1_epi8(static_cast<char>(0x80)));
      }
      return;
    }
    const __m256i low = _mm256_set1_epi8(15);
    const std::byte* nibbles = payload + (P == Payload::u5 ? 64 : 0);
    for (int j = 0; j < 4; ++j) {
      const __m256i both = line(nibbles, j);
      w[j] = _mm256_and_si256(both, low);
      w[j + 4] = _mm256_and_si256(_mm256_srli_epi16(both, 4), low);
    }
    if constexpr (P == Payload::u5) {
      // 32 bits to 32 bytes: each byte looks at the bit of its place.
      const __m256i spread =
          _mm256_setr_epi64x(0, 0x0101010101010101, 0x0202020202020202, 0x0303030303030303);
      const __m256i bit = _mm256_set1_epi64x(static_cast<long long>(0x8040201008040201ULL));
      for (int j = 0; j < 8; ++j) {
        std::int32_t mask;
        std::memcpy(&mask, payload + 8 * j + 4 * half, sizeof mask);
        const __m256i bytes = _mm256_shuffle_epi8(_mm256_set1_epi32(mask), spread);
        const __m256i set = _mm256_cmpeq_epi8(_mm256_and_si256(bytes, bit), bit);
        w[j] = _mm256_or_si256(w[j], _mm256_and_si256(set, _mm256_set1_epi8(16)));
      }
    }
    if constexpr (P == Payload::e2m1) {
      const __m256i table = _mm256_broadcastsi128_si256(
          _mm_setr_epi8(16, 17, 18, 19, 20, 22, 24, 28, 16, 15, 14, 13, 12, 10, 8, 4));
      for (int j = 0; j < 8; ++j) {
        w[j] = _mm256_shuffle_epi8(table, w[j]);
      }
    }
  }

  // Sum of the products of a block, without the offset's part. Sums of int16 stay below 2^15:
  // 8 * 2 * 15 * 127 for 4 bits, 4 * 2 * 31 * 127 for 5, 2 * 128 * 127 for one line of 8.
  template <Payload P>
  static __attribute__((always_inline)) __m256i products(const __m256i w[8], const std::byte* a) {
    const __m256i ones = _mm256_set1_epi16(1);
    const auto broadcast = [&](int j) {
      std::int32_t word;
      std::memcpy(&word, a + 4 * j, sizeof word);
      return _mm256_set1_epi32(word);
    };
    if constexpr (P == Payload::u8) {
      __m256i sum = _mm256_setzero_si256();
      for (int j = 0; j < 8; ++j) {
        const __m256i pairs =
            _mm256_maddubs_epi16(_mm256_abs_epi8(w[j]), _mm256_sign_epi8(broadcast(j), w[j]));
        sum = _mm256_add_epi32(sum, _mm256_madd_epi16(pairs, ones));
      }
      return sum;
    }
    __m256i first = _mm256_maddubs_epi16(w[0], broadcast(0));
    __m256i second = _mm256_maddubs_epi16(w[4], broadcast(4));
    for (int j = 1; j < 4; ++j) {
      first = _mm256_add_epi16(first, _mm256_maddubs_epi16(w[j], broadcast(j)));
      second = _mm256_add_epi16(second, _mm256_maddubs_epi16(w[j + 4], broadcast(j + 4)));
    }
    if constexpr (P == Payload::u4) {
      return _mm256_madd_epi16(_mm256_add_epi16(first, second), ones);
    }
    return _mm256_add_epi32(_mm256_madd_epi16(first, ones), _mm256_madd_epi16(second, ones));
  }

  template <ScaleCode S>
  static __m256 scales(const std::byte* at, int half) {
    if constexpr (S == ScaleCode::f32) {
      return _mm256_loadu_ps(reinterpret_cast<const float*>(at) + 8 * half);
    }
    const __m128i halves = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at + 16 * half));
    if constexpr (S == ScaleCode::f16) {
      return _mm256_cvtph_ps(halves);
    }
    return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(halves), 16));
  }

  template <Payload P, ScaleCode S, bool Minimum, int R>
  static void matmul_group(const std::byte* w, const std::byte* a, std::size_t blocks, float* y,
                           std::size_t stride, int outputs) {
    // Of 16 registers 8 hold weights: at most 4 rows go together.
    constexpr int kStep = R < 4 ? R : 4;
    for (int half = 0; half < 2 && 8 * half < outputs; ++half) {
      for (int row = 0; row + kStep <= R; row += kStep) {
        rows<P, S, Minimum, R, kStep>(w, a, blocks, y + 8 * half, stride, outputs - 8 * half, half,
                                      row);
      }
      constexpr int kRest = R % kStep;
      if constexpr (kRest > 0) {
        rows<P, S, Minimum, R, kRest>(w, a, blocks, y + 8 * half, stride, outputs - 8 * half, half,
                                      R - kRest);
      }
    }
  }

  template <Payload P, ScaleCode S, bool Minimum, int R, int Step>
  static void rows(const std::byte* w, const std::byte* a, std::size_t blocks, float* y,
                   std::size_t stride, int outputs, int half, int row) {
    constexpr PackedLayout kLayout{P, S == ScaleCode::bf16, Minimum};
    constexpr std::size_t kGroup = S == ScaleCode::f32 ? 1 : kLayout.group_blocks();
    constexpr int kOffset = P == Payload::u8 ? 0 : kLayout.offset();
    constexpr std::size_t kSegmentBlocks = kSegment / kBlock;
    const __m256i mask = lane_mask(outputs < 8 ? outputs : 8);
    __m256 acc[Step];
    for (std::size_t b = 0; b < blocks; ++b) {
      if (b % kSegmentBlocks == 0) {
        for (auto& sum : acc) {
          sum = _mm256_setzero_ps();
        }
      }
      const std::byte* header = w + b / kGroup * (64 + kGroup * kLayout.payload_bytes());
      const std::byte* payload = header + 64 + b % kGroup * kLayout.payload_bytes();
      header += b % kGroup * 32;
      __m256i lines[8];
      unpack<P>(payload, half, lines);
      const __m256 scale = scales<S>(header, half);
      const __m256 minimum = Minimum ? scales<ScaleCode::f16>(header + 32, half) : scale;
#pragma GCC unroll 4
      for (int i = 0; i < Step; ++i) {
        const int r = row + i;
        __m256i sum = products<P>(lines, a + r * kBlock);
        if constexpr (kOffset != 0) {
          const auto* negative_sum = reinterpret_cast<const std::int32_t*>(a + R * 40) + r;
          sum = _mm256_add_epi32(sum, _mm256_set1_epi32(*negative_sum * kOffset));
        }
        const auto* row_scale = reinterpret_cast<const float*>(a + R * 32) + r;
        const __m256 s = _mm256_mul_ps(_mm256_set1_ps(*row_scale), scale);
        acc[i] = _mm256_add_ps(acc[i], _mm256_mul_ps(_mm256_cvtepi32_ps(sum), s));
        if constexpr (Minimum) {
          const auto* row_sum = reinterpret_cast<const float*>(a + R * 36) + r;
          acc[i] = _mm256_add_ps(acc[i], _mm256_mul_ps(_mm256_set1_ps(*row_sum), minimum));
        }
      }
      a += ActivationBlocks::block_bytes(R);
      if ((b + 1) % kSegmentBlocks == 0 || b + 1 == blocks) {
        for (int i = 0; i < Step; ++i) {
          float* out = y + static_cast<std::size_t>(row + i) * stride;
          if (b >= kSegmentBlocks) {
            acc[i] = _mm256_add_ps(_mm256_maskload_ps(out, mask), acc[i]);
          }
          _mm256_maskstore_ps(out, mask, acc[i]);
        }
      }
    }
  }

  template <int R>
  static void weighted_values(const std::byte* values, const std::int16_t* const* p,
                              const float* const* d, F* t) {
    for (int r = 0; r < R; ++r) {
      for (int half = 0; half < 2; ++half) {
        __m256i low = _mm256_setzero_si256();
        __m256i high = _mm256_setzero_si256();
        for (int pair = 0; pair < 16; ++pair) {
          const auto* from = reinterpret_cast<const __m128i*>(values + (half * 16 + pair) * 32);
          std::int32_t two;
          std::memcpy(&two, p[r] + half * 32 + pair * 2, sizeof two);
          const __m256i weights = _mm256_set1_epi32(two);
          low = _mm256_add_epi32(
              low, _mm256_madd_epi16(_mm256_cvtepi8_epi16(_mm_loadu_si128(from)), weights));
          high = _mm256_add_epi32(
              high, _mm256_madd_epi16(_mm256_cvtepi8_epi16(_mm_loadu_si128(from + 1)), weights));
        }
        const F product = mul(to_float({low, high}), set(d[r][half]));
        t[r] = half == 0 ? product : add(t[r], product);
      }
    }
  }
};

}  // namespace

const Kernels& avx2_kernels() {
  static constexpr Kernels kTable = KernelsOf<Avx2>::table(KernelSet::avx2, "avx2");
  return kTable;
}

}  // namespace churon::numeric
