// Programs as MPS text, the form that every solver reads.
//
// Free and fixed format are read: a text that is not free format is tried as fixed, whose names may
// hold spaces. Taken are NAME, OBJSENSE (below it or on its line), OBJNAME, ROWS, COLUMNS with
// integer markers, RHS, RANGES, BOUNDS of the types UP LO FX FR MI PL BV LI UI, ENDATA. As solvers
// read it: the first N row (or OBJNAME's) is the objective and the others are dropped; a right-hand
// side of the objective is its negated offset; an integer between markers without any bound is
// binary; a negative upper bound without a lower one has no lower end; 1e20 and more is infinite.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "plan/program.h"

namespace churon::plan {

// Errors, each with line: S0101 (section), S0102 (form of a line), S0103 (no number), S0104
// (unknown name), S0105 (twice), S0106 (type of a row or bound), S0107 (markers), S0108 (ends
// early, nothing to solve). Reading ends at the first of them.
Result<Program> parse_mps(std::string_view text, const std::string& file);

// Free format; names lose what free format cannot hold. Read back it is the same program.
std::string mps(const Program& program, std::string_view comment = {});

}  // namespace churon::plan
