// Philox4x32-10, the counter-based generator of Salmon et al., "Parallel Random Numbers: As Easy as
// 1, 2, 3" (SC'11). The one source of randomness in the product: a value depends on key and counter
// alone, never on the order in which values are drawn.
#pragma once

#include <array>
#include <cstdint>

namespace churon {

using PhiloxCounter = std::array<std::uint32_t, 4>;

constexpr PhiloxCounter philox4x32(PhiloxCounter counter, std::uint64_t key) {
  std::uint32_t key0 = static_cast<std::uint32_t>(key);
  std::uint32_t key1 = static_cast<std::uint32_t>(key >> 32);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t product0 = std::uint64_t{0xD2511F53} * counter[0];
    const std::uint64_t product1 = std::uint64_t{0xCD9E8D57} * counter[2];
    counter = {static_cast<std::uint32_t>(product1 >> 32) ^ counter[1] ^ key0,
               static_cast<std::uint32_t>(product1),
               static_cast<std::uint32_t>(product0 >> 32) ^ counter[3] ^ key1,
               static_cast<std::uint32_t>(product0)};
    key0 += 0x9E3779B9;
    key1 += 0xBB67AE85;
  }
  return counter;
}

// A uniform number in [0, 1) on a grid of 2^-24.
constexpr double uniform24(std::uint32_t bits) { return (bits >> 8) * 0x1p-24; }

}  // namespace churon
