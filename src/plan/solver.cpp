#include "plan/solver.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string>

#include "base/check.h"
#include "plan/checker.h"
#include "plan/solver_cbc.h"
#include "plan/solver_highs.h"

namespace churon::plan {

namespace {

constexpr std::array kSolvers{
    SolverEntry{SolverKind::highs, "highs", "HiGHS", solve_highs},
    SolverEntry{SolverKind::cbc, "cbc", "CBC", solve_cbc},
};

// Bounds that exclude each other are no matter for a solver: some take them for a mistake.
bool has_crossed_bounds(const Program& program) {
  const auto crossed = [](const auto& bounds) { return bounds.lower > bounds.upper; };
  return std::any_of(program.variables().begin(), program.variables().end(), crossed) ||
         std::any_of(program.rows().begin(), program.rows().end(), crossed);
}

// What is wrong with a solution, its bound with it.
std::vector<Violation> violations(const Program& program, const Solution& solution) {
  std::vector<Violation> found = violations(program, solution.values, solution.objective);
  if (found.empty()) {
    found = bound_violations(program, solution.values, solution.objective, solution.bound);
  }
  return found;
}

// What a solver says that the search was, against what it returns.
std::optional<std::string> wrong_claim(const Program& program, const SolveOptions& options,
                                       const Solution& solution) {
  if (solution.status != Status::optimal) {
    return {};
  }
  if (!solution.has_values()) {
    return "says that it has found the optimum, and returns none";
  }
  // Solvers take their gap of either; that a bound is wrong is told by the checker.
  const double objective = solution.objective, bound = solution.bound;
  const double size = std::isfinite(bound) ? std::max({1.0, std::fabs(objective), std::fabs(bound)})
                                           : std::max(1.0, std::fabs(objective));
  const double off = program.maximise ? bound - objective : objective - bound;
  if (off > std::max(options.gap, Tolerance{}.bound) * size) {
    return fmt::format("calls {:.6g} the optimum, and says that it may be bettered to {:.6g}",
                       objective, bound);
  }
  return {};
}

// Solvers return whole numbers within a tolerance: here they are made whole, and the rest follows.
Result<Solution> with_whole_numbers(const Program& program, const SolveOptions& options,
                                    Solution solution, const SolverEntry& solver) {
  bool is_whole = true;
  for (std::size_t i = 0; i < solution.values.size(); ++i) {
    const bool whole = solution.values[i] == std::round(solution.values[i]);
    is_whole = is_whole && (whole || !program.variables()[i].is_integer);
  }
  if (is_whole) {
    return solution;
  }
  // Of a search that was interrupted too.
  const auto fixed = solver.solve(with_integers_fixed(program, solution.values),
                                  {.time_limit_s = options.time_limit_s});
  if (fixed && fixed->status == Status::optimal) {
    solution.values = fixed->values;
    solution.objective = fixed->objective;
    solution.duals = fixed->duals;
  }
  return solution;
}

// The directions in which nothing ends a program, none longer than one in any variable.
Program endless_directions(const Program& program) {
  Program cone;
  cone.maximise = program.maximise;
  for (const Variable& variable : program.variables()) {
    cone.add({.name = variable.name,
              .lower = std::isfinite(variable.lower) ? 0.0 : -1.0,
              .upper = std::isfinite(variable.upper) ? 0.0 : 1.0,
              .cost = variable.cost});
  }
  for (int i = 0; i < program.row_count(); ++i) {
    const Row& row = program.at(RowId{i});
    cone.add({.name = row.name,
              .lower = std::isfinite(row.lower) ? 0.0 : row.lower,
              .upper = std::isfinite(row.upper) ? 0.0 : row.upper},
             program.terms({i}));
  }
  return cone;
}

// Of a program that has solutions and whose numbers are rational, as all of a computer are: its
// objective has no end where one of the endless directions improves it, and only there.
Result<Solution> without_end(const Program& program, const SolveOptions& options, Solution solution,
                             const SolverEntry& solver) {
  auto best = solver.solve(endless_directions(program), {.time_limit_s = options.time_limit_s,
                                                         .interrupted = options.interrupted});
  if (!best) {
    return best;
  }
  if (best->status == Status::time_limit || best->status == Status::interrupted) {
    return Solution{.status = best->status, .values = {}, .duals = {}};
  }
  const double gain = program.maximise ? best->objective : -best->objective;
  if (best->status != Status::optimal || gain <= 0) {
    return fail("S0203",
                fmt::format("{} says that the objective has no end, but in no direction does it "
                            "improve without one",
                            solver.meaning),
                {"numbers beyond 1e15 are a frequent reason",
                 "another solver may do better: "
                 "--solver"});
  }
  return solution;
}

}  // namespace

std::string_view name(Status status) {
  switch (status) {
    case Status::optimal:
      return "optimal";
    case Status::infeasible:
      return "infeasible";
    case Status::unbounded:
      return "unbounded";
    case Status::time_limit:
      return "time limit";
    case Status::interrupted:
      return "interrupted";
  }
  return "";
}

double Solution::gap() const {
  const double difference = std::fabs(objective - bound);
  return difference == 0 ? 0 : difference / std::max(std::fabs(objective), 1e-9);
}

std::span<const SolverEntry> solvers() { return kSolvers; }

const SolverEntry& entry(SolverKind kind) {
  const auto found = std::find_if(kSolvers.begin(), kSolvers.end(),
                                  [&](const SolverEntry& one) { return one.kind == kind; });
  check(found != kSolvers.end(), static_cast<int>(kind));
  return *found;
}

Result<Solution> solve(const Program& program, const SolveOptions& options,
                       const SolverEntry& solver) {
  if (has_crossed_bounds(program)) {
    return Solution{.status = Status::infeasible, .values = {}, .duals = {}};
  }
  auto solution = solver.solve(program, options);
  if (!solution) {
    return solution;
  }
  if (const auto wrong = wrong_claim(program, options, *solution)) {
    return fail("S0203", fmt::format("{} {}", solver.meaning, *wrong),
                {"another solver may do better: --solver"});
  }
  if (solution->status == Status::unbounded) {
    return without_end(program, options, std::move(*solution), solver);
  }
  if (!solution->has_values()) {
    return solution;
  }
  solution = with_whole_numbers(program, options, std::move(*solution), solver);
  const auto wrong = violations(program, *solution);
  if (!wrong.empty()) {
    return fail({.code = "S0204",
                 .message = fmt::format("{} returned a solution that breaks the program in {} {}",
                                        solver.meaning, wrong.size(),
                                        wrong.size() == 1 ? "place" : "places"),
                 .notes = {wrong.front().what},
                 .help = {"another solver may do better: --solver"}});
  }
  return solution;
}

Result<Solution> solve(const Program& program, const SolveOptions& options, SolverKind kind) {
  return solve(program, options, entry(kind));
}

Program with_integers_fixed(Program program, std::span<const double> values) {
  for (int i = 0; i < program.variable_count(); ++i) {
    Variable& variable = program.at(VariableId{i});
    if (variable.is_integer) {
      variable.lower = variable.upper = std::round(values[static_cast<std::size_t>(i)]);
      variable.is_integer = false;
    }
  }
  return program;
}

}  // namespace churon::plan
