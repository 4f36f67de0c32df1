#include "cost/functions.h"

#include <cmath>

#include "cost/wafer.h"
#include "cost/yield.h"

namespace churon::cost {

const Function kPoisson{"poisson", "exp(-x)", "x = defects a die",
                        [](const double* a) { return yield_poisson(a[0]); }};
const Function kMurphy{"murphy", "((1 - exp(-x)) / x)^2", "x = defects a die",
                       [](const double* a) { return yield_murphy(a[0]); }};
const Function kSeeds{"seeds", "1 / (1 + x)", "x = defects a die",
                      [](const double* a) { return yield_seeds(a[0]); }};
const Function kNegativeBinomial{
    "negative_binomial", "(1 + x / alpha)^-alpha", "x = defects a die, alpha",
    [](const double* a) { return yield_negative_binomial(a[0], a[1]); }};
const Function kHarvest{
    "harvest",
    "E[exp(-D uncore) P(at most spares of cores bad)], bad with 1 - exp(-D core), D Gamma(alpha, "
    "d0)",
    "cores, area of a core, area of the uncore (cm2), spares, d0, alpha", [](const double* a) {
      return harvest_yield_fast({static_cast<std::int64_t>(std::llround(a[0])), a[1], a[2],
                                 static_cast<std::int64_t>(std::llround(a[3])), a[4], a[5]});
    }};
const Function kDeVries{
    "de_vries", "pi (d/2)^2 / A * exp(-2 sqrt(A) / d), d = diameter - 2 edge",
    "width, height, diameter, edge, street (mm); A with the street",
    [](const double* a) { return gross_dies_de_vries({a[0], a[1]}, {a[2], a[3], a[4]}); }};
const Function kEscape{"escape", "(1 - y) (1 - c) / (y + (1 - y) (1 - c))",
                       "y = yield, c = fault coverage",
                       [](const double* a) { return escape_share(a[0], a[1]); }};
const Function kCapitalRecovery{
    "capital_recovery", "r / (1 - (1 + r)^-n)", "r = rate, n = years", [](const double* a) {
      return a[0] == 0 ? 1 / a[1] : a[0] / -std::expm1(-a[1] * std::log1p(a[0]));
    }};

}  // namespace churon::cost
