#include "report/chart_parts.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "report/svg.h"

namespace churon::report {

std::string_view svg_color(Color color) {
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

std::string text_at(double x, double y, std::string_view words, double size, Anchor anchor,
                    std::string_view more) {
  static constexpr std::array<std::string_view, 3> anchors{"start", "middle", "end"};
  return fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"{:.0f}\" text-anchor=\"{}\"{}>{}</text>\n", x, y,
      size, anchors[static_cast<std::size_t>(anchor)], more, svg_escaped(words));
}

std::string line_at(double x1, double y1, double x2, double y2, std::string_view stroke,
                    double width, std::string_view more) {
  return fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\" "
      "stroke-width=\"{:.1f}\"{}/>\n",
      x1, y1, x2, y2, stroke, width, more);
}

std::string marker_at(double x, double y, const Style& style) {
  const double r = kMarkerRadius;
  const auto fill = svg_color(style.color);
  switch (style.marker) {
    case Marker::none:
      return "";
    case Marker::dot:
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

std::string box_at(double x, double y, double width, double height, std::string_view fill,
                   std::string_view more) {
  return fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\"{}/>\n", x, y,
      width, height, fill, more);
}

bool is_shown(double value, Scale scale) {
  return std::isfinite(value) && (scale == Scale::linear || value > 0);
}

namespace {

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

}  // namespace

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

}  // namespace churon::report
