// A floorplan as SVG: the package from above, and under it one die of each type, larger. Within the
// group of a view user units are millimetres in the frame of the package, y upwards; each view has
// a scale bar. The document is 1000 pixels wide. Blocks are told apart by colour and, where colours
// are near to each other, by hatching.
#pragma once

#include <string>

#include "chip/chip.h"
#include "silicon/area.h"
#include "silicon/floorplan.h"

namespace churon::report {

std::string floorplan_svg(const chip::Chip& chip, const silicon::AreaBudget& area,
                          const silicon::Floorplan& plan);

}  // namespace churon::report
