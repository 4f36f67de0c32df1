#include "plan/scenario.h"

#include <fmt/format.h>

#include <cmath>

#include "base/text.h"

namespace churon::plan {

std::string text(Quarter quarter) {
  return fmt::format("{}-Q{}", quarter.count / 4, quarter.count % 4 + 1);
}

std::string first_day(Quarter quarter) {
  return fmt::format("{}-{:02}-01", quarter.count / 4, quarter.count % 4 * 3 + 1);
}

std::optional<Quarter> parse_quarter(std::string_view text) {
  // "2027-Q3"
  if (text.size() != 7 || text.substr(4, 2) != "-Q" || text[6] < '1' || text[6] > '4') {
    return std::nullopt;
  }
  int year = 0;
  for (const char c : text.substr(0, 4)) {
    if (c < '0' || c > '9') {
      return std::nullopt;
    }
    year = year * 10 + (c - '0');
  }
  return Quarter{year * 4 + (text[6] - '1')};
}

bool has_open_gate(const Option& option) { return option.gate && !option.gate->is_passed; }

int slip(const Option& option, const Future& future) {
  return has_open_gate(option) ? future.slip : 0;
}

double price_at(const Option& option, int d) {
  return option.price.value * std::pow(1 + option.price_change, d / 4.0);
}

double residual_share(const Option& option, int age) {
  constexpr double kQuartersOf36Months = 12;
  return age >= option.life ? 0 : std::pow(option.residual.value, age / kQuartersOf36Months);
}

double ramped_max(const Option& option, int d, int tau) {
  const double max = option.max[index(d)];
  if (!option.gate) {
    return max;
  }
  const int step = d - tau - option.gate->development;
  if (step < 0) {
    return 0;
  }
  const auto& ramp = option.gate->ramp;
  return index(step) < ramp.size() ? max * ramp[index(step)] : max;
}

}  // namespace churon::plan
