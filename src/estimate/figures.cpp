#include "estimate/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "chip/budget.h"
#include "numeric/block_format.h"

namespace churon::estimate {

namespace {

double ceil_div(double a, double b) { return std::ceil(a / b); }

double value_of(const std::optional<chip::Sourced<OperationsPerSecond>>& rate) {
  return rate ? rate->value.value() : 0;
}

// Idle power is leakage, clocks and interfaces together.
stats::EnergyPrices prices_of(const chip::Chip& chip) {
  using stats::Action;
  const chip::ActionEnergies energies = chip::action_energies(chip);
  const double byte = chip::value(energies.memory_device) + chip::value(energies.memory_phy);
  stats::EnergyPrices prices;
  prices[Action::mac_int8] = chip::value(energies.mac_int8);
  prices[Action::mac_w4] = chip::value(energies.mac_w4);
  prices[Action::mac_int16] = 2 * prices[Action::mac_int8];
  prices[Action::vector_operation] = chip::value(energies.vector_operation);
  prices[Action::memory_read] = byte;
  prices[Action::memory_write] = byte;
  prices[Action::scratch_access] = chip::value(energies.scratch);
  prices[Action::noc_hop] = chip::value(energies.noc_hop);
  prices[Action::powered] = chip::idle_power(chip).value_or(chip.energy->base.value).value();
  return prices;
}

void read_own(const chip::Chip& chip, Figures& figures) {
  const chip::Core& core = *chip.core;
  MatrixUnit& unit = figures.unit;
  unit.cores = static_cast<double>(chip::cores(chip));
  unit.core_hz = chip.clock->core.value();
  unit.tile_rows = static_cast<double>(core.matrix.rows);
  unit.tile_columns = static_cast<double>(core.matrix.cols);
  unit.tile_k = static_cast<double>(core.matrix.k);
  unit.pipeline_cycles = core.matrix.pipeline.value();
  unit.weight_hold = static_cast<double>(std::max<std::int64_t>(1, core.matrix.weight_hold));
  unit.vector_per_s = static_cast<double>(core.vector.lanes_fp32) * unit.cores * unit.core_hz;
  unit.softmax_operations = core.vector.softmax_operations_per_score;
  if (chip.noc) {
    unit.hops = static_cast<double>(chip.noc->rows + chip.noc->cols) / 3;  // mean of a mesh
  }
  // The compiler's hint of what is for activations, else a quarter of the scratch memory.
  figures.value_bytes_on_chip = core.scratch.regions
                                    ? core.scratch.regions->activations.value() * unit.cores
                                    : chip::scratch_capacity(chip).value() / 4;
  if (chip.energy) {
    figures.action_prices = prices_of(chip);
  }
  figures.cores = unit.cores;
  figures.clock_hz = unit.core_hz;
  const auto peak = [&](numeric::BlockFormat format, chip::Activation activation) {
    return chip::peak_operations(chip, format, activation).value();
  };
  using numeric::BlockFormat;
  figures.peak_ops[static_cast<std::size_t>(Rate::int8)] =
      std::max(peak(BlockFormat::q8_0, chip::Activation::block8),
               peak(BlockFormat::mxint8, chip::Activation::block8));
  figures.peak_ops[static_cast<std::size_t>(Rate::fp4)] =
      std::max(peak(BlockFormat::q4_0, chip::Activation::block8),
               peak(BlockFormat::mxfp4, chip::Activation::block8));
  figures.peak_ops[static_cast<std::size_t>(Rate::bf16)] =
      std::max(peak(BlockFormat::q8_0, chip::Activation::int16),
               peak(BlockFormat::mxint8, chip::Activation::int16));
}

}  // namespace

Rate Figures::native(Rate rate) const {
  const auto has = [&](Rate r) { return peak_ops[static_cast<std::size_t>(r)] > 0; };
  if (rate == Rate::fp4 && !has(rate)) {
    // Frameworks keep the weights in four bits and widen them to the 16 bits of the activations
    // (vLLM's Marlin, TensorRT-LLM's w4a16 kernels).
    rate = own ? Rate::fp8 : Rate::bf16;
  }
  if (rate == Rate::fp8 && !has(rate)) {
    // The integer unit of an own chip takes every 8-bit format; a bought chip widens.
    rate = own && has(Rate::int8) ? Rate::int8 : Rate::bf16;
  }
  if (rate == Rate::int8 && !has(rate)) {
    rate = has(Rate::fp8) ? Rate::fp8 : Rate::bf16;
  }
  if (rate == Rate::bf16 && !has(rate)) {
    rate = has(Rate::int8) ? Rate::int8 : Rate::fp8;
  }
  return rate;
}

Result<Figures> figures(const chip::Chip& chip, std::string_view derate) {
  const chip::Derate* set = chip::derate(chip, derate);
  if (set == nullptr) {
    std::vector<std::string> names;
    names.reserve(chip.derates.size());
    for (const chip::Derate& known : chip.derates) {
      names.push_back(known.name);
    }
    return fail("E0101", fmt::format("chip {} has no derate set `{}`", chip.id, derate),
                {fmt::format("it has {}", fmt::join(names, ", "))});
  }
  Figures result;
  result.chip = chip.id;
  result.derate = *set;
  result.own = chip.core.has_value() && chip.clock.has_value();
  result.year = static_cast<int>(chip.year);
  result.memory_bytes_per_s = chip::memory_bandwidth(chip).value();
  result.memory_bytes = chip::memory_capacity(chip).value();
  result.memory_stacks = static_cast<double>(chip::main_memory(chip).stacks);
  result.tdp_w = chip::tdp(chip).value_or(Watts{}).value();
  result.idle_w = chip::idle_power(chip).value_or(Watts{}).value();
  for (const chip::Memory& memory : chip.memories) {
    if (memory.tier == 0) {
      result.cache_bytes += chip::memory_capacity(memory).value();
    }
  }
  result.compute_dies = 0;
  for (const chip::Die& die : chip.dies) {
    result.compute_dies += static_cast<double>(die.count);
    if (const auto area = chip::die_area(die)) {
      result.die_m2 += area->value() * static_cast<double>(die.count);
    }
  }
  result.link_bytes_per_s = chip::link_bandwidth_per_direction(chip).value();
  for (const chip::Link& link : chip.links) {
    const double joules = link.energy ? link.energy->value.value() : 0;
    if (link.role == chip::LinkRole::scale_out) {
      result.scale_out_j_per_byte = joules;
    }
    if (link.role == chip::LinkRole::scale_up) {
      result.link_j_per_byte = joules;
      result.switched = !link.protocol.starts_with("PCIe");
      if (link.phy_latency) {
        result.link_latency_s += 2 * link.phy_latency->value.value();
      }
    }
  }
  if (chip.system) {
    const chip::System& system = *chip.system;
    result.domain_chips = static_cast<double>(std::max<std::int64_t>(1, system.scaleup_domain));
    result.switch_reduce = system.switch_reduce;
    result.link_latency_s += system.switch_latency.value_or(Seconds{}).value() +
                             system.cable_latency.value_or(Seconds{}).value();
    result.scale_out_bytes_per_s = system.scaleout_rate ? system.scaleout_rate->value.value() : 0;
  }
  if (chip.collective) {
    result.collective_setup_s = chip.collective->setup.value();
    result.collective_reduce_bytes_per_s = chip.collective->reduce_rate.value();
  }
  if (result.own) {
    read_own(chip, result);
  } else if (chip.peak) {
    const chip::Peak& peak = *chip.peak;
    result.peak_ops = {value_of(peak.bf16), value_of(peak.fp8), value_of(peak.fp4),
                       value_of(peak.int8)};
    result.cores = static_cast<double>(peak.cores.value_or(0));
    result.clock_hz = peak.clock ? peak.clock->value.value() : 0;
    result.value_bytes_on_chip = result.cache_bytes;
  }
  return result;
}

double unit_seconds(const MatrixUnit& unit, double copies, double m, double n, double k,
                    double ops_per_s) {
  const double blocks = ceil_div(k, unit.tile_k);
  const double segments = ceil_div(k, numeric::kSegment);
  const double units =
      copies * ceil_div(m, unit.tile_rows) * ceil_div(n, unit.tile_columns) * segments;
  const double block_seconds =
      2 * unit.tile_rows * unit.tile_columns * unit.tile_k * unit.cores / ops_per_s;
  return ceil_div(units, unit.cores) * ceil_div(blocks, segments) * block_seconds +
         unit.pipeline_cycles / unit.core_hz;
}

double systolic_cycles_output_stationary(double m, double n, double k, double rows,
                                         double columns) {
  return ceil_div(m, rows) * ceil_div(n, columns) * (k + rows + columns - 2);
}

double systolic_cycles_weight_stationary(double m, double n, double k, double rows,
                                         double columns) {
  return ceil_div(k, rows) * ceil_div(n, columns) * (2 * rows + columns + m - 2);
}

}  // namespace churon::estimate
