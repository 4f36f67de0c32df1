#include "chip/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/check.h"
#include "base/text.h"

// The parser of toml++ and the destructors of its tables are recursive: values may nest this deep,
// and the dots of one key are counted below.
#define TOML_EXCEPTIONS 0
// Its assertions hold for well-formed texts only, and with NDEBUG it has the compiler assume them;
// the code behind them reports what is wrong.
#undef NDEBUG
#define TOML_ASSERT(condition) static_assert(true)
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 16
#include <toml++/toml.h>

namespace churon::chip {

namespace {

constexpr int kDotsMax = 16;
// Of one file, keys and items of arrays. The largest shipped description has about 3,000.
constexpr int kValuesMax = 20000;
// Bytes. Of a longer line no columns are told: they are counted anew for every value.
constexpr std::size_t kLineMax = 4096;

// What toml++ must not be given, found before it reads a text: keys of so many parts that its
// recursion would not end, and characters beyond ASCII outside of quotes and comments. TOML has no
// place for those, and toml++ 3.3 runs into code that it calls unreachable
// (`is_non_ascii_horizontal_whitespace`).
class Scanner {
 public:
  Scanner(std::string_view toml, int index) : toml_(toml), index_(index) {}

  struct Finding {
    std::string code, message;
    Place place;
  };
  std::optional<Finding> run() {
    int dots = 0;
    while (at_ < toml_.size()) {
      const char c = toml_[at_];
      if (c == '"' || c == '\'') {
        skip_string();
        continue;
      }
      if (c == '#') {
        at_ = std::min(toml_.find('\n', at_), toml_.size());
        continue;
      }
      if (static_cast<unsigned char>(c) >= 0x80) {
        return Finding{"C0101", "this is not TOML: a character beyond ASCII outside of quotes",
                       place()};
      }
      if (ends_key(c)) {
        dots = 0;
      } else if (c == '.' && ++dots > kDotsMax) {
        return Finding{"C0102", fmt::format("a key of more than {} parts", kDotsMax), place()};
      }
      ++at_;
    }
    return std::nullopt;
  }

 private:
  static bool ends_key(char c) {
    return std::string_view("\n=[]{},").find(c) != std::string_view::npos;
  }

  // From the opening quote to behind the closing one; a text of one line ends with its line.
  void skip_string() {
    const char quote = toml_[at_];
    const std::string triple(3, quote);
    const bool many_lines = toml_.substr(at_).starts_with(triple);
    at_ += many_lines ? 3 : 1;
    while (at_ < toml_.size()) {
      if (toml_[at_] == '\\' && quote == '"') {
        at_ += 2;
      } else if (many_lines && toml_.substr(at_).starts_with(triple)) {
        at_ += 3;
        // Up to two more quotes belong to the text.
        for (int i = 0; i < 2 && at_ < toml_.size() && toml_[at_] == quote; ++i) {
          ++at_;
        }
        return;
      } else if (!many_lines && (toml_[at_] == quote || toml_[at_] == '\n')) {
        ++at_;
        return;
      } else {
        ++at_;
      }
    }
    at_ = std::min(at_, toml_.size());
  }

  [[nodiscard]] Place place() const {
    const auto before = toml_.substr(0, at_);
    const auto line_start = before.rfind('\n') + 1;  // npos + 1 is 0
    return {.text = index_,
            .line = 1 + static_cast<int>(std::count(before.begin(), before.end(), '\n')),
            .column = static_cast<int>(at_ - line_start) + 1};
  }

  std::string_view toml_;
  int index_;
  std::size_t at_ = 0;
};

class Converter {
 public:
  Converter(const Texts& texts, int index) : texts_(texts), index_(index) {}

  // toml++ counts columns in characters.
  [[nodiscard]] Place place(const toml::source_region& region) const {
    Place result{
        .text = index_, .line = static_cast<int>(region.begin.line), .column = 1, .length = 1};
    const auto line = texts_.line(result);
    if (line.size() > kLineMax) {
      return result;
    }
    result.column = byte_column(line, region.begin.column);
    int end = region.end.line == region.begin.line ? byte_column(line, region.end.column)
                                                   : static_cast<int>(line.size()) + 1;
    // The region of a key reaches to its equals sign.
    while (end - 2 >= result.column && line[static_cast<std::size_t>(end) - 2] == ' ') {
      --end;
    }
    result.length = std::max(end - result.column, 1);
    return result;
  }

  [[nodiscard]] Node node(const toml::node& from) const {
    Node to;
    to.place = place(from.source());
    switch (from.type()) {
      case toml::node_type::string:
        to.type = NodeType::text;
        to.text = from.as_string()->get();
        break;
      case toml::node_type::integer:
        to.type = NodeType::integer;
        to.integer = from.as_integer()->get();
        break;
      case toml::node_type::floating_point:
        to.type = NodeType::number;
        to.number = from.as_floating_point()->get();
        break;
      case toml::node_type::boolean:
        to.type = NodeType::flag;
        to.flag = from.as_boolean()->get();
        break;
      case toml::node_type::date: {
        const toml::date date = from.as_date()->get();
        to.type = NodeType::date;
        to.text = fmt::format("{:04}-{:02}-{:02}", date.year, date.month, date.day);
        break;
      }
      case toml::node_type::time:
      case toml::node_type::date_time:
        to.type = NodeType::time;
        break;
      case toml::node_type::array:
        to.type = NodeType::array;
        for (const auto& item : *from.as_array()) {
          to.items.push_back(node(item));
        }
        break;
      case toml::node_type::table:
      case toml::node_type::none:
        to.type = NodeType::table;
        for (const auto& [key, value] : *from.as_table()) {
          to.entries.push_back({std::string(key.str()), place(key.source()), node(value)});
        }
        // The tables of toml++ are sorted by key.
        std::sort(to.entries.begin(), to.entries.end(), [](const Entry& a, const Entry& b) {
          return std::tie(a.key_place.line, a.key_place.column, a.key) <
                 std::tie(b.key_place.line, b.key_place.column, b.key);
        });
        break;
    }
    return to;
  }

 private:
  static int byte_column(std::string_view line, std::uint32_t characters) {
    std::size_t at = 0;
    for (std::uint32_t i = 1; i < characters && at < line.size(); ++i) {
      const auto point = decode_utf8(line.substr(at));
      at += point ? static_cast<std::size_t>(point->length) : 1;
    }
    return static_cast<int>(at) + 1;
  }

  const Texts& texts_;
  int index_;
};

// Keys and items of arrays, and the root. toml++ bounds how deep they are nested.
int values_of(const toml::node& node) {
  int count = 1;
  if (const toml::array* array = node.as_array()) {
    for (const auto& item : *array) {
      count += values_of(item);
    }
  } else if (const toml::table* table = node.as_table()) {
    for (const auto& [key, value] : *table) {
      count += values_of(value);
    }
  }
  return count;
}

}  // namespace

int Texts::add(std::string name, std::string_view text) {
  Text added{std::move(name), {}};
  for (auto line : split(text, '\n')) {
    if (line.ends_with('\r')) {
      line.remove_suffix(1);
    }
    added.lines.emplace_back(line);
  }
  texts_.push_back(std::move(added));
  return static_cast<int>(texts_.size()) - 1;
}

const std::string& Texts::name(int index) const {
  check(index >= 0 && index < static_cast<int>(texts_.size()), index);
  return texts_[static_cast<std::size_t>(index)].name;
}

std::string_view Texts::line(const Place& place) const {
  const auto& lines = texts_[static_cast<std::size_t>(place.text)].lines;
  const auto at = static_cast<std::size_t>(place.line - 1);
  return place.line >= 1 && at < lines.size() ? std::string_view(lines[at]) : std::string_view();
}

SourceSpan Texts::span(const Place& place, std::string label) const {
  return {.file = name(place.text),
          .line = place.line,
          .column = place.column,
          .length = place.length,
          .text = std::string(line(place)),
          .label = std::move(label)};
}

std::string_view name(NodeType type) {
  switch (type) {
    case NodeType::text:
      return "a text";
    case NodeType::integer:
      return "a whole number";
    case NodeType::number:
      return "a number";
    case NodeType::flag:
      return "true or false";
    case NodeType::date:
      return "a date";
    case NodeType::time:
      return "a time of day";
    case NodeType::array:
      return "an array";
    case NodeType::table:
      return "a table";
  }
  return "";
}

const Entry* Node::find(std::string_view key) const {
  const auto found = std::find_if(entries.begin(), entries.end(),
                                  [&](const Entry& entry) { return entry.key == key; });
  return found == entries.end() ? nullptr : &*found;
}

Entry* Node::find(std::string_view key) {
  return const_cast<Entry*>(static_cast<const Node&>(*this).find(key));
}

Result<Node> parse_toml(std::string_view toml, const Texts& texts, int index) {
  if (constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
      toml.starts_with(kByteOrderMark)) {
    toml.remove_prefix(kByteOrderMark.size());
  }
  if (auto finding = Scanner(toml, index).run()) {
    return fail({.code = std::move(finding->code),
                 .message = std::move(finding->message),
                 .span = texts.span(finding->place)});
  }
  Converter convert(texts, index);
  const toml::parse_result result = toml::parse(toml);
  if (!result) {
    const toml::parse_error& error = result.error();
    std::string_view what = error.description();
    if (constexpr std::string_view kPrefix = "Error while parsing "; what.starts_with(kPrefix)) {
      what.remove_prefix(kPrefix.size());
    }
    Diagnostic diagnostic{.code = "C0101",
                          .message = fmt::format("this is not TOML: {}", what),
                          .span = texts.span(convert.place(error.source()))};
    if (what.find("expected a comment or whitespace") != std::string_view::npos) {
      diagnostic.help.emplace_back("a value with its unit stands in quotes: \"1.25 GHz\"");
    }
    return fail(std::move(diagnostic));
  }
  if (const int values = values_of(result.table()); values > kValuesMax) {
    return fail(
        {.code = "C0102",
         .message = fmt::format("{} values in one description; {} are allowed", values, kValuesMax),
         .span = texts.span({.text = index})});
  }
  return convert.node(result.table());
}

}  // namespace churon::chip
