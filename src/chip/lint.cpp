#include "chip/lint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "chip/budget.h"
#include "chip/formulas.h"

namespace churon::chip {

namespace {

// What a warning is about.
constexpr double kAreaTolerance = 0.05;   // blocks against drawing
constexpr double kPowerMargin = 1.05;     // above the sum of its parts
constexpr double kPowerTolerance = 0.05;  // above the TDP
constexpr double kGuessShareMax = 0.5;    // of the numbers with a provenance

template <Dimension D>
std::string text(Quantity<D> value, QuantityKind kind) {
  return rounded_text(value.value(), kind, 4);
}

// A term of a sum, as it appears in the formula.
struct Term {
  std::string name;
  double value = 0;
};

std::string sum_text(const std::vector<Term>& terms, int digits) {
  std::string result;
  for (const Term& term : terms) {
    if (term.value != 0) {
      result +=
          fmt::format("{}{} {:.{}f}", result.empty() ? "" : " + ", term.name, term.value, digits);
    }
  }
  return result;
}

double sum(const std::vector<Term>& terms) {
  double result = 0;
  for (const Term& term : terms) {
    result += term.value;
  }
  return result;
}

class Linter {
 public:
  explicit Linter(const Chip& chip) : chip_(chip) {}

  std::vector<Lint> run() {
    const bool full = chip_.kind == Kind::full;
    const Expect expect = chip_.expect.value_or(Expect{});
    if (full) {
      compare("cores", cores_figure(chip_), value_of(expect.cores), expect.tolerance);
      compare("macs_per_cycle", macs_figure(chip_), value_of(expect.macs_per_cycle),
              expect.tolerance);
    }
    peaks(expect);
    compare("memory_bandwidth", bandwidth_figure(chip_), value_of(expect.memory_bandwidth),
            expect.tolerance);
    compare("memory_capacity", capacity_figure(chip_), value_of(expect.memory_capacity),
            expect.tolerance);
    pin_rate();
    if (full) {
      compare("scratch", scratch_figure(chip_), value_of(expect.scratch), expect.tolerance);
    }
    compare("link_bandwidth", link_figure(chip_), value_of(expect.link_bandwidth),
            expect.tolerance);
    if (const auto die = die_figure(chip_)) {
      compare("die_area", *die, value_of(expect.die_area), expect.tolerance);
    }
    if (full) {
      area();
      for (const Phase& phase : phases()) {
        power(phase);
      }
      idle();
    }
    power_density();
    if (full) {
      operands();
      memory_per_core();
    }
    ridge();
    if (full) {
      requests_in_flight();
      weight_ring();
      shoreline();
    }
    guesses();
    return std::move(lints_);
  }

 private:
  static double plain(double value) { return value; }
  static double plain(std::int64_t value) { return static_cast<double>(value); }
  template <Dimension D>
  static double plain(Quantity<D> value) {
    return value.value();
  }
  template <typename T>
  static std::optional<double> value_of(const std::optional<T>& value) {
    return value ? std::optional(plain(*value)) : std::nullopt;
  }

  Lint& add(std::string id, std::string quantity, std::string formula, double computed,
            QuantityKind kind) {
    lints_.push_back({.id = std::move(id),
                      .quantity = std::move(quantity),
                      .formula = std::move(formula),
                      .computed = rounded_text(computed, kind, 4),
                      .computed_value = computed});
    return lints_.back();
  }

  static void state(Lint& lint, double stated, QuantityKind kind, bool agrees, std::string remark) {
    lint.stated = rounded_text(stated, kind, 4);
    lint.stated_value = stated;
    lint.verdict = agrees ? Verdict::ok : Verdict::warning;
    lint.remark = agrees ? "" : std::move(remark);
  }

  void compare(std::string id, const Figure& figure, std::optional<double> stated,
               double tolerance) {
    Lint& lint = add(std::move(id), figure.name, figure.formula, figure.value, figure.kind);
    if (stated) {
      state(lint, *stated, figure.kind,
            std::fabs(figure.value - *stated) <= tolerance * std::fabs(*stated),
            "differs from [expect]");
    }
  }

  void peaks(const Expect& expect) {
    if (chip_.kind != Kind::full) {
      compare(
          "peak_8bit",
          {"peak 8-bit", peak_operations(chip_, numeric::BlockFormat::q8_0).value(),
           QuantityKind::operations, "the higher of int8 and fp8; bf16 where neither is stated"},
          std::nullopt, 0);
      return;
    }
    for (const auto format : native_weights(chip_)) {
      const auto stated = format == numeric::BlockFormat::q8_0   ? value_of(expect.peak_int8)
                          : format == numeric::BlockFormat::q4_0 ? value_of(expect.peak_w4)
                                                                 : std::nullopt;
      compare(fmt::format("peak_{}", numeric::info(format).name), peak_figure(chip_, format),
              stated, expect.tolerance);
    }
  }

  // What a stack of a bought chip runs at, against what its generation can.
  void pin_rate() {
    struct Generation {
      std::string_view type;
      double gbps_max;
    };
    constexpr std::array kGenerations{Generation{"hbm2", 2.4}, Generation{"hbm2e", 3.7},
                                      Generation{"hbm3", 6.6}, Generation{"hbm3e", 9.8}};
    const Memory& memory = main_memory(chip_);
    const auto generation =
        std::find_if(kGenerations.begin(), kGenerations.end(),
                     [&](const Generation& candidate) { return candidate.type == memory.type; });
    if (!memory.bandwidth || memory.stacks == 0 || generation == kGenerations.end()) {
      return;
    }
    const double pins = static_cast<double>(memory.stacks) * 1024;
    const double rate = memory.bandwidth->value.value() / pins;
    Lint& lint =
        add("pin_rate", "pin rate of the memory",
            fmt::format("{} / ({} stacks · 1024 pins)",
                        text(memory.bandwidth->value, QuantityKind::bandwidth), memory.stacks),
            rate, QuantityKind::bit_rate);
    state(lint, generation->gbps_max * 1e9 / 8, QuantityKind::bit_rate,
          rate * 8 <= generation->gbps_max * 1e9,
          fmt::format("faster than {} is made", memory.type));
    lint.stated = "at most " + lint.stated;
  }

  // --- area and power ---------------------------------------------------------------------------

  void area() {
    const Technology& tech = *chip_.technology;
    std::vector<Term> terms;
    double of_cores = 0;
    bool counted = false;
    const double spares =
        static_cast<double>(spare_cores(chip_)) / static_cast<double>(cores(chip_));
    for (const AreaBlock& block : area_blocks(chip_)) {
      if (block.site != Site::core && !counted) {
        terms.push_back({"spares", of_cores * spares});
        counted = true;
      }
      const double mm2 = block.count * block.each.value * 1e6;
      terms.push_back({block.name, mm2});
      of_cores += block.site == Site::core ? mm2 : 0;
    }
    const SquareMetres total = area_of_blocks(chip_);
    Lint& lint = add("area_of_blocks", "area of all dies",
                     fmt::format("({}) = {:.0f} mm2 / {:g} · {:g}", sum_text(terms, 1), sum(terms),
                                 tech.utilisation.value, 1 + tech.area_contingency.value),
                     total.value(), QuantityKind::area);
    if (const auto drawn = die_area(chip_)) {
      state(lint, drawn->value(), QuantityKind::area,
            std::fabs(total / *drawn - 1) <= kAreaTolerance,
            "the blocks do not fill the dies as drawn, or do not fit");
    }
  }

  [[nodiscard]] double leakage() const {
    return (chip_.technology->leakage.value * silicon_area(chip_)).value();
  }

  void power(const Phase& phase) {
    std::vector<Term> terms;
    for (const PowerTerm& term : power_terms(chip_, phase)) {
      terms.push_back({term.name, term.rate * value(term.parts)});
    }
    const double watts = sum(terms) * kPowerMargin;
    Lint& lint =
        add(fmt::format("power_{}", phase.name), fmt::format("power, {}", phase.name),
            fmt::format("{:.0f} % memory, {:.0f} % MAC: ({}) · {:g}", phase.memory * 100,
                        phase.mac * 100, sum_text(terms, watts < 20 ? 2 : 0), kPowerMargin),
            watts, QuantityKind::power);
    if (const auto limit = tdp(chip_)) {
      state(lint, limit->value(), QuantityKind::power,
            watts <= limit->value() * (1 + kPowerTolerance), "above the TDP: the clock will drop");
      lint.stated = "at most " + lint.stated;
    }
  }

  void idle() {
    const double floor = leakage() + chip_.energy->base.value.value();
    Lint& lint = add("power_idle", "power, idle",
                     fmt::format("leakage {:.2g} W + base {}", leakage(),
                                 text(chip_.energy->base.value, QuantityKind::power)),
                     floor, QuantityKind::power);
    if (const auto stated = idle_power(chip_)) {
      state(lint, stated->value(), QuantityKind::power, stated->value() >= floor,
            "less than what is always on: leakage must be gated");
    }
  }

  void power_density() {
    const auto limit = tdp(chip_);
    const auto area =
        chip_.kind == Kind::full ? std::optional(silicon_area(chip_)) : die_area(chip_);
    if (!limit || !area) {
      return;
    }
    const double density = limit->value() / area->value();
    Lint& lint = add(
        "power_density", "power per area of the dies",
        fmt::format("{} / {}", text(*limit, QuantityKind::power), text(*area, QuantityKind::area)),
        density, QuantityKind::power_density);
    const double flux_max = kHeatFluxMax.value();
    state(lint, flux_max, QuantityKind::power_density, density <= flux_max,
          "no cold plate takes that away");
    lint.stated = "at most " + lint.stated;
  }

  // --- balance ----------------------------------------------------------------------------------

  void operands() {
    const Matrix& matrix = chip_.core->matrix;
    const Scratch& scratch = chip_.core->scratch;
    constexpr double kScaleBytes = 2;
    const auto bytes = [&](std::int64_t lines) {
      return static_cast<double>(lines * matrix.k) + static_cast<double>(lines) * kScaleBytes;
    };
    for (const auto& [id, quantity, lines, ports] :
         {std::tuple("activation_ports", "operands, activations", matrix.rows,
                     matrix.activation_ports),
          std::tuple("weight_ports", "operands, weights", matrix.cols, matrix.weight_ports)}) {
      Lint& lint =
          add(id, quantity, fmt::format("{} · ({} + {:g}) B", lines, matrix.k, kScaleBytes),
              bytes(lines), QuantityKind::port);
      state(lint, ports.value(), QuantityKind::port, ports.value() >= bytes(lines),
            "the array waits for its operands");
    }
    const double demand =
        bytes(matrix.rows) + bytes(matrix.cols) / static_cast<double>(matrix.weight_hold);
    const double supply = static_cast<double>(scratch.banks) * scratch.bank_width.value();
    Lint& lint = add("scratch_ports", "scratch reads of the array",
                     fmt::format("{:g} B + {:g} B / hold {}; {} banks · {}", bytes(matrix.rows),
                                 bytes(matrix.cols), matrix.weight_hold, scratch.banks,
                                 text(scratch.bank_width, QuantityKind::port)),
                     demand, QuantityKind::port);
    state(lint, supply, QuantityKind::port, supply >= demand,
          fmt::format("the banks feed {:.0f} % of it: activations must be held as well",
                      supply / demand * 100));
  }

  void memory_per_core() {
    const double rate = memory_bandwidth(chip_).value() / static_cast<double>(cores(chip_)) /
                        chip_.clock->core.value();
    const auto& scratch = chip_.core->scratch;
    const double bank = static_cast<double>(scratch.banks) * scratch.bank_width.value();
    Lint& lint = add(
        "memory_per_core", "memory per core and cycle",
        fmt::format("{} / {} cores / {}", text(memory_bandwidth(chip_), QuantityKind::bandwidth),
                    cores(chip_), text(chip_.clock->core, QuantityKind::frequency)),
        rate, QuantityKind::port);
    state(lint, bank, QuantityKind::port, rate * 2 <= bank,
          "the scratch cannot take the stream and feed it on");
    lint.stated = "scratch " + lint.stated;
  }

  void ridge() {
    const double peak = peak_operations(chip_, numeric::BlockFormat::q8_0).value();
    const double bandwidth = memory_bandwidth(chip_).value();
    const double bytes_per_weight = numeric::info(numeric::BlockFormat::q8_0).bits_per_weight / 8;
    const double operations = peak / bandwidth;
    Lint& lint =
        add("ridge", "ridge",
            fmt::format("peak / memory bandwidth; a q8_0 weight of {:.4g} B and 2 op a token",
                        bytes_per_weight),
            operations, QuantityKind::number);
    lint.computed =
        fmt::format("{:.0f} op/B, {:.0f} tokens", operations, operations * bytes_per_weight / 2);
  }

  void requests_in_flight() {
    const Memory& memory = main_memory(chip_);
    const auto timing =
        std::find_if(chip_.memory_timings.begin(), chip_.memory_timings.end(),
                     [&](const MemoryTiming& candidate) { return candidate.memory == memory.id; });
    if (timing == chip_.memory_timings.end() || (!timing->read_latency && !timing->latency)) {
      return;
    }
    const Seconds latency =
        timing->read_latency ? timing->read_latency->value : *timing->latency / chip_.clock->core;
    const BytesPerSecond share = memory_bandwidth(memory) / static_cast<double>(cores(chip_));
    const Bytes needed = share * latency;
    const Dma& dma = chip_.core->dma;
    const Bytes held = dma.burst * static_cast<double>(dma.outstanding);
    Lint& lint =
        add("bytes_in_flight", "bytes in flight per core",
            fmt::format("{} · {} (Little's law); {} bursts · {}",
                        text(share, QuantityKind::bandwidth), text(latency, QuantityKind::time),
                        dma.outstanding, text(dma.burst, QuantityKind::size)),
            needed.value(), QuantityKind::size);
    state(lint, held.value(), QuantityKind::size, held >= needed,
          "too few bursts in flight for the bandwidth of the memory");
    weight_latency_ = latency;
  }

  void weight_ring() {
    const Scratch& scratch = chip_.core->scratch;
    if (!scratch.regions || !weight_latency_) {
      return;
    }
    const BytesPerSecond share = memory_bandwidth(chip_) / static_cast<double>(cores(chip_));
    const Seconds cover = scratch.regions->weights / share;
    Lint& lint = add("weight_ring", "weight ring covers",
                     fmt::format("{} / {} per core; the memory answers in {}",
                                 text(scratch.regions->weights, QuantityKind::size),
                                 text(share, QuantityKind::bandwidth),
                                 text(*weight_latency_, QuantityKind::time)),
                     cover.value(), QuantityKind::time);
    lint.verdict = cover >= *weight_latency_ * 4 ? Verdict::ok : Verdict::warning;
    lint.remark = lint.verdict == Verdict::ok ? "" : "less than four times the latency: bubbles";
  }

  // Stacks stand along the long edges of the dies.
  void shoreline() {
    const Memory& memory = main_memory(chip_);
    if (!memory.type.starts_with("hbm") || !die_area(chip_)) {
      return;
    }
    double room = 0;
    std::string formula;
    for (const DieInstance& instance : chip_.die_instances) {
      for (const Die& die : chip_.dies) {
        if (die.id == instance.die && die.width && die.height) {
          const Metres edge = std::max(die.width->value, die.height->value);
          room += 2 * std::floor(edge / kStackPitch);
          formula += fmt::format("{}2 edges · ⌊{} / {}⌋", formula.empty() ? "" : " + ",
                                 text(edge, QuantityKind::length),
                                 text(kStackPitch, QuantityKind::length));
        }
      }
    }
    Lint& lint = add("shoreline", "stacks along the dies", formula, room, QuantityKind::count);
    state(lint, static_cast<double>(memory.stacks), QuantityKind::count,
          room >= static_cast<double>(memory.stacks), "more stacks than edge to stand at");
    const auto& package = *chip_.package;
    if (package.interposer_width && package.interposer_height) {
      const double reticles = (*package.interposer_width * *package.interposer_height) / kReticle;
      add("interposer", "interposer in reticles",
          fmt::format("{} · {} / 858 mm2", text(*package.interposer_width, QuantityKind::length),
                      text(*package.interposer_height, QuantityKind::length)),
          reticles, QuantityKind::number);
      lints_.back().computed = fmt::format("{:.2g}", reticles);
    }
  }

  void guesses() {
    const GuessShare share = guess_share(chip_);
    if (share.numbers == 0) {
      return;
    }
    const double fraction = static_cast<double>(share.guesses) / share.numbers;
    Lint& lint = add("guesses", "numbers that are guesses",
                     fmt::format("{} of {} with a provenance", share.guesses, share.numbers),
                     fraction, QuantityKind::fraction);
    lint.computed = fmt::format("{:.0f} %", fraction * 100);
    lint.verdict = fraction > kGuessShareMax ? Verdict::warning : Verdict::ok;
    lint.remark = fraction > kGuessShareMax
                      ? "results rest on guesses more than on sources: read their bounds"
                      : "";
  }

  const Chip& chip_;
  std::vector<Lint> lints_;
  std::optional<Seconds> weight_latency_;
};

}  // namespace

std::string_view name(Verdict verdict) {
  switch (verdict) {
    case Verdict::ok:
      return "ok";
    case Verdict::info:
      return "info";
    case Verdict::warning:
      return "warning";
  }
  return "";
}

std::vector<Lint> lints(const Chip& chip) { return Linter(chip).run(); }

GuessShare guess_share(const Chip& chip) {
  GuessShare share;
  for (const Value& value : chip.values) {
    share.numbers += value.basis != Basis::none ? 1 : 0;
    share.guesses += value.basis == Basis::guess ? 1 : 0;
  }
  return share;
}

}  // namespace churon::chip
