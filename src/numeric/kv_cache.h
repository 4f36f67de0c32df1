// Keys and values of the past, of all layers of one sequence.
//
// Quantised (q8_0, mxint8: rule 5), in tiles of 64 positions as the attention kernels read them:
//   keys    per 16 positions and block of 32 dimensions: 16 f32 scales, then 8 lines of 64 B,
//           line j, byte 4 o + i = 128 + element 4 j + i of position o
//   values  per 64 positions: for each block of 32 dimensions 64 f32 scales; then for each 16
//           dimensions 32 pairs of tokens of 32 B, byte 2 o + i = dimension o of token i
// FP32 (f32, bf16: values that BF16 holds): a row of head_dim a position.
// A key/value head's positions lie together. Memory is touched as positions are written.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "numeric/buffer.h"
#include "numeric/reference.h"

namespace churon::numeric {

enum class KvFormat { q8_0, mxint8, f32, bf16 };
[[nodiscard]] const char* name(KvFormat format);
[[nodiscard]] std::optional<KvFormat> kv_format_from_name(std::string_view name);
// As the chip stores it, scales included.
[[nodiscard]] double kv_bits_per_element(KvFormat format);

struct KvShape {
  std::size_t layers = 0;
  std::size_t kv_heads = 0;
  std::size_t head_dim = 0;  // of keys and of values, a multiple of 2, at most 1,024
};

class KvCache {
 public:
  KvCache() = default;
  KvCache(KvFormat format, const KvShape& shape, std::size_t positions);

  [[nodiscard]] KvFormat format() const { return format_; }
  [[nodiscard]] bool quantized() const {
    return format_ == KvFormat::q8_0 || format_ == KvFormat::mxint8;
  }
  [[nodiscard]] ActivationFormat block_format() const {
    return format_ == KvFormat::mxint8 ? ActivationFormat::mxint8 : ActivationFormat::q8_0;
  }
  [[nodiscard]] const KvShape& shape() const { return shape_; }
  [[nodiscard]] std::size_t positions() const { return positions_; }
  [[nodiscard]] std::size_t blocks() const { return (shape_.head_dim + kBlock - 1) / kBlock; }
  // Bytes of the host per position, all layers.
  [[nodiscard]] std::size_t bytes_per_position() const;

  // Quantised: the parts of a tile of 64 positions.
  [[nodiscard]] std::size_t key_tile_bytes() const { return 4 * blocks() * (64 + 512); }
  [[nodiscard]] std::size_t value_tile_bytes() const { return blocks() * (256 + 2 * 1024); }
  [[nodiscard]] std::byte* keys(std::size_t layer, std::size_t head, std::size_t tile) {
    return buffer_.data() + head_offset(layer, head) + tile * key_tile_bytes();
  }
  [[nodiscard]] const std::byte* keys(std::size_t layer, std::size_t head, std::size_t tile) const {
    return buffer_.data() + head_offset(layer, head) + tile * key_tile_bytes();
  }
  [[nodiscard]] std::byte* values(std::size_t layer, std::size_t head, std::size_t tile) {
    return buffer_.data() + head_offset(layer, head) + tiles() * key_tile_bytes() +
           tile * value_tile_bytes();
  }
  [[nodiscard]] const std::byte* values(std::size_t layer, std::size_t head,
                                        std::size_t tile) const {
    return buffer_.data() + head_offset(layer, head) + tiles() * key_tile_bytes() +
           tile * value_tile_bytes();
  }

  // FP32: the rows of a head from position 0.
  [[nodiscard]] float* key_rows(std::size_t layer, std::size_t head) {
    return reinterpret_cast<float*>(buffer_.data() + head_offset(layer, head));
  }
  [[nodiscard]] const float* key_rows(std::size_t layer, std::size_t head) const {
    return reinterpret_cast<const float*>(buffer_.data() + head_offset(layer, head));
  }
  [[nodiscard]] float* value_rows(std::size_t layer, std::size_t head) {
    return key_rows(layer, head) + tiles() * kAttentionTile * shape_.head_dim;
  }
  [[nodiscard]] const float* value_rows(std::size_t layer, std::size_t head) const {
    return key_rows(layer, head) + tiles() * kAttentionTile * shape_.head_dim;
  }

 private:
  [[nodiscard]] std::size_t tiles() const {
    return (positions_ + kAttentionTile - 1) / kAttentionTile;
  }
  [[nodiscard]] std::size_t head_bytes() const;
  [[nodiscard]] std::size_t head_offset(std::size_t layer, std::size_t head) const {
    return (layer * shape_.kv_heads + head) * head_bytes();
  }

  KvFormat format_ = KvFormat::q8_0;
  KvShape shape_;
  std::size_t positions_ = 0;
  Buffer buffer_;
};

}  // namespace churon::numeric
