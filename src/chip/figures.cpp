// What stages ask of a chip, ours or bought.
#include <algorithm>

#include "base/check.h"
#include "chip/chip.h"

namespace churon::chip {

namespace {

const Die* die_of(const Chip& chip, std::string_view id) {
  const auto found = std::find_if(chip.dies.begin(), chip.dies.end(),
                                  [&](const Die& die) { return die.id == id; });
  return found == chip.dies.end() ? nullptr : &*found;
}

const Format* format_of(const Chip& chip, std::string_view name) {
  const auto found = std::find_if(chip.formats.begin(), chip.formats.end(),
                                  [&](const Format& format) { return format.name == name; });
  return found == chip.formats.end() ? nullptr : &*found;
}

// The highest rate of a bought chip that takes 8-bit operands.
OperationsPerSecond bought_peak(const Peak& peak, Activation activations) {
  const auto rate = [](const std::optional<Sourced<OperationsPerSecond>>& stated) {
    return stated ? stated->value : OperationsPerSecond();
  };
  const auto eight_bit = std::max(rate(peak.int8), rate(peak.fp8));
  const bool wide = activations == Activation::int16 || eight_bit == OperationsPerSecond();
  return wide && peak.bf16 ? peak.bf16->value : eight_bit;
}

}  // namespace

std::vector<numeric::BlockFormat> native_weights(const Chip& chip) {
  std::vector<numeric::BlockFormat> native;
  if (chip.kind != Kind::full) {
    for (const auto& format : numeric::block_formats()) {
      native.push_back(format.format);
    }
    return native;
  }
  for (const Format& format : chip.formats) {
    const auto block = numeric::block_format_from_name(format.name);
    if (block && format.weight && format.transcode.empty()) {
      native.push_back(*block);
    }
  }
  return native;
}

numeric::BlockFormat activation_format(const Chip& chip) {
  const Format* q8_0 = format_of(chip, "q8_0");
  const bool only_mxint8 = chip.kind == Kind::full && (q8_0 == nullptr || !q8_0->activation);
  return only_mxint8 ? numeric::BlockFormat::mxint8 : numeric::BlockFormat::q8_0;
}

OperationsPerSecond peak_operations(const Chip& chip, numeric::BlockFormat weights,
                                    Activation activations) {
  if (chip.kind != Kind::full) {
    return chip.peak ? bought_peak(*chip.peak, activations) : OperationsPerSecond();
  }
  const Format* format = format_of(chip, numeric::info(weights).name);
  if (format == nullptr || !format->weight || !format->transcode.empty()) {
    return {};
  }
  double rate = format->rate;
  if (activations == Activation::int16) {
    const Format* int16 = format_of(chip, "mxint16");
    rate *= int16 == nullptr ? 0 : int16->rate;
  }
  return Operations(2 * multiply_adds_per_cycle(chip) * rate) * chip.clock->core / Cycles(1);
}

const Memory& main_memory(const Chip& chip) {
  const auto found = std::find_if(chip.memories.begin(), chip.memories.end(),
                                  [](const Memory& memory) { return memory.tier == 1; });
  check(found != chip.memories.end(), chip.name);
  return *found;
}

BytesPerSecond memory_bandwidth(const Memory& memory) {
  if (memory.bandwidth) {
    return memory.bandwidth->value;
  }
  if (!memory.pin_rate || !memory.pseudo_width) {
    return {};
  }
  const auto channels = memory.stacks * memory.channels_per_stack * memory.pseudo_channels;
  // The pin rate is in bytes per second, the width in bytes: eight pins to a byte.
  const double pins = static_cast<double>(channels) * memory.pseudo_width->value() * 8;
  return memory.pin_rate->value * pins;
}

Bytes memory_capacity(const Memory& memory) {
  if (memory.capacity) {
    return memory.capacity->value;
  }
  return memory.capacity_per_stack ? *memory.capacity_per_stack * static_cast<double>(memory.stacks)
                                   : Bytes();
}

BytesPerSecond memory_bandwidth(const Chip& chip) { return memory_bandwidth(main_memory(chip)); }
Bytes memory_capacity(const Chip& chip) { return memory_capacity(main_memory(chip)); }

BytesPerSecond link_bandwidth(const Link& link) {
  if (link.bandwidth) {
    return link.bandwidth->value;
  }
  return link.lane_rate ? *link.lane_rate * static_cast<double>(link.lanes) : BytesPerSecond();
}

BytesPerSecond link_bandwidth_per_direction(const Chip& chip) {
  BytesPerSecond sum;
  for (const Link& link : chip.links) {
    if (link.role == LinkRole::scale_up) {
      sum += link_bandwidth(link);
    }
  }
  return sum;
}

std::optional<Watts> tdp(const Chip& chip) {
  return chip.power.tdp ? std::optional(chip.power.tdp->value) : std::nullopt;
}

std::optional<Watts> idle_power(const Chip& chip) {
  return chip.power.idle ? std::optional(chip.power.idle->value) : std::nullopt;
}

std::int64_t cores(const Chip& chip) {
  std::int64_t sum = 0;
  for (const DieInstance& instance : chip.die_instances) {
    if (const Die* die = die_of(chip, instance.die)) {
      sum += die->core_rows * die->core_cols;
    }
  }
  return sum;
}

double multiply_adds_per_cycle(const Chip& chip) {
  if (!chip.core) {
    return 0;
  }
  const Matrix& matrix = chip.core->matrix;
  return static_cast<double>(cores(chip)) *
         static_cast<double>(matrix.rows * matrix.cols * matrix.k);
}

Bytes scratch_capacity(const Chip& chip) {
  return chip.core ? chip.core->scratch.size * static_cast<double>(cores(chip)) : Bytes();
}

std::optional<SquareMetres> die_area(const Die& die) {
  if (die.width && die.height) {
    return die.width->value * die.height->value;
  }
  return die.area ? std::optional(die.area->value) : std::nullopt;
}

std::optional<SquareMetres> die_area(const Chip& chip) {
  std::optional<SquareMetres> sum;
  const auto add = [&](const Die* die, std::int64_t count) {
    const auto area = die == nullptr ? std::nullopt : die_area(*die);
    if (area) {
      sum = sum.value_or(SquareMetres()) + *area * static_cast<double>(count);
    }
  };
  if (chip.die_instances.empty()) {
    for (const Die& die : chip.dies) {
      add(&die, die.count);
    }
  }
  for (const DieInstance& instance : chip.die_instances) {
    add(die_of(chip, instance.die), 1);
  }
  return sum;
}

std::int64_t pseudo_channels_per_core(const Chip& chip) {
  const Memory& memory = main_memory(chip);
  const auto channels = memory.stacks * memory.channels_per_stack * memory.pseudo_channels;
  return memory.affinity == Affinity::core && cores(chip) > 0 ? channels / cores(chip) : 0;
}

double dynamic_scale(const Chip& chip, const PowerState& state) {
  const double ratio =
      chip.technology ? state.voltage.value() / chip.technology->logic_voltage.value.value() : 1;
  return ratio * ratio;
}

const Derate* derate(const Chip& chip, std::string_view name) {
  const std::string_view wanted = name.empty() ? std::string_view(chip.derate_default) : name;
  const auto found = std::find_if(chip.derates.begin(), chip.derates.end(),
                                  [&](const Derate& derate) { return derate.name == wanted; });
  return found == chip.derates.end() ? nullptr : &*found;
}

const std::string& dump(const Chip& chip) { return chip.text; }

}  // namespace churon::chip
