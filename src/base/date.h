// Dates of the Gregorian calendar as options and tables write them.
#pragma once

#include <optional>
#include <string_view>

namespace churon {

struct Date {
  int year = 0, month = 0;
  int day = 0;  // 0: the whole month
};

// "2026-11", "2026-11-25"; none where the text is anything else, or what no calendar has.
std::optional<Date> parse_date(std::string_view text);

}  // namespace churon
