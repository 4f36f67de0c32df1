#include "model/jinja_value.h"

#include <fmt/format.h>

#include <cmath>

#include "base/text.h"

namespace churon::model::jinja {

namespace {

// Python writes 1.0, 0.1, 1e+16, inf, nan.
std::string float_text(double value) {
  std::string text = fmt::format("{}", value);
  const bool plain = text.find_first_not_of("-0123456789") == std::string::npos;
  return plain ? text + ".0" : text;
}

Text made(std::string_view bytes) { return {bytes, true}; }

// The text with each character that `escape` knows replaced by what it gives.
template <typename Escape>
Text escaped(const Text& text, Escape escape) {
  Text result;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text.bytes()[i];
    const std::string replacement = escape(c);
    result.append(replacement.empty() ? std::string_view(&c, 1) : replacement,
                  text.from_template(i));
  }
  return result;
}

Text quoted_repr(const Text& text) {
  const bool has_single = text.bytes().find('\'') != std::string::npos;
  const bool has_double = text.bytes().find('"') != std::string::npos;
  const char quote = has_single && !has_double ? '"' : '\'';
  Text result = made({&quote, 1});
  result.append(escaped(text, [quote](char c) -> std::string {
    switch (c) {
      case '\n':
        return "\\n";
      case '\r':
        return "\\r";
      case '\t':
        return "\\t";
      case '\\':
        return "\\\\";
      default:
        if (c == quote) {
          return {'\\', c};
        }
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 || byte == 0x7f ? fmt::format("\\x{:02x}", byte) : std::string();
    }
  }));
  result.append({&quote, 1}, true);
  return result;
}

Text quoted_json(const Text& text) {
  Text result = made("\"");
  result.append(escaped(text, [](char c) -> std::string {
    switch (c) {
      case '"':
        return "\\\"";
      case '\\':
        return "\\\\";
      case '\n':
        return "\\n";
      case '\r':
        return "\\r";
      case '\t':
        return "\\t";
      case '\b':
        return "\\b";
      case '\f':
        return "\\f";
      default: {
        const auto byte = static_cast<unsigned char>(c);
        return byte < 0x20 ? fmt::format("\\u{:04x}", byte) : std::string();
      }
    }
  }));
  result.append("\"", true);
  return result;
}

// Writes JSON; `ok` becomes false at a value that has none.
class JsonWriter {
 public:
  explicit JsonWriter(std::optional<std::int64_t> indent) : indent_(indent) {}

  void write(const Value& value) {
    if (const Text* text = value.text()) {
      out.append(quoted_json(*text));
    } else if (const List* list = value.list()) {
      write_container('[', ']', list->items, [this](const Value& item) { write(item); });
    } else if (const Dict* dict = value.dict()) {
      write_container('{', '}', dict->entries, [this](const auto& entry) {
        const auto& [key, item] = entry;
        out.append(quoted_json(str(key)));
        out.append(": ", true);
        write(item);
      });
    } else if (value.is_none()) {
      out.append("null", true);
    } else if (const bool* boolean = value.boolean()) {
      out.append(*boolean ? "true" : "false", true);
    } else if (value.number()) {
      out.append(str(value));
    } else {
      ok = false;
    }
  }

  Text out;
  bool ok = true;

 private:
  template <typename Container, typename WriteOne>
  void write_container(char open, char close, const Container& container, WriteOne write_one) {
    out.append({&open, 1}, true);
    ++level_;
    bool first = true;
    for (const auto& one : container) {
      if (!first) {
        out.append(indent_ ? "," : ", ", true);
      }
      first = false;
      new_line();
      write_one(one);
    }
    --level_;
    if (!first) {
      new_line();
    }
    out.append({&close, 1}, true);
  }
  void new_line() {
    if (indent_) {
      out.append("\n" + std::string(static_cast<std::size_t>(*indent_ * level_), ' '), true);
    }
  }

  std::optional<std::int64_t> indent_;
  std::int64_t level_ = 0;
};

template <typename T>
int sign_of_difference(const T& a, const T& b) {
  return a < b ? -1 : b < a ? 1 : 0;
}

}  // namespace

std::optional<std::int64_t> Value::whole_number() const {
  if (const bool* truth = boolean()) {
    return *truth ? 1 : 0;
  }
  return integer() != nullptr ? std::optional(*integer()) : std::nullopt;
}

std::optional<double> Value::number() const {
  if (const auto whole = whole_number()) {
    return static_cast<double>(*whole);
  }
  return floating() != nullptr ? std::optional(*floating()) : std::nullopt;
}

const Value* Dict::find(std::string_view key) const {
  for (const auto& [name, value] : entries) {
    if (name.text() != nullptr && name.text()->bytes() == key) {
      return &value;
    }
  }
  return nullptr;
}

Extent extent(const Value& value) {
  if (const List* list = value.list()) {
    return list->extent;
  }
  if (const Dict* dict = value.dict()) {
    return dict->extent;
  }
  if (const Text* text = value.text()) {
    return {.depth = 0, .weight = 1 + text->size()};
  }
  const bool apart = value.names() != nullptr || value.loop() != nullptr;
  return {.depth = apart ? kValueDepthMax + 1 : 0, .weight = 1};
}

bool is_true(const Value& value) {
  if (const auto number = value.number()) {
    return *number != 0;
  }
  if (const Text* text = value.text()) {
    return !text->empty();
  }
  if (const List* list = value.list()) {
    return !list->items.empty();
  }
  if (const Dict* dict = value.dict()) {
    return !dict->entries.empty();
  }
  return !value.is_undefined() && !value.is_none();
}

bool is_equal(const Value& a, const Value& b) {
  if (a.whole_number() && b.whole_number()) {
    return *a.whole_number() == *b.whole_number();
  }
  if (a.number() && b.number()) {
    return *a.number() == *b.number();
  }
  if (a.text() != nullptr && b.text() != nullptr) {
    return a.text()->bytes() == b.text()->bytes();
  }
  if (a.list() != nullptr && b.list() != nullptr) {
    const Items& x = a.list()->items;
    const Items& y = b.list()->items;
    bool equal = x.size() == y.size() && a.list()->is_tuple == b.list()->is_tuple;
    for (std::size_t i = 0; equal && i < x.size(); ++i) {
      equal = is_equal(x[i], y[i]);
    }
    return equal;
  }
  if (a.dict() != nullptr && b.dict() != nullptr) {
    const Entries& x = a.dict()->entries;
    const Entries& y = b.dict()->entries;
    bool equal = x.size() == y.size();
    for (std::size_t i = 0; equal && i < x.size(); ++i) {
      bool found = false;
      for (std::size_t j = 0; !found && j < y.size(); ++j) {
        found = is_equal(x[i].first, y[j].first) && is_equal(x[i].second, y[j].second);
      }
      equal = found;
    }
    return equal;
  }
  return (a.is_none() && b.is_none()) || (a.is_undefined() && b.is_undefined()) ||
         (a.names() != nullptr && a.names() == b.names()) ||
         (a.macro() != nullptr && a.macro() == b.macro()) ||
         (a.function() != nullptr && a.function() == b.function());
}

std::optional<int> compare(const Value& a, const Value& b) {
  if (a.whole_number() && b.whole_number()) {
    return sign_of_difference(*a.whole_number(), *b.whole_number());
  }
  if (a.number() && b.number()) {
    const bool comparable = !std::isnan(*a.number()) && !std::isnan(*b.number());
    return comparable ? std::optional(sign_of_difference(*a.number(), *b.number())) : std::nullopt;
  }
  if (a.text() != nullptr && b.text() != nullptr) {
    return sign_of_difference(a.text()->bytes(), b.text()->bytes());
  }
  if (a.list() != nullptr && b.list() != nullptr) {
    const Items& x = a.list()->items;
    const Items& y = b.list()->items;
    for (std::size_t i = 0; i < x.size() && i < y.size(); ++i) {
      if (!is_equal(x[i], y[i])) {
        return compare(x[i], y[i]);
      }
    }
    return sign_of_difference(x.size(), y.size());
  }
  return std::nullopt;
}

std::string kind_name(const Value& value) {
  if (const Undefined* undefined = value.undefined()) {
    return undefined->name.empty() ? "an undefined value"
                                   : fmt::format("`{}`, which is undefined",
                                                 escape_control(undefined->name.substr(0, 64)));
  }
  return value.is_none()               ? "none"
         : value.boolean() != nullptr  ? "a boolean"
         : value.integer() != nullptr  ? "an integer"
         : value.floating() != nullptr ? "a number"
         : value.text() != nullptr     ? "a string"
         : value.list() != nullptr     ? "a list"
         : value.dict() != nullptr     ? "a dictionary"
         : value.names() != nullptr    ? "a namespace"
         : value.loop() != nullptr     ? "the loop variable"
                                       : "a function";
}

Text str(const Value& value) {
  if (const Text* text = value.text()) {
    return *text;
  }
  if (value.is_undefined()) {
    return {};
  }
  return repr(value);
}

Text repr(const Value& value) {
  if (const bool* boolean = value.boolean()) {
    return made(*boolean ? "True" : "False");
  }
  if (const std::int64_t* integer = value.integer()) {
    return made(fmt::format("{}", *integer));
  }
  if (const double* number = value.floating()) {
    return made(float_text(*number));
  }
  if (const Text* text = value.text()) {
    return quoted_repr(*text);
  }
  if (value.is_none()) {
    return made("None");
  }
  if (const List* list = value.list()) {
    Text result = made(list->is_tuple ? "(" : "[");
    for (std::size_t i = 0; i < list->items.size(); ++i) {
      if (i > 0) {
        result.append(", ", true);
      }
      result.append(repr(list->items[i]));
    }
    if (list->is_tuple && list->items.size() == 1) {
      result.append(",", true);
    }
    result.append(list->is_tuple ? ")" : "]", true);
    return result;
  }
  if (const Dict* dict = value.dict()) {
    Text result = made("{");
    for (std::size_t i = 0; i < dict->entries.size(); ++i) {
      if (i > 0) {
        result.append(", ", true);
      }
      result.append(repr(dict->entries[i].first));
      result.append(": ", true);
      result.append(repr(dict->entries[i].second));
    }
    result.append("}", true);
    return result;
  }
  return made(value.is_undefined() ? "Undefined" : "<" + kind_name(value) + ">");
}

std::optional<Text> to_json(const Value& value, std::optional<std::int64_t> indent) {
  JsonWriter writer(indent);
  writer.write(value);
  return writer.ok ? std::optional(std::move(writer.out)) : std::nullopt;
}

}  // namespace churon::model::jinja
