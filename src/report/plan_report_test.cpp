#include "report/plan_report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "plan/scenario_read.h"
#include "report/plan_view.h"

namespace churon::report {
namespace {

constexpr std::size_t kUnfolded = std::numeric_limits<std::size_t>::max();

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Two futures; orders of `gpu` for whatever quarter are signed now.
constexpr std::string_view kScenario = R"(start = "2027-Q1"
quarters = 6
discount_rate = "10 %"
slip = { quarters = [0], probability = ["100 %"] }

[[class]]
name = "chat"
demand = "1 Mtok/s"
utilisation = "60 %"
unmet = "1 USD/Mtok"

[[scenario]]
name = "base"
probability = "60 %"
[[scenario]]
name = "surge"
probability = "40 %"
begins = "2027-Q2"
factor = 2

[[site]]
name = "colo"
power = "5 MW"

[[option]]
name = "gpu"
kind = "buy"
price = "40000 USD"
power = "2 kW"
running = "0.5 USD/h"
tokens = { chat = "9000 tok/s" }
booking = "6 quarters"

[[option]]
name = "own"
kind = "own"
price = "20000 USD"
power = "1.3 kW"
running = "0.4 USD/h"
tokens = { chat = "8000 tok/s" }
max = "2000 chips"
gate = { nre = "50 million USD", decide_by = "2027-Q3", tapeout = "1 quarter", qualification = "1 quarter" }
)";

// A second own chip, and one whose gate has passed.
constexpr std::string_view kMoreOwn = R"(
[[option]]
name = "next"
kind = "own"
price = "15000 USD"
power = "1.3 kW"
running = "0.4 USD/h"
tokens = { chat = "8000 tok/s" }
max = "2000 chips"
gate = { nre = "80 million USD", decide_by = "2027-Q3", tapeout = "1 quarter", qualification = "1 quarter" }

[[option]]
name = "first"
kind = "own"
price = "30000 USD"
power = "1.3 kW"
running = "0.4 USD/h"
tokens = { chat = "5000 tok/s" }
max = "2000 chips"
booking = "2 quarters"
gate = { passed = true, tapeout = "0 quarters", qualification = "1 quarter" }
)";

PlanRecord record(const std::string& more = "") {
  auto scenario = plan::parse_scenario(std::string(kScenario) + more, "plan.toml",
                                       CHURON_SOURCE_DIR "/data/cost");
  EXPECT_TRUE(scenario) << to_text(scenario.error());
  const plan::PlanOptions options{.with_policies = false};
  auto made = plan::plan(std::move(*scenario), options);
  EXPECT_TRUE(made) << to_text(made.error());
  EXPECT_EQ(made->best.status, plan::Status::optimal);
  return plan_record(std::move(*made), options, 1);
}

void decide(PlanRecord& record, const std::vector<int>& gates, std::size_t option = 1) {
  for (std::size_t f = 0; f < gates.size(); ++f) {
    record.plan.best.decisions[f].options[option].gate = gates[f];
  }
}

// A plan without own chips, or without one of them, that costs so much more.
plan::Outcome costs_more(const PlanRecord& record, double usd, int without = -1) {
  const double objective = record.plan.best.objective + usd;
  return {.policy = {.key = "without", .text = "", .without = without, .may_order = {}},
          .has_plan = true,
          .objective = objective,
          .bound = objective};
}

TEST(PlanReport, says_the_first_decision_and_in_how_many_futures_it_falls) {
  PlanRecord of = record();
  of.plan.without_own = costs_more(of, 1e8);
  decide(of, {1, 0});
  EXPECT_THAT(plan_text(of, kUnfolded), StartsWith("Own chip own: yes, decide now."));
  decide(of, {-1, 1});
  EXPECT_THAT(plan_text(of, kUnfolded),
              StartsWith("Own chip own: yes, decide in 2027-Q2 in 1 of 2 futures."));
  decide(of, {2, 1});
  EXPECT_THAT(plan_text(of, kUnfolded), StartsWith("Own chip own: yes, decide in 2027-Q2."));
  of.plan.without_own = costs_more(of, 0);
  decide(of, {-1, -1});
  EXPECT_THAT(plan_text(of, kUnfolded), StartsWith("Own chip own: no."));
}

TEST(PlanReport, calls_it_close_where_prices_decide) {
  PlanRecord of = record();
  of.plan.without_own = costs_more(of, 1e7);
  decide(of, {0, 0});
  of.cheaper_share[1] = 0.8;
  EXPECT_THAT(plan_text(of, kUnfolded),
              HasSubstr("Own chip own: yes, decide now. Its programme costs 50.0 "
                        "million USD; the option to build it is worth 10.0 million "
                        "USD, and this plan is the cheaper one in 80 % of the draws "
                        "of prices."));
  of.cheaper_share[1] = 0.6;
  EXPECT_THAT(plan_text(of, kUnfolded), StartsWith("Own chip own: a close call."));
  EXPECT_THAT(plan_text(of, kUnfolded),
              HasSubstr("is worth 10.0 million USD; this plan is with it, decided "
                        "now, and this plan is the cheaper one in 60 % of the draws of prices."));
  EXPECT_EQ(plan_json(of)["own_chips"][0]["standing"], "close call");
  EXPECT_EQ(plan_json(of)["own_chips"][0]["cheaper_share"], 0.6);
  of.plan.without_own->has_plan = false;
  of.cheaper_share.clear();
  EXPECT_THAT(plan_text(of, kUnfolded),
              StartsWith("Own chip own: yes, decide now. Its programme costs 50.0 "
                         "million USD; without it there is no plan."));
}

TEST(PlanReport, says_where_a_close_call_was_not_looked_at) {
  PlanRecord of = record();
  decide(of, {-1, -1});
  EXPECT_THAT(plan_text(of, kUnfolded),
              StartsWith("Own chip own: this plan is without it; whether that is a close call was "
                         "not looked at (--quick leaves out the plan without it)."));
  EXPECT_THAT(plan_text(of, kUnfolded),
              HasSubstr("what waiting a quarter costs and what a single vendor "
                        "does were not looked at"));
  EXPECT_EQ(plan_json(of)["own_chips"][0]["standing"], "not looked at");
  of.options.with_policies = true;
  decide(of, {0, 0});
  EXPECT_THAT(plan_text(of, kUnfolded),
              HasSubstr("this plan is with it, decided now; whether that is a close "
                        "call was not looked at (the search for"));
}

TEST(PlanReport, names_every_own_chip) {
  PlanRecord of = record(std::string(kMoreOwn));
  const std::string text = plan_text(of, kUnfolded);
  for (const char* part : {"Own chip own: this plan is", "Own chip next: this plan is",
                           "Own chip first, decided before: "}) {
    EXPECT_EQ(text.substr(0, text.find('\n')).find(part) == std::string::npos, false) << part;
  }
  of.plan.without_own = costs_more(of, 9e8);
  of.plan.without_one_own = {costs_more(of, 0, 1), costs_more(of, 7e8, 2)};
  decide(of, {-1, -1}, 1);
  decide(of, {1, 1}, 2);
  EXPECT_THAT(plan_text(of, kUnfolded),
              StartsWith("Own chip own: no. Its programme of 50.0 million USD does not come back "
                         "here; the option to build it is worth 0 USD. Own chip next: yes, decide "
                         "in 2027-Q2. Its programme costs 80.0 million USD; the option to build it "
                         "is worth 700 million USD. The option to build any of them is worth 900 "
                         "million USD. Own chip first, decided before: "));
  const Json own = plan_json(of)["own_chips"];
  ASSERT_EQ(own.size(), 2U);
  EXPECT_EQ(own[0]["build"], false);
  EXPECT_EQ(own[1]["option"], "next");
  EXPECT_EQ(own[1]["build"], true);
  EXPECT_NEAR(own[1]["option_value_usd"].get<double>(), 7e8, 1);
}

TEST(PlanReport, holds_every_own_chip_against_the_plan_without_it) {
  auto scenario = plan::parse_scenario(std::string(kScenario) + std::string(kMoreOwn), "plan.toml",
                                       CHURON_SOURCE_DIR "/data/cost");
  ASSERT_TRUE(scenario);
  const auto made = plan::plan(std::move(*scenario), {});
  ASSERT_TRUE(made);
  ASSERT_EQ(made->without_one_own.size(), 2U);
  ASSERT_TRUE(made->without_own);
  for (const OwnDecision& own : own_decisions(*made)) {
    const plan::Outcome* other = without(*made, own);
    ASSERT_NE(other, nullptr);
    for (const plan::Decisions& one : other->decisions) {
      EXPECT_EQ(one.options[plan::index(own.option)].gate, -1);
    }
    EXPECT_GE(other->objective, made->best.bound);
    EXPECT_LE(other->bound, made->without_own->objective);
  }
}

TEST(PlanReport, settles_nothing_where_the_search_ended_early) {
  PlanRecord of = record();
  of.plan.without_own = costs_more(of, 0);
  EXPECT_EQ(plan_json(of)["own_chips"][0]["standing"], "settled");
  for (const plan::Status status : {plan::Status::interrupted, plan::Status::time_limit}) {
    of.plan.best.status = status;
    decide(of, {-1, -1});
    EXPECT_THAT(plan_text(of, kUnfolded), StartsWith("Own chip own: not settled."));
    EXPECT_THAT(plan_text(of, kUnfolded), HasSubstr("the best plan found so far is without it."));
    EXPECT_THAT(plan_text(of, kUnfolded), Not(HasSubstr("does not come back")));
    EXPECT_EQ(plan_json(of)["own_chips"][0]["standing"], "not settled");
    EXPECT_EQ(plan_json(of)["own_chips"][0]["build"], false);
    decide(of, {-1, 1});
    EXPECT_THAT(plan_text(of, kUnfolded),
                HasSubstr("so far is with it, decided in 2027-Q2 in 1 of 2 futures."));
    EXPECT_EQ(plan_json(of)["own_chips"][0]["build"], true);
  }
}

TEST(PlanReport, calls_it_close_where_the_gap_hides_whether_to_build) {
  PlanRecord of = record();
  const double objective = of.plan.best.objective;
  of.plan.without_own = costs_more(of, 0);
  const auto worth = [&](double usd, double gap_usd) {
    of.plan.without_own->objective = of.plan.without_own->bound = objective + usd;
    of.plan.best.bound = objective - gap_usd;
  };
  decide(of, {1, 1});
  worth(3e6, 2e6);
  EXPECT_THAT(plan_text(of, kUnfolded), StartsWith("Own chip own: yes, decide in 2027-Q2."));
  EXPECT_EQ(plan_json(of)["own_chips"][0]["standing"], "settled");
  worth(2e6, 3e6);
  EXPECT_THAT(plan_text(of, kUnfolded), StartsWith("Own chip own: a close call."));
  EXPECT_THAT(plan_text(of, kUnfolded), HasSubstr("this plan is with it, decided in 2027-Q2."));
  EXPECT_EQ(plan_json(of)["own_chips"][0]["standing"], "close call");
  decide(of, {-1, -1});
  worth(0, 3e6);
  EXPECT_THAT(plan_text(of, kUnfolded),
              HasSubstr("less than 3.00 million USD, which the gap hides"));
  EXPECT_THAT(plan_text(of, kUnfolded), HasSubstr("this plan is without it."));
  worth(0, 1e3);  // nobody begins a programme of 50 million for that
  EXPECT_THAT(plan_text(of, kUnfolded), StartsWith("Own chip own: no."));
}

// The keys that answer for the numbers of a document.
std::vector<std::string> keys_of(const Json& json) {
  std::vector<std::string> keys{"tail",   "cost_usd_per_mtok", "gap", "waiting",
                                "missed", "without_own"};
  for (const char* key : {"objective_usd", "bound_usd", "cost_usd_mean", "tail_mean_usd",
                          "unmet_share", "discount_rate"}) {
    EXPECT_TRUE(json[key].is_number()) << key;
    keys.emplace_back(key);
  }
  const auto add = [&](const auto&... parts) { keys.push_back((std::string(parts) + ...)); };
  const auto word = [](const Json& value) { return value.get<std::string>(); };
  for (const Json& own : json["own_chips"]) {
    add("programme.", word(own["option"]));
    add("own_value.", word(own["option"]));
  }
  for (const Json& cap : json["binding"]) {
    add(word(cap["cap"]), ".", word(cap["quarter"]));
  }
  for (const Json& fact : json["facts"]) {
    keys.push_back(word(fact["key"]));
  }
  for (const Json& future : json["futures"]) {
    add("future.", word(future["name"]));
  }
  for (const char* quarter : {"2027-Q1", "2028-Q2"}) {
    for (const Json& option : json["futures"][0]["options"]) {
      add("order.", word(option["option"]), ".", quarter);
      add("fleet.", word(option["option"]), ".", quarter);
    }
    for (const char* sum : {"capital.", "operation.", "cash.", "demand.chat.", "power.colo."}) {
      add(sum, quarter);
    }
  }
  return keys;
}

TEST(PlanReport, answers_for_every_number_of_its_document) {
  auto scenario = plan::parse_scenario(std::string(kScenario) + std::string(kMoreOwn), "plan.toml",
                                       CHURON_SOURCE_DIR "/data/cost");
  ASSERT_TRUE(scenario);
  auto made = plan::plan(std::move(*scenario), {});
  ASSERT_TRUE(made);
  const PlanRecord of = plan_record(std::move(*made), {}, 1);
  for (const std::string& key : keys_of(plan_json(of))) {
    const auto text = plan_explanation(of, key);
    ASSERT_TRUE(text) << key;
    EXPECT_GT(text->size(), key.size()) << key;
  }
  EXPECT_FALSE(plan_explanation(of, "power.colo.2031-Q1"));
}

TEST(PlanReport, lists_the_programme_among_what_is_to_be_signed) {
  PlanRecord of = record();
  decide(of, {0, 0});
  EXPECT_THAT(plan_text(of, kUnfolded), HasSubstr("the programme of own"));
  EXPECT_THAT(plan_text(of, kUnfolded),
              testing::ContainsRegex("2027-01-01 +programme of own +2027-Q3 +1.00 +gate +all"));
  decide(of, {-1, 1});
  EXPECT_THAT(
      plan_text(of, kUnfolded),
      testing::ContainsRegex("2027-04-01 +programme of own +2027-Q4 +0.4[0 ]+gate +0 to 1.00"));
  EXPECT_THAT(plan_text(of, kUnfolded), Not(HasSubstr("the programme of own")));
}

TEST(PlanReport, ranges_what_is_signed_together_over_the_futures) {
  PlanRecord of = record();
  for (plan::Decisions& one : of.plan.best.decisions) {
    one.options[0].ordered.assign(6, 0);
    one.options[1].ordered.assign(6, 0);
  }
  // One future has early what the other has late: 100 in both.
  of.plan.best.decisions[0].options[0].ordered = {0, 0, 100, 0, 0, 0};
  of.plan.best.decisions[1].options[0].ordered = {0, 0, 0, 100, 0, 0};
  EXPECT_THAT(plan_text(of, kUnfolded),
              testing::ContainsRegex("gpu +2027-Q3 .. 2027-Q4 +100 +chips +all"));
  of.plan.best.decisions[1].options[0].ordered = {0, 0, 30, 100, 0, 0};
  EXPECT_THAT(plan_text(of, kUnfolded),
              testing::ContainsRegex("gpu +2027-Q3 .. 2027-Q4 +112 +chips +100 to 130"));
}

TEST(PlanReport, blames_no_cap_where_the_search_for_a_conflict_was_ended) {
  const PlanRecord of = record();
  ASSERT_FALSE(of.plan.conflict);
  EXPECT_THAT(infeasible_text(of), HasSubstr("the search for it was ended"));
}

}  // namespace
}  // namespace churon::report
