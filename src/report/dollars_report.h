// Dollars per million tokens as `churon compare` prints them: a verdict of four lines, a table for
// each model and workload, the fields of the JSON document, why a number is what it is, and a
// picture.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "evaluate/dollars.h"
#include "report/format.h"

namespace churon::report {

// Four lines for each own chip: dollars, why, break-even, what would change the answer. Over all
// cells, as geometric means. Without an own chip: who is cheapest, and what makers earn.
std::string dollars_verdict(const evaluate::Comparison& comparison,
                            const evaluate::Dollars& dollars);

// Prices of one model under one workload, the cheapest first, P10..P90 beside them.
std::string dollars_table(const evaluate::Comparison& comparison, const evaluate::Dollars& dollars,
                          std::size_t cell, std::size_t width);

// What the prices rest on: whose conditions, which scenario, how many draws, how old the rows are.
std::string dollars_conditions(const evaluate::Comparison& comparison,
                               const evaluate::Dollars& dollars);

// Fields of a row, to be added to its object.
Json dollars_row_json(const evaluate::Dollars& dollars, const evaluate::ComparedCell& cell,
                      const evaluate::CompareRequest& request, std::size_t cell_index,
                      std::size_t row_index);
Json dollars_json(const evaluate::Dollars& dollars);

// `--explain KEY`: a name of the tree ("b200:hourly"), or its end where that is enough
// ("mtok.purchase"); all that fit. Errors: K0304.
Result<std::string> dollars_explanation(const evaluate::Comparison& comparison,
                                        const evaluate::Dollars& dollars, std::string_view key);

}  // namespace churon::report
