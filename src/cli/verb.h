// A verb of the command line: its words, its options, what it does. One file a verb; the table in
// verbs.cpp lists them, and help, completion and docs are made from it.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "report/format.h"

namespace churon::cli {

// What every verb can do: flags shared by all, and where text goes.
struct Terminal {
  bool json = false;                         // --json: one document on stdout
  bool quiet = false;                        // --quiet: results alone, no progress
  bool color = false;                        // stderr is a terminal and NO_COLOR is not set
  bool progress = false;                     // stderr is a terminal and neither quiet nor json
  bool interactive = false;                  // stdout is a terminal
  std::size_t columns = report::kPageWidth;  // of stdout

  // Results. A closed pipe ends the process quietly; a full disk is an error with exit code 1.
  void out(std::string_view text) const;
  // The text that explains `key`; under --json in a document.
  void explain(std::string_view key, const std::string& text) const;
  // One line of progress on stderr, overwritten by the next; an empty text removes it.
  void show_progress(std::string_view line) const;
  // Remarks and warnings on stderr.
  void note(std::string_view text) const;
  // Prints diagnostics to stderr; returns the exit code that the gravest one asks for.
  [[nodiscard]] ExitCode report(const Diagnostics& diagnostics) const;
};

using Action = std::function<ExitCode(const Terminal&)>;

struct Verb {
  std::string_view group;  // heading in `churon --help`; verbs of a group stand together
  std::string_view name;
  std::string_view summary;   // one line of the table in `churon --help`
  std::string_view examples;  // one a line, shown first in `churon VERB --help`
  // Adds the options to the sub-command and returns what runs when it was chosen.
  Action (*configure)(CLI::App& app);
};

// What is wrong with the words of a command line; exit code 2.
Diagnostic usage(std::string code, std::string message, std::vector<std::string> help = {});

// Set when Ctrl-C (SIGINT) or SIGTERM arrived; long work looks at it and stops with what it has.
bool interrupted();
void clear_interrupt();

}  // namespace churon::cli
