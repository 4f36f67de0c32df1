// What the values of a description must satisfy together, beyond what each must by itself.
#pragma once

#include "base/result.h"
#include "chip/resolve.h"

namespace churon::chip {

// Everything that does not hold, with the formula and its numbers.
Diagnostics contradictions(const Chip& chip, const Places& places, const Texts& texts);

// [expect] against what the description amounts to.
Diagnostics broken_expectations(const Chip& chip, const Places& places, const Texts& texts);

}  // namespace churon::chip
