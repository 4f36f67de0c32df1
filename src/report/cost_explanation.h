// Why a quantity of a tree of costs is what it is, as a text: formula, value and inputs of it and
// of all that it rests on.
#pragma once

#include <functional>
#include <string>

#include "cost/draws.h"
#include "cost/tree.h"

namespace churon::report {

// The distribution of a node; nullptr where none was drawn.
using QuantilesOf = std::function<const cost::Quantiles*(cost::NodeId)>;

std::string cost_explanation_text(const cost::Tree& tree, cost::NodeId id,
                                  const QuantilesOf& quantiles);

// 1,234 USD: two decimals below ten, whole dollars above a hundred; "-" where it is not finite.
std::string money(double value);

}  // namespace churon::report
