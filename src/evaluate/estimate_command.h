// The command that shows the terms of a compared number.
#pragma once

#include <string>

#include "evaluate/compare.h"

namespace churon::evaluate {

// `churon estimate …` at the best configuration of a feasible row.
std::string estimate_command(const CompareRequest& request, const ComparedCell& cell,
                             const ComparedRow& row);

}  // namespace churon::evaluate
