// Characters with the properties that pre-tokenizers ask for. General categories come from utf8proc
// (The Unicode Standard, chapter 4.5); white space is the property White_Space of PropList.txt,
// which is what `\s` means in the regular expressions that tokenizers are published with.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

namespace churon::model {

// Letters come first, by case: the order is used by `is_letter`.
enum class CharacterClass : std::uint8_t {
  upper,        // Lu, Lt
  lower,        // Ll
  letter,       // Lm, Lo
  mark,         // M
  number,       // N
  space,        // White_Space
  punctuation,  // P
  other,        // everything else, also bytes that are not UTF-8
  end,          // behind the last character
};

constexpr bool is_letter(CharacterClass c) { return c <= CharacterClass::letter; }

CharacterClass character_class(char32_t code_point);

// A text cut into characters. A byte that belongs to no valid character is one of its own.
struct CharacterString {
  std::string_view text;
  std::vector<std::uint32_t> offsets;   // of each character, and the text's size behind the last
  std::vector<CharacterClass> classes;  // as many as there are characters

  [[nodiscard]] std::size_t size() const { return classes.size(); }
};

CharacterString characters(std::string_view text);

}  // namespace churon::model
