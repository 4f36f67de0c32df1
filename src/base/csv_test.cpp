#include "base/csv.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace churon {
namespace {

TEST(Csv, reads_quotes_line_ends_and_a_byte_order_mark) {
  const CsvTable table = parse_csv(
      "\xEF\xBB\xBF"
      "a,b\r\n1,\"x, \"\"y\"\"\nz\"\r\n\r\n2,\r3,4",
      "t.csv");
  EXPECT_TRUE(table.findings.empty()) << to_text(table.findings);
  ASSERT_EQ(table.rows.size(), 3U);
  EXPECT_EQ(table.column("a"), 0);
  EXPECT_EQ(table.column(" B"), -1);
  EXPECT_EQ(table.column("B"), 1);
  EXPECT_EQ(table.rows[0].fields[1].text, "x, \"y\"\nz");
  EXPECT_EQ(table.rows[1].fields[1].text, "");
  EXPECT_EQ(table.rows[2].fields[1].text, "4");
  EXPECT_EQ(table.rows[1].line, 5);
  EXPECT_EQ(table.rows[2].line, 6);
}

TEST(Csv, knows_where_a_field_stands) {
  const CsvTable table = parse_csv("a,b,c\n\"x\ny\",22,3\n", "t.csv");
  const SourceSpan second = table.place(table.rows[0], 1);
  EXPECT_EQ(second.line, 3);
  EXPECT_EQ(second.column, 4);
  EXPECT_EQ(second.length, 2);
  EXPECT_EQ(second.text, "y\",22,3");
  const SourceSpan behind = table.place(table.rows[0], 7);
  EXPECT_EQ(behind.line, 3);
  EXPECT_EQ(behind.column, 8);
}

TEST(Csv, loses_only_the_line_that_is_wrong) {
  const CsvTable table = parse_csv("a,b\n1,\"open\n2,3\n4,\"x\"y\n5\n6,7,8\n9,10\n", "t.csv");
  ASSERT_EQ(table.findings.size(), 4U) << to_text(table.findings);
  EXPECT_EQ(table.findings[0].code, "B0006");  // the next quote closes it, two lines below
  EXPECT_EQ(table.findings[0].span->line, 2);
  EXPECT_EQ(table.findings[1].code, "B0006");
  EXPECT_EQ(table.findings[2].code, "B0007");
  EXPECT_EQ(table.findings[3].code, "B0007");
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(table.rows[0].fields[0].text, "2");
  EXPECT_EQ(table.rows[1].fields[1].text, "10");
  EXPECT_EQ(parse_csv("a\n\"open\n2\n", "t.csv").findings[0].code, "B0005");
}

TEST(Csv, stops_at_its_limits) {
  const CsvLimits limits{.fields_max = 6, .columns_max = 3, .field_size_max = 4};
  EXPECT_EQ(parse_csv("a,b\n12345,1\n3,4\n", "t", limits).findings[0].code, "B0008");
  EXPECT_EQ(parse_csv("a,b\n1,2\n3,4\n5,6\n", "t", limits).rows.size(), 2U);
  EXPECT_EQ(parse_csv("a,b,c,d\n", "t", limits).findings[0].code, "B0008");
  EXPECT_TRUE(parse_csv("", "t").header.fields.empty());
}

TEST(Csv, takes_any_bytes) {
  constexpr std::string_view kAlphabet = "\",\n\rab1\0\xEF";
  for (std::uint32_t seed = 0; seed < 3000; ++seed) {
    std::string text;
    for (std::uint32_t i = 0; i < 40; ++i) {
      text += kAlphabet[philox4x32({seed, i, 0, 0}, 7)[0] % kAlphabet.size()];
    }
    const CsvTable table = parse_csv(text, "t");
    for (const CsvRow& row : table.rows) {
      ASSERT_EQ(row.fields.size(), table.header.fields.size());
      for (int column = -1; column <= static_cast<int>(row.fields.size()); ++column) {
        const SourceSpan span = table.place(row, column);
        ASSERT_GE(span.line, 1);
        ASSERT_GE(span.column, 1);
      }
    }
  }
}

TEST(Csv, writes_fields_that_it_reads_back) {
  for (const std::string text : {"plain", "a,b", "say \"x\"", "two\nlines", ""}) {
    const CsvTable table = parse_csv("h,i\n" + csv_field(text) + ",1\n", "t");
    ASSERT_EQ(table.rows.size(), 1U) << text;
    EXPECT_EQ(table.rows[0].fields[0].text, text);
  }
}

}  // namespace
}  // namespace churon
