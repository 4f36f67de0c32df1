// Distributions and effects as `cost` and `compare` put them into their JSON documents.
#pragma once

#include <cstddef>
#include <span>

#include "base/json.h"
#include "cost/draws.h"
#include "cost/tree.h"

namespace churon::report {

// p5 to p95, each times a factor.
Json quantiles_json(const cost::Quantiles& quantiles, double factor = 1);

// What moves a quantity most, each factor alone: so many of the effects are shown and written.
constexpr std::size_t kTornado = 10;
// `number` writes low, high and the share of the variance.
Json effects_json(const cost::Tree& tree, std::span<const cost::Effect> effects,
                  Json (*number)(double));

}  // namespace churon::report
