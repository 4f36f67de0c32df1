#include "report/format.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/check.h"
#include "base/text.h"

namespace churon::report {

namespace {

constexpr std::array<std::string_view, 4> kShades{"█", "▓", "▒", "░"};
constexpr std::array<std::string_view, 4> kShadesAscii{"#", "=", "+", "."};

std::string_view shade(std::size_t part, Charset charset) {
  return charset == Charset::unicode ? kShades[part] : kShadesAscii[part];
}

// Digits behind the point for three significant digits of a value in [1, 1000).
int digits_behind(double value) { return value < 9.995 ? 2 : value < 99.95 ? 1 : 0; }

double total(std::span<const Part> parts) {
  return std::accumulate(parts.begin(), parts.end(), 0.0,
                         [](double sum, const Part& part) { return sum + part.value; });
}

}  // namespace

std::string si(double value, std::string_view unit, Charset charset) {
  struct Prefix {
    double factor;
    std::string_view unicode, ascii;
  };
  static constexpr std::array<Prefix, 10> prefixes{{{1e15, "P", "P"},
                                                    {1e12, "T", "T"},
                                                    {1e9, "G", "G"},
                                                    {1e6, "M", "M"},
                                                    {1e3, "k", "k"},
                                                    {1, "", ""},
                                                    {1e-3, "m", "m"},
                                                    {1e-6, "µ", "u"},
                                                    {1e-9, "n", "n"},
                                                    {1e-12, "p", "p"}}};
  if (value == 0 || !std::isfinite(value)) {
    return fmt::format("{} {}", value, unit);
  }
  const double magnitude = std::abs(value);
  const Prefix* chosen = &prefixes.back();
  for (const Prefix& prefix : prefixes) {
    if (magnitude >= prefix.factor * 0.9995) {  // 999.6 is 1.00 k
      chosen = &prefix;
      break;
    }
  }
  const double scaled = value / chosen->factor;
  return fmt::format("{:.{}f} {}{}", scaled, digits_behind(std::abs(scaled)),
                     charset == Charset::unicode ? chosen->unicode : chosen->ascii, unit);
}

std::string number(double value) {
  if (value == 0 || !std::isfinite(value)) {
    return fmt::format("{}", value);
  }
  if (std::abs(value) < 1) {
    const int behind = std::min(12, 2 - static_cast<int>(std::floor(std::log10(std::abs(value)))));
    return fmt::format("{:.{}f}", value, behind);
  }
  if (std::abs(value) < 1000) {
    return fmt::format("{:.{}f}", value, digits_behind(std::abs(value)));
  }
  std::string digits = fmt::format("{:.0f}", value);
  const std::size_t first = value < 0 ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, ",");
  }
  return digits;
}

std::string compact(double value) {
  constexpr double kNoPrefixBelow = 999.5;
  if (std::abs(value) < kNoPrefixBelow || !std::isfinite(value)) {
    return number(value);
  }
  std::string text = si(value, "", Charset::ascii);  // "5.97 M"
  text.erase(text.find(' '), 1);
  return text;
}

std::string percent(double share) {
  if (!std::isfinite(share)) {
    return "-";
  }
  if (share > 0 && share < 0.01) {
    return "<1 %";
  }
  return fmt::format("{:.0f} %", 100 * share);
}

std::string counted(long long count, std::string_view noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

Json finite(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json finite_drawn(double value) {
  return std::isfinite(value) ? Json(std::stod(fmt::format("{:.7g}", value))) : Json(nullptr);
}

void Table::row(std::vector<std::string> cells) {
  check(cells.size() == columns_.size());
  rows_.push_back(std::move(cells));
}

std::string Table::text(std::string_view indent) const {
  std::vector<std::size_t> widths(columns_.size());
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], display_width(row[i]));
    }
  }
  std::string text;
  for (const auto& row : rows_) {
    std::string line(indent);
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string pad(widths[i] - display_width(row[i]), ' ');
      line += (i == 0 ? "" : "  ");
      line += columns_[i] == Align::right ? pad + row[i] : row[i] + pad;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

std::string bar(std::span<const Part> parts, int width, Charset charset) {
  check(parts.size() <= kShades.size());
  const double sum = total(parts);
  if (sum <= 0) {
    return "";
  }
  // Every part that is there gets a cell; the rest is dealt by size, largest remainder first.
  std::vector<int> cells(parts.size());
  std::vector<double> wanted(parts.size());
  int used = 0;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    wanted[i] = parts[i].value / sum * width;
    cells[i] = parts[i].value > 0 ? std::max(1, static_cast<int>(wanted[i])) : 0;
    used += cells[i];
  }
  const auto lacks_more = [&](std::size_t a, std::size_t b) {
    return wanted[a] - cells[a] > wanted[b] - cells[b];
  };
  while (used != width) {
    std::size_t best = 0;
    for (std::size_t i = 1; i < parts.size(); ++i) {
      const bool better = used < width ? lacks_more(i, best) : lacks_more(best, i);
      if (used < width ? better : cells[i] > 1 && (better || cells[best] <= 1)) {
        best = i;
      }
    }
    const int change = used < width ? 1 : -1;
    cells[best] += change;
    used += change;
  }
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    for (int cell = 0; cell < cells[i]; ++cell) {
      text += shade(i, charset);
    }
  }
  return text;
}

std::string bar_legend(std::span<const Part> parts, Charset charset) {
  const double sum = total(parts);
  std::string text;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].value > 0) {
      text += fmt::format("{}{} {} {}", text.empty() ? "" : "  ", shade(i, charset), parts[i].name,
                          percent(parts[i].value / sum));
    }
  }
  return text;
}

std::string rule(int width, Charset charset) {
  std::string text;
  for (int i = 0; i < width; ++i) {
    text += charset == Charset::unicode ? "─" : "-";
  }
  return text;
}

std::string folded(std::string_view paragraph, std::string_view indent, std::size_t width) {
  const std::size_t begin = std::min(paragraph.find_first_not_of(' '), paragraph.size());
  std::string text(paragraph.substr(0, begin));
  std::size_t used = begin;
  for (const std::string_view word : split(paragraph.substr(begin), ' ')) {
    const std::size_t word_width = display_width(word);
    const bool is_first = text.size() == begin;
    if (!is_first && used + 1 + word_width > width) {
      text += "\n" + std::string(indent);
      used = indent.size();
    } else if (!is_first) {
      text += ' ';
      ++used;
    }
    text += word;
    used += word_width;
  }
  return text;
}

std::string folded_lines(std::string_view text, std::string_view indent, std::size_t width) {
  std::string all;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    all += folded(text.substr(0, end), indent, width) + "\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return all;
}

}  // namespace churon::report
