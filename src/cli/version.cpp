#include "base/version.h"
#include "base/json.h"
#include "cli/verb.h"

namespace churon::cli {

Action configure_version(CLI::App&) {
  return [](const Terminal& terminal) {
    terminal.out(terminal.json ? dump_json(json_document("version")) + "\n"
                               : std::string("churon ") + kVersion + "\n");
    return ExitCode::ok;
  };
}

}  // namespace churon::cli
