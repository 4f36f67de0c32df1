#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/json.h"
#include "base/text.h"
#include "cli/verb.h"
#include "report/explanation.h"

namespace churon::cli {

namespace {

volatile std::sig_atomic_t interrupt_count = 0;

// Whether a line of progress stands on the terminal, and since when. One thread writes.
using Clock = std::chrono::steady_clock;
bool progress_shown = false;
Clock::time_point progress_time;
constexpr std::chrono::milliseconds kProgressInterval{50};

void write_all(int descriptor, std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(descriptor, text.data(), text.size());
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put < 0) {
      if (descriptor == STDOUT_FILENO) {
        if (errno != EPIPE) {
          std::fprintf(stderr, "error: cannot write to standard output: %s\n",
                       std::strerror(errno));
        }
        std::_Exit(errno == EPIPE ? 0 : static_cast<int>(ExitCode::input));
      }
      return;
    }
    text.remove_prefix(static_cast<std::size_t>(put));
  }
}

}  // namespace

// A second signal ends the process at once.
extern "C" void churon_on_signal(int) {
  interrupt_count = interrupt_count + 1;
  if (interrupt_count > 1) {
    std::_Exit(static_cast<int>(ExitCode::interrupted));
  }
}

bool interrupted() { return interrupt_count > 0; }
void clear_interrupt() { interrupt_count = 0; }

void Terminal::out(std::string_view text) const {
  show_progress("");
  write_all(STDOUT_FILENO, text);
}

void Terminal::explain(std::string_view key, const std::string& text) const {
  out(json ? dump_json(report::explanation_json(key, text)) + "\n" : text);
}

void Terminal::show_progress(std::string_view line) const {
  if (!progress || (line.empty() && !progress_shown)) {
    return;
  }
  const auto now = Clock::now();
  if (!line.empty() && progress_shown && now - progress_time < kProgressInterval) {
    return;
  }
  progress_shown = !line.empty();
  progress_time = now;
  write_all(STDERR_FILENO, "\r\x1b[K" + escape_control(line));
}

void Terminal::note(std::string_view text) const {
  if (!quiet) {
    show_progress("");
    write_all(STDERR_FILENO, std::string(text) + "\n");
  }
}

ExitCode Terminal::report(const Diagnostics& diagnostics) const {
  show_progress("");
  write_all(STDERR_FILENO, to_text(diagnostics, color));
  ExitCode exit = ExitCode::ok;
  for (const auto& diagnostic : diagnostics) {
    if (diagnostic.severity == Severity::error && exit == ExitCode::ok) {
      exit = diagnostic.exit;
    }
  }
  return exit;
}

Diagnostic usage(std::string code, std::string message, std::vector<std::string> help) {
  return {.code = std::move(code),
          .message = std::move(message),
          .help = std::move(help),
          .exit = ExitCode::usage};
}

}  // namespace churon::cli
