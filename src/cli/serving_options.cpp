#include "cli/serving_options.h"

#include <fmt/format.h>

#include "base/file.h"
#include "base/text.h"
#include "base/unit.h"

namespace churon::cli {

namespace {
constexpr double kSecondsMax = 1e6;  // of a limit
}  // namespace

Result<double> seconds_of(std::string_view option, std::string_view text) {
  const auto value = parse_quantity(text, QuantityKind::time);
  if (!value || !(*value > 0) || *value > kSecondsMax) {
    return fail(usage("U0301", fmt::format("`{}` is no time for {}", escape_control(text), option),
                      {"a time above zero with its unit: 20ms, 1.5s; at most 1,000,000 s"}));
  }
  return *value;
}

std::vector<std::string> listed_words(std::string_view text) {
  std::vector<std::string> words;
  for (const std::string_view word : split(text, ',')) {
    if (!trim(word).empty()) {
      words.emplace_back(trim(word));
    }
  }
  return words;
}

std::vector<std::string> framework_names() {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < estimate::kFrameworkCount; ++i) {
    names.emplace_back(estimate::name(static_cast<estimate::Framework>(i)));
  }
  return names;
}

estimate::Framework framework_of(std::string_view name) {
  for (std::size_t i = 0; i < estimate::kFrameworkCount; ++i) {
    if (estimate::name(static_cast<estimate::Framework>(i)) == name) {
      return static_cast<estimate::Framework>(i);
    }
  }
  return estimate::kFrameworkDefault;
}

Result<void> write_picture(const Terminal& terminal, const std::string& path,
                           const std::string& svg) {
  if (auto done = write_file_atomically(path, svg); !done) {
    return fail(done);
  }
  terminal.note(fmt::format("wrote {}", escape_control(path)));
  return {};
}

}  // namespace churon::cli
