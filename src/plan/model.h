// A scenario as a mixed-integer program; docs/plan.md has it in formulas. Every decision belongs to
// the node of the tree (tree.h) whose knowledge it may use: an order for delivery in quarter d is
// signed in quarter max(now, d - booking), may be cut down until d - lead, and what is rented and
// served follows in quarter d itself.
#pragma once

#include <string>
#include <vector>

#include "plan/program.h"
#include "plan/scenario.h"
#include "plan/tree.h"

namespace churon::plan {

// What is left open: everything, or less, to see what the rest is worth.
struct Policy {
  std::string key, text;
  std::string vendor = {};      // that alone may be ordered from
  int without = -1;             // the own chip that is left out, where it is one of several
  std::vector<bool> may_order;  // by option; empty: all. What is signed already stays signed
  int first_signing = 0;        // quarter before which nothing new is signed, no gate decided
  // What the booking windows have signed before that quarter is not to be had later; else it is
  // signed in that quarter.
  bool is_late_lost = false;
  bool has_vendor_share = true;
};

// By node of the tree; no index: there is no such decision.
using ByNode = std::vector<VariableId>;

struct OptionVariables {
  double scale = 1;                        // chips per unit of a variable
  std::vector<ByNode> order;               // by delivery, at the signing: beyond what is committed
  std::vector<std::vector<ByNode>> taken;  // by delivery and site, at the last cut
  std::vector<ByNode> paid;                // by delivery, at the last cut
  std::vector<ByNode> discounted;          // the same: of these, at the discount
  std::vector<ByNode> gate;                // by quarter: decided in it
  ByNode rent;                             // of a quarter, at its signing: see rent_node
  std::vector<ByNode> fleet;               // by site
  std::vector<ByNode> serve;               // by class: chips of the fleet that serve it
};

// A row that is a cap of the scenario's: what binds, what it is worth, what may have to give way.
struct Cap {
  RowId row;
  std::string key;   // "power.texas"
  std::string text;  // "power at texas"
  std::string unit;  // "W"
  int quarter = 0;
  int node = 0;
  double scale = 1;  // units of `unit` per unit of the row
  SourceSpan place;
  // What a percent more of it is a percent of, in units of the row: its limit; of what has to be
  // served the demand, of a share that share of the whole fleet or of what all sources give (size +
  // the sum of `size_terms`).
  double size = 0;
  std::vector<Term> size_terms = {};
  double size_most = 0;  // of a share the most that this may be; 0: no end
};
// In `unit`.
double size(const Cap& cap, const std::vector<double>& values);

struct Model {
  Program program;
  Policy policy;
  double chips = 1;   // per unit of a variable, but for orders in lots
  double money = 1;   // USD per unit of the objective
  double tokens = 1;  // tokens per second per unit of demand rows
  std::vector<OptionVariables> options;
  std::vector<ByNode> unmet;                              // by class
  std::vector<std::vector<std::vector<ByNode>>> reserve;  // by resource, source, quarter of use
  ByNode cost;                                            // of a node's quarter
  std::vector<Cap> caps;
};

// The quarters of an order's life.
int signing(const Option& option, const Policy& policy, int delivery);
// The quarter in which what is used of a resource in quarter `use` is signed.
int signing(const Resource& resource, const Policy& policy, int use);
int last_cut(const Option& option, int delivery);
bool may_order(const Scenario& scenario, const Policy& policy, int option, int delivery);
// The factor on a dollar of quarter `t`.
double discount_factor(const Scenario& scenario, double t);

Model model(const Scenario& scenario, const FutureTree& tree, const Policy& policy);

}  // namespace churon::plan
