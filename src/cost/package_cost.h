// Packages of own chips: at the description's prices, and by their parts at those of the tables.
#pragma once

#include <optional>

#include "cost/builder.h"

namespace churon::cost {

struct PackageSizes {
  Expr interposer_width, interposer_height, interposer, substrate;  // mm, mm2
  Expr chips;                                                       // mm2: dies and stacks
  double dies = 1, stacks = 0;
};
PackageSizes package_sizes(Builder& builder, Expr die_area_mm2, double dies, double stacks);

struct PackagePrice {
  Expr cost, yield;
};
// The one that the options ask for; the others stand beside it in the section. Without sizes (one
// die, no stacks) there is only the description's.
PackagePrice own_package(Builder& builder, const PackageSizes* sizes, Section& section);

}  // namespace churon::cost
