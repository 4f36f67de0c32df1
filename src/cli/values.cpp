#include "cli/values.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <limits>

#include "base/text.h"

namespace churon::cli {

CLI::Validator number_within(double low, double high) {
  return {[low, high](std::string& text) {
            const auto value = parse_number(text);
            return value && *value >= low && *value <= high
                       ? std::string()
                       : fmt::format("`{}` is no number from {:g} to {:g}", text, low, high);
          },
          ""};
}

CLI::Validator seed_value() {
  return {[](std::string& text) {
            std::uint64_t seed = 0;
            const char* const end = text.data() + text.size();
            const auto [stop, error] = std::from_chars(text.data(), end, seed);
            if (error != std::errc{} || stop != end) {
              return fmt::format("`{}` is no whole number from 0 to {}", text,
                                 std::numeric_limits<std::uint64_t>::max());
            }
            text = fmt::format("{}", seed);  // CLI11 reads 010 as eight
            return std::string();
          },
          ""};
}

}  // namespace churon::cli
