// Which single uncertain factor, moved how far, changes the answer: where a quantity crosses a
// level while all other factors stay at their centre.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cost/tree.h"

namespace churon::cost {

struct Flip {
  std::string factor;
  double z = 0;                       // standard normal number of the factor at the crossing
  double probability = 0;             // of the factor to lie at least as far out, on that side
  std::vector<std::uint32_t> inputs;  // that it moves and the target needs
};

// The nearest crossing of each factor within four standard deviations (one case in 30,000), likely
// ones first. A factor that crosses more than once is listed with its nearest crossing on a grid of
// half a deviation.
std::vector<Flip> flips(const Tree& tree, NodeId target, double level);

}  // namespace churon::cost
