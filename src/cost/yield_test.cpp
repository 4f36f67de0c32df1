#include "cost/yield.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <string_view>

namespace churon::cost {
namespace {

TEST(Yield, models_agree_where_defects_are_rare_and_order_where_they_are_not) {
  struct Model {
    std::string_view name;
    double (*of)(double defects, double alpha);
  };
  for (const Model& model : {Model{"poisson", [](double x, double) { return yield_poisson(x); }},
                             Model{"murphy", [](double x, double) { return yield_murphy(x); }},
                             Model{"seeds", [](double x, double) { return yield_seeds(x); }},
                             Model{"negative-binomial", yield_negative_binomial}}) {
    EXPECT_NEAR(model.of(1e-6, 2), 1 - 1e-6, 1e-11) << model.name;
    EXPECT_DOUBLE_EQ(model.of(0, 2), 1) << model.name;
  }
  EXPECT_LT(yield_poisson(1), yield_murphy(1));
  EXPECT_LT(yield_murphy(1), yield_negative_binomial(1, 2));
  EXPECT_LT(yield_negative_binomial(1, 2), yield_seeds(1));
  EXPECT_NEAR(yield_negative_binomial(1, 1), yield_seeds(1), 1e-15);
  EXPECT_NEAR(yield_negative_binomial(1, 1e12), yield_poisson(1), 1e-9);
}

// With no spares the integral has a closed form.
TEST(Yield, without_spares_harvest_is_the_negative_binomial_model) {
  for (const double alpha : {1e-4, 0.01, 0.3, 1.0, 3.0, 10.0, 200.0, 1e6, 1e12, 1e17, 1e100}) {
    for (const std::int64_t cores : {1, 7, 34, 144, 5000}) {
      for (const double d0 : {1e-300, 1e-15, 1e-11, 1e-6, 0.05, 0.5, 7.0}) {
        const Harvest die{cores, 3.0 / static_cast<double>(cores), 1.3, 0, d0, alpha};
        EXPECT_NEAR(harvest_yield(die), yield_negative_binomial(d0 * 4.3, alpha), 1e-8)
            << alpha << " " << cores << " " << d0;
      }
    }
  }
}

TEST(Yield, with_all_cores_spare_only_the_uncore_counts) {
  const Harvest die{4000, 0.002, 2.0, 4000, 0.2, 0.7};
  EXPECT_NEAR(harvest_yield(die), yield_negative_binomial(0.4, 0.7), 1e-8);
}

// One spare of few cores: the sum over k closes without losing digits.
TEST(Yield, one_spare_of_few_cores_is_inclusion_and_exclusion) {
  for (const double alpha : {0.2, 2.0, 30.0}) {
    const double n = 5, a = 0.3, u = 0.4, d0 = 0.6;
    const auto moment = [&](double area) { return yield_negative_binomial(d0 * area, alpha); };
    const double expected = n * moment(u + (n - 1) * a) - (n - 1) * moment(u + n * a);
    EXPECT_NEAR(harvest_yield({5, a, u, 1, d0, alpha}), expected, 1e-9);
  }
}

TEST(Yield, harvest_rises_with_spares_and_stays_a_share) {
  for (const double alpha : {1e-3, 0.5, 3.0, 1e5}) {
    double before = 0;
    for (std::int64_t spares = 0; spares <= 700; spares += 35) {
      const double now = harvest_yield({700, 0.02, 0.5, spares, 1.5, alpha});
      EXPECT_GE(now, before - 1e-9);
      EXPECT_LE(now, 1);
      before = now;
    }
  }
}

TEST(Yield, the_fast_rule_agrees_with_the_adaptive_one) {
  for (const double alpha : {0.87, 1.4, 1.5, 2.0, 3.0, 10.0, 120.0, 1e6}) {
    for (const std::int64_t spares : {0, 2, 6, 12}) {
      for (const double d0 : {0.02, 0.08, 0.12, 0.3}) {
        for (const std::int64_t cores : {34, 80, 144}) {
          const Harvest die{cores, 5.0 / static_cast<double>(cores), 3.1, spares, d0, alpha};
          EXPECT_NEAR(harvest_yield_fast(die), harvest_yield(die), 1e-4)
              << alpha << " " << spares << " " << d0 << " " << cores;
        }
      }
    }
  }
}

// Few dies with many defects: the shapes of Seeds' model and below.
TEST(Yield, the_rule_for_small_alpha_agrees_with_the_adaptive_one) {
  for (const double alpha : {1e-6, 1e-3, 0.03, 0.2, 0.5, 0.87, 1.0, 1.2, 1.3999}) {
    for (const std::int64_t cores : {1, 2, 5, 34, 144, 1000}) {
      for (const std::int64_t spares : {0, 1, 2, 6, 12, 20, 64}) {
        for (const double d0 : {0.0, 1e-12, 0.02, 0.12, 1.0, 20.0}) {
          for (const double uncore : {0.0, 0.5, 4.0}) {
            if (2 * spares > cores) {
              continue;
            }
            const Harvest die{cores, 5.0 / static_cast<double>(cores), uncore, spares, d0, alpha};
            EXPECT_NEAR(harvest_yield_fast(die), harvest_yield(die), spares > 20 ? 1e-5 : 1e-9)
                << alpha << " " << cores << " " << spares << " " << d0 << " " << uncore;
          }
        }
      }
    }
  }
}

// Many cores or many spare ones: the same integral to fewer digits.
TEST(Yield, the_rough_integral_agrees_with_the_exact_one) {
  for (const double alpha : {1e-4, 0.1, 0.5, 1.3, 3.0, 50.0, 1e6}) {
    for (const std::int64_t cores : {41, 130, 401, 1056, 20000}) {
      for (const std::int64_t spares : {21, 40, 65, 128, 1024}) {
        for (const double d0 : {1e-11, 1e-7, 0.01, 0.1, 0.5, 3.0}) {
          const Harvest die{cores, 6.0 / static_cast<double>(cores), 1.0, spares, d0, alpha};
          // Gauss-Hermite nodes in the cube root serve some of these.
          const bool has_rule = alpha >= 1.4 && cores <= 400 && spares <= 64;
          EXPECT_NEAR(harvest_yield_fast(die), harvest_yield(die), has_rule ? 1e-4 : 1e-5)
              << alpha << " " << cores << " " << spares << " " << d0;
        }
      }
    }
  }
}

// Ten million dies, each with its own density: the defined model drawn instead of integrated.
TEST(Yield, ten_million_drawn_dies_agree_with_the_integral) {
  const Harvest die{34, 0.0696, 1.275, 2, 0.1, 3};
  std::mt19937_64 bits(20261101);
  std::gamma_distribution<double> density(die.alpha, die.d0 / die.alpha);
  std::uniform_real_distribution<double> uniform;
  constexpr int kDies = 10'000'000;
  int good = 0;
  for (int i = 0; i < kDies; ++i) {
    const double d = density(bits);
    if (uniform(bits) > std::exp(-d * die.uncore_area)) {
      continue;
    }
    // The number of bad cores is binomial: inverted by walking its terms.
    const double clean = std::exp(-d * die.core_area), odds = (1 - clean) / clean;
    double term = std::pow(clean, 34), below = 0;
    const double draw = uniform(bits);
    for (int k = 0; k <= 2; ++k) {
      below += term;
      term *= (34 - k) * odds / (k + 1);
    }
    good += draw < below ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(good) / kDies, harvest_yield(die), 0.001);
}

TEST(Yield, a_test_that_misses_nothing_lets_no_bad_die_through) {
  EXPECT_DOUBLE_EQ(escape_share(0.6, 1), 0);
  EXPECT_NEAR(escape_share(0.6, 0.98), 0.008 / 0.608, 1e-12);
}

}  // namespace
}  // namespace churon::cost
