#include "cost/yield.h"

#include <math.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>

namespace churon::cost {

namespace {

// std::lgamma writes a global sign.
double log_gamma(double x) {
  int sign = 0;
  return ::lgamma_r(x, &sign);
}

// P(at most `spares` of `cores` bad) * P(uncore clean), at one defect density. All terms are
// positive: the largest is found first, its neighbours follow by their ratio until they no longer
// count.
class GoodGivenDensity {
 public:
  explicit GoodGivenDensity(const Harvest& die)
      : die_(die),
        n_(static_cast<double>(die.cores)),
        spares_(static_cast<double>(die.spares)),
        log_ways_(log_ways(spares_)),
        log_ways_above_(die.spares < die.cores ? log_ways(spares_ + 1) : 0) {}

  double operator()(double density) const {
    const double clean = std::exp(-density * die_.uncore_area);
    if (die_.spares >= die_.cores) {
      return clean;
    }
    const double bad = -std::expm1(-density * die_.core_area);
    if (bad <= 0) {
      return clean;
    }
    if (bad >= 1) {
      return 0;
    }
    // Sum whichever side of the distribution is shorter to its edge.
    const double mode = std::floor((n_ + 1) * bad);
    const double sum = spares_ < mode ? run(spares_, log_ways_, bad, -1, 0)
                                      : 1 - run(spares_ + 1, log_ways_above_, bad, +1, n_);
    return clean * std::clamp(sum, 0.0, 1.0);
  }

 private:
  // log C(n, k)
  [[nodiscard]] double log_ways(double k) const {
    return log_gamma(n_ + 1) - log_gamma(k + 1) - log_gamma(n_ - k + 1);
  }
  // Terms from k on, downwards or upwards, up to and with `last`: they only fall.
  [[nodiscard]] double run(double k, double ways, double bad, double step, double last) const {
    const double odds = bad / (1 - bad);
    double term = std::exp(ways + k * std::log(bad) + (n_ - k) * -density_of(bad));
    double sum = 0;
    while (true) {
      sum += term;
      if (k == last || term < sum * 1e-17) {
        return sum;
      }
      term *= step < 0 ? k / ((n_ - k + 1) * odds) : (n_ - k) * odds / (k + 1);
      k += step;
    }
  }
  // -log(1 - bad) without loss for small `bad`.
  static double density_of(double bad) { return -std::log1p(-bad); }

  const Harvest& die_;
  double n_, spares_;
  double log_ways_, log_ways_above_;
};

// Nodes and weights of Gauss-Legendre with eight nodes on [-1, 1].
constexpr std::array<double, 4> kLegendreNode{0.1834346424956498, 0.5255324099163290,
                                              0.7966664774136267, 0.9602898564975363};
constexpr std::array<double, 4> kLegendreWeight{0.3626837833783620, 0.3137066458778873,
                                                0.2223810344533745, 0.1012285362903763};

template <typename Function>
double panels(const Function& function, double low, double high, int count) {
  const double half = (high - low) / (2 * count);
  double sum = 0;
  for (int i = 0; i < count; ++i) {
    const double middle = low + (2 * i + 1) * half;
    for (std::size_t k = 0; k < kLegendreNode.size(); ++k) {
      const double step = half * kLegendreNode[k];
      sum += kLegendreWeight[k] * (function(middle - step) + function(middle + step));
    }
  }
  return sum * half;
}

// log of alpha^alpha / (Gamma(alpha) e^alpha): Stirling's series where the three would cancel.
double log_scale(double alpha) {
  if (alpha < 50) {
    return alpha * std::log(alpha) - alpha - log_gamma(alpha);
  }
  const double inverse = 1 / alpha;
  return 0.5 * std::log(alpha / (2 * std::numbers::pi)) - inverse / 12 +
         inverse * inverse * inverse / 360;
}

// The middle twelve of sixteen Gauss-Hermite nodes for the standard normal density: the outer four
// weigh less than 2e-7.
constexpr std::array<double, 6> kHermiteNode{0.386760604500557347, 1.163829100554964727,
                                             1.951980345716333456, 2.760245047630701914,
                                             3.600873624171548671, 4.492955302520011203};
constexpr std::array<double, 6> kHermiteWeight{0.286568521238012185,    0.158338372750949264,
                                               0.0472847523540140674,   0.00726693760118474192,
                                               0.000525984926573909850, 0.0000153000321624872886};

// Nodes of D / d0 and their weights, which sum to one, for one alpha.
struct DensityRule {
  double alpha = -1;
  std::array<double, 2 * kHermiteNode.size()> at{}, weight{};
};

// The cube root of a Gamma variable is nearly normal (Wilson and Hilferty): Gauss-Hermite nodes in
// it, weighted by how far it is not.
void make_rule(double alpha, DensityRule& rule) {
  const double third = 1 / (3 * std::sqrt(alpha)), middle = 1 - 1 / (9 * alpha);
  const double scale = log_scale(alpha);
  double mass = 0;
  for (std::size_t i = 0; i < rule.at.size(); ++i) {
    const double z = i % 2 == 0 ? kHermiteNode[i / 2] : -kHermiteNode[i / 2];
    const double root = middle + third * z;
    const double g = root * root * root;
    rule.at[i] = std::max(g, 0.0);
    rule.weight[i] = root <= 0
                         ? 0
                         : kHermiteWeight[i / 2] * std::exp(scale + alpha * (1 - g) + z * z / 2 +
                                                            (3 * alpha - 1) * std::log(root));
    mass += rule.weight[i];
  }
  for (double& weight : rule.weight) {
    weight /= mass;
  }
  rule.alpha = alpha;
}

// sum over k <= spares of C(n, k) odds^k: all terms are positive.
double ways_sum(const Harvest& die, double odds) {
  double term = 1, terms = 1;
  for (std::int64_t k = 0; k < die.spares; ++k) {
    term *= static_cast<double>(die.cores - k) / static_cast<double>(k + 1) * odds;
    terms += term;
  }
  return terms;
}

// Nodes and weights, which sum to one, of the Gauss rule for a Gamma density of shape alpha:
// generalised Gauss-Laguerre.
struct LaguerreRule {
  static constexpr std::size_t kNodes = 24;
  double alpha = -1;
  std::array<double, kNodes> at{}, weight{};
};

// The nodes are the eigenvalues of the tridiagonal matrix of the polynomials' recurrence, the
// weights the squares of the first components of its eigenvectors (Golub and Welsch, 1969), by QL
// iterations with implicit shifts.
void make_rule(double alpha, LaguerreRule& rule) {
  constexpr std::size_t n = LaguerreRule::kNodes;
  std::array<double, n>& d = rule.at;
  std::array<double, n> e{}, z{};
  for (std::size_t i = 0; i < n; ++i) {
    const auto k = static_cast<double>(i);
    d[i] = 2 * k + alpha;
    e[i] = i + 1 < n ? std::sqrt((k + 1) * (k + alpha)) : 0;
  }
  z[0] = 1;
  for (std::size_t l = 0; l < n; ++l) {
    constexpr int kIterationsMax = 60;
    for (int iteration = 0; iteration < kIterationsMax; ++iteration) {
      std::size_t m = l;
      while (m + 1 < n && std::abs(e[m]) > 1e-17 * (std::abs(d[m]) + std::abs(d[m + 1]))) {
        ++m;
      }
      if (m == l) {
        break;
      }
      double g = (d[l + 1] - d[l]) / (2 * e[l]);
      g = d[m] - d[l] + e[l] / (g + std::copysign(std::hypot(g, 1.0), g));
      double s = 1, c = 1, p = 0;
      for (std::size_t i = m; i-- > l;) {
        const double f = s * e[i], b = c * e[i];
        const double r = std::hypot(f, g);
        e[i + 1] = r;
        s = r > 0 ? f / r : 0;
        c = r > 0 ? g / r : 1;
        g = d[i + 1] - p;
        const double t = (d[i] - g) * s + 2 * c * b;
        p = s * t;
        d[i + 1] = g + p;
        g = c * t - b;
        const double next = z[i + 1];
        z[i + 1] = s * z[i] + c * next;
        z[i] = c * z[i] - s * next;
      }
      d[l] -= p;
      e[l] = g;
      e[m] = 0;
    }
  }
  std::transform(z.begin(), z.end(), rule.weight.begin(), [](double one) { return one * one; });
  rule.alpha = alpha;
}

// With all areas together as the scale, D (alpha / d0 + all) = y, what is left to integrate over y
// is a polynomial of degree `spares` in exponentials that grow at most as exp(y spares / cores):
// the rule has it to ten digits up to half of the cores and twenty of them.
double harvest_yield_laguerre(const Harvest& die) {
  thread_local LaguerreRule rule;  // most often the last one's
  if (rule.alpha != die.alpha) {
    make_rule(die.alpha, rule);
  }
  const double all = die.uncore_area + static_cast<double>(die.cores) * die.core_area;
  const double defects = die.d0 / die.alpha;  // per unit of area and of the rule's variable
  const double core = die.core_area * defects / (1 + all * defects);
  double sum = 0;
  for (std::size_t i = 0; i < rule.at.size(); ++i) {
    sum += rule.weight[i] * ways_sum(die, std::expm1(core * rule.at[i]));
  }
  return std::clamp(sum * yield_negative_binomial(all * die.d0, die.alpha), 0.0, 1.0);
}

// How far the integral over densities goes and how exact it is.
struct Precision {
  double nothing;  // the log of the density of s below which it is left out
  double certain;  // defects of a die below which it is good for certain
  double settled;  // change from one rule to the next finer one
  int panels;      // of the first rule
};

// With D = d0 * e^s the density of s is exp(alpha (s - e^s + 1) + log_scale(alpha)).
double integral(const Harvest& die, const Precision& precision) {
  const double all = die.uncore_area + static_cast<double>(die.cores) * die.core_area;
  // No more dies are lost than defects fall on them.
  if (die.d0 * all <= 1e3 * precision.certain) {
    return 1;
  }
  const double alpha = die.alpha, scale = log_scale(alpha);
  const GoodGivenDensity good(die);
  // Every die has the mean density: the spread of s, 1 / sqrt(alpha), is below its rounding.
  constexpr double kAlphaPoint = 1e16;
  if (alpha > kAlphaPoint) {
    return good(die.d0);
  }
  const auto log_density = [&](double s) { return alpha * (s - std::expm1(s)) + scale; };
  // Left of here either the density is nothing or the die is good for certain.
  const double certain = std::log(precision.certain / (die.d0 * all));
  double low = -1 / std::sqrt(alpha);
  while (low > certain && log_density(low) > precision.nothing) {
    low *= 1.25;
  }
  double left = 0;
  if (low <= certain) {
    low = certain;
    // P(s < low) of the Gamma distribution, by the first terms of its series.
    const double g = alpha * std::exp(low);
    left = std::exp(alpha * std::log(alpha) + alpha * low - log_gamma(alpha + 1) - g) *
           (1 + g / (alpha + 1) + g * g / ((alpha + 1) * (alpha + 2)));
  }
  double high = 1 / std::sqrt(alpha);
  while (log_density(high) > precision.nothing) {
    high *= 1.25;
  }
  const auto integrand = [&](double s) {
    return std::exp(log_density(s)) * good(die.d0 * std::exp(s));
  };
  double value = panels(integrand, low, high, precision.panels);
  for (int count = 2 * precision.panels; count <= 8192; count *= 2) {
    const double finer = panels(integrand, low, high, count);
    const bool settled = std::abs(finer - value) < precision.settled;
    value = finer;
    if (settled) {
      break;
    }
  }
  return std::clamp(left + value, 0.0, 1.0);
}

}  // namespace

double yield_poisson(double defects) { return std::exp(-defects); }

double yield_murphy(double defects) {
  if (defects < 1e-8) {
    return 1 - defects;
  }
  const double root = -std::expm1(-defects) / defects;
  return root * root;
}

double yield_seeds(double defects) { return 1 / (1 + defects); }

double yield_negative_binomial(double defects, double alpha) {
  return std::exp(-alpha * std::log1p(defects / alpha));
}

double harvest_yield(const Harvest& die) {
  return integral(die, {.nothing = -45, .certain = 1e-13, .settled = 1e-11, .panels = 16});
}

double harvest_yield_fast(const Harvest& die) {
  constexpr Precision kRough{.nothing = -20, .certain = 1e-10, .settled = 1e-6, .panels = 4};
  constexpr std::int64_t kSparesMax = 64, kCoresMax = 400, kSparesLaguerre = 20;
  // Below it the rule in the cube root loses digits.
  constexpr double kAlphaCubeRoot = 1.4;
  if (die.alpha < kAlphaCubeRoot) {
    return 2 * die.spares <= die.cores && die.spares <= kSparesLaguerre
               ? harvest_yield_laguerre(die)
               : integral(die, kRough);
  }
  if (die.cores > kCoresMax || die.spares > kSparesMax || die.spares >= die.cores) {
    return integral(die, kRough);
  }
  thread_local DensityRule rule;  // most often the last one's
  if (rule.alpha != die.alpha) {
    make_rule(die.alpha, rule);
  }
  const auto n = static_cast<double>(die.cores);
  const double all = die.uncore_area + n * die.core_area;
  double sum = 0;
  for (std::size_t i = 0; i < rule.at.size(); ++i) {
    const double d = die.d0 * rule.at[i];
    sum += rule.weight[i] * ways_sum(die, std::expm1(d * die.core_area)) * std::exp(-d * all);
  }
  return std::clamp(sum, 0.0, 1.0);
}

double escape_share(double yield, double fault_coverage) {
  const double escaped = (1 - yield) * (1 - fault_coverage);
  return yield + escaped > 0 ? escaped / (yield + escaped) : 0;
}

}  // namespace churon::cost
