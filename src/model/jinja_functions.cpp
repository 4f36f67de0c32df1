// The filters, tests, methods and functions that templates may use: four tables at the end of their
// parts. Source: Jinja's documentation, "List of Builtin Filters" and "List of Builtin Tests", and
// Python's of `str` and `dict`; `tojson`, `raise_exception` and `strftime_now` as the publishers of
// chat templates define them (Hugging Face, "Chat templates").
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <list>
#include <optional>

#include "base/text.h"
#include "model/jinja_runtime.h"

namespace churon::model::jinja {

namespace {

struct Entry {
  std::string_view name;
  Value (*call)(Invocation& invocation);
};

template <std::size_t kCount>
const Entry* find(const std::array<Entry, kCount>& entries, std::string_view name) {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [name](const Entry& entry) { return entry.name == name; });
  return found != entries.end() ? &*found : nullptr;
}

std::string shown(std::string_view name) { return escape_control(name.substr(0, 32)); }

// --- text ---

Value upper_text(Invocation& call) {
  const Text text = call.runtime.str(call.self);
  call.runtime.charge(text.size(), 4);
  return call.runtime.text(upper(text));
}

Value lower_text(Invocation& call) {
  const Text text = call.runtime.str(call.self);
  call.runtime.charge(text.size(), 4);
  return call.runtime.text(lower(text));
}

Value title_text(Invocation& call) {
  const Text text = call.runtime.str(call.self);
  call.runtime.charge(text.size(), 4);
  return call.runtime.text(title(text));
}

// The filter takes its words apart at fewer places than the method: "don't" is one.
Value title_filter(Invocation& call) {
  const Text text = call.runtime.str(call.self);
  call.runtime.charge(text.size(), 4);
  Text result;
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = text.bytes().find_first_of(" \t\n\r\f\v-({[<", begin);
    result.append(capitalize(text.substr(begin, end - begin)));
    begin = std::min(end, text.size());
    if (begin < text.size()) {
      result.append(text.substr(begin++, 1));
    }
  }
  return call.runtime.text(std::move(result));
}

Value capitalize_text(Invocation& call) {
  const Text text = call.runtime.str(call.self);
  call.runtime.charge(text.size(), 4);
  return call.runtime.text(capitalize(text));
}

Value strip_sides(Invocation& call, bool left, bool right) {
  const Text set = call.text_or(0, "chars", "");
  return call.runtime.text(strip(call.runtime.str(call.self), set.bytes(), left, right));
}
Value strip_both(Invocation& call) { return strip_sides(call, true, true); }
Value strip_left(Invocation& call) { return strip_sides(call, true, false); }
Value strip_right(Invocation& call) { return strip_sides(call, false, true); }

Value replace_text(Invocation& call) {
  const Text text = call.runtime.str(call.self);
  const Text from = call.runtime.str(call.required(0, "old"));
  const Text to = call.runtime.str(call.required(1, "new"));
  const std::int64_t count_max = call.integer_or(2, "count", -1);
  std::size_t occurrences = text.size() + 1;
  if (!from.empty()) {
    occurrences = 0;
    for (std::size_t at = text.bytes().find(from.bytes()); at != std::string::npos;
         at = text.bytes().find(from.bytes(), at + from.size())) {
      ++occurrences;
    }
  }
  call.runtime.charge(occurrences, to.size() + 1);
  return call.runtime.text(replace(text, from, to, count_max));
}

Value escape_html(Invocation& call) {
  const Text text = call.runtime.str(call.self);
  call.runtime.charge(text.size(), 6);
  Text result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text.bytes()[i];
    const std::string_view replacement = c == '&'    ? "&amp;"
                                         : c == '<'  ? "&lt;"
                                         : c == '>'  ? "&gt;"
                                         : c == '"'  ? "&#34;"
                                         : c == '\'' ? "&#39;"
                                                     : std::string_view(&c, 1);
    result.append(replacement, text.from_template(i));
  }
  return call.runtime.text(std::move(result));
}

Value indent(Invocation& call) {
  const Text text = call.runtime.str(call.self);
  const Value* width = call.argument(0, "width");
  const bool first = call.boolean_or(1, "first", false);
  const bool blank = call.boolean_or(2, "blank", false);
  Text margin;
  if (width != nullptr && width->text() != nullptr) {
    margin = *width->text();
  } else {
    const std::int64_t spaces = std::clamp<std::int64_t>(call.integer_or(0, "width", 4), 0, 1024);
    margin.append(std::string(static_cast<std::size_t>(spaces), ' '), true);
  }
  const auto lines =
      static_cast<std::size_t>(std::count(text.bytes().begin(), text.bytes().end(), '\n'));
  call.runtime.charge(lines + 1, margin.size());
  Text result;
  bool is_first = true;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.bytes().find('\n', at), text.size());
    if (is_first ? first : blank || end > at) {
      result.append(margin);
    }
    is_first = false;
    result.append(text.substr(at, end + 1 - at));  // with the newline, if there is one
    at = end + 1;
  }
  return call.runtime.text(std::move(result));
}

Value string_of(Invocation& call) { return call.runtime.text(call.runtime.str(call.self)); }

Value unchanged(Invocation& call) { return call.self; }

Value json_of(Invocation& call) {
  const Value* indent = call.argument(0, "indent");
  call.argument(1, "ensure_ascii");
  call.argument(2, "separators");
  call.argument(3, "sort_keys");
  std::optional<std::int64_t> spaces;
  if (indent != nullptr && !indent->is_none()) {
    spaces = std::clamp<std::int64_t>(call.integer_or(0, "indent", 0), 0, 16);
  }
  const std::size_t width = 8 + (spaces ? static_cast<std::size_t>(*spaces) * kValueDepthMax : 0);
  call.runtime.charge(extent(call.self).weight, width);
  auto json = to_json(call.self, spaces);
  if (!json) {
    call.runtime.fail(fmt::format("{} has no JSON form", kind_name(call.self)));
  }
  return call.runtime.text(std::move(*json));
}

Value split_text(Invocation& call) {
  const Text& text = call.self_text();
  const Text separator = call.text_or(0, "sep", "");
  std::int64_t left = call.integer_or(1, "maxsplit", -1);
  const bool at_spaces = call.argument(0, "sep") == nullptr || call.argument(0, "sep")->is_none();
  if (!at_spaces && separator.empty()) {
    call.runtime.fail("split needs a separator that is not empty");
  }
  Items parts;
  const auto add = [&](Text part) { parts.push_back(call.runtime.text(std::move(part))); };
  if (!at_spaces) {
    std::size_t at = 0;
    while (left-- != 0) {
      const std::size_t found = text.bytes().find(separator.bytes(), at);
      if (found == std::string::npos) {
        break;
      }
      add(text.substr(at, found - at));
      at = found + separator.size();
    }
    add(text.substr(at));
    return call.runtime.list(std::move(parts));
  }
  Text rest = strip(text, "", true, false);
  constexpr std::string_view spaces = " \t\n\r\f\v";
  std::size_t at = 0;
  while (at < rest.size()) {
    const std::size_t end = left == 0 ? std::string::npos : rest.bytes().find_first_of(spaces, at);
    if (end == std::string::npos) {
      add(rest.substr(at));
      break;
    }
    --left;
    add(rest.substr(at, end - at));
    at = std::min(rest.bytes().find_first_not_of(spaces, end), rest.size());
  }
  return call.runtime.list(std::move(parts));
}

Value split_lines(Invocation& call) {
  const Text& text = call.self_text();
  Items lines;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.bytes().find('\n', at), text.size());
    lines.push_back(call.runtime.text(text.substr(at, end - at)));
    at = end + 1;
  }
  return call.runtime.list(std::move(lines));
}

// True where the text has one of the given ones at its start or end.
template <typename Has>
Value has_affix(Invocation& call, std::string_view name, Has has) {
  const std::string_view text = call.self_text().bytes();
  const Value& affix = call.required(0, name);
  if (affix.text() != nullptr) {
    return has(text, affix.text()->bytes());
  }
  if (affix.list() == nullptr) {
    call.runtime.fail(fmt::format("this needs a string, not {}", kind_name(affix)));
  }
  for (const Value& one : affix.list()->items) {
    if (one.text() != nullptr && has(text, one.text()->bytes())) {
      return true;
    }
  }
  return false;
}
Value starts_with(Invocation& call) {
  return has_affix(call, "prefix", [](std::string_view text, std::string_view affix) {
    return text.starts_with(affix);
  });
}
Value ends_with(Invocation& call) {
  return has_affix(call, "suffix", [](std::string_view text, std::string_view affix) {
    return text.ends_with(affix);
  });
}
Value remove_prefix(Invocation& call) {
  const Text& text = call.self_text();
  const Text prefix = call.text_or(0, "prefix", "");
  return call.runtime.text(text.bytes().starts_with(prefix.bytes()) ? text.substr(prefix.size())
                                                                    : text);
}
Value remove_suffix(Invocation& call) {
  const Text& text = call.self_text();
  const Text suffix = call.text_or(0, "suffix", "");
  return call.runtime.text(
      text.bytes().ends_with(suffix.bytes()) ? text.substr(0, text.size() - suffix.size()) : text);
}

Value find_text(Invocation& call) {
  const std::string& text = call.self_text().bytes();
  const std::size_t at = text.find(call.runtime.str(call.required(0, "sub")).bytes());
  if (at == std::string::npos) {
    return std::int64_t{-1};
  }
  return static_cast<std::int64_t>(character_count(std::string_view(text).substr(0, at)));
}

template <typename Holds>
Value all_characters(Invocation& call, Holds holds) {
  const std::string& text = call.self_text().bytes();
  return !text.empty() && std::all_of(text.begin(), text.end(), holds);
}
Value is_digits(Invocation& call) {
  return all_characters(call, [](char c) { return c >= '0' && c <= '9'; });
}
Value is_spaces(Invocation& call) {
  return all_characters(call, [](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); });
}

// --- numbers ---

Value absolute(Invocation& call) {
  if (const double* number = call.self.floating()) {
    return std::abs(*number);
  }
  const auto whole = call.self.whole_number();
  if (!whole || *whole == std::numeric_limits<std::int64_t>::min()) {
    call.runtime.fail(fmt::format("{} has no absolute value", kind_name(call.self)));
  }
  return std::abs(*whole);
}

std::optional<double> parse_number(std::string_view text) {
  text = trim(text);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() && !text.empty()
             ? std::optional(value)
             : std::nullopt;
}

std::optional<std::int64_t> to_integer(double value) {
  constexpr double limit = 9.2e18;
  return value > -limit && value < limit ? std::optional(static_cast<std::int64_t>(value))
                                         : std::nullopt;
}

Value int_of(Invocation& call) {
  const Value* fallback = call.argument(0, "default");
  if (const auto whole = call.self.whole_number()) {
    return *whole;
  }
  std::optional<double> number = call.self.number();
  if (const Text* text = call.self.text()) {
    const std::string_view digits = trim(text->bytes());
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error == std::errc() && end == digits.data() + digits.size() && !digits.empty()) {
      return value;
    }
    number = parse_number(digits);
  }
  if (const auto value = number ? to_integer(*number) : std::nullopt) {
    return *value;
  }
  return fallback != nullptr ? *fallback : Value(std::int64_t{0});
}

Value float_of(Invocation& call) {
  const Value* fallback = call.argument(0, "default");
  std::optional<double> number = call.self.number();
  if (const Text* text = call.self.text()) {
    number = parse_number(text->bytes());
  }
  return number ? Value(*number) : fallback != nullptr ? *fallback : Value(0.0);
}

Value round_number(Invocation& call) {
  const std::int64_t digits = std::clamp<std::int64_t>(call.integer_or(0, "precision", 0), -15, 15);
  const std::string method = call.text_or(1, "method", "common").bytes();
  if (!call.self.number()) {
    call.runtime.fail(fmt::format("{} cannot be rounded", kind_name(call.self)));
  }
  const double scale = std::pow(10.0, static_cast<double>(digits));
  const double scaled = *call.self.number() * scale;
  const double rounded = method == "ceil"    ? std::ceil(scaled)
                         : method == "floor" ? std::floor(scaled)
                                             : std::nearbyint(scaled);
  return rounded / scale;
}

// --- containers ---

Value length_of(Invocation& call) {
  if (const Text* text = call.self.text()) {
    call.runtime.charge_scan(text->size());
    return static_cast<std::int64_t>(character_count(text->bytes()));
  }
  if (const List* list = call.self.list()) {
    return static_cast<std::int64_t>(list->items.size());
  }
  if (const Dict* dict = call.self.dict()) {
    return static_cast<std::int64_t>(dict->entries.size());
  }
  if (!call.self.is_undefined()) {
    call.runtime.fail(fmt::format("{} has no length", kind_name(call.self)));
  }
  return std::int64_t{0};
}

Value first_of(Invocation& call) {
  const auto list = call.runtime.iterate(call.self);
  return list->items.empty() ? Value(Undefined{"first"}) : list->items.front();
}

Value last_of(Invocation& call) {
  const auto list = call.runtime.iterate(call.self);
  return list->items.empty() ? Value(Undefined{"last"}) : list->items.back();
}

Value list_of(Invocation& call) { return Value(call.runtime.iterate(call.self)); }

Value reversed(Invocation& call) {
  Items items = call.runtime.iterate(call.self)->items;
  std::reverse(items.begin(), items.end());
  if (call.self.text() == nullptr) {
    return call.runtime.list(std::move(items));
  }
  Text text;
  for (const Value& item : items) {
    text.append(*item.text());
  }
  return call.runtime.text(std::move(text));
}

// `a.b` step by step.
Value attribute_path(Runtime& runtime, Value value, std::string_view path) {
  for (const std::string_view part : split(path, '.')) {
    std::int64_t index = 0;
    const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
    const bool is_index = error == std::errc() && end == part.data() + part.size();
    value = is_index ? runtime.item(value, index) : runtime.attribute(value, part);
  }
  return value;
}

Value attribute_of(Invocation& call) {
  return call.runtime.attribute(call.self, call.runtime.str(call.required(0, "name")).bytes());
}

Value join_items(Runtime& runtime, const Value& items, const Text& separator,
                 const Value* attribute) {
  const auto list = runtime.iterate(items);
  Text text;
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    if (i > 0) {
      runtime.charge(separator.size() + 1);
      text.append(separator);
    }
    text.append(runtime.str(attribute != nullptr ? attribute_path(runtime, list->items[i],
                                                                  runtime.str(*attribute).bytes())
                                                 : list->items[i]));
  }
  return runtime.text(std::move(text));
}
Value join_filter(Invocation& call) {
  const Text separator = call.text_or(0, "d", "");
  return join_items(call.runtime, call.self, separator, call.argument(1, "attribute"));
}
Value join_method(Invocation& call) {
  return join_items(call.runtime, call.required(0, "iterable"), call.self_text(), nullptr);
}

const Dict& dict_of(Invocation& call) {
  if (call.self.dict() == nullptr) {
    call.runtime.fail(fmt::format("this needs a dictionary, not {}", kind_name(call.self)));
  }
  return *call.self.dict();
}

Value pairs_of(Runtime& runtime, const Entries& entries) {
  Items pairs;
  for (const auto& [key, value] : entries) {
    pairs.push_back(runtime.list({key, value}, true));
  }
  return runtime.list(std::move(pairs));
}
Value items_of(Invocation& call) {
  return call.self.is_undefined() ? call.runtime.list({})
                                  : pairs_of(call.runtime, dict_of(call).entries);
}
Value keys_of(Invocation& call) {
  dict_of(call);
  return Value(call.runtime.iterate(call.self));
}
Value values_of(Invocation& call) {
  Items values;
  for (const auto& [key, value] : dict_of(call).entries) {
    values.push_back(value);
  }
  return call.runtime.list(std::move(values));
}
Value get_entry(Invocation& call) {
  const Value& key = call.required(0, "key");
  const Value* fallback = call.argument(1, "default");
  call.runtime.charge(dict_of(call).entries.size());
  for (const auto& [name, value] : dict_of(call).entries) {
    if (is_equal(name, key)) {
      return value;
    }
  }
  return fallback != nullptr ? *fallback : Value(None{});
}

// What order and uniqueness look at: an attribute, and of a text its lower case.
Value sort_key(Runtime& runtime, const Value& value, const std::string& attribute,
               bool case_sensitive) {
  Value key = attribute.empty() ? value : attribute_path(runtime, value, attribute);
  if (case_sensitive || key.text() == nullptr) {
    return key;
  }
  runtime.charge(key.text()->size(), 4);
  return runtime.text(lower(*key.text()));
}

// The items with their keys, in stable order.
Items sorted(Runtime& runtime, const Items& items, const std::string& attribute,
             bool case_sensitive) {
  // A list sorts by merging: whatever the order, it stays inside its bounds.
  std::list<std::pair<Value, Value>> keyed;
  for (const Value& item : items) {
    keyed.emplace_back(sort_key(runtime, item, attribute, case_sensitive), item);
  }
  keyed.sort([&runtime](const auto& a, const auto& b) {
    runtime.charge(std::min(extent(a.first).weight, extent(b.first).weight));
    const auto order = compare(a.first, b.first);
    if (!order) {
      runtime.fail(fmt::format("{} and {} have no order", kind_name(a.first), kind_name(b.first)));
    }
    return *order < 0;
  });
  Items result;
  for (auto& [key, item] : keyed) {
    result.push_back(std::move(item));
  }
  return result;
}

Value sort_items(Invocation& call) {
  const bool reverse = call.boolean_or(0, "reverse", false);
  const bool case_sensitive = call.boolean_or(1, "case_sensitive", false);
  const Text attribute = call.text_or(2, "attribute", "");
  Items items = call.runtime.iterate(call.self)->items;
  if (reverse) {  // twice, so that equal ones keep their order
    std::reverse(items.begin(), items.end());
  }
  items = sorted(call.runtime, items, attribute.bytes(), case_sensitive);
  if (reverse) {
    std::reverse(items.begin(), items.end());
  }
  return call.runtime.list(std::move(items));
}

Value sort_dict(Invocation& call) {
  const bool case_sensitive = call.boolean_or(0, "case_sensitive", false);
  const std::string by = call.text_or(1, "by", "key").bytes();
  const Value pairs = pairs_of(call.runtime, dict_of(call).entries);
  Items items =
      sorted(call.runtime, pairs.list()->items, by == "value" ? "1" : "0", case_sensitive);
  if (call.boolean_or(2, "reverse", false)) {
    std::reverse(items.begin(), items.end());
  }
  return call.runtime.list(std::move(items));
}

Value unique_items(Invocation& call) {
  const bool case_sensitive = call.boolean_or(0, "case_sensitive", false);
  const std::string attribute = call.text_or(1, "attribute", "").bytes();
  Items keys;
  Items items;
  const auto list = call.runtime.iterate(call.self);
  for (const Value& item : list->items) {
    const Value key = sort_key(call.runtime, item, attribute, case_sensitive);
    call.runtime.charge(keys.size() + 1, extent(key).weight);
    const bool known = std::any_of(keys.begin(), keys.end(),
                                   [&key](const Value& other) { return is_equal(key, other); });
    if (!known) {
      keys.push_back(key);
      items.push_back(item);
    }
  }
  return call.runtime.list(std::move(items));
}

Value extreme(Invocation& call, bool largest) {
  const bool case_sensitive = call.boolean_or(0, "case_sensitive", false);
  const std::string attribute = call.text_or(1, "attribute", "").bytes();
  const Items items =
      sorted(call.runtime, call.runtime.iterate(call.self)->items, attribute, case_sensitive);
  return items.empty() ? Value() : largest ? items.back() : items.front();
}
Value smallest_of(Invocation& call) { return extreme(call, false); }
Value largest_of(Invocation& call) { return extreme(call, true); }

Value sum_of(Invocation& call) {
  const std::string attribute = call.text_or(0, "attribute", "").bytes();
  std::int64_t whole = 0;
  double number = 0;
  bool is_whole = true;
  const auto list = call.runtime.iterate(call.self);
  for (const Value& item : list->items) {
    const Value value = attribute.empty() ? item : attribute_path(call.runtime, item, attribute);
    if (!value.number()) {
      call.runtime.fail(fmt::format("{} is no number", kind_name(value)));
    }
    number += *value.number();
    is_whole = is_whole && value.whole_number() &&
               !__builtin_add_overflow(whole, *value.whole_number(), &whole);
  }
  return is_whole ? Value(whole) : Value(number);
}

Value default_of(Invocation& call) {
  const Value* fallback = call.argument(0, "default_value");
  const bool also_false = call.boolean_or(1, "boolean", false);
  if (call.self.is_undefined() || (also_false && !is_true(call.self))) {
    return fallback != nullptr ? *fallback : call.runtime.text("");
  }
  return call.self;
}

// The arguments behind the first `count`, for what is applied to every item.
Items arguments_behind(const Invocation& call, std::size_t count) {
  const Items& all = call.positional();
  return {all.begin() + static_cast<std::ptrdiff_t>(std::min(count, all.size())), all.end()};
}

Value map_items(Invocation& call) {
  call.accept_all();
  const Value* attribute = nullptr;
  const Value* fallback = nullptr;
  Invocation::Named others;
  for (const auto& [name, value] : call.named()) {
    if (name == "attribute") {
      attribute = &value;
    } else if (name == "default") {
      fallback = &value;
    } else {
      others.emplace_back(name, value);
    }
  }
  Items items;
  const auto list = call.runtime.iterate(call.self);
  for (const Value& item : list->items) {
    if (attribute != nullptr) {
      Value value = attribute_path(call.runtime, item, call.runtime.str(*attribute).bytes());
      if (value.is_undefined() && fallback != nullptr) {
        value = *fallback;
      }
      items.push_back(std::move(value));
    } else {
      const Text name = call.runtime.str(call.required(0, "filter"));
      items.push_back(
          apply_filter(call.runtime, name.bytes(), item, arguments_behind(call, 1), others));
    }
  }
  return call.runtime.list(std::move(items));
}

// The items for which a test holds or does not; of the items themselves or of an attribute.
Value select(Invocation& call, bool by_attribute, bool keep) {
  call.accept_all();
  const std::size_t test_at = by_attribute ? 1 : 0;
  const Value* test = call.argument(test_at, "test");
  Items items;
  const auto list = call.runtime.iterate(call.self);
  for (const Value& item : list->items) {
    Value value = item;
    if (by_attribute) {
      value = attribute_path(call.runtime, item,
                             call.runtime.str(call.required(0, "attribute")).bytes());
    }
    const bool holds = test == nullptr ? is_true(value)
                                       : apply_test(call.runtime, call.runtime.str(*test).bytes(),
                                                    value, arguments_behind(call, test_at + 1), {});
    if (holds == keep) {
      items.push_back(item);
    }
  }
  return call.runtime.list(std::move(items));
}
Value select_items(Invocation& call) { return select(call, false, true); }
Value reject_items(Invocation& call) { return select(call, false, false); }
Value select_by_attribute(Invocation& call) { return select(call, true, true); }
Value reject_by_attribute(Invocation& call) { return select(call, true, false); }

Value index_in(Invocation& call) {
  const Value& wanted = call.required(0, "value");
  const auto list = call.runtime.iterate(call.self);
  for (std::size_t i = 0; i < list->items.size(); ++i) {
    call.runtime.charge(extent(wanted).weight);
    if (is_equal(list->items[i], wanted)) {
      return static_cast<std::int64_t>(i);
    }
  }
  call.runtime.fail("the value is not in the list");
}

Value count_in(Invocation& call) {
  const Value& wanted = call.required(0, "value");
  std::int64_t count = 0;
  if (const Text* text = call.self.text()) {
    call.runtime.charge_scan(text->size());
    const std::string part = call.runtime.str(wanted).bytes();
    for (std::size_t at = text->bytes().find(part); at != std::string::npos && !part.empty();
         at = text->bytes().find(part, at + part.size())) {
      ++count;
    }
    return count;
  }
  const auto list = call.runtime.iterate(call.self);
  for (const Value& item : list->items) {
    call.runtime.charge(extent(wanted).weight);
    count += is_equal(item, wanted) ? 1 : 0;
  }
  return count;
}

constexpr std::array kFilters{
    Entry{"abs", absolute},
    Entry{"attr", attribute_of},
    Entry{"capitalize", capitalize_text},
    Entry{"count", length_of},
    Entry{"d", default_of},
    Entry{"default", default_of},
    Entry{"dictsort", sort_dict},
    Entry{"e", escape_html},
    Entry{"escape", escape_html},
    Entry{"first", first_of},
    Entry{"float", float_of},
    Entry{"indent", indent},
    Entry{"int", int_of},
    Entry{"items", items_of},
    Entry{"join", join_filter},
    Entry{"last", last_of},
    Entry{"length", length_of},
    Entry{"list", list_of},
    Entry{"lower", lower_text},
    Entry{"map", map_items},
    Entry{"max", largest_of},
    Entry{"min", smallest_of},
    Entry{"reject", reject_items},
    Entry{"rejectattr", reject_by_attribute},
    Entry{"replace", replace_text},
    Entry{"reverse", reversed},
    Entry{"round", round_number},
    Entry{"safe", unchanged},
    Entry{"select", select_items},
    Entry{"selectattr", select_by_attribute},
    Entry{"sort", sort_items},
    Entry{"string", string_of},
    Entry{"sum", sum_of},
    Entry{"title", title_filter},
    Entry{"tojson", json_of},
    Entry{"trim", strip_both},
    Entry{"unique", unique_items},
    Entry{"upper", upper_text},
};

constexpr std::array kTextMethods{
    Entry{"capitalize", capitalize_text}, Entry{"count", count_in},
    Entry{"endswith", ends_with},         Entry{"find", find_text},
    Entry{"isdigit", is_digits},          Entry{"isspace", is_spaces},
    Entry{"join", join_method},           Entry{"lower", lower_text},
    Entry{"lstrip", strip_left},          Entry{"removeprefix", remove_prefix},
    Entry{"removesuffix", remove_suffix}, Entry{"replace", replace_text},
    Entry{"rstrip", strip_right},         Entry{"split", split_text},
    Entry{"splitlines", split_lines},     Entry{"startswith", starts_with},
    Entry{"strip", strip_both},           Entry{"title", title_text},
    Entry{"upper", upper_text},
};

constexpr std::array kListMethods{
    Entry{"count", count_in},
    Entry{"index", index_in},
};

constexpr std::array kDictMethods{
    Entry{"get", get_entry},
    Entry{"items", items_of},
    Entry{"keys", keys_of},
    Entry{"values", values_of},
};

// `loop.cycle(a, b, …)`
Value cycle(Invocation& call) {
  call.accept_all();
  if (call.positional().empty()) {
    call.runtime.fail("cycle needs something to choose from");
  }
  return call.positional()[call.self.loop()->index % call.positional().size()];
}
constexpr std::array kLoopMethods{Entry{"cycle", cycle}};

// --- tests ---

std::optional<int> order_of(Invocation& call) {
  const Value& other = call.required(0, "other");
  call.runtime.charge(std::min(extent(call.self).weight, extent(other).weight));
  const auto order = compare(call.self, other);
  if (!order) {
    call.runtime.fail(
        fmt::format("{} and {} have no order", kind_name(call.self), kind_name(other)));
  }
  return order;
}

bool is_equal_to(Invocation& call) {
  const Value& other = call.required(0, "other");
  call.runtime.charge(std::min(extent(call.self).weight, extent(other).weight));
  return is_equal(call.self, other);
}

std::int64_t whole_of(Invocation& call) {
  if (!call.self.whole_number()) {
    call.runtime.fail(fmt::format("{} is no integer", kind_name(call.self)));
  }
  return *call.self.whole_number();
}

Value is_divisible(Invocation& call) {
  const std::int64_t divisor = call.integer_or(0, "num", 0);
  if (divisor == 0) {
    call.runtime.fail("nothing is divisible by zero");
  }
  return divisor == -1 || whole_of(call) % divisor == 0;
}

Value is_in(Invocation& call) {
  const Value& container = call.required(0, "seq");
  if (container.text() != nullptr && call.self.text() != nullptr) {
    call.runtime.charge_scan(container.text()->size());
    return container.text()->bytes().find(call.self.text()->bytes()) != std::string::npos;
  }
  const auto list = call.runtime.iterate(container);
  for (const Value& item : list->items) {
    call.runtime.charge(std::min(extent(call.self).weight, extent(item).weight));
    if (is_equal(item, call.self)) {
      return true;
    }
  }
  return false;
}

Value is_iterable(Invocation& call) {
  const Value& self = call.self;
  return self.text() != nullptr || self.list() != nullptr || self.dict() != nullptr ||
         self.is_undefined();
}

constexpr std::array kTests{
    Entry{"!=", [](Invocation& call) -> Value { return !is_equal_to(call); }},
    Entry{"<", [](Invocation& call) -> Value { return order_of(call) < 0; }},
    Entry{"<=", [](Invocation& call) -> Value { return order_of(call) <= 0; }},
    Entry{"==", [](Invocation& call) -> Value { return is_equal_to(call); }},
    Entry{">", [](Invocation& call) -> Value { return order_of(call) > 0; }},
    Entry{">=", [](Invocation& call) -> Value { return order_of(call) >= 0; }},
    Entry{"boolean", [](Invocation& call) -> Value { return call.self.boolean() != nullptr; }},
    Entry{"callable",
          [](Invocation& call) -> Value {
            return call.self.macro() != nullptr || call.self.function() != nullptr;
          }},
    Entry{"defined", [](Invocation& call) -> Value { return !call.self.is_undefined(); }},
    Entry{"divisibleby", is_divisible},
    Entry{"eq", [](Invocation& call) -> Value { return is_equal_to(call); }},
    Entry{"equalto", [](Invocation& call) -> Value { return is_equal_to(call); }},
    Entry{"even", [](Invocation& call) -> Value { return whole_of(call) % 2 == 0; }},
    Entry{"false",
          [](Invocation& call) -> Value {
            return call.self.boolean() != nullptr && !*call.self.boolean();
          }},
    Entry{"float", [](Invocation& call) -> Value { return call.self.floating() != nullptr; }},
    Entry{"ge", [](Invocation& call) -> Value { return order_of(call) >= 0; }},
    Entry{"gt", [](Invocation& call) -> Value { return order_of(call) > 0; }},
    Entry{"in", is_in},
    Entry{"integer", [](Invocation& call) -> Value { return call.self.integer() != nullptr; }},
    Entry{"iterable", is_iterable},
    Entry{"le", [](Invocation& call) -> Value { return order_of(call) <= 0; }},
    Entry{"lower",
          [](Invocation& call) -> Value {
            const Text text = call.runtime.str(call.self);
            return lower(text).bytes() == text.bytes() && upper(text).bytes() != text.bytes();
          }},
    Entry{"lt", [](Invocation& call) -> Value { return order_of(call) < 0; }},
    Entry{"mapping", [](Invocation& call) -> Value { return call.self.dict() != nullptr; }},
    Entry{"ne", [](Invocation& call) -> Value { return !is_equal_to(call); }},
    Entry{"none", [](Invocation& call) -> Value { return call.self.is_none(); }},
    Entry{"number", [](Invocation& call) -> Value { return call.self.number().has_value(); }},
    Entry{"odd", [](Invocation& call) -> Value { return whole_of(call) % 2 != 0; }},
    Entry{"sequence", is_iterable},
    Entry{"string", [](Invocation& call) -> Value { return call.self.text() != nullptr; }},
    Entry{"true",
          [](Invocation& call) -> Value {
            return call.self.boolean() != nullptr && *call.self.boolean();
          }},
    Entry{"undefined", [](Invocation& call) -> Value { return call.self.is_undefined(); }},
    Entry{"upper",
          [](Invocation& call) -> Value {
            const Text text = call.runtime.str(call.self);
            return upper(text).bytes() == text.bytes() && lower(text).bytes() != text.bytes();
          }},
};

// --- functions ---

Value range(Invocation& call) {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  const std::int64_t step = call.integer_or(2, "step", 1);
  if (call.argument(1, "stop") != nullptr) {
    begin = call.integer_or(0, "start", 0);
    end = call.integer_or(1, "stop", 0);
  } else {
    end = call.integer_or(0, "start", 0);
  }
  if (step == 0) {
    call.runtime.fail("a range needs a step other than zero");
  }
  // The number of steps, without overflow.
  const std::uint64_t distance =
      step > 0
          ? (begin < end ? static_cast<std::uint64_t>(end) - static_cast<std::uint64_t>(begin) : 0)
          : (begin > end ? static_cast<std::uint64_t>(begin) - static_cast<std::uint64_t>(end) : 0);
  const std::uint64_t stride =
      step > 0 ? static_cast<std::uint64_t>(step) : 0 - static_cast<std::uint64_t>(step);
  const std::uint64_t count = distance / stride + (distance % stride != 0 ? 1 : 0);
  call.runtime.charge(count, sizeof(Value));
  Items items;
  items.reserve(count);
  for (std::uint64_t i = 0; i < count; ++i) {
    items.emplace_back(static_cast<std::int64_t>(static_cast<std::uint64_t>(begin) +
                                                 i * static_cast<std::uint64_t>(step)));
  }
  return call.runtime.list(std::move(items));
}

Value make_namespace(Invocation& call) {
  call.accept_all();
  auto names = std::make_shared<Namespace>();
  for (const auto& [name, value] : call.named()) {
    if (extent(value).depth > kValueDepthMax) {
      call.runtime.fail(fmt::format("{} cannot be put into a namespace", kind_name(value)));
    }
    names->attributes.emplace_back(name, value);
  }
  return names;
}

Value make_dict(Invocation& call) {
  call.accept_all();
  Entries entries;
  for (const auto& [name, value] : call.named()) {
    entries.emplace_back(call.runtime.text(name), value);
  }
  return call.runtime.dict(std::move(entries));
}

Value raise_exception(Invocation& call) {
  const Text message = call.runtime.str(call.required(0, "message"));
  call.runtime.fail(
      fmt::format("the template refuses this conversation: {}", shown(message.bytes())), "T0404");
}

// The weekday of a date, Monday first (Sakamoto's method).
int weekday(Date date) {
  constexpr std::array offsets{0, 3, 2, 5, 0, 3, 5, 1, 4, 6, 2, 4};
  const int year = date.month < 3 ? date.year - 1 : date.year;
  const int sunday_first = (year + year / 4 - year / 100 + year / 400 +
                            offsets[static_cast<std::size_t>(date.month - 1)] + date.day) %
                           7;
  return (sunday_first + 6) % 7;
}

Value strftime_now(Invocation& call) {
  constexpr std::array<std::string_view, 12> months{
      "January", "February", "March",     "April",   "May",      "June",
      "July",    "August",   "September", "October", "November", "December"};
  constexpr std::array<std::string_view, 7> days{"Monday", "Tuesday",  "Wednesday", "Thursday",
                                                 "Friday", "Saturday", "Sunday"};
  const Date date = call.runtime.date();
  const std::string_view month = months[static_cast<std::size_t>(date.month - 1)];
  const std::string_view day = days[static_cast<std::size_t>(weekday(date))];
  const std::string format = call.runtime.str(call.required(0, "format")).bytes();
  std::string text;
  for (std::size_t i = 0; i < format.size(); ++i) {
    if (format[i] != '%' || i + 1 == format.size()) {
      text += format[i];
      continue;
    }
    ++i;
    const bool unpadded = format[i] == '-' && i + 1 < format.size();
    i += unpadded ? 1 : 0;
    const auto number = [&](int value) {
      return unpadded ? fmt::format("{}", value) : fmt::format("{:02}", value);
    };
    switch (format[i]) {
      case 'd':
        text += number(date.day);
        break;
      case 'm':
        text += number(date.month);
        break;
      case 'y':
        text += number(date.year % 100);
        break;
      case 'Y':
        text += fmt::format("{:04}", date.year);
        break;
      case 'B':
        text += month;
        break;
      case 'b':
        text += month.substr(0, 3);
        break;
      case 'A':
        text += day;
        break;
      case 'a':
        text += day.substr(0, 3);
        break;
      case 'H':
      case 'M':
      case 'S':
        text += number(0);  // the date alone is given
        break;
      case '%':
        text += '%';
        break;
      default:
        call.runtime.fail(fmt::format("strftime_now does not know `%{}`",
                                      shown(std::string_view(format).substr(i, 1))),
                          "T0402");
    }
  }
  return call.runtime.text(text);
}

constexpr std::array kFunctions{
    GlobalFunction{"dict", make_dict},
    GlobalFunction{"namespace", make_namespace},
    GlobalFunction{"raise_exception", raise_exception},
    GlobalFunction{"range", range},
    GlobalFunction{"strftime_now", strftime_now},
};

Value invoke(Runtime& runtime, const Entry& entry, Value self, Items positional,
             Invocation::Named named) {
  const Runtime::Level level(runtime);
  Invocation call(runtime, std::move(self), std::move(positional), std::move(named));
  Value result = entry.call(call);
  call.check_arguments(entry.name);
  return result;
}

const Entry* find_method(const Value& self, std::string_view name) {
  return self.text() != nullptr   ? find(kTextMethods, name)
         : self.list() != nullptr ? find(kListMethods, name)
         : self.dict() != nullptr ? find(kDictMethods, name)
         : self.loop() != nullptr ? find(kLoopMethods, name)
                                  : nullptr;
}

}  // namespace

const GlobalFunction* find_function(std::string_view name) {
  const auto* found = std::find_if(kFunctions.begin(), kFunctions.end(),
                                   [name](const auto& entry) { return entry.name == name; });
  return found != kFunctions.end() ? &*found : nullptr;
}

Value apply_filter(Runtime& runtime, std::string_view name, Value self, Items positional,
                   Invocation::Named named) {
  const Entry* filter = find(kFilters, name);
  if (filter == nullptr) {
    runtime.fail(fmt::format("the filter `{}` is not known", shown(name)), "T0402");
  }
  return invoke(runtime, *filter, std::move(self), std::move(positional), std::move(named));
}

bool apply_test(Runtime& runtime, std::string_view name, Value self, Items positional,
                Invocation::Named named) {
  const Entry* test = find(kTests, name);
  if (test == nullptr) {
    runtime.fail(fmt::format("the test `{}` is not known", shown(name)), "T0402");
  }
  return is_true(invoke(runtime, *test, std::move(self), std::move(positional), std::move(named)));
}

Value apply_method(Runtime& runtime, std::string_view name, Value self, Items positional,
                   Invocation::Named named) {
  const Entry* method = find_method(self, name);
  if (method == nullptr) {
    if (self.is_undefined()) {
      runtime.fail(fmt::format("{} has no method `{}`", kind_name(self), shown(name)));
    }
    runtime.fail(fmt::format("the method `{}` of {} is not known", shown(name), kind_name(self)),
                 "T0402");
  }
  return invoke(runtime, *method, std::move(self), std::move(positional), std::move(named));
}

}  // namespace churon::model::jinja
