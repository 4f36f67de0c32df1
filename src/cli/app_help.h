// The text of `churon --help` and `churon VERB --help`, made from the table of verbs and from the
// options that CLI11 knows.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace churon::cli {

std::string program_help();
// Examples come first; then usage, what the verb does, and its options.
std::string verb_help(const CLI::App& app, const std::string& full_name);

// "-p, --prompt TEXT"; for a positional its name.
std::string option_words(const CLI::Option& option);
// The words that the option's value can be, where they are known.
std::vector<std::string> option_choices(const CLI::Option& option);
// The long and short flags of a command, with their dashes.
std::vector<std::string> flags(const CLI::App& app);

}  // namespace churon::cli
