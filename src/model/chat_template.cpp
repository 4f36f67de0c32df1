#include "model/chat_template.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "model/jinja_interpreter.h"
#include "model/jinja_parser.h"

namespace churon::model {

namespace {

constexpr std::size_t kSourceSizeMax = std::size_t{1} << 20;
constexpr std::size_t kBudget = std::size_t{64} << 20;
constexpr std::size_t kBudgetPerMessage = std::size_t{64} << 10;
constexpr std::size_t kBudgetPerByte = 64;  // of the messages

// The error with its line and column. Templates are often one line of thousands of characters: of
// such a line only the surroundings are shown.
tl::unexpected<Diagnostics> failure(std::string_view source, const jinja::TemplateError& error) {
  constexpr std::size_t line_max = 200;
  constexpr std::size_t around = 50;
  const std::size_t at = std::min(error.at, source.size());
  const std::size_t begin = at == 0 ? 0 : source.rfind('\n', at - 1) + 1;  // npos + 1 is 0
  const std::size_t end = std::min(source.find('\n', at), source.size());
  const auto newlines =
      std::count(source.begin(), source.begin() + static_cast<std::ptrdiff_t>(begin), '\n');
  SourceSpan span{.file = "chat template",
                  .line = static_cast<int>(newlines) + 1,
                  .column = static_cast<int>(at - begin) + 1,
                  .text = std::string(source.substr(begin, end - begin)),
                  .label = ""};
  Diagnostic diagnostic{.code = error.code, .message = error.message};
  if (end - begin > line_max) {
    const std::size_t shown = std::max(begin, at - std::min(at, around));
    diagnostic.notes.push_back(
        fmt::format("line {}, column {}: … {} …", span.line, span.column,
                    source.substr(shown, std::min(end, at + around) - shown)));
    span.line = 0;
  }
  diagnostic.span = std::move(span);
  return fail(std::move(diagnostic));
}

// As Jinja reads them.
std::string with_unix_newlines(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\r') {
      result += text[i];
    } else if (i + 1 == text.size() || text[i + 1] != '\n') {
      result += '\n';
    }
  }
  return result;
}

}  // namespace

Result<ChatTemplate> ChatTemplate::parse(std::string_view source) {
  if (source.size() > kSourceSizeMax) {
    return fail("T0406", fmt::format("the chat template has {} bytes; at most {} are read",
                                     source.size(), kSourceSizeMax));
  }
  const std::string text = with_unix_newlines(source);
  try {
    return ChatTemplate(std::make_shared<const jinja::Template>(jinja::parse(text)));
  } catch (const jinja::TemplateError& error) {
    return failure(text, error);
  }
}

Result<std::vector<TextSegment>> ChatTemplate::render(std::span<const ChatMessage> messages,
                                                      const ChatTemplateOptions& options) const {
  using jinja::Text;
  using jinja::Value;
  std::size_t budget = kBudget;
  for (const ChatMessage& message : messages) {
    budget += kBudgetPerMessage + kBudgetPerByte * (message.role.size() + message.content.size());
  }
  jinja::Runtime runtime(budget, options.today);
  try {
    jinja::Items list;
    for (const ChatMessage& message : messages) {
      list.push_back(runtime.dict({{Text("role", true), Text(message.role, false)},
                                   {Text("content", true), Text(message.content, false)}}));
    }
    const Text text = jinja::render(*parsed_,
                                    {{"messages", runtime.list(std::move(list))},
                                     {"add_generation_prompt", options.add_generation_prompt},
                                     {"bos_token", Text(options.bos_token, true)},
                                     {"eos_token", Text(options.eos_token, true)},
                                     {"tools", jinja::None{}},
                                     {"documents", jinja::None{}}},
                                    runtime);
    std::vector<TextSegment> segments;
    for (std::size_t begin = 0; begin < text.size();) {
      std::size_t end = begin;
      while (end < text.size() && text.from_template(end) == text.from_template(begin)) {
        ++end;
      }
      segments.push_back({.text = text.bytes().substr(begin, end - begin),
                          .from_template = text.from_template(begin)});
      begin = end;
    }
    return segments;
  } catch (const jinja::TemplateError& error) {
    return failure(parsed_->source, error);
  }
}

}  // namespace churon::model
