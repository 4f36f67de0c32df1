#include "chip/document.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "base/check.h"
#include "base/text.h"

// The parser of toml++ and the destructors of its tables are recursive: values may nest this deep,
// and the dots of one key are counted below.
#define TOML_EXCEPTIONS 0
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#define TOML_MAX_NESTED_VALUES 16
#include <toml++/toml.h>

namespace churon::chip {

namespace {

constexpr int kDotsMax = 16;
// Of one file, keys and items of arrays. The largest shipped description has about 3,000.
constexpr int kValuesMax = 20000;

// Counts the dots between the characters that end a key. Dots inside texts count as well; nobody
// writes that many sentences without a comma.
std::optional<Place> too_many_dots(std::string_view toml, int index) {
  int dots = 0;
  Place place{.text = index, .line = 1, .column = 1};
  for (const char c : toml) {
    if (c == '.') {
      if (++dots > kDotsMax) {
        return place;
      }
    } else if (c == '\n' || c == '=' || c == '[' || c == ']' || c == '{' || c == '}' || c == ',') {
      dots = 0;
    }
    if (c == '\n') {
      ++place.line;
      place.column = 0;
    }
    ++place.column;
  }
  return std::nullopt;
}

class Converter {
 public:
  Converter(const Texts& texts, int index) : texts_(texts), index_(index) {}

  // toml++ counts columns in characters.
  [[nodiscard]] Place place(const toml::source_region& region) const {
    Place result{
        .text = index_, .line = static_cast<int>(region.begin.line), .column = 1, .length = 1};
    const auto line = texts_.line(result);
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

  [[nodiscard]] Node node(const toml::node& from) {
    Node to;
    ++count_;
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

  [[nodiscard]] int count() const { return count_; }

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
  int count_ = 0;
};

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
  if (const auto place = too_many_dots(toml, index)) {
    return fail({.code = "C0102",
                 .message = fmt::format("a key of more than {} parts", kDotsMax),
                 .span = texts.span(*place)});
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
  Node root = convert.node(result.table());
  if (convert.count() > kValuesMax) {
    return fail({.code = "C0102",
                 .message = fmt::format("{} values in one description; {} are allowed",
                                        convert.count(), kValuesMax),
                 .span = texts.span({.text = index})});
  }
  return root;
}

}  // namespace churon::chip
