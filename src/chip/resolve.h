// A description's tree held against the key tables: every key known, every value of its form, unit
// and range, every default filled in. What results is bound to the plain structs of chip.h.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chip/document.h"
#include "chip/schema.h"

namespace churon::chip {

// Where the value of each path ("memory.hbm.stacks") and each table ("memory.hbm") stands.
using Places = std::map<std::string, Place, std::less<>>;

struct Resolution {
  Chip chip;
  Places places;
};

Result<Resolution> resolve(const Node& root, const Texts& texts);

}  // namespace churon::chip
