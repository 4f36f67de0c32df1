// Numbers from the bytes of a file, little-endian like every machine this runs on.
#pragma once

#include <bit>
#include <cstddef>
#include <cstring>

namespace churon::model {

static_assert(std::endian::native == std::endian::little);

template <typename T>
T load(const std::byte* bytes) {
  T value;
  std::memcpy(&value, bytes, sizeof value);
  return value;
}

}  // namespace churon::model
