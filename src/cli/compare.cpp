// `churon compare`: chips side by side at the best configuration of each.
#include "evaluate/compare.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/text.h"
#include "chip/chip.h"
#include "cli/run.h"
#include "cli/serving_options.h"
#include "cli/verb.h"
#include "model/shapes.h"
#include "numeric/thread_pool.h"
#include "report/compare_report.h"

namespace churon::cli {

namespace {

constexpr std::size_t kListMax = 200;  // models, chips, workloads

struct Words {
  std::string models;
  std::string workloads = "1k/1k,8k/1k,1k/8k";
  std::string chips = "all";
  std::string tpot_limit = "20ms", ttft_limit = "2s";
  std::string formats = "8bit";
  std::string framework{estimate::name(estimate::kFrameworkDefault)};
  std::string svg;
  bool disaggregated = false;
  double prefix_hit = 0;
  int chips_max = 128;
  int threads = 0;
};

Diagnostic usage(std::string code, std::string message, std::vector<std::string> help) {
  return {.code = std::move(code),
          .message = std::move(message),
          .help = std::move(help),
          .exit = ExitCode::usage};
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

// Every chip there is, but those that lack what is needed.
std::vector<chip::Chip> complete_chips(std::vector<report::SkippedChip>& skipped) {
  std::vector<chip::Chip> chips;
  for (const chip::Listed& listed : chip::listed()) {
    auto chip = chip::load(listed.path);
    if (!chip) {
      skipped.push_back({listed.id, chip.error().front().message});
      continue;
    }
    const auto missing = evaluate::missing_data(*chip);
    if (missing.empty()) {
      chips.push_back(std::move(*chip));
    } else {
      skipped.push_back(
          {listed.id, fmt::format("its sources state no {}; name it with --chips to see the rest",
                                  join(missing, ", "))});
    }
  }
  return chips;
}

std::vector<evaluate::Contestant> contestants(const std::vector<chip::Chip>& chips) {
  std::vector<evaluate::Contestant> list;
  for (const chip::Chip& chip : chips) {
    if (chip.kind != chip::Kind::full) {
      list.push_back({&chip, ""});
      continue;
    }
    for (const chip::Derate& derate : chip.derates) {
      list.push_back({&chip, derate.name});
    }
  }
  return list;
}

struct Inputs {
  std::vector<model::Hyperparameters> models;
  std::vector<chip::Chip> chips;
  std::vector<report::SkippedChip> skipped;
  evaluate::CompareRequest request;
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
  request.workloads = std::move(*workloads);
  request.framework = framework_of(words.framework);
  request.disaggregated = words.disaggregated;
  request.prefix_hit = words.prefix_hit;
  request.chips_max = words.chips_max;
  request.fronts = !words.svg.empty();
  request.threads = words.threads > 0 ? words.threads : numeric::processors_available();
  request.interrupted = interrupted;
  if (words.formats == "native") {
    request.policies.push_back(evaluate::FormatPolicy::native);
  }
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
  inputs.models = std::move(*read);
  if (to_lower_ascii(trim(words.chips)) == "all") {
    inputs.chips = complete_chips(inputs.skipped);
  } else {
    const auto names = list_of("--chips", words.chips);
    if (!names) {
      return fail(names);
    }
    auto chips =
        all_of<chip::Chip>(*names, [](const std::string& name) { return chip::load(name); });
    if (!chips) {
      return fail(chips);
    }
    for (chip::Chip& chip : *chips) {
      const bool is_new =
          std::none_of(inputs.chips.begin(), inputs.chips.end(),
                       [&](const chip::Chip& other) { return other.digest == chip.digest; });
      if (is_new) {
        inputs.chips.push_back(std::move(chip));
      }
    }
  }
  for (const model::Hyperparameters& model : inputs.models) {
    inputs.request.models.push_back(&model);
  }
  inputs.request.contestants = contestants(inputs.chips);
  return {};
}

bool is_any_feasible(const evaluate::Comparison& comparison) {
  return std::any_of(comparison.cells.begin(), comparison.cells.end(),
                     [](const evaluate::ComparedCell& cell) {
                       return !cell.rows.empty() && cell.rows.front().best.has_value();
                     });
}

ExitCode compare(const Terminal& terminal, const Words& words) {
  Inputs inputs;
  if (const auto read = read_request(words, inputs); !read) {
    return terminal.report(read.error());
  }
  if (const auto read = read_names(words, inputs); !read) {
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
  const report::CompareRecord record{std::move(*comparison), std::move(inputs.skipped)};
  terminal.out(terminal.json ? dump_json(report::compare_json(record)) + "\n"
                             : report::compare_text(record, charset()));
  if (!words.svg.empty()) {
    if (const auto done = write_picture(terminal, words.svg, report::compare_svg(record)); !done) {
      return terminal.report(done.error());
    }
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
  add("--framework", words->framework, "NAME", "profile of the serving framework; default vllm",
      "How")
      ->check(CLI::IsMember(framework_names()));
  app.add_flag("--disaggregated", words->disaggregated,
               "prompts on chips of their own; the cache is sent over")
      ->group("How");
  add("--prefix-hit", words->prefix_hit, "SHARE",
      "share of the prompts found in the prefix cache, 0 to 1; default 0", "How")
      ->check(CLI::Range(0.0, 1.0));
  add("--chips-max", words->chips_max, "N", "chips of one copy of the model; default 128", "How")
      ->check(CLI::Range(1, 1024));
  add("-t,--threads", words->threads, "N", "threads of this machine; default all", "How")
      ->check(CLI::Range(0, 1024));
  add("--svg", words->svg, "FILE", "throughput per chip against interactivity, as a picture",
      "Output");
  return [words](const Terminal& terminal) { return compare(terminal, *words); };
}

}  // namespace churon::cli
