#include "plan/solver.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/random.h"
#include "plan/checker.h"
#include "plan/elastic.h"
#include "programs.h"

namespace churon::plan {
namespace {

using testing::HasSubstr;

// Whole numbers from `low` to `high`, by seed and index alone.
struct Draws {
  std::uint64_t seed;
  std::uint32_t at = 0;
  int draw(int low, int high) {
    const auto bits = philox4x32({at++, 0, 0, 0}, seed)[0];
    return low + static_cast<int>(bits % static_cast<std::uint32_t>(high - low + 1));
  }
};

// Four integers of 0..4 (one of -2..2), three rows: small enough to try all values.
Program small_program(std::uint64_t seed) {
  Draws draws{seed};
  Program program;
  program.maximise = draws.draw(0, 1) == 1;
  program.offset = draws.draw(-5, 5);
  std::vector<VariableId> x;
  for (int i = 0; i < 4; ++i) {
    x.push_back(program.add({std::string("x") + std::to_string(i), i == 3 ? -2.0 : 0.0,
                             i == 3 ? 2.0 : 4.0, static_cast<double>(draws.draw(-7, 7)), true}));
  }
  for (int i = 0; i < 3; ++i) {
    std::vector<Term> terms;
    for (const VariableId id : x) {
      terms.push_back({id, static_cast<double>(draws.draw(-4, 6))});
    }
    const double low = draws.draw(-6, 9);
    const int type = draws.draw(0, 3);
    program.add({"r" + std::to_string(i), type == 1 ? -kInfinity : low,
                 type == 0   ? kInfinity
                 : type == 3 ? low
                             : low + draws.draw(1, 8)},
                terms);
  }
  return program;
}

std::optional<double> best_by_trying_all(const Program& program) {
  std::optional<double> best;
  for (int code = 0; code < 625; ++code) {
    const std::vector<double> values{
        static_cast<double>(code % 5), static_cast<double>(code / 5 % 5),
        static_cast<double>(code / 25 % 5), static_cast<double>(code / 125) - 2};
    bool satisfies = true;
    for (int i = 0; i < program.row_count(); ++i) {
      const double activity = program.activity({i}, values);
      satisfies = satisfies && activity >= program.at(RowId{i}).lower &&
                  activity <= program.at(RowId{i}).upper;
    }
    const double objective = program.objective(values);
    if (satisfies && (!best || (program.maximise ? objective > *best : objective < *best))) {
      best = objective;
    }
  }
  return best;
}

TEST(Solvers, agree_with_trying_all_values) {
  int feasible = 0;
  for (std::uint64_t seed = 1; seed <= 120; ++seed) {
    const Program program = small_program(seed);
    const auto best = best_by_trying_all(program);
    feasible += best ? 1 : 0;
    for (const SolverEntry& solver : solvers()) {
      const auto solution = solve(program, {.gap = 0}, solver.kind);
      ASSERT_TRUE(solution) << seed << " " << solver.word << to_text(solution.error());
      ASSERT_EQ(solution->status, best ? Status::optimal : Status::infeasible)
          << seed << " " << solver.word;
      if (best) {
        EXPECT_NEAR(solution->objective, *best, 1e-7) << seed << " " << solver.word;
        EXPECT_NEAR(solution->bound, *best, 1e-5) << seed << " " << solver.word;
      }
    }
  }
  EXPECT_GT(feasible, 30);
  EXPECT_LT(feasible, 115);
}

TEST(Solvers, tell_no_solution_from_no_end) {
  for (const SolverEntry& solver : solvers()) {
    for (const bool integer : {false, true}) {
      Program program;
      const VariableId x = program.add({"x", 0, kInfinity, -1, integer});
      const VariableId y = program.add({"y", 0, kInfinity, 0, integer});
      program.add({"r", 1, 1}, std::vector<Term>{{x, 1}, {y, -1}});
      EXPECT_EQ(solve(program, {}, solver.kind)->status, Status::unbounded)
          << solver.word << integer;
      program.add({"s", -kInfinity, -1}, std::vector<Term>{{x, 1}, {y, 1}});
      EXPECT_EQ(solve(program, {}, solver.kind)->status, Status::infeasible)
          << solver.word << integer;
    }
  }
}

TEST(Solvers, say_of_no_program_that_it_has_no_end_where_it_has_one) {
  Program program;  // numbers that are too large for CBC
  program.maximise = true;
  const VariableId x = program.add({"x", 0, kInfinity, 1, true});
  const VariableId y = program.add({"y", 0, kInfinity, 1, true});
  program.add({"r", -kInfinity, 1e18}, std::vector<Term>{{x, 3}, {y, 7}});
  for (const SolverEntry& solver : solvers()) {
    const auto solution = solve(program, {}, solver.kind);
    EXPECT_TRUE(solution ? solution->status == Status::optimal
                         : solution.error().front().code == "S0203")
        << solver.word;
  }
}

TEST(Solvers, give_the_price_of_a_row_of_a_linear_program) {
  Program program;
  const VariableId x = program.add({"x", 0, kInfinity, 3});
  const VariableId y = program.add({"y", 0, 4, 2});
  program.add({"need", 10, kInfinity}, std::vector<Term>{{x, 1}, {y, 1}});
  const auto solution = solve(program, {});
  ASSERT_TRUE(solution);
  EXPECT_NEAR(solution->objective, 26, 1e-9);
  ASSERT_EQ(solution->duals.size(), 1U);
  EXPECT_NEAR(solution->duals[0], 3, 1e-9);
}

TEST(Solvers, run_side_by_side_with_the_same_result) {
  constexpr std::size_t kThreads = 4;
  for (const SolverEntry& solver : solvers()) {
    std::vector<double> alone, together(16);
    for (std::uint64_t seed = 1; seed <= 16; ++seed) {
      alone.push_back(solve(small_program(seed), {}, solver.kind)->objective);
    }
    std::vector<std::thread> threads;
    for (std::size_t first = 0; first < kThreads; ++first) {
      threads.emplace_back([&, first] {
        for (std::size_t i = first; i < together.size(); i += kThreads) {
          together[i] = solve(small_program(i + 1), {}, solver.kind)->objective;
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
    EXPECT_EQ(alone, together) << solver.word;
  }
}

// Forty items of two knapsacks that nearly tie: no solver is done at once.
Program knapsacks() {
  Draws draws{99};
  Program program;
  program.maximise = true;
  std::vector<Term> a, b;
  for (int i = 0; i < 60; ++i) {
    const int weight = draws.draw(1000, 1999), other = draws.draw(1000, 1999);
    const VariableId x =
        program.add({"x" + std::to_string(i), 0, 1,
                     static_cast<double>(weight + other + draws.draw(0, 9)), true});
    a.push_back({x, static_cast<double>(weight)});
    b.push_back({x, static_cast<double>(other)});
  }
  program.add({"a", -kInfinity, 40000}, a);
  program.add({"b", -kInfinity, 41000}, b);
  return program;
}

TEST(Solvers, keep_the_best_solution_when_they_are_interrupted) {
  const Program program = knapsacks();
  for (const SolverEntry& solver : solvers()) {
    std::optional<double> best;
    const auto solution = solve(program,
                                {.gap = 0,
                                 .interrupted = [&] { return best.has_value(); },
                                 .improved =
                                     [&](double objective, double bound) {
                                       EXPECT_GT(objective, best.value_or(-kInfinity));
                                       EXPECT_GE(bound, objective);
                                       best = objective;
                                     }},
                                solver.kind);
    ASSERT_TRUE(solution) << solver.word;
    ASSERT_EQ(solution->status, Status::interrupted) << solver.word;
    ASSERT_TRUE(solution->has_values()) << solver.word;
    EXPECT_GE(solution->objective, best.value_or(kInfinity)) << solver.word;
    EXPECT_GT(solution->bound, solution->objective) << solver.word;
    EXPECT_TRUE(violations(program, solution->values, solution->objective).empty());
  }
}

TEST(Solvers, have_nothing_where_they_are_interrupted_at_once) {
  for (const SolverEntry& solver : solvers()) {
    const auto solution =
        solve(knapsacks(), {.gap = 0, .interrupted = [] { return true; }}, solver.kind);
    ASSERT_TRUE(solution) << solver.word;
    EXPECT_EQ(solution->status, Status::interrupted) << solver.word;
    EXPECT_FALSE(solution->has_values()) << solver.word;
  }
}

TEST(Solvers, end_at_the_time_limit) {
  for (const SolverEntry& solver : solvers()) {
    const auto solution = solve(knapsacks(), {.gap = 0, .time_limit_s = 0.2}, solver.kind);
    ASSERT_TRUE(solution) << solver.word;
    EXPECT_EQ(solution->status, Status::time_limit) << solver.word;
  }
}

// Searches that this process has begun and that have not ended.
std::vector<pid_t> searches() {
  std::vector<pid_t> found;
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream file(entry.path() / "stat");
    pid_t process = 0, parent = 0;
    std::string name, state;
    if (file >> process >> name >> state >> parent && parent == ::getpid() && state != "Z" &&
        name == "(churon-cbc)") {
      found.push_back(process);
    }
  }
  return found;
}

SolveOptions at_the_first_solution(const std::function<void()>& act) {
  return {.gap = 0, .improved = [act, first = true](double, double) mutable {
            if (first) {
              act();
            }
            first = false;
          }};
}

TEST(Cbc, is_given_nothing_that_its_caller_has_open) {
  const int open = ::memfd_create("its-caller", 0);  // no MFD_CLOEXEC
  std::vector<std::string> descriptors;
  SolveOptions options = at_the_first_solution([&] {
    for (const pid_t search : searches()) {
      for (const auto& entry :
           std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", search))) {
        descriptors.push_back(std::filesystem::read_symlink(entry).string());
      }
    }
  });
  options.interrupted = [&] { return !descriptors.empty(); };
  ASSERT_TRUE(solve(knapsacks(), options, SolverKind::cbc));
  ::close(open);
  EXPECT_THAT(descriptors, testing::Contains(HasSubstr("memfd:churon-cbc")));
  EXPECT_THAT(descriptors, testing::Not(testing::Contains(HasSubstr("its-caller"))));
}

TEST(Cbc, whose_search_is_killed_is_an_error_that_says_so) {
  const auto solution = solve(knapsacks(), at_the_first_solution([] {
                                for (const pid_t search : searches()) {
                                  ::kill(search, SIGKILL);
                                }
                              }),
                              SolverKind::cbc);
  ASSERT_FALSE(solution);
  EXPECT_EQ(solution.error().front().code, "S0203");
  EXPECT_THAT(solution.error().front().message, HasSubstr("Killed"));
}

TEST(Cbc, leaves_no_search_behind) {
  ASSERT_TRUE(solve(knapsacks(), {.gap = 0, .time_limit_s = 0.1}, SolverKind::cbc));
  EXPECT_TRUE(searches().empty());
}

template <int lie>
Result<Solution> liar(const Program&, const SolveOptions&) {
  Solution said{.values = {2, 0}, .objective = 2, .bound = 2, .duals = {}};
  switch (lie) {
    case 1:
      said.values = {1, 0};
      said.objective = 1;
      break;
    case 2:
      said.objective = 1.5;
      break;
    case 3:
      said.values = {2, std::nan("")};
      break;
    case 4:
      said.values = {2};
      break;
    case 5:
      said.bound = 3;
      break;
    case 6:
      said.bound = std::nan("");
      break;
    case 7:
      said.bound = kInfinity;
      break;
    case 8:
      return fail("S0203", "gave up");
    case 9:
      said.values = {};
      break;
    case 10:
      said.bound = 1;
      break;
    case 11:
      said.bound = -kInfinity;
      break;
    case 12:
      said.status = Status::time_limit;
      said.bound = 1;
      break;
    case 13:
      said = {.status = Status::unbounded, .values = {}, .duals = {}};
      break;
    default:
      break;
  }
  return said;
}

TEST(Solvers, are_believed_in_nothing) {
  const auto code = [](Result<Solution> (*lie)(const Program&, const SolveOptions&)) {
    const auto solution =
        solve(test::two_items(), {}, SolverEntry{SolverKind::cbc, "liar", "Liar", lie});
    return solution ? "none" : solution.error().front().code;
  };
  EXPECT_EQ(code(liar<0>), "none");
  EXPECT_EQ(code(liar<1>), "S0204");  // a row is broken
  EXPECT_EQ(code(liar<2>), "S0204");  // the objective is another
  EXPECT_EQ(code(liar<3>), "S0204");  // no numbers
  EXPECT_EQ(code(liar<4>), "S0204");  // too few of them
  EXPECT_EQ(code(liar<5>), "S0204");  // better than the bound on all solutions
  EXPECT_EQ(code(liar<6>), "S0204");
  EXPECT_EQ(code(liar<7>), "S0204");
  EXPECT_EQ(code(liar<8>), "S0203");
  EXPECT_EQ(code(liar<9>), "S0203");   // optimal, and nothing found
  EXPECT_EQ(code(liar<10>), "S0203");  // optimal, and far from the bound
  EXPECT_EQ(code(liar<11>), "S0203");
  EXPECT_EQ(code(liar<13>), "S0203");  // without end, and all variables have bounds
  EXPECT_EQ(code(liar<12>), "none");   // the same at the end of its time is none
}

TEST(Checker, finds_what_breaks_a_program) {
  Program program;
  const VariableId x = program.add({"x", 0, 3, 1, true});
  const VariableId y = program.add({"y", -1, 1, 2});
  program.add({"r", 1, 2}, std::vector<Term>{{x, 1}, {y, 1}});
  const auto worst = [&](std::vector<double> values, double objective) {
    const auto found = violations(program, values, objective);
    return found.empty() ? std::string("none") : found.front().what;
  };
  EXPECT_EQ(worst({1, 0.5}, 2), "none");
  EXPECT_THAT(worst({1, 0.5}, 2.1), HasSubstr("objective"));
  EXPECT_THAT(worst({1, 1.001}, 3.002), HasSubstr("above 1"));
  EXPECT_THAT(worst({3, 1}, 5), HasSubstr("row `r`"));
  EXPECT_THAT(worst({0.5, 0.5}, 1.5), HasSubstr("whole"));
  EXPECT_THAT(worst({-1, 1}, 1), HasSubstr("below"));
  EXPECT_THAT(worst({1, std::nan("")}, 1), HasSubstr("no number"));
  EXPECT_THAT(worst({1}, 1), HasSubstr("1 values"));
}

TEST(Conflict, tells_nobody_of_solutions_that_are_none_of_the_program) {
  Program program;
  const VariableId x = program.add({"x", 0, 9, 1, true});
  const VariableId y = program.add({"y", 0, 9, 1, true});
  program.add({"odd", 3, 3}, std::vector<Term>{{x, 2}, {y, 4}});
  const SolveOptions options{.improved = [](double, double) { ADD_FAILURE(); }};
  const auto found = conflict(program, all_rows(program), options);
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->smallest.size(), 1U);
}

TEST(Conflict, names_the_rows_and_the_smallest_relaxation) {
  Program program;
  const VariableId x = program.add({"x", 0, kInfinity, 1});
  const VariableId y = program.add({"y", 0, kInfinity, 1});
  program.add({"need", 10, kInfinity}, std::vector<Term>{{x, 1}, {y, 1}});
  program.add({"cap x", -kInfinity, 4}, std::vector<Term>{{x, 1}});
  program.add({"cap y", -kInfinity, 5}, std::vector<Term>{{y, 1}});
  program.add({"no matter", -kInfinity, 100}, std::vector<Term>{{x, 1}, {y, -1}});
  ASSERT_EQ(solve(program, {})->status, Status::infeasible);
  const auto found = conflict(program, all_rows(program), {});
  ASSERT_TRUE(found && *found);
  ASSERT_EQ((*found)->smallest.size(), 1U);
  EXPECT_EQ(program.at((*found)->smallest[0].row).name, "need");  // relative to 10 it is cheapest
  EXPECT_NEAR((*found)->smallest[0].by, -1, 1e-7);
  ASSERT_EQ((*found)->rows.size(), 3U);
  EXPECT_EQ(program.at((*found)->rows[0]).name, "need");
  program.at(RowId{2}).upper = 6;
  const auto none = conflict(program, all_rows(program), {});
  ASSERT_TRUE(none && *none);
  EXPECT_TRUE((*none)->smallest.empty() && (*none)->rows.empty());
}

}  // namespace
}  // namespace churon::plan
