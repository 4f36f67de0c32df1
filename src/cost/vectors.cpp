#include "cost/vectors.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "base/text.h"
#include "cost/actuary.h"
#include "cost/sheet.h"
#include "cost/tables.h"
#include "cost/wafer.h"
#include "cost/yield.h"

namespace churon::cost {

namespace {

// Rows of results; an empty one where the row has a finding.
using Rows = std::vector<std::vector<std::string>>;

std::string text_of(double value) { return fmt::format("{:.12g}", value); }

constexpr Bounds kPositive{.low = 0, .high = kNumberMax, .low_included = false};
constexpr Bounds kNotNegative{.low = 0, .high = kNumberMax};
// Square metres of die, a defect on each square micrometre.
constexpr Bounds kArea{.low = 0, .high = 1e6}, kDensity{.low = 0, .high = 1e8};

constexpr std::int64_t kCoresMax = 1'000'000;
constexpr std::int64_t kChipletsMax = 1000;

std::vector<int> columns_of(Sheet& sheet, std::string_view names) {
  std::vector<int> columns;
  for (const std::string_view name : split(names, ',')) {
    columns.push_back(sheet.need(name));
  }
  return columns;
}

std::string nodes_text(const Actuary& actuary) {
  std::vector<std::string> names;
  for (const ActuaryNode& node : actuary.nodes) {
    names.push_back(fmt::format("{:g}", node.node_nm));
  }
  return join(names, ", ");
}

Result<Rows> actuary_rows(Sheet& sheet, const std::vector<int>& columns, const std::string& data) {
  const auto actuary = load_actuary(data);
  if (!actuary) {
    return fail(actuary);
  }
  Rows rows;
  for (const CsvRow& row : sheet.table().rows) {
    rows.emplace_back();
    const auto node_nm = sheet.number(row, columns[1], kPositive);
    const auto area = sheet.number(row, columns[2], kPositive);
    const auto chiplets = sheet.count(row, columns[3], 1, kChipletsMax);
    const auto d2d = sheet.number(row, columns[4], kNotNegative);
    const auto word = sheet.word(row, columns[5]);
    if (!node_nm || !area || !chiplets || !d2d || !word) {
      continue;
    }
    const ActuaryNode* node = actuary->node(*node_nm);
    if (node == nullptr) {
      sheet.find(row, columns[1], "K0202", fmt::format("there is no node of {:g} nm", *node_nm),
                 "unknown", {fmt::format("there are {}", nodes_text(*actuary))});
      continue;
    }
    const auto how = integration(*word);
    if (!how) {
      sheet.find(row, columns[5], "K0203", fmt::format("`{}` is not an integration", *word),
                 "unknown", {fmt::format("one of {}", integration_words())});
      continue;
    }
    const ActuaryCost cost = recurring_cost(*actuary, *node, {*area, *chiplets, *d2d, *how});
    if (cost.gross_dies <= 0) {
      sheet.find(row, columns[2], "K0204", "not even one fits on the wafer",
                 "the die or the interposer is too large");
      continue;
    }
    if (!std::isfinite(cost.total())) {
      sheet.find(row, columns[3], "K0308", "the cost is no finite number",
                 "nothing is left of the yield of so many bonds");
      continue;
    }
    for (const double value :
         {cost.die_area_mm2, cost.gross_dies, cost.die_yield, cost.raw_chips, cost.defect_chips,
          cost.raw_package, cost.defect_package, cost.wasted_chips, cost.total()}) {
      rows.back().push_back(text_of(value));
    }
  }
  return rows;
}

Result<Rows> harvest_rows(Sheet& sheet, const std::vector<int>& columns, const std::string&) {
  Rows rows;
  for (const CsvRow& row : sheet.table().rows) {
    rows.emplace_back();
    const auto cores = sheet.count(row, columns[0], 1, kCoresMax);
    const auto core_area = sheet.number(row, columns[1], kArea);
    const auto uncore_area = sheet.number(row, columns[2], kArea);
    const auto spares = sheet.count(row, columns[3], 0, kCoresMax);
    const auto d0 = sheet.number(row, columns[4], kDensity);
    const auto alpha = sheet.number(row, columns[5], {.low = 1e-6});
    if (!cores || !core_area || !uncore_area || !spares || !d0 || !alpha) {
      continue;
    }
    if (*spares > *cores) {
      sheet.find(row, columns[3], "K0205",
                 fmt::format("{} of {} cores cannot be spare", *spares, *cores), "too many");
      continue;
    }
    Harvest die{*cores, *core_area / 100, *uncore_area / 100, 0, *d0, *alpha};
    const double all_good = yield_negative_binomial(
        *d0 * (die.uncore_area + static_cast<double>(*cores) * die.core_area), *alpha);
    die.spares = *spares;
    const double with_spares = *spares == 0 ? all_good : harvest_yield(die);
    rows.back() = {text_of(all_good), text_of(with_spares)};
  }
  return rows;
}

Result<Rows> dies_rows(Sheet& sheet, const std::vector<int>& columns, const std::string&) {
  Rows rows;
  for (const CsvRow& row : sheet.table().rows) {
    rows.emplace_back();
    const auto width = sheet.number(row, columns[0], {.low = kDieSideMinMm});
    const auto height = sheet.number(row, columns[1], {.low = kDieSideMinMm});
    const auto diameter = sheet.number(
        row, columns[2], {.low = 0, .high = kWaferDiameterMaxMm, .low_included = false});
    const auto edge = sheet.number(row, columns[3], kNotNegative);
    const auto street = sheet.number(row, columns[4], kNotNegative);
    if (width && height && diameter && edge && street) {
      rows.back() = {fmt::format("{}", gross_dies({*width, *height}, {*diameter, *edge, *street}))};
    }
  }
  return rows;
}

using RowsOf = Result<Rows> (*)(Sheet&, const std::vector<int>&, const std::string&);
struct KindRow {
  VectorKind kind;
  RowsOf rows;
};
constexpr std::array kKinds{
    KindRow{{"chiplet-actuary", "case,node_nm,module_area_mm2,n_chiplets,d2d_overhead,integration",
             "die_area_mm2,gross_dies,die_yield,raw_chips_usd,defect_chips_usd,raw_package_usd,"
             "defect_package_usd,wasted_chips_usd,total_RE_usd"},
            actuary_rows},
    KindRow{{"harvest", "n_cores,core_area_mm2,uncore_area_mm2,spare_cores,d0_per_cm2,alpha",
             "yield_all_good,yield_with_spares"},
            harvest_rows},
    KindRow{{"dies", "die_w_mm,die_h_mm,wafer_mm,edge_mm,scribe_mm", "dies"}, dies_rows},
};

std::string line_of(const std::vector<std::string>& fields) {
  std::vector<std::string> quoted;
  quoted.reserve(fields.size());
  for (const std::string& field : fields) {
    quoted.push_back(csv_field(field));
  }
  return join(quoted, ",") + "\n";
}

// The table with the results in their columns, or behind all others.
std::string joined(const Sheet& sheet, std::string_view results, const Rows& rows) {
  const CsvTable& table = sheet.table();
  std::vector<std::string> header;
  for (const CsvField& field : table.header.fields) {
    header.push_back(field.text);
  }
  std::vector<std::size_t> places;
  for (const std::string_view name : split(results, ',')) {
    const int there = table.column(name);
    places.push_back(there >= 0 ? static_cast<std::size_t>(there) : header.size());
    if (there < 0) {
      header.emplace_back(name);
    }
  }
  std::string text = line_of(header);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    std::vector<std::string> fields(header.size());
    for (std::size_t i = 0; i < table.rows[r].fields.size(); ++i) {
      fields[i] = table.rows[r].fields[i].text;
    }
    for (std::size_t i = 0; i < places.size(); ++i) {
      fields[places[i]] = rows[r][i];
    }
    text += line_of(fields);
  }
  return text;
}

constexpr auto kKindList = [] {
  std::array<VectorKind, kKinds.size()> list;
  std::transform(kKinds.begin(), kKinds.end(), list.begin(),
                 [](const KindRow& row) { return row.kind; });
  return list;
}();

}  // namespace

std::span<const VectorKind> vector_kinds() { return kKindList; }

Result<std::string> vectors(std::string_view kind, std::string text, const std::string& file,
                            const std::string& data) {
  const auto* const found = std::find_if(kKinds.begin(), kKinds.end(),
                                         [&](const KindRow& row) { return row.kind.name == kind; });
  if (found == kKinds.end()) {
    return fail({.code = "K0201",
                 .message = fmt::format("there are no vectors `{}`", kind),
                 .help = {"chiplet-actuary, harvest or dies"},
                 .exit = ExitCode::usage});
  }
  Sheet sheet = Sheet::of(std::move(text), file);
  const std::vector<int> columns = columns_of(sheet, found->kind.columns);
  for (const std::string_view result : split(found->kind.results, ',')) {
    sheet.column(result);
  }
  if (!sheet.good()) {
    return tl::unexpected(sheet.findings());
  }
  const auto rows = found->rows(sheet, columns, data);
  if (!rows) {
    return fail(rows);
  }
  if (!sheet.good()) {
    return tl::unexpected(sheet.findings());
  }
  return joined(sheet, found->kind.results, *rows);
}

}  // namespace churon::cost
