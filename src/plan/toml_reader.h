// Typed reading of a scenario file: values with their units or as names of rows of the cost tables,
// series by quarter, unknown keys. Everything wrong is found, each with file and line.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "chip/document.h"
#include "cost/tables.h"
#include "plan/scenario.h"

namespace churon::plan {

enum class Measure { money, money_per_hour, money_per_token, share, rate, power, chips, quarters };

// The shares that a key takes: from `low` to `high`, `low` itself only where `with_low`.
struct Shares {
  double low = 0, high = 1;
  bool with_low = true;
};

// From a quarter on, counted from the plan's first one: below zero where it began before.
struct Step {
  int from = 0;
  const chip::Node* value = nullptr;  // a fact
  std::string suffix = {};            // of its key: ".2027-Q3"; empty where one value is all
};

class TomlReader {
 public:
  TomlReader(const chip::Texts& texts, const cost::Tables& tables) : texts_(texts), rows_(tables) {}

  // A key of a table, marked as known; nullptr where it is not there.
  const chip::Node* get(const chip::Node& table, std::string_view key);
  // The same; a missing one is a finding.
  const chip::Node* need(const chip::Node& table, std::string_view key, std::string_view where);
  // A finding for every key that nobody asked for.
  void finish(const chip::Node& table, std::string_view where);

  std::optional<std::string> word(const chip::Node* node);
  std::optional<std::int64_t> whole(const chip::Node* node, std::int64_t low, std::int64_t high);
  std::optional<bool> flag(const chip::Node* node);
  // A text with its unit, a name of a row, or a table { v, low, high, src, basis }.
  std::optional<Fact> fact(const chip::Node* node, Measure measure, std::string key);
  // The value of such a fact, which is kept among `facts`.
  std::optional<double> number(const chip::Node* node, Measure measure, std::string key);
  // The same of a share of `what` within a range; `without` where there is none that is taken.
  double share(const chip::Node* node, std::string key, std::string_view what, Shares taken,
               double without);
  std::optional<Quarter> quarter(const chip::Node* node);
  std::vector<std::string> words(const chip::Node* node);
  // The node, where it is a table; the items of an array. Anything else is a finding.
  const chip::Node* table(const chip::Node* node);
  std::span<const chip::Node> items(const chip::Node* node);
  // Items of an array of tables; a finding where it is none.
  std::vector<const chip::Node*> tables(const chip::Node& root, std::string_view key);

  // One value for all quarters, or an array of { from, v, low, high, src, basis }, in order.
  std::vector<Step> steps(const chip::Node* node, Quarter start);
  // Their values by quarter: zero before the first step, `without` where there is no node. Facts
  // are kept as "site.texas.power", those of steps as "site.texas.power.2028-Q1".
  std::vector<double> series(const chip::Node* node, Measure measure, const std::string& key,
                             Quarter start, int quarters, double without);

  // A place to point at; also where a key is missing.
  [[nodiscard]] SourceSpan place(const chip::Node& node, std::string label = {}) const {
    return texts_.span(node.place, std::move(label));
  }
  void find(std::string code, std::string message, const chip::Node& node, std::string label = {},
            std::vector<std::string> help = {});
  void find(Diagnostic diagnostic) { findings_.push_back(std::move(diagnostic)); }
  [[nodiscard]] const Diagnostics& findings() const { return findings_; }
  // All numbers that were read, in the order of reading.
  [[nodiscard]] const std::vector<Fact>& facts() const { return facts_; }

 private:
  std::optional<double> quantity(const chip::Node& node, Measure measure);
  // A finding: the node names a row that there is not.
  void no_row(const chip::Node& node, Measure measure);
  bool from_row(const cost::Input& row, Measure measure, const chip::Node& node, Fact& fact);

  const chip::Texts& texts_;
  const cost::Tables& rows_;
  std::map<const chip::Node*, std::set<std::string, std::less<>>> known_;
  Diagnostics findings_;
  std::vector<Fact> facts_;
};

}  // namespace churon::plan
