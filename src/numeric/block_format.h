// The weight blocks that a chip's matrix cells take (docs/arithmetic.md, rule 3), and the
// transcoding of GGUF tensor types to them.
//
// A block is 32 weights consecutive along K. The cell sees integers, one scale and, for some
// formats, one minimum: weight = q * scale + minimum.
//
//   format  q           scale               minimum  bits/weight
//   q8_0    int8        FP16                -        8.5
//   q8_m    int8        FP16                FP16     9
//   q4_0    -8..7       FP16                -        4.5
//   q4_1    0..15       FP16                FP16     5
//   mxint8  int8        2^(e-6)             -        8.25     E8M0 exponent e, OCP MX 1.0
//   mxfp4   2 * E2M1    2^(e-1)             -        4.25     E8M0 exponent e, OCP MX 1.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

#include "numeric/tensor_type.h"

namespace churon::numeric {

inline constexpr int kBlock = 32;         // elements of a block
inline constexpr int kSegment = 1024;     // elements of K summed in one accumulator
inline constexpr int kExponentMin = -60;  // least and largest E8M0 exponent
inline constexpr int kExponentMax = 40;

enum class BlockFormat { q8_0, q8_m, q4_0, q4_1, mxint8, mxfp4 };
enum class ScaleKind { fp16, e8m0 };

struct BlockFormatInfo {
  BlockFormat format;
  const char* name;
  int element_bits;
  double bits_per_weight;  // with scale and minimum
  bool has_minimum;
  ScaleKind scale;
};

// Every format, in the order of the enumeration.
[[nodiscard]] std::span<const BlockFormatInfo> block_formats();
[[nodiscard]] const BlockFormatInfo& info(BlockFormat format);
[[nodiscard]] std::optional<BlockFormat> block_format_from_name(std::string_view name);

// What a tensor becomes on a chip that takes the formats `native`, and whether every value
// survives.
struct Transcoding {
  BlockFormat format;
  bool exact;
  bool operator==(const Transcoding&) const = default;
};
// nullopt only where `native` is empty.
[[nodiscard]] std::optional<Transcoding> transcode_target(TensorType type,
                                                          std::span<const BlockFormat> native);

struct WeightBlock {
  std::array<std::int8_t, kBlock> q;
  float scale;
  float minimum;  // +0 for a format without one
  bool operator==(const WeightBlock&) const = default;
};

struct WeightDefect {
  enum class Kind { scale_not_finite, value_not_finite, exponent_out_of_range };
  Kind kind;
  std::size_t block;  // of 32 elements, counted from the start of the row
};
[[nodiscard]] std::string to_text(const WeightDefect& defect);

// One row of `columns` weights as the cell sees it, ceil(columns / 32) blocks. `columns` is a
// multiple of the type's block; a short last block (F32, F16, BF16) is padded with zeros.
[[nodiscard]] tl::expected<void, WeightDefect> weight_blocks(BlockFormat format, TensorType type,
                                                             const std::byte* row,
                                                             std::size_t columns, WeightBlock* out);

// q * scale + minimum, for comparison with the row before it was transcoded.
void decode(const WeightBlock& block, float* out);

}  // namespace churon::numeric
