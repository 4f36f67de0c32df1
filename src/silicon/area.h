// The area of a chip of our own by block, at the node of its description or at another one:
//
//   net of a block  = count · coefficient · factor of the node (logic, SRAM; interfaces: 1)
//   spares          = net of what a core holds · spare cores / cores
//   dies            = Σ net / utilisation · (1 + contingency)
//
// Counts and coefficients are those of chip/budget.h; docs/silicon.md has the sources and limits.
// Square metres of all dies together; bands as in band.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "chip/budget.h"
#include "chip/chip.h"
#include "silicon/band.h"
#include "silicon/technology.h"

namespace churon::silicon {

struct BlockArea {
  std::string id, name;
  chip::Scaling scaling = chip::Scaling::logic;
  chip::Site site = chip::Site::core;
  double count = 0;     // without spares
  std::string counted;  // "2,097,152 MAC"
  Band each;            // at the node
  Band net;
};

// How far one cause moves the area of the dies.
struct AreaCause {
  std::string name;
  double below = 0, above = 0;  // to the area at its low and its high end; below is negative
};

struct AreaBudget {
  std::string library;                      // of the description
  Move move;                                // nothing moves: the node of the description
  std::int64_t cores = 0, spare_cores = 0;  // of all dies; spares come on top
  std::vector<BlockArea> blocks;
  Band spares;  // net
  Band net;     // of all blocks and spares
  Band utilisation, contingency;
  Band gross;                         // of all dies
  std::optional<SquareMetres> drawn;  // of all dies, where the description draws them
  std::vector<AreaCause> causes;      // the largest first

  [[nodiscard]] double gross_factor() const {
    return (1 + contingency.central) / utilisation.central;
  }
  // Net at the central values, of what one core holds.
  [[nodiscard]] double core() const;
};

// `node`: as --node takes it; empty: the description's own.
// Errors: those of the technology table and its nodes; A0201, the chip is a bought one.
Result<AreaBudget> area(const chip::Chip& chip, std::string_view node = {});

}  // namespace churon::silicon
