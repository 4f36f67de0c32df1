// What uncertainty does to some quantities of a tree: draws of all factors, each factor moved
// alone, and how much of the variance rests on what.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "cost/tree.h"

namespace churon::cost {

struct DrawOptions {
  std::uint64_t seed = 1;
  std::int64_t draws = 5'000;
  int threads = 1;
  // Values of targets held at once, 4 bytes each, where it is not 64 targets that need more. No
  // result depends on it.
  std::size_t values_max = std::size_t{1} << 28;
};

struct Quantiles {
  double mean = 0, deviation = 0;
  double p5 = 0, p10 = 0, p50 = 0, p90 = 0, p95 = 0;
};

// By target. A factor's number in a draw depends on the seed, the factor's name and the draw's
// index alone: neither threads nor further inputs change it.
std::vector<Quantiles> draw(const Tree& tree, std::span<const NodeId> targets,
                            const DrawOptions& options);

// The standard normal numbers of draws first … first + size(z), at most 256 of them.
void factor_numbers(std::uint64_t seed, std::string_view factor, std::uint64_t first,
                    std::span<double> z);

// One factor moved alone, all others at their centre.
struct Effect {
  std::string factor;
  double low = 0, high = 0;           // the target with the factor at its P5 and P95
  double variance = 0;                // of the target
  double variance_share = 0;          // of the sum of these
  bool is_guess = false;              // one of the factor's inputs is
  std::vector<std::uint32_t> inputs;  // that it moves and the target needs
};
// Largest swing first.
std::vector<Effect> effects(const Tree& tree, NodeId target);

}  // namespace churon::cost
