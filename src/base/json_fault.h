// Where a text stops being JSON.
#pragma once

#include <string>
#include <string_view>

namespace churon {

// Place and text of the first fault: "line 3, column 9, at `}`"; empty: it is JSON. Numbers beyond
// a double's range count as faults. Column in bytes, from 1.
std::string json_fault(std::string_view text);

}  // namespace churon
