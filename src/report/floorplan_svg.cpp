#include "report/floorplan_svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "report/format.h"
#include "report/svg.h"

namespace churon::report {

namespace {

using silicon::Rect;
using silicon::Shape;
using silicon::ShapeKind;

constexpr double kWidth = 1000;
constexpr double kMargin = 20;
constexpr double kPackage = 600;    // of the view from above, at most, both ways
constexpr double kDieHeight = 560;  // of a die's own view, at most
constexpr double kLegendLeft = kMargin + kPackage + 36;
constexpr double kFont = 12;
constexpr double kSmallFont = 11;
constexpr double kLine = 18;

// Okabe and Ito's palette for what a die holds, greys and tints for what carries it.
struct Look {
  ShapeKind kind;
  std::string_view fill, ink, name;
  bool is_hatched = false;
};
constexpr std::array kLooks{
    Look{ShapeKind::matrix, "#0072b2", "#ffffff", "matrix cells (MAC)"},
    Look{ShapeKind::scratch, "#e69f00", "#000000", "scratch SRAM"},
    Look{ShapeKind::vector, "#009e73", "#ffffff", "vector unit"},
    Look{ShapeKind::dma, "#f0e442", "#000000", "DMA and sequencer"},
    Look{ShapeKind::noc, "#56b4e9", "#000000", "network router"},
    Look{ShapeKind::memory_phy, "#d55e00", "#ffffff", "memory PHY and controller"},
    Look{ShapeKind::serdes, "#cc79a7", "#000000", "SerDes"},
    Look{ShapeKind::collectives, "#cc79a7", "#000000", "collectives, Ethernet MAC", true},
    Look{ShapeKind::d2d, "#333333", "#ffffff", "die-to-die"},
    Look{ShapeKind::misc, "#999999", "#000000", "management, clocks, test"},
    Look{ShapeKind::blank, "#ffffff", "#000000", "fill"},
    Look{ShapeKind::core, "#d6e6f2", "#000000", "core"},
    Look{ShapeKind::spare_core, "#d6e6f2", "#000000", "spare core", true},
    Look{ShapeKind::stack, "#cfcfcf", "#000000", "memory stack"},
    Look{ShapeKind::die, "#ffffff", "#000000", "die"},
    Look{ShapeKind::interposer, "#e3e6ea", "#000000", "interposer"},
    Look{ShapeKind::substrate, "#e9f0e4", "#000000", "substrate"},
};
const Look& look(ShapeKind kind) {
  return *std::find_if(kLooks.begin(), kLooks.end(),
                       [&](const Look& one) { return one.kind == kind; });
}

// Which blocks a core is made of: left out where a core is one box.
bool is_in_core(ShapeKind kind) {
  return kind == ShapeKind::matrix || kind == ShapeKind::scratch || kind == ShapeKind::vector ||
         kind == ShapeKind::dma || kind == ShapeKind::noc;
}

std::string mm(double metres) { return number(metres * 1e3); }
std::string mm_by_mm(const Rect& rect) {
  return fmt::format("{} × {} mm", mm(rect.width), mm(rect.height));
}

std::string text(double x, double y, std::string_view words, double size, std::string_view anchor,
                 std::string_view more = "") {
  return fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" font-size=\"{:g}\" text-anchor=\"{}\"{}>{}</text>\n", x, y,
      size, anchor, more, svg_escaped(words));
}

// A view of a part of the package: millimetres to pixels, y upwards.
struct View {
  double x = 0, y = 0;       // of its upper left corner in the document
  double left = 0, top = 0;  // of what is shown, metres
  double scale = 1;          // pixels per millimetre
  std::string hatch;         // id of its pattern
  [[nodiscard]] double px(double metres) const { return metres * 1e3 * scale; }
  [[nodiscard]] double at_x(double metres) const { return x + px(metres - left); }
  [[nodiscard]] double at_y(double metres) const { return y + px(top - metres); }
};

// White stripes, 3 pixels wide, where a user unit is `scale` pixels.
std::string hatch(std::string_view id, double scale) {
  return fmt::format(
      "<defs><pattern id=\"{0}\" width=\"{1:.4f}\" height=\"{1:.4f}\" "
      "patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><rect width=\"{2:.4f}\" "
      "height=\"{1:.4f}\" fill=\"#ffffff\" fill-opacity=\"0.7\"/></pattern></defs>\n",
      id, 9 / scale, 3 / scale);
}

// What all rectangles of a view stand in: user units are millimetres in the frame of the package.
std::string open_view(const View& view) {
  return hatch(view.hatch, view.scale) +
         fmt::format("<g transform=\"translate({:.3f} {:.3f}) scale({:.6f} {:.6f})\">\n",
                     view.x - view.px(view.left), view.y + view.px(view.top), view.scale,
                     -view.scale);
}

std::string box(const View& view, const Shape& shape, double pixels) {
  const Look& how = look(shape.kind);
  const auto rectangle = [&](std::string_view fill, std::string_view inside) {
    return fmt::format(
        "<rect x=\"{:.4f}\" y=\"{:.4f}\" width=\"{:.4f}\" height=\"{:.4f}\" fill=\"{}\" "
        "stroke=\"#ffffff\" stroke-width=\"{:.4f}\"{}",
        shape.rect.x * 1e3, shape.rect.y * 1e3, shape.rect.width * 1e3, shape.rect.height * 1e3,
        fill, pixels / view.scale, inside);
  };
  const std::string title =
      fmt::format("><title>{}{}: {}, {} mm2</title></rect>\n", svg_escaped(how.name),
                  shape.label.empty() ? "" : " " + svg_escaped(shape.label), mm_by_mm(shape.rect),
                  number(shape.rect.area() * 1e6));
  std::string out = rectangle(how.fill, title);
  if (how.is_hatched) {
    out += rectangle(fmt::format("url(#{})", view.hatch), "/>\n");
  }
  return out;
}

// The edge of a die or a carrier, drawn over what it holds.
std::string outline(const View& view, const Rect& rect, std::string_view stroke, double pixels) {
  return fmt::format(
      "<rect x=\"{:.4f}\" y=\"{:.4f}\" width=\"{:.4f}\" height=\"{:.4f}\" fill=\"none\" "
      "stroke=\"{}\" stroke-width=\"{:.4f}\"/>\n",
      rect.x * 1e3, rect.y * 1e3, rect.width * 1e3, rect.height * 1e3, stroke, pixels / view.scale);
}

// In the middle of a box where it has room, upright where only that fits; else nothing.
std::string label(const View& view, const Rect& rect, std::string_view words, std::string_view ink,
                  double size, bool on_plate = false) {
  const double width = svg_text_width(words, size) + 12;
  const double height = size + 4;
  const double x = view.at_x(rect.x + rect.width / 2);
  const double y = view.at_y(rect.y + rect.height / 2);
  const std::string fill = fmt::format(" fill=\"{}\"", ink);
  if (width <= view.px(rect.width) && height <= view.px(rect.height)) {
    const std::string plate =
        on_plate ? fmt::format(
                       "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" "
                       "fill=\"#ffffff\" fill-opacity=\"0.8\"/>\n",
                       x - width / 2 + 4, y - height / 2, width - 8, height)
                 : std::string();
    return plate + text(x, y + size * 0.35, words, size, "middle", fill);
  }
  if (width <= view.px(rect.height) && height <= view.px(rect.width)) {
    return text(x, y, words, size, "middle",
                fmt::format("{} dy=\"{:.1f}\" transform=\"rotate(-90 {:.1f} {:.1f})\"", fill,
                            size * 0.35, x, y));
  }
  return "";
}

// The longest round length that is at most `pixels` long.
std::string scale_bar(double x, double y, double scale, double pixels) {
  double length = 0.1;
  for (const double candidate : {0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0}) {
    length = candidate * scale <= pixels ? candidate : length;
  }
  const double end = x + length * scale;
  return fmt::format(
             "<path d=\"M{:.1f} {:.1f} V{:.1f} H{:.1f} V{:.1f}\" fill=\"none\" stroke=\"#000000\" "
             "stroke-width=\"1.5\"/>\n",
             x, y - 5, y, end, y - 5) +
         text(end + 8, y + 2, fmt::format("{:g} mm", length), kFont, "start");
}

class Drawing {
 public:
  Drawing(const chip::Chip& chip, const silicon::AreaBudget& area, const silicon::Floorplan& plan)
      : chip_(chip), area_(area), plan_(plan) {}

  std::string run() {
    body_ += text(kMargin, 32, chip_.name + ": floorplan", 18, "start", " font-weight=\"bold\"");
    body_ += text(kMargin, 52,
                  area_.move.moves() ? fmt::format("moved from {} to {}; {}", area_.move.from,
                                                   area_.move.to, chip_.summary)
                                     : chip_.summary,
                  kFont, "start", " fill=\"#444444\"");
    double y = 72;
    const double below_package = package(y);
    const double below_legend = legend(y);
    y = std::max(below_package, below_legend) + 26;
    for (const silicon::DieSize& die : plan_.dies) {
      y = die_view(die, y);
    }
    for (const auto& note : plan_.notes) {
      body_ += text(kMargin, y, note, kSmallFont, "start", " fill=\"#444444\"");
      y += kLine - 2;
    }
    const double height = std::ceil(y + 6);
    return fmt::format(
               "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:g}\" height=\"{1:g}\" "
               "viewBox=\"0 0 {0:g} {1:g}\" font-family=\"DejaVu Sans, Arial, sans-serif\">\n"
               "{2}"
               "<rect width=\"{0:g}\" height=\"{1:g}\" fill=\"#ffffff\"/>\n",
               kWidth, height, hatch("hatch", 1)) +
           body_ + "</svg>\n";
  }

 private:
  [[nodiscard]] const Shape& parent(const Shape& shape) const {
    return plan_.shapes[static_cast<std::size_t>(shape.parent)];
  }

  double package(double y) {
    const Rect& substrate = plan_.shapes.front().rect;
    View view{.x = kMargin,
              .y = y,
              .left = 0,
              .top = substrate.height,
              .scale = kPackage / 1e3 / std::max(substrate.width, substrate.height),
              .hatch = "hatch-package"};
    std::string labels;
    body_ += open_view(view);
    for (const Shape& shape : plan_.shapes) {
      if (is_in_core(shape.kind)) {
        continue;
      }
      const bool is_small = shape.parent >= 0 && parent(shape).kind == ShapeKind::die;
      body_ += box(view, shape, is_small ? 0.5 : 0);
      switch (shape.kind) {
        case ShapeKind::substrate:
          body_ += outline(view, shape.rect, "#8a9a80", 1);
          break;
        case ShapeKind::interposer:
          body_ += outline(view, shape.rect, "#7a828c", 1);
          break;
        case ShapeKind::stack:
          body_ += outline(view, shape.rect, "#555555", 1);
          labels += label(view, shape.rect, shape.label, "#000000", kFont);
          break;
        default:
          break;
      }
    }
    for (const Shape& shape : plan_.shapes) {
      if (shape.kind == ShapeKind::die) {
        body_ += outline(view, shape.rect, "#000000", 1.5);
        labels += plate(view, shape.rect, shape.label);
      }
    }
    body_ += "</g>\n" + labels;
    // Under the interposer, on the substrate; the substrate's under everything.
    for (const Shape& shape : plan_.shapes) {
      if (shape.kind == ShapeKind::interposer) {
        body_ += text(view.at_x(shape.rect.x), view.at_y(shape.rect.y) + 15,
                      "interposer " + mm_by_mm(shape.rect), kFont, "start");
      }
    }
    const double bottom = y + view.px(substrate.height);
    body_ += text(kMargin, bottom + 18, "substrate " + mm_by_mm(substrate), kFont, "start");
    body_ += scale_bar(kMargin + kPackage - 190, bottom + 18, view.scale, 130);
    return bottom + 24;
  }

  // The name of a die, on white so that the cores under it do not disturb.
  std::string plate(const View& view, const Rect& rect, const std::string& words) const {
    const double width = svg_text_width(words, kFont) + 10;
    const double x = view.at_x(rect.x + rect.width / 2);
    const double y = view.at_y(rect.y + rect.height / 2);
    if (width > view.px(rect.width)) {
      return "";
    }
    return fmt::format(
               "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"18\" rx=\"3\" "
               "fill=\"#ffffff\" stroke=\"#000000\" stroke-width=\"0.8\"/>\n",
               x - width / 2, y - 9, width) +
           text(x, y + 4, words, kFont, "middle");
  }

  double legend(double y) {
    const double column = kWidth - kMargin;
    y += 12;
    body_ += text(kLegendLeft, y, "blocks", kFont, "start", " font-weight=\"bold\"");
    body_ += text(column, y, "mm² as drawn", kFont, "end", " font-weight=\"bold\"");
    for (const Look& how : kLooks) {
      double area = 0;
      int count = 0;
      for (const Shape& shape : plan_.shapes) {
        if (shape.kind == how.kind) {
          area += shape.rect.area();
          ++count;
        }
      }
      const bool is_block = is_in_core(how.kind) ||
                            (how.kind <= ShapeKind::blank && how.kind >= ShapeKind::memory_phy);
      if (count == 0 ||
          (!is_block && how.kind != ShapeKind::die && how.kind != ShapeKind::spare_core &&
           how.kind != ShapeKind::core && how.kind != ShapeKind::stack)) {
        continue;
      }
      y += kLine + 2;
      const std::string_view before = how.kind == ShapeKind::core ? "of these, in" : "";
      if (!before.empty()) {
        y += 8;
        body_ += text(kLegendLeft, y, "parts", kFont, "start", " font-weight=\"bold\"");
        y += kLine + 2;
      }
      swatch(y, how);
      std::string name(how.name);
      if (!is_block) {
        const bool is_plural = count != 1;
        name = fmt::format("{} {}{}", count, name, is_plural ? "s" : "");
      }
      if (how.kind == ShapeKind::stack) {
        name += fmt::format(", {}", plan_.memory);
      }
      body_ += text(kLegendLeft + 26, y, name, kFont, "start");
      body_ += text(column, y, number(area * 1e6), kFont, "end");
    }
    y += kLine + 10;
    for (const std::string& line : facts()) {
      body_ += text(kLegendLeft, y, line, kSmallFont, "start", " fill=\"#444444\"");
      y += kLine - 2;
    }
    return y;
  }

  void swatch(double y, const Look& how) {
    const auto rectangle = [&](std::string_view fill, std::string_view stroke) {
      return fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"18\" height=\"13\" fill=\"{}\" stroke=\"{}\" "
          "stroke-width=\"0.8\"/>\n",
          kLegendLeft, y - 11, fill, stroke);
    };
    body_ += rectangle(how.fill, "#444444");
    if (how.is_hatched) {
      body_ += rectangle("url(#hatch)", "none");
    }
  }

  // What the areas come from.
  [[nodiscard]] std::vector<std::string> facts() const {
    const auto& gross = area_.gross;
    std::vector<std::string> lines{
        fmt::format("blocks {} mm² net / {:g} × {:g}", number(area_.net.central * 1e6),
                    area_.utilisation.central, 1 + area_.contingency.central),
        fmt::format("= {} mm² of dies ({}–{})", number(gross.central * 1e6),
                    number(gross.low * 1e6), number(gross.high * 1e6))};
    if (plan_.has_stacks) {
      lines.push_back(fmt::format("shoreline for {} stacks at {:g} mm", plan_.stacks_max,
                                  chip::kStackPitch.value() * 1e3));
    } else {
      lines.push_back(fmt::format("{} × {} on the board", plan_.stacks, plan_.memory));
    }
    return lines;
  }

  double die_view(const silicon::DieSize& size, double y) {
    const auto die = std::find_if(plan_.shapes.begin(), plan_.shapes.end(), [&](const Shape& one) {
      if (one.kind != ShapeKind::die) {
        return false;
      }
      for (const chip::DieInstance& instance : chip_.die_instances) {
        if (instance.id == one.label) {
          return instance.die == size.id;
        }
      }
      return false;
    });
    const Rect& rect = die->rect;
    const int index = static_cast<int>(die - plan_.shapes.begin());
    body_ += text(kMargin, y,
                  fmt::format("die {} (`{}`), {} = {} mm²", die->label, size.id, mm_by_mm(rect),
                              number(rect.area() * 1e6)),
                  13, "start", " font-weight=\"bold\"");
    y += 12;
    const double scale =
        std::min((kWidth - 2 * kMargin) / 1e3 / rect.width, kDieHeight / 1e3 / rect.height);
    const View view{.x = kMargin,
                    .y = y,
                    .left = rect.x,
                    .top = rect.top(),
                    .scale = scale,
                    .hatch = fmt::format("hatch-{}", index)};
    std::string labels;
    body_ += open_view(view);
    int core = -1;
    for (std::size_t i = 0; i < plan_.shapes.size(); ++i) {
      const Shape& shape = plan_.shapes[i];
      const bool is_core = shape.parent == index &&
                           (shape.kind == ShapeKind::core || shape.kind == ShapeKind::spare_core);
      if (is_core) {
        core = static_cast<int>(i);
        continue;
      }
      const bool is_core_block = core >= 0 && shape.parent == core;
      if (shape.parent != index && !is_core_block) {
        continue;
      }
      body_ += box(view, shape, is_core_block ? 0.4 : 1);
      const Look& how = look(shape.kind);
      if (is_core_block) {
        const Shape& of = plan_.shapes[static_cast<std::size_t>(core)];
        if (shape.kind == ShapeKind::matrix) {
          labels += label(view, shape.rect, of.label, how.ink, kSmallFont);
        }
      } else {
        labels += label(view, shape.rect, short_name(shape), how.ink, kSmallFont, how.is_hatched);
      }
    }
    for (const Shape& shape : plan_.shapes) {
      if (shape.parent != index) {
        continue;
      }
      if (shape.kind == ShapeKind::spare_core) {
        // All but the matrix at its foot, which carries the word.
        Shape hatched = shape;
        const double foot =
            plan_.shapes[static_cast<std::size_t>(&shape - plan_.shapes.data()) + 1].rect.height;
        hatched.rect.y += foot;
        hatched.rect.height -= foot;
        body_ += fmt::format(
            "<rect x=\"{:.4f}\" y=\"{:.4f}\" width=\"{:.4f}\" height=\"{:.4f}\" "
            "fill=\"url(#{})\"/>\n",
            hatched.rect.x * 1e3, hatched.rect.y * 1e3, hatched.rect.width * 1e3,
            hatched.rect.height * 1e3, view.hatch);
      }
      if (shape.kind == ShapeKind::core || shape.kind == ShapeKind::spare_core) {
        body_ += outline(view, shape.rect, "#ffffff", 2);
      }
    }
    body_ += outline(view, rect, "#000000", 1.5);
    body_ += "</g>\n" + labels;
    y += view.px(rect.height);
    body_ += scale_bar(kMargin, y + 20, scale, 130);
    return y + 46;
  }

  static std::string short_name(const Shape& shape) {
    switch (shape.kind) {
      case ShapeKind::memory_phy:
        return "memory PHY";
      case ShapeKind::misc:
        return "management";
      case ShapeKind::serdes:
        return shape.label + " SerDes";
      default:
        return shape.label;
    }
  }

  const chip::Chip& chip_;
  const silicon::AreaBudget& area_;
  const silicon::Floorplan& plan_;
  std::string body_;
};

}  // namespace

std::string floorplan_svg(const chip::Chip& chip, const silicon::AreaBudget& area,
                          const silicon::Floorplan& plan) {
  return Drawing(chip, area, plan).run();
}

}  // namespace churon::report
