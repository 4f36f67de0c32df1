#include "report/format.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>

#include "base/text.h"

namespace churon::report {
namespace {

TEST(Format, si_picks_the_prefix_that_leaves_one_to_three_digits) {
  EXPECT_EQ(si(0.00049, "s"), "490 µs");
  EXPECT_EQ(si(0.00049, "s", Charset::ascii), "490 us");
  EXPECT_EQ(si(84.2e6, "B"), "84.2 MB");
  EXPECT_EQ(si(1, "J"), "1.00 J");
  EXPECT_EQ(si(9.994, "J"), "9.99 J");
  EXPECT_EQ(si(9.996, "J"), "10.0 J");
  EXPECT_EQ(si(999.4, "s"), "999 s");
  EXPECT_EQ(si(999.6, "s"), "1.00 ks");
  EXPECT_EQ(si(0, "s"), "0 s");
}

TEST(Format, numbers_have_three_significant_digits_and_thousands_apart) {
  EXPECT_EQ(number(2040.4), "2,040");
  EXPECT_EQ(number(1234567), "1,234,567");
  EXPECT_EQ(number(999), "999");
  EXPECT_EQ(number(12.34), "12.3");
  EXPECT_EQ(number(1.234), "1.23");
  EXPECT_EQ(number(0.0913), "0.0913");
  EXPECT_EQ(number(0), "0");
}

TEST(Format, percent_keeps_small_shares_visible) {
  EXPECT_EQ(percent(0), "0 %");
  EXPECT_EQ(percent(0.004), "<1 %");
  EXPECT_EQ(percent(0.97), "97 %");
  EXPECT_EQ(percent(1), "100 %");
}

TEST(Format, table_aligns_by_display_width) {
  Table table({Align::left, Align::right});
  table.row({"chip", "ms"});
  table.row({"芯片", "12.5"});
  EXPECT_EQ(table.text("  "), "  chip    ms\n  芯片  12.5\n");
}

TEST(Format, bar_has_the_asked_width_and_a_cell_for_every_part) {
  for (const int width : {4, 7, 31, 33, 65}) {
    for (const double small : {0.0, 1e-9, 0.2, 0.5}) {
      const std::array<Part, 4> parts{
          {{"a", small}, {"b", 1 - small}, {"c", small / 2}, {"d", 1e-3}}};
      const std::string text = bar(parts, width, Charset::unicode);
      EXPECT_EQ(display_width(text), static_cast<std::size_t>(width));
      EXPECT_EQ(text.find("█") != std::string::npos, small > 0);
      EXPECT_NE(text.find("░"), std::string::npos);
    }
  }
  EXPECT_EQ(bar(std::array<Part, 2>{{{"a", 1}, {"b", 3}}}, 8, Charset::ascii), "##======");
  EXPECT_EQ(bar(std::array<Part, 1>{{{"a", 0}}}, 8, Charset::ascii), "");
}

TEST(Format, folds_paragraphs_at_spaces_within_120_columns) {
  std::string paragraph;
  for (int i = 0; i < 60; ++i) {
    paragraph += fmt::format("{}word{}", i == 0 ? "" : " ", i);
  }
  const std::string text = folded(paragraph, "  ");
  std::string joined;
  std::size_t widest = 0, lines = 0;
  for (std::size_t at = 0; at < text.size(); ++lines) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    widest = std::max(widest, end - at);
    joined += (lines == 0 ? "" : " ") +
              text.substr(at + (lines == 0 ? 0 : 2), end - at - (lines == 0 ? 0 : 2));
    at = end + 1;
  }
  EXPECT_EQ(joined, paragraph);
  EXPECT_LE(widest, 120U);
  EXPECT_EQ(lines, 4U);
  EXPECT_EQ(folded(std::string(200, 'x'), "  "), std::string(200, 'x'));
}

TEST(Format, folds_every_line_of_a_text_by_itself_and_keeps_where_it_begins) {
  EXPECT_EQ(folded_lines("one two three\n\n  four five\n", "  ", 9),
            "one two\n  three\n\n  four\n  five\n");
  EXPECT_EQ(folded_lines("", "  ", 9), "");
}

}  // namespace
}  // namespace churon::report
