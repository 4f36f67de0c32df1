#include "plan/solver_cbc.h"

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
#include <chrono>
#include <cmath>
#include <cstring>
#include <string>

#include "plan/cbc_search.h"
#include "plan/library.h"

namespace churon::plan {

namespace {

struct Api {
  Library library{CHURON_CBC_LIBRARY};
  CbcSearch* search = library.symbol("churon_cbc_search");
};

Api& api() {
  static Api bound;
  return bound;
}

// --- the program --------------------------------------------------------------------------------

void set_matrix(CbcTask& task, const Program& program) {
  task.starts.assign(program.variables().size() + 1, 0);
  for (int i = 0; i < program.row_count(); ++i) {
    for (const Term& term : program.terms({i})) {
      ++task.starts[static_cast<std::size_t>(term.variable.index) + 1];
    }
  }
  for (std::size_t i = 1; i < task.starts.size(); ++i) {
    task.starts[i] += task.starts[i - 1];
  }
  task.rows.resize(program.term_count());
  task.factors.resize(program.term_count());
  std::vector<int> next(task.starts.begin(), task.starts.end() - 1);
  for (int i = 0; i < program.row_count(); ++i) {
    for (const Term& term : program.terms({i})) {
      const auto at =
          static_cast<std::size_t>(next[static_cast<std::size_t>(term.variable.index)]++);
      task.rows[at] = i;
      task.factors[at] = term.factor;
    }
  }
}

// CBC minimises, without the offset.
double sign(const Program& program) { return program.maximise ? -1 : 1; }
double bound_of(const Program& program, const CbcNews& news) {
  return sign(program) * news.bound + program.offset;
}

CbcTask task_of(const Program& program, const SolveOptions& options) {
  CbcTask task{.gap = options.gap, .time_limit_s = options.time_limit_s};
  set_matrix(task, program);
  for (int i = 0; i < program.variable_count(); ++i) {
    const Variable& variable = program.at(VariableId{i});
    task.lower.push_back(variable.lower);
    task.upper.push_back(variable.upper);
    task.cost.push_back(sign(program) * variable.cost);
    if (variable.is_integer) {
      task.integers.push_back(i);
    }
  }
  for (const Row& row : program.rows()) {
    task.row_lower.push_back(row.lower);
    task.row_upper.push_back(row.upper);
  }
  return task;
}

// --- the child ----------------------------------------------------------------------------------

// What goes through the pipe: news and, behind it, their values.
struct Frame {
  CbcNews news;
  std::size_t count = 0;
};

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

// Its caller alone decides when it ends, and no word of CBC's gets among the results.
[[noreturn]] void search_and_end(const CbcTask& task, int to) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t signals;
  ::sigemptyset(&signals);
  ::sigaddset(&signals, SIGINT);
  ::sigaddset(&signals, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &signals, nullptr);
  ::dup2(::open("/dev/null", O_WRONLY), STDOUT_FILENO);
  api().search(task, [&](const CbcNews& news, std::span<const double> values) {
    const Frame frame{.news = news, .count = values.size()};
    write_all(to, &frame, sizeof frame);
    write_all(to, values.data(), values.size_bytes());
  });
  ::_exit(0);
}

// --- its caller ---------------------------------------------------------------------------------

struct Heard {
  CbcNews news;
  std::vector<double> values;  // the best so far
  bool is_interrupted = false, is_late = false;
};

using Clock = std::chrono::steady_clock;

class Listener {
 public:
  Listener(const Program& program, const SolveOptions& options)
      : program_(program), options_(options) {}

  // Until the child ends, or is to end.
  void listen(int from) {
    constexpr int kAskEveryMs = 50;
    std::array<char, 1 << 16> block{};
    while (!must_end()) {
      pollfd ready{.fd = from, .events = POLLIN, .revents = 0};
      if (::poll(&ready, 1, kAskEveryMs) <= 0) {
        continue;
      }
      const ssize_t count = ::read(from, block.data(), block.size());
      if (count == 0) {
        return;
      }
      bytes_.append(block.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
      take_frames();
    }
  }

  Heard heard;

 private:
  bool must_end() {
    // CBC looks at its clock in few of its phases.
    constexpr std::chrono::duration<double> kGrace{1};
    const std::chrono::duration<double> limit{options_.time_limit_s};
    heard.is_interrupted = options_.interrupted && options_.interrupted();
    heard.is_late = Clock::now() - begin_ > limit + kGrace;
    return heard.is_interrupted || heard.is_late;
  }

  void take_frames() {
    std::size_t at = 0;
    Frame frame;
    while (bytes_.size() - at >= sizeof frame) {
      std::memcpy(&frame, bytes_.data() + at, sizeof frame);
      const std::size_t size = frame.count * sizeof(double);
      if (bytes_.size() - at - sizeof frame < size) {
        break;
      }
      take(frame, bytes_.data() + at + sizeof frame);
      at += sizeof frame + size;
    }
    bytes_.erase(0, at);
  }

  void take(const Frame& frame, const char* values) {
    heard.news = frame.news;
    if (frame.count != program_.variables().size()) {
      return;
    }
    heard.values.resize(frame.count);
    std::memcpy(heard.values.data(), values, frame.count * sizeof(double));
    if (options_.improved && frame.news.state == CbcState::searching) {
      options_.improved(program_.objective(heard.values), bound_of(program_, frame.news));
    }
  }

  const Program& program_;
  const SolveOptions& options_;
  Clock::time_point begin_ = Clock::now();
  std::string bytes_;  // not taken yet
};

Status status_of(const Heard& heard) {
  if (heard.is_interrupted) {
    return Status::interrupted;
  }
  switch (heard.news.state) {
    case CbcState::optimal:
      return Status::optimal;
    case CbcState::no_optimum:
      return Status::infeasible;
    case CbcState::searching:
    case CbcState::stopped:
    case CbcState::abandoned:
      break;
  }
  return Status::time_limit;
}

tl::unexpected<Diagnostics> not_started() {
  return fail("S0203", fmt::format("CBC cannot be started: {}", std::strerror(errno)));
}

Result<Heard> searched(const Program& program, const CbcTask& task, const SolveOptions& options) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return not_started();
  }
  const pid_t child = ::fork();
  if (child == 0) {
    search_and_end(task, ends[1]);
  }
  ::close(ends[1]);
  if (child < 0) {
    ::close(ends[0]);
    return not_started();
  }
  Listener listener(program, options);
  listener.listen(ends[0]);
  ::close(ends[0]);
  Heard heard = std::move(listener.heard);
  if (heard.is_interrupted || heard.is_late) {
    ::kill(child, SIGKILL);
  }
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
  if (heard.news.state == CbcState::abandoned) {
    return fail("S0203", "CBC gave up: numerical difficulties");
  }
  if (heard.news.state == CbcState::searching && !heard.is_interrupted && !heard.is_late) {
    return fail("S0203", "CBC ended before its search did");
  }
  return heard;
}

// Whether anything satisfies the rows of a program that has no optimum.
Result<Solution> without_optimum(const Program& program, CbcTask task,
                                 const SolveOptions& options) {
  task.cost.assign(task.cost.size(), 0);
  const auto heard = searched(program, task, options);
  if (!heard) {
    return fail(heard);
  }
  const Status found = status_of(*heard);
  return Solution{
      .status = found == Status::optimal ? Status::unbounded : found, .values = {}, .duals = {}};
}

}  // namespace

Result<Solution> solve_cbc(const Program& program, const SolveOptions& options) {
  if (!api().library.error().empty()) {
    return fail(
        "S0206", fmt::format("CBC cannot be loaded: {}", api().library.error()),
        {"scripts/setup build brings CBC, `make build` what searches with it; or --solver highs"});
  }
  const CbcTask task = task_of(program, options);
  auto heard = searched(program, task, options);
  if (!heard) {
    return fail(heard);
  }
  const Status status = status_of(*heard);
  if (status == Status::infeasible) {
    return without_optimum(program, task, options);
  }
  Solution solution{.status = status, .values = std::move(heard->values), .duals = {}};
  if (solution.has_values()) {
    solution.objective = program.objective(solution.values);
    solution.bound = bound_of(program, heard->news);
  }
  return solution;
}

}  // namespace churon::plan
