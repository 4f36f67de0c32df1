#include "report/roofline.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/text.h"
#include "report/chart.h"

namespace churon::report {

namespace {

constexpr std::size_t kPointsMax = 26;  // letters

struct Range {
  double low = 1, high = 10;
  [[nodiscard]] double share(double value) const {
    return std::log(value / low) / std::log(high / low);
  }
};

double highest(const Roofline& roofline) {
  double value = 0;
  for (const Roof& roof : roofline.roofs) {
    value = std::max(value, roof.operations_per_s);
  }
  return value;
}

bool is_shown(const RooflinePoint& point) {
  return point.intensity > 0 && point.operations_per_s > 0;
}

// Every point and the corner of the highest roof are inside.
Range intensities(const Roofline& roofline) {
  double low = 0.5;
  double high = 4 * highest(roofline) / roofline.bytes_per_s;
  for (const RooflinePoint& point : roofline.points) {
    if (is_shown(point)) {
      low = std::min(low, point.intensity / 1.5);
      high = std::max(high, point.intensity * 1.5);
    }
  }
  return {low, high};
}

Range rates(const Roofline& roofline, const Range& x) {
  double low = x.low * roofline.bytes_per_s;
  for (const RooflinePoint& point : roofline.points) {
    if (is_shown(point)) {
      low = std::min(low, point.operations_per_s / 1.5);
    }
  }
  return {low, 2 * highest(roofline)};
}

// What the chip allows at that intensity under its highest roof.
double allowed(const Roofline& roofline, double intensity) {
  return std::min(highest(roofline), intensity * roofline.bytes_per_s);
}

class Canvas {
 public:
  Canvas(int width, int height)
      : width_(width),
        rows_(static_cast<std::size_t>(height),
              std::vector<std::string>(static_cast<std::size_t>(width), " ")) {}

  void put(int column, int row, std::string mark) {
    if (column >= 0 && column < width_ && row >= 0 && row < static_cast<int>(rows_.size())) {
      rows_[static_cast<std::size_t>(row)][static_cast<std::size_t>(column)] = std::move(mark);
    }
  }
  void write(int column, int row, std::string_view ascii) {
    for (const char c : ascii) {
      put(column++, row, std::string(1, c));
    }
  }
  [[nodiscard]] bool is_free(int column, int row, std::size_t count) const {
    const auto& cells = rows_[static_cast<std::size_t>(row)];
    const auto first = cells.begin() + column;
    return std::all_of(first, first + static_cast<std::ptrdiff_t>(count),
                       [](const std::string& cell) { return cell == " "; });
  }
  [[nodiscard]] std::string row(std::size_t index) const {
    std::string text;
    for (const std::string& cell : rows_[index]) {
      text += cell;
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
  }

 private:
  int width_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace

std::string roofline_text(const Roofline& roofline, Charset charset, int width, int height) {
  if (roofline.bytes_per_s <= 0 || highest(roofline) <= 0) {
    return "";
  }
  const bool unicode = charset == Charset::unicode;
  const Range x = intensities(roofline);
  const Range y = rates(roofline, x);
  const auto row_of = [&](double value) {
    return static_cast<int>(std::lround((1 - y.share(value)) * (height - 1)));
  };
  const auto column_of = [&](double value) {
    return static_cast<int>(std::lround(x.share(value) * (width - 1)));
  };
  Canvas canvas(width, height);
  for (const Roof& roof : roofline.roofs) {
    const int row = row_of(roof.operations_per_s);
    for (int column = column_of(roof.operations_per_s / roofline.bytes_per_s); column < width;
         ++column) {
      canvas.put(column, row, unicode ? "─" : "-");
    }
  }
  for (int column = 0; column < width; ++column) {
    const double intensity =
        x.low * std::pow(x.high / x.low, static_cast<double>(column) / (width - 1));
    const double rate = intensity * roofline.bytes_per_s;
    if (rate <= highest(roofline)) {
      canvas.put(column, row_of(rate), unicode ? "╱" : "/");
    }
  }
  Table table({Align::left, Align::left, Align::left, Align::right, Align::right, Align::right});
  table.row({"", "operator", "step", "op/byte", "reaches", "of the roof"});
  std::vector<std::pair<const RooflinePoint*, std::string>> letters;
  for (const RooflinePoint& point : roofline.points) {
    if (!is_shown(point) || letters.size() == kPointsMax) {
      continue;
    }
    const std::string letter(1, static_cast<char>('A' + static_cast<int>(letters.size())));
    letters.emplace_back(&point, letter);
    table.row({letter, escape_control(point.name), point.phase, number(point.intensity),
               si(point.operations_per_s, "op/s", charset),
               percent(point.operations_per_s / allowed(roofline, point.intensity))});
  }
  // Where two meet, the first is seen.
  for (auto it = letters.rbegin(); it != letters.rend(); ++it) {
    canvas.put(column_of(it->first->intensity), row_of(it->first->operations_per_s), it->second);
  }
  // Names of roofs stand over their right ends, or further left where points are in the way; the
  // highest first.
  std::vector<Roof> roofs = roofline.roofs;
  std::stable_sort(roofs.begin(), roofs.end(), [](const Roof& a, const Roof& b) {
    return a.operations_per_s > b.operations_per_s;
  });
  for (const Roof& roof : roofs) {
    const std::string words =
        fmt::format("{} {}", roof.name, si(roof.operations_per_s, "op/s", Charset::ascii));
    const int row = std::max(row_of(roof.operations_per_s) - 1, 0);
    for (int column = width - static_cast<int>(words.size()); column >= 0; --column) {
      if (canvas.is_free(column, row, words.size())) {
        canvas.write(column, row, words);
        break;
      }
    }
  }
  std::string out = escape_control(roofline.title) + "\n";
  const std::vector<double> labels = ticks(y.low, y.high, Scale::logarithmic, 5);
  std::vector<std::string> margins(static_cast<std::size_t>(height));
  std::size_t widest = 0;
  for (const double value : labels) {
    auto& margin = margins[static_cast<std::size_t>(std::clamp(row_of(value), 0, height - 1))];
    margin = tick_text(value);
    widest = std::max(widest, margin.size());
  }
  for (std::size_t row = 0; row < margins.size(); ++row) {
    out += fmt::format("{:>{}} {}{}\n", margins[row], widest + 2, unicode ? "│" : "|",
                       canvas.row(row));
  }
  std::string axis;
  for (int i = 0; i < width; ++i) {
    axis += unicode ? "─" : "-";
  }
  out += std::string(widest + 3, ' ') + (unicode ? "└" : "+") + axis + "\n";
  Canvas marks(width + 8, 1);
  int end = -1;
  for (const double value : ticks(x.low, x.high, Scale::logarithmic, 6)) {
    const std::string words = tick_text(value);
    if (column_of(value) > end) {
      marks.write(column_of(value), 0, words);
      end = column_of(value) + static_cast<int>(words.size());
    }
  }
  out += std::string(widest + 4, ' ') + marks.row(0) + "\n";
  out += std::string(widest + 4, ' ') + fmt::format("operations per byte of memory; {} at {}\n\n",
                                                    "memory",
                                                    si(roofline.bytes_per_s, "B/s", charset));
  return out + table.text("  ");
}

std::string roofline_svg(const Roofline& roofline) {
  const Range x = intensities(roofline);
  const Range y = rates(roofline, x);
  Chart chart;
  chart.title = roofline.title;
  chart.subtitle = "What the chip allows, and what the analytic model expects of each operator.";
  chart.panel_width = 900;
  chart.panel_height = 560;
  Panel panel;
  panel.x = {.title = "operations per byte of memory",
             .scale = Scale::logarithmic,
             .low = x.low,
             .high = x.high};
  panel.y = {
      .title = "operations per second", .scale = Scale::logarithmic, .low = y.low, .high = y.high};
  constexpr std::array dashes{Dash::solid, Dash::dashed, Dash::dotted};
  std::size_t index = 0;
  for (const Roof& roof : roofline.roofs) {
    const double corner = roof.operations_per_s / roofline.bytes_per_s;
    Series series{.name = fmt::format("roof: {} {}", roof.name, si(roof.operations_per_s, "op/s")),
                  .style = {.color = Color::black,
                            .marker = Marker::none,
                            .dash = dashes[index++ % dashes.size()]},
                  .points = {}};
    series.points = {{std::max(x.low, y.low / roofline.bytes_per_s),
                      std::max(x.low, y.low / roofline.bytes_per_s) * roofline.bytes_per_s, ""},
                     {corner, roof.operations_per_s, ""},
                     {x.high, roof.operations_per_s, ""}};
    panel.series.push_back(std::move(series));
  }
  constexpr std::array styles{std::pair{Color::blue, Marker::circle},
                              std::pair{Color::vermillion, Marker::square},
                              std::pair{Color::green, Marker::triangle}};
  std::vector<std::string> phases;
  for (const RooflinePoint& point : roofline.points) {
    if (std::find(phases.begin(), phases.end(), point.phase) == phases.end()) {
      phases.push_back(point.phase);
    }
  }
  for (std::size_t i = 0; i < phases.size(); ++i) {
    const auto& [color, marker] = styles[i % styles.size()];
    Series series{.name = phases[i].empty() ? "operator" : phases[i],
                  .style = {.color = color, .marker = marker, .dash = Dash::none},
                  .points = {}};
    for (const RooflinePoint& point : roofline.points) {
      if (point.phase == phases[i] && is_shown(point)) {
        series.points.push_back({point.intensity, point.operations_per_s, point.name});
      }
    }
    panel.series.push_back(std::move(series));
  }
  chart.panels.push_back(std::move(panel));
  return svg(chart);
}

}  // namespace churon::report
