#include "cli/cost_options.h"

#include <fmt/format.h>

#include "base/text.h"
#include "cli/values.h"
#include "cli/verb.h"

namespace churon::cli {

namespace {

constexpr std::int64_t kDrawsMin = 100, kDrawsMax = 4'000'000;

template <typename Entries>
std::vector<std::string> words_of(const Entries& entries) {
  std::vector<std::string> words;
  for (const auto& entry : entries) {
    words.emplace_back(entry.word);
  }
  return words;
}

}  // namespace

void add_cost_options(CLI::App& app, CostWords& words, const std::string& set_help,
                      const std::string& like_help, const std::string& group) {
  const auto add = [&](const char* name, auto& value, const std::string& description) {
    return app.add_option(name, value, description)->group(group);
  };
  add("--hbm-basis", words.hbm_basis,
      "prices of memory: published bills of material (bom) or contracts; default the "
      "description's, bom for bought chips")
      ->check(CLI::IsMember({"bom", "contract"}));
  add("--package", words.package,
      "how an own chip is packaged, at the tables' prices; default the description's")
      ->check(CLI::IsMember(words_of(cost::packages())));
  add("--loss", words.loss, "who pays for packages that fail; default buyer")
      ->check(CLI::IsMember(words_of(cost::losses())));
  add("--scenario", words.scenarios, "a group of prices times a factor: hbm+20%")
      ->type_name("GROUP+N%")
      ->allow_extra_args(false);
  add("--set", words.set, set_help)->type_name("KEY=VALUE")->allow_extra_args(false);
  add("--as-of", words.as_of, fmt::format("what counts as today; default {}", cost::kToday))
      ->type_name("DATE");
  add("--like", words.like, like_help)->type_name("CHIP");
  add("--draws", words.draws, "draws of all uncertain inputs")
      ->check(CLI::Range(kDrawsMin, kDrawsMax));
  add("--seed", words.seed, "of the draws; default 1")->check(seed_value());
  add("--data", words.data, "folder of the cost tables; default the tool's")->type_name("FOLDER");
}

Result<cost::CostOptions> cost_options(const CostWords& words) {
  cost::CostOptions options;
  Diagnostics findings;
  for (const std::string& text : words.scenarios) {
    const auto scenario = cost::parse_scenario(text);
    if (scenario) {
      options.scenarios.push_back(*scenario);
    } else {
      findings.insert(findings.end(), scenario.error().begin(), scenario.error().end());
    }
  }
  if (!words.as_of.empty()) {
    if (const auto month = cost::parse_month(words.as_of)) {
      options.as_of = *month;
    } else {
      findings.push_back(usage("K0305",
                               fmt::format("`{}` is not a date", escape_control(words.as_of)),
                               {"a month or a day of the calendar: 2026-11, 2026-11-25"}));
    }
  }
  if (!findings.empty()) {
    return tl::unexpected(std::move(findings));
  }
  if (!words.hbm_basis.empty()) {
    options.hbm_basis = words.hbm_basis == "bom" ? cost::HbmBasis::bom : cost::HbmBasis::contract;
  }
  for (const cost::LossEntry& entry : cost::losses()) {
    options.loss = entry.word == words.loss ? entry.loss : options.loss;
  }
  for (const cost::PackageEntry& entry : cost::packages()) {
    options.package = entry.word == words.package ? entry.kind : options.package;
  }
  options.data = words.data;
  return options;
}

}  // namespace churon::cli
