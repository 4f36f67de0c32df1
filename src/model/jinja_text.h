// A string that remembers for each of its bytes who wrote it: the template, or someone whose words
// go through it. Whatever a template does to a message - trim, cut, join, replace, write as JSON -
// the words of the message stay marked as such.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace churon::model::jinja {

class Text {
 public:
  Text() = default;
  Text(std::string_view bytes, bool from_template) { append(bytes, from_template); }

  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  [[nodiscard]] bool empty() const { return bytes_.empty(); }
  [[nodiscard]] bool from_template(std::size_t byte) const { return origin_[byte] != '\0'; }

  void append(std::string_view bytes, bool from_template) {
    bytes_ += bytes;
    origin_.append(bytes.size(), from_template ? '\1' : '\0');
  }
  void append(const Text& other) {
    bytes_ += other.bytes_;
    origin_ += other.origin_;
  }
  [[nodiscard]] Text substr(std::size_t begin, std::size_t count = std::string::npos) const {
    Text part;
    part.bytes_ = bytes_.substr(begin, count);
    part.origin_ = origin_.substr(begin, count);
    return part;
  }

 private:
  std::string bytes_;
  std::string origin_;  // as long as bytes_: '\1' for the template, '\0' for others
};

// Positions and lengths that templates see count characters; a byte that is not UTF-8 is one.
std::size_t character_count(std::string_view text);
// Bytes of the first character; the text is not empty.
std::size_t first_character(std::string_view text);

Text upper(const Text& text);
Text lower(const Text& text);
Text title(const Text& text);       // every word begins with a capital
Text capitalize(const Text& text);  // the first character alone

// Without the characters of `set` at the ends; an empty set means white space.
Text strip(const Text& text, std::string_view set, bool left, bool right);
// At most `count_max` occurrences from the left; negative: all.
Text replace(const Text& text, const Text& from, const Text& to, long long count_max);

}  // namespace churon::model::jinja
