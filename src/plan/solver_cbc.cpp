#include "plan/solver_cbc.h"

#include <coin/Cbc_C_Interface.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "plan/library.h"

namespace churon::plan {

namespace {

// What is used of its interface.
struct Api {
  decltype(&Cbc_bestSolution) best_solution = nullptr;
  decltype(&Cbc_deleteModel) delete_model = nullptr;
  decltype(&Cbc_getBestPossibleObjValue) get_best_possible_obj_value = nullptr;
  decltype(&Cbc_getColSolution) get_col_solution = nullptr;
  decltype(&Cbc_isAbandoned) is_abandoned = nullptr;
  decltype(&Cbc_isContinuousUnbounded) is_continuous_unbounded = nullptr;
  decltype(&Cbc_isProvenInfeasible) is_proven_infeasible = nullptr;
  decltype(&Cbc_isProvenOptimal) is_proven_optimal = nullptr;
  decltype(&Cbc_loadProblem) load_problem = nullptr;
  decltype(&Cbc_newModel) new_model = nullptr;
  decltype(&Cbc_secondaryStatus) secondary_status = nullptr;
  decltype(&Cbc_setAllowableFractionGap) set_allowable_fraction_gap = nullptr;
  decltype(&Cbc_setAllowableGap) set_allowable_gap = nullptr;
  decltype(&Cbc_setInteger) set_integer = nullptr;
  decltype(&Cbc_setLogLevel) set_log_level = nullptr;
  decltype(&Cbc_setMaximumSeconds) set_maximum_seconds = nullptr;
  decltype(&Cbc_setObjSense) set_obj_sense = nullptr;
  decltype(&Cbc_setParameter) set_parameter = nullptr;
  decltype(&Cbc_solve) solve = nullptr;

  Library library{CHURON_CBC_LIBRARY};
  Api() {
    library.bind(best_solution, "Cbc_bestSolution");
    library.bind(delete_model, "Cbc_deleteModel");
    library.bind(get_best_possible_obj_value, "Cbc_getBestPossibleObjValue");
    library.bind(get_col_solution, "Cbc_getColSolution");
    library.bind(is_abandoned, "Cbc_isAbandoned");
    library.bind(is_continuous_unbounded, "Cbc_isContinuousUnbounded");
    library.bind(is_proven_infeasible, "Cbc_isProvenInfeasible");
    library.bind(is_proven_optimal, "Cbc_isProvenOptimal");
    library.bind(load_problem, "Cbc_loadProblem");
    library.bind(new_model, "Cbc_newModel");
    library.bind(secondary_status, "Cbc_secondaryStatus");
    library.bind(set_allowable_fraction_gap, "Cbc_setAllowableFractionGap");
    library.bind(set_allowable_gap, "Cbc_setAllowableGap");
    library.bind(set_integer, "Cbc_setInteger");
    library.bind(set_log_level, "Cbc_setLogLevel");
    library.bind(set_maximum_seconds, "Cbc_setMaximumSeconds");
    library.bind(set_obj_sense, "Cbc_setObjSense");
    library.bind(set_parameter, "Cbc_setParameter");
    library.bind(solve, "Cbc_solve");
  }
};

Api& api() {
  static Api bound;
  return bound;
}

struct Delete {
  void operator()(Cbc_Model* model) const { api().delete_model(model); }
};
using Model = std::unique_ptr<Cbc_Model, Delete>;

// Column by column, as CBC takes it.
struct Columns {
  std::vector<int> starts, rows;
  std::vector<double> values;

  explicit Columns(const Program& program) : starts(program.variables().size() + 1) {
    for (int i = 0; i < program.row_count(); ++i) {
      for (const Term& term : program.terms({i})) {
        ++starts[static_cast<std::size_t>(term.variable.index) + 1];
      }
    }
    for (std::size_t i = 1; i < starts.size(); ++i) {
      starts[i] += starts[i - 1];
    }
    rows.resize(program.term_count());
    values.resize(program.term_count());
    std::vector<int> next(starts.begin(), starts.end() - 1);
    for (int i = 0; i < program.row_count(); ++i) {
      for (const Term& term : program.terms({i})) {
        const auto at =
            static_cast<std::size_t>(next[static_cast<std::size_t>(term.variable.index)]++);
        rows[at] = i;
        values[at] = term.factor;
      }
    }
  }
};

void load(Cbc_Model* model, const Program& program, bool with_objective) {
  const Columns matrix(program);
  std::vector<double> lower, upper, cost, row_lower, row_upper;
  for (const Variable& variable : program.variables()) {
    lower.push_back(variable.lower);
    upper.push_back(variable.upper);
    cost.push_back(with_objective ? variable.cost : 0);
  }
  for (const Row& row : program.rows()) {
    row_lower.push_back(row.lower);
    row_upper.push_back(row.upper);
  }
  api().load_problem(model, program.variable_count(), program.row_count(), matrix.starts.data(),
                     matrix.rows.data(), matrix.values.data(), lower.data(), upper.data(),
                     cost.data(), row_lower.data(), row_upper.data());
  api().set_obj_sense(model, program.maximise ? -1 : 1);
  for (int i = 0; i < program.variable_count(); ++i) {
    if (program.at(VariableId{i}).is_integer) {
      api().set_integer(model, i);
    }
  }
}

Model prepared(const Program& program, const SolveOptions& options, bool with_objective) {
  Model model(api().new_model());
  api().set_log_level(model.get(), 0);
  api().set_parameter(model.get(), "slogLevel", "0");
  load(model.get(), program, with_objective);
  api().set_allowable_fraction_gap(model.get(), options.gap);
  api().set_allowable_gap(model.get(), 0);
  if (std::isfinite(options.time_limit_s)) {
    api().set_maximum_seconds(model.get(), options.time_limit_s);
  }
  return model;
}

// Whether anything satisfies the rows.
Status without_optimum(const Program& program, const SolveOptions& options) {
  const Model model = prepared(program, options, false);
  api().solve(model.get());
  if (api().is_proven_infeasible(model.get()) != 0) {
    return Status::infeasible;
  }
  return api().is_proven_optimal(model.get()) != 0 ? Status::unbounded : Status::time_limit;
}

Status status_of(const Program& program, const SolveOptions& options, Cbc_Model* model) {
  constexpr int kUserEvent = 5;  // Ctrl-C, which CBC's own handler sees while it runs
  if (api().is_proven_optimal(model) != 0) {
    return Status::optimal;
  }
  if (api().is_proven_infeasible(model) != 0 || api().is_continuous_unbounded(model) != 0) {
    return without_optimum(program, options);
  }
  if (api().secondary_status(model) == kUserEvent ||
      (options.interrupted && options.interrupted())) {
    return Status::interrupted;
  }
  return Status::time_limit;
}

}  // namespace

Result<Solution> solve_cbc(const Program& program, const SolveOptions& options) {
  if (!api().library.error().empty()) {
    return fail("S0206", fmt::format("CBC cannot be loaded: {}", api().library.error()),
                {"scripts/setup build brings it"});
  }
  const Model model = prepared(program, options, true);
  api().solve(model.get());
  if (api().is_abandoned(model.get()) != 0) {
    return fail("S0203", "CBC gave up: numerical difficulties");
  }
  Solution solution{.status = status_of(program, options, model.get()), .values = {}, .duals = {}};
  if (solution.status == Status::infeasible || solution.status == Status::unbounded) {
    return solution;
  }
  const bool is_mip = program.integer_count() > 0;
  const double* best = is_mip ? api().best_solution(model.get()) : nullptr;
  if (best == nullptr && solution.status == Status::optimal) {
    best = api().get_col_solution(model.get());
  }
  if (best != nullptr) {
    solution.values.assign(best, best + program.variable_count());
    solution.objective = program.objective(solution.values);
    // CBC computes without the offset.
    solution.bound = is_mip ? api().get_best_possible_obj_value(model.get()) + program.offset
                            : solution.objective;
  }
  return solution;
}

}  // namespace churon::plan
