// Whole tables through the models, for checking and for others to use: a CSV file in, the same with
// the results as further columns out. Columns that are there already pass through; a result's
// column that is there already is filled anew. Any wrong field is an error, and then nothing comes
// out.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace churon::cost {

struct VectorKind {
  std::string_view name;     // "dies"
  std::string_view columns;  // that are read
  std::string_view results;
};
// chiplet-actuary, harvest, dies.
std::span<const VectorKind> vector_kinds();

// `text` is the table, `file` its name in diagnostics, `data` the folder of the parameter files.
// Errors: those of sheet.h, K0201 (kind), K0202 (node), K0203 (integration), K0204 (does not fit on
// the wafer), K0205 (more spares than cores).
Result<std::string> vectors(std::string_view kind, std::string text, const std::string& file,
                            const std::string& data);

}  // namespace churon::cost
