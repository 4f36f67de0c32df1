#include "plan/checker.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace churon::plan {

namespace {

class Checker {
 public:
  explicit Checker(const Tolerance& tolerance) : tolerance_(tolerance) {}

  void within(const std::string& what, double value, double lower, double upper, double scale) {
    if (!std::isfinite(value)) {
      found_.push_back({fmt::format("{}: {} is no number", what, value), kInfinity});
      return;
    }
    const auto beyond = [&](double by, double bound, const char* word) {
      const double relative = by / std::max({1.0, std::fabs(bound), scale});
      if (relative > tolerance_.feasibility) {
        found_.push_back({fmt::format("{}: {} is {} {}", what, value, word, bound), relative});
      }
    };
    beyond(lower - value, lower, "below");
    beyond(value - upper, upper, "above");
  }

  void whole(const std::string& what, double value) {
    const double by = std::fabs(value - std::round(value));
    if (by > tolerance_.integrality) {
      found_.push_back({fmt::format("{}: {} is no whole number", what, value), by});
    }
  }

  void equal(double found, double said, double scale) {
    const double relative = std::fabs(found - said) / std::max({1.0, std::fabs(found), scale});
    if (!(relative <= tolerance_.objective)) {
      found_.push_back({fmt::format("objective: it is {}, not {}", found, said), relative});
    }
  }

  std::vector<Violation> sorted() {
    std::stable_sort(found_.begin(), found_.end(),
                     [](const Violation& a, const Violation& b) { return a.by > b.by; });
    return std::move(found_);
  }

 private:
  Tolerance tolerance_;
  std::vector<Violation> found_;
};

}  // namespace

std::vector<Violation> violations(const Program& program, std::span<const double> values,
                                  double objective, const Tolerance& tolerance) {
  if (values.size() != program.variables().size()) {
    return {{fmt::format("{} values for {} variables", values.size(), program.variable_count()),
             kInfinity}};
  }
  Checker checker(tolerance);
  double scale = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Variable& variable = program.variables()[i];
    const std::string what = fmt::format("variable `{}`", variable.name);
    checker.within(what, values[i], variable.lower, variable.upper, 0);
    if (variable.is_integer) {
      checker.whole(what, values[i]);
    }
    scale = std::max(scale, std::fabs(variable.cost * values[i]));
  }
  for (int i = 0; i < program.row_count(); ++i) {
    const Row& row = program.at(RowId{i});
    double largest = 0;
    for (const Term& term : program.terms({i})) {
      largest = std::max(
          largest, std::fabs(term.factor * values[static_cast<std::size_t>(term.variable.index)]));
    }
    checker.within(fmt::format("row `{}`", row.name), program.activity({i}, values), row.lower,
                   row.upper, largest);
  }
  checker.equal(program.objective(values), objective, scale);
  return checker.sorted();
}

std::vector<Violation> bound_violations(const Program& program, std::span<const double> values,
                                        double objective, double bound,
                                        const Tolerance& tolerance) {
  double scale = std::max(1.0, std::fabs(objective));
  for (std::size_t i = 0; i < values.size(); ++i) {
    scale = std::max(scale, std::fabs(program.variables()[i].cost * values[i]));
  }
  const double relative = (program.maximise ? objective - bound : bound - objective) / scale;
  if (std::isnan(bound) || relative > tolerance.bound) {
    return {
        {fmt::format("bound: the objective is {}, and none is better than {}", objective, bound),
         relative}};
  }
  return {};
}

}  // namespace churon::plan
