// Why a program has no solution. Some rows are made elastic: their bounds may be broken at a price
// per unit. The cheapest way to break them is the smallest relaxation. The rows without any one of
// which a smaller one would do prove that there is no solution: they conflict.
#pragma once

#include <span>
#include <vector>

#include "base/result.h"
#include "plan/program.h"
#include "plan/solver.h"

namespace churon::plan {

struct Elastic {
  RowId row;
  double price = 1;  // of one unit by which a bound is broken
};

struct Relaxation {
  RowId row;
  double by = 0;  // above zero: the upper bound has to rise; below: the lower one has to fall
};

struct Conflict {
  std::vector<Relaxation> smallest;  // in the order of the program
  std::vector<RowId> rows;           // that conflict, in the order of the program
};

// Nothing where even with all elastic rows broken there is no solution; a conflict of no rows where
// the program has a solution, so that who says that it has none is wrong. Errors: those of `solve`.
Result<std::optional<Conflict>> conflict(const Program& program, std::span<const Elastic> elastic,
                                         const SolveOptions& options);

// S0203, of a solver that finds no solution of a program that has one.
tl::unexpected<Diagnostics> contradiction();

// All rows, at a price per unit of 1 / the largest of 1 and their bounds.
std::vector<Elastic> all_rows(const Program& program);

}  // namespace churon::plan
