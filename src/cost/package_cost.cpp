#include "cost/package_cost.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "cost/die_cost.h"
#include "cost/functions.h"

namespace churon::cost {

namespace {

constexpr double kMm = 1e3;   // of a metre
constexpr double kMm2 = 1e6;  // of a square metre

// Footprint of an HBM stack.
constexpr double kStackMm2 = 11 * 10;

PackagePrice package_parts(Builder& b, PackageKind kind, const PackageSizes& sizes) {
  const std::string word(packages()[static_cast<std::size_t>(kind)].word);
  const std::string prefix = "package." + word;
  const double all = sizes.dies + sizes.stacks;
  const auto bonded = [&](std::string_view row, double count) {
    return power(b.row(row, "1"), b.tree.constant(count));
  };
  const Expr substrate = sizes.substrate * b.row("substrate.organic_cost", "USD/mm2");
  if (kind == PackageKind::organic) {
    const Expr cost = b.name(prefix + ".cost", "substrate of two layers' price, bumps", "USD",
                             2 * substrate + sizes.chips * b.row("bump.c4_cost", "USD/mm2"));
    return {cost, b.name(prefix + ".yield", "good packages", "1",
                         bonded("bond.yield_per_die.organic", all))};
  }
  const auto found = b.find("package.wafer.gross");
  const Expr gross = found ? *found
                           : gross_of(b, "package.wafer", sizes.interposer_width,
                                      sizes.interposer_height, "interposer");
  const Expr base = b.row("cowos.wafer_price", "USD/wafer") / gross + substrate +
                    sizes.chips * b.row("bump.micro_cost", "USD/mm2") +
                    sizes.interposer * b.row("bump.c4_cost", "USD/mm2");
  const Expr cm2 = sizes.interposer / 100;
  const Expr silicon =
      b.row("wafer_price.interposer_65nm", "USD/wafer") /
      (gross * b.tree.call(kNegativeBinomial, {cm2 * b.row("interposer_si.d0", "defects/cm2"),
                                               b.row("yield.alpha_interposer", "1")}));
  const Expr layers = b.row("wafer_price.rdl_fanout", "USD/wafer") /
                      (gross * b.tree.call(kNegativeBinomial, {cm2 * b.row("rdl.d0", "defects/cm2"),
                                                               b.row("yield.alpha_rdl", "1")}));
  switch (kind) {
    case PackageKind::cowos_s:
      return {
          b.name(prefix + ".cost", "silicon interposer, bonding, substrate", "USD", base + silicon),
          b.name(prefix + ".yield", "good packages", "1",
                 b.row("assembly.yield_total_cowos_s", "1"))};
    case PackageKind::stacked_3d:
      return {b.name(prefix + ".cost", "silicon interposer, hybrid bonding of the dies, substrate",
                     "USD",
                     base + silicon + b.row("cowos_soic.package_cost_3d_stack_class", "USD/unit") -
                         b.row("cowos_s.package_cost_h100_class", "USD/unit")),
              b.name(prefix + ".yield", "good packages", "1",
                     b.row("assembly.yield_total_cowos_s", "1") *
                         bonded("bond.yield_per_die.hybrid_3d", sizes.dies))};
    case PackageKind::cowos_l: {
      const Expr bridges =
          b.name(prefix + ".bridges", "silicon bridges", "1",
                 b.row("package.bridges_per_stack", "bridges/stack") * sizes.stacks +
                     std::max(sizes.dies - 1, 0.0));
      return {b.name(prefix + ".cost", "redistribution layers, silicon bridges, bonding, substrate",
                     "USD", base + layers + bridges * b.row("emib.bridge_cost", "USD/bridge")),
              b.name(prefix + ".yield", "good packages", "1",
                     b.row("assembly.yield_total_cowos_l", "1"))};
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

}  // namespace

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
                   b.row("substrate.area_factor", "ratio") * chips);
  return sizes;
}

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
                   : b.row("assembly.yield_total_cowos_s", "1");
  std::optional<PackagePrice> chosen;
  if (sizes != nullptr) {
    for (const PackageEntry& entry : packages()) {
      const bool has_carrier = entry.kind != PackageKind::organic;
      if (entry.kind == PackageKind::description ||
          (has_carrier && !fits(b, sizes->interposer_width, sizes->interposer_height))) {
        continue;
      }
      const PackagePrice parts = package_parts(b, entry.kind, *sizes);
      section.lines.insert(section.lines.end(), {parts.cost.id, parts.yield.id});
      if (entry.kind == b.options.package) {
        chosen = {parts.cost, parts.yield};
      }
    }
  }
  if (chosen) {
    return *chosen;
  }
  return {from_description ? *from_description : b.row("cowos.package_cost_generic", "USD/unit"),
          own_yield};
}

}  // namespace churon::cost
