#include "base/data_dir.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace churon {

namespace {

std::filesystem::path data_root() {
  if (const char* chosen = std::getenv("CHURON_DATA"); chosen != nullptr && *chosen != '\0') {
    return chosen;
  }
  std::error_code ignored;
  const auto executable = std::filesystem::read_symlink("/proc/self/exe", ignored);
  auto installed = executable.parent_path().parent_path() / "share" / "churon";
  if (!executable.empty() && std::filesystem::is_directory(installed, ignored)) {
    return installed;
  }
  return CHURON_SOURCE_DATA_DIR;
}

}  // namespace

std::string data_path(std::string_view relative) { return (data_root() / relative).string(); }

}  // namespace churon
