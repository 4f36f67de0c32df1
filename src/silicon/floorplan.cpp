#include "silicon/floorplan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "base/check.h"
#include "base/data_dir.h"
#include "base/text.h"
#include "silicon/floorplan_impl.h"
#include "silicon/power.h"

namespace churon::silicon {

namespace plan {

DieNet net_of(const AreaBudget& area, const chip::Memory& memory, const chip::Die& die,
              double stacks, double dies) {
  DieNet net{.core = area.core(),
             .cells = static_cast<double>(die.core_rows * die.core_cols + die.spare_cores)};
  for (const BlockArea& block : area.blocks) {
    const double share = block.net.central / dies;
    if (block.site == chip::Site::stack) {
      // PHYs of farther tiers are dealt like those of the main memory.
      net.phys += block.net.central * stacks / static_cast<double>(memory.stacks);
    } else if (block.id.starts_with("link.")) {
      net.serdes.emplace_back(block.name, share);
    } else if (block.id == "d2d") {
      net.d2d = share;
    } else if (block.id == "collectives") {
      net.collectives = share;
    } else if (block.id == "misc") {
      net.misc = share;
    }
  }
  return net;
}

}  // namespace plan

namespace {

using namespace plan;

constexpr double kTyped = 1e-6;          // coordinates are typed to a tenth of a millimetre
constexpr double kDieGap = 0.3e-3;       // between neighbours on an interposer
constexpr double kRim = 1e-3;            // of a derived interposer around what it holds
constexpr double kSubstrateRim = 3e-3;   // of a derived substrate, at least
constexpr double kDerivedAspect = 1.25;  // of a die that is not drawn
constexpr double kCoreShareNote = 0.05;

// Of the largest interposer that is made, in reticles.
struct InterposerLimit {
  double reticles = 0;
  std::string source;
};
Result<std::optional<InterposerLimit>> interposer_limit(std::string_view package) {
  const std::string_view key = package == "2.5d-interposer" ? "cowos_s.max_interposer"
                               : package == "2.5d-bridge"   ? "cowos_l.max_interposer"
                                                            : "";
  if (key.empty()) {
    return std::nullopt;
  }
  const auto table = read_csv(data_path("data/cost/packaging.csv"));
  if (!table) {
    return fail(table);
  }
  const int quantity = table->column("quantity");
  const int central = table->column("central");
  const int source = table->column("source");
  const int unit = table->column("unit");
  if (quantity >= 0 && central >= 0 && source >= 0 && unit >= 0) {
    for (const CsvRow& row : table->rows) {
      if (row.fields[static_cast<std::size_t>(quantity)].text == key) {
        const auto value = parse_quantity(row.fields[static_cast<std::size_t>(central)].text,
                                          QuantityKind::number);
        const std::string& found = row.fields[static_cast<std::size_t>(unit)].text;
        if (found != "reticles") {
          return fail(wrong_unit("A0108", key, "reticles", found, table->place(row, unit)));
        }
        if (value && *value > 0) {
          return InterposerLimit{
              *value,
              fmt::format("{}: {}", key, row.fields[static_cast<std::size_t>(source)].text)};
        }
      }
    }
  }
  return fail("A0105", fmt::format("{} has no number for `{}`", table->file, key),
              {"it is the largest interposer that is made, in reticles"});
}

class Planner {
 public:
  Planner(const chip::Chip& chip, const AreaBudget& area)
      : chip_(chip), area_(area), memory_(chip::main_memory(chip)) {}

  Result<Floorplan> run() {
    plan_.memory = memory_.type;
    plan_.has_stacks = memory_.type.starts_with("hbm");
    plan_.stacks = memory_.stacks;
    for (const chip::DieInstance& instance : chip_.die_instances) {
      const auto die = std::find_if(chip_.dies.begin(), chip_.dies.end(),
                                    [&](const chip::Die& one) { return one.id == instance.die; });
      check(die != chip_.dies.end(), instance.die);
      const double turn = instance.rotate.value();
      placed_.push_back(
          {.instance = &instance, .die = &*die, .is_turned = turn == 90 || turn == 270});
    }
    size_dies();
    if (!errors_.empty()) {
      return tl::unexpected(errors_);
    }
    place_dies();
    find_neighbours();
    place_stacks();
    if (!errors_.empty()) {
      return tl::unexpected(errors_);
    }
    if (auto carried = carry(); !carried) {
      return fail(carried);
    }
    for (Placed& die : placed_) {
      const DieNet net =
          net_of(area_, memory_, *die.die, die.stack_count(), static_cast<double>(placed_.size()));
      const auto core_share = fill_die(die, net, area_, carrier_, plan_);
      if (!core_share) {
        return fail(core_share);
      }
      size_of(die).core_share = *core_share;
    }
    remark();
    return std::move(plan_);
  }

 private:
  void error(std::string code, std::string message, std::vector<std::string> notes,
             std::vector<std::string> help) {
    errors_.push_back({.code = std::move(code),
                       .message = std::move(message),
                       .notes = std::move(notes),
                       .help = std::move(help),
                       .exit = ExitCode::infeasible});
  }

  int add(ShapeKind kind, std::string label, const Rect& rect, int parent) {
    plan_.shapes.push_back({kind, std::move(label), rect, parent});
    return static_cast<int>(plan_.shapes.size()) - 1;
  }

  // --- dies -------------------------------------------------------------------------------------

  // The largest die of a type decides: the stacks may not divide by the dies.
  void size_dies() {
    const auto dies = static_cast<std::int64_t>(placed_.size());
    for (const chip::Die& die : chip_.dies) {
      const auto instances =
          static_cast<int>(std::count_if(placed_.begin(), placed_.end(),
                                         [&](const Placed& one) { return one.die->id == die.id; }));
      if (instances == 0) {
        continue;
      }
      const double stacks = static_cast<double>(div_ceil(memory_.stacks, dies));
      const DieNet net = net_of(area_, memory_, die, stacks, static_cast<double>(placed_.size()));
      const double gross = net.sum() * area_.gross_factor();
      DieSize size{.id = die.id, .instances = instances};
      size.drawn = die.width && die.height && !area_.move.moves();
      if (size.drawn) {
        size.width = die.width->value;
        size.height = die.height->value;
        const double drawn = size.width.value() * size.height.value();
        const double packed = net.sum() / area_.utilisation.central;
        if (packed > drawn) {
          const double long_side = std::max(size.width.value(), size.height.value());
          error(
              "A0306", fmt::format("the blocks do not fit into die `{}` as drawn", die.id),
              {fmt::format("drawn: {} × {} = {}", mm(size.width.value()), mm(size.height.value()),
                           mm2(drawn)),
               fmt::format("blocks: {} net / {:g} utilisation = {}, before any contingency",
                           mm2(net.sum()), area_.utilisation.central, mm2(packed))},
              {fmt::format("with the contingency of {:g} % it would be {} × {}; without "
                           "`width` and `height` the die is derived from its blocks",
                           area_.contingency.central * 100, mm(long_side), mm(gross / long_side))});
        }
      } else {
        derive(die, size, net, gross);
      }
      size.factor = size.width.value() * size.height.value() / net.sum();
      plan_.dies.push_back(size);
    }
  }

  // The long edge as drawn, so that the stacks keep their place; longer where the other would not
  // fit the reticle.
  void derive(const chip::Die& die, DieSize& size, const DieNet& net, double gross) {
    const double reticle_short = chip::kReticleShort.value();
    const double reticle_long = chip::kReticleLong.value();
    double long_side = std::sqrt(gross * kDerivedAspect);
    bool is_wide = true;
    if (die.width && die.height) {
      long_side = std::max(die.width->value.value(), die.height->value.value());
      is_wide = die.width->value >= die.height->value;
    }
    long_side = std::min(std::max(long_side, std::sqrt(gross)), reticle_long);
    double short_side = gross / long_side;
    if (short_side > reticle_short) {
      long_side = std::min(gross / reticle_short, reticle_long);
      short_side = gross / long_side;
    }
    if (short_side > reticle_short + kSlack) {
      const double fixed = net.sum() - net.core * net.cells;
      const double of_cores = chip::kReticle.value() / area_.gross_factor() - fixed;
      const auto fit = static_cast<std::int64_t>(std::floor(of_cores / net.core)) - die.spare_cores;
      const auto pieces = static_cast<int>(std::ceil(gross / chip::kReticle.value()));
      error(
          "A0301",
          fmt::format("die `{}` of {} is larger than the field of a lithography scanner", die.id,
                      mm2(gross)),
          {fmt::format("the field is {} × {} = {}", mm(reticle_short), mm(reticle_long),
                       mm2(chip::kReticle.value())),
           fmt::format("{:.0f} cores of {} gross and {} of interfaces and the rest{}", net.cells,
                       mm2(net.core * area_.gross_factor()), mm2(fixed * area_.gross_factor()),
                       area_.move.moves() ? fmt::format(", at {}", area_.move.to) : std::string())},
          {fit > 0
               ? fmt::format("a die with {} cores instead of {} would fit, or {} dies in its place",
                             fit, die.core_rows * die.core_cols, pieces)
               : fmt::format("{} dies in its place would be needed", pieces)});
    }
    size.width = Metres(is_wide ? long_side : short_side);
    size.height = Metres(is_wide ? short_side : long_side);
  }

  [[nodiscard]] DieSize& size_of(const Placed& die) {
    const auto found = std::find_if(plan_.dies.begin(), plan_.dies.end(),
                                    [&](const DieSize& one) { return one.id == die.die->id; });
    return *found;
  }

  // As drawn; where dies are derived, in the same rows and columns.
  void place_dies() {
    bool is_drawn = true;
    for (Placed& die : placed_) {
      const DieSize& size = size_of(die);
      is_drawn = is_drawn && size.drawn;
      die.rect.width = (die.is_turned ? size.height : size.width).value();
      die.rect.height = (die.is_turned ? size.width : size.height).value();
    }
    is_drawn_ = is_drawn;
    if (is_drawn) {
      for (Placed& die : placed_) {
        die.rect.x = die.instance->x.value();
        die.rect.y = die.instance->y.value();
      }
      return;
    }
    const auto arrange = [&](auto coordinate, double Rect::* at, double Rect::* extent) {
      std::vector<double> marks;
      for (const Placed& die : placed_) {
        marks.push_back(coordinate(*die.instance));
      }
      std::sort(marks.begin(), marks.end());
      marks.erase(std::unique(marks.begin(), marks.end()), marks.end());
      double next = 0;
      for (const double mark : marks) {
        double widest = 0;
        for (Placed& die : placed_) {
          if (coordinate(*die.instance) == mark) {
            die.rect.*at = next;
            widest = std::max(widest, die.rect.*extent);
          }
        }
        next += widest + kDieGap;
      }
    };
    arrange([](const chip::DieInstance& one) { return one.x.value(); }, &Rect::x, &Rect::width);
    arrange([](const chip::DieInstance& one) { return one.y.value(); }, &Rect::y, &Rect::height);
  }

  void find_neighbours() {
    for (Placed& a : placed_) {
      for (const Placed& b : placed_) {
        if (&a == &b) {
          continue;
        }
        const double overlap_x =
            std::min(a.rect.right(), b.rect.right()) - std::max(a.rect.x, b.rect.x);
        const double overlap_y =
            std::min(a.rect.top(), b.rect.top()) - std::max(a.rect.y, b.rect.y);
        const double near = chip::kStackPitch.value();
        std::optional<Edge> facing;
        if (overlap_y > kTyped && b.rect.x >= a.rect.right() - kTyped &&
            b.rect.x - a.rect.right() < near) {
          facing = Edge::right;
        } else if (overlap_y > kTyped && b.rect.right() <= a.rect.x + kTyped &&
                   a.rect.x - b.rect.right() < near) {
          facing = Edge::left;
        } else if (overlap_x > kTyped && b.rect.y >= a.rect.top() - kTyped &&
                   b.rect.y - a.rect.top() < near) {
          facing = Edge::top;
        } else if (overlap_x > kTyped && b.rect.top() <= a.rect.y + kTyped &&
                   a.rect.y - b.rect.top() < near) {
          facing = Edge::bottom;
        }
        if (!facing) {
          continue;
        }
        a.inner.insert(*facing);
        const bool is_connected =
            std::any_of(chip_.d2d.begin(), chip_.d2d.end(), [&](const chip::DieToDie& d2d) {
              const auto is = [&](const Placed& one) {
                return std::find(d2d.between.begin(), d2d.between.end(), one.instance->id) !=
                       d2d.between.end();
              };
              return is(a) && is(b);
            });
        if (is_connected) {
          a.d2d.insert(*facing);
        }
      }
      choose_stack_edges(a);
    }
  }

  static void choose_stack_edges(Placed& die) {
    const auto faces = [&](Edge one, Edge other) {
      return die.inner.contains(one) || die.inner.contains(other);
    };
    const bool faces_x = faces(Edge::left, Edge::right);
    const bool faces_y = faces(Edge::bottom, Edge::top);
    const bool is_wide = die.rect.width >= die.rect.height;
    const bool on_horizontal = faces_x == faces_y ? is_wide : faces_x;
    for (const Edge edge : on_horizontal ? std::array{Edge::top, Edge::bottom}
                                         : std::array{Edge::left, Edge::right}) {
      if (!die.inner.contains(edge)) {
        die.stack_edges.push_back(edge);
      }
    }
  }

  // --- memory -----------------------------------------------------------------------------------

  void place_stacks() {
    const auto capacity = [&](const Placed& die, Edge edge) {
      const double pitch = chip::kStackPitch.value();
      return plan_.has_stacks ? static_cast<int>(std::floor((die.length(edge) + kTyped) / pitch))
                              : static_cast<int>(memory_.stacks);
    };
    plan_.stacks_max = 0;
    for (const Placed& die : placed_) {
      for (const Edge edge : die.stack_edges) {
        plan_.stacks_max += capacity(die, edge);
      }
    }
    if (plan_.has_stacks && memory_.stacks > plan_.stacks_max) {
      std::vector<std::string> notes;
      double edges = 0;
      double longest = 0;
      for (const Placed& die : placed_) {
        for (const Edge edge : die.stack_edges) {
          edges += 1;
          longest = std::max(longest, die.length(edge));
          notes.push_back(fmt::format("die `{}`: {} of edge, {} of pitch: {}", die.instance->id,
                                      mm(die.length(edge)), mm(chip::kStackPitch.value()),
                                      capacity(die, edge)));
        }
      }
      const double each = std::ceil(static_cast<double>(memory_.stacks) / std::max(edges, 1.0));
      error("A0302",
            fmt::format("{} stacks of {} do not find room along the dies", memory_.stacks,
                        memory_.type),
            std::move(notes),
            {fmt::format("{} stacks would fit, or dies with edges of {} instead of {}",
                         plan_.stacks_max, mm(each * chip::kStackPitch.value()), mm(longest))});
      return;
    }
    // One after the other, at the die and then the edge that has fewest.
    for (std::int64_t i = 0; i < memory_.stacks; ++i) {
      Placed* die = nullptr;
      Edge at = Edge::top;
      for (Placed& one : placed_) {
        for (const Edge edge : one.stack_edges) {
          const auto of_edge = static_cast<std::size_t>(edge);
          if (one.stacks[of_edge] >= capacity(one, edge)) {
            continue;
          }
          if (die == nullptr || one.stack_count() < die->stack_count() ||
              (&one == die && one.stacks[of_edge] < die->stacks_at(at))) {
            die = &one;
            at = edge;
          }
        }
      }
      if (die == nullptr) {
        break;
      }
      ++die->stacks[static_cast<std::size_t>(at)];
    }
    if (!plan_.has_stacks) {
      return;
    }
    const double body = chip::kStackPitch.value() - kStackGap;
    for (const Placed& die : placed_) {
      for (const Edge edge : die.stack_edges) {
        const int count = die.stacks_at(edge);
        for (int i = 0; i < count; ++i) {
          const double centre = centre_of(die, edge, i);
          Rect rect{.x = 0, .y = 0, .width = body, .height = body};
          if (is_vertical(edge)) {
            rect.y = die.rect.y + centre - body / 2;
            rect.x = edge == Edge::left ? die.rect.x - kDieGap - body : die.rect.right() + kDieGap;
          } else {
            rect.x = die.rect.x + centre - body / 2;
            rect.y = edge == Edge::bottom ? die.rect.y - kDieGap - body : die.rect.top() + kDieGap;
          }
          stacks_.push_back(rect);
        }
      }
    }
  }

  // Along the edge, from its lower or left end.
  static double centre_of(const Placed& die, Edge edge, int index) {
    const int count = die.stacks_at(edge);
    return die.length(edge) * (index + 0.5) / count;
  }

  // --- interposer and substrate -----------------------------------------------------------------

  static Rect around(const std::vector<Rect>& rects) {
    Rect box = rects.front();
    double right = box.right();
    double top = box.top();
    for (const Rect& rect : rects) {
      box.x = std::min(box.x, rect.x);
      box.y = std::min(box.y, rect.y);
      right = std::max(right, rect.right());
      top = std::max(top, rect.top());
    }
    box.width = right - box.x;
    box.height = top - box.y;
    return box;
  }

  // In the frame of the dies. As drawn where they are; else in the middle of what is drawn, or of
  // what it has to grow to.
  Result<Rect> interposer(const Rect& box) {
    const chip::Package& package = *chip_.package;
    const Rect wanted{box.x - kRim, box.y - kRim, box.width + 2 * kRim, box.height + 2 * kRim};
    Rect base = wanted;
    if (package.interposer_width && package.interposer_height) {
      base = {0, 0, package.interposer_width->value(), package.interposer_height->value()};
      const bool holds = box.x >= -kTyped && box.y >= -kTyped &&
                         box.right() <= base.width + kTyped && box.top() <= base.height + kTyped;
      if (is_drawn_ && !holds) {
        error("A0304", "dies and stacks do not fit on the interposer",
              {fmt::format("interposer: {} × {}", mm(base.width), mm(base.height)),
               fmt::format("dies and stacks reach from ({}, {}) to ({}, {})", mm(box.x), mm(box.y),
                           mm(box.right()), mm(box.top()))},
              {fmt::format("with a rim of {} they take {} × {}; die `{}` would stand at x = {}, "
                           "y = {}",
                           mm(kRim), mm(wanted.width), mm(wanted.height),
                           placed_.front().instance->id, mm(placed_.front().rect.x - wanted.x),
                           mm(placed_.front().rect.y - wanted.y))});
        return tl::unexpected(errors_);
      }
      if (!is_drawn_) {
        const double width = std::max(base.width, wanted.width);
        const double height = std::max(base.height, wanted.height);
        if (width > base.width + kTyped || height > base.height + kTyped) {
          plan_.notes.push_back(fmt::format("the interposer grows from {} × {} to {} × {}",
                                            mm(base.width), mm(base.height), mm(width),
                                            mm(height)));
        }
        base = {box.x + box.width / 2 - width / 2, box.y + box.height / 2 - height / 2, width,
                height};
      }
    }
    const auto limit = interposer_limit(package.type);
    if (!limit) {
      return fail(limit);
    }
    const double most = *limit ? (*limit)->reticles * chip::kReticle.value() : base.area();
    if (base.area() > most * (1 + kSlack)) {
      error("A0303",
            fmt::format("the interposer of {} is larger than what is made", mm2(base.area())),
            {fmt::format("{} × {} = {:.3g} reticles of {}", mm(base.width), mm(base.height),
                         base.area() / chip::kReticle.value(), mm2(chip::kReticle.value())),
             fmt::format("at most {:g} reticles = {} ({})", (*limit)->reticles, mm2(most),
                         (*limit)->source)},
            {fmt::format("dies and stacks need {} × {} = {}", mm(wanted.width), mm(wanted.height),
                         mm2(wanted.area())),
             package.type == "2.5d-interposer"
                 ? "`--set package.type=2.5d-bridge` (bridges in an organic interposer) allows more"
                 : "fewer stacks or smaller dies"});
      return tl::unexpected(errors_);
    }
    return base;
  }

  Result<Rect> substrate(const Rect& base) {
    const chip::Package& package = *chip_.package;
    if (!package.substrate_width || !package.substrate_height) {
      const double rim = std::max(kSubstrateRim, 0.2 * std::max(base.width, base.height));
      return Rect{0, 0, base.width + 2 * rim, base.height + 2 * rim};
    }
    const Rect drawn{0, 0, package.substrate_width->value(), package.substrate_height->value()};
    if (base.width > drawn.width + kTyped || base.height > drawn.height + kTyped) {
      error("A0304",
            fmt::format("the {} does not fit on the substrate",
                        plan_.has_interposer ? "interposer" : "die"),
            {fmt::format("{} × {} on {} × {}", mm(base.width), mm(base.height), mm(drawn.width),
                         mm(drawn.height))},
            {fmt::format("a substrate of {} × {} would carry it",
                         mm(base.width + 2 * kSubstrateRim), mm(base.height + 2 * kSubstrateRim))});
      return tl::unexpected(errors_);
    }
    return drawn;
  }

  Result<void> carry() {
    std::vector<Rect> held = stacks_;
    for (const Placed& die : placed_) {
      held.push_back(die.rect);
    }
    const Rect box = around(held);
    plan_.has_interposer =
        plan_.has_stacks || chip_.package->type.starts_with("2.5d") || chip_.package->type == "3d";
    const auto base = plan_.has_interposer ? interposer(box) : Result<Rect>(box);
    if (!base) {
      return fail(base);
    }
    const auto board = substrate(*base);
    if (!board) {
      return fail(board);
    }
    // The carrier in the middle of the substrate.
    const auto moved = [&](Rect rect) {
      rect.x += (board->width - base->width) / 2 - base->x;
      rect.y += (board->height - base->height) / 2 - base->y;
      return rect;
    };
    carrier_ = add(ShapeKind::substrate, "substrate", *board, -1);
    if (plan_.has_interposer) {
      carrier_ = add(ShapeKind::interposer, "interposer", moved(*base), carrier_);
    }
    for (Placed& die : placed_) {
      die.rect = moved(die.rect);
    }
    int index = 0;
    for (const Rect& stack : stacks_) {
      add(ShapeKind::stack, fmt::format("{}{}", memory_.id, index++), moved(stack), carrier_);
    }
    return {};
  }

  // --- remarks ----------------------------------------------------------------------------------

  void remark() {
    for (const DieSize& size : plan_.dies) {
      if (std::fabs(size.core_share - 1) > kCoreShareNote) {
        plan_.notes.push_back(fmt::format(
            "die `{}`: cores are drawn at {:.0f} % of their area: what stands between the PHYs "
            "takes {}",
            size.id, size.core_share * 100, size.core_share < 1 ? "more than fits" : "less"));
      }
      if (size.drawn) {
        const double gross = area_.gross.central / static_cast<double>(placed_.size());
        const double drawn = size.width.value() * size.height.value();
        plan_.notes.push_back(fmt::format(
            "die `{}`: drawn {}, its blocks {} with utilisation and contingency ({:+.1f} %)",
            size.id, mm2(drawn), mm2(gross), (drawn / gross - 1) * 100));
      }
    }
    // One mask: the interface must be at the same edge of every instance, seen from the die.
    for (const DieSize& size : plan_.dies) {
      std::set<std::set<int>> seen;
      for (const Placed& die : placed_) {
        if (die.die->id != size.id) {
          continue;
        }
        std::set<int> edges;
        for (const Edge edge : die.d2d) {
          static constexpr std::array<int, 4> kAngle{180, 0, 270, 90};  // left right bottom top
          const int turn = static_cast<int>(die.instance->rotate.value());
          edges.insert((kAngle[static_cast<std::size_t>(edge)] - turn + 360) % 360);
        }
        seen.insert(edges);
      }
      if (seen.size() > 1) {
        plan_.notes.push_back(fmt::format(
            "die `{}`: its instances need the die-to-die interface at different edges; turn one of "
            "them, or it takes two masks",
            size.id));
      }
    }
  }

  const chip::Chip& chip_;
  const AreaBudget& area_;
  const chip::Memory& memory_;
  std::vector<Placed> placed_;
  std::vector<Rect> stacks_;
  bool is_drawn_ = false;
  int carrier_ = 0;
  Floorplan plan_;
  Diagnostics errors_;
};

}  // namespace

Result<Floorplan> floorplan(const chip::Chip& chip, const AreaBudget& area) {
  return Planner(chip, area).run();
}

Result<Floorplan> makeable_floorplan(const chip::Chip& chip, const AreaBudget& area) {
  auto made = floorplan(chip, area);
  Diagnostics errors = made ? Diagnostics{} : made.error();
  const Diagnostics hot = check_cooling(chip, area);
  errors.insert(errors.end(), hot.begin(), hot.end());
  if (!errors.empty()) {
    return tl::unexpected(std::move(errors));
  }
  return made;
}

}  // namespace churon::silicon
