// What the values of options are checked for where CLI11's own checks take too much.
#pragma once

#include <CLI/CLI.hpp>

namespace churon::cli {

// Takes numbers from `low` to `high`, and nothing else: CLI11's own range takes NaN.
CLI::Validator number_within(double low, double high);

// Takes what seeds a generator: a whole decimal number of 64 bits. CLI11 alone takes -1 and what is
// too large as the largest of them, and 010 as eight.
CLI::Validator seed_value();

}  // namespace churon::cli
