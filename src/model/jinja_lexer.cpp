#include "model/jinja_lexer.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "model/jinja_value.h"

namespace churon::model::jinja {

namespace {

constexpr bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_name_start(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
constexpr bool is_name_part(char c) { return is_name_start(c) || is_digit(c); }

// Longer ones first.
constexpr std::array<std::string_view, 26> kPunctuation{
    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
    "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) {
      const std::size_t open = next_tag(at_);
      if (open == std::string_view::npos) {
        add_text(at_, source_.size());
        break;
      }
      tag(open);
    }
    tokens_.push_back({TokenType::end, "", source_.size()});
    return std::move(tokens_);
  }

 private:
  [[noreturn]] static void fail(std::size_t at, std::string message) {
    throw TemplateError{"T0401", std::move(message), at};
  }

  [[nodiscard]] std::size_t next_tag(std::size_t from) const {
    for (std::size_t i = source_.find('{', from); i != std::string_view::npos;
         i = source_.find('{', i + 1)) {
      const char next = i + 1 < source_.size() ? source_[i + 1] : '\0';
      if (next == '{' || next == '%' || next == '#') {
        return i;
      }
    }
    return std::string_view::npos;
  }

  [[nodiscard]] char peek(std::size_t at) const { return at < source_.size() ? source_[at] : '\0'; }

  void add_text(std::size_t begin, std::size_t end) {
    if (begin < end) {
      tokens_.push_back({TokenType::text, std::string(source_.substr(begin, end - begin)), begin});
    }
  }

  // The text in front of a tag at `open` whose sign stands at `sign`: "-" takes all white space
  // away, and a block or comment alone on its line takes the indentation, unless "+" forbids it.
  void add_text_before(std::size_t open, std::size_t sign, bool is_output) {
    std::size_t end = open;
    if (peek(sign) == '-') {
      while (end > at_ && is_space(source_[end - 1])) {
        --end;
      }
    } else if (peek(sign) != '+' && !is_output) {
      std::size_t line = open;
      while (line > at_ && source_[line - 1] != '\n' && is_space(source_[line - 1])) {
        --line;
      }
      const bool starts_line = line > at_ ? source_[line - 1] == '\n' : at_line_start_;
      if (starts_line) {
        end = line;
      }
    }
    add_text(at_, end);
  }

  // Steps over the end of a tag that closes at `close` with `length` characters; its sign stands
  // before. A block or comment takes the newline behind it along.
  void step_over(std::size_t close, std::size_t length, char sign, bool is_output) {
    at_ = close + length;
    if (sign == '-') {
      while (at_ < source_.size() && is_space(source_[at_])) {
        ++at_;
      }
    } else if (sign != '+' && !is_output && peek(at_) == '\n') {
      ++at_;
    }
    at_line_start_ = source_[at_ - 1] == '\n';
  }

  void tag(std::size_t open) {
    const bool is_output = source_[open + 1] == '{';
    const bool is_comment = source_[open + 1] == '#';
    const std::size_t sign = open + 2;
    add_text_before(open, sign, is_output);
    if (is_comment) {
      const std::size_t content = sign + (peek(sign) == '-' || peek(sign) == '+' ? 1 : 0);
      const std::size_t close = source_.find("#}", content);
      if (close == std::string_view::npos) {
        fail(open, "this comment is not closed: `#}` is missing");
      }
      step_over(close, 2, close > content ? source_[close - 1] : '\0', false);
      return;
    }
    at_ = sign + (peek(sign) == '-' || peek(sign) == '+' ? 1 : 0);
    if (!is_output && raw(open)) {
      return;
    }
    tokens_.push_back({is_output ? TokenType::output_begin : TokenType::block_begin, "", open});
    expression(open, is_output);
  }

  // {% raw %}: what stands up to {% endraw %} is text.
  bool raw(std::size_t open) {
    std::size_t at = skip_spaces(at_);
    if (source_.substr(at, 3) != "raw" || is_name_part(peek(at + 3))) {
      return false;
    }
    at = skip_spaces(at + 3);
    const char sign = peek(at) == '-' ? '-' : '\0';
    at += sign == '-' ? 1 : 0;
    if (source_.substr(at, 2) != "%}") {
      return false;
    }
    at_ = at + 2;
    if (sign == '-') {
      at_ = skip_spaces(at_);
    }
    at_line_start_ = source_[at_ - 1] == '\n';
    for (std::size_t end = source_.find("{%", at_); end != std::string_view::npos;
         end = source_.find("{%", end + 1)) {
      std::size_t inside = end + 2;
      inside += peek(inside) == '-' || peek(inside) == '+' ? 1 : 0;
      inside = skip_spaces(inside);
      if (source_.substr(inside, 6) != "endraw") {
        continue;
      }
      inside = skip_spaces(inside + 6);
      const char end_sign = peek(inside) == '-' || peek(inside) == '+' ? peek(inside) : '\0';
      inside += end_sign != '\0' ? 1 : 0;
      if (source_.substr(inside, 2) == "%}") {
        add_text_before(end, end + 2, false);
        step_over(inside, 2, end_sign, false);
        return true;
      }
    }
    fail(open, "this block is not closed: `{% endraw %}` is missing");
  }

  [[nodiscard]] std::size_t skip_spaces(std::size_t at) const {
    while (at < source_.size() && is_space(source_[at])) {
      ++at;
    }
    return at;
  }

  // Tokens up to the end of the tag. Inside brackets "}}" closes them, not the tag.
  void expression(std::size_t open, bool is_output) {
    const std::string_view closing = is_output ? "}}" : "%}";
    std::string brackets;
    while (true) {
      at_ = skip_spaces(at_);
      if (at_ == source_.size()) {
        fail(open, fmt::format("this tag is not closed: `{}` is missing", closing));
      }
      if (brackets.empty()) {
        const char sign = source_[at_];
        const bool signed_end =
            (sign == '-' || (sign == '+' && !is_output)) && source_.substr(at_ + 1, 2) == closing;
        if (signed_end || source_.substr(at_, 2) == closing) {
          tokens_.push_back({is_output ? TokenType::output_end : TokenType::block_end, "", at_});
          step_over(at_ + (signed_end ? 1 : 0), 2, signed_end ? sign : '\0', is_output);
          return;
        }
      }
      token(brackets);
    }
  }

  void token(std::string& brackets) {
    const char c = source_[at_];
    if (is_name_start(c)) {
      const std::size_t begin = at_;
      while (is_name_part(peek(at_))) {
        ++at_;
      }
      tokens_.push_back({TokenType::name, std::string(source_.substr(begin, at_ - begin)), begin});
    } else if (is_digit(c)) {
      number();
    } else if (c == '"' || c == '\'') {
      string(c);
    } else {
      punctuation(brackets);
    }
  }

  void number() {
    const std::size_t begin = at_;
    const auto digits = [this] {
      while (is_digit(peek(at_)) || (peek(at_) == '_' && is_digit(peek(at_ + 1)))) {
        ++at_;
      }
    };
    bool floating = false;
    digits();
    if (peek(at_) == '.' && is_digit(peek(at_ + 1))) {
      floating = true;
      ++at_;
      digits();
    }
    if (peek(at_) == 'e' || peek(at_) == 'E') {
      const std::size_t exponent = at_ + (peek(at_ + 1) == '-' || peek(at_ + 1) == '+' ? 2 : 1);
      if (is_digit(peek(exponent))) {
        floating = true;
        at_ = exponent;
        digits();
      }
    }
    if (is_name_part(peek(at_))) {
      fail(begin, "this is neither a number nor a name");
    }
    std::string text(source_.substr(begin, at_ - begin));
    std::erase(text, '_');
    tokens_.push_back({floating ? TokenType::floating : TokenType::integer, text, begin});
  }

  // With Python's escapes; an unknown one stands as it is.
  void string(char quote) {
    const std::size_t begin = at_++;
    std::string text;
    while (peek(at_) != quote) {
      if (at_ >= source_.size()) {
        fail(begin, "this string is not closed");
      }
      if (source_[at_] == '\\') {
        escape(text);
      } else {
        text += source_[at_++];
      }
    }
    ++at_;
    tokens_.push_back({TokenType::string, std::move(text), begin});
  }

  void escape(std::string& text) {
    const char c = peek(at_ + 1);
    constexpr std::string_view letters = "ntrabfv\\'\"";
    constexpr std::string_view meanings = "\n\t\r\a\b\f\v\\'\"";
    if (const std::size_t i = letters.find(c); i != std::string_view::npos) {
      text += meanings[i];
      at_ += 2;
    } else if (c == '\n') {
      at_ += 2;
    } else if (const int digits = c == 'x' ? 2 : c == 'u' ? 4 : c == 'U' ? 8 : 0; digits > 0) {
      text_of_code(text, at_ + 2, digits, 16);
    } else if (c >= '0' && c <= '7') {
      int octal = 1;
      while (octal < 3 && peek(at_ + 1 + octal) >= '0' && peek(at_ + 1 + octal) <= '7') {
        ++octal;
      }
      text_of_code(text, at_ + 1, octal, 8);
    } else {
      text += '\\';
      ++at_;
    }
  }

  void text_of_code(std::string& text, std::size_t digits_at, int digits, int base) {
    const std::string_view written = source_.substr(digits_at, static_cast<std::size_t>(digits));
    std::uint32_t code = 0;
    const auto [end, error] =
        std::from_chars(written.data(), written.data() + written.size(), code, base);
    const bool complete = written.size() == static_cast<std::size_t>(digits) &&
                          end == written.data() + written.size() && error == std::errc();
    if (!complete || code > 0x10ffff || (code >= 0xd800 && code < 0xe000)) {
      fail(at_, "this escape is no character");
    }
    append_utf8(text, code);
    at_ = digits_at + written.size();
  }

  void punctuation(std::string& brackets) {
    for (const std::string_view candidate : kPunctuation) {
      if (!source_.substr(at_).starts_with(candidate)) {
        continue;
      }
      if (candidate == "(" || candidate == "[" || candidate == "{") {
        brackets += candidate == "(" ? ')' : candidate == "[" ? ']' : '}';
      } else if (candidate == ")" || candidate == "]" || candidate == "}") {
        if (brackets.empty() || brackets.back() != candidate[0]) {
          fail(at_, fmt::format("`{}` closes nothing", candidate));
        }
        brackets.pop_back();
      }
      tokens_.push_back({TokenType::punctuation, std::string(candidate), at_});
      at_ += candidate.size();
      return;
    }
    fail(at_,
         fmt::format("`{}` cannot stand here",
                     escape_control(source_.substr(at_, first_character(source_.substr(at_))))));
  }

  std::string_view source_;
  std::size_t at_ = 0;
  bool at_line_start_ = true;  // of the text at `at_`
  std::vector<Token> tokens_;
};

}  // namespace

std::vector<Token> tokenize(std::string_view source) {
  if (source.ends_with('\n')) {
    source.remove_suffix(1);
  }
  return Lexer(source).run();
}

}  // namespace churon::model::jinja
