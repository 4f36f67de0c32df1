#include "model/detokenizer.h"

#include <utility>

#include "base/text.h"

namespace churon::model {

std::string Detokenizer::add(TokenId id) {
  held_ += tokenizer_.piece(id, special_);
  const std::size_t complete = complete_utf8_prefix(held_);
  std::string text = held_.substr(0, complete);
  held_.erase(0, complete);
  return text;
}

std::string Detokenizer::flush() { return std::exchange(held_, {}); }

}  // namespace churon::model
