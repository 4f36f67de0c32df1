#include "plan/solver_cbc.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <string>

#include "base/file.h"
#include "plan/cbc_search.h"

namespace churon::plan {

namespace {

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

// --- the search ---------------------------------------------------------------------------------

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

  bool must_end() {
    // CBC looks at its clock in few of its phases.
    constexpr std::chrono::duration<double> kGrace{1};
    const std::chrono::duration<double> limit{options_.time_limit_s};
    heard.is_interrupted = options_.interrupted && options_.interrupted();
    heard.is_late = Clock::now() - begin_ > limit + kGrace;
    return heard.is_interrupted || heard.is_late;
  }

  // Until the search ends, or is to end.
  void listen(int from) {
    constexpr int kAskEveryMs = 50;
    while (!must_end()) {
      pollfd ready{.fd = from, .events = POLLIN, .revents = 0};
      if (::poll(&ready, 1, kAskEveryMs) <= 0) {
        continue;
      }
      if (!hear(from)) {
        return;
      }
    }
  }

  // What the search had told before it was ended.
  void hear_the_rest(int from) {
    while (hear(from)) {
    }
  }

  Heard heard;

 private:
  // False: it has nothing more to tell.
  bool hear(int from) {
    std::array<char, 1 << 16> block{};
    const ssize_t count = ::read(from, block.data(), block.size());
    if (count > 0) {
      bytes_.append(block.data(), static_cast<std::size_t>(count));
      take_news();
    }
    return count > 0 || (count < 0 && errno == EINTR);
  }

  void take_news() {
    std::size_t at = 0;
    CbcNews news;
    while (bytes_.size() - at >= sizeof news) {
      std::memcpy(&news, bytes_.data() + at, sizeof news);
      const std::size_t size = news.value_count * sizeof(double);
      if (bytes_.size() - at - sizeof news < size) {
        break;
      }
      take(news, bytes_.data() + at + sizeof news);
      at += sizeof news + size;
    }
    bytes_.erase(0, at);
  }

  void take(const CbcNews& news, const char* values) {
    heard.news = news;
    if (news.value_count != program_.variables().size()) {
      return;
    }
    heard.values.resize(news.value_count);
    std::memcpy(heard.values.data(), values, news.value_count * sizeof(double));
    if (options_.improved && news.state == CbcState::searching) {
      options_.improved(program_.objective(heard.values), bound_of(program_, news));
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

tl::unexpected<Diagnostics> not_started(std::string_view why) {
  return fail("S0206", fmt::format("CBC cannot be started: {}", why),
              {"scripts/setup build brings CBC, `make build` what searches with it; or --solver "
               "highs"});
}

// A file without a name that holds the task, to be read from its begin.
Result<File> file_of(const CbcTask& task) {
  File file(::memfd_create("churon-cbc", MFD_CLOEXEC));
  if (file.descriptor() < 0) {
    return not_started(std::strerror(errno));
  }
  const std::string bytes = bytes_of(task);
  for (std::size_t at = 0; at < bytes.size();) {
    const ssize_t done =
        ::pwrite(file.descriptor(), bytes.data() + at, bytes.size() - at, static_cast<off_t>(at));
    if (done <= 0) {
      return not_started(std::strerror(errno));
    }
    at += static_cast<std::size_t>(done);
  }
  return file;
}

// Its caller alone decides when it ends: Ctrl-C on a terminal, which goes to both, is blocked. Of
// what the caller has open it gets the two and standard error.
Result<pid_t> spawn_search(const File& task, const File& news) {
  sigset_t blocked;
  ::sigemptyset(&blocked);
  ::sigaddset(&blocked, SIGINT);
  ::sigaddset(&blocked, SIGTERM);
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, task.descriptor(), STDIN_FILENO);
  ::posix_spawn_file_actions_adddup2(&actions, news.descriptor(), STDOUT_FILENO);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1);
  posix_spawnattr_t attributes;
  ::posix_spawnattr_init(&attributes);
  ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
  ::posix_spawnattr_setsigmask(&attributes, &blocked);
  std::string program = CHURON_CBC_PROGRAM;
  std::array<char*, 2> arguments{program.data(), nullptr};
  pid_t child = 0;
  const int error =
      ::posix_spawn(&child, program.c_str(), &actions, &attributes, arguments.data(), environ);
  ::posix_spawnattr_destroy(&attributes);
  ::posix_spawn_file_actions_destroy(&actions);
  if (error != 0) {
    return not_started(std::strerror(error));
  }
  return child;
}

Result<Heard> searched(const Program& program, const CbcTask& task, const SolveOptions& options) {
  Listener listener(program, options);
  if (listener.must_end()) {
    return std::move(listener.heard);
  }
  const auto input = file_of(task);
  if (!input) {
    return fail(input);
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return not_started(std::strerror(errno));
  }
  const File from(ends[0]);
  File to(ends[1]);
  const auto child = spawn_search(*input, to);
  to = File();
  if (!child) {
    return fail(child);
  }
  listener.listen(from.descriptor());
  if (listener.heard.is_interrupted || listener.heard.is_late) {
    ::kill(*child, SIGKILL);
    listener.hear_the_rest(from.descriptor());
  }
  Heard heard = std::move(listener.heard);
  int status = 0;
  while (::waitpid(*child, &status, 0) < 0 && errno == EINTR) {
  }
  constexpr int kNotLinked = 127;  // of the dynamic linker, which says on stderr what it misses
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNotLinked) {
    return not_started("a library is missing");
  }
  if (heard.news.state == CbcState::abandoned) {
    return fail("S0203", "CBC gave up: numerical difficulties");
  }
  if (heard.news.state == CbcState::searching && !heard.is_interrupted && !heard.is_late) {
    return fail(
        "S0203",
        fmt::format("CBC ended before its search did: {}",
                    WIFSIGNALED(status) ? ::strsignal(WTERMSIG(status))
                                        : fmt::format("exit code {}", WEXITSTATUS(status)).c_str()),
        {"where it was killed the machine may be out of memory; or --solver highs"});
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
