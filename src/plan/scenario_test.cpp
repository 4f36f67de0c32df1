#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>

#include "plan/model.h"
#include "plan/scenario_read.h"

namespace churon::plan {
namespace {

using testing::HasSubstr;

// One own chip whose gate has passed, one whose gate is open; two paths of demand.
constexpr std::string_view kScenario = R"(start = "2027-Q1"
quarters = 8
discount_rate = "10 %"
slip = { probability = ["50 %", "30 %", "20 %"] }

[[class]]
name = "chat"
demand = "5 Mtok/s"
growth = "50 %"
utilisation = "60 %"
unmet = "1 USD/Mtok"

[[scenario]]
name = "base"
probability = "70 %"
[[scenario]]
name = "surge"
probability = "30 %"
begins = "2027-Q2"
factor = 2

[[site]]
name = "colo"
power = "5 MW"

[[resource]]
name = "hbm"
booking = "4 quarters"
source = [{ vendor = "samsung", cap = "9000 chips" }]

[[option]]
name = "first"
kind = "own"
price = "20000 USD"
power = "1 kW"
running = "0.4 USD/h"
tokens = { chat = "8000 tok/s" }
max = "500 chips"
gate = { passed = true, tapeout = "0 quarters", qualification = "1 quarter" }
uses = [{ resource = "hbm", per_chip = 8 }]

[[option]]
name = "second"
kind = "own"
price = "18000 USD"
power = "1 kW"
running = "0.4 USD/h"
tokens = { chat = "9000 tok/s" }
max = "500 chips"
gate = { nre = "1 million USD", decide_by = "2027-Q2", tapeout = "2 quarters", qualification = "1 quarter" }
)";

Scenario scenario(std::string_view toml = kScenario) {
  auto read = parse_scenario(toml, "plan.toml", CHURON_SOURCE_DIR "/data/cost");
  EXPECT_TRUE(read) << (read ? "" : to_text(read.error()));
  return read ? std::move(*read) : Scenario{};
}

std::string errors_with(const std::string& what, const std::string& instead) {
  std::string toml(kScenario);
  toml.replace(toml.find(what), what.size(), instead);
  const auto read = parse_scenario(toml, "plan.toml", CHURON_SOURCE_DIR "/data/cost");
  return read ? "" : to_text(read.error());
}

TEST(Scenario, refuses_a_series_without_a_step_and_a_life_of_no_quarter) {
  EXPECT_THAT(errors_with("power = \"5 MW\"", "power = []"), HasSubstr("at least one step"));
  EXPECT_THAT(errors_with("max = \"500 chips\"", "max = \"500 chips\"\nlife = \"0 quarters\""),
              HasSubstr("a chip lives for at least one quarter"));
}

TEST(Scenario, refuses_a_list_on_one_long_line_at_once) {
  std::string committed = "committed = [";
  for (int i = 0; i < 20000; ++i) {
    committed += "{ quarter = \"2028-Q1\", v = \"1 chips\" }, ";
  }
  EXPECT_THAT(errors_with("max = \"500 chips\"", "max = \"500 chips\"\n" + committed + "]"),
              HasSubstr("C0102"));
}

TEST(Scenario, refuses_more_decisions_than_memory_holds) {
  std::string steps = "steps = [";
  for (int i = 1; i <= 500; ++i) {
    steps += "{ from = \"" + std::to_string(i) + " chips\", change = \"-1 %\" }, ";
  }
  EXPECT_THAT(errors_with("max = \"500 chips\"", "max = \"500 chips\"\n" + steps + "]"),
              HasSubstr("decisions: each option in each class"));
}

TEST(Scenario, lets_only_chips_slip_whose_gate_is_open) {
  const Scenario s = scenario();
  ASSERT_EQ(s.futures.size(), 6U);
  EXPECT_EQ(s.slip_known, 3);  // when the second could come, not when the first does
  const Future& late = s.futures[2];
  EXPECT_EQ(late.slip, 4);
  EXPECT_EQ(slip(s.options[0], late), 0);
  EXPECT_EQ(slip(s.options[1], late), 4);
  const FutureTree tree(s);
  EXPECT_EQ(tree.of_quarter(2).size(), 2U);  // the paths of demand
  EXPECT_EQ(tree.of_quarter(3).size(), 6U);
}

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}

TEST(Scenario, refuses_a_commitment_beyond_a_passed_gates_ramp) {
  const auto committed = [](std::string_view chips) {
    std::string toml = replaced(std::string(kScenario),
                                "gate = { nre = \"1 million USD\", decide_by = \"2027-Q2\",",
                                "gate = { passed = true, ramp = [\"20 %\"],");
    toml += fmt::format("committed = [{{ quarter = \"2027-Q4\", v = \"{}\" }}]\n", chips);
    return parse_scenario(toml, "plan.toml", CHURON_SOURCE_DIR "/data/cost");
  };
  EXPECT_TRUE(committed("100 chips"));
  const auto beyond = committed("101 chips");
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().front().code, "S0307");
}

TEST(Scenario, lets_every_step_of_demand_grow_from_its_own_quarter) {
  const Scenario s = scenario(replaced(
      std::string(kScenario), "demand = \"5 Mtok/s\"",
      R"(demand = [{ from = "2026-Q1", v = "4 Mtok/s" }, { from = "2027-Q3", v = "9 Mtok/s" }])"));
  const std::vector<double>& demand = s.classes[0].demand;
  EXPECT_NEAR(demand[0], 4e6 * 1.5, 1);  // a year after its step
  EXPECT_NEAR(demand[1], 4e6 * std::pow(1.5, 1.25), 1);
  EXPECT_NEAR(demand[2], 9e6, 1);
  EXPECT_NEAR(demand[6], 9e6 * 1.5, 1);
}

TEST(Scenario, keeps_where_every_number_comes_from) {
  const Scenario s = scenario(replaced(
      replaced(std::string(kScenario), "power = \"5 MW\"",
               R"(power = [{ from = "2027-Q1", v = "5 MW", basis = "guess", src = "a letter" }])"),
      "probability = \"30 %\"", R"(probability = { v = "30 %", basis = "guess" })"));
  const auto fact = [&](std::string_view key) {
    const auto found = std::find_if(s.facts.begin(), s.facts.end(),
                                    [&](const Fact& one) { return one.key == key; });
    EXPECT_NE(found, s.facts.end()) << key;
    return found != s.facts.end() ? *found : Fact{};
  };
  EXPECT_TRUE(fact("site.colo.power.2027-Q1").is_guess());
  EXPECT_EQ(fact("site.colo.power.2027-Q1").source, "a letter");
  EXPECT_TRUE(fact("scenario.surge.probability").is_guess());
  EXPECT_EQ(fact("option.first.max").place, "plan.toml:38");
  EXPECT_EQ(fact("class.chat.demand").value, 5e6);
  EXPECT_EQ(fact("option.second.tapeout").value, 2);
}

TEST(Model, signs_no_allocation_before_the_first_signing) {
  const Scenario s = scenario();
  const FutureTree tree(s);
  const auto signings = [&](const Policy& policy) {
    std::vector<int> quarters;
    const Model made = model(s, tree, policy);
    const auto& by_node = made.reserve[0][0][2];  // of the third quarter
    for (std::size_t n = 0; n < by_node.size(); ++n) {
      if (by_node[n].index >= 0) {
        quarters.push_back(tree.nodes()[n].quarter);
      }
    }
    return quarters;
  };
  EXPECT_THAT(signings(Policy{}), testing::ElementsAre(0));
  EXPECT_THAT(signings(Policy{.key = "wait", .text = "wait", .may_order = {}, .first_signing = 1}),
              testing::ElementsAre(1, 1));  // with demand of that quarter known
}

}  // namespace
}  // namespace churon::plan
