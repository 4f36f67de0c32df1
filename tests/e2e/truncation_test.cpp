// A real model's file, cut at every 4 KiB from its end to nothing: each cut is refused with a
// diagnostic. The first argument is the path of the model.
#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>

#include "base/file.h"
#include "model/model.h"

int main(int argc, char** argv) {
  if (argc != 2) {
    fmt::print(stderr, "usage: truncation_test MODEL.gguf\n");
    return 2;
  }
  const auto copy =
      std::filesystem::temp_directory_path() / fmt::format("churon-truncation-{}.gguf", ::getpid());
  std::filesystem::copy_file(argv[1], copy, std::filesystem::copy_options::overwrite_existing);
  const auto size = std::filesystem::file_size(copy);
  if (!churon::model::load_model(copy)) {
    fmt::print("the whole file is refused\n");
    return 1;
  }
  std::size_t cuts = 0;
  std::size_t accepted = 0;
  for (auto end = (size - 1) / 4096 * 4096;; end -= 4096) {
    std::filesystem::resize_file(copy, end);
    const auto model = churon::model::load_model(copy);
    if (model || model.error().empty() || model.error().front().code.empty()) {
      fmt::print("cut at {}: no diagnostic\n", end);
      ++accepted;
    }
    ++cuts;
    if (end == 0) {
      break;
    }
  }
  std::filesystem::remove(copy);
  fmt::print("{} cuts, {} not refused\n", cuts, accepted);
  return accepted == 0 ? 0 : 1;
}
