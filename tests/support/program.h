// Programs run to their end, for tests that look at what a user sees.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "gguf_writer.h"
#include "wheel_writer.h"

namespace churon::test {

struct Ended {
  int exit = 0;  // 128 + signal where one ended it
  std::string out;
  std::string err;
};

// What a program is run with one by one, whole; under the sanitizers, where one run takes ten times
// as long, every fifth.
template <typename Words>
std::vector<std::string> spread(const Words& words) {
#ifdef __SANITIZE_ADDRESS__
  constexpr std::size_t kStep = 5;
#else
  constexpr std::size_t kStep = 1;
#endif
  std::vector<std::string> some;
  std::size_t i = 0;
  for (const auto& word : words) {
    if (i++ % kStep == 0) {
      some.push_back(word);
    }
  }
  return some;
}

// In the child: the program with these three, for a minute at most.
[[noreturn]] inline void become(std::vector<std::string> words,
                                const std::map<std::string, std::string>& environment, int in,
                                int out, int err) {
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) {
    arguments.push_back(word.data());
  }
  arguments.push_back(nullptr);
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(err, STDERR_FILENO);
  for (const auto& [name, value] : environment) {
    ::setenv(name.c_str(), value.c_str(), 1);
  }
  ::alarm(60);
  ::execv(arguments[0], arguments.data());
  ::_exit(127);
}

inline int exit_of(pid_t child) {
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

// Starts a program that reads from `in`, which is closed; see run_program.
inline Ended run_reading(int in, std::vector<std::string> words,
                         const std::map<std::string, std::string>& environment,
                         const std::function<void(pid_t)>& meanwhile) {
  const TemporaryFolder folder;
  const std::string out = folder.write("out", "");
  const std::string err = folder.write("err", "");
  const pid_t child = ::fork();
  if (child == 0) {
    become(std::move(words), environment, in, ::open(out.c_str(), O_WRONLY),
           ::open(err.c_str(), O_WRONLY));
  }
  ::close(in);
  if (meanwhile) {
    meanwhile(child);
  }
  const int exit = exit_of(child);
  return {exit, bytes_of(out), bytes_of(err)};
}

// Starts a program without a terminal; `meanwhile` gets its process id while it runs. More than a
// minute is an error.
inline Ended run_program(std::vector<std::string> words,
                         const std::map<std::string, std::string>& environment = {},
                         const std::function<void(pid_t)>& meanwhile = {}) {
  return run_reading(::open("/dev/null", O_RDONLY), std::move(words), environment, meanwhile);
}

// The same with a terminal to read from, on which nobody types.
inline Ended run_at_silent_terminal(std::vector<std::string> words,
                                    const std::map<std::string, std::string>& environment) {
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
  ::grantpt(terminal);
  ::unlockpt(terminal);
  const int side = ::open(::ptsname(terminal), O_RDWR | O_NOCTTY);
  Ended ended = run_reading(side, std::move(words), environment, {});
  ::close(terminal);
  return ended;
}

// The same with a terminal for its remarks; `heard` gets all that it has said there so far,
// whenever that grows.
inline Ended run_in_terminal(std::vector<std::string> words,
                             const std::map<std::string, std::string>& environment,
                             const std::function<void(pid_t, const std::string&)>& heard) {
  const TemporaryFolder folder;
  const std::string out = folder.write("out", "");
  const int terminal = ::posix_openpt(O_RDWR | O_NOCTTY);
  ::grantpt(terminal);
  ::unlockpt(terminal);
  const int side = ::open(::ptsname(terminal), O_RDWR | O_NOCTTY);
  const pid_t child = ::fork();
  if (child == 0) {
    become(std::move(words), environment, ::open("/dev/null", O_RDONLY),
           ::open(out.c_str(), O_WRONLY), side);
  }
  ::close(side);
  std::string err;
  char block[4096];
  for (ssize_t count = 0; (count = ::read(terminal, block, sizeof block)) > 0;) {
    err.append(block, static_cast<std::size_t>(count));
    heard(child, err);
  }
  ::close(terminal);
  const int exit = exit_of(child);
  return {exit, bytes_of(out), err};
}

}  // namespace churon::test
