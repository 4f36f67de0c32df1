// Numbers and tables as a person reads them: SI prefixes, aligned columns, bars.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/quantity.h"

namespace churon::report {

// What the reader's terminal can show.
enum class Charset { unicode, ascii };

// Three significant digits and an SI prefix: "0.49 ms" is 490 µs, 84.2 MB, 1.21 kJ.
std::string si(double value, std::string_view unit, Charset charset = Charset::unicode);
inline std::string text(Seconds time, Charset charset = Charset::unicode) {
  return si(time.value(), "s", charset);
}
inline std::string text(Joules energy, Charset charset = Charset::unicode) {
  return si(energy.value(), "J", charset);
}
inline std::string text(Bytes size, Charset charset = Charset::unicode) {
  return si(size.value(), "B", charset);
}

// Three significant digits without an exponent, thousands apart: "2,040", "0.0913".
std::string number(double value);
// Three significant digits with k, M, G: "5.97M", "449", "26.6k".
std::string compact(double value);
// A share of the whole: "97 %", "<1 %".
std::string percent(double share);
// "1 token", "2 tokens".
std::string counted(long long count, std::string_view noun);

// null where it is not finite.
Json finite(double value);
// The same with the seven digits that draws have.
Json finite_drawn(double value);

enum class Align { left, right };

// Lines of cells in columns as wide as their widest cell, two spaces apart.
class Table {
 public:
  explicit Table(std::vector<Align> columns) : columns_(std::move(columns)) {}
  void row(std::vector<std::string> cells);
  [[nodiscard]] std::string text(std::string_view indent = "") const;

 private:
  std::vector<Align> columns_;
  std::vector<std::vector<std::string>> rows_;
};

struct Part {
  std::string_view name;
  double value = 0;
};
// A bar of `width` cells; each part has its own shade, and a part that is not zero has at least one
// cell. At most four parts.
std::string bar(std::span<const Part> parts, int width, Charset charset);
// What the shades mean: "█ memory 3 %  ░ fixed 97 %"; parts of zero are left out.
std::string bar_legend(std::span<const Part> parts, Charset charset);

std::string rule(int width, Charset charset);

// Columns of a line where no terminal says how many it has.
constexpr std::size_t kPageWidth = 120;
// A paragraph folded at spaces to lines of at most `width` columns where its words allow it; all
// but the first begin with `indent`.
std::string folded(std::string_view paragraph, std::string_view indent,
                   std::size_t width = kPageWidth);
// The same of each line of a text that ends with a newline.
std::string folded_lines(std::string_view text, std::string_view indent, std::size_t width);

}  // namespace churon::report
