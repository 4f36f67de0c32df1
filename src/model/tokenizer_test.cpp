#include "model/tokenizer.h"

#include <gmock/gmock.h>

#include <map>
#include <optional>

#include "base/random.h"
#include "base/text.h"
#include "gguf_writer.h"
#include "model/detokenizer.h"
#include "model/tokenizer_merge.h"
#include "model/tokenizer_vocabulary.h"

namespace churon::model {
namespace {

using test::GgufWriter;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Ids = std::vector<TokenId>;

constexpr TokenId kByte = 3;  // the first of 256 byte tokens in both vocabularies

// A file that lives as long as its tokenizer.
struct Loaded {
  GgufFile file;
  Result<Tokenizer> tokenizer;

  explicit Loaded(const GgufWriter& writer)
      : file(std::move(*test::parse(writer.bytes()))),
        tokenizer(Tokenizer::from_metadata(file.metadata)) {}
  const Tokenizer* operator->() const { return &*tokenizer; }
  [[nodiscard]] std::string error() const { return tokenizer ? "" : to_text(tokenizer.error()); }
};

GgufWriter bpe(std::string_view pre = "smollm") {
  GgufWriter writer;
  test::add_bpe_tokenizer(writer, pre);
  return writer;
}
GgufWriter spm() {
  GgufWriter writer;
  test::add_spm_tokenizer(writer);
  return writer;
}
// A small vocabulary with types and scores as given.
struct Token {
  std::string text;
  std::int32_t kind = 1;
  float score = 0;
};
void set_tokens(GgufWriter& writer, const std::vector<Token>& tokens) {
  std::vector<std::string> texts;
  std::vector<std::int32_t> kinds;
  std::vector<float> scores;
  for (const Token& token : tokens) {
    texts.push_back(token.text);
    kinds.push_back(token.kind);
    scores.push_back(token.score);
  }
  writer.set("tokenizer.ggml.tokens", texts);
  writer.set("tokenizer.ggml.token_type", kinds);
  writer.set("tokenizer.ggml.scores", scores);
}
void add_token(GgufWriter& writer, const std::string& text, std::int32_t kind) {
  auto file = test::parse(writer.bytes());
  const auto texts = *file->metadata.strings("tokenizer.ggml.tokens");
  const auto kinds = *file->metadata.integers("tokenizer.ggml.token_type");
  std::vector<Token> tokens;
  tokens.reserve(texts.size() + 1);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    tokens.push_back(
        {std::string(texts[i]), static_cast<std::int32_t>(kinds[i]), -static_cast<float>(i)});
  }
  tokens.push_back({text, kind, 0});
  set_tokens(writer, tokens);
}

std::vector<std::string> pieces(const Tokenizer& tokenizer, const Ids& ids) {
  std::vector<std::string> result;
  result.reserve(ids.size());
  for (const TokenId id : ids) {
    result.push_back(tokenizer.piece(id, true));
  }
  return result;
}

// Bytes of all kinds, from a seed.
std::string random_text(std::uint32_t seed, std::size_t parts) {
  constexpr std::string_view parts_of_text[] = {"the ",
                                                "hello",
                                                " and",
                                                "ing",
                                                "\n",
                                                "a",
                                                "t",
                                                "  ",
                                                "é",
                                                "한",
                                                "\xff",
                                                "\x80",
                                                "\xe2\x96",
                                                "\x00",
                                                "<|im_end|>",
                                                "7",
                                                "\xf0\x9f\x99\x82",
                                                "'s"};
  std::string text;
  for (std::size_t i = 0; i < parts; ++i) {
    text += parts_of_text[philox4x32({seed, static_cast<std::uint32_t>(i), 0, 0}, 2)[0] %
                          std::size(parts_of_text)];
  }
  return text;
}

// --- merging ---

// The definition: the lowest rank, then the leftmost, one after the other.
std::vector<std::string> merged_plainly(std::vector<std::string> symbols,
                                        const std::map<std::string, int>& ranks) {
  while (true) {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i + 1 < symbols.size(); ++i) {
      const auto rank = ranks.find(symbols[i] + symbols[i + 1]);
      if (rank != ranks.end() &&
          (!best || rank->second < ranks.at(symbols[*best] + symbols[*best + 1]))) {
        best = i;
      }
    }
    if (!best) {
      return symbols;
    }
    symbols[*best] += symbols[*best + 1];
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(*best) + 1);
  }
}

TEST(Merge, queue_and_definition_agree) {
  for (std::uint32_t seed = 0; seed < 2000; ++seed) {
    auto draw = [&, i = std::uint32_t{0}](std::uint32_t below) mutable {
      return philox4x32({seed, i++, 0, 0}, 3)[0] % below;
    };
    std::map<std::string, int> ranks;
    for (int i = 0; i < 12; ++i) {
      std::string text;
      for (std::uint32_t length = 2 + draw(4); length > 0; --length) {
        text += static_cast<char>('a' + draw(2));
      }
      ranks.emplace(text, static_cast<int>(draw(6)));  // equal ranks happen
    }
    std::string text;
    for (std::uint32_t length = draw(24); length > 0; --length) {
      text += static_cast<char>('a' + draw(2));
    }
    std::vector<Symbol> symbols;
    std::vector<std::string> characters;
    for (std::uint32_t i = 0; i < text.size(); ++i) {
      symbols.push_back(
          {i, 1, i == 0 ? kNoSymbol : i - 1, i + 1 == text.size() ? kNoSymbol : i + 1});
      characters.emplace_back(1, text[i]);
    }
    merge_symbols(text, symbols, [&](std::string_view left, std::string_view right) {
      const auto rank = ranks.find(std::string(left) + std::string(right));
      return rank != ranks.end() ? std::optional(static_cast<std::uint32_t>(rank->second))
                                 : std::nullopt;
    });
    std::vector<std::string> found;
    for (const Symbol& symbol : symbols) {
      if (symbol.length > 0) {
        found.push_back(text.substr(symbol.offset, symbol.length));
      }
    }
    ASSERT_EQ(found, merged_plainly(characters, ranks)) << text;
  }
}

// --- byte-level BPE ---

TEST(Tokenizer, bpe_merges_by_rank_inside_words) {
  const Loaded loaded(bpe());
  EXPECT_THAT(pieces(*loaded.tokenizer, loaded->encode("the hello and there")),
              ElementsAre("t", "he", " ", "hello", " and", " the", "re"));
}

TEST(Tokenizer, bpe_keeps_every_byte) {
  const Loaded loaded(bpe());
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    const std::string text = random_text(seed, seed % 23);
    ASSERT_EQ(loaded->decode(loaded->encode(text)), text) << escape_control(text);
  }
}

TEST(Tokenizer, a_byte_without_a_token_is_lost) {
  GgufWriter writer = bpe();
  set_tokens(writer, {{"a"}, {"b"}});
  writer.remove_entry("tokenizer.ggml.bos_token_id");
  writer.remove_entry("tokenizer.ggml.eos_token_id");
  writer.remove_entry("tokenizer.ggml.unknown_token_id");
  writer.set("tokenizer.ggml.merges", std::vector<std::string>{"a b"});  // "ab" is no token
  const Loaded loaded(writer);
  EXPECT_THAT(loaded->encode("abcb"), ElementsAre(0, 1, 1));
}

TEST(Tokenizer, a_word_that_is_a_token_ignores_merges_where_the_pre_tokenizer_says_so) {
  GgufWriter writer = bpe("llama-bpe");
  add_token(writer, "zyx", 1);
  EXPECT_THAT(pieces(*Loaded(writer).tokenizer, Loaded(writer)->encode("zyx")), ElementsAre("zyx"));
  writer.set("tokenizer.ggml.pre", "qwen2");
  EXPECT_THAT(pieces(*Loaded(writer).tokenizer, Loaded(writer)->encode("zyx")),
              ElementsAre("z", "y", "x"));
}

// --- SentencePiece ---

TEST(Tokenizer, spm_merges_by_score_and_spells_the_unknown_in_bytes) {
  const Loaded loaded(spm());
  EXPECT_THAT(pieces(*loaded.tokenizer, loaded->encode("hello the é")),
              ElementsAre("hello", " the", " ", "\xc3", "\xa9"));
}

TEST(Tokenizer, spm_puts_a_space_in_front_where_the_file_says_so) {
  GgufWriter writer = spm();
  writer.set("tokenizer.ggml.add_space_prefix", true);
  const Loaded loaded(writer);
  EXPECT_THAT(pieces(*loaded.tokenizer, loaded->encode("the</s>the", {.parse_special = true})),
              ElementsAre(" the", "</s>", " the"));
  EXPECT_EQ(loaded->decode(loaded->encode("the hello")), "the hello");
  EXPECT_THAT(loaded->encode(""), IsEmpty());
}

TEST(Tokenizer, spm_keeps_every_byte) {
  const Loaded loaded(spm());
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    const std::string text = random_text(seed, seed % 23);
    ASSERT_EQ(loaded->decode(loaded->encode(text)), text) << escape_control(text);
  }
}

TEST(Tokenizer, spm_spells_a_space_that_is_no_token_as_one_byte) {
  GgufWriter writer = spm();
  set_tokens(writer, {{"<unk>", 2}, {"<s>", 3}, {"</s>", 3}, {"a"}, {"<0x20>", 6}});
  const Loaded loaded(writer);
  EXPECT_THAT(loaded->encode("a a"), ElementsAre(3, 4, 3));
  EXPECT_EQ(loaded->decode(Ids{3, 4, 3}), "a a");
}

TEST(Tokenizer, spm_without_byte_tokens_says_unknown) {
  GgufWriter writer = spm();
  set_tokens(writer, {{"<unk>", 2}, {"<s>", 3}, {"</s>", 3}, {"a"}});
  const Loaded loaded(writer);
  EXPECT_THAT(loaded->encode("aéa"), ElementsAre(3, 0, 0, 3));
  EXPECT_EQ(loaded->decode(Ids{3, 0, 3}), "aa");
}

// --- special tokens ---

TEST(Tokenizer, control_tokens_count_only_where_asked_for) {
  const Loaded loaded(bpe());
  EXPECT_EQ(loaded->encode("<|im_end|>", {.parse_special = true}), Ids{2});
  EXPECT_EQ(loaded->encode("<|im_end|>").size(), 9U);
}

TEST(Tokenizer, user_defined_tokens_count_everywhere_the_longest_first_then_the_leftmost) {
  GgufWriter writer = bpe();
  add_token(writer, "xx", 4);
  add_token(writer, "xxx", 4);
  add_token(writer, "xyx", 4);
  const Loaded loaded(writer);
  const auto cut = [&](std::string_view text) {
    return pieces(*loaded.tokenizer, loaded->encode(text));
  };
  EXPECT_THAT(cut("xxxxx"), ElementsAre("xxx", "xx"));
  EXPECT_THAT(cut("xxxx"), ElementsAre("xxx", "x"));
  EXPECT_THAT(cut("xxyx"), ElementsAre("x", "xyx"));
  EXPECT_THAT(cut("xxyxx"), ElementsAre("x", "xyx", "x"));
  EXPECT_THAT(cut("xxxyx"), ElementsAre("xxx", "y", "x"));
}

TEST(Tokenizer, special_tokens_are_cut_out_as_the_definition_says) {
  // By definition: for each length, longest first, from left to right, where nothing was cut out.
  const std::vector<std::string> specials = {"a", "ab", "ba", "aba", "bb", "abab", "bba"};
  GgufWriter writer = spm();
  std::vector<Token> tokens = {{"<unk>", 2}, {"<s>", 3}, {"</s>", 3}, {"b"}};
  for (const std::string& special : specials) {
    tokens.push_back({special, 4});
  }
  set_tokens(writer, tokens);
  const Loaded loaded(writer);
  for (std::uint32_t bits = 0; bits < 1024; ++bits) {
    std::string text;
    for (std::uint32_t i = 0; i < 10; ++i) {
      text += (bits >> i & 1) != 0 ? 'a' : 'b';
    }
    std::map<std::size_t, std::string> expected;  // by offset
    std::string left = text;
    for (std::size_t length = 4; length > 0; --length) {
      for (std::size_t at = 0; at + length <= left.size(); ++at) {
        const std::string part = left.substr(at, length);
        if (std::find(specials.begin(), specials.end(), part) != specials.end()) {
          expected[at] = part;
          left.replace(at, length, length, '.');
        }
      }
    }
    for (std::size_t at = 0; at < left.size(); ++at) {
      if (left[at] != '.') {
        expected[at] = "b";
      }
    }
    std::vector<std::string> words;
    words.reserve(expected.size());
    for (const auto& [at, word] : expected) {
      words.push_back(word);
    }
    // Plain "bb" is not merged again: as a token it was cut out before.
    ASSERT_EQ(pieces(*loaded.tokenizer, loaded->encode(text)), words) << text;
  }
}

TEST(Tokenizer, segments_are_one_text_but_only_the_template_has_control_tokens) {
  const Loaded loaded(bpe());
  const auto encode = [&](std::vector<TextSegment> segments) {
    return pieces(*loaded.tokenizer, loaded->encode(segments));
  };
  EXPECT_THAT(encode({{"<|im_start|>h", true}, {"e<|im_end|>", false}, {"<|im_end|>", true}}),
              ElementsAre("<|im_start|>", "he", "<", "|", "i", "m", "_", "en", "d", "|", ">",
                          "<|im_end|>"));
  // Half written by each is no token.
  EXPECT_EQ(encode({{"<|im_", true}, {"end|>", false}}).size(), 9U);
  // Two segments of the template are one.
  EXPECT_THAT(encode({{"<|im_", true}, {"end|>", true}}), ElementsAre("<|im_end|>"));
}

TEST(Tokenizer, a_prompt_never_begins_with_two_bos_tokens) {
  const Loaded loaded(spm());
  EXPECT_THAT(loaded->encode(std::vector<TextSegment>{{"<s>he", true}}),
              ElementsAre(1, kByte + 256 + 2));
  EXPECT_THAT(loaded->encode(std::vector<TextSegment>{{"he", true}}),
              ElementsAre(1, kByte + 256 + 2));
  EXPECT_THAT(loaded->encode(std::vector<TextSegment>{}), ElementsAre(1));
  EXPECT_EQ(loaded->encode("he", {.add_special = true}), (Ids{1, kByte + 256 + 2}));
}

TEST(Tokenizer, phi3_drops_white_space_behind_its_control_tokens) {
  GgufWriter writer = spm();
  add_token(writer, "<|end|>", 3);
  writer.set("general.name", "Phi-3 mini");
  const Loaded loaded(writer);
  EXPECT_THAT(
      pieces(*loaded.tokenizer, loaded->encode("<|end|> \nhe<s> a", {.parse_special = true})),
      ElementsAre("<|end|>", "he", "<s>", " a"));
}

TEST(Tokenizer, end_tokens_come_from_keys_and_well_known_names) {
  GgufWriter writer = bpe();
  add_token(writer, "<end_of_turn>", 1);
  writer.set("tokenizer.ggml.eos_token_id", std::uint32_t{7});
  const Loaded loaded(writer);
  const TokenId last = loaded->token_count() - 1;
  EXPECT_THAT(loaded->end_ids(), ElementsAre(0, 2, 7, last));
  EXPECT_TRUE(loaded->is_end(2));
  EXPECT_FALSE(loaded->is_end(1));
  EXPECT_FALSE(loaded->is_end(-1));
  EXPECT_EQ(loaded->eos(), 7);
  EXPECT_EQ(loaded->eot(), 2);
  // A name with a meaning is a control token even if the file calls it normal.
  EXPECT_TRUE(loaded->is_control(last));
}

// --- decoding ---

TEST(Tokenizer, control_tokens_are_shown_on_demand) {
  const Loaded loaded(bpe());
  EXPECT_EQ(loaded->decode(Ids{1, kByte + 'a', 2}), "a");
  EXPECT_EQ(loaded->decode(Ids{1, kByte + 'a', 2}, true), "<|im_start|>a<|im_end|>");
  EXPECT_EQ(loaded->piece(-1), "");
  EXPECT_EQ(loaded->piece(1'000'000), "");
  EXPECT_EQ(loaded->token_text(1'000'000), "");
}

TEST(Detokenizer, never_hands_out_half_a_character) {
  const Loaded loaded(bpe());
  Detokenizer detokenizer(*loaded.tokenizer);
  std::vector<std::string> parts;
  for (const TokenId id : loaded->encode("aé한🙂")) {
    parts.push_back(detokenizer.add(id));
  }
  EXPECT_THAT(parts, ElementsAre("a", "", "é", "", "", "한", "", "", "", "🙂"));
  EXPECT_EQ(detokenizer.flush(), "");
}

TEST(Detokenizer, hands_out_the_rest_at_the_end) {
  const Loaded loaded(bpe());
  Detokenizer detokenizer(*loaded.tokenizer);
  EXPECT_EQ(detokenizer.add(kByte + 0xed), "");
  EXPECT_EQ(detokenizer.add(kByte + 0x95), "");
  EXPECT_EQ(detokenizer.add(2), "");
  EXPECT_EQ(detokenizer.flush(), "\xed\x95");
  EXPECT_EQ(detokenizer.flush(), "");
}

TEST(Detokenizer, parts_make_up_the_whole_whatever_the_tokens) {
  const Loaded loaded(spm());
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    Ids ids;
    for (std::uint32_t i = 0; i < 13; ++i) {
      ids.push_back(static_cast<TokenId>(philox4x32({seed, i, 0, 0}, 4)[0] %
                                         static_cast<std::uint32_t>(loaded->token_count())));
    }
    Detokenizer detokenizer(*loaded.tokenizer);
    std::string joined;
    for (const TokenId id : ids) {
      const std::string part = detokenizer.add(id);
      joined += part;
    }
    EXPECT_EQ(joined + detokenizer.flush(), loaded->decode(ids));
  }
}

// --- bad files ---

TEST(Tokenizer, unknown_kinds_are_named_with_those_that_are_known) {
  GgufWriter writer = bpe();
  writer.set("tokenizer.ggml.model", "bert");
  EXPECT_THAT(Loaded(writer).error(), HasSubstr("T0101"));
  EXPECT_THAT(Loaded(writer).error(), HasSubstr("gpt2 (byte-level BPE), llama (SentencePiece)"));
  writer = bpe("no-such");
  EXPECT_THAT(Loaded(writer).error(), HasSubstr("T0102"));
  EXPECT_THAT(Loaded(writer).error(), HasSubstr("smollm"));
}

TEST(Tokenizer, a_vocabulary_must_fit_together) {
  GgufWriter writer = spm();
  writer.set("tokenizer.ggml.tokens", std::vector<std::string>{});
  EXPECT_THAT(Loaded(writer).error(), HasSubstr("T0103"));
  writer = spm();
  writer.set("tokenizer.ggml.scores", std::vector<float>{1, 2});
  EXPECT_THAT(Loaded(writer).error(), HasSubstr("T0104"));
  writer = spm();
  writer.set("tokenizer.ggml.token_type", std::vector<std::int32_t>{1});
  EXPECT_THAT(Loaded(writer).error(), HasSubstr("T0104"));
  writer = spm();
  add_token(writer, "hell", 1);
  EXPECT_THAT(Loaded(writer).error(), HasSubstr("T0105"));
  writer = bpe();
  writer.set("tokenizer.ggml.merges", std::vector<std::string>{"a b", "ab"});
  EXPECT_THAT(Loaded(writer).error(), HasSubstr("T0106"));
  writer = bpe();
  writer.set("tokenizer.ggml.merges", std::vector<std::string>{""});
  EXPECT_THAT(Loaded(writer).error(), HasSubstr("T0106"));
  writer = spm();
  std::vector<float> scores(300, std::numeric_limits<float>::quiet_NaN());
  writer.set("tokenizer.ggml.scores", scores);
  EXPECT_FALSE(Loaded(writer).tokenizer);
}

TEST(Tokenizer, special_ids_must_be_in_the_vocabulary) {
  for (const std::string_view key : {"bos", "eos", "eot", "unknown", "fim_pad"}) {
    GgufWriter writer = spm();
    writer.set(fmt::format("tokenizer.ggml.{}_token_id", key), std::uint32_t{0xffffffff});
    EXPECT_THAT(Loaded(writer).error(), HasSubstr("T0107")) << key;
  }
  GgufWriter writer = bpe();
  writer.remove_entry("tokenizer.ggml.bos_token_id");
  writer.set("tokenizer.ggml.add_bos_token", true);
  EXPECT_THAT(Loaded(writer).error(), HasSubstr("T0109"));
}

TEST(Tokenizer, empty_tokens_unknown_types_and_odd_merges_are_tolerated) {
  GgufWriter writer = bpe();
  add_token(writer, "", 1);
  add_token(writer, "odd", 77);
  writer.set("tokenizer.ggml.merges",
             std::vector<std::string>{"h e", "h e", "no such", "q q", "qq qq"});
  const Loaded loaded(writer);
  ASSERT_TRUE(loaded.tokenizer) << loaded.error();
  EXPECT_EQ(loaded->decode(loaded->encode("he qqqqq")), "he qqqqq");
  EXPECT_EQ(loaded->piece(loaded->token_count() - 1), "");
}

TEST(Tokenizer, special_tokens_have_a_bounded_length) {
  GgufWriter writer = bpe();
  add_token(writer, std::string(1024, 'x'), 4);
  EXPECT_EQ(Loaded(writer).error(), "");
  writer = bpe();
  add_token(writer, std::string(1025, 'x'), 4);
  EXPECT_THAT(Loaded(writer).error(), HasSubstr("T0111"));
}

TEST(Tokenizer, tokens_that_were_chosen_to_collide_are_refused) {
  // Among random strings, those whose hashes agree where the index looks.
  std::vector<std::string> tokens;
  for (std::uint32_t i = 0; tokens.size() < 1100; ++i) {
    const std::string text = fmt::format("{:x}", i);
    if ((hash_text(text) & 0xfff) == 0) {
      tokens.push_back(text);
    }
  }
  GgufWriter writer = spm();
  writer.set("tokenizer.ggml.tokens", tokens);
  writer.remove_entry("tokenizer.ggml.token_type");
  writer.remove_entry("tokenizer.ggml.scores");
  EXPECT_THAT(Loaded(writer).error(), HasSubstr("T0110"));
}

TEST(Tokenizer, missing_keys_are_named) {
  for (const std::string_view key : {"model", "tokens", "merges"}) {
    GgufWriter writer = bpe();
    writer.remove_entry(fmt::format("tokenizer.ggml.{}", key));
    EXPECT_THAT(Loaded(writer).error(), HasSubstr(fmt::format("tokenizer.ggml.{}", key)));
  }
}

TEST(Tokenizer, text_without_a_space_takes_no_quadratic_time) {
  // Seconds if it did: a tenth of a megabyte squared is 10^10.
  const std::string text(100'001, 'l');
  EXPECT_EQ(Loaded(bpe())->encode(text).size(), 50'001U);
  EXPECT_EQ(Loaded(spm())->encode(text).size(), 50'001U);
}

}  // namespace
}  // namespace churon::model
