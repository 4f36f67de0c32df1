// The closed formulas that a description is held against: what it amounts to, with the formula and
// its numbers. [expect] and `churon check` print them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "chip/chip.h"

namespace churon::chip {

struct Figure {
  std::string name;  // "peak int8"
  double value = 0;  // in base units of `kind`
  QuantityKind kind = QuantityKind::number;
  std::string formula;  // "2 · 2097152 MAC/cycle · 1.25 GHz · rate 1"
};

Figure cores_figure(const Chip& chip);
Figure macs_figure(const Chip& chip);
Figure peak_figure(const Chip& chip, numeric::BlockFormat weights);
Figure bandwidth_figure(const Chip& chip);
Figure capacity_figure(const Chip& chip);
Figure scratch_figure(const Chip& chip);
Figure link_figure(const Chip& chip);
// Of the first type of die, as drawn.
std::optional<Figure> die_figure(const Chip& chip);

}  // namespace churon::chip
