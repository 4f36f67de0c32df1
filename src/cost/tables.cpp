#include "cost/tables.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "base/date.h"
#include "base/text.h"
#include "cost/sheet.h"

namespace churon::cost {

namespace {

// The tables of the form quantity,unit,low,central,high,as_of,source,basis,note.
constexpr std::array<std::string_view, 9> kFiles{
    "wafers", "packaging", "memory", "nre", "prices", "power", "networking", "supply", "programme"};
constexpr std::array<std::string_view, 4> kBases{"sourced", "mixed", "derived", "memory"};

constexpr std::array kGroups{
    Group{"hbm", "hbm2e.price", "prices of memory stacks"},
    Group{"hbm", "hbm3.price", "prices of memory stacks"},
    Group{"hbm", "hbm3e.price", "prices of memory stacks"},
    Group{"hbm", "hbm4.price", "prices of memory stacks"},
    Group{"dram", "ddr5.price", "prices of other DRAM"},
    Group{"dram", "lpddr5x.price", "prices of other DRAM"},
    Group{"dram", "gddr7.price", "prices of other DRAM"},
    Group{"wafer", "wafer_price.N", "prices of logic wafers"},
    Group{"wafer", "wafer_price.A16", "prices of logic wafers"},
    Group{"defects", "d0.N", "defect densities of logic"},
    Group{"package", "cowos_s.package_cost", "prices of packages"},
    Group{"package", "cowos_l.package_cost", "prices of packages"},
    Group{"package", "cowos_soic.package_cost", "prices of packages"},
    Group{"package", "cowos.package_cost", "prices of packages"},
    Group{"package", "cowos.wafer_price", "prices of packages"},
    Group{"masks", "mask_set.N", "mask sets"},
    Group{"network", "ib.", "network outside the server"},
    Group{"network", "nic.", "network outside the server"},
    Group{"purchase", "purchase.", "prices of bought chips and systems"},
    Group{"rent", "rental.", "rents"},
    Group{"electricity", "electricity.", "price of electricity"},
    Group{"space", "colocation.", "price of space, cooling and power supply"},
};

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) {
    return std::nullopt;
  }
  int value = 0;
  const auto [end, error] = std::from_chars(text.data() + at, text.data() + at + count, value);
  return error == std::errc{} && end == text.data() + at + count ? std::optional(value)
                                                                 : std::nullopt;
}

bool is_digit(std::string_view text, std::size_t at) {
  return at < text.size() && text[at] >= '0' && text[at] <= '9';
}

constexpr int kMonthsYear = 12;

// A year at `at` and what follows it: a month or a day, a quarter, a half, or nothing. Unknown
// where no calendar has it.
Month date_at(std::string_view text, std::size_t at, int year) {
  const std::string_view numbers =
      text.substr(at, text.find_first_not_of("0123456789-", at) - at);  // "2026-02-14", "2025-"
  constexpr std::size_t kYearSize = 4, kYearsSize = 9;                  // "2025-2026"
  if (numbers.size() > kYearSize + 1 && numbers.size() != kYearsSize) {
    return parse_month(numbers).value_or(Month{});
  }
  const std::size_t letter = at + std::min(numbers.size(), kYearSize + 1);
  if (letter + 1 < text.size() && is_digit(text, letter + 1)) {
    const int part = text[letter + 1] - '0';
    if (text[letter] == 'Q') {
      return part >= 1 && part <= 4 ? Month{year * kMonthsYear + 3 * part - 2} : Month{};
    }
    if (text[letter] == 'H') {
      return part >= 1 && part <= 2 ? Month{year * kMonthsYear + 6 * part - 4} : Month{};
    }
  }
  return {year * kMonthsYear + 6};
}

struct Columns {
  int quantity, unit, low, central, high, as_of, source, basis, note;
};

std::optional<Columns> columns_of(Sheet& sheet) {
  const Columns columns{sheet.need("quantity"), sheet.need("unit"),  sheet.need("low"),
                        sheet.need("central"),  sheet.need("high"),  sheet.need("as_of"),
                        sheet.need("source"),   sheet.need("basis"), sheet.need("note")};
  return sheet.good() ? std::optional(columns) : std::nullopt;
}

constexpr Bounds kPlausible{.low = 0, .high = kNumberMax};

std::optional<Range> range_of(Sheet& sheet, const CsvRow& row, const Columns& columns) {
  const auto low = sheet.number(row, columns.low, kPlausible);
  const auto central = sheet.number(row, columns.central, kPlausible);
  const auto high = sheet.number(row, columns.high, kPlausible);
  if (!low || !central || !high) {
    return std::nullopt;
  }
  if (*low > *central || *central > *high) {
    const bool is_low = *low > *central;
    sheet.find(row, is_low ? columns.low : columns.central, "K0108",
               fmt::format("{} {:g} lies above {} {:g}", is_low ? "low" : "central",
                           is_low ? *low : *central, is_low ? "central" : "high",
                           is_low ? *central : *high),
               "the order is low, central, high");
    return std::nullopt;
  }
  return Range{*low, *central, *high};
}

// A share, a yield: what cannot be above one.
bool is_share(std::string_view unit, const Range& range) { return unit == "1" && range.high <= 1; }

// As results show it: the shipped tables have the same name everywhere.
std::string shown_folder(const std::string& folder) {
  constexpr std::string_view kShipped = "data/cost";
  return folder.ends_with(kShipped) ? std::string(kShipped) : folder;
}

using Places = std::map<std::string, SourceSpan, std::less<>>;

void read_rows(Sheet& sheet, const std::string& file, std::vector<Input>& rows,
               Places& unit_places) {
  const auto columns = columns_of(sheet);
  if (!columns) {
    return;
  }
  sheet.unique(columns->quantity);
  for (const CsvRow& row : sheet.table().rows) {
    const auto key = sheet.word(row, columns->quantity);
    const auto unit = sheet.word(row, columns->unit);
    const auto range = range_of(sheet, row, *columns);
    const auto source = sheet.word(row, columns->source);
    const std::string as_of(sheet.text(row, columns->as_of));
    if (!last_date(as_of).is_known()) {
      sheet.find(row, columns->as_of, "K0110",
                 fmt::format("`{}` holds no date, or one that no calendar has", as_of),
                 "expected a date", {"2026-11-25, 2026-11, 2025-Q2, 2025H1, 2025"});
    }
    const std::string basis(sheet.text(row, columns->basis));
    if (std::find(kBases.begin(), kBases.end(), basis) == kBases.end()) {
      sheet.find(row, columns->basis, "K0109", fmt::format("`{}` is not a basis", basis), "unknown",
                 {fmt::format("one of {}", fmt::join(kBases, ", "))});
    }
    if (key && unit && range && source) {
      unit_places.emplace(*key, sheet.table().place(row, columns->unit));
      rows.push_back({.key = *key,
                      .unit = *unit,
                      .range = *range,
                      .text = {},
                      .basis = basis,
                      .as_of = as_of,
                      .source = *source,
                      .note = std::string(sheet.text(row, columns->note)),
                      .place = fmt::format("{}:{}", file, row.line),
                      .factor = std::string(group_of(*key)),
                      .is_share = is_share(*unit, *range)});
    }
  }
}

}  // namespace

std::optional<Month> parse_month(std::string_view text) {
  const auto date = parse_date(text);
  return date ? std::optional(Month{date->year * kMonthsYear + date->month - 1}) : std::nullopt;
}

Month last_date(std::string_view text) {
  Month last;
  for (std::size_t at = 0; at + 4 <= text.size(); ++at) {
    const bool begins = at == 0 || !is_digit(text, at - 1);
    const auto year = digits(text, at, 4);
    if (begins && year && *year >= 1990 && *year < 2100 && !is_digit(text, at + 4)) {
      last = date_at(text, at, *year);
      if (!last.is_known()) {
        return last;
      }
    }
  }
  return last;
}

std::span<const Group> groups() { return kGroups; }

std::string_view group_of(std::string_view key) {
  for (const Group& group : kGroups) {
    if (key.starts_with(group.prefix)) {
      return group.name;
    }
  }
  return {};
}

Result<Tables> Tables::load(const std::string& folder) {
  Tables tables;
  Diagnostics findings;
  for (const std::string_view name : kFiles) {
    auto sheet = Sheet::open(fmt::format("{}/{}.csv", folder, name));
    if (!sheet) {
      findings.insert(findings.end(), sheet.error().begin(), sheet.error().end());
      continue;
    }
    read_rows(*sheet, fmt::format("{}/{}.csv", shown_folder(folder), name), tables.rows_,
              tables.unit_places_);
    findings.insert(findings.end(), sheet->findings().begin(), sheet->findings().end());
  }
  std::stable_sort(tables.rows_.begin(), tables.rows_.end(),
                   [](const Input& a, const Input& b) { return a.key < b.key; });
  for (std::size_t i = 1; findings.empty() && i < tables.rows_.size(); ++i) {
    const Input &a = tables.rows_[i - 1], &b = tables.rows_[i];
    if (a.key == b.key) {
      findings.push_back({.code = "K0102",
                          .message = fmt::format("`{}` is there twice", a.key),
                          .notes = {fmt::format("{} and {}", a.place, b.place)}});
    }
  }
  if (!findings.empty()) {
    return tl::unexpected(std::move(findings));
  }
  return tables;
}

const Input* Tables::find(std::string_view key) const {
  const auto found =
      std::lower_bound(rows_.begin(), rows_.end(), key,
                       [](const Input& row, std::string_view wanted) { return row.key < wanted; });
  return found != rows_.end() && found->key == key ? &*found : nullptr;
}

Result<const Input*> Tables::row(std::string_view key, std::string_view unit) const {
  const Input* const found = find(key);
  if (found == nullptr) {
    return fail({.code = "K0111",
                 .message = fmt::format("the cost tables have no row `{}`", key),
                 .help = {"data/cost/README.md describes the tables"}});
  }
  if (found->unit != unit) {
    return fail(wrong_unit("K0113", key, unit, found->unit, unit_places_.find(key)->second));
  }
  return found;
}

Result<Recipes> Recipes::load(const std::string& folder) {
  auto sheet = Sheet::open(folder + "/bought.csv");
  if (!sheet) {
    return fail(sheet);
  }
  std::array<int, 14> c{};
  constexpr std::array<std::string_view, 14> kColumns{
      "chip",           "node",           "cores",   "cores_enabled", "extra_dies",
      "extra_area_mm2", "extra_node",     "package", "assembly",      "test",
      "purchase",       "purchase_scope", "rent",    "source"};
  for (std::size_t i = 0; i < c.size(); ++i) {
    c[i] = sheet->need(kColumns[i]);
  }
  Recipes recipes;
  if (sheet->good()) {
    sheet->unique(c[0]);
    for (const CsvRow& row : sheet->table().rows) {
      const auto text = [&](std::size_t column) {
        return std::string(sheet->text(row, c[column]));
      };
      Recipe recipe{.chip = text(0),
                    .node = text(1),
                    .extra_area_mm2 = {},
                    .extra_node = text(6),
                    .package = text(7),
                    .assembly = text(8),
                    .test = text(9),
                    .purchase = text(10),
                    .scope = text(11),
                    .rent = text(12),
                    .source = text(13),
                    .place = fmt::format("{}/bought.csv:{}", shown_folder(folder), row.line)};
      sheet->word(row, c[0]);
      recipe.cores = sheet->count(row, c[2], 0, 100'000).value_or(0);
      recipe.enabled = sheet->count(row, c[3], 0, recipe.cores).value_or(0);
      recipe.extra_dies = sheet->count(row, c[4], 0, 1000).value_or(0);
      if (!sheet->text(row, c[5]).empty()) {
        recipe.extra_area_mm2 = sheet->number(row, c[5], {.low = 0, .low_included = false});
      }
      if (!recipe.purchase.empty() && recipe.scope != "chip" && recipe.scope != "system" &&
          recipe.scope != "all-in") {
        sheet->find(row, c[11], "K0112", fmt::format("`{}` is not a scope", recipe.scope),
                    "unknown", {"chip, system or all-in"});
      }
      recipes.recipes_.push_back(std::move(recipe));
    }
  }
  if (!sheet->good()) {
    return tl::unexpected(sheet->findings());
  }
  return recipes;
}

const Recipe* Recipes::find(std::string_view chip) const {
  const auto found = std::find_if(recipes_.begin(), recipes_.end(),
                                  [&](const Recipe& recipe) { return recipe.chip == chip; });
  return found == recipes_.end() ? nullptr : &*found;
}

}  // namespace churon::cost
