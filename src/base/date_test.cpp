#include "base/date.h"

#include <gtest/gtest.h>

namespace churon {
namespace {

TEST(Date, a_month_or_a_day_is_one) {
  const auto month = parse_date("2026-11"), day = parse_date("2026-11-25");
  ASSERT_TRUE(month && day);
  EXPECT_EQ(month->year, 2026);
  EXPECT_EQ(month->month, 11);
  EXPECT_EQ(month->day, 0);
  EXPECT_EQ(day->day, 25);
}

TEST(Date, every_month_has_its_days_and_no_more) {
  const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  for (int month = 1; month <= 12; ++month) {
    for (int day = 0; day <= 99; ++day) {
      char text[] = "2026-00-00";
      text[5] = static_cast<char>('0' + month / 10);
      text[6] = static_cast<char>('0' + month % 10);
      text[8] = static_cast<char>('0' + day / 10);
      text[9] = static_cast<char>('0' + day % 10);
      EXPECT_EQ(parse_date(text).has_value(), day >= 1 && day <= days[month - 1]) << text;
    }
  }
}

TEST(Date, february_has_29_days_in_leap_years_alone) {
  EXPECT_TRUE(parse_date("2028-02-29"));
  EXPECT_TRUE(parse_date("2000-02-29"));
  EXPECT_FALSE(parse_date("2026-02-29"));
  EXPECT_FALSE(parse_date("2100-02-29"));
}

TEST(Date, nothing_else_is_one) {
  for (const char* text :
       {"", "2026", "2026-00", "2026-13", "2026-1", "2026-1-1", "2026-11-", "2026/11/25",
        "26-11-2026", "2026-+1", "2026--1", "-026-11", "2026-11-25T00", " 2026-11", "2026-11-2x"}) {
    EXPECT_FALSE(parse_date(text)) << text;
  }
}

}  // namespace
}  // namespace churon
