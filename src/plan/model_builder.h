// What the parts of model() share: linear expressions with a constant, and the model being built.
#pragma once

#include <string>
#include <vector>

#include "plan/model.h"

namespace churon::plan {

struct Linear {
  std::vector<Term> terms;
  double constant = 0;

  void add(VariableId variable, double factor) {
    if (variable.index >= 0 && factor != 0) {
      terms.push_back({variable, factor});
    }
  }
  void add(const Linear& other, double factor) {
    for (const Term& term : other.terms) {
      add(term.variable, term.factor * factor);
    }
    constant += other.constant * factor;
  }
};

class ModelBuilder {
 public:
  ModelBuilder(const Scenario& scenario, const FutureTree& tree, const Policy& policy);

  Model build();

 private:
  // model_orders.cpp
  void orders(int option);
  void deliveries(int option, int delivery, int node);
  void gates(int option);
  void minimum_order(int option, int delivery, int node, VariableId order);
  void discounts(int option);
  void vendor_shares();
  // Of all sites, watts.
  [[nodiscard]] double site_power(int quarter) const;
  // model_supply.cpp
  void resources();
  void resource_use(int resource, int quarter, int node);
  void reservations(int resource);
  // No source has more than its share of `all`.
  void source_share(int resource, int source, int node, const Linear& drawn, const Linear& all);
  // model.cpp
  void scales();
  void fleets(int option);
  void rents(int option);
  void power();
  void demand();
  // model_money.cpp
  void costs();
  void option_cost(int option, int node, Linear& capital, Linear& running);
  // A part of a contract year's volume, at its own change of price.
  struct Piece {
    VariableId variable;
    double width = 0, change = 0;
  };
  void year_steps(int option, int node, Linear& capital);
  void order_pieces(int option, int node, const std::vector<Piece>& pieces, std::size_t later);
  void tail();

  [[nodiscard]] const Option& option(int o) const { return s_.options[index(o)]; }
  [[nodiscard]] OptionVariables& variables(int o) { return m_.options[index(o)]; }
  [[nodiscard]] ByNode no_nodes() const { return ByNode(t_.nodes().size()); }
  [[nodiscard]] const TreeNode& node(int n) const { return t_.nodes()[index(n)]; }
  [[nodiscard]] int node_count() const { return static_cast<int>(t_.nodes().size()); }
  [[nodiscard]] Quarter quarter(int q) const { return {s_.start.count + q}; }

  // "order.gb300.2027-Q3", with "@7" behind it where the quarter has several nodes.
  [[nodiscard]] std::string named(const std::string& what, int at_quarter, int at_node) const;
  VariableId variable(std::string name, double lower, double upper, bool is_integer = false) {
    return m_.program.add(
        {.name = std::move(name), .lower = lower, .upper = upper, .is_integer = is_integer});
  }
  RowId row(const std::string& name, double lower, const Linear& expression, double upper) {
    return m_.program.add({name, lower - expression.constant, upper - expression.constant},
                          expression.terms);
  }
  // A cap whose size is its limit.
  Cap& cap(const std::string& key, const std::string& text, const std::string& unit, double scale,
           int at_node, const Linear& expression, double limit, const SourceSpan& place);

  // In chips.
  Linear signed_chips(int option, int delivery, int at_node);
  Linear taken_chips(int option, int delivery, int at_node);
  Linear paid_chips(int option, int delivery, int at_node);
  // What has to be paid for, taken or not.
  Linear owed_chips(int option, int delivery, int at_node);
  [[nodiscard]] bool is_firm(int o) const {
    return option(o).take_or_pay == 1 && option(o).committed_take_or_pay == 1;
  }
  [[nodiscard]] bool is_free(int o) const {
    return option(o).take_or_pay == 0 && option(o).committed_take_or_pay == 0;
  }
  // 1 where the own chip's gate was decided in a quarter up to `until`.
  Linear decided(int option, int until, int at_node);
  // Chips that arrive in the node's quarter, the slip counted; -1: no delivery does.
  [[nodiscard]] int delivery_arriving(int option, int at_node) const;
  // By delivery.
  [[nodiscard]] std::vector<double> order_bounds(int option) const;
  [[nodiscard]] double order_bound(int option, int delivery) const {
    return order_bounds_[index(option)][index(delivery)];
  }

  const Scenario& s_;
  const FutureTree& t_;
  const Policy& p_;
  Model m_;
  double& chips_ = m_.chips;
  std::vector<std::vector<double>> order_bounds_;  // by option and delivery
};

}  // namespace churon::plan
