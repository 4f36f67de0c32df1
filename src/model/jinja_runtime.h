// What filters, tests, methods and functions of templates need: the budget, errors that know their
// place, and values that are paid for.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/chat_template.h"
#include "model/jinja_value.h"

namespace churon::model::jinja {

class Runtime {
 public:
  // The budget counts bytes of all values ever made; a step costs a few.
  Runtime(std::size_t budget, Date date) : budget_(budget), date_(date) {}

  void set_place(std::size_t at) { at_ = at; }
  [[nodiscard]] Date date() const { return date_; }

  [[noreturn]] void fail(std::string message, std::string code = "T0403") const {
    throw TemplateError{std::move(code), std::move(message), at_};
  }
  void charge(std::size_t bytes);
  // `count` things of `bytes` each.
  void charge(std::size_t count, std::size_t bytes);
  // A text is looked through: much cheaper than one that is made.
  void charge_scan(std::size_t bytes) { charge(bytes / 8); }

  // Held by who goes one level deeper: the stack is bounded too.
  class Level {
   public:
    explicit Level(Runtime& runtime);
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;
    ~Level() { --runtime_.level_; }

   private:
    Runtime& runtime_;
  };

  Value text(Text text);
  Value text(std::string_view text) { return this->text(Text(text, true)); }
  Value list(Items items, bool is_tuple = false);
  Value dict(Entries entries);
  Text str(const Value& value);
  // The attribute or, in a dictionary, the entry; undefined where there is none.
  Value attribute(const Value& object, std::string_view name);
  Value item(const Value& object, const Value& key);
  // What a loop over the value runs through.
  std::shared_ptr<const List> iterate(const Value& value);

 private:
  std::size_t at_ = 0;
  std::size_t budget_;
  int level_ = 0;
  Date date_;
};

// A call of a filter, test, method or function. `self` is what stands in front of it.
class Invocation {
 public:
  using Named = std::vector<std::pair<std::string, Value>>;
  Invocation(Runtime& runtime_of_call, Value self_of_call, Items positional, Named named)
      : runtime(runtime_of_call),
        self(std::move(self_of_call)),
        positional_(std::move(positional)),
        named_(std::move(named)) {}

  Runtime& runtime;
  Value self;

  // The argument by position or name; nullptr where it is not given.
  const Value* argument(std::size_t position, std::string_view name);
  // The same with a type; the fallback where it is not given or none.
  const Value& required(std::size_t position, std::string_view name);
  Text text_or(std::size_t position, std::string_view name, std::string_view fallback);
  std::int64_t integer_or(std::size_t position, std::string_view name, std::int64_t fallback);
  bool boolean_or(std::size_t position, std::string_view name, bool fallback);
  const Text& self_text();

  [[nodiscard]] const Items& positional() const { return positional_; }
  [[nodiscard]] const Named& named() const { return named_; }
  // For functions that take any arguments.
  void accept_all() { accepted_ = SIZE_MAX; }
  // Complains about an argument that nobody asked for.
  void check_arguments(std::string_view name) const;

 private:
  Items positional_;
  Named named_;
  std::size_t accepted_ = 0;  // positions asked for
  std::vector<std::string_view> accepted_names_;
};

// A function that stands for itself, such as range().
struct GlobalFunction {
  std::string_view name;
  Value (*call)(Invocation& invocation);
};

const GlobalFunction* find_function(std::string_view name);
Value apply_filter(Runtime& runtime, std::string_view name, Value self, Items positional,
                   Invocation::Named named);
bool apply_test(Runtime& runtime, std::string_view name, Value self, Items positional,
                Invocation::Named named);
Value apply_method(Runtime& runtime, std::string_view name, Value self, Items positional,
                   Invocation::Named named);

}  // namespace churon::model::jinja
