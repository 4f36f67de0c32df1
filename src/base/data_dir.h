// Where the files that ship with the tool (chips/, data/) are found. The first of:
//
//   1. $CHURON_DATA, when it is set: there and nowhere else;
//   2. ../share/churon beside the executable's folder, when it exists: an installed tool;
//   3. the source tree that the tool was built from.
#pragma once

#include <string>
#include <string_view>

namespace churon {

// The path of a shipped file, for example data_path("chips/churon-1.toml"). It need not exist:
// whoever opens it says so.
std::string data_path(std::string_view relative);

}  // namespace churon
