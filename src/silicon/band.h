// A number with its P5 and P95. Bands are put together from their causes one at a time: each cause
// moves to its low and its high end while the others stay, and the moves add in quadrature on each
// side. A cause that acts in several places is moved in all of them at once, so that what is
// correlated stays correlated.
#pragma once

#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace churon::silicon {

struct Band {
  double low = 0, central = 0, high = 0;
  bool operator==(const Band&) const = default;
};
inline Band operator*(const Band& band, double factor) {
  return {band.low * factor, band.central * factor, band.high * factor};
}

struct Cause {
  std::string name;  // "tech.utilisation", "logic density of N5"
  double low = 0, central = 0, high = 0;
};

// `f` takes one value for each cause.
template <typename F>
Band spread(const std::vector<Cause>& causes, const F& f) {
  std::vector<double> values;
  values.reserve(causes.size());
  for (const Cause& cause : causes) {
    values.push_back(cause.central);
  }
  const double central = f(values);
  double below = 0;
  double above = 0;
  for (std::size_t i = 0; i < causes.size(); ++i) {
    for (const double end : {causes[i].low, causes[i].high}) {
      values[i] = end;
      const double move = f(values) - central;
      (move < 0 ? below : above) += move * move;
    }
    values[i] = causes[i].central;
  }
  return {central - std::sqrt(below), central, central + std::sqrt(above)};
}

}  // namespace churon::silicon
