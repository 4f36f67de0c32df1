// The parts of parse_scenario.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "plan/chip_facts.h"
#include "plan/scenario.h"
#include "plan/toml_reader.h"

namespace churon::plan {

constexpr std::size_t kListMax = 40;  // classes, sites, options

class ScenarioReader {
 public:
  ScenarioReader(const chip::Node& root, TomlReader& toml, const cost::Data& data)
      : root_(root), toml_(toml), data_(data) {}

  void run();
  [[nodiscard]] Scenario& scenario() { return s_; }

 private:
  // scenario_read.cpp
  void head();
  void classes();
  std::vector<double> demand(const chip::Node* node, const chip::Node* growth,
                             const std::string& key);
  void sites();
  void resources();
  void sources(const chip::Node& table, Resource& resource, const std::string& where);
  void futures();
  void slips(const std::vector<Future>& demands);
  void surge(const chip::Node& table, const std::string& where, Future& future);
  void check_commitments();
  void check_size();
  // scenario_options.cpp
  void options();
  Option option(const chip::Node& table);
  // A value of table `in` of the option, or of its chip; a finding where neither has it.
  Fact chip_value(const chip::Node& table, const chip::Node& in, const std::string& where,
                  const Option& option, std::string_view name, Measure measure,
                  std::optional<Fact> ChipFacts::* of_chip);
  void option_prices(const chip::Node& table, const std::string& where, Option& option);
  void option_dates(const chip::Node& table, const std::string& where, Option& option);
  void option_contract(const chip::Node& table, const std::string& where, Option& option);
  void option_tokens(const chip::Node& table, const std::string& where, Option& option);
  void option_uses(const chip::Node& table, const std::string& where, Option& option);
  void option_gate(const chip::Node& table, const std::string& where, Option& option);
  void option_amounts(const chip::Node& table, const std::string& where, Option& option);
  void check_orders(const chip::Node& table, const std::string& where, const Option& option);
  std::vector<double> commitments(const chip::Node& table, const Option& option);
  void alternatives();
  // Of the chip that an option names, read when first asked for; nullptr where it names none, and
  // where what is wrong with it has been found.
  const chip::Chip* chip_of(const chip::Node& table, const Option& option);
  const ChipFacts* facts_of(const chip::Node& table, const Option& option);
  // What `compare` finds of an option's chip and a class.
  const Result<std::optional<Fact>>& compared(const chip::Chip& chip, const Option& option,
                                              const std::string& class_name);

  // A quarter of the plan, from 0; a finding where it is outside of it.
  std::optional<int> plan_quarter(const chip::Node* node);
  int quarters(const chip::Node* node, std::string key, int without);
  Fact keep(const std::optional<Fact>& fact, const std::string& key);
  void unique(std::map<std::string, int>& names, const std::string& name, const chip::Node& node);
  // The index of a name that was read; a finding where there is none.
  std::optional<int> known(const std::map<std::string, int>& names, const std::string& name,
                           const chip::Node& node, std::string_view what);

  const chip::Node& root_;
  TomlReader& toml_;
  const cost::Data& data_;
  Scenario s_;
  bool has_dates_ = false;  // start and quarters were read: what is outside of them can be told
  std::map<std::string, int> class_names_, site_names_, resource_names_, option_names_;
  std::map<std::string, Service> services_;  // by class
  std::map<std::string, std::optional<chip::Chip>> chips_;
  std::map<std::string, std::optional<ChipFacts>> facts_;
  std::optional<Result<RateData>> rate_data_;
  // By chip, derate and class.
  std::map<std::array<std::string, 3>, Result<std::optional<Fact>>> compared_;
  std::vector<const chip::Node*> option_nodes_;
};

}  // namespace churon::plan
