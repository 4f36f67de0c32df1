// `churon plan` as a user meets it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <numeric>
#include <thread>

#include "base/file.h"
#include "base/json.h"
#include "program.h"
#include "programs.h"

namespace churon {
namespace {

using test::Ended;
using testing::HasSubstr;
using testing::StartsWith;

struct PlanVerb : testing::Test {
  test::TemporaryFolder folder;
  Ended run(std::vector<std::string> words) const {
    words.insert(words.begin(), {CHURON_BINARY, "plan"});
    return test::run_program(words, {{"CHURON_DATA", CHURON_SOURCE_DIR}, {"NO_COLOR", "1"}});
  }
  [[nodiscard]] Json document(std::vector<std::string> words) const {
    words.emplace_back("--json");
    const Ended ended = run(words);
    EXPECT_EQ(ended.exit, 0) << ended.err;
    return Json::parse(ended.out);
  }
};

const std::string kStartup = CHURON_SOURCE_DIR "/examples/startup.toml";

TEST_F(PlanVerb, tells_a_startup_of_5_mw_not_to_build) {
  const Ended ended = run({kStartup});
  EXPECT_EQ(ended.exit, 0) << ended.err;
  EXPECT_THAT(ended.out, StartsWith("Own chip churon-1: no."));
  for (const char* part : {"Decide now, by 2027-01-01", "per million tokens", "waiting a quarter",
                           "Sign by when", "Order book", "Cash in USD", "Futures", "What binds",
                           "Beside other plans", "rest on guesses", "checked"}) {
    EXPECT_THAT(ended.out, HasSubstr(part));
  }
}

TEST_F(PlanVerb, asks_for_a_scenario_where_none_is_named) {
  const Ended ended = run({"--gap", "0.1"});
  EXPECT_EQ(ended.exit, 2);
  EXPECT_THAT(ended.err, HasSubstr("S0401"));
}

TEST_F(PlanVerb, gives_the_same_bytes_for_any_number_of_threads) {
  EXPECT_EQ(run({kStartup, "--json", "--threads", "1"}).out,
            run({kStartup, "--json", "--threads", "2"}).out);
}

TEST_F(PlanVerb, finds_the_same_with_both_solvers_and_serves_what_it_says) {
  const Json highs = document({kStartup, "--quick", "--gap", "1e-5"});
  const Json cbc = document({kStartup, "--quick", "--gap", "1e-5", "--solver", "cbc"});
  const double objective = highs["objective_usd"];
  EXPECT_NEAR(cbc["objective_usd"].get<double>(), objective, 2e-5 * objective);
  double probability = 0;
  for (const Json& future : highs["futures"]) {
    probability += future["probability"].get<double>();
    for (const Json& one : future["classes"]) {
      for (std::size_t q = 0; q < one["demand_tok_s"].size(); ++q) {
        EXPECT_NEAR(one["served_tok_s"][q].get<double>() + one["unmet_tok_s"][q].get<double>(),
                    one["demand_tok_s"][q].get<double>(), 10);
      }
    }
    for (const Json& power : future["sites"][0]["power_w"]) {
      EXPECT_LE(power.get<double>(), 5e6 + 10);
    }
  }
  EXPECT_NEAR(probability, 1, 1e-9);
}

TEST_F(PlanVerb, writes_its_model_for_another_solver_which_finds_the_same_objective) {
  const std::string path = folder.path("model.mps");
  const Ended ended = run({kStartup, "--quick", "--gap", "1e-6", "--mps-out", path});
  EXPECT_EQ(ended.exit, 0) << ended.err;
  const auto solution = read_file(path + ".sol", 1 << 20);
  ASSERT_TRUE(solution);
  const double said = std::stod(solution->substr(std::string("objective ").size()));
  for (const char* solver : {"highs", "cbc"}) {
    const Json json = document({"--mps", path, "--solver", solver});
    EXPECT_NEAR(json["objective"].get<double>(), said, 1e-5 * std::fabs(said)) << solver;
    EXPECT_EQ(json["status"], "optimal");
    EXPECT_LE(json["gap"].get<double>(), 1e-6);
  }
}

TEST_F(PlanVerb, draws_its_charts_and_explains_its_numbers) {
  const std::string path = folder.path("plan.svg");
  EXPECT_EQ(run({kStartup, "--svg", path}).exit, 0);
  const auto svg = read_file(path, 1 << 20);
  ASSERT_TRUE(svg);
  EXPECT_THAT(*svg, StartsWith("<svg "));
  EXPECT_THAT(*svg, HasSubstr("Cash by quarter"));
  EXPECT_THAT(run({kStartup, "--explain", "option.b200.price"}).out, HasSubstr("churon cost b200"));
  EXPECT_THAT(run({kStartup, "--explain", "total"}).out, HasSubstr("option.mi355x.price"));
  EXPECT_THAT(run({kStartup, "--explain", "waiting"}).out, HasSubstr("best plan with nothing new"));
  EXPECT_THAT(run({kStartup, "--explain", "order.mi355x.2027-Q2"}).out, HasSubstr("USD a chip"));
  for (const std::string& key : test::spread(std::vector<std::string>{
           "tail", "future.surge+2q", "programme.churon-1", "order.rent-h100.2028-Q1",
           "capital.2027-Q2", "operation.2027-Q2", "cash.2027-Q2", "fleet.2027-Q2",
           "demand.2027-Q2", "served.2027-Q2", "unmet.2027-Q2", "power.colo.2028-Q3",
           "site.colo.power", "scenario.surge.factor", "option.b200.lead"})) {
    const Ended ended = run({kStartup, "--explain", key});
    EXPECT_EQ(ended.exit, 0) << ended.err;
    EXPECT_THAT(ended.out, StartsWith(key));
  }
  const Ended left_out = run({kStartup, "--quick", "--explain", "waiting"});
  EXPECT_EQ(left_out.exit, 2);
  EXPECT_THAT(left_out.err, HasSubstr("`waiting` was not computed"));
  const std::string beside = folder.path("beside.svg"), model = folder.path("beside.mps");
  EXPECT_THAT(run({kStartup, "--explain", "total", "--svg", beside, "--mps-out", model}).out,
              StartsWith("total"));
  EXPECT_TRUE(read_file(beside, 1 << 20));
  EXPECT_TRUE(read_file(model, 1 << 24));
  const Ended wrong = run({kStartup, "--explain", "cost_per_mtoc"});
  EXPECT_EQ(wrong.exit, 2);
  EXPECT_THAT(wrong.err, HasSubstr("did you mean `cost_per_mtok`"));
}

TEST_F(PlanVerb, prices_chips_from_the_folder_of_data_that_it_is_given) {
  // The shipped tables, but for a B200 of 99,000 USD.
  for (const auto& entry : std::filesystem::directory_iterator(CHURON_SOURCE_DIR "/data/cost")) {
    const std::string name = entry.path().filename().string();
    std::string text = *read_file(entry.path().string(), 1 << 20);
    const std::string row = "\npurchase.B200.per_gpu,";
    if (const std::size_t at = text.find(row); at != std::string::npos) {
      const std::size_t end = text.find('\n', at + 1);
      text.replace(at, end - at, row + "USD,99000,99000,99000,2026-11,of this test,sourced,");
    }
    folder.write(name, text);
  }
  const std::string key = "option.b200.price";
  const auto usd = [&](const std::string& data) {
    const Json facts = document({kStartup, "--quick", "--data", data})["facts"];
    const auto fact = std::find_if(facts.begin(), facts.end(),
                                   [&](const Json& one) { return one["key"] == key; });
    return (*fact)["value"].get<double>();
  };
  EXPECT_GT(usd(folder.path("")), 99000);
  EXPECT_LT(usd(CHURON_SOURCE_DIR "/data/cost"), 99000);
}

TEST_F(PlanVerb, names_what_conflicts_and_the_smallest_relaxation) {
  const auto text = read_file(kStartup, 1 << 20);
  ASSERT_TRUE(text);
  std::string toml = *text;
  toml.replace(toml.find("unmet = "), 0, "must_serve = \"100 %\"\n");
  // Without anything to rent nothing serves the first quarter.
  for (const char* name : {"rent-h100", "rent-b200"}) {
    toml.replace(toml.find("kind = \"rent\"", toml.find(name)), 13,
                 "kind = \"rent\"\nfrom = \"2027-Q3\"");
  }
  const Ended ended = run({folder.write("hard.toml", toml), "--quick"});
  EXPECT_EQ(ended.exit, 3) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("No plan keeps all of these together"));
  EXPECT_THAT(ended.out, HasSubstr("unmet demand of chat in 2027-Q1 ("));
  EXPECT_THAT(ended.out, HasSubstr("smallest relaxation"));
  // Nothing serves the first quarter: all of the demand of 5 million tokens a second is in the way.
  EXPECT_THAT(ended.out, HasSubstr("2027-Q1: 5,000,000 tok/s more (100 % of the demand)"));
  EXPECT_THAT(ended.err, HasSubstr("S0201"));
}

// All of what is committed needs memory of one vendor, of which 70 % may come from it.
constexpr std::string_view kOneSource = R"(start = "2027-Q1"
quarters = 4
discount_rate = "10 %"
slip = { quarters = [0], probability = ["100 %"] }
[[class]]
name = "chat"
demand = "1 Mtok/s"
utilisation = "60 %"
unmet = "2 USD/Mtok"
[[scenario]]
name = "base"
probability = "100 %"
[[site]]
name = "colo"
power = "1 MW"
[[resource]]
name = "hbm"
unit = "stacks"
source_share_max = "70 %"
source = [{ vendor = "samsung", cap = "5000 chips" }, { vendor = "micron", cap = "5000 chips" }]
[[option]]
name = "gpu"
kind = "buy"
price = "30000 USD"
running = "0.3 USD/h"
power = "1 kW"
tokens = { chat = "3000 tok/s" }
committed = [{ quarter = "2027-Q3", v = "100 chips" }]
[[option.uses]]
resource = "hbm"
per_chip = 8
from = ["samsung"]
)";

TEST_F(PlanVerb, names_dual_sourcing_that_a_commitment_breaks) {
  const std::string path = folder.write("one.toml", std::string(kOneSource));
  const Ended ended = run({path, "--quick"});
  EXPECT_EQ(ended.exit, 3) << ended.out << ended.err;
  EXPECT_THAT(ended.out, HasSubstr("share of samsung in hbm in 2027-Q2 ("));
  EXPECT_THAT(ended.out, HasSubstr("one.toml:19)"));
  EXPECT_THAT(ended.out, HasSubstr("2027-Q2: 240 stacks more"));  // 30 % of 100 x 8
}

TEST_F(PlanVerb, tells_infeasible_unbounded_and_garbage_apart) {
  const std::string head = "ROWS\n N obj\n G r\nCOLUMNS\n x obj -1 r 1\nRHS\n R r 4\nBOUNDS\n";
  const Ended none = run({"--mps", folder.write("a.mps", head + " UP B x 3\nENDATA\n"), "--json"});
  EXPECT_EQ(none.exit, 3);
  const Json json = Json::parse(none.out);
  EXPECT_EQ(json["status"], "infeasible");
  EXPECT_TRUE(json["objective"].is_null());
  EXPECT_EQ(json["conflict"]["rows"][0], "r");
  const Ended endless = run({"--mps", folder.write("b.mps", head + "ENDATA\n"), "--json"});
  EXPECT_EQ(endless.exit, 3);
  EXPECT_EQ(Json::parse(endless.out)["status"], "unbounded");
  const Ended garbage = run({"--mps", CHURON_BINARY, "--json"});
  EXPECT_EQ(garbage.exit, 1);
  EXPECT_THAT(garbage.err, HasSubstr("S010"));
  EXPECT_EQ(garbage.out, "");
}

// Ctrl-C as soon as it says that it has found something.
Ended interrupted_after_a_solution(std::vector<std::string> words) {
  words.insert(words.begin(), {CHURON_BINARY, "plan"});
  return test::run_in_terminal(words, {{"CHURON_DATA", CHURON_SOURCE_DIR}, {"NO_COLOR", "1"}},
                               [done = false](pid_t child, const std::string& err) mutable {
                                 if (!done && err.find("best so far") != std::string::npos) {
                                   done = true;
                                   ::kill(child, SIGINT);
                                 }
                               });
}

TEST_F(PlanVerb, interrupted_keeps_its_best_and_says_its_gap) {
  const std::string path = folder.write("hard.mps", test::hard_mps());
  for (const char* solver : {"highs", "cbc"}) {
    const Ended ended =
        interrupted_after_a_solution({"--mps", path, "--gap", "0", "--solver", solver});
    EXPECT_EQ(ended.exit, 130) << solver << ended.err;
    EXPECT_THAT(ended.err, HasSubstr("interrupted\r\n")) << solver;
    EXPECT_THAT(ended.out, HasSubstr("interrupted")) << solver;
    EXPECT_THAT(ended.out, testing::ContainsRegex("objective [0-9].*\nbound     [1-9]")) << solver;
    EXPECT_THAT(ended.out, testing::ContainsRegex("gap       [0-9.e+-]+ %")) << solver;
  }
}

// The processes whose parent it is.
std::vector<pid_t> children_of(pid_t parent) {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "stat");
    pid_t process = 0, its_parent = 0;
    std::string name, state;
    if (file >> process >> name >> state >> its_parent && its_parent == parent) {
      found.push_back(process);
    }
  }
  return found;
}

// Whether `condition` holds within some seconds.
bool comes_true(const std::function<bool()>& condition) {
  for (int i = 0; i < 1000 && !condition(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return condition();
}

TEST_F(PlanVerb, killed_leaves_no_search_behind) {
  const std::string path = folder.write("hard.mps", test::hard_mps());
  std::vector<pid_t> searches;
  const Ended ended = test::run_program(
      {CHURON_BINARY, "plan", "--mps", path, "--gap", "0", "--solver", "cbc"}, {}, [&](pid_t verb) {
        EXPECT_TRUE(comes_true([&] { return !(searches = children_of(verb)).empty(); }));
        ::kill(verb, SIGKILL);
      });
  EXPECT_EQ(ended.exit, 128 + SIGKILL);
  for (const pid_t search : searches) {
    // Whoever takes it over may not have waited for it yet.
    EXPECT_TRUE(comes_true([&] {
      std::ifstream file("/proc/" + std::to_string(search) + "/stat");
      std::string process, name, state;
      return !(file >> process >> name >> state) || state == "Z" || name != "(churon-cbc)";
    }));
  }
}

TEST_F(PlanVerb, interrupted_keeps_the_best_plan) {
  for (const char* solver : {"highs", "cbc"}) {
    const Ended ended = interrupted_after_a_solution(
        {CHURON_SOURCE_DIR "/examples/openai-2026.toml", "--gap", "0", "--solver", solver});
    EXPECT_EQ(ended.exit, 130) << solver << ended.err;
    EXPECT_THAT(ended.out, StartsWith("Own chip titan-2: not settled.")) << solver;
    EXPECT_THAT(ended.out, HasSubstr("; interrupted, within ")) << solver;
    EXPECT_THAT(ended.out, HasSubstr("Order book")) << solver;
  }
}

}  // namespace
}  // namespace churon
