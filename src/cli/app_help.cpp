#include "cli/app_help.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "base/text.h"
#include "base/version.h"
#include "cli/verbs.h"

namespace churon::cli {

namespace {

constexpr std::size_t kLineWidth = 96;
constexpr std::size_t kWordsWidth = 26;

// `text` in lines of at most `width` columns.
std::vector<std::string> wrapped(std::string_view text, std::size_t width) {
  std::vector<std::string> lines;
  for (const std::string_view paragraph : split(text, '\n')) {
    std::string line;
    for (const std::string_view word : split(paragraph, ' ')) {
      if (!line.empty() && display_width(line) + 1 + display_width(word) > width) {
        lines.push_back(std::move(line));
        line.clear();
      }
      line += line.empty() ? "" : " ";
      line += word;
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

void append_row(std::string& help, const std::string& words, const std::string& description) {
  const auto lines = wrapped(description, kLineWidth - kWordsWidth - 4);
  const std::string indent(kWordsWidth + 4, ' ');
  help += "  " + words;
  const std::size_t used = display_width(words);
  help += used > kWordsWidth ? "\n" + indent : std::string(kWordsWidth + 2 - used, ' ');
  for (std::size_t i = 0; i < lines.size(); ++i) {
    help += (i == 0 ? "" : indent) + lines[i] + "\n";
  }
}

std::string description(const CLI::Option& option) {
  const auto choices = option_choices(option);
  return option.get_description() + (choices.empty() ? "" : ": " + join(choices, ", "));
}

std::string usage(const CLI::App& app, const std::string& full_name) {
  std::string text = "Usage: " + full_name;
  if (!app.get_subcommands([](const CLI::App*) { return true; }).empty()) {
    text += app.get_require_subcommand_min() > 0 ? " COMMAND" : " [COMMAND]";
  }
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional()) {
      const std::string name = option->get_name(true) + (option->get_expected_max() > 1 ? "…" : "");
      text += option->get_required() ? " " + name : " [" + name + "]";
    }
  }
  return text + " [OPTION]…\n";
}

}  // namespace

std::string option_words(const CLI::Option& option) {
  if (option.get_positional()) {
    return option.get_name(true);
  }
  std::vector<std::string> words;
  for (const auto& name : option.get_snames()) {
    words.push_back("-" + name);
  }
  for (const auto& name : option.get_lnames()) {
    words.push_back("--" + name);
  }
  std::string text = join(words, ", ");
  if (option.get_items_expected_max() > 0) {
    // CLI11 puts what a value is checked for behind the name of its type.
    const std::string type = option.get_type_name();
    text += " " + type.substr(0, type.find(':'));
  }
  return text;
}

std::vector<std::string> option_choices(const CLI::Option& option) {
  const std::string type = option.get_type_name();  // "FORMAT:{q8_0,mxint8}"
  const std::size_t open = type.find('{');
  std::vector<std::string> words;
  if (open != std::string::npos && type.back() == '}') {
    for (const std::string_view word :
         split(std::string_view(type).substr(open + 1, type.size() - open - 2), ',')) {
      words.emplace_back(word);
    }
  }
  return words;
}

std::vector<std::string> flags(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::Option* option : app.get_options()) {
    for (const auto& name : option->get_lnames()) {
      names.push_back("--" + name);
    }
    for (const auto& name : option->get_snames()) {
      names.push_back("-" + name);
    }
  }
  return names;
}

std::string program_help() {
  std::string help = fmt::format(
      "churon {}: an LLM inference chip, from one description file to tokens, time and dollars\n\n"
      "Start here:\n"
      "  churon models pull smollm2\n"
      "  churon run smollm2 -p \"What is a systolic array?\"\n",
      kVersion);
  std::string_view group;
  for (const Verb& verb : verbs()) {
    if (verb.group != group) {
      group = verb.group;
      help += fmt::format("\n{}:\n", group);
    }
    help += fmt::format("  {:<12}{}\n", verb.name, verb.summary);
  }
  help +=
      "\n`churon VERB --help` begins with examples. Every verb takes --json (one document on\n"
      "standard output) and --quiet. Results go to standard output, progress to standard error.\n"
      "Exit code: 0 ok, 1 input or environment wrong, 2 usage, 3 does not fit, 70 our fault,\n"
      "130 interrupted.\n";
  return help;
}

std::string verb_help(const CLI::App& app, const std::string& full_name) {
  std::string help = app.get_description();
  help += (help.empty() ? "" : "\n\n") + usage(app, full_name);
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional() && !option->get_description().empty()) {
      append_row(help, option_words(*option), description(*option));
    }
  }
  const auto commands = app.get_subcommands([](const CLI::App*) { return true; });
  if (!commands.empty()) {
    help += "\nCommands:\n";
    for (const CLI::App* command : commands) {
      const std::string about = command->get_description();
      append_row(help, command->get_name(), about.substr(0, about.find('\n')));
    }
  }
  for (const std::string& group : app.get_groups()) {
    std::string rows;
    for (const CLI::Option* option : app.get_options()) {
      if (option->get_group() == group && !group.empty() && !option->get_positional()) {
        append_row(rows, option_words(*option), description(*option));
      }
    }
    if (!rows.empty()) {
      help += fmt::format("\n{}:\n{}", group, rows);
    }
  }
  return help;
}

}  // namespace churon::cli
