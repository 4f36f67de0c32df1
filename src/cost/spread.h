// How an uncertain number is distributed: the two-piece normal of data/cost/README.md.
//
// Half the mass lies on each side of `central`, with sigma- = (central - low) / 1.645 below and
// sigma+ = (high - central) / 1.645 above, so that low and high are P5 and P95; where high / low >
// 3 the same in logarithms. Shares are clipped to (0, 1], other quantities to > 0. A value is a
// monotone function of one standard normal number, its factor: quantities that move together share
// theirs.
#pragma once

#include <cstdint>
#include <span>

namespace churon::cost {

struct Range {
  double low = 0, central = 0, high = 0;
};

class Spread {
 public:
  Spread() = default;
  // low <= central <= high. `is_share`: clipped at 1.
  Spread(Range range, bool is_share);

  [[nodiscard]] bool is_constant() const { return below_ == 0 && above_ == 0; }
  [[nodiscard]] bool is_logarithmic() const { return logarithmic_; }
  [[nodiscard]] double at(double z) const;
  // values[i] = at(z[i]), the same bits.
  void at(std::span<const double> z, double* values) const;
  // The probability of a draw outside the clip.
  [[nodiscard]] double clipped_share() const;

 private:
  bool logarithmic_ = false;
  double centre_ = 0, below_ = 0, above_ = 0;  // of logarithms where it is logarithmic
  double floor_ = 0, ceiling_ = 0;
};

// The number that a standard normal variable is below with probability `p`, 0 < p < 1 (Wichura,
// AS241: seven digits), and the other way round.
double normal_quantile(double p);
double normal_probability(double z);
// Standard normal numbers from uniform bits.
void normal_quantiles(std::span<const std::uint32_t> bits, double* z);

}  // namespace churon::cost
