#include "cli/app.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>

#include "base/text.h"
#include "base/version.h"
#include "cli/app_help.h"
#include "cli/verbs.h"

extern "C" void churon_on_signal(int);

namespace churon::cli {

namespace {

// Words that llama.cpp writes with one dash though they are longer than a letter.
struct LongAlias {
  std::string_view written;
  std::string_view meant;
};
constexpr std::array kLongAliases{
    LongAlias{"-sys", "--system-prompt"},
};

class HelpFormatter : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const override {
    std::string full_name;
    for (const CLI::App* part = app; part != nullptr; part = part->get_parent()) {
      full_name.insert(0, part->get_name() + (full_name.empty() ? "" : " "));
    }
    return app->get_parent() == nullptr ? program_help() : verb_help(*app, full_name);
  }
};

void install_signal_handlers() {
  struct sigaction action{};
  action.sa_handler = churon_on_signal;
  ::sigaction(SIGINT, &action, nullptr);
  ::sigaction(SIGTERM, &action, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

// A file that is opened later must not take the place of a standard stream that was closed: reading
// finds nothing, writing to standard output fails.
void occupy_standard_streams() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) < 0) {
      // The lowest free descriptor is this one.
      (void)::open("/dev/null", descriptor == STDERR_FILENO ? O_WRONLY : O_RDONLY);
    }
  }
}

// Of the terminal that shows the results.
std::size_t columns_of(int descriptor) {
  constexpr unsigned short kColumnsMin = 40;  // words are long; some terminals say 0
  winsize size{};
  return ::isatty(descriptor) == 1 && ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 &&
                 size.ws_col >= kColumnsMin
             ? size.ws_col
             : report::kPageWidth;
}

Terminal make_terminal(bool json, bool quiet) {
  const bool stderr_is_terminal = ::isatty(STDERR_FILENO) == 1;
  const char* no_color = std::getenv("NO_COLOR");
  return Terminal{.json = json,
                  .quiet = quiet,
                  .color = stderr_is_terminal && (no_color == nullptr || *no_color == '\0'),
                  .progress = stderr_is_terminal && !quiet && !json,
                  .interactive = ::isatty(STDOUT_FILENO) == 1,
                  .columns = columns_of(STDOUT_FILENO)};
}

// The command that was reached, `churon models pull` being deeper than `churon models`.
const CLI::App& innermost(const CLI::App& app) {
  const auto parsed = app.get_subcommands();
  return parsed.empty() ? app : innermost(*parsed.back());
}

std::string full_name(const CLI::App& app) {
  const CLI::App* parent = app.get_parent();
  return parent == nullptr ? app.get_name() : full_name(*parent) + " " + app.get_name();
}

std::string names_of_verbs() {
  std::vector<std::string> names;
  for (const Verb& verb : verbs()) {
    names.emplace_back(verb.name);
  }
  return join(names, ", ");
}

// Words that no command took.
std::optional<Diagnostic> unexpected_word(const CLI::App& app) {
  const std::vector<std::string> words = app.remaining(true);
  const auto is_flag = [](const std::string& word) { return word.size() > 1 && word[0] == '-'; };
  const auto flag = std::find_if(words.begin(), words.end(), is_flag);
  if (words.empty()) {
    return std::nullopt;
  }
  const CLI::App& command = innermost(app);
  if (&command == &app && flag == words.end()) {
    std::vector<std::string> names;
    for (const Verb& verb : verbs()) {
      names.emplace_back(verb.name);
    }
    const auto near = did_you_mean(words[0], names);
    return usage("U0101", fmt::format("unknown verb `{}`", escape_control(words[0])),
                 {near ? fmt::format("did you mean `{}`?", *near)
                       : fmt::format("verbs are {}", names_of_verbs())});
  }
  const std::string help =
      fmt::format("`{} --help` shows examples and all options", full_name(command));
  if (flag != words.end()) {
    const std::string name = flag->substr(0, flag->find('='));
    const auto near = did_you_mean(name, flags(command));
    std::vector<std::string> hints;
    if (near) {
      hints.push_back(fmt::format("did you mean `{}`?", *near));
    }
    hints.push_back(help);
    return usage("U0102",
                 fmt::format("`{}` has no option `{}`", full_name(command), escape_control(name)),
                 std::move(hints));
  }
  return usage(
      "U0103",
      fmt::format("unexpected word `{}` after `{}`", escape_control(words[0]), full_name(command)),
      {"put a text of several words in quotes", help});
}

// What CLI11 says, in the tone of the other diagnostics.
std::string message_of(const CLI::ParseError& error) {
  const std::string message = error.what();
  constexpr std::string_view twice = ": At Most 1 required but received ";
  if (const std::size_t at = message.find(twice); at != std::string::npos) {
    return escape_control(fmt::format("`{}` is given {} times", message.substr(0, at),
                                      message.substr(at + twice.size())));
  }
  constexpr std::string_view conversion = "Could not convert: ";  // "--predict = many"
  const std::size_t equals = message.find(" = ");
  if (!message.starts_with(conversion) || equals == std::string::npos) {
    return escape_control(message);
  }
  return escape_control(fmt::format("`{}` is no value for `{}`", message.substr(equals + 3),
                                    message.substr(conversion.size(), equals - conversion.size())));
}

void allow_extras(CLI::App& app) {
  app.allow_extras();
  for (CLI::App* command : app.get_subcommands([](const CLI::App*) { return true; })) {
    allow_extras(*command);
  }
}

std::vector<std::string> words_of(int argc, char** argv) {
  std::vector<std::string> words;
  bool options = true;  // until `--`
  for (int i = 1; i < argc; ++i) {
    std::string word = argv[i];
    options = options && word != "--";
    const auto* alias = std::find_if(kLongAliases.begin(), kLongAliases.end(),
                                     [&](const LongAlias& entry) { return entry.written == word; });
    words.push_back(options && alias != kLongAliases.end() ? std::string(alias->meant) : word);
  }
  if (!words.empty() && words[0] == "help") {  // churon help run
    words.erase(words.begin());
    words.emplace_back("--help");
  }
  std::reverse(words.begin(), words.end());  // the order in which CLI11 takes them
  return words;
}

ExitCode act(const Action& action, const Terminal& terminal) {
  try {
    return action(terminal);
  } catch (const std::bad_alloc&) {
    return terminal.report({Diagnostic{.code = "U0105",
                                       .message = "out of memory",
                                       .help = {"close other programs, or give a smaller file; a "
                                                "model needs less with a smaller -c"}}});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "churon: internal error: %s\nPlease report this.\n",
                 escape_control(error.what()).c_str());
    return ExitCode::internal;
  }
}

}  // namespace

int run_command_line(int argc, char** argv) {
  occupy_standard_streams();
  install_signal_handlers();
  CLI::App app;
  app.name("churon");
  app.formatter(std::make_shared<HelpFormatter>());
  app.set_help_flag("-h,--help", "this text");
  app.set_version_flag("--version", std::string("churon ") + kVersion);

  bool json = false;
  bool quiet = false;
  Action chosen;
  for (const Verb& verb : verbs()) {
    auto* command = app.add_subcommand(std::string(verb.name));
    std::string examples;
    for (const std::string_view example : split(verb.examples, '\n')) {
      examples += fmt::format("\n  {}", trim(example));
    }
    command->description(fmt::format("{}\n\nExamples:{}", verb.summary, examples));
    command->callback([&chosen, action = verb.configure(*command)] { chosen = action; });
    command->add_flag("--json", json, "one JSON document on standard output")->group("Output");
    command->add_flag("--quiet", quiet, "the result alone: no progress, no summary")
        ->group("Output");
  }
  allow_extras(app);
  try {
    app.parse(words_of(argc, argv));
  } catch (const CLI::CallForHelp& help) {
    make_terminal(false, false).out(innermost(app).help());
    return 0;
  } catch (const CLI::CallForVersion&) {
    make_terminal(false, false).out(std::string("churon ") + kVersion + "\n");
    return 0;
  } catch (const CLI::ParseError& error) {
    const auto word = unexpected_word(app);
    const Diagnostic diagnostic =
        word ? *word
             : usage("U0104", message_of(error),
                     {fmt::format("`{} --help` shows examples and all options",
                                  full_name(innermost(app)))});
    return static_cast<int>(make_terminal(json, quiet).report({diagnostic}));
  }
  const Terminal terminal = make_terminal(json, quiet);
  if (const auto word = unexpected_word(app)) {
    return static_cast<int>(terminal.report({*word}));
  }
  if (!chosen) {
    std::fputs(program_help().c_str(), stderr);
    return static_cast<int>(ExitCode::usage);
  }
  return static_cast<int>(act(chosen, terminal));
}

}  // namespace churon::cli
