#include "estimate/precision.h"

#include <algorithm>
#include <cctype>

namespace churon::estimate {

std::string_view name(Rate rate) {
  switch (rate) {
    case Rate::bf16:
      return "bf16";
    case Rate::fp8:
      return "fp8";
    case Rate::fp4:
      return "fp4";
    case Rate::int8:
      return "int8";
  }
  return "";
}

std::string_view name(FormatFamily family) {
  switch (family) {
    case FormatFamily::plain:
      return "plain";
    case FormatFamily::fp8:
      return "fp8";
    case FormatFamily::fp8_block:
      return "fp8_block";
    case FormatFamily::fp4:
      return "fp4";
    case FormatFamily::int8:
      return "int8";
    case FormatFamily::weight_only:
      return "weight_only";
  }
  return "";
}

namespace {

constexpr double kBlock128 = 32.0 / (128 * 128);  // an fp32 scale for 128 x 128 elements
constexpr double kRow128 = 32.0 / 128;            // … for 128 activations

using enum FormatFamily;

// Rows that follow one another: the formats, then what else they are called.
constexpr std::array kPrecisions{
    Precision{"bf16", 16, 16, Rate::bf16, plain, "bfloat16 or fp16, whole"},
    Precision{"fp32", 32, 32, Rate::bf16, plain, "fp32 values, products at the 16-bit rate"},
    Precision{"fp8", 8, 8, Rate::fp8, fp8, "fp8 with one scale a tensor"},
    Precision{"fp8_block", 8 + kBlock128, 8 + kRow128, Rate::fp8, fp8_block,
              "fp8 with a scale for 128 x 128 weights"},
    Precision{"mxfp8", 8.25, 8.25, Rate::fp8, fp8_block, "fp8 with an exponent for 32 elements"},
    Precision{"nvfp4", 4.5, 4.5, Rate::fp4, fp4, "fp4 with an fp8 scale for 16 elements"},
    Precision{"mxfp4", 4.25, 4.25, Rate::fp4, fp4, "fp4 with an exponent for 32 elements"},
    Precision{"w4a16_mxfp4", 4.25, 16, Rate::bf16, weight_only, "mxfp4 weights, 16-bit products"},
    Precision{"w4a8_mxfp4_mxfp8", 4.25, 8.25, Rate::fp8, fp4, "mxfp4 weights, mxfp8 products"},
    Precision{"w4a8", 4.25, 8, Rate::fp8, weight_only, "4-bit weights, 8-bit products"},
    Precision{"int8", 8, 8, Rate::int8, int8, "int8, weights and activations (SmoothQuant)"},
    Precision{"int8_wo", 8, 16, Rate::bf16, weight_only, "int8 weights, 16-bit products"},
    Precision{"int4_wo", 4.125, 16, Rate::bf16, weight_only,
              "int4 weights, a 16-bit scale for 128, 16-bit products"},
    Precision{"q8_0", 8.5, 8.5, Rate::int8, int8, "int8 blocks of 32 with an fp16 scale"},
    Precision{"mxint8", 8.25, 8.25, Rate::int8, int8, "int8 blocks of 32 with an exponent"},
    Precision{"q4_0", 4.5, 8.5, Rate::int8, weight_only, "4-bit blocks of 32 with an fp16 scale"},
    Precision{"q4_1", 5, 8.5, Rate::int8, weight_only, "4-bit blocks of 32, scale and minimum"},
    Precision{"q4_k", 4.5, 8.5, Rate::int8, weight_only, "4-bit superblocks of 256"},
    Precision{"q6_k", 6.5625, 8.5, Rate::int8, weight_only, "6-bit superblocks of 256"},
};

struct Alias {
  std::string_view alias, name;
};
constexpr std::array kAliases{
    Alias{"bfloat16", "bf16"},
    Alias{"fp16", "bf16"},
    Alias{"float16", "bf16"},
    Alias{"half", "bf16"},
    Alias{"f16", "bf16"},
    Alias{"bf16/fp16", "bf16"},
    Alias{"16bit", "bf16"},
    Alias{"float32", "fp32"},
    Alias{"float", "fp32"},
    Alias{"f32", "fp32"},
    Alias{"tf32", "fp32"},
    Alias{"float8", "fp8"},
    Alias{"fp8_e4m3", "fp8"},
    Alias{"fp8_e5m2", "fp8"},
    Alias{"e4m3", "fp8"},
    Alias{"float8_e4m3fn", "fp8"},
    Alias{"fp8_static", "fp8"},
    Alias{"fp8_block_scale", "fp8_block"},
    Alias{"fp8_block_scaled", "fp8_block"},
    Alias{"fp4", "nvfp4"},
    Alias{"nvfp4/mxfp4", "nvfp4"},
    Alias{"fp4/mxfp4", "mxfp4"},
    Alias{"w4a16", "int4_wo"},
    Alias{"int4", "int4_wo"},
    Alias{"int4_awq", "int4_wo"},
    Alias{"awq", "int4_wo"},
    Alias{"int4_gptq", "int4_wo"},
    Alias{"gptq", "int4_wo"},
    Alias{"w8a16", "int8_wo"},
    Alias{"w8a8", "int8"},
    Alias{"sq", "int8"},
    Alias{"smoothquant", "int8"},
    Alias{"w4afp8", "w4a8"},
    Alias{"w4a8_mxfp4_fp8", "w4a8_mxfp4_mxfp8"},
    Alias{"w4a4_mxfp4", "mxfp4"},
    Alias{"w4a16_mxfp4_triton", "w4a16_mxfp4"},
};

bool same(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y) || (x == '-' && y == '_');
  });
}

}  // namespace

std::span<const Precision> precisions() { return kPrecisions; }

const Precision* precision(std::string_view name) {
  for (const Alias& alias : kAliases) {
    if (same(name, alias.alias)) {
      name = alias.name;
      break;
    }
  }
  for (const Precision& precision : kPrecisions) {
    if (same(name, precision.name)) {
      return &precision;
    }
  }
  return nullptr;
}

const Precision* published_fp8(std::string_view native_weights) {
  return precision(native_weights.starts_with("fp8") &&
                           native_weights.find("block") != std::string_view::npos
                       ? "fp8_block"
                       : "fp8");
}

}  // namespace churon::estimate
