// The words of measured tables: metrics, units, operators, frameworks, and what notes state.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "evaluate/measured.h"

namespace churon::evaluate {

// What a metric measures: the units that go with it.
enum class Kind { time, rate, throughput, power, energy, elements };

struct MetricRow {
  Metric metric;
  std::string_view name;
  Kind kind;
};
// In any case; nullptr: none.
const MetricRow* find_metric(std::string_view name);
std::vector<std::string> metric_names();

struct UnitRow {
  std::string_view unit;  // in lower case
  Kind kind;
  double factor;  // to seconds, operations per second, …
  bool is_bytes = false;
};
// In any case; nullptr: no unit of that kind.
const UnitRow* find_unit(Kind kind, std::string_view unit);
std::vector<std::string> units_of(Kind kind);

struct OperatorRow {
  std::string_view name;  // as tables write it, in lower case
  Operator op;
};
const OperatorRow* find_operator(std::string_view name);

struct FrameworkRow {
  std::string_view part;  // of the name in lower case
  std::string_view family;
  estimate::Framework profile;
};
// The first whose part the name contains.
const FrameworkRow* framework_row(std::string_view framework);

// "m=1;n=2", "m=n=k=128", "MxNxK=1x2x3": names in lower case, the first of a name counts.
std::vector<Dimension> dimensions(std::string_view note);
// Whether it is a size of an operator that the model reads; other numbers are for people.
bool is_size(std::string_view dimension);
inline constexpr double kSizeMax = 1e12;
// "routing=power_law_1.2": how unevenly tokens choose experts; 0: evenly.
std::optional<double> routing_exponent(std::string_view note);
// "task=gpqa"
std::string task(std::string_view note);

}  // namespace churon::evaluate
