// The functions of the arithmetic contract (docs/arithmetic.md, rule 6): exp2, rcp, rsqrt and what
// is made of them, as fixed sequences of FP32 operations and small tables. Each is within 2 ulp
// (`validate/functions` checks every input). The vector kernels run the same sequences on the same
// tables, so that all agree bit for bit.
//
// exp2(x):  x < -126: +0; x >= 128: +inf. k = floor(16 x) / 16, f = x - k in [0, 1/16],
//           p = f * (c1 + f * (c2 + f * c3)), r = hi[j] + (lo[j] + hi[j] * p) with j = 16 k mod 16,
//           then floor(k) is added to the exponent. hi + lo is 2^(j/16) to 48 bits. Each step is
//           monotone in f and the last value of an interval is not above the first of the next, so
//           exp2 is monotone; f = 0 gives hi[j], so it is exact for integers.
// rcp(x):   significand m in [1, 2), j = its first five fraction bits; y = a[j] - b[j] * m (the
//           minimax line of 1/m on the interval: relative error 2^-13), one Newton step
//           y = y + y * (1 - m * y), then the exponent. rcp(+-0) = +-inf, rcp(+-inf) = +-0.
// rsqrt(x): x = m * 4^e with m in [1, 4), j = four fraction bits and the parity of the exponent;
//           y = a[j] - b[j] * m, two Newton steps y = y + y * (0.5 - (0.5 m * y) * y), then the
//           exponent. rsqrt(+0) = +inf, rsqrt(+inf) = +0; negative inputs have no defined result.
// The lines are minimax in relative error; the cubic minimises the largest absolute error of 2^f.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <limits>

namespace churon::numeric {

inline constexpr std::array<float, 16> kExp2High{
    0x1.000000p+0F, 0x1.0b5586p+0F, 0x1.172b84p+0F, 0x1.2387a6p+0F, 0x1.306fe0p+0F, 0x1.3dea64p+0F,
    0x1.4bfdaep+0F, 0x1.5ab07ep+0F, 0x1.6a09e6p+0F, 0x1.7a1148p+0F, 0x1.8ace54p+0F, 0x1.9c4918p+0F,
    0x1.ae89fap+0F, 0x1.c199bep+0F, 0x1.d5818ep+0F, 0x1.ea4afap+0F};
inline constexpr std::array<float, 16> kExp2Low{0.0F,
                                                0x1.9f3122p-25F,
                                                -0x1.c15742p-27F,
                                                0x1.ceac48p-25F,
                                                0x1.4636e2p-25F,
                                                0x1.824684p-25F,
                                                -0x1.593abcp-25F,
                                                -0x1.5bd5ecp-27F,
                                                0x1.9fcef4p-26F,
                                                -0x1.829fd0p-25F,
                                                0x1.15506ep-27F,
                                                0x1.51f848p-27F,
                                                -0x1.a94b14p-26F,
                                                -0x1.3d56b2p-27F,
                                                -0x1.822dbcp-27F,
                                                0x1.52486cp-27F};
inline constexpr float kExp2C1 = 0x1.62e43ep-1F;
inline constexpr float kExp2C2 = 0x1.ebe594p-3F;
inline constexpr float kExp2C3 = 0x1.d043a2p-5F;
inline constexpr std::array<float, 32> kRcpA{
    0x1.f82ec8p+0F, 0x1.e9210ep+0F, 0x1.daf2ccp+0F, 0x1.cd9120p+0F, 0x1.c0eb38p+0F, 0x1.b4f20cp+0F,
    0x1.a99826p+0F, 0x1.9ed16cp+0F, 0x1.9492f4p+0F, 0x1.8ad2e6p+0F, 0x1.818856p+0F, 0x1.78ab26p+0F,
    0x1.7033f8p+0F, 0x1.681c12p+0F, 0x1.605d4ep+0F, 0x1.58f208p+0F, 0x1.51d518p+0F, 0x1.4b01bcp+0F,
    0x1.447398p+0F, 0x1.3e26a2p+0F, 0x1.381720p+0F, 0x1.3241a2p+0F, 0x1.2ca2f2p+0F, 0x1.27381cp+0F,
    0x1.21fe60p+0F, 0x1.1cf32cp+0F, 0x1.181420p+0F, 0x1.135efep+0F, 0x1.0ed1b4p+0F, 0x1.0a6a52p+0F,
    0x1.062702p+0F, 0x1.020614p+0F};
inline constexpr std::array<float, 32> kRcpB{
    0x1.f06d14p-1F, 0x1.d33a52p-1F, 0x1.b8882ap-1F, 0x1.a00f70p-1F, 0x1.89929ap-1F, 0x1.74dc34p-1F,
    0x1.61bda2p-1F, 0x1.500e1cp-1F, 0x1.3fa9d8p-1F, 0x1.307146p-1F, 0x1.22488ap-1F, 0x1.1516eap-1F,
    0x1.08c674p-1F, 0x1.fa8722p-2F, 0x1.e4f988p-2F, 0x1.d0c4c2p-2F, 0x1.bdcca8p-2F, 0x1.abf7e8p-2F,
    0x1.9b2fa6p-2F, 0x1.8b5f3cp-2F, 0x1.7c73f8p-2F, 0x1.6e5cdep-2F, 0x1.610a82p-2F, 0x1.546ed4p-2F,
    0x1.487d08p-2F, 0x1.3d2960p-2F, 0x1.32692ap-2F, 0x1.28328cp-2F, 0x1.1e7c84p-2F, 0x1.153ec6p-2F,
    0x1.0c71aep-2F, 0x1.040e30p-2F};
inline constexpr std::array<float, 32> kRsqrtA{
    0x1.7a3b2cp+0F, 0x1.6f4164p+0F, 0x1.652ef4p+0F, 0x1.5be5c0p+0F, 0x1.534ce2p+0F, 0x1.4b4f92p+0F,
    0x1.43dc4cp+0F, 0x1.3ce436p+0F, 0x1.365a98p+0F, 0x1.30347ap+0F, 0x1.2a6864p+0F, 0x1.24ee10p+0F,
    0x1.1fbe3ep+0F, 0x1.1ad292p+0F, 0x1.162564p+0F, 0x1.11b1b6p+0F, 0x1.0b7326p+0F, 0x1.03b056p+0F,
    0x1.f92236p-1F, 0x1.ec0056p-1F, 0x1.dfd7d6p-1F, 0x1.d48b54p-1F, 0x1.ca020ap-1F, 0x1.c026f6p-1F,
    0x1.b6e81ap-1F, 0x1.ae35fap-1F, 0x1.a60328p-1F, 0x1.9e43f6p-1F, 0x1.96ee26p-1F, 0x1.8ff8b2p-1F,
    0x1.895ba0p-1F, 0x1.830fe2p-1F};
inline constexpr std::array<float, 32> kRsqrtB{
    0x1.e919dcp-2F, 0x1.bfc348p-2F, 0x1.9beff6p-2F, 0x1.7ca5c2p-2F, 0x1.6120c8p-2F, 0x1.48c5acp-2F,
    0x1.3317d4p-2F, 0x1.1fb23cp-2F, 0x1.0e4246p-2F, 0x1.fd077cp-3F, 0x1.e07bdcp-3F, 0x1.c682a2p-3F,
    0x1.aecba4p-3F, 0x1.9912dap-3F, 0x1.851e30p-3F, 0x1.72bbcep-3F, 0x1.59d8bep-3F, 0x1.3c9dbap-3F,
    0x1.2348a0p-3F, 0x1.0d288ep-3F, 0x1.f36602p-4F, 0x1.d0f43cp-4F, 0x1.b24b90p-4F, 0x1.96dd2ap-4F,
    0x1.7e342ap-4F, 0x1.67f022p-4F, 0x1.53c0dcp-4F, 0x1.416326p-4F, 0x1.309e50p-4F, 0x1.21423ep-4F,
    0x1.1325dep-4F, 0x1.0625f4p-4F};

inline constexpr float kLog2E = 0x1.715476p+0F;     // f32(log2 e)
inline constexpr float kTwoLog2E = 0x1.715476p+1F;  // f32(2 log2 e)
inline constexpr float kGeluCubic = 0.044715F;
inline constexpr float kGeluScale = 0x1.26aec2p+1F;  // f32(2 sqrt(2/pi) log2 e)

// The functions are `static`: files that are compiled for a wider instruction set include this
// header too, and the linker must not hand their copies to everyone.

[[nodiscard]] static inline float exp2(float x) {
  if (!(x >= -126.0F)) {  // a NaN has no defined result; this one is harmless
    return 0.0F;
  }
  if (x >= 128.0F) {
    return std::numeric_limits<float>::infinity();
  }
  const float scaled = x * 16.0F;
  auto k = static_cast<std::int32_t>(scaled);  // truncates; floor for negative fractions
  k -= static_cast<float>(k) > scaled ? 1 : 0;
  const float f = x - static_cast<float>(k) * 0.0625F;
  const auto j = static_cast<std::size_t>(k & 15);
  float p = f * kExp2C3;
  p = p + kExp2C2;
  p = p * f;
  p = p + kExp2C1;
  p = p * f;
  float r = kExp2High[j] * p;
  r = r + kExp2Low[j];
  r = kExp2High[j] + r;
  const auto exponent = static_cast<std::uint32_t>(k >> 4) << 23;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(r) + exponent);
}

[[nodiscard]] static inline float rcp(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t sign = bits & 0x80000000U;
  const std::uint32_t exponent = (bits >> 23) & 0xFFU;
  if (exponent == 0) {
    return std::bit_cast<float>(sign | 0x7F800000U);
  }
  if (exponent == 0xFF) {
    return std::bit_cast<float>(sign);
  }
  const auto m = std::bit_cast<float>((bits & 0x7FFFFFU) | 0x3F800000U);
  const std::size_t j = (bits >> 18) & 31U;
  float y = kRcpA[j] - kRcpB[j] * m;
  const float e = 1.0F - m * y;
  y = y + y * e;
  // y is in [0.5, 1]; the scale 2^(127 - exponent) may leave the range of normal numbers, so the
  // exponents are added as integers and what falls below is zero.
  const auto y_bits = std::bit_cast<std::uint32_t>(y);
  const auto result_exponent =
      static_cast<std::int32_t>(y_bits >> 23) + 127 - static_cast<std::int32_t>(exponent);
  if (result_exponent <= 0) {
    return std::bit_cast<float>(sign);
  }
  return std::bit_cast<float>(sign | (static_cast<std::uint32_t>(result_exponent) << 23) |
                              (y_bits & 0x7FFFFFU));
}

[[nodiscard]] static inline float rsqrt(float x) {
  const auto bits = std::bit_cast<std::uint32_t>(x);
  const std::uint32_t exponent = (bits >> 23) & 0xFFU;
  if (exponent == 0) {
    return std::numeric_limits<float>::infinity();
  }
  if (exponent == 0xFF) {
    return 0.0F;
  }
  const std::uint32_t odd = (exponent & 1U) ^ 1U;  // 127 is even: the exponent of [1, 2)
  const auto m = std::bit_cast<float>((bits & 0x7FFFFFU) | ((127U + odd) << 23));
  const std::size_t j = (odd << 4) | ((bits >> 19) & 15U);
  float y = kRsqrtA[j] - kRsqrtB[j] * m;
  const float half = 0.5F * m;
  for (int step = 0; step < 2; ++step) {
    float t = half * y;
    t = t * y;
    t = 0.5F - t;
    y = y + y * t;
  }
  const auto shift =
      (static_cast<std::int32_t>(exponent) - 127 - static_cast<std::int32_t>(odd)) / 2;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(y) -
                              (static_cast<std::uint32_t>(shift) << 23));
}

[[nodiscard]] static inline float tanh(float y) {
  return 1.0F - 2.0F * rcp(1.0F + exp2(y * kTwoLog2E));
}

[[nodiscard]] static inline float silu(float x) { return x * rcp(1.0F + exp2(-(x * kLog2E))); }

[[nodiscard]] static inline float gelu(float x) {
  const float cubic = x + (kGeluCubic * x) * (x * x);
  return x * rcp(1.0F + exp2(-(kGeluScale * cubic)));
}

}  // namespace churon::numeric
