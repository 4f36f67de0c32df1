#include "report/svg.h"

#include "base/text.h"

namespace churon::report {

namespace {
constexpr double kCharacterWidth = 0.56;  // relative to the font's size
}  // namespace

std::string svg_escaped(std::string_view text) {
  std::string out;
  for (const char c : escape_control(text)) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

double svg_text_width(std::string_view text, double size) {
  return static_cast<double>(display_width(text)) * size * kCharacterWidth;
}

}  // namespace churon::report
