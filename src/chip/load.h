// From a text to a `Chip`: read, merge, resolve, check. `load` in chip.h finds the text first.
#pragma once

#include <span>
#include <string>

#include "chip/description.h"

namespace churon::chip {

Result<Chip> load_text(const ChipText& text, std::span<const std::string> overrides,
                       const FindText& find);

}  // namespace churon::chip
