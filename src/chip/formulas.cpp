#include "chip/formulas.h"

#include <fmt/format.h>

namespace churon::chip {

namespace {

template <Dimension D>
std::string text(Quantity<D> value, QuantityKind kind) {
  return rounded_text(value.value(), kind, 5);
}

}  // namespace

Figure cores_figure(const Chip& chip) {
  std::string formula;
  for (const DieInstance& instance : chip.die_instances) {
    for (const Die& die : chip.dies) {
      if (die.id == instance.die) {
        formula +=
            fmt::format("{}{} · {}", formula.empty() ? "" : " + ", die.core_rows, die.core_cols);
      }
    }
  }
  return {"cores", static_cast<double>(cores(chip)), QuantityKind::count, formula};
}

Figure macs_figure(const Chip& chip) {
  const Matrix matrix = chip.core ? chip.core->matrix : Matrix{};
  return {"multiply-adds per cycle", multiply_adds_per_cycle(chip), QuantityKind::number,
          fmt::format("{} cores · {} rows · {} cols · {} k", cores(chip), matrix.rows, matrix.cols,
                      matrix.k)};
}

Figure peak_figure(const Chip& chip, numeric::BlockFormat weights) {
  const std::string name = numeric::info(weights).name;
  Figure figure{"peak " + name, peak_operations(chip, weights).value(), QuantityKind::operations,
                ""};
  if (chip.kind == Kind::full) {
    double rate = 0;
    for (const Format& format : chip.formats) {
      rate = format.name == name ? format.rate : rate;
    }
    figure.formula =
        fmt::format("2 · {:.0f} MAC/cycle · {} · rate {:g}", multiply_adds_per_cycle(chip),
                    text(chip.clock->core, QuantityKind::frequency), rate);
  } else {
    figure.formula = "the higher of int8 and fp8; bf16 where neither is stated";
  }
  return figure;
}

Figure bandwidth_figure(const Chip& chip) {
  const Memory& memory = main_memory(chip);
  return {"memory bandwidth", memory_bandwidth(memory).value(), QuantityKind::bandwidth,
          memory.bandwidth || !memory.pin_rate
              ? std::string("as stated")
              : fmt::format("{} stacks · {} channels · {} pseudo · {} · {}", memory.stacks,
                            memory.channels_per_stack, memory.pseudo_channels,
                            text(*memory.pseudo_width, QuantityKind::width),
                            text(memory.pin_rate->value, QuantityKind::bit_rate))};
}

Figure capacity_figure(const Chip& chip) {
  const Memory& memory = main_memory(chip);
  return {"memory capacity", memory_capacity(memory).value(), QuantityKind::size,
          memory.capacity ? std::string("as stated")
                          : fmt::format("{} stacks · {}", memory.stacks,
                                        text(*memory.capacity_per_stack, QuantityKind::size))};
}

Figure scratch_figure(const Chip& chip) {
  return {"scratch", scratch_capacity(chip).value(), QuantityKind::size,
          chip.core ? fmt::format("{} cores · {}", cores(chip),
                                  text(chip.core->scratch.size, QuantityKind::size))
                    : std::string()};
}

Figure link_figure(const Chip& chip) {
  std::string formula;
  for (const Link& link : chip.links) {
    if (link.role == LinkRole::scale_up) {
      formula += formula.empty() ? "" : " + ";
      formula += link.bandwidth ? std::string("as stated")
                                : fmt::format("{} × {}", link.lanes,
                                              text(*link.lane_rate, QuantityKind::bit_rate));
    }
  }
  return {"link bandwidth, per direction", link_bandwidth_per_direction(chip).value(),
          QuantityKind::bandwidth, formula.empty() ? "no scale-up link" : formula};
}

std::optional<Figure> die_figure(const Chip& chip) {
  if (chip.dies.empty()) {
    return std::nullopt;
  }
  const Die& die = chip.dies.front();
  const auto area = die_area(die);
  if (!area) {
    return std::nullopt;
  }
  return Figure{"area of a die", area->value(), QuantityKind::area,
                die.width ? fmt::format("{} · {}", text(die.width->value, QuantityKind::length),
                                        text(die.height->value, QuantityKind::length))
                          : std::string("as stated")};
}

}  // namespace churon::chip
