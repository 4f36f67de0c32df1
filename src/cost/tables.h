// The ranged tables under data/cost: low, central and high of prices, yields, programmes and power,
// each with unit, date, source and basis. data/cost/README.md says how to read them.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "cost/tree.h"

namespace churon::cost {

// A month, counted from January of year 0; -1: none.
struct Month {
  int count = -1;
  [[nodiscard]] bool is_known() const { return count >= 0; }
  auto operator<=>(const Month&) const = default;
};
// Of "2026-11", "2026-11-25"; none where the text is no date of the calendar.
std::optional<Month> parse_month(std::string_view text);
// The last date in free text: "2023-08..2026-02", "2025-Q2..2026", "2025H1". A year alone is its
// middle, a quarter or half its middle month. Unknown where a date before or at it is none that a
// calendar has: "2026-02-31", "2025-Q5".
Month last_date(std::string_view text);

// What a row is of: what moves together, and what --scenario and the reports call it.
struct Group {
  std::string_view name;     // "hbm"
  std::string_view prefix;   // of the keys
  std::string_view meaning;  // "prices of memory stacks"
};
// The first whose prefix fits is a key's group.
std::span<const Group> groups();
// Empty: moves alone.
std::string_view group_of(std::string_view key);

// No number of a table is larger: more dollars than the world holds.
constexpr double kNumberMax = 1e15;

class Tables {
 public:
  // Reads all ranged tables of a folder. Errors, each with line: a column missing, a key that is
  // there twice (in one table or in two), no number, a negative or absurd one, low above central or
  // central above high (K0108), an unknown basis (K0109), no date in as_of (K0110).
  static Result<Tables> load(const std::string& folder);

  [[nodiscard]] const Input* find(std::string_view key) const;
  // The row for a use that takes its numbers to be in `unit`. Errors: K0111 there is none, K0113 it
  // is in another unit.
  [[nodiscard]] Result<const Input*> row(std::string_view key, std::string_view unit) const;
  [[nodiscard]] const std::vector<Input>& rows() const { return rows_; }

 private:
  std::vector<Input> rows_;                                     // by key
  std::map<std::string, SourceSpan, std::less<>> unit_places_;  // by key
};

// How a bought chip is made and sold, as far as that is public: data/cost/bought.csv. The fields
// name rows of the ranged tables; empty where nothing is public.
struct Recipe {
  std::string chip;
  std::string node;        // of the compute dies: "N4"; empty: nothing is known of its dies
  std::int64_t cores = 0;  // of a compute die, and how many of them are enabled
  std::int64_t enabled = 0;
  std::int64_t extra_dies = 0;  // dies without cores, below or beside the compute dies
  std::optional<double> extra_area_mm2;
  std::string extra_node;
  std::string package, assembly, test, purchase;
  std::string scope;  // of the purchase: chip, system, all-in
  std::string rent;
  std::string source, place;
};
class Recipes {
 public:
  // Errors: those of sheet.h, K0112 (scope).
  static Result<Recipes> load(const std::string& folder);
  [[nodiscard]] const Recipe* find(std::string_view chip) const;

 private:
  std::vector<Recipe> recipes_;
};

}  // namespace churon::cost
