// Dies per wafer by exact placement, beside the closed formulas of the literature. Lengths in mm.
//
// Definition: one regular grid, not rotated, pitch = die + street; a die counts where its corners
// (of the die, not of the street) lie inside the usable radius, wafer / 2 - edge; the offset of the
// grid that holds most dies counts. That offset is one of finitely many: see wafer.cpp.
#pragma once

#include <cstdint>
#include <vector>

namespace churon::cost {

struct DieSize {
  double width = 0, height = 0;
};

struct Wafer {
  double diameter = 300;
  double edge = 3;      // excluded ring
  double street = 0.1;  // between dies
};

// What is placed: nobody cuts smaller dies or grows larger wafers, and the work grows with both.
constexpr double kDieSideMinMm = 0.2, kWaferDiameterMaxMm = 1000;

struct DiePosition {
  double x = 0, y = 0;  // of the centre; the wafer's centre is the origin
};

// The dies of the best grid, row by row; none where no die fits.
std::vector<DiePosition> placed_dies(DieSize die, Wafer wafer);
std::int64_t gross_dies(DieSize die, Wafer wafer);

// How far the outermost corner is from the wafer's centre.
double corner_radius(DieSize die, DiePosition position);

// Closed formulas, not rounded, never below zero: d is the usable diameter, A the area of a die
// with its street. They take a square die for granted.
double gross_dies_floor(DieSize die, Wafer wafer);       // pi (d/2)^2 / A - pi d / sqrt(2 A)
double gross_dies_de_vries(DieSize die, Wafer wafer);    // pi (d/2)^2 / A * exp(-2 sqrt(A) / d)
double gross_dies_area_ratio(DieSize die, Wafer wafer);  // pi (d/2)^2 / A: nothing lost at the rim

}  // namespace churon::cost
