// The bytes are a chat template, a zero byte, and what a user typed. Whatever the template does,
// the user's words are never taken for the template's: a character that only they have shows it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "model/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace churon;
  constexpr std::string_view mark = "\xee\x80\x80";  // U+E000, which has no other case
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t zero = bytes.find('\0');
  const std::string_view source = bytes.substr(0, zero);
  const std::string typed(zero == std::string_view::npos ? "" : bytes.substr(zero + 1));

  const auto parsed = model::ChatTemplate::parse(source);
  if (!parsed) {
    (void)to_text(parsed.error());
    return 0;
  }
  const std::vector<model::ChatMessage> messages = {{"system", "Be brief."},
                                                    {"user", std::string(mark) + typed},
                                                    {"assistant", typed},
                                                    {"user", "x"}};
  const auto rendered =
      parsed->render(messages, {.bos_token = "<s>", .eos_token = "</s>", .today = {}});
  if (!rendered) {
    (void)to_text(rendered.error());
    return 0;
  }
  // An escape may write the character too.
  const bool only_typed = source.find_first_of("\\\xee") == std::string_view::npos;
  for (const model::TextSegment& segment : *rendered) {
    if (only_typed && segment.from_template && segment.text.find(mark) != std::string::npos) {
      std::abort();
    }
  }
  return 0;
}
