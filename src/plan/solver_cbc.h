// CBC through its C interface; it gives no duals here.
#pragma once

#include "plan/solver.h"

namespace churon::plan {

Result<Solution> solve_cbc(const Program& program, const SolveOptions& options);

}  // namespace churon::plan
