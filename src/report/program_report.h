// What `churon plan --mps` prints: the solution of a program, or why there is none.
#pragma once

#include <optional>
#include <string>

#include "base/json.h"
#include "plan/elastic.h"
#include "plan/program.h"
#include "plan/solver.h"
#include "report/format.h"

namespace churon::report {

struct ProgramRecord {
  std::string file;
  plan::Program program;
  plan::SolverKind solver = plan::SolverKind::highs;
  double gap_wanted = 0;
  plan::Solution solution;
  std::optional<plan::Conflict> conflict;  // of an infeasible program
};

std::string program_text(const ProgramRecord& record);
// objective, bound and gap are null where there is none.
Json program_json(const ProgramRecord& record);

}  // namespace churon::report
