// One panel of a chart: axes and what stands between them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "report/chart_parts.h"
#include "report/svg.h"

namespace churon::report {

namespace {

struct Box {
  double x1, y1, x2, y2;
};
bool overlap(const Box& a, const Box& b) {
  return a.x1 < b.x2 && b.x1 < a.x2 && a.y1 < b.y2 && b.y1 < a.y2;
}

struct Spot {
  double x, y;
};
double distance(const Spot& spot, const Box& box) {
  return std::hypot(std::max({box.x1 - spot.x, 0.0, spot.x - box.x2}),
                    std::max({box.y1 - spot.y, 0.0, spot.y - box.y2}));
}

struct Segment {
  double x1, y1, x2, y2;
};
// Whether a part of the segment lies in the box (Liang and Barsky).
bool crosses(const Segment& line, const Box& box) {
  const double dx = line.x2 - line.x1;
  const double dy = line.y2 - line.y1;
  double enters = 0;
  double leaves = 1;
  for (const auto& [step, room] :
       {std::pair{-dx, line.x1 - box.x1}, std::pair{dx, box.x2 - line.x1},
        std::pair{-dy, line.y1 - box.y1}, std::pair{dy, box.y2 - line.y1}}) {
    if (step == 0) {
      if (room < 0) {
        return false;
      }
    } else if (step < 0) {
      enters = std::max(enters, room / step);
    } else {
      leaves = std::min(leaves, room / step);
    }
  }
  return enters <= leaves;
}

// Readable where lines pass behind it.
constexpr std::string_view kHalo =
    " fill=\"#555555\" stroke=\"#ffffff\" stroke-width=\"4\" paint-order=\"stroke\"";

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
    reference_labels();
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
      if (panel_.x.years && value != std::round(value)) {
        continue;
      }
      const double x = at_x(value);
      out_ += line_at(x, top_, x, bottom_, "#e4e4e4", 1);
      const std::string words =
          panel_.x.years ? fmt::format("{:.0f}", value) : tick_text(value, panel_.x.percent);
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
      out_ += box_at(x1 + 0.5, y, std::max(0.5, x2 - x1 - 1), std::max(0.0, bottom_ - y),
                     svg_color(bars.color), " fill-opacity=\"0.75\"");
    }
  }

  // Those inside the panel.
  template <typename Draw>
  void each_reference(const Draw& draw) const {
    for (const Reference& reference : panel_.references) {
      const Range& range = reference.vertical ? x_ : y_;
      if (is_shown(reference.at, range.scale) && reference.at >= range.low &&
          reference.at <= range.high) {
        draw(reference);
      }
    }
  }

  void references() {
    each_reference([&](const Reference& reference) {
      constexpr std::string_view dash = " stroke-dasharray=\"4 4\"";
      const double width = svg_text_width(reference.label, kSmallFont);
      if (reference.vertical) {
        const double x = at_x(reference.at);
        out_ += line_at(x, top_, x, bottom_, "#555555", 1.2, dash);
        const bool left = is_left(x, width);
        taken_.push_back(left ? Box{x - 5 - width, top_ + 2, x - 5, top_ + 17}
                              : Box{x + 5, top_ + 2, x + 5 + width, top_ + 17});
      } else {
        const double y = at_y(reference.at);
        out_ += line_at(left_, y, right_, y, "#555555", 1.2, dash);
        const double above = base_of(y);
        taken_.push_back({right_ - 5 - width, above - 11, right_ - 5, above + 3});
      }
    });
  }

  // Over everything else.
  void reference_labels() {
    each_reference([&](const Reference& reference) {
      if (reference.vertical) {
        const double x = at_x(reference.at);
        const bool left = is_left(x, svg_text_width(reference.label, kSmallFont));
        out_ += text_at(left ? x - 5 : x + 5, top_ + 13, reference.label, kSmallFont,
                        left ? Anchor::end : Anchor::start, kHalo);
      } else {
        out_ += text_at(right_ - 5, base_of(at_y(reference.at)), reference.label, kSmallFont,
                        Anchor::end, kHalo);
      }
    });
  }

  [[nodiscard]] bool is_left(double x, double width) const { return x + 5 + width > right_; }
  [[nodiscard]] double base_of(double y) const { return y - 5 > top_ + 10 ? y - 5 : y + 13; }

  void line(const Series& series) {
    if (series.style.dash == Dash::none) {
      return;
    }
    std::string path;
    double last_x = 0;
    double last_y = 0;
    for (const ChartPoint& point : series.points) {
      if (!is_inside(point)) {
        continue;
      }
      const double x = at_x(point.x);
      const double y = at_y(point.y);
      if (!path.empty()) {
        lines_.push_back({last_x, last_y, x, y});
      }
      path += fmt::format("{}{:.1f} {:.1f}", path.empty() ? "M" : " L", x, y);
      last_x = x;
      last_y = y;
    }
    if (!path.empty()) {
      out_ += fmt::format(
          "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{:.1f}\" "
          "stroke-linejoin=\"round\"{}/>\n",
          path, svg_color(series.style.color), series.style.width, dash_words(series.style.dash));
    }
  }

  void points(const Series& series) {
    if (series.style.marker == Marker::none) {
      return;
    }
    if (series.style.marker == Marker::dot) {
      dots(series);
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
      markers_.push_back({x, y});
    }
  }

  // One path that moves to each point and draws nothing but its round end.
  void dots(const Series& series) {
    std::string path;
    for (const ChartPoint& point : series.points) {
      if (is_inside(point)) {
        path += fmt::format("M{:.1f} {:.1f}h0", at_x(point.x), at_y(point.y));
      }
    }
    out_ += fmt::format(
        "<path d=\"{}\" stroke=\"{}\" stroke-opacity=\"0.5\" stroke-width=\"3\" "
        "stroke-linecap=\"round\"/>\n",
        path, svg_color(series.style.color));
  }

  // Each beside its point, in the first place that is free and no nearer to another point; none
  // where there is no such place.
  void labels(const Series& series) {
    for (const ChartPoint& point : series.points) {
      if (point.label.empty() || point.label.find('\n') != std::string::npos || !is_inside(point)) {
        continue;
      }
      const double x = at_x(point.x);
      const double y = at_y(point.y);
      const double width = svg_text_width(point.label, kSmallFont);
      const double gap = kMarkerRadius + 3;
      for (const Spot place :
           {Spot{x + gap, y + 4}, Spot{x - gap - width, y + 4}, Spot{x - width / 2, y - gap - 1},
            Spot{x - width / 2, y + gap + 9}, Spot{x + gap, y - gap}, Spot{x + gap, y + gap + 9},
            Spot{x - gap - width, y - gap}, Spot{x - gap - width, y + gap + 9}}) {
        const Box box{place.x - 1, place.y - 10, place.x + width + 1, place.y + 3};
        const bool fits = box.x1 >= left_ && box.x2 <= right_ && box.y1 >= top_ &&
                          box.y2 <= bottom_ &&
                          std::none_of(taken_.begin(), taken_.end(),
                                       [&](const Box& other) { return overlap(box, other); }) &&
                          std::none_of(lines_.begin(), lines_.end(),
                                       [&](const Segment& line) { return crosses(line, box); }) &&
                          std::none_of(markers_.begin(), markers_.end(), [&](const Spot& other) {
                            return distance(other, box) < distance({x, y}, box);
                          });
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
  std::vector<Box> taken_;  // by markers and texts
  std::vector<Spot> markers_;
  std::vector<Segment> lines_;  // of all series
  std::string out_;
};

// Names left, bars, notes right.
std::string rows_svg(const Panel& panel, double x, double y, double width, double height) {
  double names = 0;
  double notes = 0;
  std::vector<double> values;
  for (const Row& row : panel.rows) {
    names = std::max(names, svg_text_width(row.name, kFont));
    notes = std::max(notes, svg_text_width(row.note, kSmallFont));
    values.push_back(row.value);
  }
  const Range range = churon::report::range(panel.x, values);
  const double left = x + names + 10;
  const double right = x + width - notes - 24;
  const double top = y + kTop;
  const double bottom = y + height - kBottom;
  const auto at_x = [&](double value) {
    return left + std::clamp(range.share(value), 0.0, 1.0) * (right - left);
  };
  std::string out =
      text_at(x, top - 11, panel.title, kFont + 1, Anchor::start, " font-weight=\"bold\"");
  for (const double tick : ticks(range.low, range.high, range.scale, 7)) {
    out += line_at(at_x(tick), top, at_x(tick), bottom, "#e4e4e4", 1);
    out += text_at(at_x(tick), bottom + 15, tick_text(tick, panel.x.percent), kSmallFont,
                   Anchor::middle);
  }
  out += text_at((left + right) / 2, bottom + 35, panel.x.title, kFont, Anchor::middle);
  const double step = (bottom - top) / static_cast<double>(panel.rows.size());
  double at = top;
  for (const Row& row : panel.rows) {
    const double base = at + step / 2 + 4;
    out += text_at(left - 6, base, row.name, kFont, Anchor::end);
    out +=
        box_at(left, at + step * 0.15, at_x(row.value) - left, step * 0.7, svg_color(Color::sky));
    if (row.mark) {
      out += box_at(at_x(*row.mark) - 1.5, at + step * 0.05, 3, step * 0.9,
                    svg_color(Color::vermillion));
    }
    out += text_at(right + 12, base, row.note, kSmallFont, Anchor::start);
    at += step;
  }
  return out + line_at(left, top, left, bottom, "#999999", 1);
}

}  // namespace

std::string panel_svg(const Panel& panel, double x, double y, double width, double height) {
  return panel.rows.empty() ? PanelDrawing(panel, x, y, width, height).text()
                            : rows_svg(panel, x, y, width, height);
}

}  // namespace churon::report
