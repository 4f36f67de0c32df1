// Small text tools shared by all rooms.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace churon {

// Control characters (C0 but tab and newline stay out too, C1, DEL) become \n, \t, \x1b …; bytes
// that are not UTF-8 become \xNN. For everything that reaches a terminal from models, metadata,
// file names.
std::string escape_control(std::string_view text);

// The same for text that a model produced: newline and tab stay, other controls are escaped.
std::string escape_terminal(std::string_view text);

// Columns a terminal needs for UTF-8 text without control characters (wide East Asian characters:
// 2).
std::size_t display_width(std::string_view text);

// One code point decoded from the front of `text`; nullopt where the bytes are not valid UTF-8
// (overlong forms, surrogates and values above U+10FFFF are invalid).
struct CodePoint {
  char32_t value;
  int length;  // bytes
};
std::optional<CodePoint> decode_utf8(std::string_view text);
void append_utf8(std::string& text, char32_t code_point);

// Length of the longest prefix of `text` that does not end inside a UTF-8 character. Bytes that
// cannot start or continue a character count as complete, so that nothing is held back for ever.
std::size_t complete_utf8_prefix(std::string_view text);

// Invalid sequences become U+FFFD.
std::string to_valid_utf8(std::string_view bytes);
bool is_valid_utf8(std::string_view bytes);

// The candidate nearest to `word` (Damerau-Levenshtein), if it is near enough to be a typing error.
std::optional<std::string> did_you_mean(std::string_view word,
                                        std::span<const std::string> candidates);

std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text);
std::string to_lower_ascii(std::string_view text);
// A finite decimal number that is the whole text ("1e-3"; no spaces, no sign `+`); nullopt: it is
// none.
std::optional<double> parse_number(std::string_view text);
std::string join(std::span<const std::string> parts, std::string_view separator);

std::string base64(std::string_view bytes);

}  // namespace churon
