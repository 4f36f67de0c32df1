// CBC through its C++ interface; it gives no duals here. It takes SIGINT for itself and heeds
// neither that nor its clock in many of its phases: each search is a process of its own that tells
// at once what it has found, and that its caller may end at any time.
#pragma once

#include "plan/solver.h"

namespace churon::plan {

Result<Solution> solve_cbc(const Program& program, const SolveOptions& options);

}  // namespace churon::plan
