#include "model/tokenizer_bpe.h"

#include <optional>

#include "base/text.h"
#include "model/tokenizer_merge.h"

namespace churon::model {

namespace {

// Printable bytes of Latin-1 stand for themselves, the others for U+0100 and up, in order.
constexpr bool is_itself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
}

struct ByteAlphabet {
  std::array<char32_t, 256> character{};
  std::array<std::int16_t, 512> byte{};  // -1: stands for none
};

constexpr ByteAlphabet kAlphabet = [] {
  ByteAlphabet alphabet;
  alphabet.byte.fill(-1);
  char32_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    alphabet.character[byte] = is_itself(byte) ? char32_t{byte} : next++;
    alphabet.byte[alphabet.character[byte]] = static_cast<std::int16_t>(byte);
  }
  return alphabet;
}();

// Where a merge "left right" is cut. The left side may itself begin with a space.
std::optional<std::size_t> cut(std::string_view merge) {
  const std::size_t space = merge.find(' ', 1);
  if (space == std::string_view::npos || space + 1 == merge.size()) {
    return std::nullopt;
  }
  return space;
}

std::uint64_t hash_pair(std::string_view left, std::string_view right) {
  return hash_text(left) * 0xD6E8FEB86659FD93 ^ hash_text(right);
}

bool is_pair(std::string_view merge, std::string_view left, std::string_view right) {
  return merge.size() == left.size() + 1 + right.size() && merge.starts_with(left) &&
         merge[left.size()] == ' ' && merge.ends_with(right);
}

}  // namespace

// Buffers that serve one word after the other.
struct BytePairEncoder::Scratch {
  std::string spelled;  // the word in the alphabet of bytes
  std::vector<Symbol> symbols;
};

Result<BytePairEncoder> BytePairEncoder::from_metadata(const Metadata& metadata,
                                                       const PreTokenizerEntry& pre_tokenizer) {
  const auto merges = metadata.strings("tokenizer.ggml.merges");
  if (!merges) {
    return fail(merges);
  }
  BytePairEncoder encoder;
  encoder.pre_tokenizer_ = pre_tokenizer.pre_tokenizer;
  encoder.ignore_merges_ = pre_tokenizer.ignore_merges;
  encoder.merges_ = *merges;
  encoder.index_ = HashIndex(merges->size());
  for (std::size_t i = 0; i < merges->size(); ++i) {
    const std::string_view merge = (*merges)[i];
    const auto space = merge.empty() ? std::nullopt : cut(merge);
    if (!space) {
      return fail("T0106", fmt::format("merge {} is not two parts with a space between them: `{}`",
                                       i, escape_control(merge.substr(0, 64))));
    }
    const std::string_view left = merge.substr(0, *space);
    const std::string_view right = merge.substr(*space + 1);
    // Of a pair that is listed twice the first counts.
    encoder.index_.insert(
        hash_pair(left, right), static_cast<std::uint32_t>(i),
        [&](std::uint32_t number) { return is_pair((*merges)[number], left, right); });
  }
  if (encoder.index_.crowded()) {
    return crowded("merges");
  }
  return encoder;
}

std::optional<std::uint32_t> BytePairEncoder::rank(std::string_view left,
                                                   std::string_view right) const {
  return index_.find(hash_pair(left, right),
                     [&](std::uint32_t number) { return is_pair(merges_[number], left, right); });
}

void BytePairEncoder::encode(const Vocabulary& vocabulary, std::string_view text,
                             std::vector<TokenId>& ids) const {
  Scratch scratch;
  std::size_t begin = 0;
  for (const std::uint32_t end : word_ends(pre_tokenizer_, text)) {
    encode_word(vocabulary, text.substr(begin, end - begin), scratch, ids);
    begin = end;
  }
}

void BytePairEncoder::encode_word(const Vocabulary& vocabulary, std::string_view word,
                                  Scratch& scratch, std::vector<TokenId>& ids) const {
  std::string& spelled = scratch.spelled;
  std::vector<Symbol>& symbols = scratch.symbols;
  spelled.clear();
  symbols.clear();
  for (std::size_t i = 0; i < word.size(); ++i) {
    const auto offset = static_cast<std::uint32_t>(spelled.size());
    append_utf8(spelled, kAlphabet.character[static_cast<unsigned char>(word[i])]);
    const auto index = static_cast<std::uint32_t>(i);
    symbols.push_back({.offset = offset,
                       .length = static_cast<std::uint32_t>(spelled.size()) - offset,
                       .previous = i == 0 ? kNoSymbol : index - 1,
                       .next = i + 1 == word.size() ? kNoSymbol : index + 1});
  }
  if (ignore_merges_) {
    if (const auto id = vocabulary.find(spelled)) {
      ids.push_back(*id);
      return;
    }
  }
  merge_symbols(spelled, symbols, [this](std::string_view left, std::string_view right) {
    return rank(left, right);
  });
  for (const Symbol& symbol : symbols) {
    if (symbol.length == 0) {
      continue;
    }
    const std::string_view text = std::string_view(spelled).substr(symbol.offset, symbol.length);
    if (const auto id = vocabulary.find(text)) {
      ids.push_back(*id);
      continue;
    }
    // A merge whose result is no token falls apart into its bytes; a byte that is no token is lost.
    for (std::string_view rest = text; !rest.empty();) {
      const auto point = decode_utf8(rest);
      const auto length = static_cast<std::size_t>(point ? point->length : 1);
      if (const auto byte = vocabulary.find(rest.substr(0, length))) {
        ids.push_back(*byte);
      }
      rest.remove_prefix(length);
    }
  }
}

std::string bytes_of_token(std::string_view token_text) {
  std::string bytes;
  while (!token_text.empty()) {
    const auto point = decode_utf8(token_text);
    const auto length = static_cast<std::size_t>(point ? point->length : 1);
    if (point && point->value < kAlphabet.byte.size() && kAlphabet.byte[point->value] >= 0) {
      bytes += static_cast<char>(kAlphabet.byte[point->value]);
    } else {
      bytes += token_text.substr(0, length);
    }
    token_text.remove_prefix(length);
  }
  return bytes;
}

}  // namespace churon::model
