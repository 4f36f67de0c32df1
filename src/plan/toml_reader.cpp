#include "plan/toml_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cmath>

#include "base/text.h"
#include "chip/schema.h"

namespace churon::plan {

namespace {

struct UnitEntry {
  Measure measure;
  std::string_view text;
  double factor;
};
// As files write them, and as the cost tables do.
constexpr std::array kUnits{
    UnitEntry{Measure::money, "USD", 1},
    UnitEntry{Measure::money, "million USD", 1e6},
    UnitEntry{Measure::money, "billion USD", 1e9},
    UnitEntry{Measure::money, "USD/chip", 1},
    UnitEntry{Measure::money, "USD_million", 1e6},
    UnitEntry{Measure::money, "USD_billion", 1e9},
    UnitEntry{Measure::money_per_hour, "USD/h", 1},
    UnitEntry{Measure::money_per_hour, "USD/GPU-h", 1},
    UnitEntry{Measure::money_per_hour, "USD/chip-h", 1},
    UnitEntry{Measure::money_per_token, "USD/Mtok", 1e-6},
    UnitEntry{Measure::share, "%", 0.01},
    UnitEntry{Measure::share, "1", 1},
    UnitEntry{Measure::share, "1/yr", 1},
    UnitEntry{Measure::share, "%/year", 0.01},
    UnitEntry{Measure::rate, "tok/s", 1},
    UnitEntry{Measure::rate, "ktok/s", 1e3},
    UnitEntry{Measure::rate, "Mtok/s", 1e6},
    UnitEntry{Measure::rate, "Gtok/s", 1e9},
    UnitEntry{Measure::power, "W", 1},
    UnitEntry{Measure::power, "kW", 1e3},
    UnitEntry{Measure::power, "MW", 1e6},
    UnitEntry{Measure::power, "GW", 1e9},
    UnitEntry{Measure::chips, "chips", 1},
    UnitEntry{Measure::chips, "thousand chips", 1e3},
    UnitEntry{Measure::chips, "million chips", 1e6},
    UnitEntry{Measure::quarters, "quarters", 1},
    UnitEntry{Measure::quarters, "quarter", 1},
};

struct MeasureEntry {
  Measure measure;
  std::string_view name, example, unit;
};
constexpr std::array kMeasures{
    MeasureEntry{Measure::money, "an amount of money", "40000 USD, 5 billion USD", "USD"},
    MeasureEntry{Measure::money_per_hour, "a price of an hour", "2.5 USD/h", "USD/h"},
    MeasureEntry{Measure::money_per_token, "a price of tokens", "3 USD/Mtok", "USD/token"},
    MeasureEntry{Measure::share, "a share", "30 %, 0.3", "1"},
    MeasureEntry{Measure::rate, "a rate of tokens", "250 Mtok/s", "tok/s"},
    MeasureEntry{Measure::power, "a power", "1.2 kW, 3 GW", "W"},
    MeasureEntry{Measure::chips, "a number of chips", "5000 chips", "chips"},
    MeasureEntry{Measure::quarters, "a number of quarters", "4 quarters", "quarters"},
};
const MeasureEntry& entry(Measure measure) {
  return *std::find_if(kMeasures.begin(), kMeasures.end(),
                       [&](const MeasureEntry& one) { return one.measure == measure; });
}

// "finance.wacc": what is meant for a row of the cost tables, whether there is one or not.
bool is_row_name(std::string_view text) {
  const bool begins = !text.empty() && std::isalpha(static_cast<unsigned char>(text.front())) != 0;
  return begins && text.find('.') != std::string_view::npos &&
         text.find(' ') == std::string_view::npos;
}

std::optional<double> factor_of(std::string_view unit, Measure measure) {
  for (const UnitEntry& one : kUnits) {
    if (one.measure == measure && one.text == unit) {
      return one.factor;
    }
  }
  return std::nullopt;
}

}  // namespace

void TomlReader::find(std::string code, std::string message, const chip::Node& node,
                      std::string label, std::vector<std::string> help) {
  findings_.push_back({.code = std::move(code),
                       .message = std::move(message),
                       .span = place(node, std::move(label)),
                       .help = std::move(help)});
}

const chip::Node* TomlReader::get(const chip::Node& table, std::string_view key) {
  known_[&table].insert(std::string(key));
  const chip::Entry* found = table.find(key);
  return found == nullptr ? nullptr : &found->value;
}

const chip::Node* TomlReader::need(const chip::Node& table, std::string_view key,
                                   std::string_view where) {
  const chip::Node* node = get(table, key);
  if (node == nullptr) {
    find("S0302", fmt::format("{} lacks `{}`", where, key), table);
  }
  return node;
}

void TomlReader::finish(const chip::Node& table, std::string_view where) {
  const auto& known = known_[&table];
  const std::vector<std::string> names(known.begin(), known.end());
  for (const chip::Entry& one : table.entries) {
    if (known.contains(one.key)) {
      continue;
    }
    const auto near = did_you_mean(one.key, names);
    findings_.push_back(
        {.code = "S0301",
         .message = fmt::format("unknown key `{}` in {}", escape_control(one.key), where),
         .span = texts_.span(one.key_place, near ? fmt::format("did you mean `{}`?", *near) : ""),
         .notes = {fmt::format("{} accepts: {}", where, join(names, ", "))}});
  }
}

std::optional<std::string> TomlReader::word(const chip::Node* node) {
  if (node == nullptr) {
    return std::nullopt;
  }
  if (node->type != chip::NodeType::text || trim(node->text).empty()) {
    find("S0303", fmt::format("expected a text, not {}", name(node->type)), *node);
    return std::nullopt;
  }
  if (escape_control(node->text) != node->text) {
    find("S0303", "the text has control characters", *node);
    return std::nullopt;
  }
  return node->text;
}

std::optional<std::int64_t> TomlReader::whole(const chip::Node* node, std::int64_t low,
                                              std::int64_t high) {
  if (node == nullptr) {
    return std::nullopt;
  }
  if (node->type != chip::NodeType::integer || node->integer < low || node->integer > high) {
    find("S0304", fmt::format("expected a whole number from {} to {}", low, high), *node);
    return std::nullopt;
  }
  return node->integer;
}

std::optional<bool> TomlReader::flag(const chip::Node* node) {
  if (node == nullptr) {
    return std::nullopt;
  }
  if (node->type != chip::NodeType::flag) {
    find("S0303", fmt::format("expected true or false, not {}", name(node->type)), *node);
    return std::nullopt;
  }
  return node->flag;
}

// "40000 USD": a number, a space, a unit. Shares need no unit.
std::optional<double> TomlReader::quantity(const chip::Node& node, Measure measure) {
  const MeasureEntry& wanted = entry(measure);
  const bool is_number =
      node.type == chip::NodeType::number || node.type == chip::NodeType::integer;
  std::optional<double> value;
  if (is_number && measure == Measure::share) {
    value = node.type == chip::NodeType::number ? node.number : static_cast<double>(node.integer);
  } else if (is_number) {
    find("S0303", "a unit is missing", node, fmt::format("expected {}", wanted.name),
         {fmt::format("for example {}", wanted.example)});
    return std::nullopt;
  } else if (node.type == chip::NodeType::text) {
    const std::string_view text = trim(node.text);
    const std::size_t space = std::min(text.find(' '), text.size());
    const auto number = parse_number(text.substr(0, space));
    const auto factor = factor_of(trim(text.substr(space)), measure);
    if (number && factor) {
      value = *number * *factor;
    }
  }
  if (!value || !std::isfinite(*value)) {
    find("S0303", fmt::format("this is not {}", wanted.name), node, "",
         {fmt::format("for example {}; or the name of a row of the cost tables", wanted.example)});
    return std::nullopt;
  }
  constexpr double kMost = 1e15;  // of dollars, watts, tokens: solvers take larger for infinite
  if (std::fabs(*value) > kMost) {
    find("S0304", "more than 1e15 is no number of a plan", node);
    return std::nullopt;
  }
  if (*value < 0 && measure != Measure::share) {
    find("S0304", fmt::format("{} is not negative", wanted.name), node);
    return std::nullopt;
  }
  if (measure == Measure::share && (*value < -1 || *value > 100)) {
    find("S0304", "a share or a growth lies between -100 % and 10,000 %", node);
    return std::nullopt;
  }
  if (measure == Measure::quarters && (*value != std::floor(*value) || *value > 80)) {
    find("S0304", "expected a whole number of quarters, at most 80", node);
    return std::nullopt;
  }
  return value;
}

bool TomlReader::from_row(const cost::Input& row, Measure measure, const chip::Node& node,
                          Fact& fact) {
  const auto factor = factor_of(row.unit, measure);
  if (!factor) {
    find("S0303", fmt::format("row `{}` is in {}, not {}", row.key, row.unit, entry(measure).name),
         node);
    return false;
  }
  fact.value = row.range.central * *factor;
  fact.range = {row.range.low * *factor, fact.value, row.range.high * *factor};
  fact.basis = row.basis;
  fact.source = fmt::format("row `{}`, {}: {}", row.key, row.as_of, row.source);
  fact.factor = row.factor.empty() ? row.key : row.factor;
  return true;
}

void TomlReader::no_row(const chip::Node& node, Measure measure) {
  std::vector<std::string> keys;
  for (const cost::Input& row : rows_.rows()) {
    if (factor_of(row.unit, measure)) {
      keys.push_back(row.key);
    }
  }
  const auto near = did_you_mean(node.text, keys);
  const MeasureEntry& wanted = entry(measure);
  find("S0303", fmt::format("no row of the cost tables is called `{}`", escape_control(node.text)),
       node,
       near ? fmt::format("did you mean `{}`?", *near) : fmt::format("expected {}", wanted.name),
       {fmt::format("a row of `data/cost`, or {}: {}", wanted.name, wanted.example)});
}

std::optional<Fact> TomlReader::fact(const chip::Node* node, Measure measure, std::string key) {
  if (node == nullptr) {
    return std::nullopt;
  }
  Fact made{.key = std::move(key), .unit = std::string(entry(measure).unit), .basis = "stated"};
  made.place = fmt::format("{}:{}", texts_.name(node->place.text), node->place.line);
  made.factor = made.key;
  const chip::Node* value = node;
  if (node->type == chip::NodeType::table) {
    value = need(*node, "v", "the value");
    const chip::Node* low = get(*node, "low");
    const chip::Node* high = get(*node, "high");
    const auto source = word(get(*node, "src"));
    const auto basis = word(get(*node, "basis"));
    finish(*node, "the value");
    if (value == nullptr) {
      return std::nullopt;
    }
    const auto bases = chip::basis_words().subspan(1);  // without `none`
    if (basis && std::find(bases.begin(), bases.end(), *basis) == bases.end()) {
      find("S0303", fmt::format("unknown basis `{}`", escape_control(*basis)),
           node->find("basis")->value, "", {"spec, vendor, press, measured, derived or guess"});
    }
    auto read = fact(value, measure, made.key);
    if (!read) {
      return std::nullopt;
    }
    made = std::move(*read);
    made.basis = basis.value_or(made.basis);
    made.source = source.value_or(made.source);
    const auto low_value = low == nullptr ? made.range.low : quantity(*low, measure).value_or(0);
    const auto high_value =
        high == nullptr ? made.range.high : quantity(*high, measure).value_or(0);
    made.range = {low_value, made.value, high_value};
    if (low_value > made.value || high_value < made.value) {
      find("S0304", "low, the value and high are out of order", *node);
    }
    return made;
  }
  if (value->type == chip::NodeType::text) {
    if (const cost::Input* row = rows_.find(value->text)) {
      return from_row(*row, measure, *value, made) ? std::optional(made) : std::nullopt;
    }
    if (is_row_name(value->text)) {
      no_row(*value, measure);
      return std::nullopt;
    }
  }
  const auto read = quantity(*value, measure);
  if (!read) {
    return std::nullopt;
  }
  made.value = *read;
  made.range = {*read, *read, *read};
  return made;
}

std::optional<double> TomlReader::number(const chip::Node* node, Measure measure, std::string key) {
  const auto read = fact(node, measure, std::move(key));
  if (!read) {
    return std::nullopt;
  }
  facts_.push_back(*read);
  return read->value;
}

double TomlReader::share(const chip::Node* node, std::string key, std::string_view what,
                         Shares taken, double without) {
  const auto read = number(node, Measure::share, std::move(key));
  if (!read) {
    return without;
  }
  const bool is_below = taken.with_low ? *read < taken.low : *read <= taken.low;
  if (is_below || *read > taken.high) {
    find("S0304",
         taken.with_low
             ? fmt::format("{} is {:g} to {:g} %", what, 100 * taken.low, 100 * taken.high)
             : fmt::format("{} is above {:g} and at most {:g} %", what, 100 * taken.low,
                           100 * taken.high),
         *node);
    return without;
  }
  return *read;
}

std::optional<Quarter> TomlReader::quarter(const chip::Node* node) {
  const auto text = word(node);
  if (!text) {
    return std::nullopt;
  }
  const auto read = parse_quarter(*text);
  if (!read) {
    find("S0306", fmt::format("`{}` is not a quarter", escape_control(*text)), *node, "",
         {"a year and a quarter: 2027-Q3"});
  }
  return read;
}

const chip::Node* TomlReader::table(const chip::Node* node) {
  if (node != nullptr && node->type != chip::NodeType::table) {
    find("S0303", fmt::format("expected a table, not {}", name(node->type)), *node);
    return nullptr;
  }
  return node;
}

std::span<const chip::Node> TomlReader::items(const chip::Node* node) {
  if (node == nullptr) {
    return {};
  }
  if (node->type != chip::NodeType::array) {
    find("S0303", fmt::format("expected an array, not {}", name(node->type)), *node);
    return {};
  }
  return node->items;
}

std::vector<std::string> TomlReader::words(const chip::Node* node) {
  std::vector<std::string> list;
  for (const chip::Node& item : items(node)) {
    if (const auto text = word(&item)) {
      list.push_back(*text);
    }
  }
  return list;
}

std::vector<const chip::Node*> TomlReader::tables(const chip::Node& root, std::string_view key) {
  std::vector<const chip::Node*> list;
  const chip::Node* node = get(root, key);
  if (node == nullptr) {
    return list;
  }
  const bool is_array = node->type == chip::NodeType::array;
  for (const chip::Node& item : node->items) {
    if (item.type == chip::NodeType::table) {
      list.push_back(&item);
    }
  }
  if (!is_array || list.size() != node->items.size()) {
    find("S0303", fmt::format("expected tables [[{}]]", key), *node);
  }
  return list;
}

std::vector<Step> TomlReader::steps(const chip::Node* node, Quarter start) {
  if (node == nullptr) {
    return {};
  }
  if (node->type != chip::NodeType::array) {
    return {{.from = 0, .value = node, .suffix = ""}};
  }
  if (node->items.empty()) {
    find("S0302", "a series has at least one step", *node, "",
         {"one value, or [{ from = \"2027-Q1\", v = … }, …]"});
  }
  std::vector<Step> list;
  std::optional<Quarter> before;
  for (const chip::Node& step : node->items) {
    if (step.type != chip::NodeType::table) {
      find("S0303", "expected { from = \"2027-Q1\", v = … }", step);
      continue;
    }
    const auto from = quarter(need(step, "from", "a step"));
    if (!from) {
      continue;
    }
    if (before && *from <= *before) {
      find("S0306",
           fmt::format("steps are out of order: {} comes after {}", text(*from), text(*before)),
           step);
    }
    before = from;
    list.push_back({from->count - start.count, &step, "." + text(*from)});
  }
  return list;
}

std::vector<double> TomlReader::series(const chip::Node* node, Measure measure,
                                       const std::string& key, Quarter start, int quarters,
                                       double without) {
  std::vector<double> values(static_cast<std::size_t>(quarters), node == nullptr ? without : 0);
  for (const Step& step : steps(node, start)) {
    const double value = number(step.value, measure, key + step.suffix).value_or(0);
    for (int q = std::max(0, step.from); q < quarters; ++q) {
      values[static_cast<std::size_t>(q)] = value;
    }
  }
  return values;
}

}  // namespace churon::plan
