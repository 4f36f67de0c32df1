// A chip's values by their paths in the description.
#pragma once

#include <string_view>

#include "chip/chip.h"

namespace churon::chip {

// "cost.wafer", "die.core.node", …; nullptr: the description states none.
const Value* find_value(const Chip& chip, std::string_view path);

}  // namespace churon::chip
