#include "cost/tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"

namespace churon::cost {

namespace {

Expr binary(Op op, Expr a, Expr b) { return a.tree->node(op, {a.id, b.id}); }

struct OpText {
  Op op;
  std::string_view sign;
  int binds;  // how tightly
};
constexpr std::array kOpTexts{
    OpText{Op::add, " + ", 1},    OpText{Op::subtract, " - ", 1}, OpText{Op::multiply, " * ", 2},
    OpText{Op::divide, " / ", 2}, OpText{Op::power, " ^ ", 3},
};
constexpr int kBindsMost = 4;

const OpText* op_text(Op op) {
  const auto* const found = std::find_if(kOpTexts.begin(), kOpTexts.end(),
                                         [&](const OpText& text) { return text.op == op; });
  return found == kOpTexts.end() ? nullptr : found;
}

bool has_name(const Node& node) { return node.op == Op::input || !node.key.empty(); }

struct Written {
  std::string text;
  int binds = kBindsMost;
};

class Writer {
 public:
  explicit Writer(const Tree& tree) : tree_(tree) {}

  [[nodiscard]] Written write(NodeId id, bool top) const {
    const Node& node = tree_.at(id);
    if (node.op == Op::input) {
      return {tree_.input_of(node).key};
    }
    if (!node.key.empty() && !top) {
      return {node.key};
    }
    switch (node.op) {
      case Op::constant:
        return {fmt::format("{:.10g}", node.value)};
      case Op::same:
        return write(node.arguments[0], false);
      case Op::function:
        return {call(node.function->name, node)};
      case Op::smaller:
        return {call("min", node)};
      case Op::larger:
        return {call("max", node)};
      case Op::input:
      case Op::add:
      case Op::subtract:
      case Op::multiply:
      case Op::divide:
      case Op::power:
        break;
    }
    const OpText& op = *op_text(node.op);
    const bool is_strict = node.op == Op::subtract || node.op == Op::divide;
    return {bracketed(node.arguments[0], op.binds) + std::string(op.sign) +
                bracketed(node.arguments[1], op.binds + (is_strict ? 1 : 0)),
            op.binds};
  }

 private:
  [[nodiscard]] std::string bracketed(NodeId id, int binds) const {
    const Written inner = write(id, false);
    return inner.binds < binds ? "(" + inner.text + ")" : inner.text;
  }
  [[nodiscard]] std::string call(std::string_view name, const Node& node) const {
    std::string text(name);
    for (std::size_t i = 0; i < node.arguments.size(); ++i) {
      text += (i == 0 ? "(" : ", ") + write(node.arguments[i], false).text;
    }
    return text + ")";
  }

  const Tree& tree_;
};

template <typename Function>
void lanewise(double* out, const double* a, const double* b, std::size_t width,
              const Function& function) {
  for (std::size_t i = 0; i < width; ++i) {
    out[i] = function(a[i], b[i]);
  }
}

}  // namespace

bool Input::is_guess() const { return basis == "guess" || basis == "memory" || basis == "mixed"; }

Expr operator+(Expr a, Expr b) { return binary(Op::add, a, b); }
Expr operator-(Expr a, Expr b) { return binary(Op::subtract, a, b); }
Expr operator*(Expr a, Expr b) { return binary(Op::multiply, a, b); }
Expr operator/(Expr a, Expr b) { return binary(Op::divide, a, b); }
Expr operator+(Expr a, double b) { return a + a.tree->constant(b); }
Expr operator-(Expr a, double b) { return a - a.tree->constant(b); }
Expr operator*(Expr a, double b) { return a * a.tree->constant(b); }
Expr operator/(Expr a, double b) { return a / a.tree->constant(b); }
Expr operator+(double a, Expr b) { return b.tree->constant(a) + b; }
Expr operator-(double a, Expr b) { return b.tree->constant(a) - b; }
Expr operator*(double a, Expr b) { return b.tree->constant(a) * b; }
Expr operator/(double a, Expr b) { return b.tree->constant(a) / b; }
Expr power(Expr base, Expr exponent) { return binary(Op::power, base, exponent); }
Expr smaller(Expr a, Expr b) { return binary(Op::smaller, a, b); }
Expr larger(Expr a, Expr b) { return binary(Op::larger, a, b); }

Expr Tree::constant(double value) {
  nodes_.push_back({.op = Op::constant, .value = value});
  return {this, static_cast<NodeId>(nodes_.size() - 1)};
}

Expr Tree::input(Input input) {
  if (const auto found = find(input.key)) {
    return {this, *found};
  }
  const std::string factor = input.factor.empty() ? input.key : input.factor;
  const auto known = std::find(factors_.begin(), factors_.end(), factor);
  factor_of_.push_back(static_cast<std::uint32_t>(known - factors_.begin()));
  if (known == factors_.end()) {
    factors_.push_back(factor);
  }
  const auto id = static_cast<NodeId>(nodes_.size());
  nodes_.push_back({.op = Op::input,
                    .index = static_cast<std::uint32_t>(inputs_.size()),
                    .key = input.key,
                    .text = input.text,
                    .unit = input.unit});
  names_.emplace(input.key, id);
  spreads_.emplace_back(input.range, input.is_share);
  inputs_.push_back(std::move(input));
  return {this, id};
}

Expr Tree::call(const Function& function, const std::vector<Expr>& arguments) {
  std::vector<NodeId> ids;
  ids.reserve(arguments.size());
  for (const Expr& argument : arguments) {
    ids.push_back(argument.id);
  }
  const Expr made = node(Op::function, std::move(ids));
  nodes_[made.id].function = &function;
  return made;
}

Expr Tree::name(std::string key, std::string text, std::string unit, Expr value) {
  if (has_name(nodes_[value.id])) {
    value = node(Op::same, {value.id});
  }
  Node& named = nodes_[value.id];
  check(names_.emplace(key, value.id).second, key);
  named.key = std::move(key);
  named.text = std::move(text);
  named.unit = std::move(unit);
  return value;
}

Expr Tree::node(Op op, std::vector<NodeId> arguments) {
  nodes_.push_back({.op = op, .arguments = std::move(arguments)});
  return {this, static_cast<NodeId>(nodes_.size() - 1)};
}

std::optional<NodeId> Tree::find(std::string_view key) const {
  const auto found = names_.find(key);
  return found == names_.end() ? std::nullopt : std::optional(found->second);
}

std::vector<std::string> Tree::keys() const {
  std::vector<std::string> keys;
  for (const Node& node : nodes_) {
    if (!node.key.empty()) {
      keys.push_back(node.key);
    }
  }
  return keys;
}

std::string Tree::formula(NodeId id) const { return Writer(*this).write(id, true).text; }

std::vector<NodeId> Tree::shown_arguments(NodeId id) const {
  std::vector<NodeId> shown;
  const auto walk = [&](const auto& self, NodeId at) -> void {
    for (const NodeId argument : nodes_[at].arguments) {
      if (!has_name(nodes_[argument])) {
        self(self, argument);
      } else if (std::find(shown.begin(), shown.end(), argument) == shown.end()) {
        shown.push_back(argument);
      }
    }
  };
  walk(walk, id);
  return shown;
}

std::vector<bool> Tree::needed(std::span<const NodeId> targets) const {
  std::vector<bool> needed(nodes_.size());
  for (const NodeId target : targets) {
    needed[target] = true;
  }
  for (std::size_t id = nodes_.size(); id-- > 0;) {
    if (needed[id]) {
      for (const NodeId argument : nodes_[id].arguments) {
        needed[argument] = true;
      }
    }
  }
  return needed;
}

std::vector<std::vector<std::uint32_t>> inputs_by_factor(const Tree& tree,
                                                         const std::vector<bool>& needed) {
  std::vector<std::vector<std::uint32_t>> inputs(tree.factors().size());
  for (NodeId id = 0; id < needed.size(); ++id) {
    const Node& node = tree.at(id);
    if (needed[id] && node.op == Op::input && tree.input_of(node).is_uncertain()) {
      inputs[tree.factor_of(node.index)].push_back(node.index);
    }
  }
  return inputs;
}

Evaluator::Evaluator(const Tree& tree, std::span<const NodeId> targets, std::size_t width)
    : tree_(tree), width_(width), slot_(tree.nodes().size()), factors_(tree.factors().size()) {
  const std::vector<bool> needed = tree.needed(targets);
  for (NodeId id = 0; id < needed.size(); ++id) {
    if (!needed[id]) {
      continue;
    }
    slot_[id] = static_cast<std::uint32_t>(order_.size());
    order_.push_back(id);
    const Node& node = tree.at(id);
    if (node.op == Op::input && tree.input_of(node).is_uncertain()) {
      factors_[tree.factor_of(node.index)] = true;
    }
  }
  values_.resize(order_.size() * width_);
}

void Evaluator::run(const double* z) {
  for (const NodeId id : order_) {
    compute(tree_.at(id), id, z);
  }
}

void Evaluator::compute(const Node& node, NodeId id, const double* z) {
  double* const out = values_.data() + static_cast<std::size_t>(slot_[id]) * width_;
  const auto argument = [&](std::size_t i) { return lanes(node.arguments[i]).data(); };
  switch (node.op) {
    case Op::constant:
      std::fill_n(out, width_, node.value);
      return;
    case Op::input:
      tree_.spreads_[node.index].at(
          {z + static_cast<std::size_t>(tree_.factor_of(node.index)) * width_, width_}, out);
      return;
    case Op::same:
      std::copy_n(argument(0), width_, out);
      return;
    case Op::add:
      return lanewise(out, argument(0), argument(1), width_,
                      [](double a, double b) { return a + b; });
    case Op::subtract:
      return lanewise(out, argument(0), argument(1), width_,
                      [](double a, double b) { return a - b; });
    case Op::multiply:
      return lanewise(out, argument(0), argument(1), width_,
                      [](double a, double b) { return a * b; });
    case Op::divide:
      return lanewise(out, argument(0), argument(1), width_,
                      [](double a, double b) { return a / b; });
    case Op::power:
      return lanewise(out, argument(0), argument(1), width_,
                      [](double a, double b) { return std::pow(a, b); });
    case Op::smaller:
      return lanewise(out, argument(0), argument(1), width_,
                      [](double a, double b) { return std::min(a, b); });
    case Op::larger:
      return lanewise(out, argument(0), argument(1), width_,
                      [](double a, double b) { return std::max(a, b); });
    case Op::function:
      break;
  }
  std::array<double, 12> arguments{};
  check(node.arguments.size() <= arguments.size(), node.arguments.size());
  for (std::size_t i = 0; i < width_; ++i) {
    for (std::size_t k = 0; k < node.arguments.size(); ++k) {
      arguments[k] = argument(k)[i];
    }
    out[i] = node.function->of(arguments.data());
  }
}

std::vector<double> central_values(const Tree& tree, std::span<const NodeId> targets) {
  Evaluator evaluator(tree, targets, 1);
  const std::vector<double> z(tree.factors().size());
  evaluator.run(z.data());
  std::vector<double> values;
  values.reserve(targets.size());
  for (const NodeId target : targets) {
    values.push_back(evaluator.lanes(target)[0]);
  }
  return values;
}

std::optional<NodeId> not_finite(const Tree& tree, std::span<const NodeId> targets) {
  const std::vector<bool> needed = tree.needed(targets);
  std::vector<NodeId> named;
  for (NodeId id = 0; id < needed.size(); ++id) {
    if (needed[id] && !tree.at(id).key.empty()) {
      named.push_back(id);
    }
  }
  const std::vector<double> values = central_values(tree, named);
  const auto found = std::find_if(values.begin(), values.end(),
                                  [](double value) { return !std::isfinite(value); });
  return found == values.end()
             ? std::nullopt
             : std::optional(named[static_cast<std::size_t>(found - values.begin())]);
}

double central_value(const Tree& tree, NodeId target) {
  return central_values(tree, {&target, 1}).front();
}

}  // namespace churon::cost
