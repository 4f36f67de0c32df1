#include "cli/verbs.h"

#include <array>

namespace churon::cli {

// Each is defined in the file of its name.
Action configure_version(CLI::App& app);

std::span<const Verb> verbs() {
  static constexpr std::array kVerbs{
      Verb{"About churon", "version", "the tool's version", "churon version", configure_version},
  };
  return kVerbs;
}

}  // namespace churon::cli
