// What an hour of a chip costs: price to slot, recovery of the capital, space, electricity,
// failures and spares, staff. Bought chips have three prices: what they cost to build, to buy, to
// rent.
#include <fmt/format.h>

#include "cost/builder.h"
#include "cost/functions.h"

namespace churon::cost {

namespace {

constexpr double kHoursYear = 8760;
constexpr double kSecondsYear = 365.25 * 24 * 3600;
constexpr double kJoulesKwh = 3.6e6;
constexpr double kKw = 1e-3;

// What a chip stands in: from its description, from that of --like, or from the tables.
struct Place {
  Expr life, rate, space, electricity, pue;
};

template <typename T>
const chip::Sourced<T>* member(const chip::Chip* chip,
                               std::optional<chip::Sourced<T>> chip::Cost::* of) {
  return chip != nullptr && chip->cost && (*chip->cost.*of) ? &*(*chip->cost.*of) : nullptr;
}

Place place_of(Builder& b) {
  using C = chip::Cost;
  const chip::Chip* from = b.options.like != nullptr ? b.options.like : &b.chip;
  const auto* life = member(from, &C::life);
  const auto* rate = member(from, &C::wacc);
  const auto* space = member(from, &C::space);
  const auto* electricity = member(from, &C::electricity);
  const bool has_pue = from->system && from->system->pue;
  return {
      .life = life != nullptr ? b.given("cost.life", *life, 1 / kSecondsYear, "years", {}, from)
                              : b.row("depreciation.life", "years"),
      .rate = rate != nullptr ? b.given("cost.wacc", *rate, 1, "1/yr", {}, from)
                              : b.row("finance.wacc", "1/yr"),
      .space =
          space != nullptr
              ? b.given("cost.space", *space, 1 / kKw * kSecondsYear, "USD/kW-year", "space", from)
              : b.name("hourly.space_price", "space, cooling and power supply", "USD/kW-year",
                       b.row("colocation.wholesale_tier2", "USD/kW-month") * 12),
      .electricity = electricity != nullptr ? b.given("cost.electricity", *electricity, kJoulesKwh,
                                                      "USD/kWh", "electricity", from)
                                            : b.row("electricity.us_industrial", "USD/kWh"),
      .pue = has_pue ? b.given("system.pue", *from->system->pue, 1, "-", {}, from)
                     : b.row("pue.hyperscale", "1"),
  };
}

// Power of the chip with its part of host, network, fans and power supply, in front of the
// building.
Expr it_power(Builder& b) {
  const Expr tdp = b.given("power.tdp", *b.chip.power.tdp, kKw, "kW");
  const auto& system = b.chip.system;
  if (system && system->host_power_per_chip && system->network_power_per_chip && system->fan_pump &&
      system->psu_efficiency) {
    return b.name(
        "power.it", "chip, its part of host and network, fans, power supply", "kW",
        (tdp + b.given("system.host_power_per_chip", *system->host_power_per_chip, kKw, "kW") +
         b.given("system.network_power_per_chip", *system->network_power_per_chip, kKw, "kW")) *
            (1 + b.given("system.fan_pump", *system->fan_pump, 1, "1")) /
            b.given("system.psu_efficiency", *system->psu_efficiency, 1, "1"));
  }
  return b.name("power.it", "chip and its part of the system", "kW",
                tdp * (1 + b.row("system.host_overhead_per_gpu_fraction", "1")));
}

struct Running {
  Expr recovery;            // of a dollar of capital in a year
  Expr space, electricity;  // USD per hour
};

Running running(Builder& b) {
  const Place place = place_of(b);
  const Expr power = it_power(b);
  const Expr load = b.row("system.average_load_of_peak", "1");
  return {
      .recovery = b.name("hourly.recovery", "capital recovered in a year", "1/yr",
                         b.tree.call(kCapitalRecovery, {place.rate, place.life})),
      .space = b.name("hourly.space", "space and power provisioned", "USD/h",
                      power * place.space / kHoursYear),
      .electricity = b.name("hourly.electricity", "electricity, cooling in it", "USD/h",
                            power * place.pue * load * place.electricity),
  };
}

// Of capital `slot`, of which `chip` is the chip: staff and repair, spares, chips that fail.
Expr upkeep(Builder& b, const std::string& prefix, Expr slot, Expr chip) {
  return b.name(prefix + ".upkeep", "staff and maintenance, failed chips", "USD/h",
                (slot * b.row("opex.staff_maintenance_fraction", "1/yr") +
                 chip * b.row("fleet.failure_rate", "1/yr") * b.row("fleet.failures_paid", "1")) /
                    kHoursYear);
}

Expr capital(Builder& b, const std::string& prefix, Expr slot, Expr chip, const Running& run) {
  return b.name(prefix + ".capital", "capital of a slot, spares in it", "USD/h",
                (slot + chip * b.row("fleet.spares", "1")) * run.recovery / kHoursYear);
}

struct Named {
  std::string key, text;
};

// The lines of an hour are named after `prefix`, their sum is `sum`.
Expr hour(Builder& b, const std::string& prefix, const Named& sum, Expr slot, Expr chip,
          const Running& run, std::vector<NodeId>& lines) {
  const Expr capital_hour = capital(b, prefix, slot, chip, run);
  const Expr upkeep_hour = upkeep(b, prefix, slot, chip);
  const Expr all =
      b.name(sum.key, sum.text, "USD/h", capital_hour + run.space + run.electricity + upkeep_hour);
  lines.insert(lines.end(), {capital_hour.id, run.space.id, run.electricity.id, upkeep_hour.id});
  return all;
}

// Occupied hours carry the empty ones.
void occupied(Builder& b, Expr hourly, Expr share, Section& section) {
  const Expr used = b.name("hourly.occupied", "an hour with work", "USD/h", hourly / share);
  section.lines.push_back(used.id);
}

// Server and network of a chip by their parts.
Expr system_parts(Builder& b) {
  if (const auto made = b.find("slot.system_parts")) {
    return *made;
  }
  const bool large = b.chip.system && b.chip.system->scaleup_domain > 8;
  const bool own = b.chip.kind == chip::Kind::full;
  const Expr scale_up = own     ? b.row("ethernet.own_chip_scale_up_per_chip", "USD/chip")
                        : large ? b.row("nvlink.scale_up_cost_per_gpu_nvl72", "USD/GPU")
                                : b.row("nvlink.scale_up_cost_per_gpu_h100", "USD/GPU");
  const Expr server = b.row("server.cpu_dram_chassis_per_8gpu", "USD/server") / 8;
  const Expr module = b.row("module.sxm_oam_pcb_vrm", "USD/unit") +
                      b.row("cooling.cold_plate_set_per_gpu", "USD/unit");
  return b.name("slot.system_parts", "server, module, cooling, scale-up, card, storage by parts",
                "USD",
                server + module + scale_up + b.row("nic.400g", "USD/NIC") +
                    b.row("storage.per_gpu", "USD/GPU"));
}

Expr network(Builder& b) {
  if (const auto made = b.find("slot.network")) {
    return *made;
  }
  return b.name("slot.network", "network outside the server", "USD",
                b.row("ib.switch_cost_per_gpu_1024", "USD/GPU") +
                    b.row("ib.cable_optics_per_gpu_1024", "USD/GPU"));
}

}  // namespace

void ownership_of_own(Builder& b, const Bill& bill, const Programme& programme) {
  const auto& cost = b.chip.cost;
  if (!bill.cogs || !programme.price || !b.chip.power.tdp) {
    return;
  }
  Section section{.title = "Slot and hour", .lines = {}};
  const Expr parts = system_parts(b);
  const Expr system = cost && cost->system_per_chip
                          ? b.given("cost.system_per_chip", *cost->system_per_chip, 1, "USD")
                          : parts;
  const Expr slot =
      b.name("slot", "chip, server and network, ready for work", "USD", *programme.price + system);
  const Running run = running(b);
  const Expr built =
      b.name("build.slot", "built at cost: no partner, no programme", "USD", *bill.cogs + system);
  std::vector<NodeId> built_lines;
  const Expr built_hour =
      hour(b, "build.hourly", {"build.hourly", "an hour at build cost: no margin, no programme"},
           built, *bill.cogs, run, built_lines);
  // Spares and staff do not repeat the programme.
  const Expr unit_hour =
      hour(b, "hourly", {"hourly.unit", "an hour without the programme"}, *programme.unit + system,
           *programme.unit, run, b.costing.hourly_lines);
  const Expr programme_hour = b.name("hourly.programme", "its share of the programme", "USD/h",
                                     *programme.share * run.recovery / kHoursYear);
  const Expr hourly =
      b.name("hourly", "an hour of a chip that one owns", "USD/h", unit_hour + programme_hour);
  b.costing.hourly_lines.push_back(programme_hour.id);
  b.costing.unit_hourly = unit_hour.id;
  b.costing.recovery = run.recovery.id;
  b.costing.slot = slot.id;
  b.costing.hourly = hourly.id;
  section.lines = {parts.id, system.id, slot.id, run.recovery.id};
  if (const auto power = b.find("power.it")) {
    section.lines.push_back(power->id);
  }
  section.lines.insert(section.lines.end(), b.costing.hourly_lines.begin(),
                       b.costing.hourly_lines.end());
  section.lines.push_back(hourly.id);
  // What most published figures count.
  section.lines.push_back(b.name("hourly.bare", "the same without spares, staff and failures",
                                 "USD/h",
                                 slot * run.recovery / kHoursYear + run.space + run.electricity)
                              .id);
  if (cost && cost->occupancy) {
    occupied(b, hourly, b.given("cost.occupancy", *cost->occupancy, 1, "1"), section);
  }
  section.lines.insert(section.lines.end(), {built.id, built_hour.id});
  b.costing.build_hourly = built_hour.id;
  b.costing.sections.push_back(std::move(section));
}

void ownership_of_bought(Builder& b, const Bill& bill, const Recipe* recipe) {
  Section section{.title = "Three prices of an hour", .lines = {}};
  std::optional<Expr> hourly;
  if (b.chip.power.tdp) {
    const Running run = running(b);
    if (bill.cogs) {
      const Expr slot = b.name("build.slot", "built at cost, with system and network", "USD",
                               *bill.cogs + system_parts(b) + network(b));
      std::vector<NodeId> lines;
      const Expr built =
          hour(b, "build.hourly", {"build.hourly", "an hour at build cost: no margin"}, slot,
               *bill.cogs, run, lines);
      section.lines.insert(section.lines.end(), {slot.id, built.id});
      b.costing.build_hourly = built.id;
    }
    if (recipe != nullptr && !recipe->purchase.empty()) {
      const Expr price = b.name("price", "purchase", "USD", b.row(recipe->purchase, "USD") + 0);
      Expr slot = price;
      if (recipe->scope == "chip") {
        slot = price + system_parts(b) + network(b);
      } else if (recipe->scope == "system") {
        slot = price + network(b) + b.row("storage.per_gpu", "USD/GPU");
      }
      slot = b.name("slot", "bought, ready for work", "USD", slot);
      hourly = hour(b, "hourly", {"hourly", "an hour of a chip that one buys"}, slot, price, run,
                    b.costing.hourly_lines);
      b.costing.price = price.id;
      b.costing.slot = slot.id;
      b.costing.hourly = hourly->id;
      section.lines.insert(section.lines.end(), {price.id, slot.id});
      section.lines.insert(section.lines.end(), b.costing.hourly_lines.begin(),
                           b.costing.hourly_lines.end());
      section.lines.push_back(hourly->id);
      if (bill.cogs) {
        section.lines.push_back(b.name("price.margin", "of the price that is no bill of material",
                                       "1", 1 - *bill.cogs / price)
                                    .id);
      }
      occupied(b, *hourly, b.row("utilisation.inference_fleet", "1"), section);
    } else {
      b.costing.not_priced.emplace_back("purchase: no price is public");
    }
  } else {
    b.costing.not_priced.emplace_back("an hour: its sources state no TDP");
  }
  if (recipe != nullptr && !recipe->rent.empty()) {
    const Expr rent = b.name(
        "rent", "an hour that one rents", "USD/h",
        b.row(recipe->rent, b.unit_of(recipe->rent) == "USD/chip-h" ? "USD/chip-h" : "USD/GPU-h") +
            0);
    section.lines.push_back(rent.id);
    b.costing.rent_hourly = rent.id;
  } else {
    b.costing.not_priced.emplace_back("rent: no price is public");
  }
  if (!section.lines.empty()) {
    b.costing.sections.push_back(std::move(section));
  }
}

}  // namespace churon::cost
