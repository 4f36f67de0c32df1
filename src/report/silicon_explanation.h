// Why a number of `churon silicon` is what it is: formula, coefficients of the description with
// file, line and source, and what the node does to it.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "report/silicon_report.h"

namespace churon::report {

// `key` is "area", "area.net", "area.spares", "area.matrix"; "power.nominal.decode",
// "power.nominal.decode.memory". Errors: A0403 (no such number).
Result<std::string> silicon_explanation(const SiliconRecord& record, std::string_view key);

}  // namespace churon::report
