#include "numeric/rope_table.h"

#include <bit>
#include <cstdint>

#include "base/check.h"

namespace churon::numeric {

namespace {

constexpr double kLn2High = 0x1.62e42fee00000p-1;  // the first 33 bits of ln 2: n * high is exact
constexpr double kLn2Low = 0x1.a39ef35793c76p-33;
// pi/2 in pieces of 33, 33 and 53 bits (Cody and Waite): k * piece is exact for |k| < 2^20.
constexpr double kHalfPi1 = 0x1.921fb54400000p+0;
constexpr double kHalfPi2 = 0x1.0b4611a600000p-34;
constexpr double kHalfPi3 = 0x1.3198a2e037073p-69;
constexpr double kTwoOverPi = 0x1.45f306dc9c883p-1;

double nearest_integer(double x) {
  // Adding 1.5 * 2^52 rounds to an integer.
  constexpr double kMagic = 0x1.8p52;
  return (x + kMagic) - kMagic;
}

// Taylor series on |r| <= pi/4; the first term left out is below 2^-58.
double sine_series(double r) {
  const double r2 = r * r;
  double sum = 0;
  for (int n = 17; n >= 3; n -= 2) {
    sum = (1.0 + sum) * (-r2 / static_cast<double>(n * (n - 1)));
  }
  return r + r * sum;
}
double cosine_series(double r) {
  const double r2 = r * r;
  double sum = 0;
  for (int n = 18; n >= 2; n -= 2) {
    sum = (1.0 + sum) * (-r2 / static_cast<double>(n * (n - 1)));
  }
  return 1.0 + sum;
}

struct Reduced {
  double r;
  int quadrant;
};
Reduced reduce(double x) {
  const double k = nearest_integer(x * kTwoOverPi);
  const double r = ((x - k * kHalfPi1) - k * kHalfPi2) - k * kHalfPi3;
  return {r, static_cast<int>(static_cast<std::int64_t>(k) & 3)};
}

}  // namespace

double sin64(double x) {
  const Reduced reduced = reduce(x);
  const double value =
      reduced.quadrant % 2 == 0 ? sine_series(reduced.r) : cosine_series(reduced.r);
  return reduced.quadrant >= 2 ? -value : value;
}

double cos64(double x) {
  const Reduced reduced = reduce(x);
  const double value =
      reduced.quadrant % 2 == 0 ? cosine_series(reduced.r) : sine_series(reduced.r);
  return reduced.quadrant == 1 || reduced.quadrant == 2 ? -value : value;
}

double log64(double x) {
  const auto bits = std::bit_cast<std::uint64_t>(x);
  int exponent = static_cast<int>((bits >> 52) & 0x7FF) - 1023;
  double m = std::bit_cast<double>((bits & 0xFFFFFFFFFFFFFULL) | 0x3FF0000000000000ULL);
  if (m > 0x1.6a09e667f3bcdp+0) {  // sqrt 2
    m *= 0.5;
    ++exponent;
  }
  // ln m = 2 atanh(s), s = (m - 1) / (m + 1), |s| < 0.172; the first term left out is below 2^-60.
  const double s = (m - 1.0) / (m + 1.0);
  const double s2 = s * s;
  double sum = 0;
  for (int n = 23; n >= 3; n -= 2) {
    sum = s2 * (1.0 / static_cast<double>(n) + sum);
  }
  const double e = exponent;
  return e * kLn2High + (2.0 * s + (2.0 * s * sum + e * kLn2Low));
}

double exp64(double x) {
  const double n = nearest_integer(x / (kLn2High + kLn2Low));
  const double r = (x - n * kLn2High) - n * kLn2Low;
  double sum = 1;
  for (int k = 14; k >= 1; --k) {
    sum = 1.0 + sum * (r / static_cast<double>(k));
  }
  check(n > -1000 && n < 1000, n);
  return sum * std::bit_cast<double>(static_cast<std::uint64_t>(static_cast<std::int64_t>(n) + 1023)
                                     << 52);
}

double pow64(double base, double exponent) { return exp64(exponent * log64(base)); }

RopeTable::RopeTable(const RopeParameters& parameters) : factor_(parameters.factor) {
  const int pairs = parameters.dimensions / 2;
  for (int i = 0; i < pairs; ++i) {
    double frequency = pow64(parameters.base, -2.0 * i / parameters.dimensions);
    if (!parameters.frequency_factors.empty()) {
      frequency /= static_cast<double>(parameters.frequency_factors[static_cast<std::size_t>(i)]);
    }
    frequencies_.push_back(frequency);
  }
}

void RopeTable::extend(std::size_t positions) {
  const std::size_t pairs = frequencies_.size();
  if (pairs == 0 || positions * pairs <= cosines_.size()) {
    return;
  }
  std::size_t position = cosines_.size() / pairs;
  cosines_.reserve(positions * pairs);
  sines_.reserve(positions * pairs);
  for (; position < positions; ++position) {
    const double scaled = static_cast<double>(position) / factor_;
    for (const double frequency : frequencies_) {
      const double angle = scaled * frequency;
      cosines_.push_back(static_cast<float>(cos64(angle)));
      sines_.push_back(static_cast<float>(sin64(angle)));
    }
  }
}

}  // namespace churon::numeric
