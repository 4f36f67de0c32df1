// The parts of plan_explanation().
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "report/plan_report.h"

namespace churon::report {

// A name that may be asked for, and what answers.
struct Answer {
  std::string key;
  std::function<std::string()> text;
};

// Of a quarter: cash, fleets, demand, power and the caps that bind in it. What answers refers to
// `record`.
void add_quarters(const PlanRecord& record, std::vector<Answer>& list);

}  // namespace churon::report
