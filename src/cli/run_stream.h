// The text of a run while it is made: token by token to characters, stop strings cut off, written
// out at once unless the whole is wanted at the end.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/verb.h"
#include "model/detokenizer.h"

namespace churon::cli {

class TextStream {
 public:
  // `write`: to standard output as it comes.
  TextStream(const model::Tokenizer& tokenizer, std::vector<std::string> stops,
             const Terminal& terminal, bool write);

  // False when a stop string was found: generation ends.
  bool add(model::TokenId id);
  // What was held back because a stop string or a character might have begun.
  void finish();

  [[nodiscard]] const std::string& text() const { return text_; }
  [[nodiscard]] const std::optional<std::string>& stop() const { return stop_; }

 private:
  void release(std::size_t end);  // of text_
  bool append(const std::string& piece);

  model::Detokenizer detokenizer_;
  std::vector<std::string> stops_;
  std::size_t longest_stop_ = 0;
  const Terminal& terminal_;
  bool write_;
  std::string text_;
  std::size_t written_ = 0;
  std::optional<std::string> stop_;
};

}  // namespace churon::cli
