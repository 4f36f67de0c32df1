#include "plan/solver_cbc.h"

#include <coin/Cbc_C_Interface.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <memory>
#include <optional>

#include "plan/library.h"

namespace churon::plan {

namespace {

// What is used of its interface.
struct Api {
  Library library{CHURON_CBC_LIBRARY};
  decltype(&Cbc_bestSolution) best_solution = library.symbol("Cbc_bestSolution");
  decltype(&Cbc_deleteModel) delete_model = library.symbol("Cbc_deleteModel");
  decltype(&Cbc_getBestPossibleObjValue) get_best_possible_obj_value =
      library.symbol("Cbc_getBestPossibleObjValue");
  decltype(&Cbc_getColSolution) get_col_solution = library.symbol("Cbc_getColSolution");
  decltype(&Cbc_isAbandoned) is_abandoned = library.symbol("Cbc_isAbandoned");
  decltype(&Cbc_isContinuousUnbounded) is_continuous_unbounded =
      library.symbol("Cbc_isContinuousUnbounded");
  decltype(&Cbc_isProvenInfeasible) is_proven_infeasible = library.symbol("Cbc_isProvenInfeasible");
  decltype(&Cbc_isProvenOptimal) is_proven_optimal = library.symbol("Cbc_isProvenOptimal");
  decltype(&Cbc_loadProblem) load_problem = library.symbol("Cbc_loadProblem");
  decltype(&Cbc_newModel) new_model = library.symbol("Cbc_newModel");
  decltype(&Cbc_secondaryStatus) secondary_status = library.symbol("Cbc_secondaryStatus");
  decltype(&Cbc_setAllowableFractionGap) set_allowable_fraction_gap =
      library.symbol("Cbc_setAllowableFractionGap");
  decltype(&Cbc_setAllowableGap) set_allowable_gap = library.symbol("Cbc_setAllowableGap");
  decltype(&Cbc_setInteger) set_integer = library.symbol("Cbc_setInteger");
  decltype(&Cbc_setLogLevel) set_log_level = library.symbol("Cbc_setLogLevel");
  decltype(&Cbc_setMaximumSeconds) set_maximum_seconds = library.symbol("Cbc_setMaximumSeconds");
  decltype(&Cbc_setObjSense) set_obj_sense = library.symbol("Cbc_setObjSense");
  decltype(&Cbc_setParameter) set_parameter = library.symbol("Cbc_setParameter");
  decltype(&Cbc_solve) solve = library.symbol("Cbc_solve");
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
  constexpr int kUserEvent = 5;  // Ctrl-C, which this process sees too
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

// What a search found, before its values.
struct Found {
  Status status = Status::optimal;
  bool is_abandoned = false, has_values = false;
  double objective = 0, bound = 0;
};

Found searched(const Program& program, const SolveOptions& options, std::vector<double>& values) {
  const Model model = prepared(program, options, true);
  api().solve(model.get());
  if (api().is_abandoned(model.get()) != 0) {
    return {.is_abandoned = true};
  }
  Found found{.status = status_of(program, options, model.get())};
  if (found.status == Status::infeasible || found.status == Status::unbounded) {
    return found;
  }
  const bool is_mip = program.integer_count() > 0;
  const double* best = is_mip ? api().best_solution(model.get()) : nullptr;
  if (best == nullptr && found.status == Status::optimal) {
    best = api().get_col_solution(model.get());
  }
  if (best != nullptr) {
    found.has_values = true;
    values.assign(best, best + program.variable_count());
    found.objective = program.objective(values);
    // CBC computes without the offset.
    found.bound =
        is_mip ? api().get_best_possible_obj_value(model.get()) + program.offset : found.objective;
  }
  return found;
}

void write_all(int to, const void* data, std::size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t done = ::write(to, at, size);
    if (done <= 0) {
      return;
    }
    at += done;
    size -= static_cast<std::size_t>(done);
  }
}

// The child's side: found, then values.
[[noreturn]] void search_and_end(const Program& program, const SolveOptions& options, int to) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::vector<double> values;
  const Found found = searched(program, options, values);
  write_all(to, &found, sizeof found);
  write_all(to, values.data(), values.size() * sizeof(double));
  ::_exit(0);
}

// All that a child writes until it ends; nothing where the caller is interrupted before.
std::optional<std::string> read_all(int from, const SolveOptions& options) {
  constexpr int kAskEveryMs = 50;
  std::string bytes;
  std::array<char, 1 << 16> block{};
  while (true) {
    pollfd ready{.fd = from, .events = POLLIN, .revents = 0};
    if (::poll(&ready, 1, kAskEveryMs) > 0) {
      const ssize_t count = ::read(from, block.data(), block.size());
      if (count == 0) {
        return bytes;
      }
      bytes.append(block.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    } else if (options.interrupted && options.interrupted()) {
      return std::nullopt;
    }
  }
}

tl::unexpected<Diagnostics> not_started() {
  return fail("S0203", fmt::format("CBC cannot be started: {}", std::strerror(errno)));
}

}  // namespace

Result<Solution> solve_cbc(const Program& program, const SolveOptions& options) {
  if (!api().library.error().empty()) {
    return fail("S0206", fmt::format("CBC cannot be loaded: {}", api().library.error()),
                {"scripts/setup build brings it"});
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return not_started();
  }
  const pid_t child = ::fork();
  if (child == 0) {
    search_and_end(program, options, ends[1]);
  }
  ::close(ends[1]);
  if (child < 0) {
    ::close(ends[0]);
    return not_started();
  }
  const auto bytes = read_all(ends[0], options);
  ::close(ends[0]);
  if (!bytes) {
    ::kill(child, SIGKILL);
  }
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  Found found;
  if (!bytes) {
    return Solution{.status = Status::interrupted, .values = {}, .duals = {}};
  }
  const std::size_t size = bytes->size();
  const auto count = static_cast<std::size_t>(program.variable_count());
  if (size >= sizeof found) {
    std::memcpy(&found, bytes->data(), sizeof found);
  }
  if (size != sizeof found + (found.has_values ? count * sizeof(double) : 0)) {
    return fail("S0203", "CBC ended before its search did");
  }
  if (found.is_abandoned) {
    return fail("S0203", "CBC gave up: numerical difficulties");
  }
  Solution solution{.status = found.status,
                    .values = std::vector<double>(found.has_values ? count : 0),
                    .objective = found.objective,
                    .bound = found.bound,
                    .duals = {}};
  if (found.has_values) {
    std::memcpy(solution.values.data(), bytes->data() + sizeof found, count * sizeof(double));
  }
  return solution;
}

}  // namespace churon::plan
