#include "cost/die_cost.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string_view>

#include "base/check.h"
#include "cost/functions.h"
#include "cost/wafer.h"

namespace churon::cost {

namespace {

constexpr double kMm = 1e3;          // of a metre
constexpr double kReticleWide = 26;  // mm

struct WaferInputs {
  Expr diameter, edge, street;
};

WaferInputs wafer_inputs(Builder& b) {
  const auto& cost = b.chip.cost;
  return {cost && cost->wafer_diameter
              ? b.given("cost.wafer_diameter", *cost->wafer_diameter, kMm, "mm")
              : b.row("wafer.diameter", "mm"),
          cost && cost->wafer_edge ? b.given("cost.wafer_edge", *cost->wafer_edge, kMm, "mm")
                                   : b.row("wafer.edge_exclusion", "mm"),
          b.row("wafer.scribe_lane", "mm")};
}

Wafer central_wafer(Builder& b, const WaferInputs& w) {
  return {b.central(w.diameter), b.central(w.edge), b.central(w.street)};
}

// The yield of a die without spares by each model, and what the model takes for granted of the
// density of defects: the shape of the Gamma distribution with its variance. Poisson's density is
// one for all, Murphy's is a triangle from 0 to 2 d0 (variance d0^2 / 6), Seeds' is exponential;
// the negative binomial's shape is the description's alpha.
struct Model {
  std::string_view word;
  const Function* function;
  std::optional<double> shape;
};
constexpr std::array kYieldModels{Model{"poisson", &kPoisson, 1e6}, Model{"murphy", &kMurphy, 6},
                                  Model{"seeds", &kSeeds, 1},
                                  Model{"negative-binomial", &kNegativeBinomial, std::nullopt}};

const Model& model_of(const DieInputs& die) {
  const auto* const found =
      std::find_if(kYieldModels.begin(), kYieldModels.end(),
                   [&](const Model& model) { return model.word == die.model; });
  check(found != kYieldModels.end(), die.model);
  return *found;
}

Expr call_yield(Builder& b, const Model& model, Expr defects, Expr alpha) {
  return model.shape ? b.tree.call(*model.function, {defects})
                     : b.tree.call(*model.function, {defects, alpha});
}

// The yield with up to `spares` bad cores, repairs that fail included.
Expr repaired(Builder& b, const DieInputs& die, Expr area_cm2, Expr clean, std::int64_t spares) {
  const auto cores = static_cast<double>(die.repair.cores);
  const Expr core = *die.repair.area * area_cm2 / cores;
  const Expr uncore = (1 - *die.repair.area) * area_cm2;
  const auto shape = model_of(die).shape;
  const Expr with = b.tree.call(
      kHarvest, {b.tree.constant(cores), core, uncore, b.tree.constant(static_cast<double>(spares)),
                 die.d0, shape ? b.tree.constant(*shape) : die.alpha});
  return die.repair.success ? clean + *die.repair.success * (with - clean) : with;
}

// The yield by the other models that need no more than the density, for comparison.
void other_models(Builder& b, const std::string& prefix, const DieInputs& die, Expr defects,
                  Section& section) {
  for (const Model& other : kYieldModels) {
    if (other.shape && other.word != die.model) {
      section.lines.push_back(b.name(fmt::format("{}.yield_{}", prefix, other.word),
                                     fmt::format("the same by {}", other.word), "1",
                                     b.tree.call(*other.function, {defects}))
                                  .id);
    }
  }
}

// What the bins of the description take: a bin's cores are spread over the dies.
void bins(Builder& b, const std::string& prefix, const DieInputs& die, Expr area, Expr clean,
          Section& section) {
  const double dies = std::max(b.central(die.count), 1.0);
  for (const chip::Bin& bin : b.chip.bins) {
    const auto off = die.repair.spares + static_cast<std::int64_t>(
                                             std::ceil(static_cast<double>(bin.cores_off) / dies));
    if (bin.cores_off > 0 && off < die.repair.cores) {
      section.lines.push_back(b.name(fmt::format("{}.yield_{}", prefix, bin.name),
                                     fmt::format("good for bin `{}`, up to {} of {} cores off",
                                                 bin.name, off, die.repair.cores),
                                     "1", repaired(b, die, area, clean, off))
                                  .id);
    }
  }
}

}  // namespace

DieCost die_cost(Builder& b, const DieInputs& die, Section& section) {
  const std::string prefix = fmt::format("die.{}", die.id);
  const Expr gross = gross_of(b, prefix, die.width, die.height, "die");
  const Expr area = b.name(prefix + ".area", "area of a die", "cm2", die.width * die.height / 100);
  const Expr defects = b.name(prefix + ".defects", "defects of a die", "1", area * die.d0);
  const Expr clean =
      b.name(prefix + ".yield_clean", fmt::format("dies without a defect, {}", die.model), "1",
             call_yield(b, model_of(die), defects, die.alpha));
  const bool is_repaired = die.repair.spares > 0 && die.repair.area;
  const Expr yield = is_repaired ? b.name(prefix + ".yield",
                                          fmt::format("good dies, up to {} of {} cores off",
                                                      die.repair.spares, die.repair.cores),
                                          "1", repaired(b, die, area, clean, die.repair.spares))
                                 : b.name(prefix + ".yield", "good dies", "1", clean);
  const Expr escape = b.name(prefix + ".escape", "bad dies that pass the wafer test", "1",
                             b.tree.call(kEscape, {yield, b.row("test.fault_coverage", "1")}));
  const Expr good = b.name(prefix + ".cost", "a good die", "USD", die.wafer / (gross * yield));
  section.lines.insert(section.lines.end(), {gross.id, area.id, clean.id});
  other_models(b, prefix, die, defects, section);
  section.lines.push_back(yield.id);
  if (is_repaired && b.chip.kind == chip::Kind::full) {
    bins(b, prefix, die, area, clean, section);
  }
  section.lines.insert(section.lines.end(), {escape.id, good.id});
  return {die.count, good, die.count / (gross * yield)};
}

bool fits(Builder& b, Expr width, Expr height) {
  const Wafer wafer = central_wafer(b, wafer_inputs(b));
  return wafer.diameter <= kWaferDiameterMaxMm &&
         gross_dies({b.central(width), b.central(height)}, wafer) > 0;
}

Expr gross_of(Builder& b, const std::string& prefix, Expr width, Expr height,
              const std::string& what) {
  const WaferInputs w = wafer_inputs(b);
  const DieSize die{b.central(width), b.central(height)};
  const Wafer wafer = central_wafer(b, w);
  const bool is_placed =
      std::min(die.width, die.height) >= kDieSideMinMm && wafer.diameter <= kWaferDiameterMaxMm;
  const auto placed = is_placed ? static_cast<double>(gross_dies(die, wafer)) : 0;
  if (placed == 0) {
    b.find(
        {.code = "K0307",
         .message = fmt::format("no {} of {:g} x {:g} mm is placed on a wafer of {:g} mm with "
                                "{:g} mm of edge",
                                what, die.width, die.height, wafer.diameter, wafer.edge),
         .help = {fmt::format("sides from {:g} mm on, wafers up to {:g} mm, and the corners inside "
                              "the edge; `--explain {}.placed` of a chip that fits says more",
                              kDieSideMinMm, kWaferDiameterMaxMm, prefix)}});
    return b.tree.constant(1);
  }
  const Expr counted = b.derived(
      prefix + ".placed", placed, fmt::format("{}/wafer", what), "counted on the best grid",
      fmt::format("{:.4g} x {:.4g} mm on a wafer of {:g} mm, edge {:g} mm, street {:g} mm",
                  die.width, die.height, wafer.diameter, wafer.edge, wafer.street),
      fmt::format("closed formulas: de Vries {:.1f}, with the rim as lost {:.1f}",
                  gross_dies_de_vries(die, wafer), gross_dies_floor(die, wafer)));
  const Expr formula = b.tree.call(kDeVries, {width, height, w.diameter, w.edge, w.street});
  const double central = std::max(gross_dies_de_vries(die, wafer), 1e-9);
  return b.name(prefix + ".gross", fmt::format("{} of a wafer", what),
                fmt::format("{}/wafer", what), counted * (formula / central));
}

void sides_of(Builder& b, const std::string& prefix, Expr area, DieInputs& die) {
  const double mm2 = b.central(area);
  const bool is_square = mm2 <= kReticleWide * kReticleWide;
  die.width = b.derived(prefix + ".width", is_square ? std::sqrt(mm2) : kReticleWide, "mm",
                        "width of the die", "its sides are not in the description",
                        is_square ? "a square of its area" : "as wide as the reticle");
  die.height = b.name(prefix + ".height", "height of the die", "mm", area / die.width);
}

Expr sum(const std::vector<Expr>& terms) {
  Expr total = terms.front();
  for (std::size_t i = 1; i < terms.size(); ++i) {
    total = total + terms[i];
  }
  return total;
}

}  // namespace churon::cost
