// The recurring cost of Chiplet Actuary (Feng and Ma, "Chiplet Actuary: a quantitative cost model
// and multi-chiplet architecture exploration", DAC 2022), in its own formulas and with its
// parameter set, so that its published tables can be checked. Only for that: our own bills are in
// bill.h. The formulas are written out in data/cost/README.md. There is no reticle check.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace churon::cost {

enum class Integration {
  organic,     // OS: dies on an organic substrate (MCM); a single die is a SoC
  fan_out,     // FO: on a redistribution layer
  interposer,  // SI: 2.5D, on a silicon interposer
};
std::optional<Integration> integration(std::string_view word);
std::string integration_words();  // for messages

struct ActuaryNode {
  double node_nm = 0;
  double d0 = 0;     // per cm2
  double wafer = 0;  // USD
};

// data/cost/chiplet_actuary_process.csv; names as there.
struct ActuaryProcess {
  double wafer_diameter_mm = 0, scribe_lane_mm = 0, edge_loss_mm = 0;
  double alpha_die = 0, alpha_rdl = 0, alpha_si = 0, d0_rdl = 0, d0_si = 0;
  double rdl_wafer_usd = 0, si_wafer_usd = 0;
  double os_area_scale = 0, rdl_area_scale = 0, si_area_scale = 0;
  double os_cost_usd_mm2 = 0;
  double os_factor_multi_gt900mm2 = 0, os_factor_multi_gt289mm2 = 0, os_factor_multi_else = 0;
  double c4_bump_usd_mm2 = 0, ubump_usd_mm2 = 0;
  double bond_yield_os = 0, bond_yield_rdl = 0, bond_yield_si = 0;
};

struct Actuary {
  std::vector<ActuaryNode> nodes;
  ActuaryProcess process;

  [[nodiscard]] const ActuaryNode* node(double node_nm) const;
};
// Reads both parameter files of a folder strictly. Errors: those of sheet.h, K0106 (a parameter
// that is not known), K0107 (one that is missing).
Result<Actuary> load_actuary(const std::string& folder);

struct ActuaryCase {
  double module_area_mm2 = 0;  // of all modules together
  std::int64_t chiplets = 1;
  double d2d_overhead = 0;  // of a chiplet's area; a single die has none
  Integration integration = Integration::organic;
};

struct ActuaryCost {
  double die_area_mm2 = 0, gross_dies = 0, die_yield = 0;
  double raw_chips = 0, defect_chips = 0, raw_package = 0, defect_package = 0, wasted_chips = 0;
  [[nodiscard]] double total() const {
    return raw_chips + defect_chips + raw_package + defect_package + wasted_chips;
  }
};
// `gross_dies` is not positive where no die or no interposer fits on the wafer: the rest is
// meaningless then.
ActuaryCost recurring_cost(const Actuary& actuary, const ActuaryNode& node,
                           const ActuaryCase& what);

}  // namespace churon::cost
