// Token ids to text while they arrive: what is handed out never ends inside a UTF-8 character.
#pragma once

#include <string>

#include "model/tokenizer.h"

namespace churon::model {

class Detokenizer {
 public:
  // `special`: control tokens are shown by their names.
  explicit Detokenizer(const Tokenizer& tokenizer, bool special = false)
      : tokenizer_(tokenizer), special_(special) {}

  // The text that is complete now that `id` has arrived; it may be empty.
  [[nodiscard]] std::string add(TokenId id);
  // What is left at the end: bytes that no further token completed.
  [[nodiscard]] std::string flush();

 private:
  const Tokenizer& tokenizer_;
  bool special_;
  std::string held_;
};

}  // namespace churon::model
