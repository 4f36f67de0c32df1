// From the bytes of a file to a packed matrix. Loading a model spends its time here, so what real
// files hold has a way of its own: types whose integers stay as they are move by bytes; K-quants
// with a minimum take their sub-blocks' integers; everything that becomes int8 by rounding is
// dequantised a row at a time. The rest goes through weight_blocks().
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "numeric/float16.h"
#include "numeric/packed_matrix.h"
#include "numeric/packed_place.h"
#include "numeric/reference.h"

namespace churon::numeric {

namespace {

using Kind = WeightDefect::Kind;

std::uint16_t half_at(const std::byte* data) {
  std::uint16_t half;
  std::memcpy(&half, data, sizeof half);
  return half;
}

bool half_is_finite(std::uint16_t half) { return (half & 0x7C00U) != 0x7C00U; }

void put_half(std::byte* to, std::uint16_t half) { std::memcpy(to, &half, sizeof half); }

// --- Integers stay as they are ---

bool moves_bytes(BlockFormat format, TensorType type) {
  switch (type) {
    case TensorType::q4_0:
      return format == BlockFormat::q4_0 || format == BlockFormat::q8_0;
    case TensorType::q4_1:
      return format == BlockFormat::q4_1 || format == BlockFormat::q8_m;
    case TensorType::q5_0:
    case TensorType::q8_0:
      return format == BlockFormat::q8_0;
    case TensorType::q5_1:
      return format == BlockFormat::q8_m;
    default:
      return false;
  }
}

// One block of 32 of the file. False where a scale or minimum is not finite.
bool move_block(const PackedLayout& layout, std::size_t output, const std::byte* from,
                const PackedPlace& to) {
  const std::uint16_t scale = half_at(from);
  bool finite = half_is_finite(scale);
  put_half(to.scale, scale);
  from += 2;
  if (layout.minimum) {
    const std::uint16_t minimum = half_at(from);
    finite = finite && half_is_finite(minimum);
    put_half(to.minimum, minimum);
    from += 2;
  }
  switch (layout.payload) {
    case Payload::u8:
      put_bytes(output, from, to.payload);
      break;
    case Payload::u5: {
      std::uint32_t bits;
      std::memcpy(&bits, from, sizeof bits);
      put_fifth_bits(output, bits, to.payload);
      put_nibbles(output, from + 4, to.payload + 64);
      break;
    }
    case Payload::u4:
    case Payload::e2m1:
      put_nibbles(output, from, to.payload);
      break;
  }
  return finite;
}

// --- K-quants with a minimum ---

bool takes_k_blocks(BlockFormat format, TensorType type) {
  return (type == TensorType::q4_k &&
          (format == BlockFormat::q4_1 || format == BlockFormat::q8_m)) ||
         (type == TensorType::q5_k && format == BlockFormat::q8_m);
}

// The unsigned integers of sub-block `index` of 32.
void k_integers(TensorType type, const std::byte* super, std::size_t index, std::uint8_t* u) {
  const auto* bytes = reinterpret_cast<const std::uint8_t*>(super);
  const std::uint8_t* nibbles = bytes + (type == TensorType::q5_k ? 48 : 16) + index / 2 * 32;
  const unsigned shift = index % 2 * 4;
  for (std::size_t i = 0; i < kBlock; ++i) {
    u[i] = static_cast<std::uint8_t>((nibbles[i] >> shift) & 15U);
  }
  if (type == TensorType::q5_k) {
    for (std::size_t i = 0; i < kBlock; ++i) {
      u[i] = static_cast<std::uint8_t>(u[i] | (((bytes[16 + i] >> index) & 1U) << 4));
    }
  }
}

// Sums over a block of (a u + b)^2 from the sums of u and of its squares.
double sum_of_squares(double a, double b, double sum, double squares) {
  return std::max(0.0, a * a * squares + 2 * a * b * sum + kBlock * b * b);
}

// A block of 256: eight blocks of 32 with f16(d sc) and f16(-dmin m). False where one of these is
// not finite; `block` is then the sub-block.
struct KRow {
  const PackedLayout& layout;
  TensorType type;
  std::size_t output;
};
bool put_k_block(const KRow& row, const std::byte* super, std::size_t index,
                 const std::array<KScale, 8>& scales, const PackedPlace& to, PackError& error) {
  const std::uint16_t d = half_at(super);
  const std::uint16_t dmin = half_at(super + 2);
  const float exact_scale = f32_from_f16(d) * static_cast<float>(scales[index].scale);
  const float exact_minimum = -f32_from_f16(dmin) * static_cast<float>(scales[index].minimum);
  const std::uint16_t scale = f16_from_f32(exact_scale);
  const std::uint16_t minimum = f16_from_f32(exact_minimum);
  if (!half_is_finite(d) || !half_is_finite(dmin) || !half_is_finite(scale) ||
      !half_is_finite(minimum)) {
    return false;
  }
  put_half(to.scale, scale);
  put_half(to.minimum, minimum);
  std::uint8_t u[kBlock];
  k_integers(row.type, super, index, u);
  put_bits(row.layout, row.output, u, to.payload);
  int sum = 0;
  int squares = 0;
  for (const std::uint8_t x : u) {
    sum += x;
    squares += x * x;
  }
  const double a = exact_scale;
  const double b = exact_minimum;
  error.signal += sum_of_squares(a, b, sum, squares);
  error.noise += sum_of_squares(f32_from_f16(scale) - a, f32_from_f16(minimum) - b, sum, squares);
  return true;
}

// --- Rounding to int8 ---

bool rounds_to_int8(BlockFormat format) {
  return format == BlockFormat::q8_0 || format == BlockFormat::mxint8;
}

// Rule 2, as the reference computes it, in loops that a compiler makes vectors of. False where a
// value is not finite.
bool round_block(BlockFormat format, const float* x, WeightBlock& out) {
  std::int32_t amax = 0;
  for (std::size_t i = 0; i < kBlock; ++i) {
    const std::int32_t magnitude = std::bit_cast<std::int32_t>(x[i]) & 0x7FFFFFFF;
    amax = magnitude > amax ? magnitude : amax;
  }
  if (amax >= 0x7F800000) {
    return false;
  }
  out.minimum = 0;
  const float largest = std::bit_cast<float>(amax);
  const float scale = rounded_to_f16(largest * 0x1.020408p-7F);
  // What is not a plain case: other rules, tiny and huge scales.
  if (format == BlockFormat::mxint8 || largest < 0x1p-17F || scale > 32768.0F) {
    ActivationBlock block;
    const bool finite = quantize_block(
        format == BlockFormat::q8_0 ? ActivationFormat::q8_0 : ActivationFormat::mxint8, x, kBlock,
        block);
    out.q = block.q;
    out.scale = block.scale;
    return finite;
  }
  out.scale = scale;
  const float factor = 1.0F / scale;
  for (std::size_t i = 0; i < kBlock; ++i) {
    // Adding 1.5 * 2^23 rounds to an integer, to even, which is then in the low bits.
    constexpr float kRounder = 0x1.8p23F;
    const std::int32_t q = std::bit_cast<std::int32_t>(x[i] * factor + kRounder) -
                           std::bit_cast<std::int32_t>(kRounder);
    const std::int32_t above = q > -127 ? q : -127;
    out.q[i] = static_cast<std::int8_t>(above < 127 ? above : 127);
  }
  return true;
}

// Eight partial sums a block, so that they can go side by side; always the same ones.
void add_error(const float* before, const WeightBlock& block, PackError& error) {
  std::array<float, kBlock> after{};
  decode(block, after.data());
  std::array<double, 8> signal{};
  std::array<double, 8> noise{};
  for (std::size_t i = 0; i < kBlock; i += signal.size()) {
    for (std::size_t j = 0; j < signal.size(); ++j) {
      const double value = before[i + j];
      const double difference = value - static_cast<double>(after[i + j]);
      signal[j] += value * value;
      noise[j] += difference * difference;
    }
  }
  for (std::size_t j = 0; j < signal.size(); ++j) {
    error.signal += signal[j];
    error.noise += noise[j];
  }
}

}  // namespace

tl::expected<PackError, PackedMatrix::Defect> PackedMatrix::pack(std::size_t first,
                                                                 std::size_t count,
                                                                 const std::byte* source) {
  check(first % kTileRows == 0 && first + count <= rows_, first, count, rows_);
  const std::size_t row_bytes = bytes_of(type_, columns_);
  PackError error;
  std::optional<WeightDefect> defect;
  for (std::size_t row = first; row < first + count; ++row, source += row_bytes) {
    if (moves_bytes(format_, type_)) {
      defect = move_row(row, source);
    } else if (takes_k_blocks(format_, type_)) {
      defect = pack_k_row(row, source, error);
    } else {
      defect = pack_any_row(row, source, error);
    }
    if (defect) {
      return tl::unexpected(Defect{row, *defect});
    }
  }
  return error;
}

std::optional<WeightDefect> PackedMatrix::move_row(std::size_t row, const std::byte* source) {
  const auto block_bytes = static_cast<std::size_t>(info(type_).block_bytes);
  for (std::size_t b = 0; b < columns_ / kBlock; ++b, source += block_bytes) {
    if (!move_block(layout_, row % kTileRows, source, packed_place(data_, *this, row, b))) {
      return WeightDefect{Kind::scale_not_finite, b};
    }
  }
  return std::nullopt;
}

std::optional<WeightDefect> PackedMatrix::pack_k_row(std::size_t row, const std::byte* source,
                                                     PackError& error) {
  const auto block_bytes = static_cast<std::size_t>(info(type_).block_bytes);
  const KRow k_row{layout_, type_, row % kTileRows};
  for (std::size_t b = 0; b < columns_ / kBlock; source += block_bytes) {
    const auto scales = k_scales(source + 4);
    for (std::size_t index = 0; index < scales.size(); ++index, ++b) {
      if (!put_k_block(k_row, source, index, scales, packed_place(data_, *this, row, b), error)) {
        return WeightDefect{Kind::scale_not_finite, b};
      }
    }
  }
  return std::nullopt;
}

std::optional<WeightDefect> PackedMatrix::pack_any_row(std::size_t row, const std::byte* source,
                                                       PackError& error) {
  const std::size_t blocks = (columns_ + kBlock - 1) / kBlock;
  const std::array only{format_};
  const bool exact = transcode_target(type_, only)->exact;
  thread_local std::vector<float> values;
  thread_local std::vector<WeightBlock> row_blocks;
  row_blocks.resize(blocks);
  values.resize(blocks * kBlock);
  std::fill(values.begin() + static_cast<std::ptrdiff_t>(columns_), values.end(), 0.0F);
  if (!exact) {
    dequantize(type_, source, columns_, values.data());
  }
  if (!exact && rounds_to_int8(format_)) {
    for (std::size_t b = 0; b < blocks; ++b) {
      if (!round_block(format_, &values[b * kBlock], row_blocks[b])) {
        return WeightDefect{Kind::value_not_finite, b};
      }
    }
  } else if (auto made = weight_blocks(format_, type_, source, columns_, row_blocks.data());
             !made) {
    return made.error();
  }
  for (std::size_t b = 0; b < blocks; ++b) {
    put(row, b, row_blocks[b]);
    if (!exact) {
      add_error(&values[b * kBlock], row_blocks[b], error);
    }
  }
  return std::nullopt;
}

}  // namespace churon::numeric
