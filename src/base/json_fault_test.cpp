#include "base/json_fault.h"

#include <gtest/gtest.h>

#include <string>

namespace churon {
namespace {

TEST(Json, a_fault_is_placed_by_line_column_and_text) {
  EXPECT_EQ(json_fault(R"({"a": [1, 2.5, null, "x"]})"), "");
  EXPECT_EQ(json_fault("{\"a\": 1,\n \"b\": }"), "line 2, column 7, at `}`");
  EXPECT_EQ(json_fault("{\"a\": 1}\n]"), "line 2, column 1, at `]`");
  EXPECT_EQ(json_fault("{\"a\": 1e400}"), "line 1, column 11, a number beyond all ranges");
  EXPECT_EQ(json_fault("{'a': 1}"), "line 1, column 2, at `'`");
  EXPECT_EQ(json_fault("{\"a\": tru}"), "line 1, column 10, at `}`");
}

TEST(Json, a_text_that_is_cut_off_ends_too_early) {
  for (const char* text : {"", "{", "{\"a\": 1", "{\"a\": \"x", "[1,\n"}) {
    EXPECT_EQ(json_fault(text), "it ends too early") << text;
  }
  EXPECT_EQ(json_fault(std::string(100000, '[')), "it ends too early");
}

TEST(Json, bytes_of_any_kind_are_a_fault_and_no_more) {
  for (int byte = 0; byte < 256; ++byte) {
    const std::string text = {'{', '"', static_cast<char>(byte), static_cast<char>(byte)};
    EXPECT_NE(json_fault(text), "") << byte;
    EXPECT_EQ(json_fault(text).find('\n'), std::string::npos);
  }
}

}  // namespace
}  // namespace churon
