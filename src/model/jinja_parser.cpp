#include "model/jinja_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "model/jinja_lexer.h"

namespace churon::model::jinja {

namespace {

struct OperatorEntry {
  std::string_view text;
  Operator op;
};
constexpr std::array kSums{OperatorEntry{"+", Operator::add},
                           OperatorEntry{"-", Operator::subtract}};
constexpr std::array kProducts{
    OperatorEntry{"*", Operator::multiply}, OperatorEntry{"/", Operator::divide},
    OperatorEntry{"//", Operator::divide_floor}, OperatorEntry{"%", Operator::modulo}};
constexpr std::array kConcatenations{OperatorEntry{"~", Operator::concatenate}};
constexpr std::array kComparisons{
    OperatorEntry{"==", Operator::equal},  OperatorEntry{"!=", Operator::not_equal},
    OperatorEntry{"<", Operator::less},    OperatorEntry{"<=", Operator::less_equal},
    OperatorEntry{">", Operator::greater}, OperatorEntry{">=", Operator::greater_equal}};

class Parser {
 public:
  explicit Parser(std::string_view source) : tokens_(tokenize(source)) {}

  Block run() {
    Block body = block({});
    if (current().type != TokenType::end) {
      fail(fmt::format("`{}` closes nothing", block_name()));
    }
    return body;
  }

 private:
  // --- tokens ---

  [[nodiscard]] const Token& current() const { return tokens_[index_]; }
  [[nodiscard]] const Token& ahead(std::size_t count) const {
    return tokens_[std::min(index_ + count, tokens_.size() - 1)];
  }
  Token take() {
    Token token = current();
    if (token.type != TokenType::end) {
      ++index_;
    }
    return token;
  }
  [[nodiscard]] bool at_punctuation(std::string_view text) const {
    return current().type == TokenType::punctuation && current().text == text;
  }
  [[nodiscard]] bool at_name(std::string_view text) const {
    return current().type == TokenType::name && current().text == text;
  }
  bool take_punctuation(std::string_view text) {
    const bool found = at_punctuation(text);
    index_ += found ? 1 : 0;
    return found;
  }
  bool take_name(std::string_view text) {
    const bool found = at_name(text);
    index_ += found ? 1 : 0;
    return found;
  }
  void expect(std::string_view text) {
    if (!take_punctuation(text)) {
      fail(fmt::format("expected `{}`, found {}", text, found()));
    }
  }
  std::string expect_name() {
    if (current().type != TokenType::name) {
      fail(fmt::format("expected a name, found {}", found()));
    }
    return take().text;
  }
  void expect_block_end() {
    if (current().type != TokenType::block_end) {
      fail(fmt::format("expected `%}}`, found {}", found()));
    }
    ++index_;
  }
  [[nodiscard]] std::string found() const {
    switch (current().type) {
      case TokenType::text:
        return "text";
      case TokenType::output_begin:
        return "`{{`";
      case TokenType::output_end:
        return "`}}`";
      case TokenType::block_begin:
        return "`{%`";
      case TokenType::block_end:
        return "`%}`";
      case TokenType::string:
        return "a string";
      case TokenType::end:
        return "the end of the template";
      case TokenType::name:
      case TokenType::integer:
      case TokenType::floating:
      case TokenType::punctuation:
        return fmt::format("`{}`", escape_control(current().text.substr(0, 32)));
    }
    return "";
  }
  [[noreturn]] void fail(std::string message) const { fail_at(current().at, std::move(message)); }
  [[noreturn]] static void fail_at(std::size_t at, std::string message,
                                   std::string code = "T0401") {
    throw TemplateError{std::move(code), std::move(message), at};
  }

  // Counts what is open on the way down.
  class Nesting {
   public:
    explicit Nesting(Parser& parser) : parser_(parser) {
      if (++parser_.nesting_ > kSyntaxDepthMax) {
        fail_at(parser_.current().at, "the template is nested too deeply here", "T0405");
      }
    }
    Nesting(const Nesting&) = delete;
    Nesting& operator=(const Nesting&) = delete;
    ~Nesting() { --parser_.nesting_; }

   private:
    Parser& parser_;
  };

  // --- statements ---

  // The name of the block tag that is next; empty where something else is.
  [[nodiscard]] std::string block_name() const {
    return current().type == TokenType::block_begin && ahead(1).type == TokenType::name
               ? ahead(1).text
               : std::string();
  }

  // Statements up to a tag with one of the names, which stays.
  Block block(std::initializer_list<std::string_view> until) {
    const Nesting nesting(*this);
    Block statements;
    while (current().type != TokenType::end) {
      const std::string name = block_name();
      if (!name.empty() && (std::find(until.begin(), until.end(), name) != until.end() ||
                            name.starts_with("end") || name == "else" || name == "elif")) {
        break;
      }
      statement(statements);
    }
    return statements;
  }

  // `{% NAME %}` right here.
  void expect_tag(std::string_view name) {
    if (block_name() != name) {
      fail(fmt::format("expected `{{% {} %}}`, found {}", name,
                       block_name().empty() ? found() : "`" + block_name() + "`"));
    }
    index_ += 2;
    expect_block_end();
  }

  void statement(Block& statements) {
    const std::size_t at = current().at;
    if (current().type == TokenType::text) {
      statements.push_back({at, TemplateText{take().text}});
    } else if (current().type == TokenType::output_begin) {
      ++index_;
      ExpressionPtr value = expression();
      if (current().type != TokenType::output_end) {
        fail(fmt::format("expected `}}}}`, found {}", found()));
      }
      ++index_;
      statements.push_back({at, Output{std::move(value)}});
    } else {
      ++index_;
      tag(at, expect_name(), statements);
    }
  }

  void tag(std::size_t at, const std::string& name, Block& statements) {
    if (name == "if") {
      statements.push_back({at, if_statement()});
    } else if (name == "for") {
      statements.push_back({at, for_statement()});
    } else if (name == "set") {
      set_statement(at, statements);
    } else if (name == "macro") {
      statements.push_back({at, macro()});
    } else if (name == "break" || name == "continue") {
      if (loops_ == 0) {
        fail_at(at, fmt::format("`{}` stands outside of a loop", name));
      }
      expect_block_end();
      if (name == "break") {
        statements.push_back({at, Break{}});
      } else {
        statements.push_back({at, Continue{}});
      }
    } else if (name == "generation") {
      // Marks what a model has written, for training; the text is the same.
      expect_block_end();
      Block body = block({"endgeneration"});
      expect_tag("endgeneration");
      std::move(body.begin(), body.end(), std::back_inserter(statements));
    } else {
      fail_at(at,
              fmt::format("the statement `{}` is not known", escape_control(name.substr(0, 32))),
              "T0402");
    }
  }

  If if_statement() {
    If result;
    ExpressionPtr condition = expression();
    expect_block_end();
    while (true) {
      Block body = block({"elif", "else", "endif"});
      const bool was_else = condition == nullptr;
      result.branches.emplace_back(std::move(condition), std::move(body));
      if (block_name() == "elif" && !was_else) {
        index_ += 2;
        condition = expression();
        expect_block_end();
      } else if (block_name() == "else" && !was_else) {
        expect_tag("else");
        condition = nullptr;
      } else {
        expect_tag("endif");
        return result;
      }
    }
  }

  For for_statement() {
    For result;
    result.targets = targets();
    if (!take_name("in")) {
      fail(fmt::format("expected `in`, found {}", found()));
    }
    // `if` behind the iterable is a filter here, not a conditional expression.
    result.iterable = disjunction();
    if (take_name("if")) {
      result.condition = expression();
    }
    if (at_name("recursive")) {
      fail_at(current().at, "recursive loops are not known", "T0402");
    }
    expect_block_end();
    ++loops_;
    result.body = block({"else", "endfor"});
    --loops_;
    if (block_name() == "else") {
      expect_tag("else");
      result.otherwise = block({"endfor"});
    }
    expect_tag("endfor");
    return result;
  }

  // NAME or NAME, NAME, …, perhaps in parentheses.
  std::vector<std::string> targets() {
    const bool parentheses = take_punctuation("(");
    std::vector<std::string> names{target()};
    while (take_punctuation(",")) {
      names.push_back(target());
    }
    if (parentheses) {
      expect(")");
    }
    return names;
  }
  std::string target() {
    const std::size_t at = current().at;
    std::string name = expect_name();
    if (name == "loop" || is_constant(name)) {
      fail_at(at, fmt::format("`{}` cannot be set", name));
    }
    return name;
  }

  void set_statement(std::size_t at, Block& statements) {
    Set set;
    set.targets = targets();
    if (set.targets.size() == 1 && take_punctuation(".")) {
      set.attribute = expect_name();
    }
    if (take_punctuation("=")) {
      set.value = expression_or_tuple();
      expect_block_end();
      statements.push_back({at, std::move(set)});
      return;
    }
    if (set.targets.size() != 1 || !set.attribute.empty()) {
      fail(fmt::format("expected `=`, found {}", found()));
    }
    SetBlock result;
    result.target = set.targets[0];
    while (at_punctuation("|")) {
      result.filters.push_back(filter(nullptr));
    }
    expect_block_end();
    result.body = block({"endset"});
    expect_tag("endset");
    statements.push_back({at, std::move(result)});
  }

  Macro macro() {
    Macro result;
    result.name = target();
    expect("(");
    while (!take_punctuation(")")) {
      std::string parameter = target();
      ExpressionPtr default_value = take_punctuation("=") ? expression() : nullptr;
      result.parameters.emplace_back(std::move(parameter), std::move(default_value));
      if (!at_punctuation(")")) {
        expect(",");
      }
    }
    expect_block_end();
    const int loops = std::exchange(loops_, 0);
    result.body = block({"endmacro"});
    loops_ = loops;
    expect_tag("endmacro");
    return result;
  }

  // --- expressions, from the weakest operator to the strongest ---

  // The depth of the deepest; missing ones have none.
  template <typename... Pointers>
  static int deepest(const Pointers&... expressions) {
    return std::max({0, (expressions != nullptr ? expressions->depth : 0)...});
  }
  template <typename Node>
  ExpressionPtr make(std::size_t at, Node node, int depth_below = 0) {
    if (depth_below + 1 > kSyntaxDepthMax) {
      fail_at(at, "the expression is nested too deeply here", "T0405");
    }
    auto result = std::make_unique<Expression>();
    result->at = at;
    result->depth = depth_below + 1;
    result->node = std::move(node);
    return result;
  }

  ExpressionPtr expression() {
    const Nesting nesting(*this);
    ExpressionPtr result = disjunction();
    while (at_name("if")) {
      const std::size_t at = take().at;
      ExpressionPtr condition = disjunction();
      ExpressionPtr otherwise = take_name("else") ? expression() : nullptr;
      const int depth = deepest(condition, result, otherwise);
      result = make(at,
                    Conditional{.condition = std::move(condition),
                                .then = std::move(result),
                                .otherwise = std::move(otherwise)},
                    depth);
    }
    return result;
  }

  ExpressionPtr expression_or_tuple() {
    const std::size_t at = current().at;
    ExpressionPtr first = expression();
    if (!at_punctuation(",")) {
      return first;
    }
    std::vector<ExpressionPtr> items;
    items.push_back(std::move(first));
    while (take_punctuation(",")) {
      if (current().type == TokenType::block_end || at_punctuation(")")) {
        break;
      }
      items.push_back(expression());
    }
    return display(at, std::move(items), true);
  }

  ExpressionPtr binary(std::size_t at, Operator op, ExpressionPtr left, ExpressionPtr right) {
    const int depth = deepest(left, right);
    return make(at, Binary{.op = op, .left = std::move(left), .right = std::move(right)}, depth);
  }

  ExpressionPtr disjunction() {
    ExpressionPtr result = conjunction();
    while (at_name("or")) {
      const std::size_t at = take().at;
      result = binary(at, Operator::logical_or, std::move(result), conjunction());
    }
    return result;
  }

  ExpressionPtr conjunction() {
    ExpressionPtr result = negation();
    while (at_name("and")) {
      const std::size_t at = take().at;
      result = binary(at, Operator::logical_and, std::move(result), negation());
    }
    return result;
  }

  ExpressionPtr negation() {
    if (!at_name("not")) {
      return comparison();
    }
    const Nesting nesting(*this);
    const std::size_t at = take().at;
    ExpressionPtr operand = negation();
    const int depth = deepest(operand);
    return make(at, Not{std::move(operand)}, depth);
  }

  template <std::size_t kCount>
  std::optional<Operator> take_operator(const std::array<OperatorEntry, kCount>& entries) {
    for (const OperatorEntry& entry : entries) {
      if (take_punctuation(entry.text)) {
        return entry.op;
      }
    }
    return std::nullopt;
  }

  std::optional<Operator> take_comparison() {
    if (take_name("in")) {
      return Operator::in;
    }
    if (at_name("not") && ahead(1).type == TokenType::name && ahead(1).text == "in") {
      index_ += 2;
      return Operator::not_in;
    }
    return take_operator(kComparisons);
  }

  ExpressionPtr comparison() {
    ExpressionPtr first = left_to_right(0);
    Comparison result;
    std::size_t at = current().at;
    int depth = first->depth;
    while (const auto op = take_comparison()) {
      ExpressionPtr operand = left_to_right(0);
      depth = std::max(depth, operand->depth);
      result.rest.emplace_back(*op, std::move(operand));
    }
    if (result.rest.empty()) {
      return first;
    }
    result.first = std::move(first);
    return make(at, std::move(result), depth);
  }

  // Sums, then concatenations, then products: level 0, 1, 2.
  ExpressionPtr left_to_right(int level) {
    const auto operand = [this, level] {
      return level == 2 ? unary(true) : left_to_right(level + 1);
    };
    ExpressionPtr result = operand();
    while (true) {
      const std::size_t at = current().at;
      const auto op = level == 0   ? take_operator(kSums)
                      : level == 1 ? take_operator(kConcatenations)
                                   : take_operator(kProducts);
      if (!op) {
        if (at_punctuation("**")) {
          fail_at(at, "the operator `**` is not known", "T0402");
        }
        return result;
      }
      result = binary(at, *op, std::move(result), operand());
    }
  }

  ExpressionPtr unary(bool with_filters) {
    const Nesting nesting(*this);
    ExpressionPtr result;
    const std::size_t at = current().at;
    if (at_punctuation("-") || at_punctuation("+")) {
      const bool negative = take().text == "-";
      ExpressionPtr operand = unary(false);
      const int depth = deepest(operand);
      result = make(at, Sign{.operand = std::move(operand), .negative = negative}, depth);
    } else {
      result = primary();
    }
    result = postfix(std::move(result));
    while (with_filters) {
      if (at_punctuation("|")) {
        result = filter(std::move(result));
      } else if (at_name("is")) {
        result = test(std::move(result));
      } else if (at_punctuation("(")) {
        result = call(std::move(result));
      } else {
        break;
      }
    }
    return result;
  }

  static bool is_constant(std::string_view name) {
    return name == "true" || name == "True" || name == "false" || name == "False" ||
           name == "none" || name == "None";
  }

  ExpressionPtr primary() {
    const Token token = take();
    switch (token.type) {
      case TokenType::name:
        if (is_constant(token.text)) {
          const char first = token.text[0];
          const Value value =
              first == 'n' || first == 'N' ? Value(None{}) : Value(first == 't' || first == 'T');
          return make(token.at, Literal{value});
        }
        if (is_keyword(token.text)) {
          fail_at(token.at, fmt::format("expected a value, found `{}`", token.text));
        }
        return make(token.at, Name{token.text});
      case TokenType::string: {
        std::string text = token.text;
        while (current().type == TokenType::string) {
          text += take().text;
        }
        return make(token.at, Literal{Text(text, true)});
      }
      case TokenType::integer:
        return make(token.at, Literal{integer(token)});
      case TokenType::floating:
        return make(token.at, Literal{floating(token)});
      case TokenType::punctuation:
        if (token.text == "(") {
          return parenthesis(token.at);
        }
        if (token.text == "[") {
          return display(token.at, items("]"), false);
        }
        if (token.text == "{") {
          return dict_display(token.at);
        }
        break;
      case TokenType::text:
      case TokenType::output_begin:
      case TokenType::output_end:
      case TokenType::block_begin:
      case TokenType::block_end:
      case TokenType::end:
        break;
    }
    if (token.type != TokenType::end) {
      --index_;
    }
    fail(fmt::format("expected a value, found {}", found()));
  }

  static bool is_keyword(std::string_view name) {
    return name == "and" || name == "or" || name == "not" || name == "in" || name == "is" ||
           name == "if" || name == "else";
  }

  static Value integer(const Token& token) {
    std::int64_t value = 0;
    const char* end = token.text.data() + token.text.size();
    const auto [stop, error] = std::from_chars(token.text.data(), end, value);
    if (error != std::errc() || stop != end) {
      fail_at(token.at, "this integer does not fit 64 bits");
    }
    return value;
  }
  static Value floating(const Token& token) {
    double value = 0;
    const char* end = token.text.data() + token.text.size();
    const auto [stop, error] = std::from_chars(token.text.data(), end, value);
    if (error != std::errc() || stop != end) {
      fail_at(token.at, "this number cannot be represented");
    }
    return value;
  }

  ExpressionPtr parenthesis(std::size_t at) {
    if (take_punctuation(")")) {
      return display(at, {}, true);
    }
    ExpressionPtr result = expression_or_tuple();
    expect(")");
    return result;
  }

  std::vector<ExpressionPtr> items(std::string_view close) {
    std::vector<ExpressionPtr> result;
    while (!take_punctuation(close)) {
      result.push_back(expression());
      if (!at_punctuation(close)) {
        expect(",");
      }
    }
    return result;
  }

  ExpressionPtr display(std::size_t at, std::vector<ExpressionPtr> items, bool is_tuple) {
    int depth = 0;
    for (const ExpressionPtr& item : items) {
      depth = std::max(depth, item->depth);
    }
    return make(at, ListDisplay{.items = std::move(items), .is_tuple = is_tuple}, depth);
  }

  ExpressionPtr dict_display(std::size_t at) {
    DictDisplay result;
    int depth = 0;
    while (!take_punctuation("}")) {
      ExpressionPtr key = expression();
      expect(":");
      ExpressionPtr value = expression();
      depth = std::max({depth, key->depth, value->depth});
      result.entries.emplace_back(std::move(key), std::move(value));
      if (!at_punctuation("}")) {
        expect(",");
      }
    }
    return make(at, std::move(result), depth);
  }

  ExpressionPtr postfix(ExpressionPtr result) {
    while (true) {
      if (at_punctuation(".")) {
        const std::size_t at = take().at;
        if (current().type == TokenType::integer) {
          const Token token = take();
          result = subscript(at, std::move(result), make(token.at, Literal{integer(token)}, {}));
          continue;
        }
        std::string name = expect_name();
        const int depth = deepest(result);
        result = make(at, Attribute{.object = std::move(result), .name = std::move(name)}, depth);
      } else if (at_punctuation("[")) {
        result = subscript_or_slice(std::move(result));
      } else if (at_punctuation("(")) {
        result = call(std::move(result));
      } else {
        return result;
      }
    }
  }

  ExpressionPtr subscript(std::size_t at, ExpressionPtr object, ExpressionPtr index) {
    const int depth = deepest(object, index);
    return make(at, Subscript{.object = std::move(object), .index = std::move(index)}, depth);
  }

  ExpressionPtr subscript_or_slice(ExpressionPtr object) {
    const std::size_t at = take().at;
    const auto part = [this]() -> ExpressionPtr {
      return at_punctuation(":") || at_punctuation("]") ? nullptr : expression();
    };
    ExpressionPtr begin = part();
    if (begin != nullptr && take_punctuation("]")) {
      return subscript(at, std::move(object), std::move(begin));
    }
    expect(":");
    ExpressionPtr end = part();
    ExpressionPtr step = take_punctuation(":") ? part() : nullptr;
    expect("]");
    const int depth = deepest(object, begin, end, step);
    return make(at,
                Slice{.object = std::move(object),
                      .begin = std::move(begin),
                      .end = std::move(end),
                      .step = std::move(step)},
                depth);
  }

  // What stands in parentheses behind a function, filter or test.
  Arguments arguments() {
    Arguments result;
    expect("(");
    while (!take_punctuation(")")) {
      Argument argument;
      const bool named = current().type == TokenType::name &&
                         ahead(1).type == TokenType::punctuation && ahead(1).text == "=";
      if (named) {
        argument.name = take().text;
        ++index_;
      } else if (!result.empty() && !result.back().name.empty()) {
        fail("an argument without a name stands behind one with a name");
      }
      argument.value = expression();
      result.push_back(std::move(argument));
      if (!at_punctuation(")")) {
        expect(",");
      }
    }
    return result;
  }

  static int depth_of(const Arguments& arguments) {
    int depth = 0;
    for (const Argument& argument : arguments) {
      depth = std::max(depth, argument.value->depth);
    }
    return depth;
  }

  ExpressionPtr call(ExpressionPtr callee) {
    const std::size_t at = callee->at;
    Arguments given = arguments();
    const int depth = std::max(callee->depth, depth_of(given));
    return make(at, Call{.callee = std::move(callee), .arguments = std::move(given)}, depth);
  }

  ExpressionPtr filter(ExpressionPtr value) {
    expect("|");
    const std::size_t at = current().at;
    std::string name = expect_name();
    Arguments given = at_punctuation("(") ? arguments() : Arguments();
    const int depth = std::max(value != nullptr ? value->depth : 0, depth_of(given));
    return make(
        at,
        FilterCall{
            .value = std::move(value), .name = std::move(name), .arguments = std::move(given)},
        depth);
  }

  ExpressionPtr test(ExpressionPtr value) {
    take();
    const bool negated = take_name("not");
    const std::size_t at = current().at;
    std::string name = expect_name();
    Arguments given;
    if (at_punctuation("(")) {
      given = arguments();
    } else if (starts_test_argument()) {
      // `x is divisibleby 3`
      Argument argument;
      argument.value = postfix(primary());
      given.push_back(std::move(argument));
    }
    const int depth = std::max(value->depth, depth_of(given));
    return make(at,
                TestCall{.value = std::move(value),
                         .name = std::move(name),
                         .arguments = std::move(given),
                         .negated = negated},
                depth);
  }

  [[nodiscard]] bool starts_test_argument() const {
    switch (current().type) {
      case TokenType::name:
        return !is_keyword(current().text);
      case TokenType::string:
      case TokenType::integer:
      case TokenType::floating:
        return true;
      case TokenType::punctuation:
        return current().text == "[" || current().text == "{";
      case TokenType::text:
      case TokenType::output_begin:
      case TokenType::output_end:
      case TokenType::block_begin:
      case TokenType::block_end:
      case TokenType::end:
        return false;
    }
    return false;
  }

  std::vector<Token> tokens_;
  std::size_t index_ = 0;
  int nesting_ = 0;
  int loops_ = 0;  // around the current place
};

}  // namespace

Template parse(std::string source) {
  Template result;
  result.body = Parser(source).run();
  result.source = std::move(source);
  return result;
}

}  // namespace churon::model::jinja
