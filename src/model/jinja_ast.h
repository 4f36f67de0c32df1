// A parsed template: statements with expressions in them. Depth is bounded by the parser, so that
// whoever walks the tree may recurse.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "model/jinja_value.h"

namespace churon::model::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<Expression>;

struct Argument {
  std::string name;  // empty: by position
  ExpressionPtr value;
};
using Arguments = std::vector<Argument>;

enum class Operator : std::uint8_t {
  add,
  subtract,
  multiply,
  divide,
  divide_floor,
  modulo,
  concatenate,
  logical_and,
  logical_or,
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  in,
  not_in,
};

struct Literal {
  Value value;
};
struct Name {
  std::string name;
};
struct ListDisplay {
  std::vector<ExpressionPtr> items;
  bool is_tuple = false;
};
struct DictDisplay {
  std::vector<std::pair<ExpressionPtr, ExpressionPtr>> entries;
};
struct Attribute {
  ExpressionPtr object;
  std::string name;
};
struct Subscript {
  ExpressionPtr object;
  ExpressionPtr index;
};
struct Slice {
  ExpressionPtr object;
  ExpressionPtr begin;  // each of the three may be missing
  ExpressionPtr end;
  ExpressionPtr step;
};
struct Call {
  ExpressionPtr callee;
  Arguments arguments;
};
struct FilterCall {
  ExpressionPtr value;  // missing where a block is what is filtered
  std::string name;
  Arguments arguments;
};
struct TestCall {
  ExpressionPtr value;
  std::string name;
  Arguments arguments;
  bool negated = false;
};
struct Not {
  ExpressionPtr operand;
};
struct Sign {
  ExpressionPtr operand;
  bool negative = true;
};
struct Binary {
  Operator op;
  ExpressionPtr left;
  ExpressionPtr right;
};
// a < b <= c: every neighbour pair must hold.
struct Comparison {
  ExpressionPtr first;
  std::vector<std::pair<Operator, ExpressionPtr>> rest;
};
struct Conditional {
  ExpressionPtr condition;
  ExpressionPtr then;
  ExpressionPtr otherwise;  // may be missing
};

struct Expression {
  std::size_t at = 0;  // byte in the source
  int depth = 1;
  std::variant<Literal, Name, ListDisplay, DictDisplay, Attribute, Subscript, Slice, Call,
               FilterCall, TestCall, Not, Sign, Binary, Comparison, Conditional>
      node;
};

struct Statement;
using Block = std::vector<Statement>;

struct TemplateText {
  std::string text;
};
struct Output {
  ExpressionPtr value;
};
struct If {
  // The condition of `else` is missing.
  std::vector<std::pair<ExpressionPtr, Block>> branches;
};
struct For {
  std::vector<std::string> targets;
  ExpressionPtr iterable;
  ExpressionPtr condition;  // may be missing
  Block body;
  Block otherwise;
};
struct Set {
  std::vector<std::string> targets;
  std::string attribute;  // of a namespace, where one is set
  ExpressionPtr value;
};
struct SetBlock {
  std::string target;
  Block body;
  std::vector<ExpressionPtr> filters;  // FilterCalls without a value
};
struct Macro {
  std::string name;
  std::vector<std::pair<std::string, ExpressionPtr>> parameters;  // with defaults, if any
  Block body;
};
struct Break {};
struct Continue {};

struct Statement {
  std::size_t at = 0;
  std::variant<TemplateText, Output, If, For, Set, SetBlock, Macro, Break, Continue> node;
};

struct Template {
  std::string source;
  Block body;
};

}  // namespace churon::model::jinja
