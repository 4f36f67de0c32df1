// The bytes are a chip description; its lines `#! a.b=1` are --set options, and it may inherit
// `churon-1`, `neutral` or `self`. What loads is held against its formulas, and its resolved text
// must load to the same chip.
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/data_dir.h"
#include "base/text.h"
#include "chip/lint.h"
#include "chip/load.h"

namespace {

using namespace churon;

std::string file_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> overrides_of(std::string_view text) {
  std::vector<std::string> overrides;
  for (const auto& line : split(text, '\n')) {
    if (line.starts_with("#! ") && overrides.size() < 8) {
      overrides.emplace_back(line.substr(3));
    }
  }
  return overrides;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::map<std::string, std::string, std::less<>> parents{
      {"churon-1", file_text(data_path("chips/churon-1.toml"))},
      {"neutral", file_text(data_path("chips/base/neutral.toml"))},
  };
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto named = [&](std::string_view name,
                         const chip::ChipText&) -> std::optional<Result<chip::ChipText>> {
    const auto parent = parents.find(name);
    if (name != "self" && parent == parents.end()) {
      return std::nullopt;
    }
    return chip::ChipText{.id = std::string(name),
                          .file = std::string(name),
                          .folder = "",
                          .text = name == "self" ? text : parent->second};
  };
  const auto load = [&](const std::string& toml, const std::vector<std::string>& overrides) {
    return chip::load_text({.id = "fuzz", .file = "fuzz.toml", .folder = "", .text = toml},
                           overrides, named);
  };
  const auto chip = load(text, overrides_of(text));
  if (!chip) {
    (void)to_text(chip.error());
    return 0;
  }
  (void)chip::lints(*chip);
  const auto again = load(chip::dump(*chip), {});
  check(again.has_value(), chip::dump(*chip), again ? "" : to_text(again.error()));
  check(again->digest == chip->digest, chip::dump(*chip), chip::dump(*again));
  return 0;
}
