#include "model/conversation.h"

#include <algorithm>

#include "model/gguf.h"

namespace churon::model {

Result<std::optional<ChatTemplate>> chat_template_from_metadata(const Metadata& metadata) {
  constexpr std::string_view key = "tokenizer.chat_template";
  if (!metadata.contains(key)) {
    return std::nullopt;
  }
  const auto source = metadata.string(key);
  if (!source) {
    return fail(source);
  }
  auto parsed = ChatTemplate::parse(*source);
  if (!parsed) {
    return fail(parsed);
  }
  return std::move(*parsed);
}

Result<std::vector<TokenId>> chat_prompt(const Tokenizer& tokenizer,
                                         const ChatTemplate& chat_template,
                                         std::span<const ChatMessage> messages,
                                         PromptOptions options) {
  const auto text_of = [&tokenizer](std::optional<TokenId> id) {
    return id ? std::string(tokenizer.token_text(*id)) : std::string();
  };
  auto segments =
      chat_template.render(messages, {.add_generation_prompt = options.add_generation_prompt,
                                      .bos_token = text_of(tokenizer.bos()),
                                      .eos_token = text_of(tokenizer.eos())});
  if (!segments) {
    return fail(segments);
  }
  if (options.parse_special) {
    for (TextSegment& segment : *segments) {
      segment.from_template = true;
    }
  }
  return tokenizer.encode(*segments);
}

std::vector<TokenId> plain_prompt(const Tokenizer& tokenizer, std::string_view text,
                                  bool parse_special) {
  const TextSegment segment{.text = std::string(text), .from_template = parse_special};
  return tokenizer.encode(std::span(&segment, 1));
}

std::size_t common_prefix(std::span<const TokenId> a, std::span<const TokenId> b) {
  return static_cast<std::size_t>(std::mismatch(a.begin(), a.end(), b.begin(), b.end()).first -
                                  a.begin());
}

}  // namespace churon::model
