#include "plan/caps_check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "plan/planner.h"
#include "plan/scenario_read.h"

namespace churon::plan {
namespace {

using testing::StartsWith;

constexpr std::string_view kScenario = R"(start = "2027-Q1"
quarters = 4
discount_rate = "10 %"
capital = "20 million USD"
vendor_share = { max = "90 %", from = "2027-Q2" }
slip = { quarters = [0], probability = ["100 %"] }
[[class]]
name = "chat"
demand = "1 Mtok/s"
utilisation = "50 %"
unmet = "2 USD/Mtok"
must_serve = "10 %"
[[scenario]]
name = "base"
probability = "100 %"
[[site]]
name = "colo"
power = "1 MW"
[[resource]]
name = "hbm"
unit = "stacks"
source = [{ vendor = "samsung", cap = "4000 chips" }]
[[option]]
name = "gpu"
kind = "buy"
price = "30000 USD"
running = "0.3 USD/h"
power = "1 kW"
tokens = { chat = "3000 tok/s" }
max = "400 chips"
lot = "10 chips"
minimum_order = "100 chips"
[[option.uses]]
resource = "hbm"
per_chip = 8
[[option]]
name = "other"
kind = "buy"
price = "40000 USD"
running = "0.3 USD/h"
power = "1 kW"
tokens = { chat = "3000 tok/s" }
[[option]]
name = "own"
kind = "own"
price = "30000 USD"
running = "0.3 USD/h"
power = "1 kW"
tokens = { chat = "100 tok/s" }
max = "400 chips"
gate = { nre = "90 million USD", decide_by = "2027-Q1", tapeout = "1 quarter", qualification = "1 quarter" }
[[option]]
name = "rent"
kind = "rent"
price = "3 USD/h"
tokens = { chat = "3000 tok/s" }
max = "100 chips"
)";

class CapsCheck : public testing::Test {
 protected:
  void SetUp() override {
    auto scenario = parse_scenario(kScenario, "plan.toml", CHURON_SOURCE_DIR "/data/cost");
    ASSERT_TRUE(scenario) << to_text(scenario.error());
    auto made = plan(std::move(*scenario), {.with_policies = false});
    ASSERT_TRUE(made) << to_text(made.error());
    ASSERT_TRUE(made->best.has_plan);
    of = std::move(*made);
  }

  Decisions& decided() { return of.best.decisions[0]; }
  OptionDecisions& decided(std::size_t option) { return decided().options[option]; }

  // The first cap that the decisions break, their books kept anew.
  std::string broken() {
    const Scenario& s = *of.scenario;
    const Book kept = book(s, of.best.policy, decided(), s.futures[0]);
    const auto found = broken_caps(s, of.best.policy, decided(), kept, s.futures[0]);
    return found.empty() ? "none" : found.front();
  }

  Plan of;
};

TEST_F(CapsCheck, takes_a_plan_as_it_is) { EXPECT_EQ(broken(), "none"); }

TEST_F(CapsCheck, finds_more_than_a_site_powers) {
  decided(0).ordered[1] = decided(0).taken[1][0] = 1200;
  EXPECT_THAT(broken(), StartsWith("power at colo in 2027-Q2: "));
}

TEST_F(CapsCheck, finds_more_than_there_is_money) {
  decided(1).ordered[1] = 600;  // paid for, not taken
  EXPECT_THAT(broken(), StartsWith("capital in 2027-Q2: "));
}

TEST_F(CapsCheck, finds_demand_that_has_to_be_served) {
  decided(3).rent[0] = decided(3).serve[0][0] = 1;
  EXPECT_THAT(broken(), StartsWith("unmet demand of chat in 2027-Q1: "));
}

TEST_F(CapsCheck, finds_service_without_chips) {
  decided(2).serve[0][3] = 50;
  EXPECT_EQ(broken(), "chips of own that serve in 2027-Q4: 50 is above 0");
}

TEST_F(CapsCheck, finds_more_than_can_be_rented) {
  decided(3).rent[2] = 101;
  EXPECT_EQ(broken(), "rent of rent in 2027-Q3: 101 is above 100");
}

TEST_F(CapsCheck, finds_orders_that_are_not_to_be_had) {
  decided(2).ordered[3] = 10;
  EXPECT_EQ(broken(), "chips of own signed in 2027-Q4: 10 is above 0");  // no gate
  decided(2).ordered[3] = 0;
  decided(1).ordered[0] = 10;
  EXPECT_EQ(broken(), "new orders of other in 2027-Q1: 10 is above 0");  // within its lead
}

TEST_F(CapsCheck, finds_chips_that_nobody_signed) {
  decided(1).ordered.assign(4, 0);
  EXPECT_THAT(broken(), StartsWith("chips of other taken in 2027-Q2: "));
}

TEST_F(CapsCheck, finds_small_orders_and_parts_of_lots) {
  decided(0).ordered[3] += 105;
  EXPECT_THAT(broken(), StartsWith("part of a lot of gpu in 2027-Q4: "));
  decided(0).ordered[3] = 50;
  decided(0).taken[3][0] = 0;
  EXPECT_EQ(broken(), "what orders of gpu lack of the smallest one in 2027-Q4: 50 is above 0");
}

TEST_F(CapsCheck, finds_use_that_is_not_allocated) {
  decided().reserve[0][0].assign(4, 0);
  EXPECT_THAT(broken(), StartsWith("use of hbm in 2027-Q"));
  decided().reserve[0][0][2] = 4001;
  EXPECT_EQ(broken(), "hbm of samsung in 2027-Q3: 4001 is above 4000");
}

TEST_F(CapsCheck, finds_more_than_a_vendors_share) {
  decided(1).ordered.assign(4, 0);
  for (std::size_t q = 0; q < 4; ++q) {
    decided(1).taken[q][0] = decided(1).serve[0][q] = 0;
  }
  EXPECT_THAT(broken(), StartsWith("share of gpu in 2027-Q2: "));
}

}  // namespace
}  // namespace churon::plan
