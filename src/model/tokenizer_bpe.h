// Byte-level BPE (Radford et al., 2019; GPT-2's encoder). Each byte of a word is written as one
// printable character, and pairs merge in the order of `tokenizer.ggml.merges`.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/pretokenizer.h"
#include "model/tokenizer_vocabulary.h"

namespace churon::model {

class BytePairEncoder {
 public:
  static Result<BytePairEncoder> from_metadata(const Metadata& metadata,
                                               const PreTokenizerEntry& pre_tokenizer);

  void encode(const Vocabulary& vocabulary, std::string_view text, std::vector<TokenId>& ids) const;

 private:
  [[nodiscard]] std::optional<std::uint32_t> rank(std::string_view left,
                                                  std::string_view right) const;
  struct Scratch;
  void encode_word(const Vocabulary& vocabulary, std::string_view word, Scratch& scratch,
                   std::vector<TokenId>& ids) const;

  PreTokenizer pre_tokenizer_ = PreTokenizer::gpt2;
  bool ignore_merges_ = false;
  StringArray merges_;  // "left right", by rank
  HashIndex index_;
};

// The bytes of a token's text, each of whose characters stands for one byte. A character that
// stands for none is itself.
std::string bytes_of_token(std::string_view token_text);

}  // namespace churon::model
