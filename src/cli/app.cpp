#include "cli/app.h"

#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "base/text.h"
#include "base/version.h"
#include "cli/verbs.h"

extern "C" void churon_on_signal(int);

namespace churon::cli {

namespace {

void install_signal_handlers() {
  struct sigaction action{};
  action.sa_handler = churon_on_signal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

Terminal make_terminal(bool json, bool quiet) {
  const bool stderr_is_terminal = ::isatty(STDERR_FILENO) == 1;
  const char* no_color = std::getenv("NO_COLOR");
  return Terminal{.json = json,
                  .quiet = quiet,
                  .color = stderr_is_terminal && (no_color == nullptr || *no_color == '\0'),
                  .progress = stderr_is_terminal && !quiet && !json};
}

}  // namespace

int run_command_line(int argc, char** argv) {
  install_signal_handlers();
  CLI::App app{
      "churon: an LLM inference chip, from one description file to tokens, time and dollars"};
  app.name("churon");
  app.require_subcommand(1);
  app.set_version_flag("--version", std::string("churon ") + kVersion);
  app.get_formatter()->column_width(30);

  bool json = false;
  bool quiet = false;
  Action chosen;
  for (const Verb& verb : verbs()) {
    auto* command = app.add_subcommand(std::string(verb.name), std::string(verb.summary));
    command->description(fmt::format("Examples:\n{}\n\n{}", verb.examples, verb.summary));
    command->add_flag("--json", json, "one JSON document on standard output");
    command->add_flag("--quiet", quiet, "the result alone, no progress, no summary");
    command->callback([&chosen, action = verb.configure(*command)] { chosen = action; });
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp& help) {
    return app.exit(help);
  } catch (const CLI::CallForVersion& version) {
    return app.exit(version);
  } catch (const CLI::ParseError& error) {
    app.exit(error);
    return static_cast<int>(ExitCode::usage);
  }
  const Terminal terminal = make_terminal(json, quiet);
  try {
    return static_cast<int>(chosen(terminal));
  } catch (const std::bad_alloc&) {
    std::fputs("error: out of memory\n", stderr);
    return static_cast<int>(ExitCode::input);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "churon: internal error: %s\nPlease report this.\n",
                 escape_control(error.what()).c_str());
    return static_cast<int>(ExitCode::internal);
  }
}

}  // namespace churon::cli
