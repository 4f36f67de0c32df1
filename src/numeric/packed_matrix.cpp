#include "numeric/packed_matrix.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>

#include "numeric/float16.h"
#include "numeric/packed_place.h"

namespace churon::numeric {

PackedLayout packed_layout(BlockFormat format, TensorType type) {
  const bool five_bits =
      type == TensorType::q5_0 || type == TensorType::q5_1 || type == TensorType::q5_k;
  switch (format) {
    case BlockFormat::q8_0:
      return {type == TensorType::q5_0   ? Payload::u5
              : type == TensorType::q4_0 ? Payload::u4
                                         : Payload::u8,
              false, false};
    case BlockFormat::q8_m:
      return {five_bits && type != TensorType::q5_0                  ? Payload::u5
              : type == TensorType::q4_1 || type == TensorType::q4_k ? Payload::u4
                                                                     : Payload::u8,
              false, true};
    case BlockFormat::q4_0:
      return {Payload::u4, false, false};
    case BlockFormat::q4_1:
      return {Payload::u4, false, true};
    case BlockFormat::mxint8:
      return {Payload::u8, true, false};
    case BlockFormat::mxfp4:
      return {Payload::e2m1, true, false};
  }
  return {};
}

PackedMatrix::PackedMatrix(BlockFormat format, TensorType type, std::size_t rows,
                           std::size_t columns, std::byte* memory)
    : format_(format),
      type_(type),
      layout_(packed_layout(format, type)),
      rows_(rows),
      columns_(columns),
      data_(memory) {}

std::size_t PackedMatrix::groups() const {
  const std::size_t blocks = (columns_ + kBlock - 1) / kBlock;
  return (blocks + layout_.group_blocks() - 1) / layout_.group_blocks();
}

std::size_t packed_bytes(BlockFormat format, TensorType type, std::size_t rows,
                         std::size_t columns) {
  const PackedMatrix shape(format, type, rows, columns, nullptr);
  return shape.tiles() * shape.tile_bytes();
}

namespace {

// The E2M1 code of 2 * element, and back.
constexpr std::array<std::int8_t, 16> kTwiceE2m1{0, 1,  2,  3,  4,  6,  8,  12,
                                                 0, -1, -2, -3, -4, -6, -8, -12};
int e2m1_code(int twice) {
  const int magnitude = twice < 0 ? -twice : twice;
  int code = 0;
  while (kTwiceE2m1[static_cast<std::size_t>(code)] < magnitude) {
    ++code;
  }
  return code | (twice < 0 ? 8 : 0);
}

std::uint16_t scale_bits(float scale, bool bf16) {
  return bf16 ? bf16_from_f32(scale) : f16_from_f32(scale);
}
float scale_value(std::uint16_t bits, bool bf16) {
  return bf16 ? f32_from_bf16(bits) : f32_from_f16(bits);
}

}  // namespace

void PackedMatrix::put(std::size_t row, std::size_t block, const WeightBlock& values) {
  const PackedPlace at = packed_place(data_, *this, row, block);
  const std::size_t o = row % kTileRows;
  const std::uint16_t scale = scale_bits(values.scale, layout_.bf16_scale);
  std::memcpy(at.scale, &scale, sizeof scale);
  if (layout_.minimum) {
    const std::uint16_t minimum = f16_from_f32(values.minimum);
    std::memcpy(at.minimum, &minimum, sizeof minimum);
  }
  if (layout_.payload == Payload::u8) {
    put_bytes(o, values.q.data(), at.payload);
    return;
  }
  std::array<std::uint8_t, kBlock> u{};
  for (std::size_t k = 0; k < kBlock; ++k) {
    u[k] = static_cast<std::uint8_t>(
        layout_.payload == Payload::e2m1 ? e2m1_code(values.q[k]) : values.q[k] + layout_.offset());
  }
  put_bits(layout_, o, u.data(), at.payload);
}

WeightBlock PackedMatrix::get(std::size_t row, std::size_t block) const {
  const PackedPlace at = packed_place(data_, *this, row, block);
  const std::size_t o = row % kTileRows;
  WeightBlock values{};
  std::uint16_t half;
  std::memcpy(&half, at.scale, sizeof half);
  values.scale = scale_value(half, layout_.bf16_scale);
  if (layout_.minimum) {
    std::memcpy(&half, at.minimum, sizeof half);
    values.minimum = f32_from_f16(half);
  }
  const std::byte* nibbles = at.payload + (layout_.payload == Payload::u5 ? 64 : 0);
  for (std::size_t k = 0; k < kBlock; ++k) {
    int u;
    if (layout_.payload == Payload::u8) {
      u = std::to_integer<int>(at.payload[64 * (k / 4) + 4 * o + k % 4]);
    } else {
      const int byte = std::to_integer<int>(nibbles[64 * (k % 16 / 4) + 4 * o + k % 4]);
      u = k < 16 ? byte & 15 : byte >> 4;
      if (layout_.payload == Payload::u5) {
        const int bits = std::to_integer<int>(at.payload[8 * (k / 4) + o / 2]);
        u |= ((bits >> (o % 2 * 4 + k % 4)) & 1) << 4;
      }
    }
    values.q[k] = static_cast<std::int8_t>(layout_.payload == Payload::e2m1
                                               ? kTwiceE2m1[static_cast<std::size_t>(u)]
                                               : u - layout_.offset());
  }
  return values;
}

void PackedMatrix::decode_row(std::size_t row, float* out) const {
  for (std::size_t begin = 0; begin < columns_; begin += kBlock) {
    std::array<float, kBlock> values{};
    decode(get(row, begin / kBlock), values.data());
    std::copy_n(values.begin(), std::min<std::size_t>(kBlock, columns_ - begin), out + begin);
  }
}

}  // namespace churon::numeric
