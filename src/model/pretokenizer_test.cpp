#include "model/pretokenizer.h"

#include <gmock/gmock.h>

#include <string>
#include <vector>

#include "base/random.h"

namespace churon::model {
namespace {

using ::testing::ElementsAre;
using Words = std::vector<std::string>;

Words words(std::string_view name, std::string_view text) {
  Words result;
  std::size_t begin = 0;
  for (const std::uint32_t end : word_ends(find_pre_tokenizer(name)->pre_tokenizer, text)) {
    result.emplace_back(text.substr(begin, end - begin));
    begin = end;
  }
  return result;
}

TEST(PreTokenizer, gpt2_cuts_at_letters_numbers_and_signs) {
  EXPECT_THAT(
      words("gpt-2", "I've  got 123 don'T...\n\n x "),
      ElementsAre("I", "'ve", " ", " got", " 123", " don", "'", "T", "...", "\n\n", " x", " "));
}

TEST(PreTokenizer, smollm_takes_every_digit_alone) {
  // What stands around a digit ends there, so the spaces before it stay together.
  EXPECT_THAT(words("smollm", "a  12 b²"), ElementsAre("a", "  ", "1", "2", " b", "²"));
}

TEST(PreTokenizer, llama3_takes_digits_by_three_and_contractions_in_any_case) {
  EXPECT_THAT(words("llama-bpe", "don'T 1234567 (x)\n\n  y"),
              ElementsAre("don", "'T", " ", "123", "456", "7", " (", "x", ")\n\n", " ", " y"));
}

TEST(PreTokenizer, qwen2_takes_digits_alone_and_signs_with_their_newlines) {
  EXPECT_THAT(words("qwen2", "a=12;\n\t\n  b"),
              ElementsAre("a", "=", "1", "2", ";\n", "\t\n", " ", " b"));
}

TEST(PreTokenizer, tekken_cuts_words_where_their_case_changes) {
  EXPECT_THAT(words("tekken", "aBCd EFG /\n/ 한국"),
              ElementsAre("a", "BCd", " EFG", " /\n/", " 한국"));
}

TEST(PreTokenizer, the_default_cuts_punctuation_first_and_digits_by_three) {
  EXPECT_THAT(words("default", "a, b 12345"), ElementsAre("a", ",", " b", " ", "123", "45"));
}

TEST(PreTokenizer, unicode_classes_decide) {
  // U+0085 and U+3000 are white space, U+0663 is a number, U+02B0 a letter, U+0301 a mark.
  EXPECT_THAT(words("gpt-2", "a\u0085\u3000b٣ʰe\u0301"),
              ElementsAre("a", "\u0085", "\u3000", "b", "٣", "ʰe", "\u0301"));
}

TEST(PreTokenizer, names_are_known_or_not) {
  EXPECT_EQ(find_pre_tokenizer("no-such"), nullptr);
  for (const std::string& name : pre_tokenizer_names()) {
    EXPECT_NE(find_pre_tokenizer(name), nullptr);
  }
}

TEST(PreTokenizer, words_make_up_the_text_whatever_its_bytes) {
  constexpr std::string_view parts[] = {"a",        "B",      " ",      "\n", "\r", "'",    "s",
                                        "7",        ".",      "/",      "é",  "한", "\xff", "\xc3",
                                        "\xe2\x96", "\u0301", "\u3000", "LL", "\0"};
  for (const std::string& name : pre_tokenizer_names()) {
    for (std::uint32_t seed = 0; seed < 300; ++seed) {
      std::string text;
      for (std::uint32_t i = 0; i < seed % 17; ++i) {
        text += parts[philox4x32({seed, i, 0, 0}, 1)[0] % std::size(parts)];
      }
      std::string joined;
      for (const std::string& word : words(name, text)) {
        EXPECT_FALSE(word.empty());
        joined += word;
      }
      ASSERT_EQ(joined, text) << name;
    }
  }
}

}  // namespace
}  // namespace churon::model
