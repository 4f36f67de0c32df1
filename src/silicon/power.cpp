#include "silicon/power.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"

namespace churon::silicon {

namespace {

// Coolant temperatures are the upper ends of ASHRAE classes A2 (air) and W40 (water). Resistances
// and fluxes are guesses, set so that what is sold is within them: 1000 W of B200 by air, 1400 W of
// MI355X by a plate.
constexpr std::array kCoolings{
    Cooling{"air", Celsius(35), KelvinPerWatt(0.040), WattsPerSquareMetre(1.0e6),
            "ASHRAE A2 inlet; heat sink of an 8U to 10U server"},
    Cooling{"cold-plate", Celsius(40), KelvinPerWatt(0.015), chip::kHeatFluxMax,
            "ASHRAE W40 water; single-phase plate"},
    Cooling{"immersion", Celsius(45), KelvinPerWatt(0.030), WattsPerSquareMetre(1.2e6),
            "single-phase tank"},
};

constexpr Celsius kJunctionMaxLogic{105};
constexpr Celsius kJunctionMaxHbm{95};  // refresh doubles above 85 degC, above 95 it does not hold

// Kelvins over which leakage doubles: low and high of it are the high and low of leakage.
constexpr Band kDoubling{20, 25, 35};

Band band(const chip::Sourced<double>& part) {
  return {part.low.value_or(part.value), part.value, part.high.value_or(part.value)};
}

// Which factor of a node an energy follows.
const Band& energy_factor(const Move& move, std::string_view id) {
  static constexpr Band kOne{1, 1, 1};
  return id == "matrix" || id == "vector" ? move.logic_energy
         : id == "scratch"                ? move.sram_energy
         : id == "noc"                    ? move.wire_energy
                                          : kOne;
}

double factor_of_voltage(const chip::Chip& chip, const OperatingPoint& point) {
  const double ratio = point.voltage.value() / chip.technology->logic_voltage.value.value();
  return ratio * ratio;
}

KelvinPerWatt to_coolant(const chip::Chip& chip) {
  const double case_of =
      chip.package->theta_jc ? chip.package->theta_jc->value.value() : KelvinPerWatt().value();
  return KelvinPerWatt(case_of + cooling(chip.package->cooling).to_case.value());
}

double leakage_growth(const chip::Chip& chip, Celsius junction, double doubling) {
  return std::exp2((junction.value() - chip.technology->temperature.value.value()) / doubling);
}

SquareMetres area_of(const AreaBudget& area) {
  return area.drawn && !area.move.moves() ? *area.drawn : SquareMetres(area.gross.central);
}

}  // namespace

const Cooling& cooling(std::string_view name) {
  const auto* const found = std::find_if(kCoolings.begin(), kCoolings.end(),
                                         [&](const Cooling& one) { return one.name == name; });
  check(found != kCoolings.end(), name);
  return *found;
}

Celsius junction_max(const chip::Chip& chip) {
  return chip::main_memory(chip).type.starts_with("hbm") ? kJunctionMaxHbm : kJunctionMaxLogic;
}

std::vector<OperatingPoint> operating_points(const chip::Chip& chip) {
  std::vector<OperatingPoint> points{
      {"nominal", chip.clock->core, chip.technology->logic_voltage.value}};
  for (const chip::PowerState& state : chip.power.states) {
    points.push_back({state.name, state.core, state.voltage});
  }
  return points;
}

PowerEstimate power(const chip::Chip& chip, const AreaBudget& area, const chip::Phase& phase,
                    const OperatingPoint& point) {
  const double clock = point.core / chip.clock->core;
  const double voltage = factor_of_voltage(chip, point);
  // Where memory limits, the array works off what arrives; it limits when it is too slow for that.
  const double speed = phase.memory > phase.mac ? std::min(1.0, clock / phase.mac) : clock;

  // Each term: what it is made of, and how it scales.
  struct Term {
    chip::PowerTerm from;
    double scale = 1;       // speed and voltage
    std::size_t first = 0;  // its causes: one a part, then one for the node
  };
  std::vector<Term> terms;
  std::vector<Cause> causes;
  for (chip::PowerTerm& from : chip::power_terms(chip, phase)) {
    Term term{.from = std::move(from), .scale = 1, .first = causes.size()};
    switch (term.from.domain) {
      case chip::PowerDomain::core:
        term.scale = speed * voltage;
        break;
      case chip::PowerDomain::interface:
        term.scale = speed;
        break;
      case chip::PowerDomain::leakage:
        term.from.rate = area_of(area).value();
        term.scale = voltage;
        break;
      case chip::PowerDomain::base:
        term.scale = 1;
        break;
    }
    for (const auto& part : term.from.parts) {
      const Band of_part = band(part);
      causes.push_back({term.from.id, of_part.low, of_part.central, of_part.high});
    }
    const Band& factor = energy_factor(area.move, term.from.id);
    causes.push_back({"node", factor.low, factor.central, factor.high});
    terms.push_back(std::move(term));
  }
  const std::size_t doubling_at = causes.size();
  causes.push_back({"doubling", kDoubling.low, kDoubling.central, kDoubling.high});

  const auto watts_of = [&](const Term& term, const std::vector<double>& v, Celsius junction) {
    double each = 0;
    const std::size_t parts = term.from.parts.size();
    for (std::size_t i = 0; i < parts; ++i) {
      each += v[term.first + i];
    }
    double watts = each * v[term.first + parts] * term.from.rate * term.scale;
    if (term.from.domain == chip::PowerDomain::leakage) {
      watts *= leakage_growth(chip, junction, v[doubling_at]);
    }
    return watts;
  };
  const double resistance = to_coolant(chip).value();
  const double coolant = cooling(chip.package->cooling).coolant.value();
  // Leakage heats what leaks. A bounded number of steps: where it does not settle the chip runs
  // away, and the number says so.
  const auto settle = [&](const std::vector<double>& v, Celsius& junction) {
    double total = 0;
    junction = chip.technology->temperature.value;
    for (int step = 0; step < 40; ++step) {
      total = 0;
      for (const Term& term : terms) {
        total += watts_of(term, v, junction);
      }
      total *= kPowerMargin;
      junction = Celsius(std::min(coolant + total * resistance, 200.0));
    }
    return total;
  };

  PowerEstimate result{.phase = std::string(phase.name),
                       .state = point.name,
                       .speed = speed,
                       .rows = {},
                       .total = {},
                       .junction = {},
                       .above_tdp = false,
                       .kept_speed = speed};
  result.total = spread(causes, [&](const std::vector<double>& v) {
    Celsius junction;
    return settle(v, junction);
  });
  std::vector<double> central;
  for (const Cause& cause : causes) {
    central.push_back(cause.central);
  }
  settle(central, result.junction);
  double scalable = 0;
  double parts = 0;
  for (const Term& term : terms) {
    const Band of_term = spread(
        causes, [&](const std::vector<double>& v) { return watts_of(term, v, result.junction); });
    parts += of_term.central;
    scalable +=
        term.from.domain == chip::PowerDomain::core || term.from.domain == chip::PowerDomain::interface ? of_term
                                                                                                              .central
                                                                                                        : 0;
    result.rows.push_back({term.from.id, term.from.name, of_term});
  }
  const double margin = parts * (kPowerMargin - 1);
  result.rows.push_back({"margin", "margin", {margin, margin, margin}});
  if (const auto limit = chip::tdp(chip); limit && result.total.central > limit->value()) {
    result.above_tdp = true;
    // All that works slows down together, leakage stays as hot as it is.
    const double kept = 1 - (result.total.central - limit->value()) / (scalable * kPowerMargin);
    result.kept_speed = kept > 0 ? std::optional(speed * kept) : std::nullopt;
  }
  return result;
}

HeatLimit heat_limit(const chip::Chip& chip, const AreaBudget& area) {
  const Cooling& how = cooling(chip.package->cooling);
  const double rise = junction_max(chip).value() - how.coolant.value();
  const Watts by_junction{rise / to_coolant(chip).value()};
  const Watts by_flux = how.flux_max * area_of(area);
  if (by_flux < by_junction) {
    return {by_flux, fmt::format("{} over {} of dies",
                                 rounded_text(how.flux_max.value(), QuantityKind::power_density, 3),
                                 rounded_text(area_of(area).value(), QuantityKind::area, 4))};
  }
  return {by_junction,
          fmt::format("({:g} degC at the junction − {:g} degC {} coolant) / ({} + {:g} K/W)",
                      junction_max(chip).value(), how.coolant.value(), how.name,
                      chip.package->theta_jc
                          ? fmt::format("{:g}", chip.package->theta_jc->value.value())
                          : std::string("0"),
                      how.to_case.value())};
}

Diagnostics check_cooling(const chip::Chip& chip, const AreaBudget& area) {
  Watts wanted = chip::tdp(chip).value_or(Watts());
  std::string what = "the TDP";
  if (!chip::tdp(chip)) {
    for (const chip::Phase& phase : chip::phases()) {
      const Watts total{power(chip, area, phase, operating_points(chip).front()).total.central};
      if (total > wanted) {
        wanted = total;
        what = std::string(phase.name);
      }
    }
  }
  const HeatLimit limit = heat_limit(chip, area);
  if (wanted <= limit.power) {
    return {};
  }
  Diagnostic diagnostic{
      .code = "A0305",
      .message =
          fmt::format("{} is cooled by {} and cannot get rid of {}", chip.id, chip.package->cooling,
                      rounded_text(wanted.value(), QuantityKind::power, 4)),
      .notes = {fmt::format("{}: {}", what, rounded_text(wanted.value(), QuantityKind::power, 4)),
                fmt::format("at most {}: {}",
                            rounded_text(limit.power.value(), QuantityKind::power, 4), limit.why)},
      .help = {},
      .exit = ExitCode::infeasible};
  for (const Cooling& other : kCoolings) {
    chip::Chip copy = chip;
    copy.package->cooling = std::string(other.name);
    const HeatLimit would = heat_limit(copy, area);
    if (would.power >= wanted) {
      diagnostic.help.push_back(
          fmt::format("`--set package.cooling={}` allows {}", other.name,
                      rounded_text(would.power.value(), QuantityKind::power, 4)));
    }
  }
  if (diagnostic.help.empty()) {
    diagnostic.help.emplace_back("no cooling in the table takes it: lower power.tdp or the clock");
  }
  return {std::move(diagnostic)};
}

PriceBands energy_prices(const chip::Chip& chip, const Move& move) {
  using stats::Action;
  PriceBands prices;
  const auto set = [&](Action action, const std::vector<const chip::EnergyParts*>& sums,
                       const Band& factor, double times = 1) {
    std::vector<Cause> causes;
    for (const chip::EnergyParts* parts : sums) {
      for (const auto& part : *parts) {
        const Band of_part = band(part);
        causes.push_back({"", of_part.low, of_part.central, of_part.high});
      }
    }
    causes.push_back({"", factor.low, factor.central, factor.high});
    const Band price = spread(causes, [&](const std::vector<double>& v) {
      double sum = 0;
      for (std::size_t i = 0; i + 1 < v.size(); ++i) {
        sum += v[i];
      }
      return sum * v.back() * times;
    });
    prices.low[action] = price.low;
    prices.central[action] = price.central;
    prices.high[action] = price.high;
  };
  const chip::ActionEnergies energies = chip::action_energies(chip);
  constexpr Band kOne{1, 1, 1};
  set(Action::mac_int8, {&energies.mac_int8}, move.logic_energy);
  set(Action::mac_w4, {&energies.mac_w4}, move.logic_energy);
  set(Action::mac_int16, {&energies.mac_int8}, move.logic_energy, 2);
  set(Action::vector_operation, {&energies.vector_operation}, move.logic_energy);
  set(Action::memory_read, {&energies.memory_device, &energies.memory_phy}, kOne);
  set(Action::memory_write, {&energies.memory_device, &energies.memory_phy}, kOne);
  set(Action::scratch_access, {&energies.scratch}, move.sram_energy);
  set(Action::noc_hop, {&energies.noc_hop}, move.wire_energy);
  const auto of_watts = [](const chip::Sourced<Watts>& from) {
    return Band{from.low.value_or(from.value).value(), from.value.value(),
                from.high.value_or(from.value).value()};
  };
  const Band idle = of_watts(chip.power.idle ? *chip.power.idle : chip.energy->base);
  prices.low[Action::powered] = idle.low;
  prices.central[Action::powered] = idle.central;
  prices.high[Action::powered] = idle.high;
  return prices;
}

ActivityPower power(const stats::Activity& activity, const PriceBands& prices, Seconds time) {
  check(time.value() > 0, time.value());
  ActivityPower result;
  std::vector<Cause> causes;
  std::vector<double> counts;
  const auto joules = stats::energy_by_action(activity, prices.central);
  for (const stats::ActionEntry& entry : stats::actions()) {
    const auto at = static_cast<std::size_t>(entry.action);
    result.by_action[at] = joules[at] / time;
    causes.push_back({std::string(entry.name), prices.low[entry.action],
                      prices.central[entry.action], prices.high[entry.action]});
    counts.push_back(activity[entry.action]);
  }
  result.total = spread(causes, [&](const std::vector<double>& v) {
    double sum = 0;
    for (std::size_t i = 0; i < v.size(); ++i) {
      sum += v[i] * counts[i];
    }
    return sum / time.value();
  });
  return result;
}

}  // namespace churon::silicon
