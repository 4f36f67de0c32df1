#include "report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "report/svg.h"

namespace churon::report {

namespace {

constexpr double kMargin = 16;  // around the document
constexpr double kLeft = 62;    // of a panel's plot: tick texts and the axis' title
constexpr double kRight = 14;
constexpr double kTop = 30;     // the panel's title
constexpr double kBottom = 46;  // tick texts and the axis' title
constexpr double kGap = 18;     // between panels
constexpr double kFont = 12;
constexpr double kSmallFont = 11;
constexpr double kTitleFont = 17;
constexpr double kLineHeight = 18;
constexpr double kMarkerRadius = 3.6;

std::string_view code(Color color) {
  switch (color) {
    case Color::black:
      return "#000000";
    case Color::blue:
      return "#0072b2";
    case Color::vermillion:
      return "#d55e00";
    case Color::green:
      return "#009e73";
    case Color::orange:
      return "#e69f00";
    case Color::sky:
      return "#56b4e9";
    case Color::purple:
      return "#cc79a7";
    case Color::grey:
      return "#777777";
  }
  return "";
}

enum class Anchor { start, middle, end };

std::string text_at(double x, double y, std::string_view words, double size, Anchor anchor,
                    std::string_view more = "") {
  static constexpr std::array<std::string_view, 3> anchors{"start", "middle", "end"};
  return fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"{:.0f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y,
      size, anchors[static_cast<std::size_t>(anchor)], more, svg_escaped(words));
}

std::string line_at(double x1, double y1, double x2, double y2, std::string_view stroke,
                    double width, std::string_view more = "") {
  return fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" "
      "stroke-width=\"{:.1f}\"{}/>\n",
      x1, y1, x2, y2, stroke, width, more);
}

std::string marker_at(double x, double y, const Style& style) {
  const double r = kMarkerRadius;
  const auto fill = code(style.color);
  switch (style.marker) {
    case Marker::none:
      return "";
    case Marker::circle:
      return fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" fill=\"{}\"/>", x, y, r,
                         fill);
    case Marker::ring:
      return fmt::format(
          "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" fill=\"#ffffff\" stroke=\"{}\" "
          "stroke-width=\"1.6\"/>",
          x, y, r, fill);
    case Marker::square:
      return fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\"/>",
          x - r * 0.9, y - r * 0.9, r * 1.8, r * 1.8, fill);
    case Marker::triangle:
      return fmt::format("<path d=\"M{:.1f} {:.1f} L{:.1f} {:.1f} L{:.1f} {:.1f} Z\" fill=\"{}\"/>",
                         x, y - r * 1.2, x + r * 1.15, y + r * 0.9, x - r * 1.15, y + r * 0.9,
                         fill);
    case Marker::diamond:
      return fmt::format(
          "<path d=\"M{:.1f} {:.1f} L{:.1f} {:.1f} L{:.1f} {:.1f} L{:.1f} {:.1f} Z\" "
          "fill=\"{}\"/>",
          x, y - r * 1.3, x + r * 1.3, y, x, y + r * 1.3, x - r * 1.3, y, fill);
    case Marker::cross:
      return fmt::format(
          "<path d=\"M{:.1f} {:.1f} L{:.1f} {:.1f} M{:.1f} {:.1f} L{:.1f} {:.1f}\" "
          "stroke=\"{}\" stroke-width=\"1.8\" fill=\"none\"/>",
          x - r, y - r, x + r, y + r, x - r, y + r, x + r, y - r, fill);
    case Marker::plus:
      return fmt::format(
          "<path d=\"M{:.1f} {:.1f} L{:.1f} {:.1f} M{:.1f} {:.1f} L{:.1f} {:.1f}\" "
          "stroke=\"{}\" stroke-width=\"1.8\" fill=\"none\"/>",
          x - r * 1.2, y, x + r * 1.2, y, x, y - r * 1.2, x, y + r * 1.2, fill);
  }
  return "";
}

std::string_view dash_words(Dash dash) {
  switch (dash) {
    case Dash::none:
    case Dash::solid:
      return "";
    case Dash::dashed:
      return " stroke-dasharray=\"6 3\"";
    case Dash::dotted:
      return " stroke-dasharray=\"1.5 3\"";
  }
  return "";
}

bool is_shown(double value, Scale scale) {
  return std::isfinite(value) && (scale == Scale::linear || value > 0);
}

// Ends of an axis.
struct Range {
  double low = 0, high = 1;
  Scale scale = Scale::linear;

  [[nodiscard]] double share(double value) const {  // 0 at low, 1 at high
    return scale == Scale::logarithmic ? std::log(value / low) / std::log(high / low)
                                       : (value - low) / (high - low);
  }
};

double step_of(double span, int wanted) {
  const double raw = span / wanted;
  const double power = std::pow(10.0, std::floor(std::log10(raw)));
  for (const double factor : {1.0, 2.0, 2.5, 5.0}) {
    if (factor * power >= raw * 0.999) {
      return factor * power;
    }
  }
  return 10 * power;
}

Range range(const Axis& axis, const std::vector<double>& values) {
  double low = INFINITY;
  double high = -INFINITY;
  for (const double value : values) {
    if (is_shown(value, axis.scale)) {
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  if (low > high) {
    low = axis.low.value_or(axis.scale == Scale::logarithmic ? 1 : 0);
    high = axis.high.value_or(low + 10);
  }
  if (axis.scale == Scale::logarithmic) {
    low /= 1.15;
    high *= 1.15;
  } else {
    if (low > 0 && low < 0.5 * high) {
      low = 0;
    }
    const double span = high > low ? high - low : std::max(1.0, std::abs(high));
    const double step = step_of(span, 6);
    low = std::floor(low / step) * step;
    high = std::ceil((high + 0.02 * span) / step) * step;
  }
  Range result{axis.low.value_or(low), axis.high.value_or(high), axis.scale};
  if (!(result.high > result.low)) {
    result.high = result.low + std::max(1.0, std::abs(result.low));
  }
  return result;
}

struct Box {
  double x1, y1, x2, y2;
};
bool overlap(const Box& a, const Box& b) {
  return a.x1 < b.x2 && b.x1 < a.x2 && a.y1 < b.y2 && b.y1 < a.y2;
}

class PanelDrawing {
 public:
  PanelDrawing(const Panel& panel, double x, double y, double width, double height)
      : panel_(panel),
        left_(x + kLeft),
        right_(x + width - kRight),
        top_(y + kTop),
        bottom_(y + height - kBottom) {
    std::vector<double> xs;
    std::vector<double> ys;
    for (const Series& series : panel.series) {
      for (const ChartPoint& point : series.points) {
        if (is_shown(point.x, panel.x.scale) && is_shown(point.y, panel.y.scale)) {
          xs.push_back(point.x);
          ys.push_back(point.y);
        }
      }
    }
    if (panel.bars) {
      xs.insert(xs.end(), panel.bars->edges.begin(), panel.bars->edges.end());
      ys.insert(ys.end(), panel.bars->values.begin(), panel.bars->values.end());
      ys.push_back(0);
    }
    x_ = range(panel.x, xs);
    y_ = range(panel.y, ys);
  }

  std::string text() {
    axes();
    bars();
    references();
    for (const Series& series : panel_.series) {
      line(series);
    }
    for (const Series& series : panel_.series) {
      points(series);
    }
    for (const Series& series : panel_.series) {
      labels(series);
    }
    if (!panel_.note.empty()) {
      out_ += text_at((left_ + right_) / 2, (top_ + bottom_) / 2, panel_.note, kFont,
                      Anchor::middle, " fill=\"#777777\"");
    }
    return std::move(out_);
  }

 private:
  [[nodiscard]] double at_x(double value) const {
    return left_ + x_.share(value) * (right_ - left_);
  }
  [[nodiscard]] double at_y(double value) const {
    return bottom_ - y_.share(value) * (bottom_ - top_);
  }
  [[nodiscard]] bool is_inside(const ChartPoint& point) const {
    if (!is_shown(point.x, x_.scale) || !is_shown(point.y, y_.scale)) {
      return false;
    }
    constexpr double slack = 1e-9;
    const double x = x_.share(point.x);
    const double y = y_.share(point.y);
    return x >= -slack && x <= 1 + slack && y >= -slack && y <= 1 + slack;
  }

  void axes() {
    out_ +=
        text_at(left_, top_ - 11, panel_.title, kFont + 1, Anchor::start, " font-weight=\"bold\"");
    double end = -INFINITY;  // of the last text
    for (const double value : ticks(x_.low, x_.high, x_.scale, 7)) {
      const double x = at_x(value);
      out_ += line_at(x, top_, x, bottom_, "#e4e4e4", 1);
      const std::string words = tick_text(value, panel_.x.percent);
      const double half = svg_text_width(words, kSmallFont) / 2;
      if (x - half > end + 4) {
        out_ += text_at(x, bottom_ + 15, words, kSmallFont, Anchor::middle);
        end = x + half;
      }
    }
    for (const double value : ticks(y_.low, y_.high, y_.scale, 6)) {
      const double y = at_y(value);
      out_ += line_at(left_, y, right_, y, "#e4e4e4", 1);
      out_ +=
          text_at(left_ - 6, y + 4, tick_text(value, panel_.y.percent), kSmallFont, Anchor::end);
    }
    out_ += fmt::format(
        "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"none\" "
        "stroke=\"#999999\"/>\n",
        left_, top_, right_ - left_, bottom_ - top_);
    out_ += text_at((left_ + right_) / 2, bottom_ + 35, panel_.x.title, kFont, Anchor::middle);
    const double x = left_ - kLeft + 13;
    const double y = (top_ + bottom_) / 2;
    out_ += text_at(x, y, panel_.y.title, kFont, Anchor::middle,
                    fmt::format(" transform=\"rotate(-90 {:.1f} {:.1f})\"", x, y));
  }

  void bars() {
    if (!panel_.bars) {
      return;
    }
    const Bars& bars = *panel_.bars;
    for (std::size_t i = 0; i < bars.values.size() && i + 1 < bars.edges.size(); ++i) {
      const double x1 = at_x(bars.edges[i]);
      const double x2 = at_x(bars.edges[i + 1]);
      const double y = at_y(bars.values[i]);
      out_ += fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\" "
          "fill-opacity=\"0.75\"/>\n",
          x1 + 0.5, y, std::max(0.5, x2 - x1 - 1), std::max(0.0, bottom_ - y), code(bars.color));
    }
  }

  void references() {
    for (const Reference& reference : panel_.references) {
      const Range& range = reference.vertical ? x_ : y_;
      if (!is_shown(reference.at, range.scale) || reference.at < range.low ||
          reference.at > range.high) {
        continue;
      }
      constexpr std::string_view dash = " stroke-dasharray=\"4 4\"";
      if (reference.vertical) {
        const double x = at_x(reference.at);
        out_ += line_at(x, top_, x, bottom_, "#555555", 1.2, dash);
        const double width = svg_text_width(reference.label, kSmallFont);
        const bool left = x + 5 + width > right_;
        out_ += text_at(left ? x - 5 : x + 5, top_ + 13, reference.label, kSmallFont,
                        left ? Anchor::end : Anchor::start, " fill=\"#555555\"");
        taken_.push_back(left ? Box{x - 5 - width, top_ + 2, x - 5, top_ + 17}
                              : Box{x + 5, top_ + 2, x + 5 + width, top_ + 17});
      } else {
        const double y = at_y(reference.at);
        out_ += line_at(left_, y, right_, y, "#555555", 1.2, dash);
        const double width = svg_text_width(reference.label, kSmallFont);
        const double above = y - 5 > top_ + 10 ? y - 5 : y + 13;
        out_ += text_at(right_ - 5, above, reference.label, kSmallFont, Anchor::end,
                        " fill=\"#555555\"");
        taken_.push_back({right_ - 5 - width, above - 11, right_ - 5, above + 3});
      }
    }
  }

  void line(const Series& series) {
    if (series.style.dash == Dash::none) {
      return;
    }
    std::string path;
    for (const ChartPoint& point : series.points) {
      if (is_inside(point)) {
        path +=
            fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : " L", at_x(point.x), at_y(point.y));
      }
    }
    if (!path.empty()) {
      out_ += fmt::format(
          "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{:.1f}\" "
          "stroke-linejoin=\"round\"{}/>\n",
          path, code(series.style.color), series.style.width, dash_words(series.style.dash));
    }
  }

  void points(const Series& series) {
    if (series.style.marker == Marker::none) {
      return;
    }
    for (const ChartPoint& point : series.points) {
      if (!is_inside(point)) {
        continue;
      }
      const double x = at_x(point.x);
      const double y = at_y(point.y);
      out_ +=
          fmt::format("<g>{}<title>{}</title></g>\n", marker_at(x, y, series.style),
                      svg_escaped(series.name + (point.label.empty() ? "" : ": " + point.label)));
      taken_.push_back(
          {x - kMarkerRadius, y - kMarkerRadius, x + kMarkerRadius, y + kMarkerRadius});
    }
  }

  // Each beside its point, in the first place that is free; none where all are taken.
  void labels(const Series& series) {
    for (const ChartPoint& point : series.points) {
      if (point.label.empty() || point.label.find('\n') != std::string::npos || !is_inside(point)) {
        continue;
      }
      const double x = at_x(point.x);
      const double y = at_y(point.y);
      const double width = svg_text_width(point.label, kSmallFont);
      const double gap = kMarkerRadius + 3;
      struct Place {
        double x, y;
      };
      for (const Place place :
           {Place{x + gap, y + 4}, Place{x - gap - width, y + 4}, Place{x - width / 2, y - gap - 1},
            Place{x - width / 2, y + gap + 9}, Place{x + gap, y - gap}, Place{x + gap, y + gap + 9},
            Place{x - gap - width, y - gap}, Place{x - gap - width, y + gap + 9}}) {
        const Box box{place.x - 1, place.y - 10, place.x + width + 1, place.y + 3};
        const bool fits = box.x1 >= left_ && box.x2 <= right_ && box.y1 >= top_ &&
                          box.y2 <= bottom_ &&
                          std::none_of(taken_.begin(), taken_.end(),
                                       [&](const Box& other) { return overlap(box, other); });
        if (fits) {
          out_ += text_at(place.x, place.y, point.label, kSmallFont, Anchor::start);
          taken_.push_back(box);
          break;
        }
      }
    }
  }

  const Panel& panel_;
  double left_, right_, top_, bottom_;
  Range x_, y_;
  std::vector<Box> taken_;
  std::string out_;
};

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
      result.text += line_at(at, base, at + kSample, base, code(entry.style.color),
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

std::vector<double> ticks(double low, double high, Scale scale, int wanted) {
  std::vector<double> values;
  if (!(high > low) || !std::isfinite(low) || !std::isfinite(high)) {
    return values;
  }
  if (scale == Scale::linear) {
    const double step = step_of(high - low, wanted);
    const auto first = static_cast<long long>(std::ceil(low / step - 1e-9));
    const auto last = static_cast<long long>(std::floor(high / step + 1e-9));
    for (long long i = first; i <= last; ++i) {
      values.push_back(static_cast<double>(i) * step);
    }
    return values;
  }
  const double decades = std::log10(high / low);
  std::vector<double> factors{1};
  if (decades <= wanted * 0.75) {
    factors = {1, 2, 5};
  }
  if (decades < 1) {
    factors = {1, 1.5, 2, 3, 4, 5, 7};
  }
  const int every = std::max(1, static_cast<int>(std::ceil(decades / wanted)));
  const int first = static_cast<int>(std::floor(std::log10(low)));
  const int last = static_cast<int>(std::ceil(std::log10(high)));
  for (int power = first; power <= last; ++power) {
    if (power % every != 0) {
      continue;
    }
    for (const double factor : factors) {
      const double value = factor * std::pow(10.0, power);
      if (value >= low * (1 - 1e-9) && value <= high * (1 + 1e-9)) {
        values.push_back(value);
      }
    }
  }
  return values;
}

std::string tick_text(double value, bool percent) {
  if (percent) {
    return fmt::format("{:.3g} %", 100 * value);
  }
  constexpr std::array<std::pair<double, std::string_view>, 5> prefixes{
      {{1e15, "P"}, {1e12, "T"}, {1e9, "G"}, {1e6, "M"}, {1e3, "k"}}};
  for (const auto& [factor, letter] : prefixes) {
    if (std::abs(value) >= factor * 0.9999) {
      return fmt::format("{:.4g}{}", value / factor, letter);
    }
  }
  return fmt::format("{:.4g}", std::abs(value) < 1e-12 ? 0 : value);
}

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
        body += PanelDrawing(chart.panels[index], kMargin + column * (chart.panel_width + kGap), y,
                             chart.panel_width, chart.panel_height)
                    .text();
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
