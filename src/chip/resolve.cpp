#include "chip/resolve.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/check.h"
#include "base/file.h"
#include "base/text.h"
#include "chip/description.h"

namespace churon::chip {

namespace {

// An element or a table of the description, and the rows that it is read by.
struct Found {
  const Table* table;
  std::string id;    // of an element
  std::string path;  // "memory.hbm"
  const Node* node;
};

struct Read {
  const Row* row;
  Scalar value;
  OriginKind origin;
  Place place;
  int stated = 0, since = 0;
};

// What [table] provenance = { … } says of the numbers beside it that say nothing themselves.
struct Provenance {
  std::string source;
  Basis basis = Basis::none;
  std::optional<double> spread;  // low and high are this fraction away
};

std::string title(std::string_view path) {
  return path.empty() ? "the top of the file" : fmt::format("[{}]", path);
}

std::string toml_text(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      quoted += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

bool has_no_unit(QuantityKind kind) {
  return kind == QuantityKind::number || kind == QuantityKind::count ||
         kind == QuantityKind::fraction;
}

std::string number_text(double value, QuantityKind kind) {
  const std::string text = quantity_text(value, kind);
  return kind == QuantityKind::number || kind == QuantityKind::count ? text : toml_text(text);
}

template <typename List, typename Text>
std::string list_text(const List& list, Text&& text) {
  std::string joined;
  for (const auto& item : list) {
    joined += (joined.empty() ? "" : ", ") + text(item);
  }
  return "[" + joined + "]";
}

// As TOML.
std::string value_text(const Row& row, const Scalar& value) {
  switch (row.form) {
    case Form::quantity:
      return number_text(value.number, row.kind);
    case Form::text:
    case Form::word:
      return toml_text(value.text);
    case Form::flag:
      return value.flag ? "true" : "false";
    case Form::date:
      return value.text;
    case Form::texts:
    case Form::words:
      return list_text(value.texts, toml_text);
    case Form::counts:
      return list_text(value.counts, [](std::int64_t count) { return std::to_string(count); });
  }
  return "";
}

class Resolver {
 public:
  Resolver(const Node& root, const Texts& texts) : root_(root), texts_(texts) {}

  Result<Resolution> run() {
    read_sources();
    report_unknown(root_, "", "");
    read_kind();
    for (const Table& table : schema()) {
      const auto found = find(table);
      const Need need = bought_ ? table.bought : table.need;
      if (found.empty() && need == Need::required) {
        report_missing(table);
      }
      for (const Found& one : found) {
        result_.places[one.path] = one.node->place;
        read_table(one);
      }
    }
    if (!found_.empty()) {
      std::sort(found_.begin(), found_.end(), [](const Diagnostic& a, const Diagnostic& b) {
        return place_order(a) < place_order(b);
      });
      return tl::unexpected(std::move(found_));
    }
    finish();
    return std::move(result_);
  }

 private:
  // What is missing has no line and comes last.
  static std::tuple<bool, std::string, int, int, std::string> place_order(
      const Diagnostic& diagnostic) {
    const SourceSpan span = diagnostic.span.value_or(SourceSpan{});
    return {span.line == 0, span.file, span.line, span.column, diagnostic.message};
  }

  void error(std::string code, std::string message, const Place& place, std::string label = {},
             std::vector<std::string> notes = {}, std::vector<std::string> help = {}) {
    found_.push_back({.code = std::move(code),
                      .message = std::move(message),
                      .span = texts_.span(place, std::move(label)),
                      .notes = std::move(notes),
                      .help = std::move(help)});
  }

  // --- tables -----------------------------------------------------------------------------------

  void read_sources() {
    const Entry* sources = root_.find("sources");
    if (sources == nullptr || sources->value.type != NodeType::table) {
      return;
    }
    for (const Entry& entry : sources->value.entries) {
      if (entry.value.type != NodeType::text) {
        error("C0107", fmt::format("a source is a text, and this is {}", name(entry.value.type)),
              entry.value.place);
      } else if (!is_bare_name(entry.key)) {
        error("C0111", fmt::format("`{}` cannot be the name of a source", entry.key),
              entry.key_place);
      } else {
        result_.chip.sources[entry.key] = entry.value.text;
      }
    }
  }

  void read_kind() {
    const Entry* kind = root_.find("kind");
    bought_ = kind != nullptr && kind->value.text == name(Kind::opaque);
  }

  // The tables of the description that `table` describes: none, one, or one for each id.
  std::vector<Found> find(const Table& table) const {
    const Node* node = &root_;
    if (!table.path.empty()) {
      for (const auto& part : split(table.stem(), '.')) {
        const Entry* entry = node->find(part);
        if (entry == nullptr || entry->value.type != NodeType::table) {
          return {};
        }
        node = &entry->value;
      }
    }
    if (!table.repeated()) {
      // [core] that only holds [core.matrix] is there all the same; [power.dvfs] alone says nothing
      // of [power], but then [power] misses its keys, which is what should be said.
      return {{&table, "", std::string(table.path), node}};
    }
    std::vector<Found> found;
    for (const Entry& entry : node->entries) {
      if (entry.value.type == NodeType::table && !is_row(table.stem(), entry.key)) {
        found.push_back(
            {&table, entry.key, fmt::format("{}.{}", table.stem(), entry.key), &entry.value});
      }
    }
    return found;
  }

  static bool is_row(std::string_view path, std::string_view key) {
    return std::any_of(schema().begin(), schema().end(), [&](const Table& table) {
      return table.path == path && table.find(key) != nullptr;
    });
  }

  void report_missing(const Table& table) {
    const Place top{.text = root_.place.text};
    const auto brackets = table.id_key.empty() ? fmt::format("[{}]", table.stem())
                                               : fmt::format("[[{}]]", table.stem());
    error("C0106", fmt::format("no {}", table.path == "derate.*" ? "[derate.…]" : brackets), top,
          "", {std::string(table.doc)},
          {table.stem() == "derate"
               ? "inherit = \"neutral\" brings the set that is the same for every chip"
               : fmt::format("docs/chip-reference.md lists the keys of {}", brackets)});
  }

  // --- unknown keys -----------------------------------------------------------------------------

  // `path` is that of the schema ("memory.*"), `shown` that of the description ("memory.hbm").
  void report_unknown(const Node& node, const std::string& path, const std::string& shown) {
    std::vector<std::string> keys;
    std::vector<std::string> tables;
    bool named = false;  // sub-tables have free names
    for (const Table& table : schema()) {
      if (table.path == path) {
        for (const Row& row : table.rows) {
          keys.emplace_back(row.key);
        }
        if (std::any_of(table.rows.begin(), table.rows.end(),
                        [](const Row& row) { return row.sourced; })) {
          keys.emplace_back("provenance");
        }
      }
      const auto stem = table.stem();
      const auto dot = stem.rfind('.');
      const auto parent = dot == std::string_view::npos ? std::string_view() : stem.substr(0, dot);
      const auto last = dot == std::string_view::npos ? stem : stem.substr(dot + 1);
      if (parent == path && !stem.empty() &&
          std::find(tables.begin(), tables.end(), last) == tables.end()) {
        tables.emplace_back(last);
      }
      named = named || (table.repeated() && stem == path);
    }
    if (path.empty()) {
      tables.insert(tables.begin(), {"inherit", "schema", "sources"});
    }
    for (const Entry& entry : node.entries) {
      const auto is = [&](const std::string& candidate) { return candidate == entry.key; };
      const bool is_table = entry.value.type == NodeType::table;
      if (std::any_of(keys.begin(), keys.end(), is)) {
        continue;
      }
      const auto below = path.empty() ? entry.key : fmt::format("{}.{}", path, entry.key);
      const auto shown_below = shown.empty() ? entry.key : fmt::format("{}.{}", shown, entry.key);
      if (std::any_of(tables.begin(), tables.end(), is)) {
        if (!is_table) {
          error("C0107",
                fmt::format("`{}` is a table, and this is {}", shown_below, name(entry.value.type)),
                entry.value.place);
        } else if (shown_below != "sources") {
          report_unknown(entry.value, below, shown_below);
        }
        continue;
      }
      if (named && is_table && !is_long_form(entry.value)) {
        report_unknown(entry.value, path + ".*", shown_below);
        continue;
      }
      std::vector<std::string> candidates = keys;
      candidates.insert(candidates.end(), tables.begin(), tables.end());
      std::sort(candidates.begin(), candidates.end());
      const auto nearest = did_you_mean(entry.key, candidates);
      const bool reads_as_table = is_table && !is_long_form(entry.value);
      error(reads_as_table ? "C0104" : "C0103",
            reads_as_table ? fmt::format("unknown table [{}]", shown_below)
            : path.empty() ? fmt::format("unknown key `{}` at the top of the file", entry.key)
                           : fmt::format("unknown key `{}` in {}", entry.key, title(shown)),
            entry.key_place, nearest ? fmt::format("did you mean `{}`?", *nearest) : "",
            {fmt::format("{} accepts: {}", title(shown), join(candidates, ", "))});
    }
  }

  // --- values -----------------------------------------------------------------------------------

  void read_table(const Found& found) {
    const Provenance provenance = read_provenance(found);
    std::vector<Read> values;
    for (const Row& row : found.table->rows) {
      const Entry* entry = found.node->find(row.key);
      if (entry != nullptr) {
        if (auto value = read_value(found, row, *entry, provenance)) {
          values.push_back({&row, std::move(*value), entry->value.origin, entry->value.place,
                            entry->value.stated, entry->value.since});
        }
      } else if (!row.standard.empty()) {
        values.push_back({&row, standard_value(row), OriginKind::standard, found.node->place});
      } else if (row.need == Need::required || (row.need == Need::full && !bought_)) {
        error("C0105", fmt::format("{} has no `{}`", title(found.path), row.key),
              found.path.empty() ? Place{.text = found.node->place.text} : found.node->place, "",
              {fmt::format("`{}` is {}: {}", row.key, form_name(row), row.doc)},
              row.form == Form::quantity
                  ? std::vector{fmt::format("for example {} = {}", row.key, example(row))}
                  : std::vector<std::string>{});
      }
    }
    if (!found_.empty()) {
      return;  // nothing is bound that is not complete
    }
    void* target = found.table->open(result_.chip, found.id);
    for (const Read& read : values) {
      read.row->bind(target, read.value);
      record(found, read);
    }
  }

  static std::string example(const Row& row) {
    const auto example = info(row.kind).example;
    if (row.kind == QuantityKind::count && !row.range.low.empty()) {
      return std::string(row.range.low);
    }
    return has_no_unit(row.kind) && row.kind != QuantityKind::fraction ? std::string(example)
                                                                       : toml_text(example);
  }

  void record(const Found& found, const Read& read) {
    const Row& row = *read.row;
    const std::string path =
        found.path.empty() ? std::string(row.key) : fmt::format("{}.{}", found.path, row.key);
    result_.places[path] = read.place;
    const auto bound = [&](const std::optional<double>& value) {
      return value ? number_text(*value, row.kind) : std::string();
    };
    std::string where;
    if (read.origin == OriginKind::command_line) {
      where = fmt::format("--set {}", texts_.line(read.place));
    } else if (read.origin != OriginKind::standard) {
      where = fmt::format("{}:{}", texts_.name(read.place.text), read.place.line);
    }
    result_.chip.values.push_back({.path = path,
                                   .text = value_text(row, read.value),
                                   .low = bound(read.value.low),
                                   .high = bound(read.value.high),
                                   .source = read.value.source,
                                   .basis = read.value.basis,
                                   .origin = read.origin,
                                   .where = where,
                                   .stated = read.stated,
                                   .since = read.since});
  }

  Provenance read_provenance(const Found& found) {
    Provenance provenance;
    const Entry* entry = found.node->find("provenance");
    if (entry == nullptr) {
      return provenance;
    }
    if (entry->value.type != NodeType::table) {
      error(
          "C0107", fmt::format("`provenance` is a table, and this is {}", name(entry->value.type)),
          entry->value.place, "", {}, {"write provenance = { src = \"id\", basis = \"vendor\" }"});
      return provenance;
    }
    read_source(entry->value, provenance.source);
    read_basis(entry->value, provenance.basis);
    for (const Entry& key : entry->value.entries) {
      if (key.key == "spread") {
        provenance.spread = read_quantity(QuantityKind::fraction, "spread", found, key.value);
      } else if (key.key != "src" && key.key != "basis") {
        report_unknown_key(key, "`provenance`", {"basis", "spread", "src"});
      }
    }
    return provenance;
  }

  void report_unknown_key(const Entry& entry, std::string_view where,
                          const std::vector<std::string>& accepted) {
    const auto nearest = did_you_mean(entry.key, accepted);
    error("C0103", fmt::format("unknown key `{}` in {}", entry.key, where), entry.key_place,
          nearest ? fmt::format("did you mean `{}`?", *nearest) : "",
          {fmt::format("{} accepts: {}", where, join(accepted, ", "))});
  }

  void read_source(const Node& table, std::string& source) {
    const Entry* entry = table.find("src");
    if (entry == nullptr) {
      error("C0205", "a number's provenance without `src`", table.place, "", {},
            {"name a key of [sources]: src = \"id\""});
    } else if (entry->value.type != NodeType::text) {
      error("C0107", fmt::format("`src` is a text, and this is {}", name(entry->value.type)),
            entry->value.place);
    } else if (!result_.chip.sources.contains(entry->value.text)) {
      std::vector<std::string> ids;
      ids.reserve(result_.chip.sources.size());
      for (const auto& [id, text] : result_.chip.sources) {
        ids.push_back(id);
      }
      found_.push_back(unknown_name(texts_, entry->value.place, "C0204",
                                    fmt::format("[sources] has no `{}`", entry->value.text),
                                    entry->value.text, ids));
    } else {
      source = entry->value.text;
    }
  }

  void read_basis(const Node& table, Basis& basis) {
    const Entry* entry = table.find("basis");
    if (entry == nullptr) {
      error("C0205", "a number's provenance without `basis`", table.place, "", {},
            {"what does the number rest on? " + join_words(stated_bases())});
      return;
    }
    if (const auto index = read_word(stated_bases(), "basis", entry->value)) {
      basis = static_cast<Basis>(*index + 1);
    }
  }

  // `none` is what a number has that states nothing; nobody writes it.
  static Words stated_bases() { return basis_words().subspan(1); }

  static std::string join_words(Words words) {
    std::vector<std::string> list(words.begin(), words.end());
    return join(list, ", ");
  }

  std::optional<Scalar> read_value(const Found& found, const Row& row, const Entry& entry,
                                   const Provenance& provenance) {
    const Node& node = entry.value;
    if (row.form == Form::quantity && node.type == NodeType::table) {
      return read_long_form(found, row, node);
    }
    Scalar value;
    switch (row.form) {
      case Form::quantity: {
        const auto number = read_quantity(row.kind, row.key, found, node);
        if (!number || !is_plausible(found, row, *number, node)) {
          return std::nullopt;
        }
        value.number = *number;
        if (!row.sourced) {
          return value;
        }
        if (node.origin == OriginKind::command_line) {
          // A what-if rests on nothing but the wish to know.
          if (found.table->long_form) {
            result_.chip.sources["set"] = "--set on the command line";
            value.source = "set";
            value.basis = Basis::guess;
          }
          return value;
        }
        if (found.table->long_form) {
          error(
              "C0201",
              fmt::format("`{}` in {} is written with its provenance", row.key, title(found.path)),
              node.place, "", {"every number of this table is an estimate or has a source"},
              {fmt::format("{} = {{ v = {}, low = …, high = …, src = \"id\", basis = \"guess\" }}",
                           row.key, number_text(*number, row.kind))});
          return std::nullopt;
        }
        value.source = provenance.source;
        value.basis = provenance.basis;
        if (provenance.spread) {
          value.low = *number * (1 - *provenance.spread);
          value.high = *number * (1 + *provenance.spread);
        }
        return value;
      }
      case Form::text:
        if (!is(NodeType::text, row, node)) {
          return std::nullopt;
        }
        value.text = node.text;
        return value;
      case Form::word: {
        const auto index = read_word(row.words, row.key, node);
        if (!index) {
          return std::nullopt;
        }
        value.number = static_cast<double>(*index);
        value.text = std::string(row.words[*index]);
        return value;
      }
      case Form::flag:
        if (!is(NodeType::flag, row, node)) {
          return std::nullopt;
        }
        value.flag = node.flag;
        return value;
      case Form::date:
        if (!is(NodeType::date, row, node)) {
          return std::nullopt;
        }
        value.text = node.text;
        return value;
      case Form::texts:
      case Form::words:
      case Form::counts:
        return read_list(row, node);
    }
    return std::nullopt;
  }

  bool is(NodeType type, const Row& row, const Node& node) {
    if (node.type != type) {
      error("C0107",
            fmt::format("`{}` is {}, and this is {}", row.key, form_name(row), name(node.type)),
            node.place);
    }
    return node.type == type;
  }

  std::optional<Scalar> read_list(const Row& row, const Node& node) {
    if (!is(NodeType::array, row, node)) {
      return std::nullopt;
    }
    Scalar value;
    bool good = true;
    for (const Node& item : node.items) {
      if (row.form == Form::words) {
        const auto index = read_word(row.words, row.key, item);
        good = good && index;
        if (index) {
          value.texts.emplace_back(row.words[*index]);
        }
      } else if (row.form == Form::texts) {
        const bool is_text = is(NodeType::text, row, item);
        good = good && is_text;
        value.texts.push_back(item.text);
      } else {
        const bool is_count = is(NodeType::integer, row, item);
        good = good && is_count;
        value.counts.push_back(item.integer);
      }
    }
    return good ? std::optional(value) : std::nullopt;
  }

  std::optional<std::size_t> read_word(Words words, std::string_view key, const Node& node) {
    if (node.type != NodeType::text) {
      error("C0107", fmt::format("`{}` is a word, and this is {}", key, name(node.type)),
            node.place, "", {"the words are: " + join_words(words)});
      return std::nullopt;
    }
    const auto found = std::find(words.begin(), words.end(), node.text);
    if (found == words.end()) {
      const std::vector<std::string> candidates(words.begin(), words.end());
      const auto nearest = did_you_mean(node.text, candidates);
      error("C0110", fmt::format("`{}` does not know the word `{}`", key, node.text), node.place,
            nearest ? fmt::format("did you mean \"{}\"?", *nearest) : "",
            {"the words are: " + join_words(words)});
      return std::nullopt;
    }
    return static_cast<std::size_t>(found - words.begin());
  }

  // A number in base units.
  std::optional<double> read_quantity(QuantityKind kind, std::string_view key, const Found& found,
                                      const Node& node) {
    std::optional<double> number;
    if (node.type == NodeType::text) {
      const auto parsed = parse_quantity(node.text, kind);
      if (!parsed) {
        error("C0108",
              fmt::format("`{}` in {}: {}", key, title(found.path), parsed.error().message),
              node.place,
              parsed.error().suggestion
                  ? fmt::format("did you mean \"{}\"?", *parsed.error().suggestion)
                  : "");
        return std::nullopt;
      }
      number = *parsed;
    } else if (node.type == NodeType::integer || node.type == NodeType::number) {
      if (!has_no_unit(kind)) {
        error(
            "C0108",
            fmt::format("`{}` in {}: no unit; expected {} {} such as \"{}\"", key,
                        title(found.path), info(kind).article, info(kind).name, info(kind).example),
            node.place);
        return std::nullopt;
      }
      number = node.type == NodeType::integer ? static_cast<double>(node.integer) : node.number;
    } else {
      error("C0107",
            fmt::format("`{}` is {} {}, and this is {}", key, info(kind).article, info(kind).name,
                        name(node.type)),
            node.place);
      return std::nullopt;
    }
    if (!std::isfinite(*number)) {
      error("C0109", fmt::format("`{}` in {} is not finite", key, title(found.path)), node.place);
      return std::nullopt;
    }
    if (kind == QuantityKind::count &&
        (*number != std::floor(*number) || std::fabs(*number) > 9e15)) {
      error("C0107", fmt::format("`{}` is a whole number, and this is not", key), node.place);
      return std::nullopt;
    }
    return number;
  }

  bool is_plausible(const Found& found, const Row& row, double number, const Node& node) {
    const auto bound = [&](std::string_view text) {
      const auto parsed = parse_quantity(text, row.kind);
      check(parsed.has_value(), row.key, text);
      return *parsed;
    };
    const bool too_low = !row.range.low.empty() && number < bound(row.range.low);
    const bool too_high = !row.range.high.empty() && number > bound(row.range.high);
    if (too_low || too_high) {
      error("C0109",
            fmt::format("`{}` in {} is implausible: {}", row.key, title(found.path),
                        quantity_text(number, row.kind)),
            node.place,
            fmt::format("{} than {}", too_low ? "less" : "more",
                        too_low ? row.range.low : row.range.high),
            {fmt::format("plausible is {} to {}: {}", row.range.low, row.range.high, row.doc)});
    }
    return !too_low && !too_high;
  }

  std::optional<Scalar> read_long_form(const Found& found, const Row& row, const Node& node) {
    if (!row.sourced) {
      error("C0202",
            fmt::format("`{}` in {} is a design choice and has no provenance", row.key,
                        title(found.path)),
            node.place, "", {},
            {fmt::format("write the value alone: {} = {}", row.key, example(row))});
      return std::nullopt;
    }
    const auto errors_before = found_.size();
    Scalar value;
    const Entry* v = node.find("v");
    if (v == nullptr) {
      error("C0205",
            fmt::format("`{}` in {} has no `v`, which is its value", row.key, title(found.path)),
            node.place);
    }
    const auto number = [&](std::string_view key) -> std::optional<double> {
      const Entry* entry = node.find(key);
      return entry == nullptr ? std::nullopt
                              : read_quantity(row.kind, row.key, found, entry->value);
    };
    const auto middle = number("v");
    value.low = number("low");
    value.high = number("high");
    if (middle) {
      value.number = *middle;
      if (is_plausible(found, row, *middle, v->value) &&
          ((value.low && *value.low > *middle) || (value.high && *value.high < *middle))) {
        error("C0203",
              fmt::format("`{}` in {} is not between its bounds", row.key, title(found.path)),
              node.place, "",
              {fmt::format("low {} <= v {} <= high {} does not hold",
                           value.low ? quantity_text(*value.low, row.kind) : "-",
                           quantity_text(*middle, row.kind),
                           value.high ? quantity_text(*value.high, row.kind) : "-")});
      }
    }
    read_source(node, value.source);
    read_basis(node, value.basis);
    for (const Entry& entry : node.entries) {
      const std::vector<std::string> accepted{"basis", "high", "low", "src", "v"};
      if (std::find(accepted.begin(), accepted.end(), entry.key) == accepted.end()) {
        report_unknown_key(entry, fmt::format("the provenance of `{}`", row.key), accepted);
      }
    }
    return found_.size() == errors_before ? std::optional(value) : std::nullopt;
  }

  // The default of a row, which is TOML of its form.
  static Scalar standard_value(const Row& row) {
    Texts texts;
    const auto parsed =
        parse_toml(fmt::format("v = {}", row.standard), texts, texts.add("default", row.standard));
    check(parsed.has_value(), row.key, row.standard);
    const Node& node = parsed->entries.at(0).value;
    Scalar value;
    value.text = node.text;
    value.flag = node.flag;
    for (const Node& item : node.items) {
      value.texts.push_back(item.text);
    }
    if (row.form == Form::word) {
      const auto found = std::find(row.words.begin(), row.words.end(), node.text);
      check(found != row.words.end(), row.key);
      value.number = static_cast<double>(found - row.words.begin());
    } else if (row.form == Form::quantity) {
      value.number = node.type == NodeType::integer  ? static_cast<double>(node.integer)
                     : node.type == NodeType::number ? node.number
                                                     : parse_quantity(node.text, row.kind).value();
    }
    return value;
  }

  // --- the resolved text ------------------------------------------------------------------------

  void finish() {
    Chip& chip = result_.chip;
    std::string text = "schema = 1\n";
    std::string current;
    for (const Value& value : chip.values) {
      const auto dot = value.path.rfind('.');
      const std::string table = dot == std::string::npos ? "" : value.path.substr(0, dot);
      if (table != current) {
        text += fmt::format("\n[{}]\n", table);
        current = table;
      }
      const std::string key = dot == std::string::npos ? value.path : value.path.substr(dot + 1);
      if (value.basis == Basis::none) {
        text += fmt::format("{} = {}\n", key, value.text);
      } else {
        text += fmt::format("{} = {{ v = {}", key, value.text);
        text += value.low.empty() ? "" : ", low = " + value.low;
        text += value.high.empty() ? "" : ", high = " + value.high;
        text += fmt::format(", src = {}, basis = \"{}\" }}\n", toml_text(value.source),
                            name(value.basis));
      }
    }
    text += "\n[sources]\n";
    for (const auto& [id, source] : chip.sources) {
      text += fmt::format("{} = {}\n", id, toml_text(source));
    }
    chip.digest = sha256_hex(text);
    chip.text = std::move(text);
  }

  const Node& root_;
  const Texts& texts_;
  bool bought_ = false;
  Resolution result_;
  Diagnostics found_;
};

}  // namespace

Result<Resolution> resolve(const Node& root, const Texts& texts) {
  return Resolver(root, texts).run();
}

}  // namespace churon::chip
