// The parts of parse_scenario.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "plan/chip_facts.h"
#include "plan/scenario.h"
#include "plan/toml_reader.h"

namespace churon::plan {

class ScenarioReader {
 public:
  ScenarioReader(const chip::Node& root, TomlReader& toml) : root_(root), toml_(toml) {}

  void run();
  [[nodiscard]] Scenario& scenario() { return s_; }

 private:
  // scenario_read.cpp
  void head();
  void classes();
  void sites();
  void resources();
  void sources(const chip::Node& table, Resource& resource, const std::string& where);
  void futures();
  void slips(const std::vector<Future>& demands);
  void surge(const chip::Node& table, const std::string& where, Future& future);
  void check_commitments();
  // scenario_options.cpp
  void options();
  Option option(const chip::Node& table, int index);
  void option_prices(const chip::Node& table, const std::string& where, Option& option);
  void option_dates(const chip::Node& table, const std::string& where, Option& option);
  void option_contract(const chip::Node& table, const std::string& where, Option& option);
  void option_tokens(const chip::Node& table, const std::string& where, Option& option);
  void option_uses(const chip::Node& table, const std::string& where, Option& option);
  void option_gate(const chip::Node& table, const std::string& where, Option& option);
  void option_amounts(const chip::Node& table, const std::string& where, Option& option);
  std::vector<double> commitments(const chip::Node& table, const Option& option);
  void alternatives();
  const ChipFacts* facts_of(const std::string& chip, const chip::Node& node);

  // A quarter of the plan, from 0; a finding where it is outside of it.
  std::optional<int> plan_quarter(const chip::Node* node);
  int quarters(const chip::Node* node, int without);
  Fact keep(const std::optional<Fact>& fact, const std::string& key);
  void unique(std::map<std::string, int>& names, const std::string& name, const chip::Node& node);
  // The index of a name that was read; a finding where there is none.
  std::optional<int> known(const std::map<std::string, int>& names, const std::string& name,
                           const chip::Node& node, std::string_view what);

  const chip::Node& root_;
  TomlReader& toml_;
  Scenario s_;
  std::map<std::string, int> class_names_, site_names_, resource_names_, option_names_;
  std::map<std::string, Service> services_;  // by class
  std::map<std::string, std::unique_ptr<ChipFacts>> chips_;
  std::vector<const chip::Node*> option_nodes_;
};

}  // namespace churon::plan
