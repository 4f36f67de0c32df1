// A text compared with the file that holds what it should be. With CHURON_UPDATE_GOLDEN=1 in the
// environment the file is rewritten instead; the difference is reviewed like code.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "base/result.h"

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

// What differs between machines or runs, a path or a number, reads as `word`.
inline std::string replaced(std::string text, std::string_view what, std::string_view word) {
  for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + word.size())) {
    text.replace(at, what.size(), word);
  }
  return text;
}

// The errors of a group as a user reads them, each below a line that says what was done.
class Errors {
 public:
  template <typename T>
  void add(std::string_view what, const Result<T>& result) {
    EXPECT_FALSE(result) << what;
    text_ += result ? "" : fmt::format("# {}\n{}\n", what, to_text(result.error()));
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

}  // namespace churon::golden
