// Linear programs that several tests solve.
#pragma once

#include <fmt/format.h>

#include <string>
#include <vector>

#include "plan/program.h"

namespace churon::test {

// x + y >= 2, both whole, at 1 and 3 each: the optimum is 2, x = 2.
inline plan::Program two_items() {
  plan::Program program;
  const plan::VariableId x = program.add({"x", 0, 3, 1, true});
  const plan::VariableId y = program.add({"y", 0, 3, 3, true});
  program.add({"need", 2, plan::kInfinity}, std::vector<plan::Term>{{x, 1}, {y, 1}});
  return program;
}

// Knapsacks that nearly tie keep a solver busy.
inline std::string hard_mps() {
  std::string mps = "OBJSENSE MAX\nROWS\n N obj\n L a\n L b\n L c\nCOLUMNS\n M 'MARKER' 'INTORG'\n";
  for (int i = 0; i < 90; ++i) {
    const int a = 1000 + 617 * i % 997, b = 1000 + 389 * i % 991, c = 1000 + 757 * i % 983;
    mps += fmt::format(" x{} obj {} a {}\n x{} b {} c {}\n", i, a + b + c + i % 7, a, i, b, c);
  }
  return mps + " M 'MARKER' 'INTEND'\nRHS\n R a 60000 b 61000\n R c 59000\nENDATA\n";
}

}  // namespace churon::test
