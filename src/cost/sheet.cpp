#include "cost/sheet.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "base/text.h"

namespace churon::cost {

namespace {

std::string bounds_text(Bounds bounds) {
  const bool low = std::isfinite(bounds.low), high = std::isfinite(bounds.high);
  const std::string_view from = bounds.low_included ? "at least" : "more than";
  return low && high ? fmt::format("{} {:g} and at most {:g}", from, bounds.low, bounds.high)
         : low       ? fmt::format("{} {:g}", from, bounds.low)
                     : fmt::format("at most {:g}", bounds.high);
}

}  // namespace

Result<Sheet> Sheet::open(const std::string& path) {
  auto table = read_csv(path);
  if (!table) {
    return fail(table);
  }
  Sheet sheet;
  sheet.findings_ = table->findings;
  sheet.table_ = std::move(*table);
  return sheet;
}

Sheet Sheet::of(std::string text, std::string file) {
  Sheet sheet;
  sheet.table_ = parse_csv(std::move(text), std::move(file));
  sheet.findings_ = sheet.table_.findings;
  return sheet;
}

int Sheet::column(std::string_view name) {
  const int found = table_.column(name);
  const auto& fields = table_.header.fields;
  for (std::size_t i = static_cast<std::size_t>(std::max(found, 0)) + 1; i < fields.size(); ++i) {
    if (to_lower_ascii(trim(fields[i].text)) == to_lower_ascii(name)) {
      find(table_.header, static_cast<int>(i), "K0102",
           fmt::format("column `{}` is there twice", name), "again");
    }
  }
  return found;
}

int Sheet::need(std::string_view column) {
  const int found = this->column(column);
  if (found < 0) {
    std::vector<std::string> there;
    for (const CsvField& field : table_.header.fields) {
      there.emplace_back(trim(field.text));
    }
    const auto near = did_you_mean(column, there);
    find(table_.header, 0, "K0101", fmt::format("column `{}` is missing", column),
         "in the first line",
         near ? std::vector{fmt::format("`{}` may be meant for it", *near)}
              : std::vector<std::string>{});
  }
  return found;
}

std::string_view Sheet::text(const CsvRow& row, int column) const {
  const auto index = static_cast<std::size_t>(column);
  return column >= 0 && index < row.fields.size() ? trim(row.fields[index].text)
                                                  : std::string_view{};
}

std::optional<std::string> Sheet::word(const CsvRow& row, int column) {
  const std::string_view found = text(row, column);
  if (found.empty()) {
    find(row, column, "K0105",
         fmt::format("`{}` is empty",
                     trim(table_.header.fields[static_cast<std::size_t>(column)].text)),
         "nothing here");
    return std::nullopt;
  }
  return std::string(found);
}

std::optional<double> Sheet::number(const CsvRow& row, int column, Bounds bounds) {
  const auto found = word(row, column);
  if (!found) {
    return std::nullopt;
  }
  const auto value = parse_number(*found);
  if (!value) {
    find(row, column, "K0103", fmt::format("`{}` is not a number", *found), "expected a number",
         {"a decimal point, no thousands separators, no unit"});
    return std::nullopt;
  }
  if (*value < bounds.low || *value > bounds.high ||
      (!bounds.low_included && *value == bounds.low)) {
    find(row, column, "K0104",
         fmt::format("`{}` is {}", table_.header.fields[static_cast<std::size_t>(column)].text,
                     *value < 0 && bounds.low >= 0 ? "negative" : "out of bounds"),
         "out of bounds", {fmt::format("it is {}", bounds_text(bounds))});
    return std::nullopt;
  }
  return value;
}

std::optional<std::int64_t> Sheet::count(const CsvRow& row, int column, std::int64_t low,
                                         std::int64_t high) {
  const auto value =
      number(row, column, {.low = static_cast<double>(low), .high = static_cast<double>(high)});
  if (!value) {
    return std::nullopt;
  }
  if (*value != std::floor(*value)) {
    find(row, column, "K0103", fmt::format("`{:g}` is not a whole number", *value),
         "expected a whole number");
    return std::nullopt;
  }
  return static_cast<std::int64_t>(*value);
}

void Sheet::unique(int column) {
  std::map<std::string, int> lines;
  for (const CsvRow& row : table_.rows) {
    const std::string key(text(row, column));
    if (key.empty()) {
      continue;
    }
    const auto [first, is_new] = lines.emplace(key, row.line);
    if (!is_new) {
      find(row, column, "K0102", fmt::format("`{}` is there twice", key), "again",
           {fmt::format("it is given in line {} already", first->second)});
    }
  }
}

void Sheet::find(const CsvRow& row, int column, std::string code, std::string message,
                 std::string label, std::vector<std::string> help) {
  Diagnostic diagnostic{.code = std::move(code),
                        .message = std::move(message),
                        .span = table_.place(row, column),
                        .help = std::move(help)};
  diagnostic.span->label = std::move(label);
  findings_.push_back(std::move(diagnostic));
}

}  // namespace churon::cost
