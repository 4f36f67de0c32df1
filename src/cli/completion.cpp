// `churon completion SHELL`: scripts made from the verbs and options that the program has.
#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "base/shell.h"
#include "base/text.h"
#include "chip/chip.h"
#include "cli/app_help.h"
#include "cli/verb.h"
#include "model/catalogue.h"
#include "model/shapes.h"

namespace churon::cli {

namespace {

// Names of models known by shape, without spaces.
std::vector<std::string> shape_names() {
  std::vector<std::string> names;
  if (const auto shapes = model::load_shapes()) {
    for (const model::Shape& shape : shapes->rows) {
      const std::string& name = shape.hyperparameters.name;
      if (name.find(' ') == std::string::npos) {
        names.push_back(name);
      }
    }
  }
  return names;
}

// What can follow an option.
std::vector<std::string> choices(const CLI::Option& option) {
  if (option.check_lname("chip") || option.check_lname("chips")) {
    std::vector<std::string> ids;
    for (const chip::Listed& chip : chip::listed()) {
      ids.push_back(chip.id);
    }
    return ids;
  }
  if (option.check_lname("model") || option.check_lname("models")) {
    return shape_names();
  }
  if (option.get_positional() && option.get_name(true) == "MODEL") {
    std::vector<std::string> names;
    if (const auto catalogue = model::load_catalogue()) {
      for (const model::KnownModel& model : catalogue->models) {
        names.push_back(model.name);
      }
    }
    return names;
  }
  return option_choices(option);
}

// A verb, or a command of a verb: "models pull" has the path models__pull.
struct Command {
  std::string path;  // names joined by a space
  std::string summary;
  const CLI::App* app;
};

std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

std::vector<const CLI::App*> children(const CLI::App& app) {
  return app.get_subcommands([](const CLI::App*) { return true; });
}

std::vector<Command> commands(const CLI::App& root) {
  std::vector<Command> list;
  for (const CLI::App* verb : children(root)) {
    list.push_back({verb->get_name(), first_line(verb->get_description()), verb});
    for (const CLI::App* command : children(*verb)) {
      list.push_back({verb->get_name() + " " + command->get_name(),
                      first_line(command->get_description()), command});
    }
  }
  return list;
}

std::string child_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* child : children(app)) {
    names.push_back(child->get_name());
  }
  return join(names, " ");
}

// Words that may follow without a dash, each with a space in front: commands, choices.
std::string positional_words(const CLI::App& app) {
  std::string words;
  for (const CLI::App* child : children(app)) {
    words += " " + child->get_name();
  }
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_positional() && !choices(*option).empty()) {
      words += " " + join(choices(*option), " ");
    }
  }
  return words;
}

std::string bash_script(const CLI::App& root) {
  std::string paths;
  std::string cases;
  std::string values;
  for (const Command& command : commands(root)) {
    paths += command.path.find(' ') != std::string::npos ? command.path + " " : "";
    cases +=
        fmt::format("    {}) words={} ;;\n", shell_quoted(command.path),
                    shell_quoted(join(flags(*command.app), " ") + positional_words(*command.app)));
    for (const CLI::Option* option : command.app->get_options()) {
      const auto words = choices(*option);
      if (!words.empty() && !option->get_positional()) {
        values += fmt::format("    {}) words={} ;;\n",
                              shell_quoted(command.path + " --" + option->get_lnames().front()),
                              shell_quoted(join(words, " ")));
      }
    }
  }
  return fmt::format(
      R"(# bash completion of churon; source it, or put it where bash-completion looks.
_churon() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}"
  local verb="${{COMP_WORDS[1]}}" path words=
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W {0} -- "$current"))
    return
  fi
  path="$verb"
  case " {1} " in
    *" $verb ${{COMP_WORDS[2]}} "*) [ "$COMP_CWORD" -gt 2 ] && path="$verb ${{COMP_WORDS[2]}}" ;;
  esac
  case "$path $previous" in
{2}  esac
  if [ -z "$words" ]; then
    case "$path" in
{3}    esac
    case "$current" in
      -*) ;;
      *) COMPREPLY=($(compgen -f -- "$current")) ;;
    esac
  fi
  COMPREPLY+=($(compgen -W "$words" -- "$current"))
}}
complete -o filenames -F _churon churon
)",
      shell_quoted(child_names(root) + " --help --version"), paths, values, cases);
}

std::string zsh_words(std::string_view name, std::string_view description) {
  std::string text(name);
  text += ":";
  for (const char c : description) {
    text += c == ':' ? "\\:" : std::string(1, c);
  }
  return shell_quoted(text);
}

std::string zsh_script(const CLI::App& root) {
  std::string verbs;
  for (const CLI::App* verb : children(root)) {
    verbs +=
        fmt::format("    {}\n", zsh_words(verb->get_name(), first_line(verb->get_description())));
  }
  std::string cases;
  for (const Command& command : commands(root)) {
    std::string options;
    for (const CLI::App* child : children(*command.app)) {
      options += " " + zsh_words(child->get_name(), first_line(child->get_description()));
    }
    for (const CLI::Option* option : command.app->get_options()) {
      for (const auto& name : option->get_lnames()) {
        options += " " + zsh_words("--" + name, first_line(option->get_description()));
      }
    }
    cases += fmt::format("    {}) options=({}) ;;\n", shell_quoted(command.path), options);
    for (const CLI::Option* option : command.app->get_options()) {
      const auto words = choices(*option);
      if (!words.empty() && !option->get_positional()) {
        cases += fmt::format("    {}) compadd -- {}; return ;;\n",
                             shell_quoted(command.path + " --" + option->get_lnames().front()),
                             join(words, " "));
      }
    }
  }
  return fmt::format(R"(#compdef churon
# zsh completion of churon; put it into a folder of $fpath as _churon.
_churon() {{
  local -a verbs options
  verbs=(
{}  )
  if (( CURRENT == 2 )); then
    _describe 'verb' verbs
    return
  fi
  local place="$words[2]"
  [[ "$words[CURRENT-1]" == --* ]] && place="$words[2] $words[CURRENT-1]"
  case "$place" in
{}  esac
  if (( $#options == 0 )); then
    case "$words[2]" in
{}    esac
  fi
  _describe 'option' options
  _files
}}
_churon "$@"
)",
                     verbs, cases, cases);
}

std::string fish_script(const CLI::App& root) {
  std::string script = "# fish completion of churon; put it into ~/.config/fish/completions.\n";
  for (const CLI::App* verb : children(root)) {
    script += fmt::format("complete -c churon -n __fish_use_subcommand -a {} -d {}\n",
                          verb->get_name(), shell_quoted(first_line(verb->get_description())));
  }
  for (const Command& command : commands(root)) {
    std::string condition = "__fish_seen_subcommand_from " + command.path;
    if (const std::size_t space = command.path.find(' '); space != std::string::npos) {
      condition = fmt::format("__fish_seen_subcommand_from {}; and __fish_seen_subcommand_from {}",
                              command.path.substr(0, space), command.path.substr(space + 1));
    }
    for (const CLI::App* child : children(*command.app)) {
      script += fmt::format("complete -c churon -n {} -a {} -d {}\n", shell_quoted(condition),
                            child->get_name(), shell_quoted(first_line(child->get_description())));
    }
    for (const CLI::Option* option : command.app->get_options()) {
      if (option->get_positional()) {
        continue;
      }
      std::string names;
      for (const auto& name : option->get_lnames()) {
        names += " -l " + name;
      }
      for (const auto& name : option->get_snames()) {
        names += " -s " + name;
      }
      const auto words = choices(*option);
      script += fmt::format("complete -c churon -n {}{}{}{} -d {}\n", shell_quoted(condition),
                            names, option->get_items_expected_max() > 0 ? " -r" : "",
                            words.empty() ? "" : " -f -a " + shell_quoted(join(words, " ")),
                            shell_quoted(first_line(option->get_description())));
    }
  }
  return script;
}

// Every shell there is.
struct Shell {
  const char* name;
  std::string (*script)(const CLI::App& root);
};
constexpr Shell kShells[]{
    {"bash", bash_script},
    {"zsh", zsh_script},
    {"fish", fish_script},
};

}  // namespace

Action configure_completion(CLI::App& app) {
  std::vector<std::string> names;
  for (const Shell& shell : kShells) {
    names.emplace_back(shell.name);
  }
  auto chosen = std::make_shared<std::string>();
  app.add_option("SHELL", *chosen, join(names, ", "))->required()->check(CLI::IsMember(names));
  const CLI::App* root = app.get_parent();
  return [chosen, root](const Terminal& terminal) {
    for (const Shell& shell : kShells) {
      if (*chosen == shell.name) {
        terminal.out(shell.script(*root));
      }
    }
    return ExitCode::ok;
  };
}

}  // namespace churon::cli
