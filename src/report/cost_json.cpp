#include "report/cost_json.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "report/format.h"

namespace churon::report {

Json quantiles_json(const cost::Quantiles& quantiles, double factor) {
  return {{"p5", finite_drawn(quantiles.p5 * factor)},
          {"p10", finite_drawn(quantiles.p10 * factor)},
          {"p50", finite_drawn(quantiles.p50 * factor)},
          {"p90", finite_drawn(quantiles.p90 * factor)},
          {"p95", finite_drawn(quantiles.p95 * factor)}};
}

Json effects_json(const cost::Tree& tree, std::span<const cost::Effect> effects,
                  Json (*number)(double)) {
  Json json = Json::array();
  for (const cost::Effect& effect : effects.first(std::min(kTornado, effects.size()))) {
    Json inputs = Json::array();
    for (const std::uint32_t at : effect.inputs) {
      inputs.push_back(tree.inputs()[at].key);
    }
    json.push_back({{"factor", effect.factor},
                    {"inputs", std::move(inputs)},
                    {"low", number(effect.low)},
                    {"high", number(effect.high)},
                    {"variance_share", number(effect.variance_share)},
                    {"guess", effect.is_guess}});
  }
  return json;
}

}  // namespace churon::report
