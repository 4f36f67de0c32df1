#include "plan/solver_highs.h"

#include <fmt/format.h>
#include <interfaces/highs_c_api.h>

#include <cmath>
#include <memory>

#include "plan/library.h"

namespace churon::plan {

namespace {

// What is used of its interface.
struct Api {
  Library library{CHURON_HIGHS_LIBRARY};
  decltype(&Highs_create) create = library.symbol("Highs_create");
  decltype(&Highs_destroy) destroy = library.symbol("Highs_destroy");
  decltype(&Highs_getDoubleInfoValue) get_double_info_value =
      library.symbol("Highs_getDoubleInfoValue");
  decltype(&Highs_getIntInfoValue) get_int_info_value = library.symbol("Highs_getIntInfoValue");
  decltype(&Highs_getModelStatus) get_model_status = library.symbol("Highs_getModelStatus");
  decltype(&Highs_getSolution) get_solution = library.symbol("Highs_getSolution");
  decltype(&Highs_passLp) pass_lp = library.symbol("Highs_passLp");
  decltype(&Highs_passMip) pass_mip = library.symbol("Highs_passMip");
  decltype(&Highs_run) run = library.symbol("Highs_run");
  decltype(&Highs_setBoolOptionValue) set_bool_option_value =
      library.symbol("Highs_setBoolOptionValue");
  decltype(&Highs_setCallback) set_callback = library.symbol("Highs_setCallback");
  decltype(&Highs_setDoubleOptionValue) set_double_option_value =
      library.symbol("Highs_setDoubleOptionValue");
  decltype(&Highs_setIntOptionValue) set_int_option_value =
      library.symbol("Highs_setIntOptionValue");
  decltype(&Highs_setStringOptionValue) set_string_option_value =
      library.symbol("Highs_setStringOptionValue");
  decltype(&Highs_startCallback) start_callback = library.symbol("Highs_startCallback");
};

Api& api() {
  static Api bound;
  return bound;
}

struct Destroy {
  void operator()(void* highs) const { api().destroy(highs); }
};
using Highs = std::unique_ptr<void, Destroy>;

void on_callback(int type, const char*, const HighsCallbackDataOut* out, HighsCallbackDataIn* in,
                 void* data) {
  const auto& options = *static_cast<const SolveOptions*>(data);
  if (type == kHighsCallbackMipImprovingSolution) {
    options.improved(out->objective_function_value, out->mip_dual_bound);
  } else if (in != nullptr && options.interrupted()) {
    in->user_interrupt = 1;
  }
}

// Called back with `options`, which outlive the search.
void set_callbacks(void* highs, const SolveOptions& options) {
  api().set_callback(highs, on_callback, const_cast<SolveOptions*>(&options));
  if (options.interrupted) {
    for (const HighsInt type :
         {kHighsCallbackSimplexInterrupt, kHighsCallbackIpmInterrupt, kHighsCallbackMipInterrupt}) {
      api().start_callback(highs, type);
    }
  }
  if (options.improved) {
    api().start_callback(highs, kHighsCallbackMipImprovingSolution);
  }
}

// The matrix row by row, as HiGHS takes it.
struct Arrays {
  std::vector<double> cost, lower, upper, row_lower, row_upper, values;
  std::vector<HighsInt> integrality, starts, columns;

  explicit Arrays(const Program& program) {
    for (const Variable& variable : program.variables()) {
      cost.push_back(variable.cost);
      lower.push_back(variable.lower);
      upper.push_back(variable.upper);
      integrality.push_back(variable.is_integer ? kHighsVarTypeInteger : kHighsVarTypeContinuous);
    }
    for (int i = 0; i < program.row_count(); ++i) {
      row_lower.push_back(program.at(RowId{i}).lower);
      row_upper.push_back(program.at(RowId{i}).upper);
      starts.push_back(static_cast<HighsInt>(values.size()));
      for (const Term& term : program.terms({i})) {
        columns.push_back(term.variable.index);
        values.push_back(term.factor);
      }
    }
  }
};

bool pass(void* highs, const Program& program, bool with_objective) {
  Arrays a(program);
  if (!with_objective) {
    a.cost.assign(a.cost.size(), 0);
  }
  const HighsInt sense = program.maximise ? kHighsObjSenseMaximize : kHighsObjSenseMinimize;
  const auto columns = static_cast<HighsInt>(a.cost.size());
  const auto rows = static_cast<HighsInt>(a.row_lower.size());
  const auto terms = static_cast<HighsInt>(a.values.size());
  const HighsInt passed =
      program.integer_count() > 0
          ? api().pass_mip(highs, columns, rows, terms, kHighsMatrixFormatRowwise, sense,
                           program.offset, a.cost.data(), a.lower.data(), a.upper.data(),
                           a.row_lower.data(), a.row_upper.data(), a.starts.data(),
                           a.columns.data(), a.values.data(), a.integrality.data())
          : api().pass_lp(highs, columns, rows, terms, kHighsMatrixFormatRowwise, sense,
                          program.offset, a.cost.data(), a.lower.data(), a.upper.data(),
                          a.row_lower.data(), a.row_upper.data(), a.starts.data(), a.columns.data(),
                          a.values.data());
  return passed != kHighsStatusError;
}

Highs prepared(const SolveOptions& options) {
  Highs highs(api().create());
  api().set_bool_option_value(highs.get(), "output_flag", 0);
  // One thread: several programs are solved side by side instead, each the same way every time.
  api().set_int_option_value(highs.get(), "threads", 1);
  api().set_string_option_value(highs.get(), "parallel", "off");
  api().set_double_option_value(highs.get(), "mip_rel_gap", options.gap);
  api().set_double_option_value(highs.get(), "mip_abs_gap", 0);
  api().set_double_option_value(highs.get(), "mip_feasibility_tolerance", 1e-7);
  if (!options.with_sub_programs) {
    for (const char* heuristic : {"mip_heuristic_run_rins", "mip_heuristic_run_rens",
                                  "mip_heuristic_run_root_reduced_cost"}) {
      api().set_bool_option_value(highs.get(), heuristic, 0);
    }
  }
  if (std::isfinite(options.time_limit_s)) {
    api().set_double_option_value(highs.get(), "time_limit", options.time_limit_s);
  }
  set_callbacks(highs.get(), options);
  return highs;
}

// Whether anything satisfies the rows: what is left to ask where HiGHS knows only that the program
// is unbounded or infeasible.
Status without_optimum(const Program& program, const SolveOptions& options) {
  const Highs highs = prepared(options);
  pass(highs.get(), program, false);
  api().run(highs.get());
  const HighsInt status = api().get_model_status(highs.get());
  if (status == kHighsModelStatusInfeasible) {
    return Status::infeasible;
  }
  if (status == kHighsModelStatusOptimal) {
    return Status::unbounded;
  }
  return status == kHighsModelStatusInterrupt ? Status::interrupted : Status::time_limit;
}

std::optional<Status> status_of(const Program& program, const SolveOptions& options, void* highs) {
  const HighsInt status = api().get_model_status(highs);
  if (status == kHighsModelStatusOptimal || status == kHighsModelStatusModelEmpty) {
    return Status::optimal;
  }
  if (status == kHighsModelStatusInfeasible) {
    return Status::infeasible;
  }
  if (status == kHighsModelStatusUnbounded || status == kHighsModelStatusUnboundedOrInfeasible) {
    return without_optimum(program, options);
  }
  if (status == kHighsModelStatusTimeLimit) {
    return Status::time_limit;
  }
  if (status == kHighsModelStatusInterrupt) {
    return Status::interrupted;
  }
  return std::nullopt;
}

double info(void* highs, const char* what) {
  double value = 0;
  api().get_double_info_value(highs, what, &value);
  return value;
}

void take_values(const Program& program, void* highs, Solution& solution) {
  HighsInt found = kHighsSolutionStatusNone;
  api().get_int_info_value(highs, "primal_solution_status", &found);
  if (found != kHighsSolutionStatusFeasible) {
    return;
  }
  const bool is_mip = program.integer_count() > 0;
  solution.values.resize(program.variables().size());
  std::vector<double> duals(program.rows().size());
  api().get_solution(highs, solution.values.data(), nullptr, nullptr,
                     is_mip ? nullptr : duals.data());
  solution.objective = info(highs, "objective_function_value");
  solution.bound = is_mip ? info(highs, "mip_dual_bound") : solution.objective;
  if (!is_mip && solution.status != Status::optimal) {
    solution.bound = program.maximise ? kInfinity : -kInfinity;
  }
  if (!is_mip && solution.status == Status::optimal) {
    solution.duals = std::move(duals);
  }
}

}  // namespace

Result<Solution> solve_highs(const Program& program, const SolveOptions& options) {
  if (!api().library.error().empty()) {
    return fail("S0206", fmt::format("HiGHS cannot be loaded: {}", api().library.error()),
                {"scripts/setup build brings it"});
  }
  const Highs highs = prepared(options);
  if (!pass(highs.get(), program, true)) {
    return fail("S0203", "HiGHS refuses the program",
                {"coefficients are finite and below 1e15, bounds that are infinite apart"});
  }
  const HighsInt run = api().run(highs.get());
  const auto status = status_of(program, options, highs.get());
  if (run == kHighsStatusError || !status) {
    return fail("S0203", fmt::format("HiGHS failed with model status {}",
                                     api().get_model_status(highs.get())));
  }
  Solution solution{.status = *status, .values = {}, .duals = {}};
  if (*status != Status::infeasible && *status != Status::unbounded) {
    take_values(program, highs.get(), solution);
  }
  return solution;
}

}  // namespace churon::plan
