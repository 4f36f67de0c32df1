// CBC's C++ interface is what says, during a search, what has been found so far. A program of its
// own: CBC heeds neither signals nor its clock in many of its phases, so its caller ends it.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <unistd.h>
#include <coin/CbcEventHandler.hpp>
#include <coin/CbcModel.hpp>
#include <coin/CbcSolver.hpp>
#include <coin/OsiClpSolverInterface.hpp>

#include <array>
#include <cmath>
#include <csignal>
#include <functional>
#include <limits>
#include <string>

#include "plan/cbc_search.h"

namespace churon::plan {

namespace {

// Called by the thread that searches.
using CbcListener = std::function<void(CbcNews, std::span<const double> values)>;

// What one search has told: copies of its handler share it.
struct Told {
  const CbcListener& listener;
  double objective = COIN_DBL_MAX;
  double bound = -std::numeric_limits<double>::infinity();

  // CBC's bound is the smaller one of that of its open nodes and of the best objective: where both
  // are the same it may be that it has none yet.
  [[nodiscard]] bool is_news(double of, double best) const {
    return of < best && of > bound && std::fabs(of) < COIN_DBL_MAX;
  }
};

class Reporter : public CbcEventHandler {
 public:
  explicit Reporter(Told& told) : told_(&told) {}
  [[nodiscard]] CbcEventHandler* clone() const override { return new Reporter(*this); }

  CbcAction event(CbcEvent what) override {
    if (model_->parentModel() != nullptr) {
      return noAction;  // of a program inside a heuristic
    }
    const double best = model_->getObjValue(), bound = model_->getBestPossibleObjValue();
    const bool has_bound = told_->is_news(bound, best);
    told_->bound = has_bound ? bound : told_->bound;
    if ((what == solution || what == heuristicSolution) && best < told_->objective) {
      told_->objective = best;
      tell_solution();
    } else if (has_bound) {
      told_->listener({.bound = bound}, {});
    }
    return noAction;
  }

 private:
  void tell_solution() {
    const OsiSolverInterface* original = model_->postProcessedSolver(1);
    const double* values =
        original != nullptr ? original->getColSolution() : model_->bestSolution();
    const int count = original != nullptr ? original->getNumCols() : model_->getNumCols();
    told_->listener({.bound = told_->bound}, {values, static_cast<std::size_t>(count)});
  }

  Told* told_;
};

OsiClpSolverInterface loaded(const CbcTask& task) {
  OsiClpSolverInterface solver;
  solver.messageHandler()->setLogLevel(0);
  solver.getModelPtr()->setLogLevel(0);
  solver.loadProblem(static_cast<int>(task.cost.size()), static_cast<int>(task.row_lower.size()),
                     task.starts.data(), task.rows.data(), task.factors.data(), task.lower.data(),
                     task.upper.data(), task.cost.data(), task.row_lower.data(),
                     task.row_upper.data());
  solver.setInteger(task.integers.data(), static_cast<int>(task.integers.size()));
  return solver;
}

void solve_linear(const CbcTask& task, OsiClpSolverInterface& solver, const CbcListener& listener) {
  if (std::isfinite(task.time_limit_s)) {
    solver.getModelPtr()->setMaximumSeconds(task.time_limit_s);
  }
  solver.initialSolve();
  if (solver.isProvenOptimal()) {
    listener({.state = CbcState::optimal, .bound = solver.getObjValue()},
             {solver.getColSolution(), task.cost.size()});
  } else if (solver.isProvenPrimalInfeasible() || solver.isProvenDualInfeasible()) {
    listener({.state = CbcState::no_optimum}, {});
  } else {
    listener({.state = solver.isAbandoned() ? CbcState::abandoned : CbcState::stopped}, {});
  }
}

CbcState state_of(const CbcModel& model) {
  if (model.isAbandoned()) {
    return CbcState::abandoned;
  }
  if (model.isProvenInfeasible() || model.isContinuousUnbounded()) {
    return CbcState::no_optimum;
  }
  return model.isProvenOptimal() ? CbcState::optimal : CbcState::stopped;
}

void search_tree(const CbcTask& task, const OsiClpSolverInterface& solver,
                 const CbcListener& listener) {
  CbcModel model(solver);
  CbcSolverUsefulData data;
  data.noPrinting_ = true;
  CbcMain0(model, data);
  model.setLogLevel(0);
  Told told{.listener = listener};
  const Reporter reporter(told);
  model.passInEventHandler(&reporter);
  std::vector<std::string> words{"cbc",        "-log",      "0",
                                 "-slogLevel", "0",         "-allowableGap",
                                 "0",          "-ratioGap", fmt::format("{}", task.gap)};
  if (std::isfinite(task.time_limit_s)) {
    words.insert(words.end(), {"-seconds", fmt::format("{}", task.time_limit_s)});
  }
  words.insert(words.end(), {"-solve", "-quit"});
  std::vector<const char*> arguments;
  for (const std::string& word : words) {
    arguments.push_back(word.c_str());
  }
  const auto nothing = [](CbcModel*, int) { return 0; };
  CbcMain1(static_cast<int>(arguments.size()), arguments.data(), model, nothing, data);
  const CbcState state = state_of(model);
  const double bound = model.getBestPossibleObjValue();
  const bool has_bound = state == CbcState::optimal || told.is_news(bound, model.getObjValue());
  const double* best = model.bestSolution();
  listener({.state = state, .bound = has_bound ? bound : told.bound},
           {best, best != nullptr ? task.cost.size() : 0});
}

void search(const CbcTask& task, const CbcListener& listener) {
  OsiClpSolverInterface solver = loaded(task);
  if (task.integers.empty()) {
    solve_linear(task, solver, listener);
  } else {
    search_tree(task, solver, listener);
  }
}

std::string read_all(int from) {
  std::string bytes;
  std::array<char, 1 << 16> block{};
  for (ssize_t count; (count = ::read(from, block.data(), block.size())) > 0;) {
    bytes.append(block.data(), static_cast<std::size_t>(count));
  }
  return bytes;
}

// Whether the caller ended before it could be seen to end.
bool is_alone() {
  pollfd news{.fd = STDOUT_FILENO, .events = 0, .revents = 0};
  return ::poll(&news, 1, 0) > 0 && (news.revents & POLLERR) != 0;
}

void write_all(int to, const void* data, std::size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size > 0) {
    const ssize_t done = ::write(to, at, size);
    if (done <= 0) {
      ::_exit(1);  // nobody listens any more
    }
    at += done;
    size -= static_cast<std::size_t>(done);
  }
}

}  // namespace

}  // namespace churon::plan

int main() {
  using namespace churon::plan;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (is_alone()) {
    return 1;
  }
  // No word of CBC's gets among the news.
  const int to = ::dup(STDOUT_FILENO);
  ::dup2(::open("/dev/null", O_WRONLY), STDOUT_FILENO);
  CbcTask task;
  if (!read_task(read_all(STDIN_FILENO), task)) {
    return 1;
  }
  search(task, [to](CbcNews news, std::span<const double> values) {
    news.value_count = values.size();
    write_all(to, &news, sizeof news);
    write_all(to, values.data(), values.size_bytes());
  });
  ::_exit(0);  // what CBC leaves behind need not be tidied
}
