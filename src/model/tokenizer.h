// Text to token ids and back, as the vocabulary inside a GGUF file asks for it.
//
// Two families: byte-level BPE (`tokenizer.ggml.model = "gpt2"`: words cut by the pre-tokenizer
// that the file names, bytes written as printable characters, merges by rank) and
// SentencePiece-style
// (`"llama"`: spaces written as U+2581, merges by score, unknown characters as byte tokens <0xNN>).
// Ids are those of llama.cpp. Any byte string can be encoded; nothing here fails after loading.
// Token texts stay where they lie in the file's metadata, which must outlive the tokenizer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace churon::model {

class Metadata;

using TokenId = std::int32_t;

// Longest text that can be encoded at once, in bytes; who reads text from outside sets a limit
// below.
inline constexpr std::size_t kTextSizeMax = std::size_t{1} << 30;

struct EncodeOptions {
  bool add_special = false;    // BOS in front and EOS behind where the model asks for them
  bool parse_special = false;  // control tokens written out in the text become their ids
};

// A piece of a prompt. Control tokens are recognised in what the template wrote, never in what a
// user typed.
struct TextSegment {
  std::string text;
  bool from_template = false;
  bool operator==(const TextSegment&) const = default;
};

class Tokenizer {
 public:
  static Result<Tokenizer> from_metadata(const Metadata& metadata);

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  [[nodiscard]] std::vector<TokenId> encode(std::string_view text,
                                            EncodeOptions options = {}) const;
  // The segments as one text: words and merges cross their borders, control tokens do not. A text
  // that begins with the BOS token gets no second one.
  [[nodiscard]] std::vector<TokenId> encode(std::span<const TextSegment> segments) const;

  // The bytes that a token stands for; a control token's own name where `special` is set, else
  // nothing. Bytes of one character may be spread over several tokens (see detokenizer.h).
  [[nodiscard]] std::string piece(TokenId id, bool special = false) const;
  // All pieces joined, without the space that encoding put in front.
  [[nodiscard]] std::string decode(std::span<const TokenId> ids, bool special = false) const;

  [[nodiscard]] TokenId token_count() const;
  // The token as the vocabulary writes it.
  [[nodiscard]] std::string_view token_text(TokenId id) const;
  [[nodiscard]] std::optional<TokenId> find(std::string_view token_text) const;
  [[nodiscard]] bool is_control(TokenId id) const;
  // Generation stops after such a token: EOS, end of turn, end of message, and their well-known
  // names.
  [[nodiscard]] bool is_end(TokenId id) const;
  [[nodiscard]] std::span<const TokenId> end_ids() const;

  [[nodiscard]] std::optional<TokenId> bos() const;
  [[nodiscard]] std::optional<TokenId> eos() const;
  [[nodiscard]] std::optional<TokenId> eot() const;
  [[nodiscard]] std::optional<TokenId> unknown() const;
  [[nodiscard]] bool add_bos() const;
  [[nodiscard]] bool add_eos() const;
  // What the file calls it, for display: "gpt2 (smollm)".
  [[nodiscard]] std::string description() const;

 private:
  struct State;
  explicit Tokenizer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace churon::model
