#include "numeric/kv_cache.h"

#include <array>

namespace churon::numeric {

namespace {

struct Row {
  KvFormat format;
  const char* name;
  double bits;
};
constexpr std::array kRows{Row{KvFormat::q8_0, "q8_0", 8.5}, Row{KvFormat::mxint8, "mxint8", 8.25},
                           Row{KvFormat::f32, "f32", 32}, Row{KvFormat::bf16, "bf16", 16}};

}  // namespace

const char* name(KvFormat format) { return kRows[static_cast<std::size_t>(format)].name; }

std::optional<KvFormat> kv_format_from_name(std::string_view name) {
  for (const auto& row : kRows) {
    if (name == row.name) {
      return row.format;
    }
  }
  return std::nullopt;
}

double kv_bits_per_element(KvFormat format) { return kRows[static_cast<std::size_t>(format)].bits; }

KvCache::KvCache(KvFormat format, const KvShape& shape, std::size_t positions)
    : format_(format), shape_(shape), positions_(positions) {
  buffer_ = Buffer(shape.layers * shape.kv_heads * head_bytes(), false);
}

std::size_t KvCache::head_bytes() const {
  if (quantized()) {
    return tiles() * (key_tile_bytes() + value_tile_bytes());
  }
  return 2 * tiles() * kAttentionTile * shape_.head_dim * sizeof(float);
}

std::size_t KvCache::bytes_per_position() const {
  const std::size_t tile = quantized() ? key_tile_bytes() + value_tile_bytes()
                                       : 2 * kAttentionTile * shape_.head_dim * sizeof(float);
  return shape_.layers * shape_.kv_heads * tile / kAttentionTile;
}

}  // namespace churon::numeric
