#include "numeric/block_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "numeric/float16.h"
#include "numeric/reference.h"

namespace churon::numeric {

namespace {

constexpr std::array<BlockFormatInfo, 6> kFormats{{
    {BlockFormat::q8_0, "q8_0", 8, 8.5, false, ScaleKind::fp16},
    {BlockFormat::q8_m, "q8_m", 8, 9.0, true, ScaleKind::fp16},
    {BlockFormat::q4_0, "q4_0", 4, 4.5, false, ScaleKind::fp16},
    {BlockFormat::q4_1, "q4_1", 4, 5.0, true, ScaleKind::fp16},
    {BlockFormat::mxint8, "mxint8", 8, 8.25, false, ScaleKind::e8m0},
    {BlockFormat::mxfp4, "mxfp4", 4, 4.25, false, ScaleKind::e8m0},
}};

}  // namespace

std::span<const BlockFormatInfo> block_formats() { return kFormats; }

const BlockFormatInfo& info(BlockFormat format) {
  return kFormats[static_cast<std::size_t>(format)];
}

std::optional<BlockFormat> block_format_from_name(std::string_view name) {
  const std::string wanted = to_lower_ascii(name);
  for (const auto& row : kFormats) {
    if (wanted == row.name) {
      return row.format;
    }
  }
  return std::nullopt;
}

// --- Choice of the format ---

namespace {

// The formats that hold every value of a tensor type, the densest first; rule 3's own choice leads.
std::span<const BlockFormat> exact_formats(TensorType type) {
  using enum BlockFormat;
  static constexpr std::array kQ8_0{q8_0, q8_m};
  static constexpr std::array kQ4_0{q4_0, q8_0, q8_m};
  static constexpr std::array kQ4_1{q4_1, q8_m};
  static constexpr std::array kQ5_1{q8_m};
  static constexpr std::array kMxfp4{mxfp4, mxint8};
  switch (type) {
    case TensorType::q8_0:
    case TensorType::q5_0:
      return kQ8_0;
    case TensorType::q4_0:
      return kQ4_0;
    case TensorType::q4_1:
      return kQ4_1;
    case TensorType::q5_1:
      return kQ5_1;
    case TensorType::mxfp4:
      return kMxfp4;
    case TensorType::q4_k:
    case TensorType::q5_k:
    case TensorType::q6_k:
    case TensorType::f32:
    case TensorType::f16:
    case TensorType::bf16:
      return {};
  }
  return {};
}

// What is tried, in order, where no format is exact.
std::span<const BlockFormat> near_formats(TensorType type) {
  using enum BlockFormat;
  static constexpr std::array kQ4K{q4_1, q8_m, q8_0, mxint8, q4_0, mxfp4};
  static constexpr std::array kQ5K{q8_m, q8_0, mxint8, q4_1, q4_0, mxfp4};
  static constexpr std::array kOthers{q8_0, q8_m, mxint8, q4_1, q4_0, mxfp4};
  if (type == TensorType::q4_k) {
    return kQ4K;
  }
  return type == TensorType::q5_k ? std::span<const BlockFormat>(kQ5K)
                                  : std::span<const BlockFormat>(kOthers);
}

}  // namespace

std::optional<Transcoding> transcode_target(TensorType type, std::span<const BlockFormat> native) {
  const auto takes = [&](BlockFormat format) {
    return std::find(native.begin(), native.end(), format) != native.end();
  };
  for (const BlockFormat format : exact_formats(type)) {
    if (takes(format)) {
      return Transcoding{format, true};
    }
  }
  for (const BlockFormat format : near_formats(type)) {
    if (takes(format)) {
      return Transcoding{format, false};
    }
  }
  return std::nullopt;
}

// --- Blocks ---

std::string to_text(const WeightDefect& defect) {
  switch (defect.kind) {
    case WeightDefect::Kind::scale_not_finite:
      return fmt::format("the scale of block {} is not finite", defect.block);
    case WeightDefect::Kind::value_not_finite:
      return fmt::format("a value of block {} is not finite", defect.block);
    case WeightDefect::Kind::exponent_out_of_range:
      return fmt::format("the exponent of block {} is outside {}..{}", defect.block, kExponentMin,
                         kExponentMax);
  }
  return {};
}

void decode(const WeightBlock& block, float* out) {
  for (std::size_t i = 0; i < kBlock; ++i) {
    out[i] = static_cast<float>(block.q[i]) * block.scale + block.minimum;
  }
}

namespace {

using Kind = WeightDefect::Kind;

std::uint8_t byte_at(const std::byte* data, std::size_t index) {
  return std::to_integer<std::uint8_t>(data[index]);
}

std::uint16_t half_at(const std::byte* data) {
  std::uint16_t half;
  std::memcpy(&half, data, sizeof half);
  return half;
}

bool half_is_finite(std::uint16_t half) { return (half & 0x7C00U) != 0x7C00U; }

// Blocks of the 32-element types as integers, a scale and a minimum, without loss.
std::optional<Kind> exact_block(TensorType type, BlockFormat format, const std::byte* block,
                                WeightBlock& out) {
  const auto nibble = [](const std::byte* nibbles, std::size_t i) {
    const std::uint8_t byte = byte_at(nibbles, i % 16);
    return i < 16 ? byte & 15 : byte >> 4;
  };
  if (type == TensorType::mxfp4) {
    const std::uint8_t e = byte_at(block, 0);
    bool zeros = true;
    for (std::size_t i = 0; i < kBlock; ++i) {
      out.q[i] = static_cast<std::int8_t>(2 * mxfp4_value(nibble(block + 1, i)));
      zeros = zeros && out.q[i] == 0;
    }
    // q * 2^(x - 1) of mxfp4 is q * 2^((x + 5) - 6) of mxint8.
    const int to_mxint8 = format == BlockFormat::mxint8 ? 5 : 0;
    int exponent = static_cast<int>(e) - 127 + to_mxint8;
    if (zeros) {
      exponent = 0;
    } else if (exponent < kExponentMin || exponent > kExponentMax) {
      return Kind::exponent_out_of_range;
    }
    out.scale = std::ldexp(1.0F, exponent - (format == BlockFormat::mxint8 ? 6 : 1));
    out.minimum = 0;
    return std::nullopt;
  }
  const bool has_minimum = type == TensorType::q4_1 || type == TensorType::q5_1;
  const std::uint16_t scale = half_at(block);
  const std::uint16_t minimum = has_minimum ? half_at(block + 2) : 0;
  if (!half_is_finite(scale) || !half_is_finite(minimum)) {
    return Kind::scale_not_finite;
  }
  out.scale = f32_from_f16(scale);
  out.minimum = has_minimum ? f32_from_f16(minimum) : 0.0F;
  const std::byte* data = block + (has_minimum ? 4 : 2);
  for (std::size_t i = 0; i < kBlock; ++i) {
    int q = 0;
    if (type == TensorType::q8_0) {
      q = byte_at(data, i);  // the int8 below
    } else if (type == TensorType::q4_0) {
      q = nibble(data, i) - 8;
    } else if (type == TensorType::q4_1) {
      q = nibble(data, i);
    } else {
      q = nibble(data + 4, i) | (((byte_at(data, i / 8) >> (i % 8)) & 1) << 4);
      q -= type == TensorType::q5_0 ? 16 : 0;
    }
    out.q[i] = static_cast<std::int8_t>(q);
  }
  return std::nullopt;
}

// The eight sub-blocks of Q4_K or Q5_K as integers with f16(d sc) and f16(-dmin m).
std::optional<WeightDefect> k_blocks(TensorType type, const std::byte* super, WeightBlock* out) {
  const float d = f32_from_f16(half_at(super));
  const float dmin = f32_from_f16(half_at(super + 2));
  const auto subs = k_scales(super + 4);
  for (std::size_t b = 0; b < subs.size(); ++b) {
    // Where d or dmin is not finite, neither is the product: zero times infinity is a NaN.
    const std::uint16_t scale = f16_from_f32(d * static_cast<float>(subs[b].scale));
    const std::uint16_t minimum = f16_from_f32(-dmin * static_cast<float>(subs[b].minimum));
    if (!half_is_finite(scale) || !half_is_finite(minimum)) {
      return WeightDefect{Kind::scale_not_finite, b};
    }
    out[b].scale = f32_from_f16(scale);
    out[b].minimum = f32_from_f16(minimum);
    for (std::size_t i = 0; i < kBlock; ++i) {
      out[b].q[i] =
          static_cast<std::int8_t>(k_element(type, super, static_cast<int>(b * kBlock + i)));
    }
  }
  return std::nullopt;
}

// Values to a format by rounding: rule 2 for the symmetric 8-bit formats, the quantisers of the
// tensor types for the 4-bit ones, and q8_m as a scaled range.
std::optional<Kind> rounded_block(BlockFormat format, const float* x, WeightBlock& out) {
  ActivationBlock rounded{};  // for the 8-bit formats; for all, it sees what is not finite
  const auto activation_format =
      format == BlockFormat::mxint8 ? ActivationFormat::mxint8 : ActivationFormat::q8_0;
  if (!quantize_block(activation_format, x, kBlock, rounded)) {
    return Kind::value_not_finite;
  }
  const auto by_tensor_type = [&](TensorType type) {
    std::array<std::byte, 64> block{};
    quantize(type, x, kBlock, block.data());
    return exact_block(type, format, block.data(), out);
  };
  switch (format) {
    case BlockFormat::q8_0:
    case BlockFormat::mxint8:
      out = {rounded.q, rounded.scale, 0};
      return std::nullopt;
    case BlockFormat::q8_m: {
      const auto [low, high] = std::minmax_element(x, x + kBlock);
      const std::uint16_t minimum = f16_from_f32((*low + *high) * 0.5F);
      const std::uint16_t scale = f16_from_f32((*high - *low) / 254.0F);
      if (!half_is_finite(scale) || !half_is_finite(minimum)) {
        return Kind::scale_not_finite;
      }
      out.scale = f32_from_f16(scale);
      out.minimum = f32_from_f16(minimum);
      for (std::size_t i = 0; i < kBlock; ++i) {
        const float q = out.scale == 0 ? 0.0F : (x[i] - out.minimum) / out.scale;
        out.q[i] = static_cast<std::int8_t>(std::lrintf(std::clamp(q, -127.0F, 127.0F)));
      }
      return std::nullopt;
    }
    case BlockFormat::q4_0:
      return by_tensor_type(TensorType::q4_0);
    case BlockFormat::q4_1:
      return by_tensor_type(TensorType::q4_1);
    case BlockFormat::mxfp4:
      return by_tensor_type(TensorType::mxfp4);
  }
  return std::nullopt;
}

}  // namespace

tl::expected<void, WeightDefect> weight_blocks(BlockFormat format, TensorType type,
                                               const std::byte* row, std::size_t columns,
                                               WeightBlock* out) {
  const auto exact = exact_formats(type);
  const bool is_exact = std::find(exact.begin(), exact.end(), format) != exact.end();
  const bool is_k_with_minimum =
      (type == TensorType::q4_k && (format == BlockFormat::q4_1 || format == BlockFormat::q8_m)) ||
      (type == TensorType::q5_k && format == BlockFormat::q8_m);
  // A step is a block of the tensor type, or 32 plain numbers.
  const std::size_t step =
      std::max<std::size_t>(static_cast<std::size_t>(info(type).block_elements), kBlock);
  for (std::size_t begin = 0; begin < columns; begin += step) {
    const std::size_t count = std::min(step, columns - begin);
    const std::byte* source = row + bytes_of(type, begin);
    WeightBlock* blocks = out + begin / kBlock;
    std::optional<WeightDefect> defect;
    if (is_exact) {
      if (const auto kind = exact_block(type, format, source, *blocks)) {
        defect = {*kind, 0};
      }
    } else if (is_k_with_minimum) {
      defect = k_blocks(type, source, blocks);
    } else {
      std::array<float, 256> values{};
      dequantize(type, source, count, values.data());
      for (std::size_t i = 0; i < count && !defect; i += kBlock) {
        if (const auto kind = rounded_block(format, values.data() + i, blocks[i / kBlock])) {
          defect = {*kind, i / kBlock};
        }
      }
    }
    if (defect) {
      defect->block += begin / kBlock;
      return tl::unexpected(*defect);
    }
  }
  return {};
}

}  // namespace churon::numeric
