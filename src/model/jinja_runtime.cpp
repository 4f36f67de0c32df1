#include "model/jinja_runtime.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/text.h"

namespace churon::model::jinja {

namespace {

constexpr std::size_t kValueBytes = 32;
constexpr int kLevelMax = 400;

Value loop_attribute(const Loop& loop, std::string_view name) {
  const auto index = static_cast<std::int64_t>(loop.index);
  const auto length = static_cast<std::int64_t>(loop.list->items.size());
  if (name == "index") {
    return index + 1;
  }
  if (name == "index0") {
    return index;
  }
  if (name == "revindex") {
    return length - index;
  }
  if (name == "revindex0") {
    return length - index - 1;
  }
  if (name == "first") {
    return index == 0;
  }
  if (name == "last") {
    return index + 1 == length;
  }
  if (name == "length") {
    return length;
  }
  if (name == "previtem" && index > 0) {
    return loop.list->items[loop.index - 1];
  }
  if (name == "nextitem" && index + 1 < length) {
    return loop.list->items[loop.index + 1];
  }
  return Undefined{"loop." + std::string(name)};
}

}  // namespace

void Runtime::charge(std::size_t bytes) {
  if (bytes > budget_) {
    fail("the template takes more steps or makes more text than a chat template may", "T0405");
  }
  budget_ -= bytes;
}

void Runtime::charge(std::size_t count, std::size_t bytes) {
  if (bytes != 0 && count > std::numeric_limits<std::size_t>::max() / bytes) {
    charge(std::numeric_limits<std::size_t>::max());
  }
  charge(count * bytes);
}

Runtime::Level::Level(Runtime& runtime) : runtime_(runtime) {
  if (runtime_.level_ == kLevelMax) {
    runtime_.fail("calls are nested too deeply here", "T0405");
  }
  ++runtime_.level_;
}

Value Runtime::text(Text text) {
  charge(kValueBytes + 2 * text.size());
  return {std::move(text)};
}

namespace {

// The container around values with these extents; false where they do not fit into one.
bool enclose(Extent& whole, const Value& part) {
  const Extent inner = extent(part);
  whole.depth = std::max(whole.depth, inner.depth + 1);
  const bool fits = whole.weight <= std::numeric_limits<std::size_t>::max() / 4 - inner.weight;
  whole.weight += fits ? inner.weight : 0;
  return fits && whole.depth <= kValueDepthMax;
}

}  // namespace

Value Runtime::list(Items items, bool is_tuple) {
  charge(items.size() + 1, kValueBytes);
  Extent whole{.depth = 1, .weight = 1};
  for (const Value& item : items) {
    if (!enclose(whole, item)) {
      fail(fmt::format("{} cannot be put into a list", kind_name(item)));
    }
  }
  return std::make_shared<const List>(
      List{.items = std::move(items), .is_tuple = is_tuple, .extent = whole});
}

Value Runtime::dict(Entries entries) {
  Entries unique;
  Extent whole{.depth = 1, .weight = 1};
  for (auto& [key, value] : entries) {
    charge(unique.size() + 2 * kValueBytes);
    if (!enclose(whole, key) || !enclose(whole, value)) {
      fail(fmt::format("{} cannot be put into a dictionary", kind_name(value)));
    }
    const auto earlier = std::find_if(unique.begin(), unique.end(), [&](const auto& entry) {
      return is_equal(entry.first, key);
    });
    if (earlier != unique.end()) {
      earlier->second = std::move(value);
    } else {
      unique.emplace_back(std::move(key), std::move(value));
    }
  }
  whole.weight += unique.size() * unique.size();  // what it takes to compare two
  return std::make_shared<const Dict>(Dict{.entries = std::move(unique), .extent = whole});
}

Text Runtime::str(const Value& value) {
  charge(extent(value).weight, 8);
  return jinja::str(value);
}

Value Runtime::attribute(const Value& object, std::string_view name) {
  if (const Dict* dict = object.dict()) {
    charge(dict->entries.size());
    const Value* found = dict->find(name);
    return found != nullptr ? *found : Undefined{std::string(name)};
  }
  if (const Namespace* names = object.names()) {
    charge(names->attributes.size());
    for (const auto& [key, value] : names->attributes) {
      if (key == name) {
        return value;
      }
    }
  }
  if (const Loop* loop = object.loop()) {
    return loop_attribute(*loop, name);
  }
  if (object.is_undefined()) {
    fail(fmt::format("{} has no attribute `{}`", kind_name(object), name));
  }
  return Undefined{std::string(name)};
}

Value Runtime::item(const Value& object, const Value& key) {
  if (const Dict* dict = object.dict()) {
    charge(dict->entries.size());
    for (const auto& [name, value] : dict->entries) {
      if (is_equal(name, key)) {
        return value;
      }
    }
    return Undefined{key.text() != nullptr ? key.text()->bytes() : std::string()};
  }
  if (object.is_undefined()) {
    fail(fmt::format("{} has no items", kind_name(object)));
  }
  const auto index = key.whole_number();
  if (const List* list = object.list(); list != nullptr && index) {
    const auto size = static_cast<std::int64_t>(list->items.size());
    const std::int64_t at = *index < 0 ? *index + size : *index;
    return at >= 0 && at < size ? list->items[static_cast<std::size_t>(at)] : Value();
  }
  if (object.text() != nullptr && index) {
    const auto characters = iterate(object);
    return item(Value(characters), key);
  }
  if (key.text() != nullptr) {
    return attribute(object, key.text()->bytes());
  }
  return Undefined{};
}

std::shared_ptr<const List> Runtime::iterate(const Value& value) {
  if (const auto list = value.shared_list()) {
    return list;
  }
  Items items;
  if (const Dict* dict = value.dict()) {
    for (const auto& [key, item] : dict->entries) {
      items.push_back(key);
    }
  } else if (const Text* text = value.text()) {
    charge(text->size(), 2 * kValueBytes);
    const std::string_view bytes = text->bytes();
    for (std::size_t at = 0; at < bytes.size();) {
      const std::size_t length = first_character(bytes.substr(at));
      items.emplace_back(text->substr(at, length));
      at += length;
    }
  } else if (!value.is_undefined()) {
    fail(fmt::format("{} is nothing to go through", kind_name(value)));
  }
  return list(std::move(items)).shared_list();
}

const Value* Invocation::argument(std::size_t position, std::string_view name) {
  accepted_ = std::max(accepted_, position + 1);
  accepted_names_.push_back(name);
  if (position < positional_.size()) {
    return &positional_[position];
  }
  for (const auto& [given, value] : named_) {
    if (given == name) {
      return &value;
    }
  }
  return nullptr;
}

const Value& Invocation::required(std::size_t position, std::string_view name) {
  const Value* value = argument(position, name);
  if (value == nullptr) {
    runtime.fail(fmt::format("the argument `{}` is missing", name));
  }
  return *value;
}

Text Invocation::text_or(std::size_t position, std::string_view name, std::string_view fallback) {
  const Value* value = argument(position, name);
  if (value == nullptr || value->is_none()) {
    return {fallback, true};
  }
  if (value->text() == nullptr) {
    runtime.fail(
        fmt::format("the argument `{}` must be a string, not {}", name, kind_name(*value)));
  }
  return *value->text();
}

std::int64_t Invocation::integer_or(std::size_t position, std::string_view name,
                                    std::int64_t fallback) {
  const Value* value = argument(position, name);
  if (value == nullptr || value->is_none()) {
    return fallback;
  }
  if (!value->whole_number()) {
    runtime.fail(
        fmt::format("the argument `{}` must be an integer, not {}", name, kind_name(*value)));
  }
  return *value->whole_number();
}

bool Invocation::boolean_or(std::size_t position, std::string_view name, bool fallback) {
  const Value* value = argument(position, name);
  return value != nullptr ? is_true(*value) : fallback;
}

const Text& Invocation::self_text() {
  if (self.text() == nullptr) {
    runtime.fail(fmt::format("this needs a string, not {}", kind_name(self)));
  }
  runtime.charge_scan(self.text()->size());
  return *self.text();
}

void Invocation::check_arguments(std::string_view name) const {
  if (accepted_ == SIZE_MAX) {
    return;
  }
  if (positional_.size() > accepted_) {
    runtime.fail(fmt::format("`{}` takes at most {} arguments", name, accepted_));
  }
  for (const auto& [given, value] : named_) {
    if (std::find(accepted_names_.begin(), accepted_names_.end(), given) == accepted_names_.end()) {
      runtime.fail(fmt::format("`{}` has no argument `{}`", name,
                               escape_control(std::string_view(given).substr(0, 32))));
    }
  }
}

}  // namespace churon::model::jinja
