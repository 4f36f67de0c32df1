#include "cost/wafer.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>

namespace churon::cost {

namespace {

// What counts as touching: the rounding of double precision on a wafer, far below any die's
// tolerance.
constexpr double kTouchMm = 1e-9;
constexpr double kSameOffsetMm = 1e-10;

// The offset (u, v) of the grid is that of one die's centre from the wafer's. Mirroring the wafer
// leaves 0 <= u <= pitch_x / 2, 0 <= v <= pitch_y / 2.
struct Offset {
  double u = 0, v = 0;
};

struct Interval {
  double low = 0, high = 0;
};

// Die (i, j) of the grid. In the region of offsets its outermost corner lies at
// (sx * u + ax, sy * v + ay) up to signs, so the offsets at which it is inside the usable radius
// are a disc of that radius around (-sx * ax, -sy * ay).
struct Disc {
  double sx, ax, sy, ay;

  [[nodiscard]] double x(double u) const { return sx * u + ax; }
  [[nodiscard]] double y(double v) const { return sy * v + ay; }
};

double axis_sign(std::int64_t index) { return index >= 0 ? 1 : -1; }
double axis_reach(std::int64_t index, double pitch, double size) {
  return std::abs(static_cast<double>(index)) * pitch + size / 2;
}

// The best offset is where most of these discs overlap. They are convex and closed, so the best set
// of them meets on the rim of one of them (or everywhere): every rim is walked, and the other discs
// that it enters and leaves are counted.
class Placement {
 public:
  Placement(DieSize die, Wafer wafer)
      : die_(die),
        radius_(wafer.diameter / 2 - wafer.edge),
        pitch_x_(die.width + wafer.street),
        pitch_y_(die.height + wafer.street) {}

  [[nodiscard]] std::vector<DiePosition> best() const {
    if (std::hypot(die_.width / 2, die_.height / 2) > radius_ + kTouchMm) {
      return {};
    }
    std::vector<Disc> rims;
    const std::int64_t always = sort_dies(rims);
    std::int64_t most = -1;
    Offset best;
    const auto consider = [&](Offset offset, std::int64_t count) {
      if (count > most) {
        most = count;
        best = offset;
      }
    };
    for (const double u : {0.0, pitch_x_ / 2}) {
      for (const double v : {0.0, pitch_y_ / 2}) {
        consider({u, v}, always + std::count_if(rims.begin(), rims.end(), [&](const Disc& disc) {
                           return holds(disc, {u, v});
                         }));
      }
    }
    for (std::size_t k = 0; k < rims.size(); ++k) {
      walk(rims, k, always, consider);
    }
    return dies_at(best);
  }

 private:
  [[nodiscard]] bool holds(const Disc& disc, Offset at) const {
    return std::hypot(disc.x(at.u), disc.y(at.v)) <= radius_ + kTouchMm;
  }

  // Dies that are inside at every offset are counted, those that are at some get into `rims`.
  std::int64_t sort_dies(std::vector<Disc>& rims) const {
    const auto columns = static_cast<std::int64_t>(radius_ / pitch_x_) + 1;
    const auto rows = static_cast<std::int64_t>(radius_ / pitch_y_) + 1;
    std::int64_t always = 0;
    for (std::int64_t j = -rows; j <= rows; ++j) {
      for (std::int64_t i = -columns; i <= columns; ++i) {
        const Disc disc{axis_sign(i), axis_reach(i, pitch_x_, die_.width), axis_sign(j),
                        axis_reach(j, pitch_y_, die_.height)};
        const double far_u = i >= 0 ? pitch_x_ / 2 : 0, far_v = j >= 0 ? pitch_y_ / 2 : 0;
        if (holds(disc, {far_u, far_v})) {
          ++always;
        } else if (holds(disc, {pitch_x_ / 2 - far_u, pitch_y_ / 2 - far_v})) {
          rims.push_back(disc);
        }
      }
    }
    return always;
  }

  // The part of a disc's rim that lies in the region of offsets, as an interval of u.
  [[nodiscard]] std::optional<Interval> rim_inside(const Disc& disc) const {
    const double y_low = std::min(disc.y(0), disc.y(pitch_y_ / 2));
    const double y_high = std::max(disc.y(0), disc.y(pitch_y_ / 2));
    if (y_low > radius_) {
      return std::nullopt;
    }
    const double x_high = std::sqrt(radius_ * radius_ - y_low * y_low);
    const double x_low = y_high >= radius_ ? 0 : std::sqrt(radius_ * radius_ - y_high * y_high);
    const double u_a = disc.sx * (x_low - disc.ax), u_b = disc.sx * (x_high - disc.ax);
    const Interval u{std::max(0.0, std::min(u_a, u_b)), std::min(pitch_x_ / 2, std::max(u_a, u_b))};
    return u.low <= u.high ? std::optional(u) : std::nullopt;
  }

  [[nodiscard]] Offset on_rim(const Disc& disc, double u) const {
    const double x = std::min(disc.x(u), radius_);
    const double y = std::sqrt(radius_ * radius_ - x * x);
    return {u, std::clamp(disc.sy * (y - disc.ay), 0.0, pitch_y_ / 2)};
  }

  // Where the rims of two discs cross, as u: none, one or two inside the interval.
  [[nodiscard]] std::vector<double> crossings(const Disc& a, const Disc& b, Interval u) const {
    const double ax = -a.sx * a.ax, ay = -a.sy * a.ay, bx = -b.sx * b.ax, by = -b.sy * b.ay;
    const double distance = std::hypot(bx - ax, by - ay);
    std::vector<double> found;
    if (distance == 0 || distance > 2 * radius_) {
      return found;
    }
    const double half = std::sqrt(radius_ * radius_ - distance * distance / 4);
    for (const double side : {-half, half}) {
      const double at = (ax + bx) / 2 + side * (by - ay) / distance;
      if (at > u.low && at < u.high) {
        found.push_back(at);
      }
    }
    std::sort(found.begin(), found.end());
    return found;
  }

  // The part of rim `k` that lies in another disc is one piece: both are less than half a circle.
  [[nodiscard]] std::optional<Interval> covered(const Disc& rim, const Disc& other,
                                                Interval u) const {
    std::vector<double> at = crossings(rim, other, u);
    at.insert(at.begin(), u.low);
    at.push_back(u.high);
    std::optional<Interval> found;
    for (std::size_t i = 0; i + 1 < at.size(); ++i) {
      if (holds(other, on_rim(rim, (at[i] + at[i + 1]) / 2))) {
        found = found ? Interval{found->low, at[i + 1]} : Interval{at[i], at[i + 1]};
      }
    }
    if (!found) {  // it may still touch
      for (const double touch : at) {
        if (holds(other, on_rim(rim, touch))) {
          return Interval{touch, touch};
        }
      }
    }
    return found;
  }

  template <typename Consider>
  void walk(const std::vector<Disc>& rims, std::size_t k, std::int64_t always,
            const Consider& consider) const {
    const auto u = rim_inside(rims[k]);
    if (!u) {
      return;
    }
    std::vector<double> enter, leave;
    for (std::size_t m = 0; m < rims.size(); ++m) {
      if (const auto part = m == k ? std::nullopt : covered(rims[k], rims[m], *u)) {
        enter.push_back(part->low - kSameOffsetMm);
        leave.push_back(part->high + kSameOffsetMm);
      }
    }
    std::sort(enter.begin(), enter.end());
    std::sort(leave.begin(), leave.end());
    consider(on_rim(rims[k], u->low), always + 1);
    std::size_t left = 0;
    for (std::size_t entered = 0; entered < enter.size(); ++entered) {
      while (left < leave.size() && leave[left] < enter[entered]) {
        ++left;
      }
      const double at = std::clamp(enter[entered] + kSameOffsetMm, u->low, u->high);
      consider(on_rim(rims[k], at), always + 1 + static_cast<std::int64_t>(entered + 1 - left));
    }
  }

  [[nodiscard]] std::vector<DiePosition> dies_at(Offset offset) const {
    const auto columns = static_cast<std::int64_t>(radius_ / pitch_x_) + 1;
    const auto rows = static_cast<std::int64_t>(radius_ / pitch_y_) + 1;
    std::vector<DiePosition> dies;
    for (std::int64_t j = -rows; j <= rows; ++j) {
      for (std::int64_t i = -columns; i <= columns; ++i) {
        const DiePosition at{offset.u + static_cast<double>(i) * pitch_x_,
                             offset.v + static_cast<double>(j) * pitch_y_};
        if (corner_radius(die_, at) <= radius_ + kTouchMm) {
          dies.push_back(at);
        }
      }
    }
    return dies;
  }

  DieSize die_;
  double radius_, pitch_x_, pitch_y_;
};

struct Circle {
  double diameter, area_ratio, die_area;
};

Circle usable(DieSize die, Wafer wafer) {
  const double diameter = std::max(wafer.diameter - 2 * wafer.edge, 0.0);
  const double area = (die.width + wafer.street) * (die.height + wafer.street);
  return {diameter, std::numbers::pi * diameter * diameter / 4 / area, area};
}

}  // namespace

std::vector<DiePosition> placed_dies(DieSize die, Wafer wafer) {
  return Placement(die, wafer).best();
}

std::int64_t gross_dies(DieSize die, Wafer wafer) {
  return static_cast<std::int64_t>(placed_dies(die, wafer).size());
}

double corner_radius(DieSize die, DiePosition position) {
  return std::hypot(std::abs(position.x) + die.width / 2, std::abs(position.y) + die.height / 2);
}

double gross_dies_floor(DieSize die, Wafer wafer) {
  const Circle circle = usable(die, wafer);
  return std::max(
      0.0, circle.area_ratio - std::numbers::pi * circle.diameter / std::sqrt(2 * circle.die_area));
}

double gross_dies_de_vries(DieSize die, Wafer wafer) {
  const Circle circle = usable(die, wafer);
  return circle.diameter > 0
             ? circle.area_ratio * std::exp(-2 * std::sqrt(circle.die_area) / circle.diameter)
             : 0;
}

double gross_dies_area_ratio(DieSize die, Wafer wafer) { return usable(die, wafer).area_ratio; }

}  // namespace churon::cost
