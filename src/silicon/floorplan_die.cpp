#include <algorithm>
#include <cmath>

#include "silicon/floorplan_impl.h"

namespace churon::silicon::plan {

namespace {

constexpr double kPhyShare = 0.98;     // of the edge that belongs to a PHY, at most
constexpr double kCoreShareMin = 0.5;  // cells of less than half their area are no floorplan
constexpr double kNothing = 1e-15;     // square metres

struct Piece {
  ShapeKind kind;
  std::string label;
  double area = 0;
};

Edge transposed(Edge edge) {
  switch (edge) {
    case Edge::left:
      return Edge::bottom;
    case Edge::right:
      return Edge::top;
    case Edge::bottom:
      return Edge::left;
    case Edge::top:
      return Edge::right;
  }
  return edge;
}

// Works in a frame of its own: the memory at top and bottom, the origin at the die's corner.
class Filler {
 public:
  Filler(const Placed& die, const DieNet& net, const AreaBudget& area, Floorplan& plan)
      : die_(die),
        net_(net),
        area_(area),
        plan_(plan),
        factor_(die.rect.area() / net.sum()),
        is_transposed_(die.stack_edges.empty() ? die.rect.height > die.rect.width
                                               : is_vertical(die.stack_edges.front())),
        width_(is_transposed_ ? die.rect.height : die.rect.width),
        height_(is_transposed_ ? die.rect.width : die.rect.height),
        right_(width_) {
    for (const Edge edge : die.d2d) {
      d2d_.insert(here(edge));
    }
    is_serdes_left_ = true;
    for (const Edge edge : die.inner) {
      is_serdes_left_ = is_serdes_left_ && here(edge) != Edge::left;
    }
    cell_ = net.core * factor_;
    rows_ = die.die->core_rows;
    cols_ = die.die->core_cols;
    if (die.is_turned != is_transposed_) {
      std::swap(rows_, cols_);
    }
    spares_ = die.die->spare_cores;
    spare_cols_ = div_ceil(spares_, rows_);
    free_cells_ = spare_cols_ * rows_ - spares_;
    if (d2d_.empty() && net.d2d > 0) {
      pieces_.push_back({ShapeKind::d2d, "die-to-die", net.d2d * factor_});
    }
    pieces_.push_back({ShapeKind::collectives, "collectives", net.collectives * factor_});
    pieces_.push_back({ShapeKind::misc, "misc", net.misc * factor_});
  }

  Result<double> run(int carrier) {
    shape_ = static_cast<int>(plan_.shapes.size());
    plan_.shapes.push_back({ShapeKind::die, die_.instance->id, die_.rect, carrier});
    top_and_bottom();
    const double inside = height_ - top_ - bottom_;
    if (inside <= 0) {
      return too_small();
    }
    sides(inside);
    widen(inside);
    const double cell_width = (right_ - left_) / static_cast<double>(cols_ + spare_cols_);
    const double cell_height = inside / static_cast<double>(rows_);
    if (cell_width <= 0 || cell_width * cell_height < kCoreShareMin * cell_) {
      return too_small();
    }
    grid(cell_width, cell_height);
    pour();
    return cell_width * cell_height / cell_;
  }

 private:
  [[nodiscard]] Edge here(Edge edge) const { return is_transposed_ ? transposed(edge) : edge; }

  int add(ShapeKind kind, std::string label, const Rect& rect, int parent) {
    const Rect& die = die_.rect;
    const Rect placed = is_transposed_
                            ? Rect{die.x + rect.y, die.y + rect.x, rect.height, rect.width}
                            : Rect{die.x + rect.x, die.y + rect.y, rect.width, rect.height};
    plan_.shapes.push_back({kind, std::move(label), placed, parent});
    return static_cast<int>(plan_.shapes.size()) - 1;
  }

  [[nodiscard]] double to_pour() const {
    double sum = 0;
    for (const Piece& piece : pieces_) {
      sum += piece.area;
    }
    return sum;
  }

  // The wider the PHYs, the less deep they are and the less is left between them: as wide as fills
  // that with what has no place of its own, within the width of a stack.
  [[nodiscard]] double phy_width() const {
    double width = plan_.has_stacks ? chip::kStackPitch.value() - kStackGap : width_;
    double edges = 0;
    for (const Edge edge : die_.stack_edges) {
      if (const int count = die_.stacks_at(edge); count > 0) {
        width = std::min(width, kPhyShare * width_ / count);
        edges += 1;
      }
    }
    const double between = std::max(0.0, to_pour() - static_cast<double>(free_cells_) * cell_);
    const double phys = net_.phys * factor_;
    return std::min(width, width_ * phys / die_.stack_count() * edges / (between + phys));
  }

  [[nodiscard]] double d2d_area() const {
    return d2d_.empty() ? 0 : net_.d2d * factor_ / static_cast<double>(d2d_.size());
  }

  // PHYs, or the interface to a die beyond.
  void top_and_bottom() {
    for (const Edge edge : kEdges) {
      const Edge at = here(edge);
      if (is_vertical(at)) {
        continue;
      }
      double& depth = at == Edge::top ? top_ : bottom_;
      if (d2d_.contains(at)) {
        depth = d2d_area() / width_;
        const double y = at == Edge::top ? height_ - depth : 0;
        add(ShapeKind::d2d, "die-to-die", {0, y, width_, depth}, shape_);
        continue;
      }
      const int count = die_.stacks_at(edge);
      if (count == 0) {
        continue;
      }
      const double width = phy_width();
      depth = net_.phys * factor_ / die_.stack_count() / width;
      const double y = at == Edge::top ? height_ - depth : 0;
      double x = 0;
      for (int i = 0; i < count; ++i) {
        const double from = width_ * (i + 0.5) / count - width / 2;
        slots_.push_back({x, y, from - x, depth});
        add(ShapeKind::memory_phy, "", {from, y, width, depth}, shape_);
        x = from + width;
      }
      slots_.push_back({x, y, width_ - x, depth});
    }
  }

  // Takes a column off the left or the right of what is left.
  Rect column(bool at_left, double area, double inside) {
    const double width = area / inside;
    const double x = at_left ? left_ : right_ - width;
    (at_left ? left_ : right_) += at_left ? width : -width;
    return {x, bottom_, width, inside};
  }

  void sides(double inside) {
    for (const Edge edge : {Edge::left, Edge::right}) {
      if (d2d_.contains(edge)) {
        add(ShapeKind::d2d, "die-to-die", column(edge == Edge::left, d2d_area(), inside), shape_);
      }
    }
    if (net_.links() <= 0) {
      return;
    }
    Rect serdes = column(is_serdes_left_, net_.links() * factor_, inside);
    for (const auto& [name, area] : net_.serdes) {
      serdes.height = inside * area / net_.links();
      add(ShapeKind::serdes, name, serdes, shape_);
      serdes.y += serdes.height;
    }
  }

  // A column beside the SerDes for what neither the slots nor the free cells take.
  void widen(double inside) {
    double slots = 0;
    for (const Rect& slot : slots_) {
      slots += slot.area();
    }
    const double beyond = to_pour() - slots - static_cast<double>(free_cells_) * cell_;
    if (beyond > kNothing) {
      slots_.push_back(column(is_serdes_left_, beyond, inside));
    }
  }

  // The spares stand in columns of their own at the end where the SerDes are, in the middle rows.
  void grid(double cell_width, double cell_height) {
    std::int64_t core = 0;
    std::int64_t spare = 0;
    for (std::int64_t row = 0; row < rows_; ++row) {
      for (std::int64_t col = 0; col < cols_ + spare_cols_; ++col) {
        const std::int64_t from_far = is_serdes_left_ ? cols_ + spare_cols_ - 1 - col : col;
        const Rect cell{left_ + static_cast<double>(col) * cell_width,
                        bottom_ + static_cast<double>(row) * cell_height, cell_width, cell_height};
        const std::int64_t place = (from_far - cols_) * rows_ + row;
        if (from_far < cols_) {
          fill_core(add(ShapeKind::core, fmt::format("{}", core++), cell, shape_), cell);
        } else if (place >= free_cells_ / 2 && place < free_cells_ / 2 + spares_) {
          fill_core(add(ShapeKind::spare_core, fmt::format("spare {}", spare++), cell, shape_),
                    cell);
        } else {
          slots_.push_back(cell);
        }
      }
    }
  }

  // The array at the foot, the scratch over it, the rest side by side on top.
  void fill_core(int core, const Rect& cell) {
    const auto net = [&](std::initializer_list<std::string_view> ids) {
      double sum = 0;
      for (const BlockArea& block : area_.blocks) {
        const bool is_one = std::find(ids.begin(), ids.end(), block.id) != ids.end();
        sum += is_one ? block.net.central : 0;
      }
      return sum;
    };
    const double matrix = net({"matrix"});
    const double scratch = net({"scratch"});
    const std::array<std::pair<ShapeKind, double>, 3> rest{
        std::pair(ShapeKind::vector, net({"vector"})),
        std::pair(ShapeKind::dma, net({"dma", "sequencer"})),
        std::pair(ShapeKind::noc, net({"noc"}))};
    const double rest_sum = rest[0].second + rest[1].second + rest[2].second;
    const double sum = matrix + scratch + rest_sum;
    Rect part = cell;
    for (const auto& [kind, area] :
         {std::pair(ShapeKind::matrix, matrix), std::pair(ShapeKind::scratch, scratch)}) {
      part.height = cell.height * area / sum;
      add(kind, "", part, core);
      part.y += part.height;
    }
    part.height = cell.top() - part.y;
    for (const auto& [kind, area] : rest) {
      part.width = cell.width * area / rest_sum;
      add(kind, "", part, core);
      part.x += part.width;
    }
  }

  // Cuts the pieces off the slots, in order, along each slot's long side; the collectives are first
  // and so nearest to the SerDes. What is left is blank.
  void pour() {
    std::stable_sort(slots_.begin(), slots_.end(), [&](const Rect& a, const Rect& b) {
      return is_serdes_left_ ? a.x < b.x : a.right() > b.right();
    });
    auto piece = pieces_.begin();
    for (Rect slot : slots_) {
      while (slot.area() > kNothing && piece != pieces_.end()) {
        const double take = std::min(piece->area, slot.area());
        if (take > kNothing) {
          add(piece->kind, piece->label, cut(slot, take), shape_);
        }
        piece->area -= take;
        piece += piece->area <= kNothing ? 1 : 0;
      }
      if (slot.area() > kNothing) {
        add(ShapeKind::blank, "", slot, shape_);
      }
    }
  }

  static Rect cut(Rect& slot, double area) {
    Rect part = slot;
    const double share = std::min(1.0, area / slot.area());
    if (share > 1 - 1e-9) {
      slot.width = 0;
    } else if (slot.width >= slot.height) {
      part.width = slot.width * share;
      slot.x += part.width;
      slot.width -= part.width;
    } else {
      part.height = slot.height * share;
      slot.y += part.height;
      slot.height -= part.height;
    }
    return part;
  }

  [[nodiscard]] tl::unexpected<Diagnostics> too_small() const {
    return fail(Diagnostic{
        .code = "A0306",
        .message = fmt::format("die `{}` is too small for its interfaces", die_.instance->id),
        .notes = {fmt::format("{} × {}: {} of PHYs, {} of SerDes, {} of die-to-die", mm(width_),
                              mm(height_), mm2(net_.phys * factor_), mm2(net_.links() * factor_),
                              mm2(net_.d2d * factor_)),
                  fmt::format("for {:.0f} cores of {} each remain {} × {}", net_.cells, mm2(cell_),
                              mm(std::max(right_ - left_, 0.0)),
                              mm(std::max(height_ - top_ - bottom_, 0.0)))},
        .help = {"a die with a longer short side, fewer stacks or fewer links"},
        .exit = ExitCode::infeasible});
  }

  const Placed& die_;
  const DieNet& net_;
  const AreaBudget& area_;
  Floorplan& plan_;
  double factor_;
  bool is_transposed_;
  double width_, height_;
  double top_ = 0, bottom_ = 0, left_ = 0, right_;  // what the edges have taken
  double cell_ = 0;                                 // of a core, gross
  std::set<Edge> d2d_;
  bool is_serdes_left_ = true;
  std::int64_t rows_ = 0, cols_ = 0, spares_ = 0, spare_cols_ = 0, free_cells_ = 0;
  int shape_ = 0;
  std::vector<Rect> slots_;    // between the PHYs and beside the spares
  std::vector<Piece> pieces_;  // that have no place of their own
};

}  // namespace

Result<double> fill_die(const Placed& die, const DieNet& net, const AreaBudget& area, int carrier,
                        Floorplan& plan) {
  return Filler(die, net, area, plan).run(carrier);
}

}  // namespace churon::silicon::plan
