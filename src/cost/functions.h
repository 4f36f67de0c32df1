// The functions of cost trees that are no operators.
#pragma once

#include "cost/tree.h"

namespace churon::cost {

extern const Function kPoisson, kMurphy, kSeeds, kNegativeBinomial;
extern const Function kHarvest;          // cores, core_area, uncore_area, spares, d0, alpha
extern const Function kDeVries;          // width, height, diameter, edge, street
extern const Function kEscape;           // yield, coverage
extern const Function kCapitalRecovery;  // rate, years

}  // namespace churon::cost
