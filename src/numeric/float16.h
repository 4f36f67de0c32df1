// Conversions between binary32, binary16 (IEEE 754) and bfloat16, round to nearest even.
//
// FP16 keeps its subnormals in both directions; a binary32 subnormal counts as zero of its sign, as
// everywhere in the arithmetic contract (docs/arithmetic.md, rule 1). Integer code and exact
// products only, so the results are the same with and without FTZ and DAZ. A NaN stays a NaN.
//
// The functions are `static`: files that are compiled for a wider instruction set include this
// header too, and the linker must not hand their copies to everyone.
#pragma once

#include <bit>
#include <cstdint>

namespace churon::numeric {

[[nodiscard]] static constexpr float f32_from_f16(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000u) << 16;
  const std::uint32_t magnitude = half & 0x7FFFu;
  if (magnitude >= 0x7C00u) {  // infinity or NaN
    return std::bit_cast<float>(sign | 0x7F800000u | ((magnitude & 0x3FFu) << 13));
  }
  if (magnitude >= 0x0400u) {  // normal: rebias the exponent from 15 to 127
    return std::bit_cast<float>(sign | ((magnitude << 13) + (112u << 23)));
  }
  const float value = static_cast<float>(magnitude) * 0x1p-24f;
  return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(value));
}

[[nodiscard]] static constexpr std::uint16_t f16_from_f32(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t sign = (bits >> 16) & 0x8000u;
  const std::uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) {
    return static_cast<std::uint16_t>(sign | 0x7E00u);
  }
  if (magnitude >= 0x477FF000u) {  // 65520, halfway to 2^16, and above
    return static_cast<std::uint16_t>(sign | 0x7C00u);
  }
  if (magnitude >= 0x38800000u) {  // 2^-14 and above: a normal half; a carry moves the exponent up
    const std::uint32_t rounded = magnitude + 0xFFFu + ((magnitude >> 13) & 1u);
    return static_cast<std::uint16_t>(sign | ((rounded - (112u << 23)) >> 13));
  }
  if (magnitude < 0x33000000u) {  // below half of the smallest subnormal, 2^-25
    return static_cast<std::uint16_t>(sign);
  }
  // A subnormal half counts units of 2^-24: the 24-bit significand shifted right by 14 to 24.
  const std::uint32_t shift = 126u - (magnitude >> 23);
  const std::uint32_t significand = (magnitude & 0x7FFFFFu) | 0x800000u;
  const std::uint32_t rounding = (1u << (shift - 1)) - 1u + ((significand >> shift) & 1u);
  return static_cast<std::uint16_t>(sign | ((significand + rounding) >> shift));
}

// The value that FP16 holds nearest to `value`.
[[nodiscard]] static constexpr float rounded_to_f16(float value) {
  return f32_from_f16(f16_from_f32(value));
}

[[nodiscard]] static constexpr float f32_from_bf16(std::uint16_t brain) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(brain) << 16);
}

[[nodiscard]] static constexpr std::uint16_t bf16_from_f32(float value) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t magnitude = bits & 0x7FFFFFFFu;
  if (magnitude > 0x7F800000u) {
    return static_cast<std::uint16_t>((bits >> 16) | 0x0040u);
  }
  if (magnitude < 0x00800000u) {
    return static_cast<std::uint16_t>((bits >> 16) & 0x8000u);
  }
  return static_cast<std::uint16_t>((bits + 0x7FFFu + ((bits >> 16) & 1u)) >> 16);
}

}  // namespace churon::numeric
