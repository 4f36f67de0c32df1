// `churon compare`: chips side by side at the best configuration of each.
#include "evaluate/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>

#include "base/text.h"
#include "chip/chip.h"
#include "chip/names.h"
#include "cli/cost_options.h"
#include "cli/run.h"
#include "cli/serving_options.h"
#include "cli/values.h"
#include "cli/verb.h"
#include "model/shapes.h"
#include "numeric/thread_pool.h"
#include "report/compare_report.h"
#include "report/dollars_report.h"

namespace churon::cli {

namespace {

constexpr const char* kBestFramework = "best";
constexpr std::size_t kRowsMax = 20'000;
constexpr std::size_t kListMax = 200;  // models, chips, workloads

struct Words {
  std::string models;
  std::string workloads = "1k/1k,8k/1k,1k/8k";
  std::string chips = "all";
  std::string tpot_limit = "20ms", ttft_limit = "2s";
  std::string formats = "8bit";
  std::string framework{estimate::name(estimate::kFrameworkDefault)};
  std::string svg, svg_dollars, explain;
  CostWords cost;
  double occupancy = 1;
  bool disaggregated = false;
  double prefix_hit = 0;
  int chips_max = 128;
  int domains_max = 0;
  int threads = 0;
};

// At the end of a list that has none like it.
template <typename Value, typename Same>
void push_new(std::vector<Value>& list, Value value, const Same& same) {
  if (std::none_of(list.begin(), list.end(),
                   [&](const Value& other) { return same(other, value); })) {
    list.push_back(std::move(value));
  }
}

// All that are wrong are named.
template <typename Value, typename Load>
Result<std::vector<Value>> all_of(const std::vector<std::string>& words, const Load& load) {
  std::vector<Value> values;
  Diagnostics wrong;
  for (const std::string& word : words) {
    auto value = load(word);
    if (value) {
      values.push_back(std::move(*value));
    } else {
      wrong.insert(wrong.end(), value.error().begin(), value.error().end());
    }
  }
  if (!wrong.empty()) {
    return tl::unexpected(std::move(wrong));
  }
  return values;
}

Result<std::vector<std::string>> list_of(std::string_view option, const std::string& text) {
  auto words = listed_words(text);
  if (words.empty() || words.size() > kListMax) {
    return fail(usage("U0302", fmt::format("{} names {} things", option, words.size()),
                      {fmt::format("1 to {} names with commas between", kListMax)}));
  }
  return words;
}

// What --set says: rows of the cost tables, values of one chip, values of all own chips.
struct Settings {
  std::vector<std::string> rows, own;
  std::map<std::string, std::vector<std::string>> of_chip;  // by id, as written
};

Settings settings(const std::vector<std::string>& set, const cost::Tables& tables) {
  Settings found;
  for (const std::string& one : set) {
    const std::string key = one.substr(0, one.find('='));
    const std::size_t colon = key.find(':');
    if (cost::is_row(key, tables)) {
      found.rows.push_back(one);
    } else if (colon != std::string::npos) {
      found.of_chip[one.substr(0, colon)].push_back(one.substr(colon + 1));
    } else {
      found.own.push_back(one);
    }
  }
  return found;
}

// A chip and the path by which it was asked for; none: a name.
struct Entrant {
  chip::Chip chip;
  std::string file;
};

// The chip that was asked for by that word, with what --set says of it: under the word, and under
// the chip's id.
Result<chip::Chip> with_settings(chip::Chip chip, const std::string& name, const Settings& set) {
  std::vector<std::string> values;
  if (chip.kind == chip::Kind::full) {
    values = set.own;
  }
  const auto add = [&](const std::string& word) {
    if (const auto found = set.of_chip.find(word); found != set.of_chip.end()) {
      values.insert(values.end(), found->second.begin(), found->second.end());
    }
  };
  add(name);
  if (chip.id != name) {
    add(chip.id);
  }
  return values.empty() ? std::move(chip) : chip::load(name, values);
}

// Each --set has to concern a chip that takes part.
Result<void> check_settings(const Settings& set, const std::vector<Entrant>& entrants,
                            const std::vector<std::string>& names) {
  const bool has_own = std::any_of(entrants.begin(), entrants.end(), [](const Entrant& entrant) {
    return entrant.chip.kind == chip::Kind::full;
  });
  if (!set.own.empty() && !has_own) {
    return fail(usage("U0309", fmt::format("`--set {}` concerns no chip", set.own.front()),
                      {"KEY=VALUE is a row of the cost tables or a value of own chips, of which "
                       "there is none; CHIP:KEY=VALUE is of that chip"}));
  }
  for (const auto& [word, values] : set.of_chip) {
    const bool is_known = std::find(names.begin(), names.end(), word) != names.end() ||
                          std::any_of(entrants.begin(), entrants.end(),
                                      [&, w = std::string_view(word)](const Entrant& entrant) {
                                        return entrant.chip.id == w;
                                      });
    if (!is_known) {
      return fail(usage("U0309",
                        fmt::format("`--set {}:{}`: no chip `{}` takes part", escape_control(word),
                                    escape_control(values.front()), escape_control(word)),
                        {"the name of one of --chips stands before the colon"}));
    }
  }
  return {};
}

// Every chip there is, but those that lack what is needed.
Result<std::vector<Entrant>> complete_chips(const Settings& set,
                                            std::vector<report::SkippedChip>& skipped) {
  std::vector<Entrant> entrants;
  for (const chip::Listed& listed : chip::listed()) {
    auto chip = chip::load(listed.path);
    if (!chip) {
      skipped.push_back({listed.id, chip.error().front().message});
      continue;
    }
    chip = with_settings(std::move(*chip), listed.path, set);
    if (!chip) {
      return fail(chip);
    }
    const auto missing = evaluate::missing_data(*chip);
    if (missing.empty()) {
      entrants.push_back({std::move(*chip), ""});
    } else {
      skipped.push_back(
          {listed.id, fmt::format("its sources state no {}; name it with --chips to see the rest",
                                  join(missing, ", "))});
    }
  }
  return entrants;
}

std::vector<evaluate::Contestant> contestants(const std::vector<Entrant>& entrants) {
  std::vector<evaluate::Contestant> list;
  for (const auto& [chip, file] : entrants) {
    if (chip.kind != chip::Kind::full) {
      list.push_back({&chip, "", file});
      continue;
    }
    for (const chip::Derate& derate : chip.derates) {
      list.push_back({&chip, derate.name, file});
    }
  }
  return list;
}

struct Inputs {
  std::vector<model::Hyperparameters> models;
  std::vector<Entrant> entrants;
  std::vector<report::SkippedChip> skipped;
  evaluate::CompareRequest request;
  evaluate::DollarOptions dollars;
  std::optional<cost::Data> data;  // that dollars.cost means
  std::optional<chip::Chip> like;  // of --like
};

Result<void> read_request(const Words& words, Inputs& inputs) {
  evaluate::CompareRequest& request = inputs.request;
  const auto tpot = seconds_of("--slo-tpot", words.tpot_limit);
  if (!tpot) {
    return fail(tpot);
  }
  const auto ttft = seconds_of("--slo-ttft", words.ttft_limit);
  if (!ttft) {
    return fail(ttft);
  }
  auto workloads = evaluate::workloads(words.workloads);
  if (!workloads) {
    return fail(workloads);
  }
  if (workloads->size() > kListMax) {
    return fail(usage("U0302", fmt::format("--workload names {} things", workloads->size()),
                      {fmt::format("1 to {} with commas between", kListMax)}));
  }
  request.tpot_limit_s = *tpot;
  request.ttft_limit_s = *ttft;
  for (evaluate::Workload& workload : *workloads) {
    push_new(request.workloads, std::move(workload), [](const auto& a, const auto& b) {
      return a.input_tokens == b.input_tokens && a.output_tokens == b.output_tokens;
    });
  }
  request.framework = words.framework == kBestFramework
                          ? std::nullopt
                          : std::optional(framework_of(words.framework));
  request.disaggregated = words.disaggregated;
  request.prefix_hit = words.prefix_hit;
  request.chips_max = words.chips_max;
  request.domains_max = words.domains_max;
  request.fronts = !words.svg.empty() || !words.svg_dollars.empty();
  request.threads = words.threads > 0 ? words.threads : numeric::processors_available();
  request.interrupted = interrupted;
  auto costs = cost_options(words.cost);
  if (!costs) {
    return fail(costs);
  }
  inputs.dollars = {
      .cost = std::move(*costs),
      .draws = {.seed = words.cost.seed, .draws = words.cost.draws, .threads = request.threads},
      .occupancy = words.occupancy};
  if (words.formats == "native") {
    request.policies.push_back(evaluate::FormatPolicy::native);
  }
  return {};
}

Result<void> read_chips(const Words& words, Inputs& inputs) {
  auto data = cost::read_data(inputs.dollars.cost);
  if (!data) {
    return fail(data);
  }
  inputs.data = std::move(*data);
  const cost::Tables& tables = inputs.data->tables;
  const Settings set = settings(words.cost.set, tables);
  inputs.dollars.cost.set = set.rows;
  if (auto findings = cost::check_set(inputs.dollars.cost, tables); !findings.empty()) {
    return tl::unexpected(std::move(findings));
  }
  std::vector<std::string> names;
  if (to_lower_ascii(trim(words.chips)) == "all") {
    auto chips = complete_chips(set, inputs.skipped);
    if (!chips) {
      return fail(chips);
    }
    inputs.entrants = std::move(*chips);
  } else {
    auto listed = list_of("--chips", words.chips);
    if (!listed) {
      return fail(listed);
    }
    names = std::move(*listed);
    auto entrants = all_of<Entrant>(names, [&](const std::string& name) {
      return chip::load(name)
          .and_then([&](chip::Chip&& chip) { return with_settings(std::move(chip), name, set); })
          .map([&](chip::Chip&& chip) {
            return Entrant{std::move(chip), chip::is_chip_path(name) ? name : ""};
          });
    });
    if (!entrants) {
      return fail(entrants);
    }
    for (Entrant& entrant : *entrants) {
      push_new(inputs.entrants, std::move(entrant),
               [](const Entrant& a, const Entrant& b) { return a.chip.digest == b.chip.digest; });
    }
  }
  return check_settings(set, inputs.entrants, names);
}

// All pay alike for capital, space and power: as --like says, else as the first own chip that says
// so, else as the tables say.
Result<void> read_like(const Words& words, Inputs& inputs) {
  if (!words.cost.like.empty()) {
    auto chip = chip::load(words.cost.like);
    if (!chip) {
      return fail(chip);
    }
    inputs.like = std::move(*chip);
    inputs.dollars.cost.like = &*inputs.like;
    return {};
  }
  const auto own =
      std::find_if(inputs.entrants.begin(), inputs.entrants.end(), [](const Entrant& entrant) {
        const chip::Chip& chip = entrant.chip;
        return chip.kind == chip::Kind::full && chip.cost && chip.cost->life;
      });
  inputs.dollars.cost.like = own == inputs.entrants.end() ? nullptr : &own->chip;
  return {};
}

Result<void> read_names(const Words& words, Inputs& inputs) {
  const auto models = list_of("--models", words.models);
  if (!models) {
    return fail(models);
  }
  const auto shapes = model::load_shapes();
  if (!shapes) {
    return fail(shapes);
  }
  auto read = all_of<model::Hyperparameters>(
      *models, [&](const std::string& name) { return model::shape(*shapes, name); });
  if (!read) {
    return fail(read);
  }
  for (std::size_t i = 0; i < read->size(); ++i) {
    push_new(inputs.models, std::move((*read)[i]), [](const auto& a, const auto& b) {
      return a.canonical_name == b.canonical_name && a.layers == b.layers && a.d_model == b.d_model;
    });
    if (inputs.models.size() > inputs.request.model_words.size()) {
      inputs.request.model_words.push_back((*models)[i]);
    }
  }
  if (const auto read_them = read_chips(words, inputs); !read_them) {
    return read_them;
  }
  for (const model::Hyperparameters& model : inputs.models) {
    inputs.request.models.push_back(&model);
  }
  inputs.request.contestants = contestants(inputs.entrants);
  const std::size_t rows = inputs.request.models.size() * inputs.request.workloads.size() *
                           inputs.request.contestants.size() * inputs.request.policies.size();
  if (rows > kRowsMax) {
    return fail(usage("U0302", fmt::format("models x workloads x chips are {} rows", rows),
                      {fmt::format("at most {}; ask in parts", kRowsMax)}));
  }
  return {};
}

bool is_any_feasible(const evaluate::Comparison& comparison) {
  return std::any_of(comparison.cells.begin(), comparison.cells.end(),
                     [](const evaluate::ComparedCell& cell) {
                       return !cell.rows.empty() && cell.rows.front().best.has_value();
                     });
}

Result<void> pictures(const Terminal& terminal, const Words& words,
                      const report::CompareRecord& record) {
  if (!words.svg.empty()) {
    if (auto done = write_picture(terminal, words.svg, report::compare_svg(record)); !done) {
      return done;
    }
  }
  return words.svg_dollars.empty()
             ? Result<void>{}
             : write_picture(terminal, words.svg_dollars, report::dollars_svg(record));
}

ExitCode compare(const Terminal& terminal, const Words& words) {
  Inputs inputs;
  if (const auto read = read_request(words, inputs); !read) {
    return terminal.report(read.error());
  }
  if (const auto read = read_names(words, inputs); !read) {
    return terminal.report(read.error());
  }
  if (const auto read = read_like(words, inputs); !read) {
    return terminal.report(read.error());
  }
  const auto efficiency = estimate::shipped_efficiency();
  if (!efficiency) {
    return terminal.report(efficiency.error());
  }
  const auto bands = evaluate::ErrorBands::shipped();
  if (!bands) {
    return terminal.report(bands.error());
  }
  auto comparison =
      evaluate::compare(inputs.request, *efficiency, *bands, evaluate::SupportIndex::shipped());
  if (!comparison) {
    return terminal.report(comparison.error());
  }
  if (comparison->interrupted) {
    return failed(terminal, {});
  }
  auto dollars = evaluate::dollars(*comparison, inputs.dollars, *inputs.data);
  if (!dollars) {
    return terminal.report(dollars.error());
  }
  if (dollars->interrupted) {
    return failed(terminal, {});
  }
  const report::CompareRecord record{std::move(*comparison), std::move(inputs.skipped),
                                     std::move(*dollars)};
  if (!words.explain.empty()) {
    const auto text = report::dollars_explanation(record.comparison, record.dollars, words.explain);
    if (!text) {
      return terminal.report(text.error());
    }
    terminal.explain(words.explain, *text);
  } else {
    terminal.out(terminal.json ? dump_json(report::compare_json(record)) + "\n"
                               : report::compare_text(record, charset(), terminal.columns));
  }
  if (const auto done = pictures(terminal, words, record); !done) {
    return terminal.report(done.error());
  }
  if (!is_any_feasible(record.comparison)) {
    return terminal.report(
        {{.code = "E0616",
          .message = "no chip keeps the limits for any model and workload",
          .help = {"each line above says what stands in the way and what would do"},
          .exit = ExitCode::infeasible}});
  }
  return ExitCode::ok;
}

}  // namespace

Action configure_compare(CLI::App& app) {
  auto words = std::make_shared<Words>();
  std::vector<std::string> frameworks = framework_names();
  frameworks.emplace_back(kBestFramework);
  const auto add = [&](const char* names, auto& value, const char* type, const char* description,
                       const char* group) {
    return app.add_option(names, value, description)->type_name(type)->group(group);
  };
  add("--models", words->models, "MODEL,…",
      "names of `churon models shapes`, paths of config.json or GGUF files", "What")
      ->required();
  add("--workload", words->workloads, "IN/OUT,…",
      "tokens of prompt and answer, k is 1,024; default 1k/1k,8k/1k,1k/8k", "What");
  add("--chips", words->chips, "CHIP,…|all",
      "names of `churon chips` or paths; default all: every chip with complete data", "What");
  add("--slo-tpot", words->tpot_limit, "TIME", "limit on the time per output token; default 20ms",
      "Limits");
  add("--slo-ttft", words->ttft_limit, "TIME", "limit on the time to the first token; default 2s",
      "Limits");
  add("--formats", words->formats, "WHICH",
      "8bit: weights and KV of 8 bits on every chip; native: beside it the narrowest each has",
      "How")
      ->check(CLI::IsMember({"8bit", "native"}));
  add("--framework", words->framework, "NAME",
      "profile of the serving framework, or best: of each bought chip the one that serves it best; "
      "default vllm",
      "How")
      ->check(CLI::IsMember(frameworks));
  app.add_flag("--disaggregated", words->disaggregated,
               "prompts on chips of their own; the cache is sent over")
      ->group("How");
  add("--prefix-hit", words->prefix_hit, "SHARE",
      "share of the prompts found in the prefix cache, 0 to 1; default 0", "How")
      ->check(number_within(0, 1));
  add("--chips-max", words->chips_max, "N", "chips of one copy of the model; default 128", "How")
      ->check(CLI::Range(1, 1024));
  add("--domains-max", words->domains_max, "N",
      "scale-up domains of one copy; default one, or as few as hold the weights", "How")
      ->check(CLI::Range(1, 1024));
  add("-t,--threads", words->threads, "N", "threads of this machine; default all", "How")
      ->check(CLI::Range(0, 1024));
  add("--svg", words->svg, "FILE", "throughput per chip against interactivity, as a picture",
      "Output");
  add("--svg-dollars", words->svg_dollars, "FILE",
      "USD per million tokens against interactivity, as a picture", "Output");
  add("--explain", words->explain, "KEY",
      "why a number of dollars is what it is: b200:mtok.purchase", "Output");
  add_cost_options(
      app, words->cost,
      "another value of a row of the cost tables (wafer_price.N4=15000), of own chips "
      "(memory.hbm.stacks=6) or of one chip (b200:power.tdp=1.2 kW)",
      "whose life, cost of capital, space, electricity and PUE all chips have; default "
      "the first own chip's",
      "Prices");
  add("--occupancy", words->occupancy, "SHARE", "of all hours, with work; default 1", "Prices")
      ->check(number_within(0.01, 1));
  return [words](const Terminal& terminal) { return compare(terminal, *words); };
}

}  // namespace churon::cli
