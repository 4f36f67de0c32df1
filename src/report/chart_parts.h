// What the parts of a chart are drawn with: texts, lines, markers, and the ends of axes.
#pragma once

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "report/chart.h"

namespace churon::report {

inline constexpr double kLeft = 62;  // of a panel's plot: tick texts and the axis' title
inline constexpr double kRight = 14;
inline constexpr double kTop = 30;     // the panel's title
inline constexpr double kBottom = 46;  // tick texts and the axis' title
inline constexpr double kFont = 12;
inline constexpr double kSmallFont = 11;
inline constexpr double kMarkerRadius = 3.6;

enum class Anchor { start, middle, end };

std::string_view svg_color(Color color);
std::string text_at(double x, double y, std::string_view words, double size, Anchor anchor,
                    std::string_view more = "");
std::string line_at(double x1, double y1, double x2, double y2, std::string_view stroke,
                    double width, std::string_view more = "");
std::string box_at(double x, double y, double width, double height, std::string_view fill,
                   std::string_view more = "");
std::string marker_at(double x, double y, const Style& style);
std::string_view dash_words(Dash dash);

// Ends of an axis.
struct Range {
  double low = 0, high = 1;
  Scale scale = Scale::linear;

  [[nodiscard]] double share(double value) const {  // 0 at low, 1 at high
    return scale == Scale::logarithmic ? std::log(value / low) / std::log(high / low)
                                       : (value - low) / (high - low);
  }
};

bool is_shown(double value, Scale scale);
// The ends that the axis states, or those of the values, widened to round numbers.
Range range(const Axis& axis, const std::vector<double>& values);

// One panel at that place of the document.
std::string panel_svg(const Panel& panel, double x, double y, double width, double height);

}  // namespace churon::report
