#include "base/text.h"

#include <gtest/gtest.h>

#include <array>

namespace churon {
namespace {

TEST(Text, escapes_what_a_terminal_would_obey) {
  EXPECT_EQ(escape_control("a\x1b[31mb\n"), "a\\x1b[31mb\\n");
  EXPECT_EQ(escape_control("\xff"), "\\xff");
  EXPECT_EQ(escape_terminal("한\n\x07"), "한\n\\x07");
  EXPECT_EQ(escape_control("\u202e"), "\\u202e");
}

TEST(Text, holds_back_only_characters_that_can_still_be_completed) {
  EXPECT_EQ(complete_utf8_prefix("a\xed\x95"), 1u);
  EXPECT_EQ(complete_utf8_prefix("a\xed\x95\x9c"), 4u);
  EXPECT_EQ(complete_utf8_prefix("a\xc0"), 2u);      // never starts a character
  EXPECT_EQ(complete_utf8_prefix("a\xe0\x80"), 3u);  // overlong, never valid
  EXPECT_EQ(complete_utf8_prefix("\xf0\x9f\x98"), 0u);
}

TEST(Text, every_code_point_survives_a_round_trip) {
  for (char32_t c = 0; c <= 0x10ffff; ++c) {
    if (c >= 0xd800 && c < 0xe000) {
      continue;
    }
    std::string text;
    append_utf8(text, c);
    const auto point = decode_utf8(text);
    ASSERT_TRUE(point) << static_cast<unsigned>(c);
    ASSERT_EQ(point->value, c);
    ASSERT_EQ(complete_utf8_prefix(text), text.size());
    for (std::size_t cut = 1; cut < text.size(); ++cut) {
      ASSERT_EQ(complete_utf8_prefix(std::string_view(text).substr(0, cut)), 0u);
    }
  }
}

TEST(Text, suggests_the_nearest_word) {
  const std::array<std::string, 3> words{"rows", "cols", "accumulate"};
  EXPECT_EQ(did_you_mean("colums", words), "cols");
  EXPECT_EQ(did_you_mean("bandwidth", words), std::nullopt);
  EXPECT_EQ(did_you_mean("col", words), "cols");
  EXPECT_EQ(did_you_mean("acumulate", words), "accumulate");
}

TEST(Text, base64_pads) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
}

TEST(Text, a_number_is_the_whole_text_and_finite) {
  EXPECT_EQ(parse_number("-1.5e-3"), -1.5e-3);
  EXPECT_EQ(parse_number("7"), 7);
  for (const char* text : {"", " 7", "7 ", "7k", "+7", "0x10", "inf", "nan", "1e999", "1,5"}) {
    EXPECT_EQ(parse_number(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace churon
