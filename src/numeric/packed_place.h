// Where the blocks of a packed matrix lie, and how the integers of one output are put there; shared
// by the two files that write it. The layout is described in packed_matrix.h.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "numeric/packed_matrix.h"

namespace churon::numeric {

// The block of one output.
struct PackedPlace {
  std::byte* scale;    // of this output
  std::byte* minimum;  // of this output, where there is one
  std::byte* payload;  // of all outputs
};

inline PackedPlace packed_place(std::byte* data, const PackedMatrix& matrix, std::size_t row,
                                std::size_t block) {
  const PackedLayout& layout = matrix.layout();
  std::byte* group = data + row / kTileRows * matrix.tile_bytes() +
                     block / layout.group_blocks() * layout.group_bytes();
  const std::size_t within = block % layout.group_blocks();
  const std::size_t output = row % kTileRows;
  return {group + within * 32 + output * 2, group + 32 + output * 2,
          group + 64 + within * layout.payload_bytes()};
}

// 32 signed integers as u8. Adding 128 to a byte is flipping its sign bit.
inline void put_bytes(std::size_t output, const void* q, std::byte* payload) {
  for (std::size_t line = 0; line < 8; ++line) {
    std::uint32_t word;
    std::memcpy(&word, static_cast<const std::byte*>(q) + 4 * line, sizeof word);
    word ^= 0x80808080U;
    std::memcpy(payload + 64 * line + 4 * output, &word, sizeof word);
  }
}

// 16 bytes of nibbles as GGUF keeps them: low ones are integers 0..15, high ones 16..31, as here.
inline void put_nibbles(std::size_t output, const void* nibbles, std::byte* lines) {
  for (std::size_t line = 0; line < 4; ++line) {
    std::memcpy(lines + 64 * line + 4 * output, static_cast<const std::byte*>(nibbles) + 4 * line,
                4);
  }
}

// The fifth bits of 32 integers, bit k of integer k. Four integers of a line are four bits, two
// outputs share a byte.
inline void put_fifth_bits(std::size_t output, std::uint32_t bits, std::byte* masks) {
  const unsigned shift = output % 2 * 4;
  const std::byte others = ~(std::byte{15} << shift);
  for (std::size_t line = 0; line < 8; ++line) {
    std::byte& byte = masks[8 * line + output / 2];
    byte = (byte & others) | static_cast<std::byte>(((bits >> (4 * line)) & 15U) << shift);
  }
}

// 32 unsigned integers below 16 or 32 as u4, e2m1 or u5.
inline void put_bits(const PackedLayout& layout, std::size_t output, const std::uint8_t* u,
                     std::byte* payload) {
  std::uint8_t nibbles[16];
  for (std::size_t i = 0; i < 16; ++i) {
    nibbles[i] = static_cast<std::uint8_t>((u[i] & 15U) | (u[i + 16] << 4));
  }
  if (layout.payload == Payload::u5) {
    std::uint32_t bits = 0;
    for (std::size_t line = 0; line < 8; ++line) {
      // The fifth bits of four bytes, gathered into bits 24..27 by one product.
      std::uint32_t word;
      std::memcpy(&word, u + 4 * line, sizeof word);
      const std::uint32_t gathered = ((word >> 4) & 0x01010101U) * 0x01020408U;
      bits |= ((gathered >> 24) & 15U) << (4 * line);
    }
    put_fifth_bits(output, bits, payload);
    payload += 64;
  }
  put_nibbles(output, nibbles, payload);
}

}  // namespace churon::numeric
