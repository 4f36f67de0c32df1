#include "model/pretokenizer.h"

#include <array>
#include <span>

#include "model/unicode.h"

namespace churon::model {

namespace {

constexpr std::array kPreTokenizers{
    PreTokenizerEntry{"gpt-2", PreTokenizer::gpt2, false, false},
    PreTokenizerEntry{"phi-2", PreTokenizer::gpt2, false, false},
    PreTokenizerEntry{"mpt", PreTokenizer::gpt2, false, false},
    PreTokenizerEntry{"olmo", PreTokenizer::gpt2, false, false},
    PreTokenizerEntry{"smollm", PreTokenizer::smollm, false, false},
    PreTokenizerEntry{"starcoder", PreTokenizer::smollm, false, false},
    PreTokenizerEntry{"refact", PreTokenizer::smollm, false, false},
    PreTokenizerEntry{"command-r", PreTokenizer::smollm, false, false},
    PreTokenizerEntry{"llama-bpe", PreTokenizer::llama3, true, true},
    PreTokenizerEntry{"llama3", PreTokenizer::llama3, true, true},
    PreTokenizerEntry{"llama-v3", PreTokenizer::llama3, true, true},
    PreTokenizerEntry{"falcon3", PreTokenizer::llama3, true, true},
    PreTokenizerEntry{"smaug-bpe", PreTokenizer::llama3, false, false},
    PreTokenizerEntry{"qwen2", PreTokenizer::qwen2, false, false},
    PreTokenizerEntry{"deepseek-r1-qwen", PreTokenizer::qwen2, false, false},
    PreTokenizerEntry{"stablelm2", PreTokenizer::qwen2, false, false},
    PreTokenizerEntry{"tekken", PreTokenizer::tekken, true, true},
    PreTokenizerEntry{"default", PreTokenizer::fallback, false, false},
};

// A part of the text that a rule cuts into words. It sees nothing beyond the part: for its
// look-ahead the text ends there.
struct Part {
  const CharacterString& text;
  std::size_t begin;
  std::size_t end;

  [[nodiscard]] CharacterClass kind(std::size_t i) const {
    return i < end ? text.classes[i] : CharacterClass::end;
  }
  // The character if it is ASCII; 0 elsewhere.
  [[nodiscard]] char ascii(std::size_t i) const {
    const char c = i < end ? text.text[text.offsets[i]] : '\0';
    return (static_cast<unsigned char>(c) & 0x80) == 0 ? c : '\0';
  }
  [[nodiscard]] bool is_newline(std::size_t i) const {
    return ascii(i) == '\r' || ascii(i) == '\n';
  }
};

// `[^\s\p{L}\p{N}]`
constexpr bool is_symbol(CharacterClass c) {
  return c == CharacterClass::mark || c == CharacterClass::punctuation ||
         c == CharacterClass::other;
}
constexpr bool is_number(CharacterClass c) { return c == CharacterClass::number; }
constexpr bool is_space(CharacterClass c) { return c == CharacterClass::space; }

template <typename Predicate>
std::size_t skip(const Part& part, std::size_t i, Predicate holds) {
  while (holds(part.kind(i))) {
    ++i;
  }
  return i;
}

// `'s|'t|'re|'ve|'m|'ll|'d`: the length of the match, or 0.
std::size_t contraction(const Part& part, std::size_t i, bool any_case) {
  if (part.ascii(i) != '\'') {
    return 0;
  }
  const auto letter = [&](std::size_t at) {
    const char c = part.ascii(at);
    return any_case && c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  const char first = letter(i + 1);
  const char second = letter(i + 2);
  if (first == 's' || first == 't' || first == 'm' || first == 'd') {
    return 2;
  }
  const bool two = (first == 'r' && second == 'e') || (first == 'v' && second == 'e') ||
                   (first == 'l' && second == 'l');
  return two ? 3 : 0;
}

// `\s+(?!\S)|\s+` from a space: all of a run at the end, else all but its last character.
std::size_t spaces(const Part& part, std::size_t i) {
  const std::size_t behind = skip(part, i, is_space);
  return behind - i > 1 && part.kind(behind) != CharacterClass::end ? behind - 1 : behind;
}

// `\s*[\r\n]+|\s+(?!\S)|\s+`
std::size_t lines_or_spaces(const Part& part, std::size_t i) {
  std::size_t behind_newline = 0;
  for (std::size_t j = i; is_space(part.kind(j)); ++j) {
    if (part.is_newline(j)) {
      behind_newline = j + 1;
    }
  }
  return behind_newline > 0 ? behind_newline : spaces(part, i);
}

// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
std::size_t gpt2_word(const Part& part, std::size_t i) {
  if (const std::size_t length = contraction(part, i, false)) {
    return i + length;
  }
  const std::size_t start = i + (part.ascii(i) == ' ' ? 1 : 0);
  const CharacterClass kind = part.kind(start);
  if (is_letter(kind)) {
    return skip(part, start, is_letter);
  }
  if (is_number(kind)) {
    return skip(part, start, is_number);
  }
  if (is_symbol(kind)) {
    return skip(part, start, is_symbol);
  }
  return spaces(part, i);
}

// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,K}| ?[^\s\p{L}\p{N}]+[\r\n]*|
// \s*[\r\n]+|\s+(?!\S)|\s+ with K digits in a group.
template <std::size_t kDigits>
std::size_t llama3_word(const Part& part, std::size_t i) {
  if (const std::size_t length = contraction(part, i, true)) {
    return i + length;
  }
  const CharacterClass kind = part.kind(i);
  if (is_letter(kind) || (!part.is_newline(i) && !is_number(kind) && is_letter(part.kind(i + 1)))) {
    return skip(part, i + 1, is_letter);
  }
  if (is_number(kind)) {
    std::size_t j = i + 1;
    while (j - i < kDigits && is_number(part.kind(j))) {
      ++j;
    }
    return j;
  }
  const std::size_t start = i + (part.ascii(i) == ' ' ? 1 : 0);
  if (is_symbol(part.kind(start))) {
    std::size_t j = skip(part, start, is_symbol);
    while (part.is_newline(j)) {
      ++j;
    }
    return j;
  }
  return lines_or_spaces(part, i);
}

// [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|
// [^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|
// \p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+
std::size_t tekken_word(const Part& part, std::size_t i) {
  const auto is_head = [](CharacterClass c) {
    return c == CharacterClass::upper || c == CharacterClass::letter || c == CharacterClass::mark;
  };
  const auto is_tail = [](CharacterClass c) {
    return c == CharacterClass::lower || c == CharacterClass::letter || c == CharacterClass::mark;
  };
  // The first alternative from `start`: the heads give back what is needed for one tail.
  const auto with_tail = [&](std::size_t start) {
    const std::size_t heads_end = skip(part, start, is_head);
    if (is_tail(part.kind(heads_end))) {
      return skip(part, heads_end, is_tail);
    }
    std::size_t end = heads_end;
    while (end > start && !is_tail(part.kind(end - 1))) {
      --end;
    }
    return end;
  };
  const CharacterClass kind = part.kind(i);
  const bool prefix = !is_letter(kind) && !is_number(kind) && !part.is_newline(i);
  if (prefix) {
    if (const std::size_t end = with_tail(i + 1); end > i + 1) {
      return end;
    }
  }
  if (const std::size_t end = with_tail(i); end > i) {
    return end;
  }
  // The second alternative: there is no tail, so only heads are left to take.
  const std::size_t heads = prefix ? i + 1 : i;
  if (const std::size_t end = skip(part, heads, is_head); end > heads) {
    return end;
  }
  if (is_number(kind)) {
    return i + 1;
  }
  const std::size_t start = i + (part.ascii(i) == ' ' ? 1 : 0);
  if (is_symbol(part.kind(start))) {
    std::size_t j = skip(part, start, is_symbol);
    while (part.is_newline(j) || part.ascii(j) == '/') {
      ++j;
    }
    return j;
  }
  return lines_or_spaces(part, i);
}

// `\p{N}` apart from what lies between.
std::size_t single_numbers(const Part& part, std::size_t i) {
  return is_number(part.kind(i)) ? i + 1 : skip(part, i, [](CharacterClass c) {
    return !is_number(c) && c != CharacterClass::end;
  });
}

// `\p{N}+` apart from what lies between.
std::size_t number_runs(const Part& part, std::size_t i) {
  return is_number(part.kind(i)) ? skip(part, i, is_number) : single_numbers(part, i);
}

// `[\p{P}$+<=>^~|]+` apart from what lies between.
std::size_t punctuation_runs(const Part& part, std::size_t i) {
  const auto matches = [&](std::size_t at) {
    return part.kind(at) == CharacterClass::punctuation ||
           std::string_view("$+<=>^~|").find(part.ascii(at)) != std::string_view::npos;
  };
  const bool inside = matches(i);
  while (i < part.end && matches(i) == inside) {
    ++i;
  }
  return i;
}

// `[0-9][0-9][0-9]` apart from what lies between.
std::size_t digit_triples(const Part& part, std::size_t i) {
  const auto digit = [&](std::size_t at) { return part.ascii(at) >= '0' && part.ascii(at) <= '9'; };
  const auto triple = [&](std::size_t at) { return digit(at) && digit(at + 1) && digit(at + 2); };
  if (triple(i)) {
    return i + 3;
  }
  while (i < part.end && !triple(i)) {
    ++i;
  }
  return i;
}

// A rule gives the end of the word that starts at `i`; it is always behind `i`.
using Rule = std::size_t (*)(const Part& part, std::size_t i);

// The rules of a pre-tokenizer; each cuts what the one before has left.
std::span<const Rule> rules(PreTokenizer pre_tokenizer) {
  static constexpr std::array<Rule, 1> gpt2{gpt2_word};
  static constexpr std::array<Rule, 2> smollm{single_numbers, gpt2_word};
  static constexpr std::array<Rule, 1> llama3{llama3_word<3>};
  static constexpr std::array<Rule, 1> qwen2{llama3_word<1>};
  static constexpr std::array<Rule, 1> tekken{tekken_word};
  static constexpr std::array<Rule, 4> fallback{punctuation_runs, gpt2_word, number_runs,
                                                digit_triples};
  switch (pre_tokenizer) {
    case PreTokenizer::gpt2:
      return gpt2;
    case PreTokenizer::smollm:
      return smollm;
    case PreTokenizer::llama3:
      return llama3;
    case PreTokenizer::qwen2:
      return qwen2;
    case PreTokenizer::tekken:
      return tekken;
    case PreTokenizer::fallback:
      return fallback;
  }
  return gpt2;
}

}  // namespace

const PreTokenizerEntry* find_pre_tokenizer(std::string_view name) {
  for (const PreTokenizerEntry& entry : kPreTokenizers) {
    if (entry.name == name) {
      return &entry;
    }
  }
  return nullptr;
}

std::vector<std::string> pre_tokenizer_names() {
  std::vector<std::string> names;
  names.reserve(kPreTokenizers.size());
  for (const PreTokenizerEntry& entry : kPreTokenizers) {
    names.emplace_back(entry.name);
  }
  return names;
}

std::vector<std::uint32_t> word_ends(PreTokenizer pre_tokenizer, std::string_view text) {
  const CharacterString string = characters(text);
  std::vector<std::uint32_t> ends;
  if (string.size() > 0) {
    ends.push_back(static_cast<std::uint32_t>(string.size()));
  }
  for (const Rule rule : rules(pre_tokenizer)) {
    std::vector<std::uint32_t> finer;
    std::size_t begin = 0;
    for (const std::uint32_t end : ends) {
      const Part part{string, begin, end};
      while (begin < end) {
        begin = rule(part, begin);
        finer.push_back(static_cast<std::uint32_t>(begin));
      }
    }
    ends = std::move(finer);
  }
  for (std::uint32_t& end : ends) {
    end = string.offsets[end];
  }
  return ends;
}

}  // namespace churon::model
