// `churon cost`: from the chip description to dollars; tables through the models.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/data_dir.h"
#include "base/file.h"
#include "chip/chip.h"
#include "cli/verb.h"
#include "cost/costing.h"
#include "cost/vectors.h"
#include "numeric/thread_pool.h"
#include "report/cost_report.h"

namespace churon::cli {

namespace {

constexpr std::uint64_t kTableSizeMax = std::uint64_t{64} << 20;
constexpr std::int64_t kDrawsMax = 4'000'000;

struct Words {
  std::string subject;  // a chip, or the table of --vectors
  std::string vectors, data, hbm_basis, loss, package, as_of, like, explain;
  std::vector<std::string> scenarios, set;
  std::int64_t draws = cost::DrawOptions{}.draws;
  std::uint64_t seed = 1;
  int threads = 0;
};

std::string folder(const Words& words) {
  return words.data.empty() ? data_path("data/cost") : words.data;
}

ExitCode vectors(const Terminal& terminal, const Words& words) {
  auto text = read_file(words.subject == "-" ? "/dev/stdin" : words.subject, kTableSizeMax);
  if (!text) {
    return terminal.report(text.error());
  }
  const auto table = cost::vectors(words.vectors, std::move(*text), words.subject, folder(words));
  if (!table) {
    return terminal.report(table.error());
  }
  terminal.out(*table);
  return ExitCode::ok;
}

Result<cost::CostOptions> options_of(const Words& words) {
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
      findings.push_back({.code = "K0305",
                          .message = fmt::format("`{}` is not a date", words.as_of),
                          .help = {"a month or a day: 2026-11, 2026-11-25"},
                          .exit = ExitCode::usage});
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
  options.data = folder(words);
  return options;
}

ExitCode cost_of(const Terminal& terminal, const Words& words) {
  auto options = options_of(words);
  if (!options) {
    return terminal.report(options.error());
  }
  const auto tables = cost::Tables::load(options->data);
  if (!tables) {
    return terminal.report(tables.error());
  }
  // A --set is for the tables where they have such a row, else for the chip.
  std::vector<std::string> for_chip;
  for (const std::string& set : words.set) {
    (cost::is_row(set.substr(0, set.find('=')), *tables) ? options->set : for_chip).push_back(set);
  }
  const auto chip = chip::load(words.subject, for_chip);
  if (!chip) {
    return terminal.report(chip.error());
  }
  const auto like = words.like.empty() ? Result<chip::Chip>{chip::Chip{}} : chip::load(words.like);
  if (!like) {
    return terminal.report(like.error());
  }
  options->like = words.like.empty() ? nullptr : &*like;
  auto costing = cost::costing(*chip, *options);
  if (!costing) {
    return terminal.report(costing.error());
  }
  const cost::DrawOptions draws{
      .seed = words.seed,
      .draws = words.draws,
      .threads = words.threads > 0 ? words.threads : numeric::processors_available()};
  const report::CostRecord record =
      report::cost_record(std::move(*costing), draws, words.scenarios);
  if (!words.explain.empty()) {
    const auto text = report::cost_explanation(record, words.explain);
    if (!text) {
      return terminal.report(text.error());
    }
    terminal.out(*text);
    return ExitCode::ok;
  }
  const auto charset = terminal.interactive ? report::Charset::unicode : report::Charset::ascii;
  terminal.out(terminal.json ? dump_json(report::cost_json(record)) + "\n"
                             : report::cost_text(record, charset));
  return ExitCode::ok;
}

template <typename Entries>
std::vector<std::string> words_of(const Entries& entries) {
  std::vector<std::string> words;
  for (const auto& entry : entries) {
    words.emplace_back(entry.word);
  }
  return words;
}

}  // namespace

Action configure_cost(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("CHIP", words->subject, "a chip's name or file; a table with --vectors")
      ->required()
      ->type_name("CHIP");
  app.add_option("--hbm-basis", words->hbm_basis,
                 "prices of memory: published bills of material (bom) or contracts; default the "
                 "description's, bom for bought chips")
      ->check(CLI::IsMember({"bom", "contract"}));
  app.add_option("--package", words->package,
                 "how an own chip is packaged, at the tables' prices; default the description's")
      ->check(CLI::IsMember(words_of(cost::packages())));
  app.add_option("--loss", words->loss, "who pays for packages that fail; default buyer")
      ->check(CLI::IsMember(words_of(cost::losses())));
  app.add_option("--scenario", words->scenarios, "a group of prices times a factor: hbm+20%")
      ->type_name("GROUP+N%");
  app.add_option("--set", words->set,
                 "another value of the chip (memory.hbm.stacks=6) or of a row of the cost tables "
                 "(wafer_price.N4=15000)")
      ->type_name("KEY=VALUE");
  app.add_option("--as-of", words->as_of,
                 fmt::format("what counts as today; default {}", cost::kToday))
      ->type_name("DATE");
  app.add_option("--like", words->like,
                 "life, cost of capital, space, electricity and PUE of that chip's description")
      ->type_name("CHIP");
  app.add_option("--explain", words->explain, "why a number is what it is")->type_name("KEY");
  app.add_option("--draws", words->draws, "draws of all uncertain inputs")
      ->check(CLI::Range(std::int64_t{100}, kDrawsMax));
  app.add_option("--seed", words->seed, "of the draws; default 1");
  app.add_option("-t,--threads", words->threads, "threads of this machine; default all")
      ->check(CLI::Range(0, 1024));
  app.add_option("--vectors", words->vectors,
                 "a table (CSV) through a model: chiplet-actuary, harvest or dies")
      ->type_name("KIND");
  app.add_option("--data", words->data, "folder of the cost tables; default the tool's")
      ->type_name("FOLDER");
  return [words](const Terminal& terminal) {
    return words->vectors.empty() ? cost_of(terminal, *words) : vectors(terminal, *words);
  };
}

}  // namespace churon::cli
