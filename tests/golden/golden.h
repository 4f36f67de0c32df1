// A text compared with the file that holds what it should be. With CHURON_UPDATE_GOLDEN=1 in the
// environment the file is rewritten instead; the difference is reviewed like code.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

namespace churon::golden {

inline std::string file_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline void compare(const std::string& text, const std::string& path) {
  if (const char* update = std::getenv("CHURON_UPDATE_GOLDEN");
      update != nullptr && *update == '1') {
    std::ofstream(path, std::ios::binary) << text;
    return;
  }
  EXPECT_EQ(text, file_text(path))
      << "differs from " << path << "; `make golden` rewrites it where the new text is meant";
}

}  // namespace churon::golden
