// Number formats by the names that serving frameworks, data sheets and measured tables use.
//
// Bits are per element as stored, scales included: a block of 128 x 128 with one fp32 scale adds
// 0.002 bit (fp8_block), sixteen elements with one fp8 scale half a bit (nvfp4), 32 with one
// exponent a quarter (mxfp4), 32 with one fp16 scale half a bit (q8_0, q4_0).
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace churon::estimate {

// Which of a chip's dense peak rates a product runs at.
enum class Rate { bf16, fp8, fp4, int8 };
inline constexpr std::size_t kRateCount = 4;
std::string_view name(Rate rate);

// What a kernel of the format does beside the product; each family has its efficiency parameters.
enum class FormatFamily {
  plain,        // bf16, fp16: nothing
  fp8,          // activations are quantised with one scale
  fp8_block,    // … with one scale per 128, products rescaled per block
  fp4,          // … per 16 or 32
  int8,         // SmoothQuant
  weight_only,  // weights are widened before the product
};
inline constexpr std::size_t kFormatFamilyCount = 6;
std::string_view name(FormatFamily family);

struct Precision {
  std::string_view name;        // "bf16", "fp8", "fp8_block", "nvfp4", "int8_wo", "q4_0", …
  double weight_bits = 16;      // per element in memory, scales included
  double activation_bits = 16;  // per element as the product reads it
  Rate rate = Rate::bf16;       // widened to the next rate that the chip has
  FormatFamily family = FormatFamily::plain;
  std::string_view summary = {};
};

// Every format there is, in the order of the list in docs/estimate.md.
std::span<const Precision> precisions();
// By name or alias ("bfloat16", "half", "fp16", "sq", "mxfp4", "int4_awq"); case does not matter.
// nullptr: unknown.
const Precision* precision(std::string_view name);
// What "fp8" means for weights that their makers publish as `native_weights` (of the catalogue):
// `fp8_block` where they come with a scale for each block, else `fp8`.
const Precision* published_fp8(std::string_view native_weights);

}  // namespace churon::estimate
