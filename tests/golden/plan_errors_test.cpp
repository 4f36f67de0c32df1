// Every error of programs in MPS form, of scenarios, and of solvers that are not to be believed as
// a user reads it: errors/S01.txt, S03.txt, S02.txt.
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <cstdlib>
#include <regex>

#include "golden.h"
#include "plan/mps.h"
#include "plan/scenario_read.h"
#include "plan/solver.h"
#include "programs.h"

namespace churon::plan {
namespace {

std::string mps_errors() {
  std::string text;
  const std::string begin = "NAME t\nROWS\n N obj\n L r\nCOLUMNS\n x obj 1 r 1\n";
  for (const std::string& mps :
       {std::string("not an MPS file\n"), begin + "QUADOBJ\n x x 3\nENDATA\n",
        begin + " y r\nENDATA\n", begin + " y r 1.2.3\nENDATA\n", begin + " y s 1\nENDATA\n",
        begin + "BOUNDS\n UP B z 3\nENDATA\n", begin + " x r 2\nENDATA\n",
        begin + "BOUNDS\n SC B x 3\nENDATA\n", std::string("ROWS\n X r\nENDATA\n"),
        begin + " M 'MARKER' 'INTEND'\nENDATA\n", begin}) {
    const auto program = parse_mps(mps, "program.mps");
    EXPECT_FALSE(program) << mps;
    text += program ? "" : to_text(program.error()) + "\n";
  }
  return text;
}

// A small scenario that is right.
constexpr std::string_view kScenario = R"(start = "2027-Q1"
quarters = 8
discount_rate = "finance.wacc"
capital = "100 million USD"
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
begins = "2027-Q4"
factor = 2

[[site]]
name = "colo"
power = "5 MW"

[[resource]]
name = "hbm"
source = [{ vendor = "samsung", cap = "9000 chips" }]

[[option]]
name = "gpu"
kind = "buy"
price = "40000 USD"
power = "2 kW"
running = "0.5 USD/h"
tokens = { chat = "9000 tok/s" }
committed = [{ quarter = "2027-Q2", v = "200 chips" }]
max = "900 chips"

[[option]]
name = "own"
kind = "own"
price = "20000 USD"
power = "1.3 kW"
running = "0.4 USD/h"
tokens = { chat = "8000 tok/s" }
max = "2000 chips"
gate = { nre = "50 million USD", decide_by = "2027-Q2", tapeout = "2 quarters", qualification = "1 quarter" }
uses = [{ resource = "hbm", per_chip = 8 }]
)";

// What a line is replaced by.
struct Mistake {
  std::string_view line, by;
};
constexpr Mistake kMistakes[]{
    {"quarters = 8", "quarters = 8\ncolour = 3"},
    {"capital = \"100 million USD\"", "captial = \"100 million USD\""},
    {"unmet = \"1 USD/Mtok\"", ""},
    {"power = \"2 kW\"", "power = 2"},
    {"power = \"2 kW\"", "power = \"2 USD\""},
    {"price = \"40000 USD\"", "price = \"rental.H100.on_demand_2026\""},
    {"max = \"900 chips\"", "max = \"-5 chips\""},
    {"probability = \"30 %\"", "probability = \"40 %\""},
    {"slip = { probability = [\"50 %\", \"30 %\", \"20 %\"] }",
     "slip = { probability = [\"50 %\", \"30 %\", \"30 %\"] }"},
    {"begins = \"2027-Q4\"", "begins = \"2031-Q4\""},
    {"begins = \"2027-Q4\"", "begins = \"autumn\""},
    {"max = \"900 chips\"", "lead = \"3 quarters\"\nbooking = \"2 quarters\""},
    {"max = \"900 chips\"", "max = \"100 chips\""},
    {"power = \"5 MW\"", "power = [{ from = \"2027-Q1\", v = \"0.3 MW\" }]"},
    {"power = \"5 MW\"",
     "power = [{ from = \"2028-Q1\", v = \"5 MW\" }, { from = \"2027-Q1\", v = \"3 MW\" }]"},
    {"tokens = { chat = \"9000 tok/s\" }", "tokens = { chatt = \"9000 tok/s\" }"},
    {"name = \"own\"", "name = \"gpu\""},
    {"running = \"0.5 USD/h\"", ""},
    {"tokens = { chat = \"9000 tok/s\" }", "tokens = { chat = \"compare\" }"},
    {"start = \"2027-Q1\"", "start = \"2027-Q1"},
    // Before the first chips of a programme that is decided can be there.
    {"gate = { nre = \"50 million USD\", decide_by = \"2027-Q2\", tapeout = \"2 quarters\", "
     "qualification = \"1 quarter\" }",
     "committed = [{ quarter = \"2027-Q2\", v = \"100 chips\" }]\n"
     "gate = { passed = true, tapeout = \"2 quarters\", qualification = \"1 quarter\" }"},
    // Of another type than what is expected.
    {"committed = [{ quarter = \"2027-Q2\", v = \"200 chips\" }]", "committed = \"200 chips\""},
    {"max = \"900 chips\"", "max = \"900 chips\"\nsteps = \"-5 %\""},
    {"max = \"900 chips\"", "max = \"900 chips\"\nsteps = [900]"},
    {"qualification = \"1 quarter\" }", "qualification = \"1 quarter\", ramp = \"50 %\" }"},
    {"slip = { probability = [\"50 %\", \"30 %\", \"20 %\"] }",
     "slip = { quarters = \"0\", probability = [\"100 %\"] }"},
    {"slip = { probability = [\"50 %\", \"30 %\", \"20 %\"] }",
     "slip = { probability = \"50 %\" }"},
    {"slip = { probability = [\"50 %\", \"30 %\", \"20 %\"] }", "slip = 3"},
    {"quarters = 8", "quarters = 8\nrisk = 3"},
    {"quarters = 8", "quarters = 8\nvendor_share = \"50 %\""},
    {"tokens = { chat = \"9000 tok/s\" }", "tokens = \"9000 tok/s\""},
    {"name = \"colo\"", "name = \"colo\\u001b[31m\""},
    // What a wrong value stands beside is missing.
    {"max = \"900 chips\"", "max = \"900 chips\"\ntake_or_pay = 60"},
    {"max = \"900 chips\"", "max = \"900 chips\"\ntake_or_pay = \"150 %\""},
    {"max = \"900 chips\"", "max = \"900 chips\"\ntake_or_pay = \"-50 %\""},
    {"source = [{ vendor = \"samsung\", cap = \"9000 chips\" }]", ""},
    {"slip = { probability = [\"50 %\", \"30 %\", \"20 %\"] }", "slip = { quarters = [] }"},
    // Dates are not held against a span that is wrong itself.
    {"quarters = 8", "quarters = 80"},
    {"start = \"2027-Q1\"", "start = \"2028-Q5\""},
    // Nothing could ever be ordered.
    {"max = \"900 chips\"", "max = \"900 chips\"\nminimum_order = \"1000 chips\""},
    {"max = \"900 chips\"",
     "max = \"900 chips\"\nlot = \"600 chips\"\nminimum_order = \"700 chips\""},
    {"committed = [{ quarter = \"2027-Q2\", v = \"200 chips\" }]", "lead = \"8 quarters\""},
    {"discount_rate = \"finance.wacc\"", "discount_rate = \"-100 %\""},
    // No chip costs, serves or is given away like that.
    {"max = \"900 chips\"",
     "max = \"900 chips\"\ndiscount = \"60 %\"\nalternatives = [\"own\"]\n"
     "steps = [{ from = \"100 chips\", change = \"-40 %\" }]"},
    {"price = \"40000 USD\"", "price = \"40 billion USD\""},
    {"tokens = { chat = \"9000 tok/s\" }", "tokens = { chat = \"9000 Mtok/s\" }"},
    {"power = \"5 MW\"", "power = [{ from = \"2027-Q1\", v = \"5 MW\", basis = \"guessed\" }]"},
    {"utilisation = \"60 %\"", "utilisation = \"utilisation.inference_flet\""},
};

std::string replaced(std::string text, std::string_view what, std::string_view by) {
  const std::size_t at = text.find(what);
  EXPECT_NE(at, std::string::npos) << what;
  return text.replace(at, what.size(), by);
}

std::string scenario_errors() {
  ::setenv("CHURON_DATA", CHURON_SOURCE_DIR, 1);
  EXPECT_TRUE(parse_scenario(kScenario, "plan.toml"))
      << to_text(parse_scenario(kScenario, "plan.toml").error());
  std::string text;
  for (const Mistake& mistake : kMistakes) {
    const auto scenario =
        parse_scenario(replaced(std::string(kScenario), mistake.line, mistake.by), "plan.toml");
    EXPECT_FALSE(scenario) << mistake.by;
    text += scenario ? "" : to_text(scenario.error()) + "\n";
  }
  return text;
}

void expect_all_codes(const std::string& text, const std::string& group) {
  const std::string page = golden::file_text(CHURON_SOURCE_DIR "/docs/errors/S.md");
  const std::regex heading("## (" + group + "[0-9]{2}) ");
  for (std::sregex_iterator it(page.begin(), page.end(), heading), end; it != end; ++it) {
    EXPECT_NE(text.find((*it)[1].str()), std::string::npos) << (*it)[1];
  }
}

TEST(PlanErrors, of_mps_files_read_as_they_are_meant_to) {
  golden::compare(mps_errors(), CHURON_SOURCE_DIR "/tests/golden/errors/S01.txt");
  expect_all_codes(mps_errors(), "S01");
}

TEST(PlanErrors, of_scenarios_read_as_they_are_meant_to) {
  golden::compare(scenario_errors(), CHURON_SOURCE_DIR "/tests/golden/errors/S03.txt");
  expect_all_codes(scenario_errors(), "S03");
}

Result<Solution> says_nothing(const Program&, const SolveOptions&) {
  return Solution{.values = {}, .objective = 2, .bound = 2, .duals = {}};
}
Result<Solution> breaks_a_row(const Program&, const SolveOptions&) {
  return Solution{.values = {1, 0}, .objective = 1, .bound = 1, .duals = {}};
}

// CBC is a program of its own; without descriptors none is started.
Result<Solution> without_descriptors() {
  rlimit before = {};
  ::getrlimit(RLIMIT_NOFILE, &before);
  rlimit none = before;
  none.rlim_cur = 0;
  ::setrlimit(RLIMIT_NOFILE, &none);
  auto solution = solve(test::two_items(), {}, SolverKind::cbc);
  ::setrlimit(RLIMIT_NOFILE, &before);
  return solution;
}

TEST(PlanErrors, of_solvers_read_as_they_are_meant_to) {
  golden::Errors errors;
  errors.add(
      "a solver without a solution",
      solve(test::two_items(), {}, SolverEntry{SolverKind::cbc, "liar", "Liar", says_nothing}));
  errors.add(
      "a solution that breaks a row",
      solve(test::two_items(), {}, SolverEntry{SolverKind::cbc, "liar", "Liar", breaks_a_row}));
  errors.add("no descriptor for CBC", without_descriptors());
  golden::compare(errors.text(), CHURON_SOURCE_DIR "/tests/golden/errors/S02.txt");
}

TEST(PlanErrors, committed_chips_take_power_until_their_life_has_ended) {
  ::setenv("CHURON_DATA", CHURON_SOURCE_DIR, 1);
  // Twice 1.6 MW, one after the other, where 2 MW are.
  std::string toml = replaced(std::string(kScenario), "power = \"5 MW\"", "power = \"2 MW\"");
  toml = replaced(toml, "v = \"200 chips\" }",
                  "v = \"800 chips\" }, { quarter = \"2027-Q4\", v = \"800 chips\" }");
  const std::string_view max = "max = \"900 chips\"";
  const auto ended = parse_scenario(
      replaced(toml, max, "life = \"2 quarters\"\nmax = \"900 chips\""), "plan.toml");
  EXPECT_TRUE(ended) << to_text(ended.error());
  const auto beside = parse_scenario(
      replaced(toml, max, "life = \"3 quarters\"\nmax = \"900 chips\""), "plan.toml");
  ASSERT_FALSE(beside);
  EXPECT_EQ(beside.error().front().code, "S0307");
}

}  // namespace
}  // namespace churon::plan
