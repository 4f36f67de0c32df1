// Which process a die of an own chip is made in, and whose wafer price and density of defects count
// for it: those of the description, unless a nearer one moved the die to another process.
#pragma once

#include <string>

#include "cost/builder.h"

namespace churon::cost {

struct Process {
  std::string name;               // "tsmc-n5-public", as the description says
  std::string node;               // the tables' name of it: "N5"; empty: they have none
  bool price_described = true;    // cost.wafer counts
  bool density_described = true;  // yield.d0 counts
};
// The process is `node` of the die, or tech.library where that was changed nearer (chip::Value). A
// price and a density that stand further away than the change are those of another process: the
// tables' count, and the costing's notes say so.
Process process_of(Builder& builder, const chip::Die& die);

// The nodes that the tables have both a wafer price and a density of defects of.
std::vector<std::string> priced_nodes(const Builder& builder);

// The row of mask sets for a node; where it has none, that of the next newer one that has.
std::string mask_row(const Builder& builder, std::string_view node);

// tech.library is a process that data/technology.csv has densities of or the tables a wafer price.
// Errors: K0306, and those of the technology table.
Result<void> check_library(const Builder& builder);

}  // namespace churon::cost
