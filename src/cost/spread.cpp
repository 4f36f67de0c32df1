#include "cost/spread.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>

namespace churon::cost {

namespace {

constexpr double kP95 = 1.645;
constexpr double kLogarithmicFrom = 3;
// Shares and prices stay above zero by this much of their central value.
constexpr double kFloor = 1e-6;

template <std::size_t N>
double polynomial(const double (&c)[N], double x) {
  double value = 0;
  for (std::size_t i = N; i-- > 0;) {
    value = value * x + c[i];
  }
  return value;
}

// Wichura, "Algorithm AS 241: The Percentage Points of the Normal Distribution", 1988: PPND7.
constexpr double kA[]{3.3871327179, 50.434271938, 159.29113202, 59.109374720};
constexpr double kB[]{1.0, 17.895169469, 78.757757664, 67.187563600};
constexpr double kC[]{1.4234372777, 2.7568153900, 1.3067284816, 0.17023821103};
constexpr double kD[]{1.0, 0.73700164250, 0.12021132975};
constexpr double kE[]{6.6579051150, 3.0812263860, 0.42868294337, 0.017337203997};
constexpr double kF[]{1.0, 0.24197894225, 0.012258202635};
constexpr double kCentral = 0.425;

double central_quantile(double q) {
  const double r = kCentral * kCentral - q * q;
  return q * polynomial(kA, r) / polynomial(kB, r);
}

double tail_quantile(double p) {
  const double r = std::sqrt(-std::log(std::min(p, 1 - p)));
  const double value = r <= 5 ? polynomial(kC, r - 1.6) / polynomial(kD, r - 1.6)
                              : polynomial(kE, r - 5) / polynomial(kF, r - 5);
  return p < 0.5 ? -value : value;
}

}  // namespace

double normal_quantile(double p) {
  const double q = p - 0.5;
  return std::abs(q) <= kCentral ? central_quantile(q) : tail_quantile(p);
}

void normal_quantiles(std::span<const std::uint32_t> bits, double* z) {
  const auto probability = [](std::uint32_t value) { return (value + 0.5) * 0x1p-32; };
  for (std::size_t i = 0; i < bits.size(); ++i) {
    z[i] = central_quantile(probability(bits[i]) - 0.5);
  }
  for (std::size_t i = 0; i < bits.size(); ++i) {
    const double p = probability(bits[i]);
    if (std::abs(p - 0.5) > kCentral) {
      z[i] = tail_quantile(p);
    }
  }
}

double normal_probability(double z) { return 0.5 * std::erfc(-z / std::numbers::sqrt2); }

Spread::Spread(Range range, bool is_share) {
  ceiling_ = is_share ? 1 : std::numeric_limits<double>::infinity();
  centre_ = range.central;
  if (range.low == range.central && range.central == range.high) {
    floor_ = -std::numeric_limits<double>::infinity();
    ceiling_ = std::numeric_limits<double>::infinity();
    return;
  }
  floor_ = range.central > 0 ? kFloor * range.central : 0;
  logarithmic_ = range.low > 0 && range.high > kLogarithmicFrom * range.low;
  if (logarithmic_) {
    centre_ = std::log(range.central);
    below_ = (centre_ - std::log(range.low)) / kP95;
    above_ = (std::log(range.high) - centre_) / kP95;
  } else {
    below_ = (range.central - range.low) / kP95;
    above_ = (range.high - range.central) / kP95;
  }
}

double Spread::at(double z) const {
  const double value = centre_ + z * (z < 0 ? below_ : above_);
  return std::clamp(logarithmic_ ? std::exp(value) : value, floor_, ceiling_);
}

void Spread::at(std::span<const double> z, double* values) const {
  if (is_constant()) {
    std::fill_n(values, z.size(), centre_);
    return;
  }
  for (std::size_t i = 0; i < z.size(); ++i) {
    values[i] = at(z[i]);
  }
}

double Spread::clipped_share() const {
  if (is_constant()) {
    return 0;
  }
  double share = 0;
  const auto limit = [&](double value) { return logarithmic_ ? std::log(value) : value; };
  if (std::isfinite(ceiling_) && above_ > 0) {
    share += 1 - normal_probability((limit(ceiling_) - centre_) / above_);
  }
  if (floor_ >= 0 && below_ > 0 && (!logarithmic_ || floor_ > 0)) {
    share += normal_probability((limit(floor_) - centre_) / below_);
  }
  return share;
}

}  // namespace churon::cost
