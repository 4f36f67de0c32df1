#include "numeric/packed_matrix.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <vector>

#include "base/check.h"
#include "numeric/float16.h"

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

// Where a block of one output lies.
struct Place {
  std::byte* scale;    // of this output
  std::byte* minimum;  // of this output, where there is one
  std::byte* payload;
};
Place place(std::byte* data, const PackedMatrix& matrix, std::size_t row, std::size_t block) {
  const PackedLayout& layout = matrix.layout();
  std::byte* group = data + row / kTileRows * matrix.tile_bytes() +
                     block / layout.group_blocks() * layout.group_bytes();
  const std::size_t within = block % layout.group_blocks();
  const std::size_t o = row % kTileRows;
  return {group + within * 32 + o * 2, group + 32 + o * 2,
          group + 64 + within * layout.payload_bytes()};
}

}  // namespace

void PackedMatrix::put(std::size_t row, std::size_t block, const WeightBlock& values) {
  const Place at = place(data_, *this, row, block);
  const std::size_t o = row % kTileRows;
  const std::uint16_t scale = scale_bits(values.scale, layout_.bf16_scale);
  std::memcpy(at.scale, &scale, sizeof scale);
  if (layout_.minimum) {
    const std::uint16_t minimum = f16_from_f32(values.minimum);
    std::memcpy(at.minimum, &minimum, sizeof minimum);
  }
  if (layout_.payload == Payload::u8) {
    for (std::size_t j = 0; j < 8; ++j) {
      // Adding 128 to a byte is flipping its sign bit.
      std::uint32_t word;
      std::memcpy(&word, values.q.data() + 4 * j, sizeof word);
      word ^= 0x80808080U;
      std::memcpy(at.payload + 64 * j + 4 * o, &word, sizeof word);
    }
    return;
  }
  std::array<std::uint8_t, kBlock> u{};
  for (std::size_t k = 0; k < kBlock; ++k) {
    u[k] = static_cast<std::uint8_t>(
        layout_.payload == Payload::e2m1 ? e2m1_code(values.q[k]) : values.q[k] + layout_.offset());
  }
  std::byte* nibbles = at.payload;
  if (layout_.payload == Payload::u5) {
    nibbles += 64;
    for (std::size_t line = 0; line < 8; ++line) {
      unsigned bits = 0;
      for (std::size_t i = 0; i < 4; ++i) {
        bits |= static_cast<unsigned>(u[4 * line + i] >> 4) << i;
      }
      // Four bits an output: two outputs a byte.
      std::byte& byte = at.payload[8 * line + o / 2];
      const unsigned shift = o % 2 * 4;
      byte = (byte & ~(std::byte{15} << shift)) | static_cast<std::byte>(bits << shift);
    }
  }
  for (std::size_t j = 0; j < 4; ++j) {
    std::uint32_t low;
    std::uint32_t high;
    std::memcpy(&low, u.data() + 4 * j, sizeof low);
    std::memcpy(&high, u.data() + 16 + 4 * j, sizeof high);
    const std::uint32_t word = (low & 0x0F0F0F0FU) | ((high & 0x0F0F0F0FU) << 4);
    std::memcpy(nibbles + 64 * j + 4 * o, &word, sizeof word);
  }
}

WeightBlock PackedMatrix::get(std::size_t row, std::size_t block) const {
  const Place at = place(data_, *this, row, block);
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

namespace {

bool half_is_finite(std::uint16_t half) { return (half & 0x7C00U) != 0x7C00U; }

// Types whose blocks go to the packed layout by moving bytes alone.
bool moves_bytes(BlockFormat format, TensorType type) {
  return (type == TensorType::q4_1 && format == BlockFormat::q4_1) ||
         (type == TensorType::q4_0 && format == BlockFormat::q4_0) ||
         (type == TensorType::q5_0 && format == BlockFormat::q8_0) ||
         (type == TensorType::q8_0 && format == BlockFormat::q8_0);
}

// The fifth bits of Q5_0 lie one bit an element: those of 4 elements are a nibble, as the layout
// wants them.
unsigned fifth_nibble(std::uint32_t bits, std::size_t line) { return (bits >> (4 * line)) & 15U; }

}  // namespace

tl::expected<PackError, PackedMatrix::Defect> PackedMatrix::pack(std::size_t first,
                                                                 std::size_t count,
                                                                 const std::byte* source) {
  check(first % kTileRows == 0 && first + count <= rows_, first, count, rows_);
  const std::size_t blocks = (columns_ + kBlock - 1) / kBlock;
  const std::size_t row_bytes = bytes_of(type_, columns_);
  PackError error;
  if (moves_bytes(format_, type_)) {
    const auto block_bytes = static_cast<std::size_t>(info(type_).block_bytes);
    for (std::size_t row = first; row < first + count; ++row) {
      const std::byte* from = source + (row - first) * row_bytes;
      const std::size_t o = row % kTileRows;
      for (std::size_t b = 0; b < blocks; ++b, from += block_bytes) {
        const Place at = place(data_, *this, row, b);
        std::uint16_t half;
        std::memcpy(&half, from, sizeof half);
        bool finite = half_is_finite(half);
        std::memcpy(at.scale, from, sizeof half);
        const std::byte* data = from + 2;
        if (layout_.minimum) {
          std::memcpy(&half, data, sizeof half);
          finite = finite && half_is_finite(half);
          std::memcpy(at.minimum, data, sizeof half);
          data += 2;
        }
        if (!finite) {
          return tl::unexpected(Defect{row, {WeightDefect::Kind::scale_not_finite, b}});
        }
        if (layout_.payload == Payload::u8) {
          for (std::size_t j = 0; j < 8; ++j) {
            std::uint32_t word;
            std::memcpy(&word, data + 4 * j, sizeof word);
            word ^= 0x80808080U;
            std::memcpy(at.payload + 64 * j + 4 * o, &word, sizeof word);
          }
          continue;
        }
        std::byte* nibbles = at.payload;
        if (layout_.payload == Payload::u5) {
          std::uint32_t bits;
          std::memcpy(&bits, data, sizeof bits);
          data += 4;
          nibbles += 64;
          for (std::size_t line = 0; line < 8; ++line) {
            std::byte& byte = at.payload[8 * line + o / 2];
            const unsigned shift = o % 2 * 4;
            byte = (byte & ~(std::byte{15} << shift)) |
                   static_cast<std::byte>(fifth_nibble(bits, line) << shift);
          }
        }
        // In the file too the low nibbles are elements 0..15 and the high ones 16..31.
        for (std::size_t j = 0; j < 4; ++j) {
          std::memcpy(nibbles + 64 * j + 4 * o, data + 4 * j, 4);
        }
      }
    }
    return error;
  }

  std::vector<WeightBlock> row_blocks(blocks);
  const bool measured = [&] {
    const std::array only{format_};
    return !transcode_target(type_, only)->exact;
  }();
  std::vector<float> before(measured ? columns_ : 0);
  for (std::size_t row = first; row < first + count; ++row) {
    const std::byte* from = source + (row - first) * row_bytes;
    if (auto made = weight_blocks(format_, type_, from, columns_, row_blocks.data()); !made) {
      return tl::unexpected(Defect{row, made.error()});
    }
    for (std::size_t b = 0; b < blocks; ++b) {
      put(row, b, row_blocks[b]);
    }
    if (measured) {
      dequantize(type_, from, columns_, before.data());
      for (std::size_t b = 0; b < blocks; ++b) {
        std::array<float, kBlock> after{};
        decode(row_blocks[b], after.data());
        for (std::size_t i = 0; i < std::min<std::size_t>(kBlock, columns_ - b * kBlock); ++i) {
          const double value = before[b * kBlock + i];
          const double difference = value - static_cast<double>(after[i]);
          error.signal += value * value;
          error.noise += difference * difference;
        }
      }
    }
  }
  return error;
}

}  // namespace churon::numeric
