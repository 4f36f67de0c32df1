// SentencePiece-style encoding (Kudo and Richardson, 2018, as `llama` vocabularies use it): spaces
// become U+2581, neighbours that together are a token merge by score, a character that is no token
// becomes its bytes <0xNN>.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/tokenizer_vocabulary.h"

namespace churon::model {

class SentencePieceEncoder {
 public:
  SentencePieceEncoder() = default;
  // `unknown` stands for bytes that have no token of their own; without it they are lost.
  SentencePieceEncoder(const Vocabulary& vocabulary, std::optional<TokenId> unknown);

  void encode(const Vocabulary& vocabulary, std::string_view text, bool space_in_front,
              std::vector<TokenId>& ids) const;

 private:
  std::array<std::optional<TokenId>, 256> byte_tokens_;
};

// The byte that `<0xNN>` stands for; nullopt for other texts.
std::optional<char> byte_of_token(std::string_view token_text);
// U+2581 becomes a space.
std::string unescape_spaces(std::string_view token_text);

}  // namespace churon::model
