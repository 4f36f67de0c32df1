// Why a quantity of a tree of costs is what it is, as a text: formula, value and inputs of it and
// of all that it rests on.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "cost/costing.h"
#include "cost/draws.h"
#include "cost/tree.h"

namespace churon::report {

// The distribution of a node; nullptr where none was drawn.
using QuantilesOf = std::function<const cost::Quantiles*(cost::NodeId)>;

std::string cost_explanation_text(const cost::Tree& tree, cost::NodeId id,
                                  const QuantilesOf& quantiles);

// The inputs that one factor moves: those of `hbm`, in the tree's order; empty: no such factor.
std::vector<cost::NodeId> moved_by(const cost::Tree& tree, std::string_view factor);

// A ratio: nothing stands behind the number.
bool has_no_unit(std::string_view unit);

// "of 12 rows behind WHAT 3 are older than a year".
std::string old_rows(const cost::Ages& ages, std::string_view what);
// Which of them are dated after what counts as today; empty where none is.
std::string later_rows(const cost::Ages& ages, std::string_view what, cost::Month today);

// "2026-11".
std::string month_text(cost::Month month);

// Which rows stand behind a quantity, how old they are, and what of its variance rests on old ones
// and on guesses: `ages` as cost::ages() gives them.
std::string ages_explanation_text(const cost::Tree& tree, cost::NodeId target,
                                  const cost::Ages& ages, cost::Month today);

// 1,234 USD: two decimals below ten, whole dollars above a hundred; "-" where it is not finite.
std::string money(double value);

}  // namespace churon::report
