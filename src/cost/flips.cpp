#include "cost/flips.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

namespace churon::cost {

namespace {

// Half a deviation from one to the next, to four on each side.
constexpr std::size_t kSide = 8;
constexpr double kStep = 0.5;
constexpr std::size_t kLanes = 2 * kSide + 1;
constexpr int kRefinements = 6;

class Search {
 public:
  Search(const Tree& tree, NodeId target, double level)
      : evaluator_(tree, {&target, 1}, kLanes),
        z_(tree.factors().size() * kLanes),
        target_(target),
        level_(level) {}

  [[nodiscard]] bool needs(std::size_t factor) const { return evaluator_.factors()[factor]; }

  std::optional<double> crossing(std::size_t factor) {
    const std::array<bool, kLanes> above = sides(factor, -kStep * kSide, kStep);
    for (std::size_t out = 0; out < kSide; ++out) {
      for (const std::size_t at : {kSide + out, kSide - out - 1}) {
        if (above[at] != above[at + 1]) {
          return refined(factor, (static_cast<double>(at) - kSide) * kStep);
        }
      }
    }
    return std::nullopt;
  }

 private:
  // By lane: whether the target lies above the level with the factor at low + i step.
  std::array<bool, kLanes> sides(std::size_t factor, double low, double step) {
    double* const z = z_.data() + factor * kLanes;
    for (std::size_t i = 0; i < kLanes; ++i) {
      z[i] = low + static_cast<double>(i) * step;
    }
    evaluator_.run(z_.data());
    std::fill_n(z, kLanes, 0.0);
    std::array<bool, kLanes> above{};
    const auto lanes = evaluator_.lanes(target_);
    std::transform(lanes.begin(), lanes.end(), above.begin(),
                   [&](double value) { return value > level_; });
    return above;
  }

  // The crossing lies between `low` and `low` + kStep.
  double refined(std::size_t factor, double low) {
    double step = kStep;
    for (int i = 0; i < kRefinements; ++i) {
      step /= kLanes - 1;
      const std::array<bool, kLanes> above = sides(factor, low, step);
      const auto* const change =
          std::adjacent_find(above.begin(), above.end(), std::not_equal_to<>());
      low += static_cast<double>(change - above.begin()) * step;
    }
    return low + step / 2;
  }

  Evaluator evaluator_;
  std::vector<double> z_;
  NodeId target_;
  double level_;
};

}  // namespace

std::vector<Flip> flips(const Tree& tree, NodeId target, double level) {
  Search search(tree, target, level);
  auto inputs = inputs_by_factor(tree, tree.needed({&target, 1}));
  std::vector<Flip> found;
  for (std::size_t factor = 0; factor < tree.factors().size(); ++factor) {
    const auto z = search.needs(factor) ? search.crossing(factor) : std::nullopt;
    if (z) {
      found.push_back({.factor = tree.factors()[factor],
                       .z = *z,
                       .probability = normal_probability(-std::abs(*z)),
                       .inputs = std::move(inputs[factor])});
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const Flip& a, const Flip& b) { return a.probability > b.probability; });
  return found;
}

}  // namespace churon::cost
