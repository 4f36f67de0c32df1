// The independent check of what a solver returns: every bound, every row, every whole number and
// the objective are computed anew from the program, with tolerances of their own. What it refuses
// is never printed.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "plan/program.h"

namespace churon::plan {

struct Tolerance {
  // Of a row or a bound: relative to the largest of 1, its bound and its largest term.
  double feasibility = 1e-6;
  double integrality = 1e-5;
  // Of the objective: relative to the largest of 1, the objective and its largest term.
  double objective = 1e-6;
  // By which an objective may be better than its bound, relative to the same: solvers keep rows and
  // whole numbers within tolerances of their own.
  double bound = 1e-5;
};

struct Violation {
  std::string what;  // "row `power.2027-Q3`: 12.5 is above 12"
  double by = 0;     // relative, as the tolerance is
};

// Worst first; empty: the values are a solution and `objective` is its objective.
std::vector<Violation> violations(const Program& program, std::span<const double> values,
                                  double objective, const Tolerance& tolerance = {});

// Empty: no better than its bound says that any solution can be.
std::vector<Violation> bound_violations(const Program& program, std::span<const double> values,
                                        double objective, double bound,
                                        const Tolerance& tolerance = {});

}  // namespace churon::plan
