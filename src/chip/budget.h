// What a chip of our own is made of, before anything runs on it: the net area of each block and
// the power of each consumer, as counts times the coefficients of the description with their
// bounds. `churon check` adds them up at their central values; the room `silicon` moves them to
// other nodes, gives bands and draws them.
//
// Areas are in square metres, powers in watts, energies in joules of one action.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chip/chip.h"

namespace churon::chip {

// The field of a lithography scanner at the wafer.
inline constexpr Metres kReticleLong{33e-3};
inline constexpr Metres kReticleShort{26e-3};
inline constexpr SquareMetres kReticle{33e-3 * 26e-3};
// Of HBM stacks along the edge of a die: the package outline of HBM2E to HBM3E is 11 mm by 11 mm.
inline constexpr Metres kStackPitch{11e-3};
// The hottest that a cold plate on the back of the die keeps up with, averaged over the dies.
inline constexpr WattsPerSquareMetre kHeatFluxMax{2e6};

// --- area ---------------------------------------------------------------------------------------

// How the area of a block follows the node.
enum class Scaling {
  logic,  // by the density of gates
  sram,   // by the area of the bit cell
  fixed,  // analog and interfaces: bumps, swings and passives set their size
};
std::string_view name(Scaling scaling);

// Where a block stands, and how often.
enum class Site { core, stack, chip };

struct AreaBlock {
  std::string id;    // "matrix"
  std::string name;  // "MAC"
  Scaling scaling = Scaling::logic;
  Site site = Site::core;
  double count = 0;                // of all dies, without spares
  std::string unit;                // what is counted: "MAC", "B", "core", "stack", "chip"
  Sourced<double> each;            // square metres of one
  std::vector<std::string> paths;  // the values of the description that `each` is made of
};
// In the order of the description's tables. The chip is of kind `full`.
std::vector<AreaBlock> area_blocks(const Chip& chip);

std::int64_t spare_cores(const Chip& chip);  // of all dies

// From the net area of all blocks, spares included, to that of the dies.
double gross_factor(const Chip& chip);
// At the central values.
SquareMetres area_of_blocks(const Chip& chip);
// As drawn, or of the blocks where nothing is drawn.
SquareMetres silicon_area(const Chip& chip);

// --- power --------------------------------------------------------------------------------------

// Joules of an action, as a sum of coefficients.
using EnergyParts = std::vector<Sourced<double>>;
double value(const EnergyParts& parts);

struct ActionEnergies {
  EnergyParts mac_int8;  // with its operands and its share of the accumulation
  EnergyParts mac_w4;
  EnergyParts vector_operation;
  EnergyParts memory_device, memory_phy;  // of a byte of the main memory
  EnergyParts scratch;                    // of a byte
  EnergyParts noc_hop;                    // of a byte over a hop
};
ActionEnergies action_energies(const Chip& chip);

// Achieved fractions of a step that is limited by memory, and of one limited by the array.
struct Phase {
  std::string_view name;
  double memory = 0, mac = 0, vector = 0, noc = 0, link = 0;
};
std::span<const Phase> phases();

enum class PowerDomain {
  core,       // follows the clock and the square of the core voltage
  interface,  // memory and links: clocks and voltages of their own
  leakage,
  base,
};
struct PowerTerm {
  std::string id;    // "matrix"
  std::string name;  // "MAC"
  PowerDomain domain = PowerDomain::core;
  double rate = 0;    // actions per second; square metres for leakage; 1 for the base
  EnergyParts parts;  // joules of an action; watts per square metre; watts
};
// At the nominal clock and voltage, leakage at the temperature of the description.
std::vector<PowerTerm> power_terms(const Chip& chip, const Phase& phase);

}  // namespace churon::chip
