#include "report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "report/chart_parts.h"
#include "report/svg.h"

namespace churon::report {

namespace {

constexpr double kMargin = 16;  // around the document
constexpr double kGap = 18;     // between panels
constexpr double kTitleFont = 17;
constexpr double kLineHeight = 18;

// Names that several panels share stand there once.
std::vector<const Series*> legend_entries(const Chart& chart) {
  std::vector<const Series*> entries;
  for (const Panel& panel : chart.panels) {
    for (const Series& series : panel.series) {
      const bool is_new = !series.name.empty() &&
                          std::none_of(entries.begin(), entries.end(),
                                       [&](const Series* e) { return e->name == series.name; });
      if (is_new) {
        entries.push_back(&series);
      }
    }
  }
  return entries;
}

struct Legend {
  std::string text;
  double height = 0;
};

Legend legend(const Chart& chart, double x, double y, double width) {
  constexpr double kSample = 30;
  const auto entries = legend_entries(chart);
  if (entries.size() < 2) {
    return {};
  }
  double widest = 0;
  for (const Series* entry : entries) {
    widest = std::max(widest, svg_text_width(entry->name, kFont));
  }
  const double cell = kSample + 6 + widest + 18;
  const auto columns = std::max<std::size_t>(1, static_cast<std::size_t>(std::floor(width / cell)));
  Legend result;
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const Series& entry = *entries[i];
    const double at = x + static_cast<double>(i % columns) * cell;
    const std::size_t line = i / columns;
    const double base = y + static_cast<double>(line) * kLineHeight + kLineHeight / 2;
    if (entry.style.dash != Dash::none) {
      result.text += line_at(at, base, at + kSample, base, svg_color(entry.style.color),
                             entry.style.width, dash_words(entry.style.dash));
    }
    result.text += marker_at(at + kSample / 2, base, entry.style) + "\n";
    result.text += text_at(at + kSample + 6, base + 4, entry.name, kFont, Anchor::start);
  }
  const std::size_t lines = (entries.size() + columns - 1) / columns;
  result.height = kLineHeight * static_cast<double>(lines) + 8;
  return result;
}

std::vector<std::string> wrapped(std::string_view text, double size, double width) {
  std::vector<std::string> lines;
  for (const std::string_view paragraph : split(text, '\n')) {
    std::string line;
    for (const std::string_view word : split(paragraph, ' ')) {
      if (!line.empty() && svg_text_width(line, size) + svg_text_width(word, size) + size > width) {
        lines.push_back(std::move(line));
        line.clear();
      }
      line += (line.empty() ? "" : " ") + std::string(word);
    }
    lines.push_back(std::move(line));
  }
  return lines;
}

}  // namespace

std::string svg(const Chart& chart) {
  const int columns =
      std::max(1, std::min<int>(chart.columns, static_cast<int>(chart.panels.size())));
  const int rows = (static_cast<int>(chart.panels.size()) + columns - 1) / columns;
  const double inner = columns * chart.panel_width + (columns - 1) * kGap;
  const double width = inner + 2 * kMargin;
  double y = kMargin;
  std::string body;
  for (const std::string& line : wrapped(chart.title, kTitleFont, inner)) {
    y += kTitleFont + 3;
    body += text_at(kMargin, y, line, kTitleFont, Anchor::start, " font-weight=\"bold\"");
  }
  if (!chart.subtitle.empty()) {
    y += 4;
    for (const std::string& line : wrapped(chart.subtitle, kFont, inner)) {
      y += kFont + 4;
      body += text_at(kMargin, y, line, kFont, Anchor::start, " fill=\"#444444\"");
    }
  }
  y += 10;
  const Legend names = legend(chart, kMargin, y, inner);
  body += names.text;
  y += names.height;
  for (int row = 0; row < rows; ++row) {
    for (int column = 0; column < columns; ++column) {
      const int index_of_panel = row * columns + column;
      const auto index = static_cast<std::size_t>(index_of_panel);
      if (index < chart.panels.size()) {
        body += panel_svg(chart.panels[index], kMargin + column * (chart.panel_width + kGap), y,
                          chart.panel_width, chart.panel_height);
      }
    }
    y += chart.panel_height + (row + 1 < rows ? kGap : 0);
  }
  if (!chart.footer.empty()) {
    y += 4;
    for (const std::string& line : wrapped(chart.footer, kSmallFont, inner)) {
      y += kSmallFont + 4;
      body += text_at(kMargin, y, line, kSmallFont, Anchor::start, " fill=\"#444444\"");
    }
  }
  y += kMargin;
  return fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
      "viewBox=\"0 0 {0:.0f} {1:.0f}\" font-family=\"Helvetica, Arial, 'DejaVu Sans', "
      "sans-serif\" fill=\"#111111\">\n<title>{2}</title>\n<rect width=\"100%\" height=\"100%\" "
      "fill=\"#ffffff\"/>\n{3}</svg>\n",
      width, y, svg_escaped(chart.title), body);
}

}  // namespace churon::report
