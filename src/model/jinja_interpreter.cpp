#include "model/jinja_interpreter.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/text.h"

namespace churon::model::jinja {

namespace {

constexpr std::size_t kStepCost = 16;

// What a block ends with: normally, or on the way out of a loop.
enum class Flow { next, leave_loop, next_item };

template <typename... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <typename... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

std::string_view text_of(Operator op) {
  switch (op) {
    case Operator::add:
      return "+";
    case Operator::subtract:
      return "-";
    case Operator::multiply:
      return "*";
    case Operator::divide:
      return "/";
    case Operator::divide_floor:
      return "//";
    case Operator::modulo:
      return "%";
    case Operator::concatenate:
      return "~";
    case Operator::logical_and:
      return "and";
    case Operator::logical_or:
      return "or";
    case Operator::equal:
      return "==";
    case Operator::not_equal:
      return "!=";
    case Operator::less:
      return "<";
    case Operator::less_equal:
      return "<=";
    case Operator::greater:
      return ">";
    case Operator::greater_equal:
      return ">=";
    case Operator::in:
      return "in";
    case Operator::not_in:
      return "not in";
  }
  return "";
}

// Indices of a slice as Python chooses them.
std::vector<std::size_t> slice_indices(std::int64_t size, std::optional<std::int64_t> begin,
                                       std::optional<std::int64_t> end, std::int64_t step) {
  const std::int64_t low = step > 0 ? 0 : -1;
  const std::int64_t high = step > 0 ? size : size - 1;
  const auto place = [&](std::optional<std::int64_t> index, std::int64_t fallback) {
    if (!index) {
      return fallback;
    }
    return std::clamp(*index < 0 ? *index + size : *index, low, high);
  };
  const std::int64_t from = place(begin, step > 0 ? low : high);
  const std::int64_t to = place(end, step > 0 ? high : low);
  std::vector<std::size_t> indices;
  // A step beyond the size takes one element; cutting it keeps the sum in range.
  const std::int64_t stride = std::clamp(step, -size - 1, size + 1);
  for (std::int64_t i = from; stride > 0 ? i < to : i > to; i += stride) {
    indices.push_back(static_cast<std::size_t>(i));
  }
  return indices;
}

class Interpreter {
 public:
  Interpreter(Variables variables, Runtime& runtime) : runtime_(runtime) {
    scopes_.push_back(std::move(variables));
  }

  Text run(const Block& body) {
    execute(body);
    return std::move(out_);
  }

 private:
  // --- variables ---

  // A scope that ends with the block.
  class Scope {
   public:
    explicit Scope(Interpreter& interpreter) : interpreter_(interpreter) {
      interpreter_.scopes_.emplace_back();
    }
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() { interpreter_.scopes_.pop_back(); }

   private:
    Interpreter& interpreter_;
  };

  void set(const std::string& name, Value value) {
    runtime_.charge(scopes_.back().size());
    for (auto& [known, old] : scopes_.back()) {
      if (known == name) {
        old = std::move(value);
        return;
      }
    }
    scopes_.back().emplace_back(name, std::move(value));
  }

  [[nodiscard]] Value get(const std::string& name) {
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
      runtime_.charge(scope->size());
      for (const auto& [known, value] : *scope) {
        if (known == name) {
          return value;
        }
      }
    }
    if (const GlobalFunction* function = find_function(name)) {
      return function;
    }
    return Undefined{name};
  }

  void set_targets(const std::vector<std::string>& targets, const Value& value) {
    if (targets.size() == 1) {
      set(targets[0], value);
      return;
    }
    const auto list = runtime_.iterate(value);
    if (list->items.size() != targets.size()) {
      runtime_.fail(fmt::format("{} values cannot be unpacked into {} names", list->items.size(),
                                targets.size()));
    }
    for (std::size_t i = 0; i < targets.size(); ++i) {
      set(targets[i], list->items[i]);
    }
  }

  // --- statements ---

  Flow execute(const Block& block) {
    const Runtime::Level level(runtime_);
    for (const Statement& statement : block) {
      runtime_.set_place(statement.at);
      runtime_.charge(kStepCost);
      const Flow flow =
          std::visit([this](const auto& node) { return execute_node(node); }, statement.node);
      if (flow != Flow::next) {
        return flow;
      }
    }
    return Flow::next;
  }

  void write(const Text& text) {
    runtime_.charge(text.size(), 2);
    out_.append(text);
  }

  Flow execute_node(const TemplateText& node) {
    runtime_.charge(node.text.size(), 2);
    out_.append(node.text, true);
    return Flow::next;
  }
  Flow execute_node(const Output& node) {
    write(runtime_.str(evaluate(*node.value)));
    return Flow::next;
  }
  Flow execute_node(const If& node) {
    for (const auto& [condition, body] : node.branches) {
      if (condition == nullptr || is_true(evaluate(*condition))) {
        return execute(body);
      }
    }
    return Flow::next;
  }

  Flow execute_node(const For& node) {
    auto list = runtime_.iterate(evaluate(*node.iterable));
    if (node.condition != nullptr) {
      Items chosen;
      for (const Value& item : list->items) {
        const Scope scope(*this);
        set_targets(node.targets, item);
        if (is_true(evaluate(*node.condition))) {
          chosen.push_back(item);
        }
      }
      list = runtime_.list(std::move(chosen)).shared_list();
    }
    if (list->items.empty()) {
      return execute(node.otherwise);
    }
    for (std::size_t i = 0; i < list->items.size(); ++i) {
      runtime_.charge(kStepCost);
      const Scope scope(*this);
      set_targets(node.targets, list->items[i]);
      set("loop", std::make_shared<const Loop>(Loop{.list = list, .index = i}));
      if (execute(node.body) == Flow::leave_loop) {
        break;
      }
    }
    return Flow::next;
  }

  Flow execute_node(const Set& node) {
    Value value = evaluate(*node.value);
    if (node.attribute.empty()) {
      set_targets(node.targets, value);
      return Flow::next;
    }
    const Value target = get(node.targets[0]);
    if (target.names() == nullptr) {
      runtime_.fail(fmt::format("only attributes of a namespace can be set, and `{}` is {}",
                                node.targets[0], kind_name(target)));
    }
    if (extent(value).depth > kValueDepthMax) {
      runtime_.fail(fmt::format("{} cannot be put into a namespace", kind_name(value)));
    }
    runtime_.charge(target.names()->attributes.size());
    for (auto& [name, old] : target.names()->attributes) {
      if (name == node.attribute) {
        old = std::move(value);
        return Flow::next;
      }
    }
    target.names()->attributes.emplace_back(node.attribute, std::move(value));
    return Flow::next;
  }

  // What a block writes, instead of into the output.
  Value captured(const Block& body) {
    Text outer = std::exchange(out_, {});
    execute(body);
    return runtime_.text(std::exchange(out_, std::move(outer)));
  }

  Flow execute_node(const SetBlock& node) {
    Value value;
    {
      const Scope scope(*this);
      value = captured(node.body);
    }
    for (const ExpressionPtr& filter : node.filters) {
      const auto& call = std::get<FilterCall>(filter->node);
      value = apply_filter(runtime_, call.name, std::move(value), positional(call.arguments),
                           named(call.arguments));
    }
    set(node.target, std::move(value));
    return Flow::next;
  }
  Flow execute_node(const Macro& node) {
    set(node.name, &node);
    return Flow::next;
  }
  Flow execute_node(const Break&) { return Flow::leave_loop; }
  Flow execute_node(const Continue&) { return Flow::next_item; }

  Value call_macro(const Macro& macro, const Items& positional, const Invocation::Named& named) {
    if (positional.size() > macro.parameters.size()) {
      runtime_.fail(fmt::format("the macro `{}` takes at most {} arguments", macro.name,
                                macro.parameters.size()));
    }
    // A macro sees the outermost variables and its parameters.
    std::vector<Variables> inner;
    inner.push_back(std::move(scopes_.front()));
    std::swap(scopes_, inner);
    struct Restore {
      std::vector<Variables>& scopes;
      std::vector<Variables>& callers;
      ~Restore() {
        callers.front() = std::move(scopes.front());
        std::swap(scopes, callers);
      }
    };
    const Restore restore{scopes_, inner};
    const Scope scope(*this);
    for (std::size_t i = 0; i < macro.parameters.size(); ++i) {
      const auto& [name, default_value] = macro.parameters[i];
      const auto given = std::find_if(
          named.begin(), named.end(),
          [&parameter = name](const auto& argument) { return argument.first == parameter; });
      if (i < positional.size()) {
        set(name, positional[i]);
      } else if (given != named.end()) {
        set(name, given->second);
      } else {
        set(name, default_value != nullptr ? evaluate(*default_value) : Value(Undefined{name}));
      }
    }
    return captured(macro.body);
  }

  // --- expressions ---

  Value evaluate(const Expression& expression) {
    const Runtime::Level level(runtime_);
    runtime_.charge(kStepCost);
    Value value = std::visit(
        [this, &expression](const auto& node) { return evaluate_node(node, expression.at); },
        expression.node);
    return value;
  }

  Items positional(const Arguments& arguments) {
    Items values;
    for (const Argument& argument : arguments) {
      if (argument.name.empty()) {
        values.push_back(evaluate(*argument.value));
      }
    }
    return values;
  }
  Invocation::Named named(const Arguments& arguments) {
    Invocation::Named values;
    for (const Argument& argument : arguments) {
      if (!argument.name.empty()) {
        values.emplace_back(argument.name, evaluate(*argument.value));
      }
    }
    return values;
  }

  Value evaluate_node(const Literal& node, std::size_t) { return node.value; }
  Value evaluate_node(const Name& node, std::size_t) { return get(node.name); }
  Value evaluate_node(const ListDisplay& node, std::size_t at) {
    Items items;
    for (const ExpressionPtr& item : node.items) {
      items.push_back(evaluate(*item));
    }
    runtime_.set_place(at);
    return runtime_.list(std::move(items), node.is_tuple);
  }
  Value evaluate_node(const DictDisplay& node, std::size_t at) {
    Entries entries;
    for (const auto& [key, value] : node.entries) {
      Value name = evaluate(*key);
      entries.emplace_back(std::move(name), evaluate(*value));
    }
    runtime_.set_place(at);
    return runtime_.dict(std::move(entries));
  }
  Value evaluate_node(const Attribute& node, std::size_t at) {
    const Value object = evaluate(*node.object);
    runtime_.set_place(at);
    return runtime_.attribute(object, node.name);
  }
  Value evaluate_node(const Subscript& node, std::size_t at) {
    const Value object = evaluate(*node.object);
    const Value index = evaluate(*node.index);
    runtime_.set_place(at);
    return runtime_.item(object, index);
  }

  std::optional<std::int64_t> slice_bound(const ExpressionPtr& expression) {
    if (expression == nullptr) {
      return std::nullopt;
    }
    const Value value = evaluate(*expression);
    if (value.is_none()) {
      return std::nullopt;
    }
    if (!value.whole_number()) {
      runtime_.fail(fmt::format("a slice needs integers, not {}", kind_name(value)));
    }
    return value.whole_number();
  }

  Value evaluate_node(const Slice& node, std::size_t at) {
    const Value object = evaluate(*node.object);
    const auto begin = slice_bound(node.begin);
    const auto end = slice_bound(node.end);
    const auto step = slice_bound(node.step);
    runtime_.set_place(at);
    if (step == 0) {
      runtime_.fail("a slice needs a step other than zero");
    }
    if (object.list() == nullptr && object.text() == nullptr) {
      runtime_.fail(fmt::format("{} cannot be cut into slices", kind_name(object)));
    }
    const auto whole = runtime_.iterate(object);
    Items items;
    for (const std::size_t i : slice_indices(static_cast<std::int64_t>(whole->items.size()), begin,
                                             end, step.value_or(1))) {
      items.push_back(whole->items[i]);
    }
    if (object.list() != nullptr) {
      return runtime_.list(std::move(items), whole->is_tuple);
    }
    Text text;
    for (const Value& item : items) {
      text.append(*item.text());
    }
    return runtime_.text(std::move(text));
  }

  Value evaluate_node(const Call& node, std::size_t at) {
    // `a.b(…)`: a method of a, unless a is a dictionary or namespace that has a function there.
    Value object;
    Value callee;
    const auto* method = std::get_if<Attribute>(&node.callee->node);
    if (method != nullptr) {
      object = evaluate(*method->object);
      runtime_.set_place(node.callee->at);
      if (!object.is_undefined()) {
        callee = runtime_.attribute(object, method->name);
      }
    } else {
      callee = evaluate(*node.callee);
    }
    Items values = positional(node.arguments);
    Invocation::Named names = named(node.arguments);
    runtime_.set_place(at);
    if (callee.macro() != nullptr) {
      return call_macro(*callee.macro(), values, names);
    }
    if (callee.function() != nullptr) {
      Invocation invocation(runtime_, Value(), std::move(values), std::move(names));
      Value result = callee.function()->call(invocation);
      invocation.check_arguments(callee.function()->name);
      return result;
    }
    if (method != nullptr) {
      return apply_method(runtime_, method->name, std::move(object), std::move(values),
                          std::move(names));
    }
    if (const auto* name = std::get_if<Name>(&node.callee->node);
        name != nullptr && callee.is_undefined()) {
      runtime_.fail(fmt::format("the function `{}` is not known",
                                escape_control(std::string_view(name->name).substr(0, 32))),
                    "T0402");
    }
    runtime_.fail(fmt::format("{} cannot be called", kind_name(callee)));
  }

  Value evaluate_node(const FilterCall& node, std::size_t at) {
    Value value = evaluate(*node.value);
    Items values = positional(node.arguments);
    Invocation::Named names = named(node.arguments);
    runtime_.set_place(at);
    return apply_filter(runtime_, node.name, std::move(value), std::move(values), std::move(names));
  }
  Value evaluate_node(const TestCall& node, std::size_t at) {
    Value value = evaluate(*node.value);
    Items values = positional(node.arguments);
    Invocation::Named names = named(node.arguments);
    runtime_.set_place(at);
    return apply_test(runtime_, node.name, std::move(value), std::move(values), std::move(names)) !=
           node.negated;
  }

  Value evaluate_node(const Not& node, std::size_t) { return !is_true(evaluate(*node.operand)); }
  Value evaluate_node(const Sign& node, std::size_t at) {
    const Value value = evaluate(*node.operand);
    runtime_.set_place(at);
    if (const auto whole = value.whole_number()) {
      std::int64_t result = *whole;
      if (node.negative && __builtin_sub_overflow(std::int64_t{0}, *whole, &result)) {
        overflow();
      }
      return result;
    }
    if (const double* number = value.floating()) {
      return node.negative ? -*number : *number;
    }
    runtime_.fail(fmt::format("{} has no sign", kind_name(value)));
  }
  Value evaluate_node(const Conditional& node, std::size_t) {
    if (is_true(evaluate(*node.condition))) {
      return evaluate(*node.then);
    }
    return node.otherwise != nullptr ? evaluate(*node.otherwise) : Value();
  }

  Value evaluate_node(const Comparison& node, std::size_t at) {
    Value left = evaluate(*node.first);
    for (const auto& [op, operand] : node.rest) {
      Value right = evaluate(*operand);
      runtime_.set_place(at);
      if (!compares(op, left, right)) {
        return false;
      }
      left = std::move(right);
    }
    return true;
  }

  bool compares(Operator op, const Value& left, const Value& right) {
    runtime_.charge(std::min(extent(left).weight, extent(right).weight));
    if (op == Operator::equal || op == Operator::not_equal) {
      return is_equal(left, right) == (op == Operator::equal);
    }
    if (op == Operator::in || op == Operator::not_in) {
      return apply_test(runtime_, "in", left, {right}, {}) == (op == Operator::in);
    }
    const auto order = compare(left, right);
    if (!order) {
      runtime_.fail(fmt::format("{} and {} have no order", kind_name(left), kind_name(right)));
    }
    switch (op) {
      case Operator::less:
        return *order < 0;
      case Operator::less_equal:
        return *order <= 0;
      case Operator::greater:
        return *order > 0;
      default:
        return *order >= 0;
    }
  }

  Value evaluate_node(const Binary& node, std::size_t at) {
    Value left = evaluate(*node.left);
    if (node.op == Operator::logical_and || node.op == Operator::logical_or) {
      return is_true(left) == (node.op == Operator::logical_or) ? left : evaluate(*node.right);
    }
    const Value right = evaluate(*node.right);
    runtime_.set_place(at);
    if (node.op == Operator::concatenate) {
      return joined(runtime_.str(left), runtime_.str(right));
    }
    if (left.whole_number() && right.whole_number() && node.op != Operator::divide) {
      return whole_arithmetic(node.op, *left.whole_number(), *right.whole_number());
    }
    if (left.number() && right.number()) {
      return arithmetic(node.op, *left.number(), *right.number());
    }
    if (node.op == Operator::add && left.text() != nullptr && right.text() != nullptr) {
      return joined(*left.text(), *right.text());
    }
    if (node.op == Operator::add && left.list() != nullptr && right.list() != nullptr) {
      runtime_.charge(left.list()->items.size() + right.list()->items.size(), sizeof(Value));
      Items items = left.list()->items;
      items.insert(items.end(), right.list()->items.begin(), right.list()->items.end());
      return runtime_.list(std::move(items), left.list()->is_tuple);
    }
    if (node.op == Operator::multiply && left.text() != nullptr && right.whole_number()) {
      return repeated(*left.text(), *right.whole_number());
    }
    if (node.op == Operator::multiply && left.whole_number() && right.text() != nullptr) {
      return repeated(*right.text(), *left.whole_number());
    }
    if (node.op == Operator::modulo && left.text() != nullptr) {
      runtime_.fail("formatting with `%` is not known", "T0402");
    }
    runtime_.fail(fmt::format("`{}` does not go with {} and {}", text_of(node.op), kind_name(left),
                              kind_name(right)));
  }

  Value joined(const Text& left, const Text& right) {
    runtime_.charge(left.size() + right.size(), 2);
    Text text = left;
    text.append(right);
    return runtime_.text(std::move(text));
  }

  Value repeated(const Text& text, std::int64_t count) {
    runtime_.charge(static_cast<std::size_t>(std::max<std::int64_t>(count, 0)), text.size() + 1);
    Text result;
    for (std::int64_t i = 0; i < count; ++i) {
      result.append(text);
    }
    return runtime_.text(std::move(result));
  }

  [[noreturn]] void overflow() { runtime_.fail("the result does not fit a 64-bit integer"); }

  Value whole_arithmetic(Operator op, std::int64_t a, std::int64_t b) {
    std::int64_t result = 0;
    switch (op) {
      case Operator::add:
        if (__builtin_add_overflow(a, b, &result)) {
          overflow();
        }
        return result;
      case Operator::subtract:
        if (__builtin_sub_overflow(a, b, &result)) {
          overflow();
        }
        return result;
      case Operator::multiply:
        if (__builtin_mul_overflow(a, b, &result)) {
          overflow();
        }
        return result;
      default:
        break;
    }
    if (b == 0) {
      runtime_.fail("division by zero");
    }
    if (b == -1) {
      if (__builtin_sub_overflow(std::int64_t{0}, a, &result)) {
        overflow();
      }
      return op == Operator::modulo ? std::int64_t{0} : result;
    }
    // Rounded down, as in Python.
    const std::int64_t remainder = a % b;
    const bool down = remainder != 0 && (remainder < 0) != (b < 0);
    return op == Operator::modulo ? remainder + (down ? b : 0) : a / b - (down ? 1 : 0);
  }

  Value arithmetic(Operator op, double a, double b) {
    switch (op) {
      case Operator::add:
        return a + b;
      case Operator::subtract:
        return a - b;
      case Operator::multiply:
        return a * b;
      default:
        break;
    }
    if (b == 0) {
      runtime_.fail("division by zero");
    }
    if (op == Operator::divide) {
      return a / b;
    }
    const double floor = std::floor(a / b);
    return op == Operator::modulo ? a - floor * b : floor;
  }

  Runtime& runtime_;
  std::vector<Variables> scopes_;  // the innermost last
  Text out_;
};

}  // namespace

Text render(const Template& parsed, Variables variables, Runtime& runtime) {
  return Interpreter(std::move(variables), runtime).run(parsed.body);
}

}  // namespace churon::model::jinja
