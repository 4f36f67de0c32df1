// Values of template expressions, with Python's rules for truth, equality, order and text. Values
// are immutable but for namespaces, so they form no cycles; nesting is bounded.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "model/jinja_text.h"

namespace churon::model::jinja {

// What goes wrong in a template, thrown inside these files only: ChatTemplate turns it into a
// Diagnostic with line and column.
struct TemplateError {
  std::string code;
  std::string message;
  std::size_t at = 0;  // byte in the template's source
};

struct List;
struct Dict;
struct Namespace;
struct Loop;
struct Macro;
struct GlobalFunction;

struct Undefined {
  std::string name;
};
struct None {};

class Value {
 public:
  Value() : data_(Undefined{}) {}
  // NOLINTBEGIN(google-explicit-constructor): a value of any kind is a value.
  Value(Undefined undefined) : data_(std::move(undefined)) {}
  Value(None none) : data_(none) {}
  Value(bool boolean) : data_(boolean) {}
  Value(std::int64_t integer) : data_(integer) {}
  Value(double number) : data_(number) {}
  Value(Text text) : data_(std::make_shared<const Text>(std::move(text))) {}
  Value(std::shared_ptr<const List> list) : data_(std::move(list)) {}
  Value(std::shared_ptr<const Dict> dict) : data_(std::move(dict)) {}
  Value(std::shared_ptr<Namespace> names) : data_(std::move(names)) {}
  Value(std::shared_ptr<const Loop> loop) : data_(std::move(loop)) {}
  Value(const Macro* macro) : data_(macro) {}
  Value(const GlobalFunction* function) : data_(function) {}
  // NOLINTEND(google-explicit-constructor)
  Value(const char*) = delete;  // not a boolean: say `Text`

  [[nodiscard]] bool is_undefined() const { return std::holds_alternative<Undefined>(data_); }
  [[nodiscard]] bool is_none() const { return std::holds_alternative<None>(data_); }
  [[nodiscard]] const Undefined* undefined() const { return std::get_if<Undefined>(&data_); }
  [[nodiscard]] const bool* boolean() const { return std::get_if<bool>(&data_); }
  [[nodiscard]] const std::int64_t* integer() const { return std::get_if<std::int64_t>(&data_); }
  [[nodiscard]] const double* floating() const { return std::get_if<double>(&data_); }
  [[nodiscard]] const Text* text() const { return pointee<const Text>(); }
  [[nodiscard]] const List* list() const { return pointee<const List>(); }
  [[nodiscard]] const Dict* dict() const { return pointee<const Dict>(); }
  [[nodiscard]] Namespace* names() const { return pointee<Namespace>(); }
  [[nodiscard]] const Loop* loop() const { return pointee<const Loop>(); }
  [[nodiscard]] std::shared_ptr<const List> shared_list() const {
    const auto* list = std::get_if<std::shared_ptr<const List>>(&data_);
    return list != nullptr ? *list : nullptr;
  }
  [[nodiscard]] const Macro* macro() const {
    const auto* macro = std::get_if<const Macro*>(&data_);
    return macro != nullptr ? *macro : nullptr;
  }
  [[nodiscard]] const GlobalFunction* function() const {
    const auto* function = std::get_if<const GlobalFunction*>(&data_);
    return function != nullptr ? *function : nullptr;
  }
  // An integer or a boolean, which counts as 0 or 1.
  [[nodiscard]] std::optional<std::int64_t> whole_number() const;
  [[nodiscard]] std::optional<double> number() const;

 private:
  template <typename T>
  [[nodiscard]] T* pointee() const {
    const auto* pointer = std::get_if<std::shared_ptr<T>>(&data_);
    return pointer != nullptr ? pointer->get() : nullptr;
  }
  std::variant<Undefined, None, bool, std::int64_t, double, std::shared_ptr<const Text>,
               std::shared_ptr<const List>, std::shared_ptr<const Dict>, std::shared_ptr<Namespace>,
               std::shared_ptr<const Loop>, const Macro*, const GlobalFunction*>
      data_;
};

using Items = std::vector<Value>;
using Entries = std::vector<std::pair<Value, Value>>;

// Containers in containers, at most.
inline constexpr int kValueDepthMax = 64;

// What it takes to walk through a value: the same part may be in it many times over.
struct Extent {
  int depth = 0;           // containers in containers
  std::size_t weight = 1;  // values and bytes of text
};

struct List {
  Items items;
  bool is_tuple = false;
  Extent extent = {};
};

struct Dict {
  Entries entries;  // in the order of insertion
  Extent extent = {};

  [[nodiscard]] const Value* find(std::string_view key) const;
};

// The only value that changes: what `namespace()` makes. It is never inside another value.
struct Namespace {
  std::vector<std::pair<std::string, Value>> attributes;
};

// The variable `loop`.
struct Loop {
  std::shared_ptr<const List> list;
  std::size_t index = 0;
};

// The depth is above the maximum for what may not be inside another value.
Extent extent(const Value& value);

bool is_true(const Value& value);
bool is_equal(const Value& a, const Value& b);
// Negative, zero, positive; nullopt where the two have no order.
std::optional<int> compare(const Value& a, const Value& b);
// "a string", "a list", … for messages.
std::string kind_name(const Value& value);

// Python's str(), its repr(), and its json.dumps(ensure_ascii=False, indent=indent).
Text str(const Value& value);
Text repr(const Value& value);
// nullopt where the value has no JSON form.
std::optional<Text> to_json(const Value& value, std::optional<std::int64_t> indent);

}  // namespace churon::model::jinja
