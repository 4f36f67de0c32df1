// The power of a chip of our own: what a phase takes in a power state, and what an activity took
// over a time.
//
//   core terms       scale with the clock (where the array limits the phase) and (V / V0)²
//   leakage          = area · leakage · (V / V0)² · 2^((Tj − T0) / 25 K), bounds 20 K to 35 K
//   junction         = coolant + power · (theta_jc + coolant to case), a fixed point with leakage
//
// Watts; bands as in band.h. Sources and limits: docs/silicon.md.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chip/budget.h"
#include "chip/chip.h"
#include "silicon/area.h"
#include "silicon/band.h"
#include "stats/activity.h"

namespace churon::silicon {

// Above the sum of the parts: regulators on the package, what no term names.
inline constexpr double kPowerMargin = 1.05;

// How heat leaves a package.
struct Cooling {
  std::string_view name;
  Celsius coolant;        // what comes in
  KelvinPerWatt to_case;  // from there to the case
  WattsPerSquareMetre flux_max;
  std::string_view basis;
};
const Cooling& cooling(std::string_view name);

// The junction is kept below it: HBM is the first to suffer.
Celsius junction_max(const chip::Chip& chip);

struct OperatingPoint {
  std::string name;  // "nominal"
  Hertz core;
  Volts voltage;
};
// The nominal one first.
std::vector<OperatingPoint> operating_points(const chip::Chip& chip);

struct PowerRow {
  std::string id, name;
  Band power;
};
struct PowerEstimate {
  std::string phase, state;
  double speed = 1;  // of the phase, against the nominal state
  std::vector<PowerRow> rows;
  Band total;  // with the margin
  Celsius junction;
  bool above_tdp = false;
  // At which it is kept to the TDP; as `speed` where it is not above. None: not even at rest.
  std::optional<double> kept_speed;
};
PowerEstimate power(const chip::Chip& chip, const AreaBudget& area, const chip::Phase& phase,
                    const OperatingPoint& point);

// What heat the package gets rid of, and by which of its limits.
struct HeatLimit {
  Watts power;
  std::string why;  // "95 degC − 40 degC over 0.025 + 0.015 K/W"
};
HeatLimit heat_limit(const chip::Chip& chip, const AreaBudget& area);

// A0305 where the TDP (or, where none is stated, a phase at the nominal state) is above it.
Diagnostics check_cooling(const chip::Chip& chip, const AreaBudget& area);

// --- of an activity -----------------------------------------------------------------------------

struct PriceBands {
  stats::EnergyPrices low, central, high;
};
// By the coefficients of the description, moved to the node of `area`. The second of being powered
// is the idle power.
PriceBands energy_prices(const chip::Chip& chip, const Move& move);

struct ActivityPower {
  std::array<Watts, stats::kActionCount> by_action{};
  Band total;
};
// `time` is positive.
ActivityPower power(const stats::Activity& activity, const PriceBands& prices, Seconds time);

}  // namespace churon::silicon
