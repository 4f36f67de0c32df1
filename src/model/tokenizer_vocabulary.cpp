#include "model/tokenizer_vocabulary.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/text.h"

namespace churon::model {

namespace {

// Every place of a text is compared with special tokens; the longest known has 50 bytes.
constexpr std::size_t kSpecialSizeMax = 1024;

// One entry for every token; a longer array is tolerated, a shorter one is not.
Result<void> check_length(std::string_view key, std::size_t count, std::size_t tokens) {
  if (count < tokens) {
    return fail("T0104", fmt::format("`{}` has {} entries for {} tokens", key, count, tokens));
  }
  return {};
}

Result<std::vector<TokenKind>> read_kinds(const Metadata& metadata, std::size_t tokens) {
  constexpr std::string_view key = "tokenizer.ggml.token_type";
  std::vector<TokenKind> kinds(tokens, TokenKind::normal);
  if (!metadata.contains(key)) {
    return kinds;
  }
  const auto numbers = metadata.integers(key);
  if (!numbers) {
    return fail(numbers);
  }
  if (const auto length = check_length(key, numbers->size(), tokens); !length) {
    return fail(length);
  }
  for (std::size_t i = 0; i < tokens; ++i) {
    const std::int64_t number = (*numbers)[i];
    kinds[i] = number >= 0 && number <= static_cast<int>(TokenKind::byte)
                   ? static_cast<TokenKind>(number)
                   : TokenKind::undefined;
  }
  return kinds;
}

Result<std::vector<float>> read_scores(const Metadata& metadata, std::size_t tokens) {
  constexpr std::string_view key = "tokenizer.ggml.scores";
  if (!metadata.contains(key)) {
    return std::vector<float>{};
  }
  auto scores = metadata.floats(key);
  if (!scores) {
    return fail(scores);
  }
  if (const auto length = check_length(key, scores->size(), tokens); !length) {
    return fail(length);
  }
  const auto nan = std::find_if(scores->begin(), scores->end(), [](float s) { return s != s; });
  if (nan != scores->end()) {
    return fail("T0108",
                fmt::format("the score of token {} is not a number", nan - scores->begin()));
  }
  return scores;
}

}  // namespace

tl::unexpected<Diagnostics> crowded(std::string_view what) {
  return fail("T0110",
              fmt::format("the {} of the vocabulary were chosen to slow down every look-up", what),
              {"the file was made to hang programs that read it: do not use it"});
}

HashIndex::HashIndex(std::size_t count)
    : slots_(std::bit_ceil(2 * count + 2)), mask_(slots_.size() - 1) {}

Result<Vocabulary> Vocabulary::from_metadata(const Metadata& metadata) {
  const auto texts = metadata.strings("tokenizer.ggml.tokens");
  if (!texts) {
    return fail(texts);
  }
  if (texts->empty()) {
    return fail("T0103", "the vocabulary is empty: `tokenizer.ggml.tokens` has no entries");
  }
  auto kinds = read_kinds(metadata, texts->size());
  if (!kinds) {
    return fail(kinds);
  }
  auto scores = read_scores(metadata, texts->size());
  if (!scores) {
    return fail(scores);
  }
  Vocabulary vocabulary;
  vocabulary.texts_ = *texts;
  vocabulary.kinds_ = std::move(*kinds);
  vocabulary.scores_ = std::move(*scores);
  vocabulary.index_ = HashIndex(texts->size());
  for (std::size_t i = 0; i < texts->size(); ++i) {
    const std::string_view text = (*texts)[i];
    if (text.empty()) {
      continue;  // nothing in a text can become this token
    }
    if (is_special(vocabulary.kinds_[i]) && text.size() > kSpecialSizeMax) {
      return fail("T0111",
                  fmt::format("token {} is a special token of {} bytes; at most {} are read", i,
                              text.size(), kSpecialSizeMax));
    }
    vocabulary.longest_ = std::max(vocabulary.longest_, text.size());
    const auto earlier =
        vocabulary.index_.insert(hash_text(text), static_cast<std::uint32_t>(i),
                                 [&](std::uint32_t number) { return (*texts)[number] == text; });
    if (earlier) {
      return fail("T0105", fmt::format("tokens {} and {} are the same: `{}`", *earlier, i,
                                       escape_control(text.substr(0, 64))));
    }
  }
  if (vocabulary.index_.crowded()) {
    return crowded("tokens");
  }
  return vocabulary;
}

std::optional<TokenId> Vocabulary::find(std::string_view text) const {
  if (text.size() > longest_) {
    return std::nullopt;
  }
  const auto number = index_.find(
      hash_text(text), [&](std::uint32_t candidate) { return texts_[candidate] == text; });
  return number ? std::optional(static_cast<TokenId>(*number)) : std::nullopt;
}

}  // namespace churon::model
