// `churon estimate`: a model served by a chip, or one operator, in closed form.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <tuple>

#include "base/text.h"
#include "chip/chip.h"
#include "cli/estimate_words.h"
#include "cli/run.h"
#include "cli/serving_options.h"
#include "cli/verb.h"
#include "evaluate/compare.h"
#include "evaluate/operator_estimate.h"
#include "evaluate/serving_estimate.h"
#include "model/shapes.h"
#include "report/definitions.h"
#include "report/estimate_report.h"
#include "report/explanation.h"
#include "report/roofline.h"

namespace churon::cli {

namespace {

constexpr int kExplainDepth = 3;  // of the whole tree; --explain KEY shows all below the key

using Words = EstimateWords;

// --- numbers and formats ------------------------------------------------------------------------

struct Formats {
  const estimate::Precision* weights = nullptr;
  double kv_bits = 8;
};

// What is not asked for is 8 bits, as in `compare`.
Result<Formats> formats_of(const Words& words, const chip::Chip& chip,
                           const estimate::Figures& figures, const model::Hyperparameters& model) {
  const auto standard =
      evaluate::number_formats(chip, figures, model, evaluate::FormatPolicy::eight_bit);
  Formats formats{standard.weights, standard.kv_bits};
  if (!words.weights.empty()) {
    const auto weights = precision_of("--weights", words.weights);
    if (!weights) {
      return fail(weights);
    }
    formats.weights = *weights;
  }
  if (!words.kv.empty()) {
    const auto kv = precision_of("--kv", words.kv);
    if (!kv) {
      return fail(kv);
    }
    formats.kv_bits = (*kv)->weight_bits;
  }
  return formats;
}

// --- a model served -----------------------------------------------------------------------------

// Degrees of parallelism are whole numbers; the rest is what a deployment's rules say.
Result<estimate::Parallelism> ranks_of(const Words& words) {
  Diagnostics wrong;
  for (const auto& [name, value] :
       {std::pair{"--tp", words.tp}, std::pair{"--pp", words.pp}, std::pair{"--ep", words.ep},
        std::pair{"--attn-dp", words.attention_dp}}) {
    if (!(value >= 1) || value > estimate::kRanksMax || value != std::floor(value)) {
      wrong.push_back(usage("U0305", fmt::format("{} {} is no number of ranks", name, value),
                            {fmt::format("a whole number from 1 to {}", estimate::kRanksMax)}));
    }
  }
  if (!wrong.empty()) {
    return tl::unexpected(std::move(wrong));
  }
  return estimate::Parallelism{.tp = static_cast<int>(words.tp),
                               .pp = static_cast<int>(words.pp),
                               .ep = static_cast<int>(words.ep),
                               .attention_dp = static_cast<int>(words.attention_dp)};
}

struct Context {
  chip::Chip chip;
  estimate::Figures figures;
  estimate::Efficiency efficiency;
  evaluate::ErrorBands bands;
};

Result<Context> context_of(const Words& words) {
  auto chip = chip::load(words.chip, words.overrides);
  if (!chip) {
    return fail(chip);
  }
  auto efficiency = estimate::shipped_efficiency();
  if (!efficiency) {
    return fail(efficiency);
  }
  auto bands = evaluate::ErrorBands::shipped();
  if (!bands) {
    return fail(bands);
  }
  return Context{std::move(*chip), {}, *efficiency, std::move(*bands)};
}

Result<evaluate::ServingQuestion> question_of(const Words& words, const Context& context,
                                              const model::Hyperparameters& model) {
  const auto parallelism = ranks_of(words);
  if (!parallelism) {
    return fail(parallelism);
  }
  const auto formats = formats_of(words, context.chip, context.figures, model);
  if (!formats) {
    return fail(formats);
  }
  return evaluate::ServingQuestion{
      .chip = &context.chip,
      .derate = context.figures.own ? std::string(context.figures.derate.name) : std::string(),
      .model = &model,
      .parallelism = *parallelism,
      .framework = framework_of(words.framework),
      .weights = formats->weights,
      .kv_bits = formats->kv_bits,
      .load = {.concurrency = words.batch,
               .input_tokens = words.input,
               .output_tokens = words.output,
               .prefix_hit = words.prefix_hit,
               .disaggregated = words.disaggregated}};
}

ExitCode print_explanation(const Terminal& terminal, const Words& words,
                           const estimate::Term& tree) {
  const estimate::Term* term = &tree;
  int depth = kExplainDepth;
  if (!words.explain.empty() && !words.explain.front().empty()) {
    term = estimate::find(tree, words.explain.front());
    depth = 16;
    if (term == nullptr) {
      std::vector<std::string> keys;
      for (const estimate::Term& child : tree.children) {
        keys.push_back(child.key);
      }
      return terminal.report({usage(
          "U0306",
          fmt::format("nothing here is called `{}`", escape_control(words.explain.front())),
          {fmt::format("keys are those of `--explain` alone, such as {}", join(keys, ", "))})});
    }
  }
  if (terminal.json) {
    Json json = json_document("explain");
    json["term"] = report::explanation_json(*term);
    terminal.out(dump_json(json) + "\n");
  } else {
    terminal.out(report::explanation_text(*term, charset(), depth));
  }
  return ExitCode::ok;
}

ExitCode print_roofline(const Terminal& terminal, const Words& words,
                        const report::Roofline& roofline) {
  if (words.roofline && !terminal.json) {
    terminal.out("\n" + report::roofline_text(roofline, charset()));
  }
  if (!words.svg.empty()) {
    if (const auto done = write_picture(terminal, words.svg, report::roofline_svg(roofline));
        !done) {
      return terminal.report(done.error());
    }
  }
  return ExitCode::ok;
}

// A sweep of which nothing works ends as its first row would.
template <typename Rows>
ExitCode sweep_exit(const Rows& rows) {
  for (const auto& row : rows) {
    if (row.estimate) {
      return ExitCode::ok;
    }
  }
  return rows.empty() ? ExitCode::ok : rows.front().estimate.error().front().exit;
}

// Ranks that a sweep leaves alone, as `to_text` has them: "pp2/ep8".
std::string held_ranks(const Words& words, const Sweep& sweep) {
  const auto ranks = ranks_of(with(words, sweep.name, 1));
  std::string text = ranks ? estimate::to_text(*ranks) : "";
  if (sweep.name == "tp") {
    text.erase(0, text.find('/') == std::string::npos ? text.size() : text.find('/') + 1);
  }
  return text;
}

// The head of a sweep states what all rows share: not what is swept.
Json sweep_json(const Words& words, const Sweep& sweep) {
  Json json;
  for (const auto& [name, key, value] : {std::tuple{"batch", "concurrency", words.batch},
                                         std::tuple{"input", "input_tokens", words.input},
                                         std::tuple{"output", "output_tokens", words.output}}) {
    if (sweep.name != name) {
      json[key] = value;
    }
  }
  if (const std::string ranks = held_ranks(words, sweep); !ranks.empty()) {
    json["parallelism"] = ranks;
  }
  return json;
}

std::string sweep_head(const Words& words, const Sweep& sweep) {
  std::vector<std::string> parts;
  for (const auto& [name, what, value] : {std::tuple{"batch", "requests at once", words.batch},
                                          std::tuple{"input", "tokens in", words.input},
                                          std::tuple{"output", "tokens out", words.output}}) {
    if (sweep.name != name) {
      parts.push_back(fmt::format("{:.0f} {}", value, what));
    }
  }
  if (const std::string ranks = held_ranks(words, sweep); !ranks.empty()) {
    parts.push_back(ranks);
  }
  return join(parts, ", ");
}

ExitCode sweep_serving(const Terminal& terminal, const Words& words, const Context& context,
                       const model::Hyperparameters& model) {
  const auto sweep = sweep_of(words);
  if (!sweep) {
    return terminal.report(sweep.error());
  }
  const auto support = evaluate::SupportIndex::shipped();
  report::ServingSweep rows;
  for (const double value : sweep->values) {
    const Words one = with(words, sweep->name, value);
    auto question = question_of(one, context, model);
    rows.push_back(
        {value, question ? evaluate::serving_estimate(*question, context.efficiency, context.bands,
                                                      support)
                         : Result<evaluate::ServingEstimate>(tl::unexpected(question.error()))});
  }
  if (terminal.json) {
    Json json = json_document("estimate");
    json["chip"] = context.chip.id;
    json["chip_digest"] = context.chip.digest;
    json["model"] = model.name;
    json["framework"] = words.framework;
    json.update(sweep_json(words, *sweep));
    json["prefix_hit_share"] = words.prefix_hit;
    json["disaggregated"] = words.disaggregated;
    json["sweep"] = sweep->name;
    json["rows"] = report::serving_sweep_json(rows);
    json["definitions"] = report::definitions_json();
    terminal.out(dump_json(json) + "\n");
  } else {
    terminal.out(fmt::format(
        "{} on {}: {}, profile {}{}{}; swept: {}\n", escape_control(model.name),
        escape_control(context.chip.name), sweep_head(words, *sweep),
        context.figures.own ? "none (own chip)" : words.framework,
        words.prefix_hit > 0 ? fmt::format(", prefix hit {:.0f} %", 100 * words.prefix_hit) : "",
        words.disaggregated ? ", disaggregated" : "", sweep->name));
    terminal.out(report::serving_sweep_text(sweep->name, rows, charset()));
  }
  return sweep_exit(rows);
}

ExitCode estimate_serving(const Terminal& terminal, const Words& words, const Context& context) {
  const auto shapes = model::load_shapes();
  if (!shapes) {
    return terminal.report(shapes.error());
  }
  const auto model = model::shape(*shapes, words.model);
  if (!model) {
    return terminal.report(model.error());
  }
  if (!words.sweep.empty()) {
    return sweep_serving(terminal, words, context, *model);
  }
  const auto question = question_of(words, context, *model);
  if (!question) {
    return terminal.report(question.error());
  }
  if (words.explains) {
    const auto tree = evaluate::explain(*question, context.efficiency, context.bands,
                                        evaluate::SupportIndex::shipped());
    return tree ? print_explanation(terminal, words, *tree) : terminal.report(tree.error());
  }
  const auto estimate = evaluate::serving_estimate(*question, context.efficiency, context.bands,
                                                   evaluate::SupportIndex::shipped());
  if (!estimate) {
    return terminal.report(estimate.error());
  }
  terminal.out(terminal.json ? dump_json(report::serving_json(*question, *estimate)) + "\n"
                             : report::serving_text(*question, *estimate, charset()));
  return print_roofline(terminal, words,
                        report::serving_roofline(*question, *estimate, context.figures));
}

// --- one operator -------------------------------------------------------------------------------

Result<evaluate::OperatorWork> work_of(const Words& words, const Context& context) {
  const auto standard = evaluate::number_formats(context.chip, context.figures, {},
                                                 evaluate::FormatPolicy::eight_bit);
  const auto weights = words.weights.empty() ? Result<const estimate::Precision*>(standard.weights)
                                             : precision_of("--format", words.weights);
  if (!weights) {
    return fail(weights);
  }
  if (words.op == "gemm") {
    return estimate::Gemm{
        .m = words.m, .n = words.n, .k = words.k, .precision = *weights, .prefill = words.prefill};
  }
  if (words.op == "attention") {
    const auto kv = precision_of("--kv", words.kv.empty() ? std::string("bf16") : words.kv);
    if (!kv) {
      return fail(kv);
    }
    return estimate::AttentionWork{
        .prefill = words.prefill,
        .sequences = words.batch,
        .tokens = words.prefill ? words.context : 1,
        .context = words.context,
        .heads = words.heads,
        .kv_heads = words.kv_heads,
        .key_dim = words.head_dim,
        .value_dim = words.head_dim,
        .window = words.window,
        .kv_bits = (*kv)->weight_bits,
        .precision = words.weights.empty() ? estimate::precision("bf16") : *weights};
  }
  if (words.op == "allreduce") {
    const auto* const kind = std::find(estimate::kCollectiveNames.begin(),
                                       estimate::kCollectiveNames.end(), words.collective);
    return estimate::CollectiveWork{.kind = static_cast<estimate::CollectiveKind>(
                                        kind - estimate::kCollectiveNames.begin()),  // checked
                                    .ranks = words.ranks,
                                    .bytes = words.bytes,
                                    .framework_kernel = words.framework_kernel};
  }
  return estimate::ExpertsWork{
      .tokens = words.tokens,
      .hidden = words.hidden,
      .inter = words.inter,
      .experts = words.experts,
      .per_token = words.per_token,
      .ranks_ep = words.ep,
      .ranks_tp = words.tp,
      .skew = words.skew,
      .precision = *weights,
      .prefill = words.prefill,
      .walks_experts = framework_of(words.framework) == estimate::Framework::tensorrt_llm};
}

Result<evaluate::OperatorEstimate> operator_of(const Words& words, const Context& context,
                                               const estimate::Device& device) {
  const auto work = work_of(words, context);
  return work ? evaluate::operator_estimate(device, *work, context.bands)
              : Result<evaluate::OperatorEstimate>(tl::unexpected(work.error()));
}

ExitCode sweep_operator(const Terminal& terminal, const Words& words, const Context& context,
                        const estimate::Device& device) {
  const auto sweep = sweep_of(words);
  if (!sweep) {
    return terminal.report(sweep.error());
  }
  report::OperatorSweep rows;
  for (const double value : sweep->values) {
    rows.push_back({value, operator_of(with(words, sweep->name, value), context, device)});
  }
  if (terminal.json) {
    Json json = json_document("estimate");
    json["chip"] = context.chip.id;
    json["chip_digest"] = context.chip.digest;
    json["operator"] = words.op;
    json["sweep"] = sweep->name;
    json["rows"] = report::operator_sweep_json(rows);
    terminal.out(dump_json(json) + "\n");
  } else {
    terminal.out(fmt::format("{} on {}; swept: {}\n", words.op, escape_control(context.chip.name),
                             sweep->name));
    terminal.out(report::operator_sweep_text(sweep->name, rows, charset()));
  }
  return sweep_exit(rows);
}

ExitCode estimate_operator(const Terminal& terminal, const Words& words, const Context& context) {
  const estimate::Device device(context.figures, context.efficiency);
  if (!words.sweep.empty()) {
    return sweep_operator(terminal, words, context, device);
  }
  const auto estimate = operator_of(words, context, device);
  if (!estimate) {
    return terminal.report(estimate.error());
  }
  if (words.explains) {
    const auto tree = evaluate::explain(context.chip, device, *estimate);
    return tree ? print_explanation(terminal, words, *tree) : terminal.report(tree.error());
  }
  terminal.out(terminal.json ? dump_json(report::operator_json(context.chip, *estimate)) + "\n"
                             : report::operator_text(context.chip, *estimate, charset()));
  return print_roofline(terminal, words,
                        report::operator_roofline(context.chip, *estimate, context.figures));
}

ExitCode estimate(const Terminal& terminal, const CLI::App& command, const Words& words) {
  if (const auto checked = check_words(command, words); !checked) {
    return terminal.report(checked.error());
  }
  auto context = context_of(words);
  if (!context) {
    return terminal.report(context.error());
  }
  auto figures = estimate::figures(context->chip, words.derate);
  if (!figures) {
    return terminal.report(figures.error());
  }
  context->figures = std::move(*figures);
  return words.op.empty() ? estimate_serving(terminal, words, *context)
                          : estimate_operator(terminal, words, *context);
}

}  // namespace

Action configure_estimate(CLI::App& app) {
  auto words = std::make_shared<Words>();
  add_estimate_options(app, *words);
  return [words, command = &app](const Terminal& terminal) {
    words->explains = command->count("--explain") > 0;
    return estimate(terminal, *command, *words);
  };
}

}  // namespace churon::cli
