#include "model/unicode.h"

#include <utf8proc.h>

#include <array>

#include "base/text.h"

namespace churon::model {

namespace {

constexpr bool is_white_space(char32_t c) {
  return (c >= 0x09 && c <= 0x0d) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

CharacterClass class_from_library(char32_t c) {
  if (is_white_space(c)) {
    return CharacterClass::space;
  }
  switch (utf8proc_category(static_cast<utf8proc_int32_t>(c))) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LT:
      return CharacterClass::upper;
    case UTF8PROC_CATEGORY_LL:
      return CharacterClass::lower;
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
      return CharacterClass::letter;
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
    case UTF8PROC_CATEGORY_ME:
      return CharacterClass::mark;
    case UTF8PROC_CATEGORY_ND:
    case UTF8PROC_CATEGORY_NL:
    case UTF8PROC_CATEGORY_NO:
      return CharacterClass::number;
    case UTF8PROC_CATEGORY_PC:
    case UTF8PROC_CATEGORY_PD:
    case UTF8PROC_CATEGORY_PS:
    case UTF8PROC_CATEGORY_PE:
    case UTF8PROC_CATEGORY_PI:
    case UTF8PROC_CATEGORY_PF:
    case UTF8PROC_CATEGORY_PO:
      return CharacterClass::punctuation;
    default:
      return CharacterClass::other;
  }
}

}  // namespace

CharacterClass character_class(char32_t code_point) {
  static const auto ascii = [] {
    std::array<CharacterClass, 128> classes{};
    for (char32_t c = 0; c < 128; ++c) {
      classes[c] = class_from_library(c);
    }
    return classes;
  }();
  return code_point < ascii.size() ? ascii[code_point] : class_from_library(code_point);
}

CharacterString characters(std::string_view text) {
  CharacterString result{.text = text, .offsets = {}, .classes = {}};
  result.offsets.reserve(text.size() + 1);
  result.classes.reserve(text.size());
  std::size_t offset = 0;
  while (offset < text.size()) {
    const auto point = decode_utf8(text.substr(offset));
    result.offsets.push_back(static_cast<std::uint32_t>(offset));
    result.classes.push_back(point ? character_class(point->value) : CharacterClass::other);
    offset += point ? static_cast<std::size_t>(point->length) : 1;
  }
  result.offsets.push_back(static_cast<std::uint32_t>(offset));
  return result;
}

}  // namespace churon::model
