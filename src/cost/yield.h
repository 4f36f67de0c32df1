// Yield of dies: the classical models, and dies of which some cores may be bad. Areas in cm2,
// defect densities per cm2; every yield is in [0, 1].
#pragma once

#include <cstdint>

namespace churon::cost {

// The share of dies without a defect, when a die expects `defects` of them (area * density).
double yield_poisson(double defects);  // exp(-x)
double yield_murphy(double defects);   // ((1 - exp(-x)) / x)^2
double yield_seeds(double defects);    // 1 / (1 + x): densities spread exponentially
double yield_negative_binomial(double defects, double alpha);  // (1 + x / alpha)^-alpha

// A die of `cores` equal cores, of which `spares` may be bad, and an uncore that must be clean. Its
// defect density is one draw of a Gamma distribution with shape `alpha` and mean `d0`; given that,
// every part fails independently with Poisson probability, so that
//   yield = E[ exp(-D u) * sum_{k <= spares} C(n, k) (1 - exp(-D a))^k exp(-D a (n - k)) ].
// The sum over k with alternating signs that closes this integral loses all digits from some forty
// cores on; here the integral is done over terms that are all positive.
struct Harvest {
  std::int64_t cores = 1;
  double core_area = 0, uncore_area = 0;
  std::int64_t spares = 0;
  double d0 = 0, alpha = 1;  // alpha > 0
};
// Adaptive: absolute error below 1e-9 for any alpha above 1e-6.
double harvest_yield(const Harvest& die);
// For many draws: fixed rules. Absolute error below 1e-4 for alpha >= 1.4 and up to 400 cores,
// below 1e-9 for smaller alpha with at most half of the cores and 20 of them spare; other dies are
// passed on to `harvest_yield`.
double harvest_yield_fast(const Harvest& die);

// Dies that a test lets through although they are bad, over all that it lets through.
double escape_share(double yield, double fault_coverage);

}  // namespace churon::cost
