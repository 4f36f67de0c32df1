// `churon cost`: from the chip description to dollars; tables through the models.
#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/file.h"
#include "chip/chip.h"
#include "cli/cost_options.h"
#include "cli/verb.h"
#include "cost/costing.h"
#include "cost/vectors.h"
#include "numeric/thread_pool.h"
#include "report/cost_report.h"
#include "silicon/area.h"
#include "silicon/floorplan.h"

namespace churon::cli {

namespace {

constexpr std::uint64_t kTableSizeMax = std::uint64_t{64} << 20;

struct Words {
  std::string subject;  // a chip, or the table of --vectors
  std::string vectors, explain;
  CostWords cost;
  int threads = 0;
};

ExitCode vectors(const Terminal& terminal, const Words& words) {
  auto text = read_file(words.subject == "-" ? "/dev/stdin" : words.subject, kTableSizeMax);
  if (!text) {
    return terminal.report(text.error());
  }
  const auto table = cost::vectors(words.vectors, std::move(*text), words.subject,
                                   cost::data_folder(words.cost.data));
  if (!table) {
    return terminal.report(table.error());
  }
  terminal.out(*table);
  return ExitCode::ok;
}

// Why nobody could make an own chip as it is described; empty where somebody could, and for chips
// that were made.
std::vector<std::string> obstacles(const chip::Chip& chip) {
  if (chip.kind != chip::Kind::full) {
    return {};
  }
  const auto area = silicon::area(chip);
  if (!area) {
    return {};
  }
  const auto plan = silicon::makeable_floorplan(chip, *area);
  std::vector<std::string> texts;
  if (!plan) {
    for (const Diagnostic& one : plan.error()) {
      texts.push_back(one.message);
    }
  }
  return texts;
}

ExitCode cost_of(const Terminal& terminal, const Words& words) {
  auto options = cost_options(words.cost);
  if (!options) {
    return terminal.report(options.error());
  }
  const auto data = cost::read_data(*options);
  if (!data) {
    return terminal.report(data.error());
  }
  // A --set is for the tables where they have such a row, else for the chip.
  std::vector<std::string> for_chip;
  for (const std::string& set : words.cost.set) {
    (cost::is_row(set.substr(0, set.find('=')), data->tables) ? options->set : for_chip)
        .push_back(set);
  }
  const auto chip = chip::load(words.subject, for_chip);
  if (!chip) {
    return terminal.report(chip.error());
  }
  const auto like =
      words.cost.like.empty() ? Result<chip::Chip>{chip::Chip{}} : chip::load(words.cost.like);
  if (!like) {
    return terminal.report(like.error());
  }
  options->like = words.cost.like.empty() ? nullptr : &*like;
  auto costing = cost::costing(*chip, *options, *data, std::make_shared<cost::Tree>());
  if (!costing) {
    return terminal.report(costing.error());
  }
  const cost::DrawOptions draws{
      .seed = words.cost.seed,
      .draws = words.cost.draws,
      .threads = words.threads > 0 ? words.threads : numeric::processors_available()};
  report::CostRecord record = report::cost_record(std::move(*costing), draws, words.cost.scenarios);
  record.obstacles = obstacles(*chip);
  if (!words.explain.empty()) {
    const auto text = report::cost_explanation(record, words.explain);
    if (!text) {
      return terminal.report(text.error());
    }
    terminal.explain(words.explain, *text);
    return ExitCode::ok;
  }
  const auto charset = terminal.interactive ? report::Charset::unicode : report::Charset::ascii;
  terminal.out(terminal.json ? dump_json(report::cost_json(record)) + "\n"
                             : report::cost_text(record, charset, terminal.columns));
  return ExitCode::ok;
}

}  // namespace

Action configure_cost(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("CHIP", words->subject, "a chip's name or file; a table with --vectors")
      ->required()
      ->type_name("CHIP");
  app.add_option("--explain", words->explain, "why a number is what it is")->type_name("KEY");
  add_cost_options(app, words->cost,
                   "another value of the chip (memory.hbm.stacks=6) or of a row of the cost tables "
                   "(wafer_price.N4=15000)",
                   "life, cost of capital, space, electricity and PUE of that chip's description",
                   "Prices");
  app.add_option("-t,--threads", words->threads, "threads of this machine; default all")
      ->check(CLI::Range(0, 1024));
  auto* const vectors_option =
      app.add_option("--vectors", words->vectors,
                     "a table (CSV) through a model: chiplet-actuary, harvest or dies")
          ->type_name("KIND");
  // What says something of a chip says nothing of a table.
  for (const char* name : {"--explain", "--hbm-basis", "--package", "--loss", "--scenario", "--set",
                           "--as-of", "--like"}) {
    app.get_option(name)->excludes(vectors_option);
  }
  return [words](const Terminal& terminal) {
    return words->vectors.empty() ? cost_of(terminal, *words) : vectors(terminal, *words);
  };
}

}  // namespace churon::cli
