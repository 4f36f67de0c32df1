#include "base/date.h"

#include <charconv>
#include <chrono>

namespace churon {

namespace {

// A number of exactly `count` digits at `at`.
std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  int value = 0;
  const char* const end = text.data() + at + count;
  const auto [stop, error] = std::from_chars(text.data() + at, end, value);
  return error == std::errc{} && stop == end && value >= 0 ? std::optional(value) : std::nullopt;
}

}  // namespace

std::optional<Date> parse_date(std::string_view text) {
  constexpr std::size_t kMonthSize = 7, kDaySize = 10;  // "2026-11", "2026-11-25"
  const bool has_day = text.size() == kDaySize;
  if ((!has_day && text.size() != kMonthSize) || text[4] != '-' || (has_day && text[7] != '-')) {
    return std::nullopt;
  }
  const auto year = digits(text, 0, 4), month = digits(text, 5, 2);
  const auto day = has_day ? digits(text, 8, 2) : std::optional(1);
  if (!year || !month || !day ||
      !std::chrono::year_month_day{std::chrono::year(*year),
                                   std::chrono::month(static_cast<unsigned>(*month)),
                                   std::chrono::day(static_cast<unsigned>(*day))}
           .ok()) {
    return std::nullopt;
  }
  return Date{*year, *month, has_day ? *day : 0};
}

}  // namespace churon
