#include "cli/run_stream.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace churon::cli {

TextStream::TextStream(const model::Tokenizer& tokenizer, std::vector<std::string> stops,
                       const Terminal& terminal, bool write)
    : detokenizer_(tokenizer), stops_(std::move(stops)), terminal_(terminal), write_(write) {
  std::erase_if(stops_, [](const std::string& stop) { return stop.empty(); });
  for (const std::string& stop : stops_) {
    longest_stop_ = std::max(longest_stop_, stop.size());
  }
}

void TextStream::release(std::size_t end) {
  if (write_ && end > written_) {
    const std::string_view piece = std::string_view(text_).substr(written_, end - written_);
    terminal_.out(terminal_.interactive ? escape_terminal(piece) : std::string(piece));
  }
  written_ = std::max(written_, end);
}

bool TextStream::append(const std::string& piece) {
  // A stop string can begin in what was held back before.
  const std::size_t from = text_.size() - std::min(text_.size(), longest_stop_);
  text_ += piece;
  std::size_t found = std::string::npos;
  for (const std::string& stop : stops_) {
    const std::size_t at = text_.find(stop, from);
    if (at < found) {
      found = at;
      stop_ = stop;
    }
  }
  if (found != std::string::npos) {
    text_.resize(found);
    release(found);
    return false;
  }
  // Hold back the longest tail that begins a stop string.
  std::size_t held = 0;
  for (const std::string& stop : stops_) {
    for (std::size_t size = std::min(stop.size() - 1, text_.size()); size > held; --size) {
      if (text_.ends_with(std::string_view(stop).substr(0, size))) {
        held = size;
      }
    }
  }
  release(text_.size() - held);
  return true;
}

bool TextStream::add(model::TokenId id) { return append(detokenizer_.add(id)); }

void TextStream::finish() {
  if (!stop_ && append(detokenizer_.flush())) {
    release(text_.size());
  }
}

}  // namespace churon::cli
