// The chat template that a GGUF file carries (`tokenizer.chat_template`), written in Jinja, and
// what it makes of a conversation. The subset of Jinja is the one that such templates use
// (docs/errors.md, T04xx, says what is refused); statements, steps, depth and output are bounded.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/tokenizer.h"

namespace churon::model {

struct ChatMessage {
  std::string role;  // system, user, assistant
  std::string content;
  bool operator==(const ChatMessage&) const = default;
};

struct Date {
  int year = 2024;
  int month = 7;
  int day = 26;
};

struct ChatTemplateOptions {
  bool add_generation_prompt = true;  // end with the head of the assistant's turn
  std::string bos_token = {};         // texts of these tokens; may be empty
  std::string eos_token = {};
  // What `strftime_now` answers: fixed, so that the same input gives the same prompt on every day.
  Date today = {};
};

namespace jinja {
struct Template;
}

class ChatTemplate {
 public:
  static Result<ChatTemplate> parse(std::string_view source);

  // The prompt in segments: text of the template, and text of the messages (also where the template
  // trimmed or cut it).
  [[nodiscard]] Result<std::vector<TextSegment>> render(std::span<const ChatMessage> messages,
                                                        const ChatTemplateOptions& options) const;

 private:
  explicit ChatTemplate(std::shared_ptr<const jinja::Template> parsed)
      : parsed_(std::move(parsed)) {}
  std::shared_ptr<const jinja::Template> parsed_;
};

}  // namespace churon::model
