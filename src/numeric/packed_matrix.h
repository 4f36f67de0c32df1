// A weight matrix as the host's kernels stream it: tiles of 16 rows (outputs); in a tile the blocks
// of K follow each other, scales beside their payload, in one linear run of whole cache lines.
//
// Integers are kept unsigned, u = q + offset, in as few bits as their values need: a Q5_0 tensor is
// q8_0 on the chip (rule 3) but 5 bits here. The kernel begins its integer sum at -offset * sum(a),
// so the dot product is that of the signed integers, exactly.
//
//   group = 64 B scales, then payloads
//     with minimum:    one block:  16 scales, 16 minima
//     without:         two blocks: 16 scales of the first, 16 of the second
//   payload of a block of 32 x 16 integers
//     u8    8 lines of 64 B: line j, byte 4 o + i = k 4 j + i of output o
//     u4    4 lines: the low nibbles are line j of u8, the high nibbles line j + 4
//     u5    8 x 64 bits, the fifth bits of lines 0..7 (bit = byte of the line), then u4
//     e2m1  4 lines as u4 of E2M1 codes; the kernel looks up 2 * element + 16
//   scale: 16 bits, FP16, or the upper half of FP32 for powers of two (E8M0)
// K is padded to whole groups and rows to whole tiles with blocks of scale zero.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "numeric/block_format.h"
#include "numeric/tensor_type.h"

namespace churon::numeric {

enum class Payload : std::uint8_t { u4, u5, u8, e2m1 };

inline constexpr std::size_t kTileRows = 16;

struct PackedLayout {
  Payload payload = Payload::u8;
  bool bf16_scale = false;
  bool minimum = false;

  [[nodiscard]] constexpr std::size_t group_blocks() const { return minimum ? 1 : 2; }
  [[nodiscard]] constexpr std::size_t payload_bytes() const {
    return payload == Payload::u8 ? 512 : payload == Payload::u5 ? 320 : 256;
  }
  [[nodiscard]] constexpr std::size_t group_bytes() const {
    return 64 + group_blocks() * payload_bytes();
  }
  // What is added to a signed integer to store it: a power of two or zero.
  [[nodiscard]] constexpr int offset() const {
    switch (payload) {
      case Payload::u4:
        return minimum ? 0 : 8;
      case Payload::u5:
        return minimum ? 0 : 16;
      case Payload::e2m1:
        return 16;
      case Payload::u8:
        return 128;
    }
    return 0;
  }
  bool operator==(const PackedLayout&) const = default;
};

// How the host keeps a tensor of `type` that the chip holds as `format`.
[[nodiscard]] PackedLayout packed_layout(BlockFormat format, TensorType type);

// What transcoding did to the values: sums of squares in binary64.
struct PackError {
  double signal = 0;
  double noise = 0;
};

class PackedMatrix {
 public:
  PackedMatrix() = default;
  // `memory` has packed_bytes(...) bytes on a cache line's border and outlives the matrix.
  PackedMatrix(BlockFormat format, TensorType type, std::size_t rows, std::size_t columns,
               std::byte* memory);

  [[nodiscard]] BlockFormat format() const { return format_; }
  [[nodiscard]] const PackedLayout& layout() const { return layout_; }
  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t columns() const { return columns_; }
  [[nodiscard]] std::size_t tiles() const { return (rows_ + kTileRows - 1) / kTileRows; }
  [[nodiscard]] std::size_t groups() const;  // of one tile, along K
  [[nodiscard]] std::size_t tile_bytes() const { return groups() * layout_.group_bytes(); }
  [[nodiscard]] const std::byte* tile(std::size_t index) const {
    return data_ + index * tile_bytes();
  }

  // Packs `count` rows from `first` (a multiple of 16) from the bytes of the file; ranges may be
  // packed by several threads. On a defect the row is in `defect_row`.
  struct Defect {
    std::size_t row;
    WeightDefect what;
  };
  [[nodiscard]] tl::expected<PackError, Defect> pack(std::size_t first, std::size_t count,
                                                     const std::byte* source);

  // The values of a row, `columns()` of them: q * scale + minimum.
  void decode_row(std::size_t row, float* out) const;

 private:
  [[nodiscard]] std::optional<WeightDefect> move_row(std::size_t row, const std::byte* source);
  [[nodiscard]] std::optional<WeightDefect> pack_k_row(std::size_t row, const std::byte* source,
                                                       PackError& error);
  [[nodiscard]] std::optional<WeightDefect> pack_any_row(std::size_t row, const std::byte* source,
                                                         PackError& error);
  void put(std::size_t row, std::size_t block, const WeightBlock& values);
  [[nodiscard]] WeightBlock get(std::size_t row, std::size_t block) const;

  BlockFormat format_ = BlockFormat::q8_0;
  TensorType type_ = TensorType::q8_0;
  PackedLayout layout_;
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  std::byte* data_ = nullptr;
};

[[nodiscard]] std::size_t packed_bytes(BlockFormat format, TensorType type, std::size_t rows,
                                       std::size_t columns);

}  // namespace churon::numeric
