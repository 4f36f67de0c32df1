// From a conversation to the ids of a prompt.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/chat_template.h"
#include "model/tokenizer.h"

namespace churon::model {

class Metadata;

struct PromptOptions {
  bool add_generation_prompt = true;
  // Control tokens are recognised in the messages too (`--parse-special`).
  bool parse_special = false;
};

// The template in the file; nullopt where it has none.
Result<std::optional<ChatTemplate>> chat_template_from_metadata(const Metadata& metadata);

// A whole conversation through the template. The prompt never begins with two BOS tokens.
Result<std::vector<TokenId>> chat_prompt(const Tokenizer& tokenizer,
                                         const ChatTemplate& chat_template,
                                         std::span<const ChatMessage> messages,
                                         PromptOptions options = {});

// Text without a template, with BOS where the model asks for it.
std::vector<TokenId> plain_prompt(const Tokenizer& tokenizer, std::string_view text,
                                  bool parse_special = false);

// How many leading ids two prompts share: what the KV cache already holds of the next turn.
std::size_t common_prefix(std::span<const TokenId> a, std::span<const TokenId> b);

}  // namespace churon::model
