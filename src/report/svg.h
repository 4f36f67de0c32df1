// What all SVG texts need.
#pragma once

#include <string>
#include <string_view>

namespace churon::report {

// For element content and attributes; control characters are spelled.
std::string svg_escaped(std::string_view text);

// Of a sans-serif font of `size`, generous.
double svg_text_width(std::string_view text, double size);

}  // namespace churon::report
