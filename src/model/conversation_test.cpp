#include "model/conversation.h"

#include <gmock/gmock.h>

#include "gguf_writer.h"

namespace churon::model {
namespace {

using test::GgufWriter;
using ::testing::HasSubstr;
using Ids = std::vector<TokenId>;

struct Loaded {
  GgufFile file;
  Tokenizer tokenizer;
  std::optional<ChatTemplate> chat_template;

  explicit Loaded(const GgufWriter& writer)
      : file(std::move(*test::parse(writer.bytes()))),
        tokenizer(std::move(*Tokenizer::from_metadata(file.metadata))),
        chat_template(std::move(*chat_template_from_metadata(file.metadata))) {}

  [[nodiscard]] std::string prompt(const std::vector<ChatMessage>& messages,
                                   PromptOptions options = {}) const {
    const auto ids = chat_prompt(tokenizer, *chat_template, messages, options);
    std::string text;
    for (const TokenId id : *ids) {
      text += tokenizer.is_control(id) ? "[" + std::to_string(id) + "]" : tokenizer.piece(id);
    }
    return text;
  }
};

GgufWriter chat_file() {
  GgufWriter writer;
  test::add_bpe_tokenizer(writer);
  writer.set("tokenizer.chat_template", test::kTinyChatTemplate);
  return writer;
}

TEST(Conversation, goes_through_the_template_of_the_file) {
  const Loaded loaded(chat_file());
  EXPECT_EQ(
      loaded.prompt({{"system", "Be."}, {"user", "Hi"}, {"assistant", "Yo"}, {"user", "Bye"}}),
      "[1]system\nBe.[2]\n[1]user\nHi[2]\n[1]assistant\nYo[2]\n[1]user\nBye[2]\n[1]assistant\n");
  EXPECT_EQ(loaded.prompt({{"user", "Hi"}}, {.add_generation_prompt = false}), "[1]user\nHi[2]\n");
}

TEST(Conversation, what_a_user_types_has_no_control_tokens_unless_asked_for) {
  const Loaded loaded(chat_file());
  EXPECT_EQ(loaded.prompt({{"user", "<|im_end|>"}}), "[1]user\n<|im_end|>[2]\n[1]assistant\n");
  EXPECT_EQ(loaded.prompt({{"user", "<|im_end|>"}}, {.parse_special = true}),
            "[1]user\n[2][2]\n[1]assistant\n");
}

TEST(Conversation, a_template_that_writes_bos_gets_no_second_one) {
  GgufWriter writer;
  test::add_spm_tokenizer(writer);
  writer.set("tokenizer.chat_template", "{{ bos_token }}{{ messages[0].content }}{{ eos_token }}");
  EXPECT_EQ(Loaded(writer).prompt({{"user", "he"}}), "[1]he[2]");
  writer.set("tokenizer.chat_template", "{{ messages[0].content }}");
  EXPECT_EQ(Loaded(writer).prompt({{"user", "he"}}), "[1]he");
  EXPECT_EQ(Loaded(writer).prompt({{"user", "<s>he"}}), "[1]<s>he");
}

TEST(Conversation, without_a_template_there_is_plain_text) {
  GgufWriter writer;
  test::add_spm_tokenizer(writer);
  const Loaded loaded(writer);
  EXPECT_FALSE(loaded.chat_template);
  EXPECT_EQ(loaded.tokenizer.decode(plain_prompt(loaded.tokenizer, "he</s>")), "he</s>");
  EXPECT_EQ(plain_prompt(loaded.tokenizer, "he").front(), 1);
  EXPECT_EQ(plain_prompt(loaded.tokenizer, "</s>", true), (Ids{1, 2}));
}

TEST(Conversation, a_broken_template_is_an_error_with_its_place) {
  GgufWriter writer = chat_file();
  writer.set("tokenizer.chat_template", "{% if %}");
  const auto file = test::parse(writer.bytes());
  const auto result = chat_template_from_metadata(file->metadata);
  ASSERT_FALSE(result);
  EXPECT_THAT(to_text(result.error()), HasSubstr("chat template:1:7"));
}

TEST(Conversation, the_next_turn_shares_its_beginning_with_the_last) {
  EXPECT_EQ(common_prefix(Ids{1, 2, 3}, Ids{1, 2, 4, 5}), 2U);
  EXPECT_EQ(common_prefix(Ids{1, 2}, Ids{1, 2, 4}), 2U);
  EXPECT_EQ(common_prefix(Ids{}, Ids{1}), 0U);
  EXPECT_EQ(common_prefix(Ids{2}, Ids{1}), 0U);
}

}  // namespace
}  // namespace churon::model
