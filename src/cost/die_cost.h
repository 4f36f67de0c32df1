// What a good die costs: dies of a wafer, yield with spare cores, the wafer test.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cost/builder.h"

namespace churon::cost {

// Cores that may be bad.
struct Repair {
  std::int64_t cores = 0;       // of a die, spares included
  std::int64_t spares = 0;      // that may be bad
  std::optional<Expr> area;     // the share of the die that is cores
  std::optional<Expr> success;  // of a repair
};

struct DieInputs {
  std::string id;
  Expr width, height;  // mm
  Expr count;
  Expr wafer;  // price
  Expr d0, alpha;
  std::string model = "negative-binomial";
  Repair repair;
};

// A type of die as the bill sees it.
struct DieCost {
  Expr count, good;  // dies of a chip; price of a good one
  Expr wafers;       // of one chip
};
DieCost die_cost(Builder& builder, const DieInputs& die, Section& section);

// Dies, or interposers (`what`), of a wafer. Counted exactly at the central edge and street, and
// scaled by de Vries' formula where a draw has others. `fits`: one at least does.
bool fits(Builder& builder, Expr width, Expr height);
Expr gross_of(Builder& builder, const std::string& prefix, Expr width, Expr height,
              const std::string& what);

// Dies of bought chips have an area and no sides: a square, or as wide as the reticle allows.
void sides_of(Builder& builder, const std::string& prefix, Expr area, DieInputs& die);

Expr sum(const std::vector<Expr>& terms);

}  // namespace churon::cost
