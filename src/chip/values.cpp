#include "chip/values.h"

#include <algorithm>

namespace churon::chip {

const Value* find_value(const Chip& chip, std::string_view path) {
  const auto found = std::find_if(chip.values.begin(), chip.values.end(),
                                  [&](const Value& value) { return value.path == path; });
  return found == chip.values.end() ? nullptr : &*found;
}

}  // namespace churon::chip
