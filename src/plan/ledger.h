// A plan's books, kept from its decisions alone: what arrives when, what the fleet serves, what is
// paid. Nothing here knows the program that the plan came from, so the two check each other.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "plan/model.h"

namespace churon::plan {

// The decisions of one option in one future, in chips.
struct OptionDecisions {
  std::vector<double> ordered;             // by delivery: beyond what is committed
  std::vector<std::vector<double>> taken;  // by delivery and site
  std::vector<double> discounted;          // by delivery
  std::vector<double> rent;                // by quarter
  std::vector<std::vector<double>> serve;  // by class and quarter
  int gate = -1;                           // quarter of its decision; -1: none
};
struct Decisions {
  std::vector<OptionDecisions> options;
  std::vector<std::vector<std::vector<double>>> reserve;  // by resource, source, quarter
};
// By future.
std::vector<Decisions> decisions(const Scenario& scenario, const FutureTree& tree,
                                 const Model& model, const std::vector<double>& values);

struct OptionBook {
  std::vector<double> signed_chips, paid_chips, arrived,
      fleet;                              // by quarter; signed and paid by delivery
  std::vector<double> purchase, running;  // USD by quarter
};

struct Book {
  std::vector<OptionBook> options;
  std::vector<double> capital, operation, penalty;  // USD by quarter
  std::vector<std::vector<double>> power;           // by site and quarter, watts
  std::vector<std::vector<double>> served, unmet;   // by class and quarter, tokens/s
  std::vector<double> reservation, programme;       // USD by quarter
  double residual = 0;                              // USD at the end
  double total = 0;                                 // USD of today, penalties in it
  double penalties = 0;                             // of these, USD of today
  double tokens = 0;                                // served, each discounted as its dollar is
  // What a price accounts for, in USD of today; the sum is `total`.
  std::vector<std::pair<const Fact*, double>> by_fact;

  [[nodiscard]] double cash(int quarter) const {
    const auto q = static_cast<std::size_t>(quarter);
    return capital[q] + operation[q];
  }
  // USD per million tokens served, penalties apart.
  [[nodiscard]] double per_mtok() const {
    return tokens > 0 ? (total - penalties) / tokens * 1e6 : 0;
  }
};

Book book(const Scenario& scenario, const Policy& policy, const Decisions& decisions,
          const Future& future);

// The objective from the futures' totals: (1 - weight) x mean + weight x mean of the worst tail.
double objective(const Scenario& scenario, const std::vector<Book>& books);
// Mean of the worst 1 - tail of the futures' totals.
double tail_mean(const Scenario& scenario, const std::vector<Book>& books);

}  // namespace churon::plan
