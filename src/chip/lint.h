// A description held against closed formulas: does what it states agree with what follows from it,
// and is the chip it describes balanced? `churon check` prints the list.
#pragma once

#include <string>
#include <vector>

#include "chip/chip.h"

namespace churon::chip {

enum class Verdict {
  ok,       // agrees, or leaves room
  info,     // a figure worth knowing; nothing to compare it with
  warning,  // works, but probably not as meant
};
std::string_view name(Verdict verdict);

struct Lint {
  std::string id;           // "peak_q8_0", for JSON
  std::string quantity;     // "peak q8_0"
  std::string stated = {};  // what the description says; empty: nothing
  std::string formula;      // with its numbers
  std::string computed;
  Verdict verdict = Verdict::info;
  std::string remark = {};                      // why a warning is one
  double stated_value = 0, computed_value = 0;  // in base units
};

std::vector<Lint> lints(const Chip& chip);

// How many of the numbers that carry a provenance rest on a guess.
struct GuessShare {
  int guesses = 0;
  int numbers = 0;
};
GuessShare guess_share(const Chip& chip);

}  // namespace churon::chip
