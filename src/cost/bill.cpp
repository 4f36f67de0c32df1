// The bill of material: dies, memory, package, test, and what is lost in assembly.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "cost/builder.h"
#include "cost/functions.h"
#include "cost/wafer.h"

namespace churon::cost {

namespace {

constexpr double kMm = 1e3;   // of a metre
constexpr double kMm2 = 1e6;  // of a square metre

constexpr double kPerCm2 = 1e-4;     // of one per square metre
constexpr double kGb = 1e-9;         // of a byte
constexpr double kReticleWide = 26;  // mm

struct WaferInputs {
  Expr diameter, edge, street;
};

WaferInputs wafer_inputs(Builder& b) {
  const auto& cost = b.chip.cost;
  return {cost && cost->wafer_diameter
              ? b.given("cost.wafer_diameter", *cost->wafer_diameter, kMm, "mm")
              : b.row("wafer.diameter"),
          cost && cost->wafer_edge ? b.given("cost.wafer_edge", *cost->wafer_edge, kMm, "mm")
                                   : b.row("wafer.edge_exclusion"),
          b.row("wafer.scribe_lane")};
}

// Dies of a wafer: counted exactly at the central edge and street, and scaled by de Vries' formula
// where a draw has others.
Expr gross_of(Builder& b, const std::string& prefix, Expr width, Expr height,
              const std::string& what) {
  const WaferInputs w = wafer_inputs(b);
  const DieSize die{b.central(width), b.central(height)};
  const Wafer wafer{b.central(w.diameter), b.central(w.edge), b.central(w.street)};
  const auto placed = static_cast<double>(gross_dies(die, wafer));
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

struct Repair {
  std::int64_t cores = 0;       // of a die, spares included
  std::int64_t spares = 0;      // that may be bad
  std::optional<Expr> area;     // the share of the die that is cores
  std::optional<Expr> success;  // of a repair
};

struct DieInputs {
  std::string id;
  Expr width, height;  // mm
  Expr count;
  Expr wafer;  // price
  Expr d0, alpha;
  std::string model = "negative-binomial";
  Repair repair;
};

const Function& yield_function(std::string_view model) {
  return model == "poisson"  ? kPoisson
         : model == "murphy" ? kMurphy
         : model == "seeds"  ? kSeeds
                             : kNegativeBinomial;
}

Expr call_yield(Builder& b, const Function& function, Expr defects, Expr alpha) {
  return &function == &kNegativeBinomial ? b.tree.call(function, {defects, alpha})
                                         : b.tree.call(function, {defects});
}

// The yield with up to `spares` bad cores, repairs that fail included.
Expr repaired(Builder& b, const DieInputs& die, Expr area_cm2, Expr clean, std::int64_t spares) {
  const auto cores = static_cast<double>(die.repair.cores);
  const Expr core = *die.repair.area * area_cm2 / cores;
  const Expr uncore = (1 - *die.repair.area) * area_cm2;
  const Expr with =
      b.tree.call(kHarvest, {b.tree.constant(cores), core, uncore,
                             b.tree.constant(static_cast<double>(spares)), die.d0, die.alpha});
  return die.repair.success ? clean + *die.repair.success * (with - clean) : with;
}

DieCost die_cost(Builder& b, const DieInputs& die, Section& section) {
  const std::string prefix = fmt::format("die.{}", die.id);
  const Expr gross = gross_of(b, prefix, die.width, die.height, "die");
  const Expr area = b.name(prefix + ".area", "area of a die", "cm2", die.width * die.height / 100);
  const Expr defects = b.name(prefix + ".defects", "defects of a die", "1", area * die.d0);
  const Function& function = yield_function(die.model);
  const Expr clean =
      b.name(prefix + ".yield_clean", fmt::format("dies without a defect, {}", die.model), "1",
             call_yield(b, function, defects, die.alpha));
  const bool is_repaired =
      die.repair.spares > 0 && die.repair.area && &function == &kNegativeBinomial;
  const Expr yield = is_repaired ? b.name(prefix + ".yield",
                                          fmt::format("good dies, up to {} of {} cores off",
                                                      die.repair.spares, die.repair.cores),
                                          "1", repaired(b, die, area, clean, die.repair.spares))
                                 : b.name(prefix + ".yield", "good dies", "1", clean);
  const Expr escape = b.name(prefix + ".escape", "bad dies that pass the wafer test", "1",
                             b.tree.call(kEscape, {yield, b.row("test.fault_coverage")}));
  const Expr good = b.name(prefix + ".cost", "a good die", "USD", die.wafer / (gross * yield));
  section.lines.insert(section.lines.end(), {gross.id, area.id, clean.id});
  for (const auto& [key, other] :
       {std::pair{"poisson", &kPoisson}, {"murphy", &kMurphy}, {"seeds", &kSeeds}}) {
    if (other != &function) {
      section.lines.push_back(b.name(fmt::format("{}.yield_{}", prefix, key),
                                     fmt::format("the same by {}", key), "1",
                                     b.tree.call(*other, {defects}))
                                  .id);
    }
  }
  section.lines.insert(section.lines.end(), {yield.id});
  if (is_repaired && b.chip.kind == chip::Kind::full) {
    const double dies = std::max(b.central(die.count), 1.0);
    for (const chip::Bin& bin : b.chip.bins) {
      const auto off =
          die.repair.spares +
          static_cast<std::int64_t>(std::ceil(static_cast<double>(bin.cores_off) / dies));
      if (bin.cores_off > 0 && off < die.repair.cores) {
        section.lines.push_back(b.name(fmt::format("{}.yield_{}", prefix, bin.name),
                                       fmt::format("good for bin `{}`, up to {} of {} cores off",
                                                   bin.name, off, die.repair.cores),
                                       "1", repaired(b, die, area, clean, off))
                                    .id);
      }
    }
  }
  section.lines.insert(section.lines.end(), {escape.id, good.id});
  return {die.id, die.count, good, die.count / (gross * yield)};
}

// Dies of bought chips have an area and no sides: a square, or as wide as the reticle allows.
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

// What a failed package costs, spread over the good ones.
Expr lost(Builder& b, std::optional<Expr> dies, std::optional<Expr> memory,
          std::optional<Expr> work, Expr yield) {
  std::vector<Expr> parts;
  if (b.options.loss != Loss::packager) {
    for (const auto& part : {dies, memory}) {
      if (part) {
        parts.push_back(*part);
      }
    }
  }
  if (b.options.loss == Loss::buyer && work) {
    parts.push_back(*work);
  }
  return parts.empty() ? b.tree.constant(0) : sum(parts) * (1 / yield - 1);
}

std::string_view hbm_row(std::string_view type, HbmBasis basis, Month today) {
  if (type == "hbm3e") {
    constexpr Month k2025{2025 * 12}, k2026{2026 * 12};
    return basis == HbmBasis::bom || today < k2025 ? "hbm3e.price_2024"
           : today < k2026                         ? "hbm3e.price_2025"
                                                   : "hbm3e.price_2026";
  }
  struct TypeRow {
    std::string_view type, row;
  };
  constexpr std::array kTypes{
      TypeRow{"hbm2e", "hbm2e.price"},
      TypeRow{"hbm2", "hbm2e.price"},
      TypeRow{"hbm3", "hbm3.price"},
      TypeRow{"hbm4", "hbm4.price"},
      TypeRow{"lpddr5x", "lpddr5x.price_2026"},
      TypeRow{"gddr7", "gddr7.price"},
      TypeRow{"ddr5", "ddr5.price_2026"},
  };
  for (const TypeRow& row : kTypes) {
    if (row.type == type) {
      return row.row;
    }
  }
  return {};
}

std::string_view vendor_row(std::string_view vendor) {
  return vendor == "sk-hynix"  ? "hbm.share.skhynix"
         : vendor == "samsung" ? "hbm.share.samsung"
         : vendor == "micron"  ? "hbm.share.micron"
                               : "";
}

// Who makes the stacks: the share of the world's output that the qualified makers have together,
// and how much of it is left without the largest of them.
void vendors(Builder& b, const chip::Memory& memory, Section& section) {
  if (!memory.type.starts_with("hbm") || memory.vendors.empty()) {
    return;
  }
  std::vector<Expr> shares;
  Expr largest = b.tree.constant(0);
  for (const std::string& vendor : memory.vendors) {
    if (const std::string_view key = vendor_row(vendor); !key.empty()) {
      shares.push_back(b.row(key));
      section.lines.push_back(shares.back().id);
      largest = larger(largest, shares.back());
    }
  }
  if (shares.empty()) {
    return;
  }
  const Expr all = b.name("memory.qualified_share",
                          fmt::format("of the world's HBM: {}", fmt::join(memory.vendors, ", ")),
                          "1", sum(shares));
  const Expr rest = b.name("memory.share_without_largest", "left when the largest of them fails",
                           "1", all - largest);
  section.lines.insert(section.lines.end(), {all.id, rest.id});
}

// --- packages by their parts
// ----------------------------------------------------------------------

struct PackageParts {
  Expr cost, yield;
};

struct PackageSizes {
  Expr interposer_width, interposer_height, interposer, substrate;  // mm, mm2
  Expr chips;                                                       // mm2: dies and stacks
  double dies = 1, stacks = 0;
};

// Footprint of an HBM stack.
constexpr double kStackMm2 = 11 * 10;

PackageSizes package_sizes(Builder& b, Expr die_area_mm2, double dies, double stacks) {
  const chip::Package& package = *b.chip.package;
  const Expr chips = b.name("package.chips_area", "dies and stacks on the package", "mm2",
                            die_area_mm2 + stacks * kStackMm2);
  const auto side = [&](std::string_view path, const std::optional<Metres>& length,
                        Expr otherwise) {
    return length ? b.fact(path, length->value() * kMm, "mm") : otherwise;
  };
  const double guess = std::sqrt(1.15 * b.central(chips));
  const Expr square = b.derived("package.side", guess, "mm", "side of the interposer",
                                "a square of 1.15 times the area of dies and stacks");
  PackageSizes sizes{
      .interposer_width = side("package.interposer_width", package.interposer_width, square),
      .interposer_height = side("package.interposer_height", package.interposer_height, square),
      .interposer = chips,
      .substrate = chips,
      .chips = chips,
      .dies = dies,
      .stacks = stacks};
  sizes.interposer = b.name("package.interposer_area", "area of the interposer", "mm2",
                            sizes.interposer_width * sizes.interposer_height);
  sizes.substrate =
      package.substrate_width && package.substrate_height
          ? b.name("package.substrate_area", "area of the substrate", "mm2",
                   b.fact("package.substrate_width", package.substrate_width->value() * kMm, "mm") *
                       b.fact("package.substrate_height", package.substrate_height->value() * kMm,
                              "mm"))
          : b.name("package.substrate_area", "area of the substrate", "mm2",
                   b.row("substrate.area_factor") * chips);
  return sizes;
}

PackageParts package_parts(Builder& b, PackageKind kind, const PackageSizes& sizes) {
  const std::string word(packages()[static_cast<std::size_t>(kind)].word);
  const std::string prefix = "package." + word;
  const double all = sizes.dies + sizes.stacks;
  const auto bonded = [&](std::string_view row, double count) {
    return power(b.row(row), b.tree.constant(count));
  };
  const Expr substrate = sizes.substrate * b.row("substrate.organic_cost");
  if (kind == PackageKind::organic) {
    const Expr cost = b.name(prefix + ".cost", "substrate of two layers' price, bumps", "USD",
                             2 * substrate + sizes.chips * b.row("bump.c4_cost"));
    return {cost, b.name(prefix + ".yield", "good packages", "1",
                         bonded("bond.yield_per_die.organic", all))};
  }
  const auto found = b.tree.find("package.wafer.gross");
  const Expr gross = found ? Expr{&b.tree, *found}
                           : gross_of(b, "package.wafer", sizes.interposer_width,
                                      sizes.interposer_height, "interposer");
  const Expr base = b.row("cowos.wafer_price") / gross + substrate +
                    sizes.chips * b.row("bump.micro_cost") +
                    sizes.interposer * b.row("bump.c4_cost");
  const Expr cm2 = sizes.interposer / 100;
  const Expr silicon = b.row("wafer_price.interposer_65nm") /
                       (gross * b.tree.call(kNegativeBinomial, {cm2 * b.row("interposer_si.d0"),
                                                                b.row("yield.alpha_interposer")}));
  const Expr layers =
      b.row("wafer_price.rdl_fanout") /
      (gross * b.tree.call(kNegativeBinomial, {cm2 * b.row("rdl.d0"), b.row("yield.alpha_rdl")}));
  switch (kind) {
    case PackageKind::cowos_s:
      return {
          b.name(prefix + ".cost", "silicon interposer, bonding, substrate", "USD", base + silicon),
          b.name(prefix + ".yield", "good packages", "1", b.row("assembly.yield_total_cowos_s"))};
    case PackageKind::stacked_3d:
      return {b.name(prefix + ".cost", "silicon interposer, hybrid bonding of the dies, substrate",
                     "USD",
                     base + silicon + b.row("cowos_soic.package_cost_3d_stack_class") -
                         b.row("cowos_s.package_cost_h100_class")),
              b.name(prefix + ".yield", "good packages", "1",
                     b.row("assembly.yield_total_cowos_s") *
                         bonded("bond.yield_per_die.hybrid_3d", sizes.dies))};
    case PackageKind::cowos_l: {
      const Expr bridges =
          b.name(prefix + ".bridges", "silicon bridges", "1",
                 b.row("package.bridges_per_stack") * sizes.stacks + std::max(sizes.dies - 1, 0.0));
      return {
          b.name(prefix + ".cost", "redistribution layers, silicon bridges, bonding, substrate",
                 "USD", base + layers + bridges * b.row("emib.bridge_cost")),
          b.name(prefix + ".yield", "good packages", "1", b.row("assembly.yield_total_cowos_l"))};
    }
    case PackageKind::cowos_r:
    case PackageKind::description:
    case PackageKind::organic:
      break;
  }
  return {
      b.name(prefix + ".cost", "redistribution layers, bonding, substrate", "USD", base + layers),
      b.name(prefix + ".yield", "good packages", "1", bonded("bond.yield_per_die.rdl", all))};
}

// --- own chips
// ------------------------------------------------------------------------------------

std::optional<DieInputs> own_die(Builder& b, const chip::Die& die) {
  const auto& cost = b.chip.cost;
  const std::string node = node_class(die.node);
  if (!die.width || !die.height) {
    b.costing.not_priced.push_back(
        fmt::format("die `{}`: its description has no width and height", die.id));
    return std::nullopt;
  }
  const bool has_price = (cost && cost->wafer) || b.has_row("wafer_price." + node);
  const bool has_density = b.chip.yield.has_value() || b.has_row("d0." + node);
  if (!has_price || !has_density) {
    b.costing.not_priced.push_back(
        fmt::format("die `{}`: neither its description nor the tables have a price of `{}` wafers "
                    "and a defect density",
                    die.id, die.node));
    return std::nullopt;
  }
  const auto placed =
      std::count_if(b.chip.die_instances.begin(), b.chip.die_instances.end(),
                    [&](const chip::DieInstance& instance) { return instance.die == die.id; });
  const std::string path = fmt::format("die.{}", die.id);
  DieInputs inputs{
      .id = die.id,
      .width = b.given(path + ".width", *die.width, kMm, "mm"),
      .height = b.given(path + ".height", *die.height, kMm, "mm"),
      .count = b.derived(path + ".count", static_cast<double>(placed), "dies",
                         "placed on the package", "the description's die instances"),
      .wafer = cost && cost->wafer ? b.given("cost.wafer", *cost->wafer, 1, "USD/wafer", "wafer")
                                   : b.row("wafer_price." + node),
      .d0 = b.chip.yield ? b.given("yield.d0", b.chip.yield->d0, kPerCm2, "defects/cm2", "defects")
                         : b.row("d0." + node),
      .alpha = b.chip.yield ? b.given("yield.alpha", b.chip.yield->alpha, 1, "-")
                            : b.row("yield.alpha_logic"),
      .repair = {}};
  if (b.chip.yield) {
    inputs.model = b.chip.yield->model;
    inputs.repair = {
        .cores = die.core_rows * die.core_cols + die.spare_cores,
        .spares = die.spare_cores,
        .area = b.given("yield.repairable_area", b.chip.yield->repairable_area, 1, "1"),
        .success = b.given("yield.repair_success", b.chip.yield->repair_success, 1, "1")};
  }
  return inputs;
}

struct PackagePrice {
  Expr cost;
  Expr yield;
};

PackagePrice own_package(Builder& b, const PackageSizes* sizes, Section& section) {
  const auto& cost = b.chip.cost;
  const bool described = cost && cost->package_fixed;
  std::optional<Expr> from_description;
  if (described) {
    const Expr fixed = b.given("cost.package_fixed", *cost->package_fixed, 1, "USD", "package");
    from_description =
        b.name("package.description.cost", "the description's prices", "USD",
               sizes != nullptr && cost->interposer
                   ? sizes->interposer * b.given("cost.interposer", *cost->interposer, 1 / kMm2,
                                                 "USD/mm2", "package") +
                         fixed
                   : fixed);
    section.lines.push_back(from_description->id);
  }
  const Expr own_yield =
      b.chip.yield ? b.name("package.description.yield", "good packages", "1",
                            1 - b.given("yield.assembly_loss", b.chip.yield->assembly_loss, 1, "1"))
                   : b.row("assembly.yield_total_cowos_s");
  std::optional<PackagePrice> chosen;
  if (sizes != nullptr) {
    for (const PackageEntry& entry : packages()) {
      if (entry.kind == PackageKind::description) {
        continue;
      }
      const PackageParts parts = package_parts(b, entry.kind, *sizes);
      section.lines.insert(section.lines.end(), {parts.cost.id, parts.yield.id});
      if (entry.kind == b.options.package) {
        chosen = {parts.cost, parts.yield};
      }
    }
  }
  if (chosen) {
    return *chosen;
  }
  return {from_description ? *from_description : b.row("cowos.package_cost_generic"), own_yield};
}

Expr own_test(Builder& b) {
  if (b.chip.cost && b.chip.cost->test) {
    return b.given("cost.test", *b.chip.cost->test, 1, "USD");
  }
  const auto work = [&](std::string_view rate, std::string_view time) {
    return b.row(rate) * b.row(time) / 3600;
  };
  return work("test.wafer_probe_rate", "test.probe_time_large_die") +
         work("test.final_rate", "test.final_time") + work("test.final_rate", "test.slt_time");
}

}  // namespace

std::span<const LossEntry> losses() {
  static constexpr std::array kLosses{
      LossEntry{Loss::buyer, "buyer", "the buyer pays for all that was in a failed package"},
      LossEntry{Loss::consigned, "consigned",
                "the buyer pays for its dies and stacks, the packager for its own work"},
      LossEntry{Loss::packager, "packager", "the packager pays for everything"},
  };
  return kLosses;
}

std::span<const PackageEntry> packages() {
  static constexpr std::array kPackages{
      PackageEntry{PackageKind::description, "description", "the description's prices"},
      PackageEntry{PackageKind::organic, "organic", "dies on an organic substrate (no HBM)"},
      PackageEntry{PackageKind::cowos_r, "cowos-r", "2.5D on redistribution layers"},
      PackageEntry{PackageKind::cowos_s, "cowos-s", "2.5D on a silicon interposer"},
      PackageEntry{PackageKind::cowos_l, "cowos-l", "2.5D on layers with silicon bridges"},
      PackageEntry{PackageKind::stacked_3d, "3d",
                   "dies stacked by hybrid bonding, on an interposer"},
  };
  return kPackages;
}

std::optional<Expr> memory_cost(Builder& b) {
  const chip::Memory& memory = chip::main_memory(b.chip);
  const bool own = b.chip.kind == chip::Kind::full;
  const std::string path = fmt::format("memory.{}", memory.id);
  Section section{.title = "Memory", .lines = {}};
  std::optional<Expr> cost;
  if (memory.price_per_stack &&
      b.options.hbm_basis.value_or(HbmBasis::description) == HbmBasis::description) {
    b.costing.hbm_basis = "description";
    const Expr stacks = b.fact(path + ".stacks", static_cast<double>(memory.stacks), "stacks");
    cost = b.name("cogs.memory", fmt::format("{} stacks of {}", memory.stacks, memory.type), "USD",
                  stacks * b.given(path + ".price_per_stack", *memory.price_per_stack, 1,
                                   "USD/stack", "hbm"));
  } else {
    const HbmBasis basis =
        b.options.hbm_basis.value_or(HbmBasis::description) == HbmBasis::description
            ? (own ? HbmBasis::contract : HbmBasis::bom)
            : *b.options.hbm_basis;
    b.costing.hbm_basis = basis == HbmBasis::bom ? "bom" : "contract";
    const std::string_view key = hbm_row(memory.type, basis, b.costing.today);
    if (key.empty()) {
      b.costing.not_priced.push_back(
          fmt::format("memory: the tables have no price of {}", memory.type));
      return std::nullopt;
    }
    const bool has_stacks = memory.stacks > 0 && memory.capacity_per_stack.has_value();
    const Expr size =
        has_stacks ? b.name("memory.capacity", "on all stacks, what is switched off included", "GB",
                            b.fact(path + ".stacks", static_cast<double>(memory.stacks), "stacks") *
                                b.fact(path + ".capacity_per_stack",
                                       memory.capacity_per_stack->value() * kGb, "GB/stack"))
                   : b.fact(path + ".capacity", chip::memory_capacity(memory).value() * kGb, "GB");
    Expr per_gb = b.row(key);
    if (own && memory.type.starts_with("hbm")) {
      per_gb = b.name("memory.price", "price of a small buyer", "USD/GB",
                      per_gb * b.row("hbm3e.newcomer_premium"));
      section.lines.push_back(per_gb.id);
    }
    cost = b.name("cogs.memory", fmt::format("{:.4g} GB of {}", b.central(size), memory.type),
                  "USD", size * per_gb);
    section.lines.push_back(size.id);
  }
  vendors(b, memory, section);
  section.lines.push_back(cost->id);
  b.costing.sections.push_back(std::move(section));
  return cost;
}

Bill bill_of_own(Builder& b) {
  Bill bill;
  Section section{.title = "Dies", .lines = {}};
  std::vector<Expr> costs, wafers, areas;
  double count = 0;
  for (const chip::Die& die : b.chip.dies) {
    const auto inputs = own_die(b, die);
    if (!inputs) {
      continue;
    }
    const DieCost made = die_cost(b, *inputs, section);
    costs.push_back(made.count * made.good);
    wafers.push_back(made.wafers);
    areas.push_back(inputs->width * inputs->height * inputs->count);
    bill.wafer_price = inputs->wafer;
    count += b.central(made.count);
  }
  if (costs.empty()) {
    return bill;
  }
  bill.dies = b.name("cogs.dies", "good dies", "USD", sum(costs));
  bill.wafers = b.name("die.wafers", "wafers a chip", "wafers/chip", sum(wafers));
  section.lines.push_back(bill.wafers->id);
  b.costing.sections.push_back(std::move(section));
  bill.memory = memory_cost(b);
  if (!bill.memory) {
    return bill;
  }
  const bool has_stacks = chip::main_memory(b.chip).type.starts_with("hbm");
  std::optional<PackageSizes> sizes;
  if (b.chip.package && (has_stacks || count > 1)) {
    sizes = package_sizes(b, sum(areas), count,
                          has_stacks ? static_cast<double>(chip::main_memory(b.chip).stacks) : 0);
  }
  Section package_section{.title = "Packages by their parts", .lines = {}};
  const PackagePrice package = own_package(b, sizes ? &*sizes : nullptr, package_section);
  b.costing.sections.push_back(std::move(package_section));
  const Expr work = b.name("cogs.package", "package", "USD", package.cost);
  const Expr test = b.name("cogs.test", "test and assembly", "USD", own_test(b));
  // A die that passes although it is bad takes its package with it.
  Expr yield = package.yield;
  for (const chip::Die& die : b.chip.dies) {
    const auto escape = b.tree.find(fmt::format("die.{}.escape", die.id));
    const auto placed = b.tree.find(fmt::format("die.{}.count", die.id));
    if (escape && placed) {
      yield = yield * power(1 - Expr{&b.tree, *escape}, Expr{&b.tree, *placed});
    }
  }
  yield = b.name("cogs.assembly_yield", "good packages, bad dies in them counted", "1", yield);
  const Expr loss = b.name("cogs.assembly_loss", "lost in assembly and at the last test", "USD",
                           lost(b, bill.dies, bill.memory, work + test, yield));
  bill.cogs =
      b.name("cogs", "bill of material", "USD", *bill.dies + *bill.memory + work + test + loss);
  b.costing.cogs_lines = {bill.dies->id, bill.memory->id, work.id, test.id, loss.id};
  return bill;
}

namespace {

DieInputs bought_die(Builder& b, const chip::Die& die, const Recipe* recipe,
                     const std::string& node) {
  const std::string path = fmt::format("die.{}", die.id);
  DieInputs inputs{.id = die.id,
                   .width = b.tree.constant(0),
                   .height = b.tree.constant(0),
                   .count = b.fact(path + ".count", static_cast<double>(die.count), "dies"),
                   .wafer = b.row("wafer_price." + node),
                   .d0 = b.row("d0." + node),
                   .alpha = b.row("yield.alpha_logic"),
                   .repair = {}};
  sides_of(b, path, b.given(path + ".area", *die.area, kMm2, "mm2"), inputs);
  if (recipe != nullptr && recipe->cores > recipe->enabled) {
    inputs.repair = {.cores = recipe->cores,
                     .spares = recipe->cores - recipe->enabled,
                     .area = b.row("yield.repairable_area_gpu"),
                     .success = {}};
  }
  return inputs;
}

DieInputs extra_die(Builder& b, const Recipe& recipe) {
  DieInputs inputs{.id = "io",
                   .width = b.tree.constant(0),
                   .height = b.tree.constant(0),
                   .count = b.derived("die.io.count", static_cast<double>(recipe.extra_dies),
                                      "dies", "I/O dies", recipe.source, recipe.place),
                   .wafer = b.row("wafer_price." + recipe.extra_node),
                   .d0 = b.row("d0." + recipe.extra_node),
                   .alpha = b.row("yield.alpha_logic"),
                   .repair = {}};
  sides_of(b, "die.io",
           b.derived("die.io.area_mm2", *recipe.extra_area_mm2, "mm2", "area of an I/O die",
                     recipe.source, recipe.place),
           inputs);
  return inputs;
}

std::string row_or(const std::string& of_recipe, std::string_view otherwise) {
  return of_recipe.empty() ? std::string(otherwise) : of_recipe;
}

// A row is a yield, or a loss in dollars that was published as such.
Expr bought_loss(Builder& b, const Recipe* recipe, const Bill& bill, Expr work) {
  const std::string key = recipe == nullptr ? "assembly.yield_total_cowos_s" : recipe->assembly;
  if (key.empty() || b.options.loss == Loss::packager) {
    return b.tree.constant(0);
  }
  const Expr row = b.row(key);
  if (key.find("yield_loss") != std::string::npos) {
    return row + 0;
  }
  return lost(b, bill.dies, bill.memory, work, row);
}

}  // namespace

Bill bill_of_bought(Builder& b, const Recipe* recipe) {
  Bill bill;
  Section section{.title = "Dies", .lines = {}};
  std::vector<Expr> costs, wafers;
  bool is_known = !b.chip.dies.empty();
  for (const chip::Die& die : b.chip.dies) {
    const std::string node =
        recipe != nullptr && !recipe->node.empty() ? recipe->node : node_class(die.node);
    if (!die.area || die.area->basis == chip::Basis::guess) {
      b.costing.not_priced.push_back(fmt::format("die `{}`: no area is public", die.id));
      is_known = false;
    } else if (node.empty() || !b.has_row("wafer_price." + node) || !b.has_row("d0." + node)) {
      b.costing.not_priced.push_back(
          fmt::format("die `{}`: the tables have no wafer price of `{}`", die.id, die.node));
      is_known = false;
    } else {
      const DieCost made = die_cost(b, bought_die(b, die, recipe, node), section);
      costs.push_back(made.count * made.good);
      wafers.push_back(made.wafers);
    }
  }
  if (b.chip.dies.empty()) {
    b.costing.not_priced.emplace_back("dies: no area is public");
  }
  if (recipe != nullptr && recipe->extra_dies > 0) {
    if (recipe->extra_area_mm2) {
      const DieCost made = die_cost(b, extra_die(b, *recipe), section);
      costs.push_back(made.count * made.good);
    } else {
      b.costing.not_priced.push_back(fmt::format(
          "{} I/O dies: no area is public, so the bill is without them", recipe->extra_dies));
    }
  }
  bill.memory = memory_cost(b);
  if (!is_known || !bill.memory) {
    return bill;
  }
  bill.dies = b.name("cogs.dies", "good dies", "USD", sum(costs));
  bill.wafers = b.name("die.wafers", "wafers a chip, compute dies", "wafers/chip", sum(wafers));
  section.lines.push_back(bill.wafers->id);
  b.costing.sections.insert(b.costing.sections.begin(), std::move(section));
  const bool has_stacks = chip::main_memory(b.chip).type.starts_with("hbm");
  const Expr package = b.name("cogs.package", "package", "USD",
                              b.row(recipe != nullptr && !recipe->package.empty() ? recipe->package
                                    : has_stacks ? std::string("cowos.package_cost_generic")
                                                 : std::string("substrate.large_68mm")));
  const Expr test =
      b.name("cogs.test", "test and assembly", "USD",
             b.row(row_or(recipe == nullptr ? "" : recipe->test, "test_and_assembly.h100_class")));
  const Expr loss = b.name("cogs.assembly_loss", "lost in assembly", "USD",
                           bought_loss(b, recipe, bill, package + test));
  bill.cogs =
      b.name("cogs", "bill of material", "USD", *bill.dies + *bill.memory + package + test + loss);
  b.costing.cogs_lines = {bill.dies->id, bill.memory->id, package.id, test.id, loss.id};
  if (b.chip.cost && b.chip.cost->cogs) {
    b.costing.sections.push_back(
        {.title = "As published",
         .lines = {b.given("cost.cogs", *b.chip.cost->cogs, 1, "USD").id}});
  }
  return bill;
}

}  // namespace churon::cost
