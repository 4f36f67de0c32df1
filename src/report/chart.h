// Charts as SVG text: lines and points over linear or logarithmic axes, one or several panels with
// one legend. Series are told apart by colour, marker and dash together, so that they can be read
// in print and by colour-blind readers. The same chart gives the same bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace churon::report {

enum class Scale { linear, logarithmic };

struct Axis {
  std::string title = {};
  Scale scale = Scale::linear;
  // The ends; absent: those of the data, widened to round numbers.
  std::optional<double> low = {}, high = {};
  // Shown as 25 %, not as 0.25.
  bool percent = false;
  // Years: shown as 2027, not as 2.03k; no tick stands between two of them.
  bool years = false;
};

// Okabe and Ito's palette without its yellow, which is faint on white.
enum class Color { black, blue, vermillion, green, orange, sky, purple, grey };
// dot: small, for thousands of points; a browser shows nothing under the pointer.
enum class Marker { none, circle, square, triangle, diamond, cross, plus, ring, dot };
enum class Dash { none, solid, dashed, dotted };

struct Style {
  Color color = Color::black;
  Marker marker = Marker::circle;
  Dash dash = Dash::solid;  // none: points alone
  double width = 1.6;       // of the line, pixels
};

struct ChartPoint {
  double x = 0, y = 0;
  std::string label;  // shown where there is room; also what a browser shows under the pointer
};

struct Series {
  std::string name = {};  // in the legend; empty: not there
  Style style = {};
  std::vector<ChartPoint> points = {};
};

// A straight line over the whole panel at one x or one y.
struct Reference {
  bool vertical = true;
  double at = 0;
  std::string label;
};

struct Bars {  // a histogram: value i stands between edge i and edge i + 1
  std::vector<double> edges, values;
  Color color = Color::blue;
};

struct Row {  // a bar to the right of its name, from the axis' low end
  std::string name = {};
  double value = 0;
  std::optional<double> mark = {};  // a tick across the bar
  std::string note = {};            // right of the panel
};

struct Panel {
  std::string title = {};
  Axis x = {}, y = {};
  std::vector<Series> series = {};
  std::vector<Reference> references = {};
  std::optional<Bars> bars = {};
  std::vector<Row> rows = {};  // where there are any, nothing else is drawn and `y` is not used
  std::string note = {};       // one line in the middle of an empty panel
};

struct Chart {
  std::string title = {}, subtitle = {};
  std::vector<Panel> panels = {};  // row by row
  int columns = 1;
  int panel_width = 620, panel_height = 420;  // pixels, axes and titles included
  std::string footer = {};                    // small print under everything
};

// A whole document. Points that are not finite, or not positive on a logarithmic axis, are left
// out.
std::string svg(const Chart& chart);

// Values for the ticks of an axis from `low` to `high`, ascending, inside both.
std::vector<double> ticks(double low, double high, Scale scale, int wanted);

// "250", "1.5k", "20M", "0.02".
std::string tick_text(double value, bool percent = false);

}  // namespace churon::report
