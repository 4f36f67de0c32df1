#include "plan/program.h"

#include <algorithm>

#include "base/check.h"

namespace churon::plan {

VariableId Program::add(Variable variable) {
  variables_.push_back(std::move(variable));
  return {static_cast<int>(variables_.size()) - 1};
}

RowId Program::add(Row row, std::span<const Term> terms) {
  const std::size_t begin = terms_.size();
  for (const Term& term : terms) {
    check(term.variable.index >= 0 && term.variable.index < variable_count(), row.name,
          term.variable.index);
    terms_.push_back(term);
  }
  const auto first = terms_.begin() + static_cast<std::ptrdiff_t>(begin);
  std::stable_sort(first, terms_.end(), [](const Term& a, const Term& b) {
    return a.variable.index < b.variable.index;
  });
  auto kept = first;
  for (auto term = first; term != terms_.end();) {
    Term sum{term->variable, 0};
    for (; term != terms_.end() && term->variable == sum.variable; ++term) {
      sum.factor += term->factor;
    }
    if (sum.factor != 0) {
      *kept++ = sum;
    }
  }
  terms_.erase(kept, terms_.end());
  rows_.push_back(std::move(row));
  ends_.push_back(terms_.size());
  return {static_cast<int>(rows_.size()) - 1};
}

std::span<const Term> Program::terms(RowId row) const {
  const auto index = static_cast<std::size_t>(row.index);
  const std::size_t begin = index == 0 ? 0 : ends_[index - 1];
  return std::span(terms_).subspan(begin, ends_[index] - begin);
}

int Program::integer_count() const {
  return static_cast<int>(std::count_if(variables_.begin(), variables_.end(),
                                        [](const Variable& v) { return v.is_integer; }));
}

double Program::objective(std::span<const double> values) const {
  double sum = offset;
  for (std::size_t i = 0; i < variables_.size(); ++i) {
    sum += variables_[i].cost * values[i];
  }
  return sum;
}

double Program::activity(RowId row, std::span<const double> values) const {
  double sum = 0;
  for (const Term& term : terms(row)) {
    sum += term.factor * values[static_cast<std::size_t>(term.variable.index)];
  }
  return sum;
}

}  // namespace churon::plan
