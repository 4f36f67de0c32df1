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

// A rectangle of offsets.
struct Region {
  Offset low, high;

  [[nodiscard]] Offset middle() const { return {(low.u + high.u) / 2, (low.v + high.v) / 2}; }
};

// The best offset is where most of these discs overlap. Regions of offsets are quartered; one in
// which no more discs can overlap than were found at an offset already is left. Where few discs are
// in doubt the best offset is found exactly: discs are convex and closed, so the best set of them
// meets on the rim of one of them (or everywhere): every rim is walked, and the other discs that it
// enters and leaves are counted.
class Placement {
 public:
  Placement(DieSize die, Wafer wafer)
      : die_(die),
        radius_(wafer.diameter / 2 - wafer.edge),
        pitch_x_(die.width + wafer.street),
        pitch_y_(die.height + wafer.street) {
    if (std::hypot(die_.width / 2, die_.height / 2) > radius_ + kTouchMm) {
      return;
    }
    const Region all{{0, 0}, {pitch_x_ / 2, pitch_y_ / 2}};
    std::vector<Disc> rims;
    const std::int64_t always = sort_dies(rims);
    for (const double u : {all.low.u, all.high.u}) {
      for (const double v : {all.low.v, all.high.v}) {
        consider({u, v}, always + held(rims, {u, v}));
      }
    }
    search(all, always, rims, 0);
  }

  // Dies of the best grid, each verified: those of a row between two that are inside are inside.
  [[nodiscard]] std::int64_t count() const {
    std::int64_t count = 0;
    for_each_row([&](std::int64_t /*row*/, std::int64_t first, std::int64_t last) {
      count += last - first + 1;
    });
    return count;
  }
  [[nodiscard]] std::vector<DiePosition> dies() const {
    std::vector<DiePosition> dies;
    for_each_row([&](std::int64_t row, std::int64_t first, std::int64_t last) {
      for (std::int64_t i = first; i <= last; ++i) {
        dies.push_back(position(i, row));
      }
    });
    return dies;
  }

 private:
  [[nodiscard]] bool holds(const Disc& disc, Offset at) const {
    const double x = disc.x(at.u), y = disc.y(at.v), reach = radius_ + kTouchMm;
    return x * x + y * y <= reach * reach;
  }
  [[nodiscard]] std::int64_t held(const std::vector<Disc>& rims, Offset at) const {
    return std::count_if(rims.begin(), rims.end(),
                         [&](const Disc& disc) { return holds(disc, at); });
  }
  // At every offset of a region, and at one at least.
  [[nodiscard]] bool holds_all(const Disc& disc, const Region& region) const {
    return holds(disc, {disc.sx > 0 ? region.high.u : region.low.u,
                        disc.sy > 0 ? region.high.v : region.low.v});
  }
  [[nodiscard]] bool holds_some(const Disc& disc, const Region& region) const {
    return holds(disc, {disc.sx > 0 ? region.low.u : region.high.u,
                        disc.sy > 0 ? region.low.v : region.high.v});
  }

  void consider(Offset offset, std::int64_t count) {
    if (count > most_) {
      most_ = count;
      best_ = offset;
    }
  }

  [[nodiscard]] std::int64_t rows() const {
    return static_cast<std::int64_t>(radius_ / pitch_y_) + 1;
  }

  // Dies that are inside at every offset are counted, those that are at some get into `rims`. On
  // each side of a row the dies lie in this order from the middle: always, at some, never.
  std::int64_t sort_dies(std::vector<Disc>& rims) const {
    const Region all{{0, 0}, {pitch_x_ / 2, pitch_y_ / 2}};
    std::int64_t always = 0;
    for (std::int64_t j = -rows(); j <= rows(); ++j) {
      for (const std::int64_t side : {1, -1}) {
        const auto disc = [&](std::int64_t i) {
          return Disc{axis_sign(i), axis_reach(i, pitch_x_, die_.width), axis_sign(j),
                      axis_reach(j, pitch_y_, die_.height)};
        };
        const double y = disc(side).y(disc(side).sy > 0 ? all.high.v : all.low.v);
        const double half = std::sqrt(std::max(radius_ * radius_ - y * y, 0.0));
        const std::int64_t first = side > 0 ? 0 : 1;
        // One pitch short of where it can end.
        std::int64_t k =
            std::max(first, static_cast<std::int64_t>((half - die_.width / 2) / pitch_x_ - 1.5));
        if (k > first && !holds_all(disc(side * (k - 1)), all)) {
          k = first;
        }
        always += k - first;
        for (; holds_some(disc(side * k), all); ++k) {
          if (holds_all(disc(side * k), all)) {
            ++always;
          } else {
            rims.push_back(disc(side * k));
          }
        }
      }
    }
    return always;
  }

  // `rims`: the discs that may end in the region; `always` more hold all of it.
  void search(const Region& region, std::int64_t always, const std::vector<Disc>& rims, int depth) {
    // Quartering goes on until the walk, which is quadratic, is cheap.
    constexpr std::size_t kWalked = 24;
    constexpr int kDepthMax = 20;
    std::vector<Disc> open;
    for (const Disc& disc : rims) {
      if (holds_all(disc, region)) {
        ++always;
      } else if (holds_some(disc, region)) {
        open.push_back(disc);
      }
    }
    const Offset middle = region.middle();
    consider(middle, always + held(open, middle));
    if (always + static_cast<std::int64_t>(open.size()) <= most_) {
      return;
    }
    if (open.size() <= kWalked || depth == kDepthMax) {
      for (std::size_t k = 0; k < open.size(); ++k) {
        walk(region, open, k, always);
      }
      return;
    }
    for (const auto& [u_low, u_high] :
         {std::pair{region.low.u, middle.u}, {middle.u, region.high.u}}) {
      for (const auto& [v_low, v_high] :
           {std::pair{region.low.v, middle.v}, {middle.v, region.high.v}}) {
        search({{u_low, v_low}, {u_high, v_high}}, always, open, depth + 1);
      }
    }
  }

  // The part of a disc's rim that lies in a region, as an interval of u.
  [[nodiscard]] std::optional<Interval> rim_inside(const Disc& disc, const Region& region) const {
    const double y_low = std::min(disc.y(region.low.v), disc.y(region.high.v));
    const double y_high = std::max(disc.y(region.low.v), disc.y(region.high.v));
    if (y_low > radius_) {
      return std::nullopt;
    }
    const double x_high = std::sqrt(radius_ * radius_ - y_low * y_low);
    const double x_low = y_high >= radius_ ? 0 : std::sqrt(radius_ * radius_ - y_high * y_high);
    const double u_a = disc.sx * (x_low - disc.ax), u_b = disc.sx * (x_high - disc.ax);
    const Interval u{std::max(region.low.u, std::min(u_a, u_b)),
                     std::min(region.high.u, std::max(u_a, u_b))};
    return u.low <= u.high ? std::optional(u) : std::nullopt;
  }

  [[nodiscard]] Offset on_rim(const Disc& disc, double u, const Region& region) const {
    const double x = std::min(disc.x(u), radius_);
    const double y = std::sqrt(radius_ * radius_ - x * x);
    return {u, std::clamp(disc.sy * (y - disc.ay), region.low.v, region.high.v)};
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
  [[nodiscard]] std::optional<Interval> covered(const Disc& rim, const Disc& other, Interval u,
                                                const Region& region) const {
    std::vector<double> at = crossings(rim, other, u);
    at.insert(at.begin(), u.low);
    at.push_back(u.high);
    std::optional<Interval> found;
    for (std::size_t i = 0; i + 1 < at.size(); ++i) {
      if (holds(other, on_rim(rim, (at[i] + at[i + 1]) / 2, region))) {
        found = found ? Interval{found->low, at[i + 1]} : Interval{at[i], at[i + 1]};
      }
    }
    if (!found) {  // it may still touch
      for (const double touch : at) {
        if (holds(other, on_rim(rim, touch, region))) {
          return Interval{touch, touch};
        }
      }
    }
    return found;
  }

  void walk(const Region& region, const std::vector<Disc>& rims, std::size_t k,
            std::int64_t always) {
    const auto u = rim_inside(rims[k], region);
    if (!u) {
      return;
    }
    std::vector<double> enter, leave;
    for (std::size_t m = 0; m < rims.size(); ++m) {
      if (const auto part = m == k ? std::nullopt : covered(rims[k], rims[m], *u, region)) {
        enter.push_back(part->low - kSameOffsetMm);
        leave.push_back(part->high + kSameOffsetMm);
      }
    }
    std::sort(enter.begin(), enter.end());
    std::sort(leave.begin(), leave.end());
    consider(on_rim(rims[k], u->low, region), always + 1);
    std::size_t left = 0;
    for (std::size_t entered = 0; entered < enter.size(); ++entered) {
      while (left < leave.size() && leave[left] < enter[entered]) {
        ++left;
      }
      const double at = std::clamp(enter[entered] + kSameOffsetMm, u->low, u->high);
      consider(on_rim(rims[k], at, region),
               always + 1 + static_cast<std::int64_t>(entered + 1 - left));
    }
  }

  [[nodiscard]] DiePosition position(std::int64_t column, std::int64_t row) const {
    return {best_.u + static_cast<double>(column) * pitch_x_,
            best_.v + static_cast<double>(row) * pitch_y_};
  }
  [[nodiscard]] bool is_inside(std::int64_t column, std::int64_t row) const {
    return corner_radius(die_, position(column, row)) <= radius_ + kTouchMm;
  }

  // Of every row of the best grid that holds one, its first and last die inside.
  template <typename Visit>
  void for_each_row(const Visit& visit) const {
    if (most_ < 0) {
      return;
    }
    for (std::int64_t row = -rows(); row <= rows(); ++row) {
      const double y = std::abs(position(0, row).y) + die_.height / 2;
      if (y > radius_ + kTouchMm) {
        continue;
      }
      const double half = std::sqrt(std::max(radius_ * radius_ - y * y, 0.0)) - die_.width / 2;
      auto first = static_cast<std::int64_t>(std::floor((-half - best_.u) / pitch_x_)) - 1;
      auto last = static_cast<std::int64_t>(std::ceil((half - best_.u) / pitch_x_)) + 1;
      while (first <= last && !is_inside(first, row)) {
        ++first;
      }
      while (last >= first && !is_inside(last, row)) {
        --last;
      }
      if (first <= last) {
        visit(row, first, last);
      }
    }
  }

  DieSize die_;
  double radius_, pitch_x_, pitch_y_;
  std::int64_t most_ = -1;
  Offset best_;
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
  return Placement(die, wafer).dies();
}

std::int64_t gross_dies(DieSize die, Wafer wafer) { return Placement(die, wafer).count(); }

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
