// Kernels for AVX-512 with VNNI (Intel Ice Lake and later, AMD Zen 4 and later).
#include <immintrin.h>

#include "numeric/kernels_impl.h"

namespace churon::numeric {

namespace {

struct Avx512 {
  using F = __m512;
  using I = __m512i;
  static constexpr bool kRowsInLanes = true;
  static constexpr std::size_t kF32Side = 4;

  static __mmask16 first_lanes(int n) { return static_cast<__mmask16>((1U << n) - 1U); }

  static F load(const float* x) { return _mm512_loadu_ps(x); }
  static F load_n(const float* x, int n) { return _mm512_maskz_loadu_ps(first_lanes(n), x); }
  static void store(float* x, F v) { _mm512_storeu_ps(x, v); }
  static void store_n(float* x, F v, int n) { _mm512_mask_storeu_ps(x, first_lanes(n), v); }
  static F set(float x) { return _mm512_set1_ps(x); }
  static I lane_numbers() {
    return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  }
  static I set_int(std::int32_t x) { return _mm512_set1_epi32(x); }
  static F add(F a, F b) { return _mm512_add_ps(a, b); }
  static F sub(F a, F b) { return _mm512_sub_ps(a, b); }
  static F mul(F a, F b) { return _mm512_mul_ps(a, b); }
  static F div(F a, F b) { return _mm512_div_ps(a, b); }
  static F max_f(F a, F b) { return _mm512_max_ps(a, b); }
  static F min_f(F a, F b) { return _mm512_min_ps(a, b); }
  static float max_of(F a) { return _mm512_reduce_max_ps(a); }
  static I bits(F a) { return _mm512_castps_si512(a); }
  static F value(I a) { return _mm512_castsi512_ps(a); }
  static I bit_and(I a, I b) { return _mm512_and_si512(a, b); }
  static I bit_or(I a, I b) { return _mm512_or_si512(a, b); }
  static I add_i(I a, I b) { return _mm512_add_epi32(a, b); }
  static I sub_i(I a, I b) { return _mm512_sub_epi32(a, b); }
  static I max_i(I a, I b) { return _mm512_max_epi32(a, b); }
  static I min_i(I a, I b) { return _mm512_min_epi32(a, b); }
  template <int N>
  static I shift_left(I a) {
    return _mm512_slli_epi32(a, N);
  }
  template <int N>
  static I shift_right(I a) {
    return _mm512_srli_epi32(a, N);
  }
  static F ge_select(F x, F limit, F a, F b) {
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(x, limit, _CMP_GE_OQ), b, a);
  }
  static I le_zero_select(I x, I a, I b) {
    return _mm512_mask_blend_epi32(_mm512_cmple_epi32_mask(x, _mm512_setzero_si512()), b, a);
  }
  static F lanes_select(int first, int last, F a, F b) {
    return between(set_int(first), set_int(last), lane_numbers(), a, b);
  }
  static F between(I low, I high, I x, F a, F b) {
    const __mmask16 mask = _mm512_cmple_epi32_mask(low, x) & _mm512_cmple_epi32_mask(x, high);
    return _mm512_mask_blend_ps(mask, b, a);
  }
  static F floor_sixteenth(F x) {
    return _mm512_roundscale_ps(x, (4 << 4) | _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
  }
  static F ceil_f(F x) {
    return _mm512_roundscale_ps(x, _MM_FROUND_TO_POS_INF | _MM_FROUND_NO_EXC);
  }
  static I to_int(F a) { return _mm512_cvtps_epi32(a); }
  static F to_float(I a) { return _mm512_cvtepi32_ps(a); }
  static F lookup16(const float* table, I index) {
    return _mm512_permutexvar_ps(index, _mm512_loadu_ps(table));
  }
  static F lookup32(const float* table, I index) {
    return _mm512_permutex2var_ps(_mm512_loadu_ps(table), index, _mm512_loadu_ps(table + 16));
  }
  static std::int32_t reduce_max(I a) { return _mm512_reduce_max_epi32(a); }
  static std::int32_t reduce_add(I a) { return _mm512_reduce_add_epi32(a); }
  static float tree(F a) {
    const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
    const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
  static I load_i(const void* x) { return _mm512_loadu_si512(x); }
  static void store_i(void* x, I a) { _mm512_storeu_si512(x, a); }
  static I widen_bytes(const std::byte* x) {
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)));
  }
  static I flip_signs(I a) { return _mm512_xor_si512(a, _mm512_set1_epi8(-128)); }
  // Rows become columns: 4 x 4 numbers, then 4 x 4 quarters.
  static void transpose(F x[16]) {
    __m512d pairs[16];
#pragma GCC unroll 4
    for (int i = 0; i < 16; i += 4) {
      const __m512d a = _mm512_castps_pd(_mm512_unpacklo_ps(x[i], x[i + 1]));
      const __m512d b = _mm512_castps_pd(_mm512_unpackhi_ps(x[i], x[i + 1]));
      const __m512d c = _mm512_castps_pd(_mm512_unpacklo_ps(x[i + 2], x[i + 3]));
      const __m512d d = _mm512_castps_pd(_mm512_unpackhi_ps(x[i + 2], x[i + 3]));
      pairs[i] = _mm512_unpacklo_pd(a, c);
      pairs[i + 1] = _mm512_unpackhi_pd(a, c);
      pairs[i + 2] = _mm512_unpacklo_pd(b, d);
      pairs[i + 3] = _mm512_unpackhi_pd(b, d);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const F a = _mm512_castpd_ps(pairs[i]);
      const F b = _mm512_castpd_ps(pairs[i + 4]);
      const F c = _mm512_castpd_ps(pairs[i + 8]);
      const F d = _mm512_castpd_ps(pairs[i + 12]);
      const F low_ab = _mm512_shuffle_f32x4(a, b, 0x44);
      const F high_ab = _mm512_shuffle_f32x4(a, b, 0xEE);
      const F low_cd = _mm512_shuffle_f32x4(c, d, 0x44);
      const F high_cd = _mm512_shuffle_f32x4(c, d, 0xEE);
      x[i] = _mm512_shuffle_f32x4(low_ab, low_cd, 0x88);
      x[i + 4] = _mm512_shuffle_f32x4(low_ab, low_cd, 0xDD);
      x[i + 8] = _mm512_shuffle_f32x4(high_ab, high_cd, 0x88);
      x[i + 12] = _mm512_shuffle_f32x4(high_ab, high_cd, 0xDD);
    }
  }
  static F round_to_f16(F a) {
    return _mm512_cvtph_ps(_mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
  static float rounded_to_f16(float x) {
    return _cvtsh_ss(_cvtss_sh(x, _MM_FROUND_TO_NEAREST_INT));
  }
  static void store_i8(std::int8_t* out, I a) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(out), _mm512_cvtepi32_epi8(a));
  }
  static void store_i16(std::int16_t* out, I a) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm512_cvtepi32_epi16(a));
  }

  // sum += four products a lane of unsigned weights and signed activations, broadcast from memory.
  // In assembly because g++ 12 does not fold the broadcast into the instruction.
  static I dot_bytes(I sum, I weights, const std::byte* activations) {
    __asm__("vpdpbusd %2%{1to16%}, %1, %0"
            : "+v"(sum)
            : "v"(weights), "m"(*reinterpret_cast<const std::int32_t*>(activations)));
    return sum;
  }
  // sum += two products a lane of int16 values and int16 probabilities, broadcast from memory.
  static I dot_words(I sum, I values, const std::int16_t* probabilities) {
    __asm__("vpdpwssd %2%{1to16%}, %1, %0"
            : "+v"(sum)
            : "v"(values), "m"(*reinterpret_cast<const std::int32_t*>(probabilities)));
    return sum;
  }

  // The 8 lines of a block as bytes.
  template <Payload P>
  static void unpack(const std::byte* payload, I w[8]) {
    if constexpr (P == Payload::u8) {
      for (int j = 0; j < 8; ++j) {
        w[j] = _mm512_loadu_si512(payload + 64 * j);
      }
      return;
    }
    const I low = _mm512_set1_epi8(15);
    const std::byte* nibbles = payload + (P == Payload::u5 ? 64 : 0);
    for (int j = 0; j < 4; ++j) {
      const I line = _mm512_loadu_si512(nibbles + 64 * j);
      w[j] = _mm512_and_si512(line, low);
      w[j + 4] = _mm512_and_si512(_mm512_srli_epi16(line, 4), low);
    }
    if constexpr (P == Payload::u5) {
      const I sixteen = _mm512_set1_epi8(16);
      for (int j = 0; j < 8; ++j) {
        std::uint64_t mask;
        std::memcpy(&mask, payload + 8 * j, sizeof mask);
        w[j] = _mm512_mask_add_epi8(w[j], mask, w[j], sixteen);
      }
    }
    if constexpr (P == Payload::e2m1) {
      const I table = _mm512_broadcast_i32x4(
          _mm_setr_epi8(16, 17, 18, 19, 20, 22, 24, 28, 16, 15, 14, 13, 12, 10, 8, 4));
      for (int j = 0; j < 8; ++j) {
        w[j] = _mm512_shuffle_epi8(table, w[j]);
      }
    }
  }
  template <ScaleCode S>
  static F scales(const std::byte* at) {
    if constexpr (S == ScaleCode::f32) {
      return _mm512_loadu_ps(at);
    }
    const __m256i half = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(at));
    if constexpr (S == ScaleCode::f16) {
      return _mm512_cvtph_ps(half);
    }
    return value(_mm512_slli_epi32(_mm512_cvtepu16_epi32(half), 16));
  }

  template <Payload P, ScaleCode S, bool Minimum, int R>
  static void matmul_group(const std::byte* w, const std::byte* a, std::size_t blocks, float* y,
                           std::size_t stride, int outputs) {
    constexpr PackedLayout kLayout{P, S == ScaleCode::bf16, Minimum};
    constexpr std::size_t kGroup = S == ScaleCode::f32 ? 1 : kLayout.group_blocks();
    constexpr std::size_t kPayload = kLayout.payload_bytes();
    constexpr std::size_t kSegmentBlocks = kSegment / kBlock;
    const __mmask16 mask = first_lanes(outputs);
    for (std::size_t begin = 0; begin < blocks; begin += kSegmentBlocks) {
      const std::size_t end = begin + kSegmentBlocks < blocks ? begin + kSegmentBlocks : blocks;
      F acc[R];
#pragma GCC unroll 12
      for (int r = 0; r < R; ++r) {
        acc[r] = _mm512_setzero_ps();
      }
      for (std::size_t group = begin; group < end; group += kGroup) {
        for (std::size_t within = 0; within < kGroup; ++within) {
          block<P, S, Minimum, R>(w, w + 64 + within * kPayload, within, a, acc);
          a += ActivationBlocks::block_bytes(R);
        }
        w += 64 + kGroup * kPayload;
      }
#pragma GCC unroll 12
      for (int r = 0; r < R; ++r) {
        float* out = y + static_cast<std::size_t>(r) * stride;
        if (begin > 0) {
          acc[r] = _mm512_add_ps(_mm512_maskz_loadu_ps(mask, out), acc[r]);
        }
        _mm512_mask_storeu_ps(out, mask, acc[r]);
      }
    }
  }

  template <Payload P, ScaleCode S, bool Minimum, int R>
  static __attribute__((always_inline)) void block(const std::byte* header,
                                                   const std::byte* payload, std::size_t within,
                                                   const std::byte* a, F* acc) {
    constexpr int kOffset = PackedLayout{P, S == ScaleCode::bf16, Minimum}.offset();
    constexpr int kShift = kOffset == 0 ? 0 : std::countr_zero(static_cast<unsigned>(kOffset));
    I lines[8];
    unpack<P>(payload, lines);
    const F scale = scales<S>(header + within * 32);
    const F minimum = Minimum ? scales<ScaleCode::f16>(header + 32) : _mm512_setzero_ps();
#pragma GCC unroll 12
    for (int r = 0; r < R; ++r) {
      const std::byte* row = a + r * kBlock;
      const auto* row_scale = reinterpret_cast<const float*>(a + R * 32) + r;
      const auto* row_sum = reinterpret_cast<const float*>(a + R * 36) + r;
      const auto* negative_sum = reinterpret_cast<const std::int32_t*>(a + R * 40) + r;
      I sum = kOffset == 0 ? _mm512_setzero_si512()
                           : _mm512_slli_epi32(_mm512_set1_epi32(*negative_sum), kShift);
      if constexpr (R <= 2) {
        I other = _mm512_setzero_si512();
        for (int j = 0; j < 8; j += 2) {
          sum = dot_bytes(sum, lines[j], row + 4 * j);
          other = dot_bytes(other, lines[j + 1], row + 4 * j + 4);
        }
        sum = _mm512_add_epi32(sum, other);
      } else {
        for (int j = 0; j < 8; ++j) {
          sum = dot_bytes(sum, lines[j], row + 4 * j);
        }
      }
      const F s = _mm512_mul_ps(_mm512_set1_ps(*row_scale), scale);
      acc[r] = _mm512_add_ps(acc[r], _mm512_mul_ps(_mm512_cvtepi32_ps(sum), s));
      if constexpr (Minimum) {
        acc[r] = _mm512_add_ps(acc[r], _mm512_mul_ps(_mm512_set1_ps(*row_sum), minimum));
      }
    }
  }

  template <int R>
  static void weighted_values(const std::byte* values, const std::int16_t* const* p,
                              const float* const* d, F* t) {
    for (int half = 0; half < 2; ++half) {
      I sum[R];
#pragma GCC unroll 12
      for (int r = 0; r < R; ++r) {
        sum[r] = _mm512_setzero_si512();
      }
      for (int pair = 0; pair < 16; ++pair) {
        const I v = _mm512_cvtepi8_epi16(
            _mm256_loadu_si256(reinterpret_cast<const __m256i*>(values + (half * 16 + pair) * 32)));
#pragma GCC unroll 12
        for (int r = 0; r < R; ++r) {
          sum[r] = dot_words(sum[r], v, p[r] + half * 32 + pair * 2);
        }
      }
#pragma GCC unroll 12
      for (int r = 0; r < R; ++r) {
        const F product = _mm512_mul_ps(_mm512_cvtepi32_ps(sum[r]), _mm512_set1_ps(d[r][half]));
        t[r] = half == 0 ? product : _mm512_add_ps(t[r], product);
      }
    }
  }
};

}  // namespace

const Kernels& avx512_kernels() {
  static constexpr Kernels kTable = KernelsOf<Avx512>::table(KernelSet::avx512, "avx512");
  return kTable;
}

}  // namespace churon::numeric
