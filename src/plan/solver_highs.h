// HiGHS through its C interface.
#pragma once

#include "plan/solver.h"

namespace churon::plan {

Result<Solution> solve_highs(const Program& program, const SolveOptions& options);

}  // namespace churon::plan
