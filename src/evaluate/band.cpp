#include "evaluate/band.h"

#include <fmt/format.h>

#include <array>
#include <filesystem>
#include <optional>

#include "base/csv.h"
#include "base/data_dir.h"
#include "base/text.h"

namespace churon::evaluate {

namespace {

constexpr std::array<std::string_view, 7> kColumns{"scope",  "metric", "p10",   "p90",
                                                   "groups", "rows",   "source"};

std::optional<double> positive(std::string_view text) {
  const auto value = parse_number(text);
  return value && *value > 0 ? value : std::nullopt;
}

}  // namespace

ErrorBand inverse(const ErrorBand& band) {
  ErrorBand result = band;
  result.p10 = 1 / band.p90;
  result.p90 = 1 / band.p10;
  return result;
}

Result<ErrorBands> ErrorBands::load(const std::string& path) {
  const auto table = read_csv(path);
  if (!table) {
    return fail(table);
  }
  Diagnostics findings = table->findings;
  std::array<int, kColumns.size()> columns{};
  for (std::size_t i = 0; i < kColumns.size(); ++i) {
    columns[i] = table->column(kColumns[i]);
    if (columns[i] < 0) {
      findings.push_back({.code = "E0601",
                          .message = fmt::format("column `{}` is missing", kColumns[i]),
                          .span = table->place(table->header, 0),
                          .help = {fmt::format("the columns are {}", fmt::join(kColumns, ","))}});
    }
  }
  if (!findings.empty()) {
    return tl::unexpected(std::move(findings));
  }
  const int seen = table->column("chips");
  ErrorBands result;
  for (const CsvRow& row : table->rows) {
    const auto text = [&](int column) {
      return column >= 0 && static_cast<std::size_t>(column) < row.fields.size()
                 ? trim(row.fields[static_cast<std::size_t>(column)].text)
                 : std::string_view{};
    };
    std::array<double, 4> numbers{};
    for (std::size_t i = 0; i < numbers.size(); ++i) {
      const int column = columns[i + 2];
      const auto number = positive(text(column));
      if (!number) {
        SourceSpan place = table->place(row, column);
        place.label = "a number above 0 stands here";
        findings.push_back({.code = "E0602",
                            .message = fmt::format("`{}` is no value of `{}`",
                                                   escape_control(text(column)), kColumns[i + 2]),
                            .span = std::move(place)});
      }
      numbers[i] = number.value_or(1);
    }
    result.entries_.push_back({.scope = std::string(text(columns[0])),
                               .metric = std::string(text(columns[1])),
                               .seen = text(seen) != "unseen",
                               .band = {.p10 = numbers[0],
                                        .p90 = numbers[1],
                                        .groups = static_cast<int>(numbers[2]),
                                        .rows = static_cast<int>(numbers[3]),
                                        .source = std::string(text(columns[6]))}});
  }
  if (!findings.empty()) {
    return tl::unexpected(std::move(findings));
  }
  return result;
}

Result<ErrorBands> ErrorBands::shipped() {
  const std::string path = data_path("data/bands.csv");
  std::error_code ignored;
  return std::filesystem::exists(path, ignored) ? load(path) : Result<ErrorBands>(ErrorBands{});
}

ErrorBand ErrorBands::of(std::string_view scope, std::string_view metric, bool seen) const {
  const Entry* found = nullptr;
  for (const Entry& entry : entries_) {
    if (entry.scope == scope && entry.metric == metric &&
        (found == nullptr || entry.seen == seen)) {
      found = &entry;
    }
  }
  return found == nullptr ? ErrorBand{} : found->band;
}

}  // namespace churon::evaluate
