// Every cost is a tree of named quantities: sums, products and a few functions of inputs, and every
// input is a row of a table or a value of a chip description. One structure answers all questions:
// its value (all factors at their centre), its distribution (draws of the factors, draws.h), what
// it depends on, and why it is what it is: the formula that is printed is made from the nodes that
// are computed.
//
// Evaluation is over many lanes at once: lane i of every node belongs to one draw, or to one case
// of a sensitivity. Nodes are created after their arguments, so their order is that of evaluation.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cost/spread.h"

namespace churon::cost {

using NodeId = std::uint32_t;

// Where an input comes from.
struct Input {
  std::string key;   // "wafer_price.N3", "chip.cost.wafer"
  std::string unit;  // "USD/wafer"
  Range range;
  std::string text;    // what it is, where its key does not say so
  std::string basis;   // of a row: sourced, mixed, derived, memory; of a chip: vendor, guess, …
  std::string as_of;   // free text, empty for a chip's values
  std::string source;  // who says so
  std::string note;
  std::string place;   // "data/cost/wafers.csv:14"
  std::string factor;  // what moves together has the same; empty: moves alone
  bool is_share = false;

  [[nodiscard]] bool is_uncertain() const { return range.low != range.high; }
  // A recollection or a judgement: basis guess, memory or mixed.
  [[nodiscard]] bool is_guess() const;
};

// A function of a few numbers that is no operator.
struct Function {
  std::string_view name;       // "harvest_yield"
  std::string_view formula;    // in the names of its arguments
  std::string_view arguments;  // "cores, core_area, …"
  double (*of)(const double* arguments);
};

class Tree;

// A node of a tree, with the operators of arithmetic.
struct Expr {
  Tree* tree = nullptr;
  NodeId id = 0;
};
Expr operator+(Expr a, Expr b);
Expr operator-(Expr a, Expr b);
Expr operator*(Expr a, Expr b);
Expr operator/(Expr a, Expr b);
Expr operator+(Expr a, double b);
Expr operator-(Expr a, double b);
Expr operator*(Expr a, double b);
Expr operator/(Expr a, double b);
Expr operator+(double a, Expr b);
Expr operator-(double a, Expr b);
Expr operator*(double a, Expr b);
Expr operator/(double a, Expr b);
Expr power(Expr base, Expr exponent);
Expr smaller(Expr a, Expr b);
Expr larger(Expr a, Expr b);

enum class Op : std::uint8_t {
  constant,
  input,
  add,
  subtract,
  multiply,
  divide,
  power,
  smaller,
  larger,
  function,
  same,  // another name of a node that has one
};

struct Node {
  Op op = Op::constant;
  double value = 0;         // of a constant
  std::uint32_t index = 0;  // of an input: into inputs()
  const Function* function = nullptr;
  std::vector<NodeId> arguments = {};
  std::string key = {};   // empty: no name of its own
  std::string text = {};  // "cost of all dies"
  std::string unit = {};
};

class Tree {
 public:
  Tree() = default;
  Tree(const Tree&) = delete;
  Tree& operator=(const Tree&) = delete;

  Expr constant(double value);
  // The same key gives the same node.
  Expr input(Input input);
  Expr call(const Function& function, const std::vector<Expr>& arguments);
  // Gives a quantity its name; each name once.
  Expr name(std::string key, std::string text, std::string unit, Expr value);
  Expr node(Op op, std::vector<NodeId> arguments);

  [[nodiscard]] const std::vector<Node>& nodes() const { return nodes_; }
  [[nodiscard]] const Node& at(NodeId id) const { return nodes_[id]; }
  [[nodiscard]] const std::vector<Input>& inputs() const { return inputs_; }
  [[nodiscard]] const Input& input_of(const Node& node) const { return inputs_[node.index]; }
  [[nodiscard]] const std::vector<std::string>& factors() const { return factors_; }
  // By input: its factor's index.
  [[nodiscard]] std::uint32_t factor_of(std::uint32_t input) const { return factor_of_[input]; }
  // An input's value where its factor's standard normal number is `z`.
  [[nodiscard]] double value_at(std::uint32_t input, double z) const {
    return spreads_[input].at(z);
  }
  [[nodiscard]] std::optional<NodeId> find(std::string_view key) const;
  [[nodiscard]] std::vector<std::string> keys() const;  // of all names, in the order of creation

  // "wafer / (gross * yield)": names and inputs by their keys.
  [[nodiscard]] std::string formula(NodeId id) const;
  // The named quantities and inputs that the formula of a node shows, each once.
  [[nodiscard]] std::vector<NodeId> shown_arguments(NodeId id) const;
  // By node: whether any of `targets` depends on it.
  [[nodiscard]] std::vector<bool> needed(std::span<const NodeId> targets) const;

 private:
  std::vector<Node> nodes_;
  std::vector<Input> inputs_;
  std::vector<Spread> spreads_;
  std::vector<std::string> factors_;
  std::vector<std::uint32_t> factor_of_;
  std::map<std::string, NodeId, std::less<>> names_;

  friend class Evaluator;
};

// By factor: the uncertain inputs that it moves, of the nodes that are `needed`.
std::vector<std::vector<std::uint32_t>> inputs_by_factor(const Tree& tree,
                                                         const std::vector<bool>& needed);

// Evaluates what some targets need, over `width` lanes.
class Evaluator {
 public:
  Evaluator(const Tree& tree, std::span<const NodeId> targets, std::size_t width);

  // `z` holds the factors' standard normal numbers, `width` lanes each, factor by factor.
  void run(const double* z);
  [[nodiscard]] std::span<const double> lanes(NodeId id) const {
    return {values_.data() + static_cast<std::size_t>(slot_[id]) * width_, width_};
  }
  // By factor: whether any target depends on it.
  [[nodiscard]] const std::vector<bool>& factors() const { return factors_; }

 private:
  void compute(const Node& node, NodeId id, const double* z);

  const Tree& tree_;
  std::size_t width_;
  std::vector<NodeId> order_;
  std::vector<std::uint32_t> slot_;
  std::vector<bool> factors_;
  std::vector<double> values_;
};

// All factors at their centre.
std::vector<double> central_values(const Tree& tree, std::span<const NodeId> targets);
double central_value(const Tree& tree, NodeId target);
// The first named quantity behind some targets that is no finite number then.
std::optional<NodeId> not_finite(const Tree& tree, std::span<const NodeId> targets);

}  // namespace churon::cost
