// The third kind of failure: we are wrong. `check` is on in every build, prints the values and the
// place, and aborts. No input may reach it.
#pragma once

#include <fmt/format.h>

#include <source_location>
#include <string>

namespace churon {

[[noreturn]] void check_failed(const std::string& values, std::source_location where);

struct CheckedCondition {
  bool holds;
  std::source_location where;
  // NOLINTNEXTLINE(google-explicit-constructor): `check(x == y)` reads as a plain condition.
  CheckedCondition(bool condition, std::source_location location = std::source_location::current())
      : holds(condition), where(location) {}
};

template <typename... Values>
void check(CheckedCondition condition, const Values&... values) {
  if (!condition.holds) [[unlikely]] {
    std::string text;
    ((text += fmt::format(" {}", values)), ...);
    check_failed(text, condition.where);
  }
}

}  // namespace churon
