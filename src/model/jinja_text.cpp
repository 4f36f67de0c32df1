#include "model/jinja_text.h"

#include <utf8proc.h>

#include "base/text.h"
#include "model/unicode.h"

namespace churon::model::jinja {

namespace {

utf8proc_int32_t point(char32_t c) { return static_cast<utf8proc_int32_t>(c); }
char32_t to_upper(char32_t c) { return static_cast<char32_t>(utf8proc_toupper(point(c))); }
char32_t to_lower(char32_t c) { return static_cast<char32_t>(utf8proc_tolower(point(c))); }

// Each character through `change(code point, the one before)`; bytes that are not UTF-8 stay.
template <typename Change>
Text map_characters(const Text& text, Change change) {
  Text result;
  char32_t before = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view rest = std::string_view(text.bytes()).substr(at);
    const auto decoded = decode_utf8(rest);
    if (decoded) {
      std::string changed;
      append_utf8(changed, change(decoded->value, before));
      result.append(changed, text.from_template(at));
      before = decoded->value;
      at += static_cast<std::size_t>(decoded->length);
    } else {
      result.append(rest.substr(0, 1), text.from_template(at));
      before = 0;
      ++at;
    }
  }
  return result;
}

}  // namespace

std::size_t first_character(std::string_view text) {
  const auto decoded = decode_utf8(text);
  return decoded ? static_cast<std::size_t>(decoded->length) : 1;
}

std::size_t character_count(std::string_view text) {
  std::size_t count = 0;
  while (!text.empty()) {
    text.remove_prefix(first_character(text));
    ++count;
  }
  return count;
}

Text upper(const Text& text) {
  return map_characters(text, [](char32_t c, char32_t) { return to_upper(c); });
}

Text lower(const Text& text) {
  return map_characters(text, [](char32_t c, char32_t) { return to_lower(c); });
}

Text title(const Text& text) {
  return map_characters(text, [](char32_t c, char32_t before) {
    return is_letter(character_class(before)) ? to_lower(c) : to_upper(c);
  });
}

Text capitalize(const Text& text) {
  if (text.empty()) {
    return text;
  }
  const std::size_t first = first_character(text.bytes());
  Text result = upper(text.substr(0, first));
  result.append(lower(text.substr(first)));
  return result;
}

Text strip(const Text& text, std::string_view set, bool left, bool right) {
  const auto is_stripped = [set](std::string_view character) {
    if (set.empty()) {
      const auto decoded = decode_utf8(character);
      return decoded && (character_class(decoded->value) == CharacterClass::space ||
                         (decoded->value >= 0x1c && decoded->value <= 0x1f));
    }
    return set.find(character) != std::string_view::npos;
  };
  std::size_t begin = 0;
  std::size_t end = text.size();
  const std::string_view bytes = text.bytes();
  while (left && begin < end) {
    const std::size_t length = first_character(bytes.substr(begin));
    if (!is_stripped(bytes.substr(begin, length))) {
      break;
    }
    begin += length;
  }
  while (right && begin < end) {
    std::size_t last = end - 1;
    while (last > begin && end - last < 4 && (bytes[last] & 0xc0) == 0x80) {
      --last;
    }
    if (first_character(bytes.substr(last, end - last)) != end - last) {
      last = end - 1;  // not UTF-8
    }
    if (!is_stripped(bytes.substr(last, end - last))) {
      break;
    }
    end = last;
  }
  return text.substr(begin, end - begin);
}

Text replace(const Text& text, const Text& from, const Text& to, long long count_max) {
  Text result;
  std::size_t at = 0;
  const std::string_view bytes = text.bytes();
  while (count_max != 0) {
    // As in Python, the empty text is found before every character and at the end.
    const std::size_t found = from.empty() ? at : bytes.find(from.bytes(), at);
    if (found == std::string_view::npos) {
      break;
    }
    result.append(text.substr(at, found - at));
    result.append(to);
    at = found + from.size();
    --count_max;
    if (from.empty()) {
      if (at == bytes.size()) {
        break;
      }
      const std::size_t length = first_character(bytes.substr(at));
      result.append(text.substr(at, length));
      at += length;
    }
  }
  if (at < bytes.size()) {
    result.append(text.substr(at));
  }
  return result;
}

}  // namespace churon::model::jinja
