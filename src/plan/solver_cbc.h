// CBC through its C interface; it gives no duals here. It takes SIGINT for itself, gives it back to
// nobody and heeds it in few of its phases: each search is a process of its own, which ends when
// its caller is interrupted; what it had found by then is lost.
#pragma once

#include "plan/solver.h"

namespace churon::plan {

Result<Solution> solve_cbc(const Program& program, const SolveOptions& options);

}  // namespace churon::plan
