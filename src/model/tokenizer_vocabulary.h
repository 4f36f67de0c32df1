// The vocabulary of a GGUF file: `tokenizer.ggml.tokens` with scores and types, and the index that
// finds a token by its text. Texts stay where they lie in the file's header.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/gguf.h"
#include "model/tokenizer.h"

namespace churon::model {

// Numbers of `tokenizer.ggml.token_type`.
enum class TokenKind : std::uint8_t {
  undefined = 0,
  normal = 1,
  unknown = 2,
  control = 3,       // <|im_end|>: has a meaning, no text
  user_defined = 4,  // taken out of any text before it is cut into words
  unused = 5,
  byte = 6,  // <0x0A>
};

// Tokens that are looked for in every text, whatever words it has.
constexpr bool is_special(TokenKind kind) {
  return kind == TokenKind::control || kind == TokenKind::user_defined ||
         kind == TokenKind::unknown;
}

// A hash of short strings; fast, not cryptographic.
inline std::uint64_t hash_text(std::string_view text) {
  constexpr std::uint64_t odd = 0x9E3779B97F4A7C15;
  const auto mix = [](std::uint64_t value) {
    value *= odd;
    return (value ^ value >> 32) * 0xD6E8FEB86659FD93;
  };
  const auto load = [](const char* from, std::size_t bytes) {
    std::uint64_t value = 0;
    std::memcpy(&value, from, bytes);
    return value;
  };
  const char* data = text.data();
  std::size_t left = text.size();
  std::uint64_t hash = odd ^ left;
  for (; left > 8; left -= 8, data += 8) {
    hash = mix(hash ^ load(data, 8));
  }
  std::uint64_t tail = 0;
  if (left == 8) {
    tail = load(data, 8);
  } else if (left >= 4) {
    tail = load(data, 4) | load(data + left - 4, 4) << 32;
  } else if (left > 0) {
    tail = load(data, 1) | load(data + left / 2, 1) << 8 | load(data + left - 1, 1) << 16;
  }
  hash = mix(hash ^ tail);
  return hash ^ hash >> 29;
}

// Numbers found by a hash: open addressing, at most half full. The owner compares what the hash
// stands for. Nothing lies further than `kProbesMax` from its place; a file whose strings were
// chosen to collide makes the index crowded, which its owner must ask for, and not slow.
class HashIndex {
 public:
  explicit HashIndex(std::size_t count = 0);

  // The first number under `hash` for which `same(number)` holds.
  template <typename Same>
  [[nodiscard]] std::optional<std::uint32_t> find(std::uint64_t hash, Same same) const {
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    for (std::size_t probe = 0; probe < kProbesMax; ++probe) {
      const Slot& slot = slots_[(hash + probe) & mask_];
      if (slot.number == kEmpty) {
        return std::nullopt;
      }
      if (slot.tag == tag && same(slot.number)) {
        return slot.number;
      }
    }
    return std::nullopt;
  }

  // Keeps an earlier number that is the same, and returns it.
  template <typename Same>
  std::optional<std::uint32_t> insert(std::uint64_t hash, std::uint32_t number, Same same) {
    const auto tag = static_cast<std::uint32_t>(hash >> 32);
    for (std::size_t probe = 0; probe < kProbesMax; ++probe) {
      Slot& slot = slots_[(hash + probe) & mask_];
      if (slot.number == kEmpty) {
        slot = {tag, number};
        return std::nullopt;
      }
      if (slot.tag == tag && same(slot.number)) {
        return slot.number;
      }
    }
    crowded_ = true;
    return std::nullopt;
  }

  // A number found no place.
  [[nodiscard]] bool crowded() const { return crowded_; }

 private:
  static constexpr std::uint32_t kEmpty = 0xffffffff;
  static constexpr std::size_t kProbesMax = 1000;
  struct Slot {
    std::uint32_t tag = 0;
    std::uint32_t number = kEmpty;
  };
  std::vector<Slot> slots_;
  std::size_t mask_;
  bool crowded_ = false;
};

// T0110: `what` of the vocabulary find no place in a HashIndex.
tl::unexpected<Diagnostics> crowded(std::string_view what);

class Vocabulary {
 public:
  static Result<Vocabulary> from_metadata(const Metadata& metadata);

  [[nodiscard]] std::size_t size() const { return kinds_.size(); }
  [[nodiscard]] std::string_view text(TokenId id) const {
    return texts_[static_cast<std::size_t>(id)];
  }
  [[nodiscard]] TokenKind kind(TokenId id) const { return kinds_[static_cast<std::size_t>(id)]; }
  void set_kind(TokenId id, TokenKind kind) { kinds_[static_cast<std::size_t>(id)] = kind; }
  [[nodiscard]] float score(TokenId id) const {
    return scores_.empty() ? 0.0F : scores_[static_cast<std::size_t>(id)];
  }
  [[nodiscard]] bool contains(TokenId id) const {
    return id >= 0 && static_cast<std::size_t>(id) < size();
  }
  [[nodiscard]] std::optional<TokenId> find(std::string_view text) const;

 private:
  StringArray texts_;
  std::vector<TokenKind> kinds_;
  std::vector<float> scores_;  // may be empty
  std::size_t longest_ = 0;    // bytes
  HashIndex index_;
};

}  // namespace churon::model
