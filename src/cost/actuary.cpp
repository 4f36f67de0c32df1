#include "cost/actuary.h"

#include <array>
#include <cmath>
#include <limits>
#include <numbers>

#include "base/text.h"
#include "cost/sheet.h"
#include "cost/yield.h"

namespace churon::cost {

namespace {

using P = ActuaryProcess;
struct ProcessRow {
  std::string_view name;
  double P::* of;  // nullptr: of the non-recurring cost, which this mode does not compute
  double high = std::numeric_limits<double>::infinity();
};
constexpr std::array kProcess{
    ProcessRow{"wafer_diameter_mm", &P::wafer_diameter_mm},
    ProcessRow{"scribe_lane_mm", &P::scribe_lane_mm},
    ProcessRow{"edge_loss_mm", &P::edge_loss_mm},
    ProcessRow{"alpha_die", &P::alpha_die},
    ProcessRow{"alpha_rdl", &P::alpha_rdl},
    ProcessRow{"alpha_si", &P::alpha_si},
    ProcessRow{"d0_rdl", &P::d0_rdl},
    ProcessRow{"d0_si", &P::d0_si},
    ProcessRow{"rdl_wafer_usd", &P::rdl_wafer_usd},
    ProcessRow{"si_wafer_usd", &P::si_wafer_usd},
    ProcessRow{"os_area_scale", &P::os_area_scale},
    ProcessRow{"rdl_area_scale", &P::rdl_area_scale},
    ProcessRow{"si_area_scale", &P::si_area_scale},
    ProcessRow{"os_cost_usd_mm2", &P::os_cost_usd_mm2},
    ProcessRow{"os_factor_multi_gt900mm2", &P::os_factor_multi_gt900mm2},
    ProcessRow{"os_factor_multi_gt289mm2", &P::os_factor_multi_gt289mm2},
    ProcessRow{"os_factor_multi_else", &P::os_factor_multi_else},
    ProcessRow{"c4_bump_usd_mm2", &P::c4_bump_usd_mm2},
    ProcessRow{"ubump_usd_mm2", &P::ubump_usd_mm2},
    ProcessRow{"bond_yield_os", &P::bond_yield_os, 1},
    ProcessRow{"bond_yield_rdl", &P::bond_yield_rdl, 1},
    ProcessRow{"bond_yield_si", &P::bond_yield_si, 1},
    ProcessRow{"nre_share_module", nullptr},
    ProcessRow{"nre_share_chip", nullptr},
    ProcessRow{"d2d_area_overhead_in_experiments", nullptr},
};

struct IntegrationRow {
  std::string_view word;
  Integration integration;
};
constexpr std::array kIntegrations{
    IntegrationRow{"OS", Integration::organic},
    IntegrationRow{"organic", Integration::organic},
    IntegrationRow{"SoC", Integration::organic},
    IntegrationRow{"MCM", Integration::organic},
    IntegrationRow{"FO", Integration::fan_out},
    IntegrationRow{"fan-out", Integration::fan_out},
    IntegrationRow{"InFO", Integration::fan_out},
    IntegrationRow{"RDL", Integration::fan_out},
    IntegrationRow{"SI", Integration::interposer},
    IntegrationRow{"2.5D", Integration::interposer},
    IntegrationRow{"CoWoS", Integration::interposer},
    IntegrationRow{"interposer", Integration::interposer},
};

// Dies or interposers of that area on a wafer; not rounded, and negative for very large ones.
double gross(const P& process, double area) {
  const double e = process.edge_loss_mm, s = process.scribe_lane_mm;
  const double with_street = area + 2 * s * std::sqrt(area) + s * s;
  const double radius = process.wafer_diameter_mm / 2 - e;
  return std::numbers::pi * radius * radius / with_street -
         std::numbers::pi * 2 * radius / std::sqrt(2 * with_street);
}

double yield_of(double area_mm2, double d0_per_cm2, double alpha) {
  return yield_negative_binomial(area_mm2 / 100 * d0_per_cm2, alpha);
}

// Areas in its parameter names are sums of die areas.
double substrate_factor(const P& process, double area, std::int64_t chiplets) {
  return chiplets == 1 ? 1
         : area > 900  ? process.os_factor_multi_gt900mm2
         : area > 289  ? process.os_factor_multi_gt289mm2
                       : process.os_factor_multi_else;
}

void package_organic(const P& p, double area, std::int64_t chiplets, ActuaryCost& cost) {
  const double loss = 1 / std::pow(p.bond_yield_os, static_cast<double>(chiplets)) - 1;
  cost.raw_package =
      p.os_area_scale * area * p.os_cost_usd_mm2 * substrate_factor(p, area, chiplets);
  cost.defect_package = cost.raw_package * loss;
  cost.wasted_chips = (cost.raw_chips + cost.defect_chips) * loss;
}

struct Carrier {  // of FO and SI
  double scale, wafer, d0, alpha, bond_yield;
};

void package_carrier(const P& p, const Carrier& carrier, double area, std::int64_t chiplets,
                     ActuaryCost& cost) {
  const double size = area * carrier.scale;
  const double dies = gross(p, size);
  if (dies <= 0) {
    cost.gross_dies = 0;
    return;
  }
  const double bonded = std::pow(carrier.bond_yield, static_cast<double>(chiplets));
  const double made = carrier.wafer / dies + size * p.c4_bump_usd_mm2;
  const double substrate = p.os_area_scale * size * p.os_cost_usd_mm2;
  cost.raw_package = made + substrate;
  cost.defect_package =
      made * (1 / (yield_of(size, carrier.d0, carrier.alpha) * bonded * p.bond_yield_os) - 1) +
      substrate * (1 / p.bond_yield_os - 1);
  cost.wasted_chips = (cost.raw_chips + cost.defect_chips) * (1 / (bonded * p.bond_yield_os) - 1);
}

Result<std::vector<ActuaryNode>> read_nodes(const std::string& path) {
  auto sheet = Sheet::open(path);
  if (!sheet) {
    return fail(sheet);
  }
  const int node = sheet->need("node_nm"), d0 = sheet->need("d0_per_cm2"),
            wafer = sheet->need("wafer_usd");
  std::vector<ActuaryNode> nodes;
  if (sheet->good()) {
    sheet->unique(node);
    for (const CsvRow& row : sheet->table().rows) {
      const Bounds positive{.low = 0, .low_included = false};
      const auto nm = sheet->number(row, node, positive);
      const auto density = sheet->number(row, d0, {.low = 0});
      const auto price = sheet->number(row, wafer, positive);
      if (nm && density && price) {
        nodes.push_back({*nm, *density, *price});
      }
    }
  }
  if (!sheet->good()) {
    return tl::unexpected(sheet->findings());
  }
  return nodes;
}

Result<ActuaryProcess> read_process(const std::string& path) {
  auto sheet = Sheet::open(path);
  if (!sheet) {
    return fail(sheet);
  }
  const int name = sheet->need("parameter"), value = sheet->need("value");
  ActuaryProcess process;
  std::array<bool, kProcess.size()> seen{};
  if (sheet->good()) {
    sheet->unique(name);
    for (const CsvRow& row : sheet->table().rows) {
      std::size_t at = 0;
      while (at < kProcess.size() && kProcess[at].name != sheet->text(row, name)) {
        ++at;
      }
      if (at == kProcess.size()) {
        sheet->find(row, name, "K0106",
                    fmt::format("there is no parameter `{}`", sheet->text(row, name)), "unknown");
        continue;
      }
      const auto number =
          sheet->number(row, value, {.low = 0, .high = kProcess[at].high, .low_included = false});
      seen[at] = true;
      if (number && kProcess[at].of != nullptr) {
        process.*kProcess[at].of = *number;
      }
    }
    for (std::size_t at = 0; at < kProcess.size(); ++at) {
      if (!seen[at] && kProcess[at].of != nullptr) {
        sheet->find(sheet->table().header, name, "K0107",
                    fmt::format("the parameter `{}` is missing", kProcess[at].name),
                    "in this table");
      }
    }
  }
  if (!sheet->good()) {
    return tl::unexpected(sheet->findings());
  }
  return process;
}

}  // namespace

std::optional<Integration> integration(std::string_view word) {
  const std::string wanted = to_lower_ascii(trim(word));
  for (const IntegrationRow& row : kIntegrations) {
    if (to_lower_ascii(row.word) == wanted) {
      return row.integration;
    }
  }
  return std::nullopt;
}

std::string integration_words() {
  std::vector<std::string> words;
  for (const IntegrationRow& row : kIntegrations) {
    words.emplace_back(row.word);
  }
  return join(words, ", ");
}

const ActuaryNode* Actuary::node(double node_nm) const {
  for (const ActuaryNode& found : nodes) {
    if (found.node_nm == node_nm) {
      return &found;
    }
  }
  return nullptr;
}

Result<Actuary> load_actuary(const std::string& folder) {
  auto nodes = read_nodes(folder + "/chiplet_actuary_params.csv");
  if (!nodes) {
    return fail(nodes);
  }
  const auto process = read_process(folder + "/chiplet_actuary_process.csv");
  if (!process) {
    return fail(process);
  }
  return Actuary{std::move(*nodes), *process};
}

ActuaryCost recurring_cost(const Actuary& actuary, const ActuaryNode& node,
                           const ActuaryCase& what) {
  const ActuaryProcess& p = actuary.process;
  const auto n = static_cast<double>(what.chiplets);
  ActuaryCost cost;
  cost.die_area_mm2 = what.module_area_mm2 / n * (1 + (what.chiplets > 1 ? what.d2d_overhead : 0));
  cost.gross_dies = gross(p, cost.die_area_mm2);
  cost.die_yield = yield_of(cost.die_area_mm2, node.d0, p.alpha_die);
  if (cost.gross_dies <= 0) {
    return cost;
  }
  const double die = node.wafer / cost.gross_dies;
  const double bump =
      what.integration == Integration::organic ? p.c4_bump_usd_mm2 : p.ubump_usd_mm2;
  cost.raw_chips = n * (die + cost.die_area_mm2 * bump);
  cost.defect_chips = n * die * (1 / cost.die_yield - 1);
  const double area = n * cost.die_area_mm2;
  switch (what.integration) {
    case Integration::organic:
      package_organic(p, area, what.chiplets, cost);
      break;
    case Integration::fan_out:
      package_carrier(p,
                      {p.rdl_area_scale, p.rdl_wafer_usd, p.d0_rdl, p.alpha_rdl, p.bond_yield_rdl},
                      area, what.chiplets, cost);
      break;
    case Integration::interposer:
      package_carrier(p, {p.si_area_scale, p.si_wafer_usd, p.d0_si, p.alpha_si, p.bond_yield_si},
                      area, what.chiplets, cost);
      break;
  }
  return cost;
}

}  // namespace churon::cost
