#include "chip/semantics.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "chip/budget.h"
#include "chip/description.h"

namespace churon::chip {

namespace {

template <Dimension D>
std::string text(Quantity<D> value, QuantityKind kind) {
  return rounded_text(value.value(), kind, 5);
}
std::string length_text(Metres value) { return text(value, QuantityKind::length); }
std::string time_text(Seconds value) { return text(value, QuantityKind::time); }

// A block format as the cells of the contract take it (docs/arithmetic.md, rules 2, 3 and 5).
struct KnownFormat {
  std::string_view name;
  std::int64_t element_bits, block;
  std::string_view scale, minimum;
  bool weight, activation;  // can it be one?
};
constexpr std::array kKnownFormats{
    KnownFormat{"q8_0", 8, 32, "fp16", "none", true, true},
    KnownFormat{"q8_m", 8, 32, "fp16", "fp16", true, false},
    KnownFormat{"q4_0", 4, 32, "fp16", "none", true, false},
    KnownFormat{"q4_1", 4, 32, "fp16", "fp16", true, false},
    KnownFormat{"mxint8", 8, 32, "e8m0", "none", true, true},
    KnownFormat{"mxfp4", 4, 32, "e8m0", "none", true, false},
    KnownFormat{"mxint16", 16, 32, "fp32", "none", false, true},
    KnownFormat{"mxfp8-e4m3", 8, 32, "e8m0", "none", true, true},
    KnownFormat{"bf16", 16, 1, "none", "none", true, true},
};

// What is said beside the message.
struct Hints {
  std::string label = {};
  std::vector<std::string> notes = {};
  std::vector<std::string> help = {};
};

class Checker {
 public:
  Checker(const Chip& chip, const Places& places, const Texts& texts)
      : chip_(chip), places_(places), texts_(texts) {}

  Diagnostics run() {
    check_memories();
    check_memory_timings();
    check_links();
    check_references();
    check_derates();
    check_power();
    if (chip_.kind == Kind::opaque) {
      check_peak();
    } else {
      check_dies();
      check_matrix();
      check_formats();
      check_scratch();
      check_channels();
      check_bins();
    }
    return std::move(found_);
  }

 private:
  // At the value of `path`, or the table that would hold it.
  void error(std::string code, std::string_view path, std::string message, Hints hints = {}) {
    auto place = places_.find(path);
    while (place == places_.end() && !path.empty()) {
      const auto dot = path.rfind('.');
      path = dot == std::string_view::npos ? std::string_view() : path.substr(0, dot);
      place = places_.find(path);
    }
    Diagnostic diagnostic{.code = std::move(code),
                          .message = std::move(message),
                          .notes = std::move(hints.notes),
                          .help = std::move(hints.help)};
    if (place != places_.end()) {
      diagnostic.span = texts_.span(place->second, std::move(hints.label));
    }
    found_.push_back(std::move(diagnostic));
  }

  // Of values that contradict each other, the first that a variant or --set changed.
  [[nodiscard]] std::string changed(const std::vector<std::string>& paths) const {
    for (const auto& path : paths) {
      for (const Value& value : chip_.values) {
        if (value.path == path &&
            (value.origin == OriginKind::file || value.origin == OriginKind::command_line)) {
          return path;
        }
      }
    }
    return paths.empty() ? std::string() : paths.front();
  }

  // "bin.full.share", "bin.cut.share", …
  template <typename List, typename Member>
  static std::vector<std::string> paths(std::string_view table, const List& list, Member id,
                                        std::string_view key) {
    std::vector<std::string> result;
    result.reserve(list.size());
    for (const auto& element : list) {
      result.push_back(fmt::format("{}.{}.{}", table, element.*id, key));
    }
    return result;
  }

  void unknown(std::string code, const std::string& path, std::string message,
               std::string_view word, const std::vector<std::string>& candidates) {
    const auto place = places_.find(path);
    found_.push_back(unknown_name(texts_, place == places_.end() ? Place{} : place->second,
                                  std::move(code), std::move(message), word, candidates));
  }

  template <typename List, typename Member>
  static std::vector<std::string> names(const List& list, Member member) {
    std::vector<std::string> result;
    result.reserve(list.size());
    for (const auto& element : list) {
      result.push_back(element.*member);
    }
    return result;
  }

  static bool contains(const std::vector<std::string>& list, std::string_view word) {
    return std::find(list.begin(), list.end(), word) != list.end();
  }

  // --- memory and links -------------------------------------------------------------------------

  void check_memories() {
    const auto main = std::count_if(chip_.memories.begin(), chip_.memories.end(),
                                    [](const Memory& memory) { return memory.tier == 1; });
    if (main != 1) {
      error("C0501", changed(paths("memory", chip_.memories, &Memory::id, "tier")),
            main == 0 ? "no memory of tier 1" : "more than one memory of tier 1",
            {.notes = {"tier 1 is the main memory: weights and cache live there, and it is one"}});
    }
    for (const Memory& memory : chip_.memories) {
      const std::string path = "memory." + memory.id;
      const bool built = memory.stacks > 0 && memory.capacity_per_stack;
      if (!built && !memory.capacity) {
        error("C0502", path, fmt::format("[{}] says nothing of its capacity", path),
              {.help = {"write `stacks` and `capacity_per_stack`, or `capacity`"}});
      }
      const bool pins = memory.stacks > 0 && memory.channels_per_stack > 0 &&
                        memory.pseudo_channels > 0 && memory.pseudo_width && memory.pin_rate;
      if (pins && memory.bandwidth) {
        error("C0502", path + ".bandwidth",
              fmt::format("[{}] states its bandwidth and the pins that it follows from", path),
              {.help = {
                   "leave `bandwidth` out: it is stacks · channels_per_stack · pseudo_channels · "
                   "pseudo_width · pin_rate"}});
      }
      if (memory.tier == 1 && !pins && !memory.bandwidth) {
        error(
            "C0502", path, fmt::format("[{}] says nothing of its bandwidth", path),
            {.help = {"write `stacks`, `channels_per_stack`, `pseudo_channels`, `pseudo_width` and "
                      "`pin_rate`, or `bandwidth`"}});
      }
      if (built && memory.capacity) {
        const Bytes stacks = *memory.capacity_per_stack * static_cast<double>(memory.stacks);
        if (memory.capacity->value > stacks * 1.001) {
          error("C0503", path + ".capacity",
                fmt::format("[{}] has more capacity than its stacks", path),
                {.notes = {fmt::format("stacks · capacity_per_stack = {} · {} = {}", memory.stacks,
                                       text(*memory.capacity_per_stack, QuantityKind::size),
                                       text(stacks, QuantityKind::size))}});
        }
      }
    }
  }

  void check_memory_timings() {
    for (const MemoryTiming& timing : chip_.memory_timings) {
      const std::string path = "memory_timing." + timing.memory;
      if (timing.model == "fixed") {
        if (!timing.latency) {
          error("C0504", path,
                fmt::format("[{}] is of the fixed model and has no `latency`", path));
        }
        continue;
      }
      std::vector<std::string> missing;
      const auto need = [&](bool is_there, std::string_view key) {
        if (!is_there) {
          missing.emplace_back(key);
        }
      };
      need(timing.page != Bytes(), "page");
      need(timing.banks > 0, "banks");
      need(timing.burst != Bytes(), "burst");
      need(timing.tck.has_value(), "tck");
      need(timing.trcd.has_value(), "trcd");
      need(timing.trp.has_value(), "trp");
      need(timing.tras.has_value(), "tras");
      need(timing.trc.has_value(), "trc");
      if (!missing.empty()) {
        error("C0504", path,
              fmt::format("[{}] is of the bank model and lacks {}", path, join(missing, ", ")));
        continue;
      }
      if (timing.trc->value < (timing.tras->value + timing.trp->value) * (1 - 1e-9)) {
        error(
            "C0505", path + ".trc", "a row cycle is shorter than its parts",
            {.notes = {fmt::format("trc >= tras + trp: {} < {} + {}", time_text(timing.trc->value),
                                   time_text(timing.tras->value), time_text(timing.trp->value))}});
      }
      if (timing.tras->value < timing.trcd->value) {
        error("C0505", changed({path + ".tras", path + ".trcd"}),
              "a row closes before it can be read",
              {.notes = {fmt::format("tras >= trcd: {} < {}", time_text(timing.tras->value),
                                     time_text(timing.trcd->value))}});
      }
      if (timing.trefi && timing.trfc_pb && timing.trfc_pb->value >= timing.trefi->value) {
        error("C0505", changed({path + ".trfc_pb", path + ".trefi"}),
              "refresh takes all the time there is",
              {.notes = {fmt::format("trfc_pb < trefi: {} >= {}", time_text(timing.trfc_pb->value),
                                     time_text(timing.trefi->value))}});
      }
    }
  }

  void check_links() {
    for (const Link& link : chip_.links) {
      const std::string path = "link." + link.id;
      const bool lanes = link.lanes > 0 && link.lane_rate;
      if (lanes == link.bandwidth.has_value()) {
        error("C0506", path,
              lanes ? fmt::format("[{}] states its bandwidth and the lanes that it follows from",
                                  path)
                    : fmt::format("[{}] says nothing of its bandwidth", path),
              {.help = {"write `lanes` and `lane_rate`, or `bandwidth`"}});
      }
    }
    const bool has_scale_up =
        std::any_of(chip_.links.begin(), chip_.links.end(),
                    [](const Link& link) { return link.role == LinkRole::scale_up; });
    if (chip_.system && chip_.system->scaleup_domain > 1 && !has_scale_up) {
      error(
          "C0507", "system.scaleup_domain",
          fmt::format("a domain of {} chips without a scale-up link", chip_.system->scaleup_domain),
          {.help = {"write a [[link]] with role = \"scale-up\", or scaleup_domain = 1"}});
    }
  }

  void check_references() {
    const auto dies = names(chip_.dies, &Die::id);
    for (const DieInstance& instance : chip_.die_instances) {
      if (!contains(dies, instance.die)) {
        unknown("C0508", fmt::format("die_instance.{}.die", instance.id),
                fmt::format("no [[die]] is called `{}`", instance.die), instance.die, dies);
      }
    }
    const auto instances = names(chip_.die_instances, &DieInstance::id);
    for (const DieToDie& d2d : chip_.d2d) {
      const std::string path = fmt::format("d2d.{}.between", d2d.id);
      if (d2d.between.size() != 2 || d2d.between[0] == d2d.between[1]) {
        error("C0508", path, "a connection is between two dies",
              {.notes = {"there are: " + join(instances, ", ")}});
        continue;
      }
      for (const auto& end : d2d.between) {
        if (!contains(instances, end)) {
          unknown("C0508", path, fmt::format("no [[die_instance]] is called `{}`", end), end,
                  instances);
        }
      }
    }
    const auto links = names(chip_.links, &Link::id);
    const auto memories = names(chip_.memories, &Memory::id);
    for (const Memory& memory : chip_.memories) {
      if (!memory.via.empty() && !contains(links, memory.via)) {
        unknown("C0508", fmt::format("memory.{}.via", memory.id),
                fmt::format("no [[link]] is called `{}`", memory.via), memory.via, links);
      }
    }
    for (const MemoryTiming& timing : chip_.memory_timings) {
      if (!contains(memories, timing.memory)) {
        unknown("C0508", "memory_timing." + timing.memory,
                fmt::format("no [[memory]] is called `{}`", timing.memory), timing.memory,
                memories);
      }
    }
  }

  void check_derates() {
    if (derate(chip_) == nullptr) {
      unknown("C0509", "derate.default", fmt::format("no [derate.{}]", chip_.derate_default),
              chip_.derate_default, names(chip_.derates, &Derate::name));
    }
  }

  void check_power() {
    const Power& power = chip_.power;
    if (power.idle && power.tdp && power.idle->value >= power.tdp->value) {
      error("C0510", changed({"power.idle", "power.tdp"}),
            "an idle chip takes no less than its TDP",
            {.notes = {fmt::format("idle < tdp: {} >= {}",
                                   text(power.idle->value, QuantityKind::power),
                                   text(power.tdp->value, QuantityKind::power))}});
    }
    for (const PowerState& state : power.states) {
      if (state.name == "nominal") {
        error("C0511", "power.dvfs.nominal", "the nominal state is not stated again",
              {.notes = {"it is the clock of [clock] at the voltage of [tech]"}});
      }
    }
  }

  void check_peak() {
    const Peak& peak = *chip_.peak;
    if (!peak.bf16 && !peak.fp8 && !peak.int8) {
      error("C0512", "peak", "[peak] states no rate that a model could run at",
            {.help = {"write one of bf16, fp8, int8"}});
    }
  }

  // --- dies -------------------------------------------------------------------------------------

  struct Rectangle {
    double left, bottom, right, top;
  };

  void check_dies() {
    for (const Die& die : chip_.dies) {
      check_drawing(die);
    }
    std::vector<std::pair<std::string, Rectangle>> placed;
    for (const DieInstance& instance : chip_.die_instances) {
      if (const auto rectangle = place(instance)) {
        placed.emplace_back(instance.id, *rectangle);
      }
    }
    // A micrometre of slack: coordinates are typed to a tenth of a millimetre.
    constexpr double kSlack = 1e-6;
    const auto& package = chip_.package;
    for (std::size_t i = 0; i < placed.size(); ++i) {
      const auto& [id, a] = placed[i];
      if (package->interposer_width && package->interposer_height &&
          (a.right > package->interposer_width->value() + kSlack ||
           a.top > package->interposer_height->value() + kSlack)) {
        error("C0513", "die_instance." + id,
              fmt::format("die `{}` sticks out of the interposer", id),
              {.notes = {fmt::format("its far corner is at {} × {}, the interposer's at {} × {}",
                                     length_text(Metres(a.right)), length_text(Metres(a.top)),
                                     length_text(*package->interposer_width),
                                     length_text(*package->interposer_height))}});
      }
      for (std::size_t j = 0; j < i; ++j) {
        const auto& [other, b] = placed[j];
        const double x = std::min(a.right, b.right) - std::max(a.left, b.left);
        const double y = std::min(a.top, b.top) - std::max(a.bottom, b.bottom);
        if (x > kSlack && y > kSlack) {
          error("C0513", "die_instance." + id, fmt::format("dies `{}` and `{}` overlap", other, id),
                {.notes = {
                     fmt::format("by {} × {}", length_text(Metres(x)), length_text(Metres(y)))}});
        }
      }
    }
  }

  void check_drawing(const Die& die) {
    const std::string path = "die." + die.id;
    if (die.width.has_value() != die.height.has_value() || (die.width && die.area)) {
      error("C0514", path, fmt::format("[{}] is neither drawn nor described", path),
            {.help = {"write `width` and `height`, or `area`, or none of them"}});
      return;
    }
    if (!die.width) {
      return;
    }
    const auto [short_side, long_side] = std::minmax(die.width->value, die.height->value);
    if (short_side > kReticleShort || long_side > kReticleLong) {
      error("C0515", changed({path + ".width", path + ".height"}),
            fmt::format("die `{}` is larger than the field of a lithography scanner", die.id),
            {.notes = {fmt::format("{} × {} does not fit into {} × {}", length_text(short_side),
                                   length_text(long_side), length_text(kReticleShort),
                                   length_text(kReticleLong))},
             .help = {"split it into dies, or make it smaller"}});
    }
  }

  std::optional<Rectangle> place(const DieInstance& instance) {
    const auto die = std::find_if(chip_.dies.begin(), chip_.dies.end(), [&](const Die& candidate) {
      return candidate.id == instance.die;
    });
    const double turn = instance.rotate.value();
    if (turn != 0 && turn != 90 && turn != 180 && turn != 270) {
      error("C0513", fmt::format("die_instance.{}.rotate", instance.id),
            fmt::format("die `{}` is turned by {} degrees; 0, 90, 180 or 270 are possible",
                        instance.id, turn));
      return std::nullopt;
    }
    if (die == chip_.dies.end() || !die->width || !die->height) {
      return std::nullopt;
    }
    double width = die->width->value.value();
    double height = die->height->value.value();
    if (turn == 90 || turn == 270) {
      std::swap(width, height);
    }
    const double x = instance.x.value();
    const double y = instance.y.value();
    return Rectangle{x, y, x + width, y + height};
  }

  // --- core -------------------------------------------------------------------------------------

  void check_matrix() {
    const Matrix& matrix = chip_.core->matrix;
    if (matrix.k % numeric::kBlock != 0) {
      error("C0516", "core.matrix.k",
            fmt::format("a cell's dot product of {} does not consist of whole blocks", matrix.k),
            {.notes = {fmt::format("a block of the arithmetic contract has {} elements",
                                   numeric::kBlock)}});
    }
  }

  void check_formats() {
    std::vector<std::string> known;
    known.reserve(kKnownFormats.size());
    for (const auto& format : kKnownFormats) {
      known.emplace_back(format.name);
    }
    const auto listed = names(chip_.formats, &Format::name);
    bool has_q8_0 = false;
    bool has_activation = false;
    bool has_wide_activation = false;
    for (const Format& format : chip_.formats) {
      const std::string path = "format." + format.name;
      const auto found =
          std::find_if(kKnownFormats.begin(), kKnownFormats.end(),
                       [&](const KnownFormat& candidate) { return candidate.name == format.name; });
      if (found == kKnownFormats.end()) {
        unknown("C0517", path,
                fmt::format("`{}` is no format of the arithmetic contract", format.name),
                format.name, known);
        continue;
      }
      check_format(format, *found, path);
      if (!format.transcode.empty() && !contains(listed, format.transcode)) {
        unknown("C0508", path + ".transcode",
                fmt::format("no [[format]] is called `{}`", format.transcode), format.transcode,
                listed);
      }
      const bool block8 = format.name == "q8_0" || format.name == "mxint8";
      has_activation = has_activation || (block8 && format.activation);
      has_wide_activation = has_wide_activation || (format.name == "mxint16" && format.activation);
      has_q8_0 = has_q8_0 || (format.name == "q8_0" && format.weight && format.transcode.empty());
    }
    const auto need = [&](bool is_there, std::string_view what, std::string_view key,
                          std::string_view help) {
      if (!is_there) {
        error("C0519", changed(paths("format", chip_.formats, &Format::name, key)),
              fmt::format("no [[format]] {}", what), {.help = {std::string(help)}});
      }
    };
    need(has_q8_0, "for q8_0 weights", "weight",
         "list q8_0 with weight = true: attention and most transcoded tensors use it");
    need(has_activation, "for activations", "activation",
         "list q8_0 or mxint8 with activation = true");
    need(has_wide_activation, "for the probabilities of attention", "activation",
         "list mxint16 with activation = true: two passes of the int8 multipliers");
  }

  void check_format(const Format& format, const KnownFormat& known, const std::string& path) {
    const auto differs = [&](std::string_view key, const auto& is, const auto& should) {
      if (is != should) {
        error("C0518", fmt::format("{}.{}", path, key),
              fmt::format("`{}` of `{}` is {}, and not {}", key, format.name, should, is),
              {.notes = {"docs/arithmetic.md, rules 2 and 3, define the formats"}});
      }
    };
    differs("element_bits", format.element_bits, known.element_bits);
    differs("block", format.block, known.block);
    differs("scale", std::string_view(format.scale), known.scale);
    differs("minimum", std::string_view(format.minimum), known.minimum);
    if (format.weight && !known.weight) {
      differs("weight", true, false);
    }
    if (format.activation && !known.activation) {
      differs("activation", true, false);
    }
  }

  void check_scratch() {
    const Scratch& scratch = chip_.core->scratch;
    if (!scratch.shares) {
      return;
    }
    const ScratchShares& shares = *scratch.shares;
    const double sum = shares.weights + shares.activations + shares.kv + shares.partials;
    if (sum > 1 + 1e-9) {
      const auto line = [&](std::string_view who, double share) {
        return fmt::format("{:<12}{:>6.1f} %  {}", who, share * 100,
                           text(scratch.size * share, QuantityKind::size));
      };
      error("C0520", "core.scratch.shares",
            fmt::format("the scratch of a core is given away to {:.1f} %", sum * 100),
            {.notes = {line("weights", shares.weights), line("activations", shares.activations),
                       line("kv", shares.kv), line("partials", shares.partials),
                       line("the scratch", 1)},
             .help = {fmt::format("{} would hold them all",
                                  text(scratch.size * sum, QuantityKind::size))}});
    }
  }

  void check_channels() {
    for (const Memory& memory : chip_.memories) {
      const auto channels = memory.stacks * memory.channels_per_stack * memory.pseudo_channels;
      const bool per_core = memory.affinity == Affinity::core;
      const auto owners =
          per_core ? cores(chip_) : static_cast<std::int64_t>(chip_.die_instances.size());
      if (channels == 0 || memory.affinity == Affinity::interleave || owners == 0 ||
          channels % owners == 0) {
        continue;
      }
      const auto per_stack = memory.channels_per_stack * memory.pseudo_channels;
      std::int64_t stacks = memory.stacks;
      while ((stacks * per_stack) % owners != 0) {
        ++stacks;
      }
      error("C0521", fmt::format("memory.{}.stacks", memory.id),
            fmt::format("{} pseudo-channels cannot be dealt evenly to {} {}", channels, owners,
                        per_core ? "cores" : "dies"),
            {.notes = {fmt::format(
                 "stacks · channels_per_stack · pseudo_channels = {} · {} · {} = {}", memory.stacks,
                 memory.channels_per_stack, memory.pseudo_channels, channels)},
             .help = {fmt::format("{} stacks can, and so can affinity = \"interleave\"", stacks)}});
    }
  }

  void check_bins() {
    double sum = 0;
    for (const Bin& bin : chip_.bins) {
      sum += bin.share;
      const std::string path = "bin." + bin.name;
      if (bin.cores_off >= cores(chip_)) {
        error("C0522", path + ".cores_off",
              fmt::format("bin `{}` does without {} of {} cores", bin.name, bin.cores_off,
                          cores(chip_)));
      }
      if (bin.stacks_off >= std::max<std::int64_t>(main_memory_stacks(), 1)) {
        error("C0522", path + ".stacks_off",
              fmt::format("bin `{}` does without {} of {} stacks", bin.name, bin.stacks_off,
                          main_memory_stacks()));
      }
    }
    if (!chip_.bins.empty() && std::fabs(sum - 1) > 1e-6) {
      error("C0523", changed(paths("bin", chip_.bins, &Bin::name, "share")),
            fmt::format("the shares of the bins add up to {:.4g} %", sum * 100),
            {.notes = {"every good package is in one of them: 100 %"}});
    }
  }

  [[nodiscard]] std::int64_t main_memory_stacks() const {
    for (const Memory& memory : chip_.memories) {
      if (memory.tier == 1) {
        return memory.stacks;
      }
    }
    return 0;
  }

  const Chip& chip_;
  const Places& places_;
  const Texts& texts_;
  Diagnostics found_;
};

}  // namespace

Diagnostics contradictions(const Chip& chip, const Places& places, const Texts& texts) {
  return Checker(chip, places, texts).run();
}

}  // namespace churon::chip
