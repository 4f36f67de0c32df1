// A linear or mixed-integer program: minimise or maximise offset + sum of cost x value, subject to
// lower <= row <= upper and lower <= value <= upper, some values whole numbers. It has at least one
// variable. Names are those that a modeller would give; solvers know variables and rows by index.
#pragma once

#include <limits>
#include <span>
#include <string>
#include <vector>

namespace churon::plan {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

struct VariableId {
  int index = -1;
  bool operator==(const VariableId&) const = default;
};
struct RowId {
  int index = -1;
  bool operator==(const RowId&) const = default;
};

struct Variable {
  std::string name;
  double lower = 0, upper = kInfinity;
  double cost = 0;
  bool is_integer = false;
};

struct Row {
  std::string name;
  double lower = -kInfinity, upper = kInfinity;
};

struct Term {
  VariableId variable;
  double factor = 0;
};

class Program {
 public:
  std::string name = "program";
  std::string objective_name = "objective";
  bool maximise = false;
  double offset = 0;

  VariableId add(Variable variable);
  // Terms of the same variable are added up; those that come to zero are left out.
  RowId add(Row row, std::span<const Term> terms);

  [[nodiscard]] const std::vector<Variable>& variables() const { return variables_; }
  [[nodiscard]] const std::vector<Row>& rows() const { return rows_; }
  [[nodiscard]] Variable& at(VariableId id) {
    return variables_[static_cast<std::size_t>(id.index)];
  }
  [[nodiscard]] const Variable& at(VariableId id) const {
    return variables_[static_cast<std::size_t>(id.index)];
  }
  [[nodiscard]] Row& at(RowId id) { return rows_[static_cast<std::size_t>(id.index)]; }
  [[nodiscard]] const Row& at(RowId id) const { return rows_[static_cast<std::size_t>(id.index)]; }
  [[nodiscard]] std::span<const Term> terms(RowId row) const;

  [[nodiscard]] int variable_count() const { return static_cast<int>(variables_.size()); }
  [[nodiscard]] int row_count() const { return static_cast<int>(rows_.size()); }
  [[nodiscard]] std::size_t term_count() const { return terms_.size(); }
  [[nodiscard]] int integer_count() const;

  [[nodiscard]] double objective(std::span<const double> values) const;
  [[nodiscard]] double activity(RowId row, std::span<const double> values) const;

 private:
  std::vector<Variable> variables_;
  std::vector<Row> rows_;
  std::vector<std::size_t> ends_;  // by row: of its terms in terms_
  std::vector<Term> terms_;
};

}  // namespace churon::plan
