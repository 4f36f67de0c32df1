// `churon plan`: an order book from a scenario; any program in MPS form through the same solvers.
#include <fmt/format.h>

#include <memory>

#include "base/file.h"
#include "cli/verb.h"
#include "plan/elastic.h"
#include "plan/mps.h"
#include "plan/solver.h"
#include "report/program_report.h"

namespace churon::cli {

namespace {

constexpr std::uint64_t kMpsSizeMax = std::uint64_t{256} << 20;
// Of --mps, where the optimum itself is asked for; --gap says otherwise.
constexpr double kGapOfMps = 1e-6;

struct Words {
  std::string mps, solver = "highs";
  double gap = -1;
  double time_limit_s = 600;
};

plan::SolverKind solver_of(const std::string& word) {
  plan::SolverKind kind = plan::SolverKind::highs;
  for (const plan::SolverEntry& entry : plan::solvers()) {
    kind = entry.word == word ? entry.kind : kind;
  }
  return kind;
}

ExitCode ended(const Terminal& terminal, const report::ProgramRecord& record) {
  const std::string file = record.file;
  switch (record.solution.status) {
    case plan::Status::optimal:
      return ExitCode::ok;
    case plan::Status::infeasible:
      return terminal.report({{.code = "S0201",
                               .message = fmt::format("{} has no solution", file),
                               .exit = ExitCode::infeasible}});
    case plan::Status::unbounded:
      return terminal.report({{.code = "S0202",
                               .message = fmt::format("the objective of {} has no end", file),
                               .exit = ExitCode::infeasible}});
    case plan::Status::time_limit:
      return terminal.report({{.code = "S0205",
                               .message = "the time limit ended the search",
                               .help = {"--time-limit SECONDS gives it more"}}});
    case plan::Status::interrupted:
      return ExitCode::interrupted;
  }
  return ExitCode::ok;
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
                                   .interrupted = interrupted};
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
      record.conflict = std::move(*conflict);
    }
  }
  terminal.out(terminal.json ? dump_json(report::program_json(record)) + "\n"
                             : report::program_text(record));
  return ended(terminal, record);
}

}  // namespace

Action configure_plan(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("--mps", words->mps, "solve the linear or integer program of an MPS file")
      ->type_name("FILE")
      ->required();
  std::vector<std::string> solvers;
  for (const plan::SolverEntry& entry : plan::solvers()) {
    solvers.emplace_back(entry.word);
  }
  app.add_option("--solver", words->solver, "which solver; default highs")
      ->check(CLI::IsMember(solvers));
  app.add_option("--gap", words->gap, "how far from the optimum, relative; default 1e-6 with --mps")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("SHARE");
  app.add_option("--time-limit", words->time_limit_s, "of a search, in seconds; default 600")
      ->check(CLI::Range(0.1, 1e6))
      ->type_name("SECONDS");
  return [words](const Terminal& terminal) { return solve_mps(terminal, *words); };
}

}  // namespace churon::cli
