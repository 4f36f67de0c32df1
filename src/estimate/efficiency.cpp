#include "estimate/efficiency.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>
#include <vector>

#include "base/csv.h"
#include "base/data_dir.h"
#include "base/text.h"

namespace churon::estimate {

namespace {

// The member of a member: one function per parameter.
template <auto kPart, auto kMember>
double& at(Efficiency& efficiency) {
  return efficiency.*kPart.*kMember;
}
template <FormatFamily kFamily, auto kMember>
double& of_format(Efficiency& efficiency) {
  return efficiency.formats[static_cast<std::size_t>(kFamily)].*kMember;
}

using E = Efficiency;
using F = FormatFamily;

// Every parameter there is: scope, name, unit, start, low, high, varied by factors, fitted.
constexpr std::array kParameters{
    Parameter{"gemm", "memory", "1", 0.8, 0.3, 1, false, true, "share of the memory's rate",
              at<&E::gemm, &E::Gemm::memory>},
    Parameter{"gemm", "compute", "1", 0.75, 0.3, 1, false, true, "share of the peak rate",
              at<&E::gemm, &E::Gemm::compute>},
    Parameter{"gemm", "fixed", "s", 5e-6, 1e-6, 30e-6, true, true, "launch, fill, drain",
              at<&E::gemm, &E::Gemm::fixed>},
};

struct Reader {
  const CsvTable& table;
  Diagnostics findings;

  void report(const CsvRow& row, int column, std::string code, std::string message,
              std::string label, std::vector<std::string> help = {}) {
    Diagnostic diagnostic{.code = std::move(code),
                          .message = std::move(message),
                          .span = table.place(row, column),
                          .help = std::move(help)};
    diagnostic.span->label = std::move(label);
    findings.push_back(std::move(diagnostic));
  }
};

constexpr std::array<std::string_view, 10> kColumns{"scope", "name",  "value",    "low",    "high",
                                                    "unit",  "basis", "fit_rows", "source", "note"};

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) {
    text.remove_prefix(1);
  }
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) {
    text.remove_suffix(1);
  }
  return text;
}

bool number(std::string_view text, double& value) {
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  return error == std::errc{} && stop == end && !text.empty();
}

}  // namespace

std::span<const Parameter> parameters() { return kParameters; }

Efficiency unfitted() {
  Efficiency result;
  for (const Parameter& parameter : kParameters) {
    parameter.of(result) = parameter.start;
  }
  return result;
}

Result<Efficiency> load_efficiency(const std::string& path) {
  const auto read = read_csv(path);
  if (!read) {
    return fail(read);
  }
  const CsvTable& table = *read;
  Reader reader{.table = table, .findings = table.findings};
  std::array<int, kColumns.size()> columns{};
  for (std::size_t i = 0; i < kColumns.size(); ++i) {
    columns[i] = table.column(kColumns[i]);
    if (columns[i] < 0) {
      reader.report(table.header, 0, "E0301", fmt::format("column `{}` is missing", kColumns[i]),
                    "in the first line",
                    {fmt::format("the columns are {}", fmt::join(kColumns, ","))});
    }
  }
  if (!reader.findings.empty()) {
    return tl::unexpected(std::move(reader.findings));
  }
  Efficiency result = unfitted();
  std::vector<bool> seen(kParameters.size());
  for (const CsvRow& row : table.rows) {
    const auto text = [&](std::size_t column) {
      const auto index = static_cast<std::size_t>(columns[column]);
      return index < row.fields.size() ? trimmed(row.fields[index].text) : std::string_view{};
    };
    const auto* const found =
        std::find_if(kParameters.begin(), kParameters.end(), [&](const Parameter& parameter) {
          return parameter.scope == text(0) && parameter.name == text(1);
        });
    if (found == kParameters.end()) {
      reader.report(row, columns[1], "E0302",
                    fmt::format("there is no parameter `{}` of scope `{}`", text(1), text(0)),
                    "unknown", {"`churon validate --fit` writes a table of all parameters"});
      continue;
    }
    const auto index = static_cast<std::size_t>(found - kParameters.begin());
    if (seen[index]) {
      reader.report(row, columns[1], "E0303",
                    fmt::format("`{}` of scope `{}` is given twice", text(1), text(0)), "again");
      continue;
    }
    seen[index] = true;
    if (text(5) != found->unit) {
      reader.report(row, columns[5], "E0304",
                    fmt::format("`{}` is in the unit `{}`", found->name, found->unit),
                    "another unit");
      continue;
    }
    double value = 0;
    if (!number(text(2), value) || value < found->low || value > found->high) {
      reader.report(
          row, columns[2], "E0305",
          fmt::format("`{}` is not a value of `{}`", text(2), found->name),
          "not a number of the range",
          {fmt::format("it lies between {} and {} {}", found->low, found->high, found->unit)});
      continue;
    }
    found->of(result) = value;
  }
  if (!reader.findings.empty()) {
    return tl::unexpected(std::move(reader.findings));
  }
  return result;
}

Result<Efficiency> shipped_efficiency() {
  return load_efficiency(data_path("data/efficiency.csv"));
}

}  // namespace churon::estimate
