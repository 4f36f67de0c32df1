// Programs run to their end, for tests that look at what a user sees.
#pragma once

#include <fcntl.h>
#include <signal.h>
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

// Starts a program without a terminal; `meanwhile` gets its process id while it runs. More than a
// minute is an error.
inline Ended run_program(std::vector<std::string> words,
                         const std::map<std::string, std::string>& environment = {},
                         const std::function<void(pid_t)>& meanwhile = {}) {
  const TemporaryFolder folder;
  const std::string out = folder.write("out", "");
  const std::string err = folder.write("err", "");
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) {
    arguments.push_back(word.data());
  }
  arguments.push_back(nullptr);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(::open("/dev/null", O_RDONLY), STDIN_FILENO);
    ::dup2(::open(out.c_str(), O_WRONLY), STDOUT_FILENO);
    ::dup2(::open(err.c_str(), O_WRONLY), STDERR_FILENO);
    for (const auto& [name, value] : environment) {
      ::setenv(name.c_str(), value.c_str(), 1);
    }
    ::alarm(60);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  if (meanwhile) {
    meanwhile(child);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return {WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status), bytes_of(out),
          bytes_of(err)};
}

}  // namespace churon::test
