// The bill of material: dies, memory, package, test, and what is lost in assembly.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/text.h"
#include "chip/values.h"
#include "cost/builder.h"
#include "cost/die_cost.h"
#include "cost/package_cost.h"
#include "cost/process.h"
#include "silicon/area.h"

namespace churon::cost {

namespace {

// Units of rows.
constexpr std::string_view kUsdWafer = "USD/wafer", kUsdUnit = "USD/unit",
                           kDefectsCm2 = "defects/cm2";

constexpr double kMm = 1e3;       // of a metre
constexpr double kMm2 = 1e6;      // of a square metre
constexpr double kPerCm2 = 1e-4;  // of one per square metre

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

// --- own chips

// As drawn; else of the area that its blocks come to, where there is one kind of die. False: the
// reason is in the costing.
bool own_sides(Builder& b, const chip::Die& die, double placed, DieInputs& inputs) {
  const std::string path = fmt::format("die.{}", die.id);
  if (die.width && die.height) {
    inputs.width = b.given(path + ".width", *die.width, kMm, "mm");
    inputs.height = b.given(path + ".height", *die.height, kMm, "mm");
    return true;
  }
  std::optional<silicon::Band> gross;
  if (b.chip.dies.size() == 1 && placed > 0) {
    if (const auto area = silicon::area(b.chip)) {
      gross = area->gross;
    }
  }
  if (!gross) {
    b.costing.not_priced.push_back(
        fmt::format("die `{}`: no width and height, and no area from its blocks", die.id));
    return false;
  }
  const double each = kMm2 / placed;
  sides_of(
      b, path,
      b.modelled(path + ".area_mm2", {gross->low * each, gross->central * each, gross->high * each},
                 "mm2", "area of a die, by its blocks",
                 fmt::format("`churon silicon {}`", b.chip.id)),
      inputs);
  return true;
}

std::optional<DieInputs> own_die(Builder& b, const chip::Die& die) {
  const auto& cost = b.chip.cost;
  const std::string path = fmt::format("die.{}", die.id);
  const Process process = process_of(b, die);
  const std::string wafer_row = "wafer_price." + process.node, density_row = "d0." + process.node;
  if ((!process.price_described && !b.has_row(wafer_row)) ||
      (!process.density_described && !b.has_row(density_row))) {
    b.costing.not_priced.push_back(
        fmt::format("die `{}`: its description does not have both a wafer price and a density of "
                    "defects of `{}`; the tables have those of {}",
                    die.id, process.name, join(priced_nodes(b), ", ")));
    return std::nullopt;
  }
  const auto placed =
      std::count_if(b.chip.die_instances.begin(), b.chip.die_instances.end(),
                    [&](const chip::DieInstance& instance) { return instance.die == die.id; });
  DieInputs inputs{.id = die.id,
                   .width = b.tree.constant(0),
                   .height = b.tree.constant(0),
                   .count = b.derived(path + ".count", static_cast<double>(placed), "dies",
                                      "placed on the package", "the description's die instances"),
                   .wafer = process.price_described
                                ? b.given("cost.wafer", *cost->wafer, 1, "USD/wafer", "wafer")
                                : b.row(wafer_row, kUsdWafer),
                   .d0 = process.density_described ? b.given("yield.d0", b.chip.yield->d0, kPerCm2,
                                                             "defects/cm2", "defects")
                                                   : b.row(density_row, kDefectsCm2),
                   .alpha = b.chip.yield ? b.given("yield.alpha", b.chip.yield->alpha, 1, "-")
                                         : b.row("yield.alpha_logic", "1"),
                   .repair = {}};
  if (!own_sides(b, die, static_cast<double>(placed), inputs)) {
    return std::nullopt;
  }
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

Expr own_test(Builder& b) {
  if (b.chip.cost && b.chip.cost->test) {
    return b.given("cost.test", *b.chip.cost->test, 1, "USD");
  }
  const auto work = [&](std::string_view rate, std::string_view time) {
    return b.row(rate, "USD/h") * b.row(time, "s") / 3600;
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

namespace {

struct OwnDies {
  std::vector<Expr> costs, wafers, areas;
  double count = 0;
};

OwnDies own_dies(Builder& b, Bill& bill, Section& section) {
  OwnDies dies;
  for (const chip::Die& die : b.chip.dies) {
    if (const auto inputs = own_die(b, die)) {
      const DieCost made = die_cost(b, *inputs, section);
      dies.costs.push_back(made.count * made.good);
      dies.wafers.push_back(made.wafers);
      dies.areas.push_back(inputs->width * inputs->height * inputs->count);
      dies.count += b.central(made.count);
      bill.wafer_price = inputs->wafer;
    }
  }
  return dies;
}

// A die that passes its test although it is bad takes its package with it.
Expr with_escapes(Builder& b, Expr yield) {
  for (const chip::Die& die : b.chip.dies) {
    const auto escape = b.find(fmt::format("die.{}.escape", die.id));
    const auto placed = b.find(fmt::format("die.{}.count", die.id));
    if (escape && placed) {
      yield = yield * power(1 - *escape, *placed);
    }
  }
  return b.name("cogs.assembly_yield", "good packages, bad dies in them counted", "1", yield);
}

// The last lines and their sum.
void add_up(Builder& b, Bill& bill, Expr package, Expr test, Expr loss) {
  bill.cogs =
      b.name("cogs", "bill of material", "USD", *bill.dies + *bill.memory + package + test + loss);
  b.costing.cogs_lines = {bill.dies->id, bill.memory->id, package.id, test.id, loss.id};
}

}  // namespace

Bill bill_of_own(Builder& b) {
  Bill bill;
  Section section{.title = "Dies", .lines = {}};
  const OwnDies dies = own_dies(b, bill, section);
  if (dies.costs.size() < b.chip.dies.size() || dies.costs.empty()) {
    return bill;
  }
  bill.dies = b.name("cogs.dies", "good dies", "USD", sum(dies.costs));
  bill.wafers = b.name("die.wafers", "wafers a chip", "wafers/chip", sum(dies.wafers));
  section.lines.push_back(bill.wafers->id);
  b.costing.sections.push_back(std::move(section));
  bill.memory = memory_cost(b);
  if (!bill.memory) {
    return bill;
  }
  const chip::Memory& memory = chip::main_memory(b.chip);
  const bool has_stacks = memory.type.starts_with("hbm");
  std::optional<PackageSizes> sizes;
  if (b.chip.package && (has_stacks || dies.count > 1)) {
    sizes = package_sizes(b, sum(dies.areas), dies.count,
                          has_stacks ? static_cast<double>(memory.stacks) : 0);
  }
  Section packages{.title = "Packages by their parts", .lines = {}};
  const PackagePrice package = own_package(b, sizes ? &*sizes : nullptr, packages);
  b.costing.sections.push_back(std::move(packages));
  const Expr work = b.name("cogs.package", "package", "USD", package.cost);
  const Expr test = b.name("cogs.test", "test and assembly", "USD", own_test(b));
  const Expr yield = with_escapes(b, package.yield);
  const Expr loss = b.name("cogs.assembly_loss", "lost in assembly and at the last test", "USD",
                           lost(b, bill.dies, bill.memory, work + test, yield));
  add_up(b, bill, work, test, loss);
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
                   .wafer = b.row("wafer_price." + node, kUsdWafer),
                   .d0 = b.row("d0." + node, kDefectsCm2),
                   .alpha = b.row("yield.alpha_logic", "1"),
                   .repair = {}};
  sides_of(b, path, b.given(path + ".area", *die.area, kMm2, "mm2"), inputs);
  if (recipe != nullptr && recipe->cores > recipe->enabled) {
    inputs.repair = {.cores = recipe->cores,
                     .spares = recipe->cores - recipe->enabled,
                     .area = b.row("yield.repairable_area_gpu", "1"),
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
                   .wafer = b.row("wafer_price." + recipe.extra_node, kUsdWafer),
                   .d0 = b.row("d0." + recipe.extra_node, kDefectsCm2),
                   .alpha = b.row("yield.alpha_logic", "1"),
                   .repair = {}};
  sides_of(b, "die.io",
           b.derived("die.io.area_mm2", *recipe.extra_area_mm2, "mm2", "area of an I/O die",
                     recipe.source, recipe.place),
           inputs);
  return inputs;
}

struct BoughtDies {
  std::vector<Expr> costs, wafers;
};

// As published, unless --set says another one.
std::string bought_node(const Builder& b, const chip::Die& die, const Recipe* recipe) {
  const chip::Value* stated = chip::find_value(b.chip, fmt::format("die.{}.node", die.id));
  const bool is_set = stated != nullptr && stated->since < 0;
  return recipe != nullptr && !recipe->node.empty() && !is_set ? recipe->node
                                                               : node_class(die.node);
}

// Nothing where something that is needed is not public; the reasons are in the costing.
std::optional<BoughtDies> bought_dies(Builder& b, const Recipe* recipe, Section& section) {
  BoughtDies dies;
  auto& missing = b.costing.not_priced;
  bool is_known = !b.chip.dies.empty();
  for (const chip::Die& die : b.chip.dies) {
    const std::string node = bought_node(b, die, recipe);
    if (!die.area || die.area->basis == chip::Basis::guess) {
      missing.push_back(fmt::format("die `{}`: no area is public", die.id));
      is_known = false;
    } else if (!b.has_row("wafer_price." + node) || !b.has_row("d0." + node)) {
      missing.push_back(
          fmt::format("die `{}`: the tables have no {} of `{}`", die.id,
                      b.has_row("wafer_price." + node) ? "defect density" : "wafer price",
                      node.empty() ? die.node : node));
      is_known = false;
    } else {
      const DieCost made = die_cost(b, bought_die(b, die, recipe, node), section);
      dies.costs.push_back(made.count * made.good);
      dies.wafers.push_back(made.wafers);
    }
  }
  if (b.chip.dies.empty()) {
    missing.emplace_back("dies: no area is public");
  }
  if (recipe != nullptr && recipe->extra_dies > 0 && recipe->extra_area_mm2) {
    const DieCost made = die_cost(b, extra_die(b, *recipe), section);
    dies.costs.push_back(made.count * made.good);
  } else if (recipe != nullptr && recipe->extra_dies > 0) {
    b.costing.is_part_of_bill = true;
    missing.push_back(fmt::format("{} I/O dies: no area is public, so the bill is without them",
                                  recipe->extra_dies));
  }
  return is_known ? std::optional(dies) : std::nullopt;
}

std::string row_or(const std::string& of_recipe, std::string_view otherwise) {
  return of_recipe.empty() ? std::string(otherwise) : of_recipe;
}

// A row is a yield, or a loss in dollars that was published as such. Without one the row of test
// and assembly holds the scrap, as that of the H100 class does.
Expr bought_loss(Builder& b, const Recipe* recipe, const Bill& bill, Expr work) {
  const std::string key = recipe == nullptr ? "" : recipe->assembly;
  if (key.empty() || b.options.loss == Loss::packager) {
    return b.tree.constant(0);
  }
  return b.unit_of(key) == kUsdUnit ? b.row(key, kUsdUnit) + 0
                                    : lost(b, bill.dies, bill.memory, work, b.row(key, "1"));
}

}  // namespace

Bill bill_of_bought(Builder& b, const Recipe* recipe) {
  Bill bill;
  Section section{.title = "Dies", .lines = {}};
  const auto dies = bought_dies(b, recipe, section);
  bill.memory = memory_cost(b);
  if (!dies || !bill.memory) {
    return bill;
  }
  bill.dies = b.name("cogs.dies", "good dies", "USD", sum(dies->costs));
  bill.wafers =
      b.name("die.wafers", "wafers a chip, compute dies", "wafers/chip", sum(dies->wafers));
  section.lines.push_back(bill.wafers->id);
  b.costing.sections.insert(b.costing.sections.begin(), std::move(section));
  const bool has_stacks = chip::main_memory(b.chip).type.starts_with("hbm");
  const std::string_view otherwise =
      has_stacks ? "cowos.package_cost_generic" : "substrate.large_68mm";
  const Expr package =
      b.name("cogs.package", "package", "USD",
             b.row(row_or(recipe == nullptr ? "" : recipe->package, otherwise), kUsdUnit));
  const Expr test =
      b.name("cogs.test", "test and assembly", "USD",
             b.row(row_or(recipe == nullptr ? "" : recipe->test, "test_and_assembly.h100_class"),
                   kUsdUnit));
  const Expr loss = b.name("cogs.assembly_loss", "lost in assembly", "USD",
                           bought_loss(b, recipe, bill, package + test));
  add_up(b, bill, package, test, loss);
  if (b.chip.cost && b.chip.cost->cogs) {
    b.costing.sections.push_back(
        {.title = "As published",
         .lines = {b.given("cost.cogs", *b.chip.cost->cogs, 1, "USD").id}});
  }
  return bill;
}

}  // namespace churon::cost
