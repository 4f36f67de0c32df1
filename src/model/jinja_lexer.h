// A Jinja template's source as tokens. White space around tags is settled here, with the settings
// that chat templates are written for: trim_blocks and lstrip_blocks on, a newline at the very end
// dropped. Source: Jinja's documentation, "Template Designer Documentation", White Space Control.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace churon::model::jinja {

enum class TokenType : std::uint8_t {
  text,          // outside of tags
  output_begin,  // {{
  output_end,    // }}
  block_begin,   // {%
  block_end,     // %}
  name,
  string,
  integer,
  floating,
  punctuation,  // operators, brackets, separators
  end,
};

struct Token {
  TokenType type;
  std::string text;  // of a string: with escapes resolved
  std::size_t at;    // byte in the source
};

// Throws TemplateError (jinja_value.h).
std::vector<Token> tokenize(std::string_view source);

}  // namespace churon::model::jinja
