// Where everything stands: dies on the interposer on the substrate, HBM stacks beside the dies, and
// in each die its cores, PHYs, SerDes and die-to-die interfaces, by slicing. Every block has the
// area that silicon/area.h gives it, times one factor for the die, so that the blocks of a die fill
// it. What the description draws (dies, their places, interposer, substrate) is taken as drawn; the
// rest is derived.
//
//   stacks    along the edges that do not face another die, on the long ones where none does;
//             11 mm of edge each, evenly spread, their PHYs behind them on the die
//   d2d       a strip along the edge that faces the other die
//   SerDes    a strip along a short edge that faces nothing
//   cores     the grid of the description and its spares, all alike; the other blocks fill what
//             remains between the PHYs and beside the spares
//
// Metres; the origin is the lower left corner of the substrate.
//
// Errors (exit code 3): A0301 a die is over the reticle, A0302 the shoreline is too short for the
// stacks, A0303 the interposer is over what is made, A0304 something sticks out of what carries it,
// A0306 the blocks do not fit into the die.
#pragma once

#include <string>
#include <vector>

#include "base/quantity.h"
#include "base/result.h"
#include "chip/chip.h"
#include "silicon/area.h"

namespace churon::silicon {

enum class ShapeKind {
  substrate,
  interposer,
  die,
  stack,
  core,
  spare_core,
  matrix,
  scratch,
  vector,
  dma,  // and sequencer
  noc,
  memory_phy,
  d2d,
  serdes,
  collectives,
  misc,
  blank,
};

struct Rect {
  double x = 0, y = 0, width = 0, height = 0;

  [[nodiscard]] double right() const { return x + width; }
  [[nodiscard]] double top() const { return y + height; }
  [[nodiscard]] double area() const { return width * height; }
};

struct Shape {
  ShapeKind kind = ShapeKind::die;
  std::string label;  // "core 12", "hbm3"; empty where the kind says it all
  Rect rect;
  int parent = -1;  // the shape that holds it; -1: the substrate
};

struct DieSize {
  std::string id;  // of the type
  int instances = 0;
  bool drawn = false;  // in the description; else derived from its blocks
  Metres width{}, height{};
  double factor = 1;  // of the blocks' net areas, so that they fill the die
  // Of what a core takes in the drawing against its net area times `factor`: 1 where the blocks
  // between the PHYs fit as they are.
  double core_share = 1;
};

struct Floorplan {
  std::vector<Shape> shapes;  // what holds stands before what it holds
  std::vector<DieSize> dies;
  bool has_interposer = false;
  std::string memory;                       // "hbm3e"
  bool has_stacks = false;                  // on the interposer; other memory stands on the board
  std::int64_t stacks = 0, stacks_max = 0;  // that the shoreline has room for
  std::vector<std::string> notes;           // what an architect would want to know
};

Result<Floorplan> floorplan(const chip::Chip& chip, const AreaBudget& area);
// The same of a chip that can also be cooled (check_cooling): what does not fit and what cannot be
// cooled are told together.
Result<Floorplan> makeable_floorplan(const chip::Chip& chip, const AreaBudget& area);

}  // namespace churon::silicon
