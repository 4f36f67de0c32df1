#pragma once

namespace churon::cli {

// The whole program: parses the words, runs the verb, returns the exit code.
int run_command_line(int argc, char** argv);

}  // namespace churon::cli
