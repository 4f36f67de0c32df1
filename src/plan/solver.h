// One thin interface over the solvers. What a solver returns is checked (checker.h) before anybody
// sees it: a solution that breaks the program is an error, not a result.
#pragma once

#include <functional>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "plan/program.h"

namespace churon::plan {

enum class SolverKind { highs, cbc };

enum class Status {
  optimal,      // within the gap
  infeasible,   // nothing satisfies all rows
  unbounded,    // the objective has no end
  time_limit,   // stopped; with the best solution so far, if there is one
  interrupted,  // the same
};
std::string_view name(Status status);

struct SolveOptions {
  // Relative: |objective - bound| / |objective|.
  double gap = 1e-6;
  double time_limit_s = kInfinity;
  // Asked from time to time; true ends the search with what it has.
  std::function<bool()> interrupted = {};
  // Told of a better solution as soon as it is found, and of the bound then; `interrupted` is asked
  // after it.
  std::function<void(double objective, double bound)> improved = {};
  // Solve sub-programs around solutions (RINS, RENS): pays where most variables are whole numbers,
  // is lost time where few are.
  bool with_sub_programs = true;
};

struct Solution {
  Status status = Status::optimal;
  // Empty where there is none.
  std::vector<double> values;
  double objective = 0;
  // No solution is better than this.
  double bound = 0;
  // By row: what the objective changes by where the row's bound grows by one. From HiGHS, of a
  // program without integers, or with these fixed where they had to be made whole; else empty.
  std::vector<double> duals;

  [[nodiscard]] bool has_values() const { return !values.empty(); }
  // |objective - bound| / |objective|, 0 where both are equal.
  [[nodiscard]] double gap() const;
};

struct SolverEntry {
  SolverKind kind;
  std::string_view word, meaning;
  Result<Solution> (*solve)(const Program&, const SolveOptions&);
};
std::span<const SolverEntry> solvers();
const SolverEntry& entry(SolverKind kind);

// Deterministic: the same program gives the same solution, unless time or an interruption ended the
// search. May run in several threads at once. Errors: S0203 (the solver fails, calls optimal
// what is not within the gap, or without end what has one), S0204 (its solution breaks the program,
// or is better than its bound).
Result<Solution> solve(const Program& program, const SolveOptions& options,
                       const SolverEntry& solver);
Result<Solution> solve(const Program& program, const SolveOptions& options,
                       SolverKind kind = SolverKind::highs);

// The program with its integers fixed at `values`.
Program with_integers_fixed(Program program, std::span<const double> values);

}  // namespace churon::plan
