#include "chip/budget.h"

#include <fmt/format.h>

#include <array>

namespace churon::chip {

namespace {

template <Dimension D>
Sourced<double> plain(const Sourced<Quantity<D>>& from) {
  Sourced<double> to{.value = from.value.value(), .source = from.source, .basis = from.basis};
  if (from.low) {
    to.low = from.low->value();
  }
  if (from.high) {
    to.high = from.high->value();
  }
  return to;
}

// Square metres of a byte: small where the density is high.
Sourced<double> inverse(const Sourced<BytesPerSquareMetre>& density) {
  Sourced<double> each{
      .value = 1 / density.value.value(), .source = density.source, .basis = density.basis};
  if (density.high) {
    each.low = 1 / density.high->value();
  }
  if (density.low) {
    each.high = 1 / density.low->value();
  }
  return each;
}

template <Dimension D>
EnergyParts part(const std::optional<Sourced<Quantity<D>>>& coefficient) {
  return coefficient ? EnergyParts{plain(*coefficient)} : EnergyParts{};
}

}  // namespace

std::string_view name(Scaling scaling) {
  switch (scaling) {
    case Scaling::logic:
      return "logic";
    case Scaling::sram:
      return "sram";
    case Scaling::fixed:
      return "fixed";
  }
  return "";
}

std::vector<AreaBlock> area_blocks(const Chip& chip) {
  const Technology& tech = *chip.technology;
  const AreaCoefficients& area = *chip.area;
  const auto count = static_cast<double>(cores(chip));
  std::vector<AreaBlock> blocks{
      {"matrix",
       "MAC",
       Scaling::logic,
       Site::core,
       multiply_adds_per_cycle(chip),
       "MAC",
       plain(tech.mac_int8_area),
       {"tech.mac_int8_area"}},
      {"scratch",
       "SRAM",
       Scaling::sram,
       Site::core,
       scratch_capacity(chip).value(),
       "B",
       inverse(tech.sram_density),
       {"tech.sram_density"}},
  };
  const auto of_cores = [&](std::string id, std::string title, const Sourced<SquareMetres>& each) {
    const std::string path = fmt::format("area.{}_per_core", id);
    blocks.push_back({std::move(id),
                      std::move(title),
                      Scaling::logic,
                      Site::core,
                      count,
                      "core",
                      plain(each),
                      {path}});
  };
  of_cores("vector", "vector", area.vector_per_core);
  of_cores("dma", "DMA", area.dma_per_core);
  of_cores("sequencer", "sequencer", area.sequencer_per_core);
  of_cores("noc", "NoC", area.noc_per_core);
  for (const Memory& memory : chip.memories) {
    if (memory.phy_area_per_stack) {
      blocks.push_back({"memory." + memory.id,
                        memory.tier == 1 ? "memory PHY" : memory.id + " PHY",
                        Scaling::fixed,
                        Site::stack,
                        static_cast<double>(memory.stacks),
                        "stack",
                        plain(*memory.phy_area_per_stack),
                        {fmt::format("memory.{}.phy_area_per_stack", memory.id)}});
    }
  }
  const auto of_chip = [&](std::string id, std::string title, Scaling scaling,
                           const Sourced<SquareMetres>& each, std::string path) {
    blocks.push_back({std::move(id),
                      std::move(title),
                      scaling,
                      Site::chip,
                      1,
                      "chip",
                      plain(each),
                      {std::move(path)}});
  };
  for (const Link& link : chip.links) {
    if (link.area) {
      of_chip("link." + link.id, link.id, Scaling::fixed, *link.area,
              fmt::format("link.{}.area", link.id));
    }
  }
  of_chip("collectives", "collectives", Scaling::logic, area.ethernet_collectives,
          "area.ethernet_collectives");
  if (area.d2d.value > SquareMetres()) {
    of_chip("d2d", "die-to-die", Scaling::fixed, area.d2d, "area.d2d");
  }
  of_chip("misc", "misc", Scaling::logic, area.misc, "area.misc");
  return blocks;
}

std::int64_t spare_cores(const Chip& chip) {
  std::int64_t spares = 0;
  for (const DieInstance& instance : chip.die_instances) {
    for (const Die& die : chip.dies) {
      spares += die.id == instance.die ? die.spare_cores : 0;
    }
  }
  return spares;
}

double gross_factor(const Chip& chip) {
  const Technology& tech = *chip.technology;
  return (1 + tech.area_contingency.value) / tech.utilisation.value;
}

SquareMetres area_of_blocks(const Chip& chip) {
  const double spares = static_cast<double>(spare_cores(chip)) / static_cast<double>(cores(chip));
  double net = 0;
  for (const AreaBlock& block : area_blocks(chip)) {
    net += block.count * block.each.value * (block.site == Site::core ? 1 + spares : 1);
  }
  return SquareMetres(net * gross_factor(chip));
}

SquareMetres silicon_area(const Chip& chip) {
  const auto drawn = die_area(chip);
  return drawn ? *drawn : area_of_blocks(chip);
}

double value(const EnergyParts& parts) {
  double sum = 0;
  for (const auto& part : parts) {
    sum += part.value;
  }
  return sum;
}

ActionEnergies action_energies(const Chip& chip) {
  const EnergyCoefficients& energy = *chip.energy;
  const Memory& memory = main_memory(chip);
  const auto operand = plain(energy.operand_per_mac);
  const auto accumulate = plain(energy.accumulate_per_mac);
  return {
      .mac_int8 = {plain(energy.mac_int8), operand, accumulate},
      .mac_w4 = {plain(energy.mac_w4), operand, accumulate},
      .vector_operation = {plain(energy.vector_operation)},
      .memory_device = part(memory.energy),
      .memory_phy = part(memory.phy_energy),
      .scratch = {plain(energy.sram)},
      .noc_hop = {plain(energy.noc_hop)},
  };
}

std::span<const Phase> phases() {
  static constexpr std::array kPhases{
      Phase{"decode", 0.90, 0.40, 0.5, 0.5, 1.0},
      Phase{"prefill", 0.35, 0.87, 0.5, 0.5, 1.0},
  };
  return kPhases;
}

std::vector<PowerTerm> power_terms(const Chip& chip, const Phase& phase) {
  const ActionEnergies energies = action_energies(chip);
  const double bandwidth = memory_bandwidth(chip).value() * phase.memory;
  const double clock = chip.clock->core.value();
  const auto count = static_cast<double>(cores(chip));
  constexpr double kRouterLinks = 4;
  std::vector<PowerTerm> terms{
      {"memory", "memory", PowerDomain::interface, bandwidth, energies.memory_device},
      {"phy", "PHY", PowerDomain::interface, bandwidth, energies.memory_phy},
      {"matrix", "MAC", PowerDomain::core, multiply_adds_per_cycle(chip) * clock * phase.mac,
       energies.mac_int8},
      // Every byte of the memory is written to the scratch and read from it once.
      {"scratch", "scratch", PowerDomain::core, 2 * bandwidth, energies.scratch},
      {"noc", "NoC", PowerDomain::core,
       count * kRouterLinks * chip.noc->data_width.value() * chip.clock->noc.value() * phase.noc,
       energies.noc_hop},
      {"vector", "vector", PowerDomain::core,
       count * static_cast<double>(chip.core->vector.lanes_fp32) * clock * phase.vector,
       energies.vector_operation},
  };
  for (const Link& link : chip.links) {
    if (link.role == LinkRole::scale_up) {
      terms.push_back({"link." + link.id, link.id, PowerDomain::interface,
                       2 * link_bandwidth(link).value() * phase.link, part(link.energy)});
    }
  }
  terms.push_back({"leakage",
                   "leakage",
                   PowerDomain::leakage,
                   silicon_area(chip).value(),
                   {plain(chip.technology->leakage)}});
  terms.push_back({"base", "base", PowerDomain::base, 1, {plain(chip.energy->base)}});
  return terms;
}

}  // namespace churon::chip
