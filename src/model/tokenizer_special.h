// Tokens that are taken out of a text before it is cut into words: control tokens such as
// <|im_end|>, only where the caller trusts the text, and user-defined tokens everywhere.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "model/tokenizer_vocabulary.h"

namespace churon::model {

// A part of a text by byte offsets.
struct TextRange {
  std::size_t begin;
  std::size_t end;
};

class SpecialTokens {
 public:
  SpecialTokens() = default;
  // `strips_right`: white space behind a control token belongs to it (Phi-3).
  SpecialTokens(const Vocabulary& vocabulary, bool strips_right);

  struct Fragment {
    TextRange range;
    std::optional<TokenId> token;  // else plain text
  };
  // Cuts the text at special tokens, the longest first, of equal lengths the leftmost. Control
  // tokens count only inside one of the `trusted` ranges, which ascend and do not overlap.
  [[nodiscard]] std::vector<Fragment> partition(std::string_view text,
                                                std::span<const TextRange> trusted) const;

 private:
  struct Entry {
    std::string_view text;
    TokenId id = 0;
    bool control = false;
    bool strips_right = false;
  };
  [[nodiscard]] const Entry* longest_match(std::string_view text, std::size_t begin,
                                           std::size_t end,
                                           std::span<const TextRange> trusted) const;

  std::vector<Entry> entries_;            // by text
  std::array<TextRange, 256> by_byte_{};  // the entries that begin with a byte
};

}  // namespace churon::model
