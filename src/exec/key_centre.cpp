#include "exec/key_centre.h"

namespace churon::exec {

namespace {

constexpr double kAngleMax = 0x1.0c152382d7365p+0;  // a third of pi

}  // namespace

std::vector<float> key_centre(std::span<const float> bias, std::int64_t head_dim,
                              const numeric::RopeParameters& rope, numeric::RopePairing pairing,
                              std::int64_t context) {
  const std::int64_t pairs = rope.dimensions / 2;
  const auto turns_slowly = [&](std::int64_t element) {
    if (element >= rope.dimensions) {
      return true;  // it does not turn at all
    }
    const std::int64_t pair =
        pairing == numeric::RopePairing::adjacent ? element / 2 : element % pairs;
    double frequency =
        numeric::pow64(rope.base, -2.0 * static_cast<double>(pair) / rope.dimensions);
    if (!rope.frequency_factors.empty()) {
      frequency /= static_cast<double>(rope.frequency_factors[static_cast<std::size_t>(pair)]);
    }
    return static_cast<double>(context - 1) / rope.factor * frequency <= kAngleMax;
  };
  std::vector<float> centre(bias.size());
  for (std::size_t i = 0; i < bias.size(); ++i) {
    centre[i] = turns_slowly(static_cast<std::int64_t>(i) % head_dim) ? bias[i] : 0.0F;
  }
  return centre;
}

}  // namespace churon::exec
