// `churon plan`: an order book from a scenario; any program in MPS form through the same solvers.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>

#include "base/file.h"
#include "cli/serving_options.h"
#include "cli/values.h"
#include "cli/verb.h"
#include "numeric/thread_pool.h"
#include "plan/elastic.h"
#include "plan/mps.h"
#include "plan/planner.h"
#include "plan/scenario_read.h"
#include "plan/solver.h"
#include "report/format.h"
#include "report/plan_report.h"
#include "report/plan_view.h"
#include "report/program_report.h"

namespace churon::cli {

namespace {

constexpr std::uint64_t kMpsSizeMax = std::uint64_t{256} << 20;
// Of --mps, where the optimum itself is asked for; --gap says otherwise.
constexpr double kGapOfMps = 1e-6;

struct Words {
  std::string scenario, mps, solver = "highs";
  std::string data, svg, mps_out, explain;
  double gap = -1;
  double time_limit_s = 600;
  int threads = 0;
  std::uint64_t seed = 1;
  bool quick = false;
};

plan::SolverKind solver_of(const std::string& word) {
  const auto all = plan::solvers();
  return std::find_if(all.begin(), all.end(),
                      [&](const plan::SolverEntry& one) { return one.word == word; })
      ->kind;
}

// What is said beside a result, by what ended the search.
ExitCode ended(const Terminal& terminal, plan::Status status, bool has_found,
               const std::string& file) {
  const std::string_view before = has_found ? "" : " before anything was found";
  switch (status) {
    case plan::Status::optimal:
      return ExitCode::ok;
    case plan::Status::infeasible:
      return terminal.report(
          {{.code = "S0201",
            .message = fmt::format("{} has no solution", file),
            .help = {"the output names the rows that exclude each other, and the "
                     "smallest relaxation"},
            .exit = ExitCode::infeasible}});
    case plan::Status::unbounded:
      return terminal.report({{.code = "S0202",
                               .message = fmt::format("the objective of {} has no end", file),
                               .help = {"a variable or a row lacks a bound"},
                               .exit = ExitCode::infeasible}});
    case plan::Status::time_limit:
      return terminal.report({{.code = "S0205",
                               .message = fmt::format("the time limit ended the search{}", before),
                               .help = {"--time-limit SECONDS gives it more"}}});
    case plan::Status::interrupted:
      terminal.note(fmt::format("interrupted{}", before));
      return ExitCode::interrupted;
  }
  return ExitCode::ok;
}

// The line of progress; `text` says a value.
template <typename Text>
std::function<void(double, double)> progress(const Terminal& terminal, Text text) {
  return [&terminal, text](double objective, double bound) {
    const std::string no_better =
        std::isfinite(bound) ? fmt::format("; none is better than {}", text(bound)) : "";
    terminal.show_progress(fmt::format("best so far {}{}", text(objective), no_better));
  };
}

ExitCode solve_mps(const Terminal& terminal, const Words& words) {
  const auto text = read_file(words.mps == "-" ? "/dev/stdin" : words.mps, kMpsSizeMax);
  if (!text) {
    return terminal.report(text.error());
  }
  auto program = plan::parse_mps(*text, words.mps);
  if (!program) {
    return terminal.report(program.error());
  }
  const plan::SolveOptions options{.gap = words.gap >= 0 ? words.gap : kGapOfMps,
                                   .time_limit_s = words.time_limit_s,
                                   .interrupted = interrupted,
                                   .improved = progress(terminal, report::number)};
  auto solution = plan::solve(*program, options, solver_of(words.solver));
  if (!solution) {
    return terminal.report(solution.error());
  }
  report::ProgramRecord record{.file = words.mps,
                               .program = std::move(*program),
                               .solver = solver_of(words.solver),
                               .gap_wanted = options.gap,
                               .solution = std::move(*solution),
                               .conflict = {}};
  if (record.solution.status == plan::Status::infeasible) {
    // Without an answer to why, that there is no solution still stands.
    if (auto conflict = plan::conflict(record.program, plan::all_rows(record.program), options)) {
      if (*conflict && (*conflict)->smallest.empty()) {
        return terminal.report(plan::contradiction().value());
      }
      record.conflict = std::move(*conflict);
    }
  }
  terminal.out(terminal.json ? dump_json(report::program_json(record)) + "\n"
                             : report::program_text(record));
  return ended(terminal, record.solution.status, record.solution.has_values(), record.file);
}

// The model as MPS and its solution beside it.
Result<void> write_model(const std::string& path, const report::PlanRecord& record) {
  const plan::Scenario& scenario = *record.plan.scenario;
  const std::string comment = fmt::format(
      "{}, by churon plan\nmoney in units of {} USD of today, orders in {} chips or lots, "
      "tokens in {} per second",
      scenario.name, record.plan.model.money, record.plan.model.chips, record.plan.model.tokens);
  if (const auto done = write_file_atomically(path, plan::mps(record.plan.model.program, comment));
      !done) {
    return done;
  }
  return write_file_atomically(path + ".sol", report::plan_solution_text(record));
}

ExitCode written(const Terminal& terminal, const Words& words, const report::PlanRecord& record) {
  if (!words.svg.empty()) {
    if (const auto done = write_picture(terminal, words.svg, report::plan_svg(record)); !done) {
      return terminal.report(done.error());
    }
  }
  if (!words.mps_out.empty()) {
    if (const auto done = write_model(words.mps_out, record); !done) {
      return terminal.report(done.error());
    }
  }
  return ExitCode::ok;
}

ExitCode plan_of(const Terminal& terminal, const Words& words) {
  auto scenario = plan::read_scenario(words.scenario, words.data);
  if (!scenario) {
    return terminal.report(scenario.error());
  }
  const plan::PlanOptions options{
      .solver = solver_of(words.solver),
      .gap = words.gap >= 0 ? words.gap : plan::PlanOptions{}.gap,
      .time_limit_s = words.time_limit_s,
      .threads = words.threads > 0 ? words.threads : numeric::processors_available(),
      .with_policies = !words.quick,
      .interrupted = interrupted,
      .improved = progress(terminal, report::usd)};
  auto made = plan::plan(std::move(*scenario), options);
  if (!made) {
    return terminal.report(made.error());
  }
  const report::PlanRecord record = report::plan_record(std::move(*made), options, words.seed);
  const plan::Outcome& best = record.plan.best;
  if (!best.has_plan) {
    terminal.out(terminal.json ? dump_json(report::plan_json(record)) + "\n"
                 : best.status == plan::Status::infeasible ? report::infeasible_text(record)
                                                           : "");
    return ended(terminal, best.status, false, words.scenario);
  }
  if (!words.explain.empty()) {
    const auto text = report::plan_explanation(record, words.explain);
    if (!text) {
      return terminal.report(text.error());
    }
    terminal.explain(words.explain, *text);
  } else {
    terminal.out(terminal.json ? dump_json(report::plan_json(record)) + "\n"
                               : report::plan_text(record, terminal.columns));
  }
  const ExitCode done = written(terminal, words, record);
  return done == ExitCode::ok ? ended(terminal, best.status, true, words.scenario) : done;
}

}  // namespace

Action configure_plan(CLI::App& app) {
  auto words = std::make_shared<Words>();
  auto* scenario =
      app.add_option("SCENARIO", words->scenario, "a scenario: examples/startup.toml, docs/plan.md")
          ->type_name("SCENARIO");
  auto* mps = app.add_option("--mps", words->mps,
                             "solve the linear or integer program of an MPS file instead")
                  ->type_name("FILE");
  std::vector<std::string> solvers;
  for (const plan::SolverEntry& entry : plan::solvers()) {
    solvers.emplace_back(entry.word);
  }
  app.add_option("--solver", words->solver, "which solver; default highs")
      ->check(CLI::IsMember(solvers));
  app.add_option("--gap", words->gap,
                 "how far from the optimum, relative; default 1e-5, with --mps 1e-6")
      ->check(number_within(0, 1))
      ->type_name("SHARE");
  app.add_option("--time-limit", words->time_limit_s, "of a search, in seconds; default 600")
      ->check(number_within(0.1, 1e6))
      ->type_name("SECONDS");
  for (CLI::Option* option :
       {app.add_option("--explain", words->explain, "why a number is what it is")->type_name("KEY"),
        app.add_option("--svg", words->svg, "fleet, tokens, cash and futures as a picture")
            ->type_name("FILE"),
        app.add_option("--mps-out", words->mps_out,
                       "the model as an MPS file, its solution in FILE.sol beside it")
            ->type_name("FILE"),
        app.add_option("--data", words->data, "folder of the cost tables; default the tool's")
            ->type_name("FOLDER"),
        app.add_option("--seed", words->seed, "of the draws of prices; default 1")
            ->check(seed_value()),
        app.add_option("-t,--threads", words->threads,
                       "programs solved side by side; default all processors")
            ->check(CLI::Range(0, 64)),
        app.add_flag("--quick", words->quick,
                     "the plan alone: no cost of waiting, no regret, no value of the own chip")}) {
    option->excludes(mps);
  }
  scenario->excludes(mps);
  return [words](const Terminal& terminal) {
    if (words->mps.empty() && words->scenario.empty()) {
      return terminal.report(
          {usage("S0401", "nothing to plan: a scenario is missing",
                 {"churon plan examples/startup.toml", "or an MPS file: churon plan --mps FILE"})});
    }
    return words->mps.empty() ? plan_of(terminal, *words) : solve_mps(terminal, *words);
  };
}

}  // namespace churon::cli
