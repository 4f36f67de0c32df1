// The centre of a layer's keys (docs/arithmetic.md §5). Some models have key biases a hundred times
// larger than what the tokens contribute, in the pairs that RoPE turns slowest. Scores of one query
// that all grow by the same number leave its softmax as it is, so any constant may be subtracted
// from all keys of a head before they are quantised; what is left then has its eight bits to
// itself.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "numeric/reference.h"
#include "numeric/rope_table.h"

namespace churon::exec {

// The bias itself where RoPE turns it by at most a third of pi up to the last of `context`
// positions: there subtracting it never makes it longer. Zero elsewhere. Heads of `head_dim`
// elements follow each other.
std::vector<float> key_centre(std::span<const float> bias, std::int64_t head_dim,
                              const numeric::RopeParameters& rope, numeric::RopePairing pairing,
                              std::int64_t context);

}  // namespace churon::exec
