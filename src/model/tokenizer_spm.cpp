#include "model/tokenizer_spm.h"

#include <bit>
#include <charconv>

#include "base/text.h"
#include "model/tokenizer_merge.h"

namespace churon::model {

namespace {

constexpr std::string_view kSpace = "\xe2\x96\x81";  // U+2581

std::string escape_spaces(std::string_view text, bool space_in_front) {
  std::string escaped;
  escaped.reserve(text.size() + text.size() / 4);
  if (space_in_front) {
    escaped += kSpace;
  }
  for (const char c : text) {
    if (c == ' ') {
      escaped += kSpace;
    } else {
      escaped += c;
    }
  }
  return escaped;
}

// The higher score goes first: an integer that falls as the score rises. The bits of positive
// floats are in order, those of negative ones in reverse; both zeros are one.
std::uint32_t rank_of_score(float score) {
  const auto bits = std::bit_cast<std::uint32_t>(score + 0.0F);
  const std::uint32_t ascending = (bits & 0x80000000) != 0 ? ~bits : bits | 0x80000000;
  return ~ascending;
}

}  // namespace

std::optional<char> byte_of_token(std::string_view token_text) {
  if (token_text.size() != 6 || !token_text.starts_with("<0x") || token_text.back() != '>') {
    return std::nullopt;
  }
  unsigned value = 0;
  const char* end = token_text.data() + 5;
  const auto [stop, error] = std::from_chars(token_text.data() + 3, end, value, 16);
  return error == std::errc() && stop == end ? std::optional(static_cast<char>(value))
                                             : std::nullopt;
}

std::string unescape_spaces(std::string_view token_text) {
  std::string text;
  for (std::size_t at = 0; at < token_text.size();) {
    if (token_text.substr(at).starts_with(kSpace)) {
      text += ' ';
      at += kSpace.size();
    } else {
      text += token_text[at++];
    }
  }
  return text;
}

SentencePieceEncoder::SentencePieceEncoder(const Vocabulary& vocabulary,
                                           std::optional<TokenId> unknown) {
  for (unsigned byte = 0; byte < byte_tokens_.size(); ++byte) {
    auto id = vocabulary.find(fmt::format("<0x{:02X}>", byte));
    if (!id) {
      id = vocabulary.find(std::string(1, static_cast<char>(byte)));
    }
    byte_tokens_[byte] = id ? id : unknown;
  }
}

void SentencePieceEncoder::encode(const Vocabulary& vocabulary, std::string_view text,
                                  bool space_in_front, std::vector<TokenId>& ids) const {
  const std::string escaped = escape_spaces(text, space_in_front);
  std::vector<Symbol> symbols;
  symbols.reserve(escaped.size());
  for (std::size_t at = 0; at < escaped.size();) {
    const auto point = decode_utf8(std::string_view(escaped).substr(at));
    const auto length = static_cast<std::uint32_t>(point ? point->length : 1);
    const auto index = static_cast<std::uint32_t>(symbols.size());
    symbols.push_back({.offset = static_cast<std::uint32_t>(at),
                       .length = length,
                       .previous = index == 0 ? kNoSymbol : index - 1,
                       .next = at + length == escaped.size() ? kNoSymbol : index + 1});
    at += length;
  }
  merge_symbols(escaped, symbols,
                [&](std::string_view left, std::string_view right) -> std::optional<std::uint32_t> {
                  const auto id = vocabulary.find({left.data(), left.size() + right.size()});
                  return id ? std::optional(rank_of_score(vocabulary.score(*id))) : std::nullopt;
                });
  for (const Symbol& symbol : symbols) {
    if (symbol.length == 0) {
      continue;
    }
    const std::string_view piece = std::string_view(escaped).substr(symbol.offset, symbol.length);
    if (const auto id = vocabulary.find(piece)) {
      ids.push_back(*id);
      continue;
    }
    // A space that is no token is the byte of a space, not the three of U+2581.
    for (const char byte : unescape_spaces(piece)) {
      if (const auto id = byte_tokens_[static_cast<unsigned char>(byte)]) {
        ids.push_back(*id);
      }
    }
  }
}

}  // namespace churon::model
