// `churon estimate`: a model served by a chip, or one operator, in closed form.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "base/text.h"
#include "chip/chip.h"
#include "cli/run.h"
#include "cli/serving_options.h"
#include "cli/verb.h"
#include "evaluate/compare.h"
#include "evaluate/operator_estimate.h"
#include "evaluate/serving_estimate.h"
#include "model/shapes.h"
#include "report/estimate_report.h"
#include "report/explanation.h"
#include "report/roofline.h"

namespace churon::cli {

namespace {

constexpr std::size_t kSweepMax = 1000;
constexpr double kSizeMax = 1e12;
constexpr int kExplainDepth = 3;  // of the whole tree; --explain KEY shows all below the key

struct Words {
  std::string chip = "churon-1";
  std::vector<std::string> overrides;
  std::string derate;
  std::string model;
  std::string op;
  double batch = 1, input = 1024, output = 1024;
  double tp = 1, pp = 1, ep = 1, attention_dp = 1;
  std::string weights, kv;
  std::string framework{estimate::name(estimate::kFrameworkDefault)};
  double prefix_hit = 0;
  bool disaggregated = false;
  // --op
  double m = 1, n = 4096, k = 4096;
  double heads = 32, kv_heads = 8, head_dim = 128, context = 4096, window = 0;
  bool prefill = false;
  double bytes = 1 << 20, ranks = 8;
  std::string collective = "all_reduce";
  bool framework_kernel = false;
  double tokens = 64, hidden = 4096, inter = 1536, experts = 128, per_token = 8, skew = 1.2;
  // output
  std::string sweep;
  bool roofline = false;
  std::string svg;
  std::vector<std::string> explain;
  bool explains = false;
};

Diagnostic usage(std::string code, std::string message, std::vector<std::string> help) {
  return {.code = std::move(code),
          .message = std::move(message),
          .help = std::move(help),
          .exit = ExitCode::usage};
}

// --- numbers and formats ------------------------------------------------------------------------

Result<const estimate::Precision*> precision_of(std::string_view option, const std::string& name) {
  const estimate::Precision* found = estimate::precision(name);
  if (found == nullptr) {
    std::vector<std::string> names;
    for (const estimate::Precision& known : estimate::precisions()) {
      names.emplace_back(known.name);
    }
    const auto near = did_you_mean(to_lower_ascii(name), names);
    std::vector<std::string> help;
    if (near) {
      help.push_back(fmt::format("did you mean `{}`?", *near));
    }
    help.push_back("formats are " + join(names, ", "));
    return fail(usage("U0303",
                      fmt::format("`{}` is no number format for {}", escape_control(name), option),
                      std::move(help)));
  }
  return found;
}

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

// --- sweeps -------------------------------------------------------------------------------------

struct Sweep {
  std::string name;
  std::vector<double> values;
};

std::optional<double> whole(std::string_view text) {
  const auto value = parse_number(trim(text));
  return value && *value >= 1 && *value <= kSizeMax && *value == std::floor(*value) ? value
                                                                                    : std::nullopt;
}

// "1..512" doubles, "1..9:2" adds, "1,8,64" lists.
std::optional<std::vector<double>> sweep_values(std::string_view text) {
  std::vector<double> values;
  const std::size_t dots = text.find("..");
  if (dots == std::string_view::npos) {
    for (const std::string_view part : split(text, ',')) {
      const auto value = whole(part);
      if (!value || values.size() == kSweepMax) {
        return std::nullopt;
      }
      values.push_back(*value);
    }
    return values;
  }
  std::string_view last = text.substr(dots + 2);
  std::optional<double> step;
  if (const std::size_t colon = last.find(':'); colon != std::string_view::npos) {
    step = whole(last.substr(colon + 1));
    if (!step) {
      return std::nullopt;
    }
    last = last.substr(0, colon);
  }
  const auto low = whole(text.substr(0, dots));
  const auto high = whole(last);
  if (!low || !high || *low > *high || (step && (*high - *low) / *step >= kSweepMax)) {
    return std::nullopt;
  }
  for (double value = *low; value < *high; value = step ? value + *step : 2 * value) {
    values.push_back(value);
  }
  values.push_back(*high);
  return values;
}

Result<Sweep> sweep_of(const std::string& text, const std::vector<std::string>& names) {
  const std::size_t equals = text.find('=');
  const std::string name(trim(std::string_view(text).substr(0, equals)));
  if (equals != std::string::npos && std::find(names.begin(), names.end(), name) != names.end()) {
    if (auto values = sweep_values(trim(std::string_view(text).substr(equals + 1)))) {
      return Sweep{name, std::move(*values)};
    }
  }
  return fail(
      usage("U0304", fmt::format("`{}` is no sweep", escape_control(text)),
            {"NAME=1..512 doubles, NAME=1..9:2 adds, NAME=1,8,64 lists; at most 1,000 values",
             "names are " + join(names, ", ")}));
}

// --- a model served -----------------------------------------------------------------------------

struct SizeOption {
  std::string_view name;
  double Words::* value;
};
constexpr std::array kServingSizes{
    SizeOption{"batch", &Words::batch},
    SizeOption{"input", &Words::input},
    SizeOption{"output", &Words::output},
    SizeOption{"tp", &Words::tp},
    SizeOption{"pp", &Words::pp},
    SizeOption{"ep", &Words::ep},
    SizeOption{"attn-dp", &Words::attention_dp},
};
constexpr std::array kOperatorSizes{
    SizeOption{"m", &Words::m},
    SizeOption{"n", &Words::n},
    SizeOption{"k", &Words::k},
    SizeOption{"batch", &Words::batch},
    SizeOption{"context", &Words::context},
    SizeOption{"heads", &Words::heads},
    SizeOption{"kv-heads", &Words::kv_heads},
    SizeOption{"head-dim", &Words::head_dim},
    SizeOption{"bytes", &Words::bytes},
    SizeOption{"ranks", &Words::ranks},
    SizeOption{"tokens", &Words::tokens},
    SizeOption{"hidden", &Words::hidden},
    SizeOption{"inter", &Words::inter},
    SizeOption{"experts", &Words::experts},
    SizeOption{"per-token", &Words::per_token},
    SizeOption{"ep", &Words::ep},
    SizeOption{"tp", &Words::tp},
};

template <std::size_t N>
std::vector<std::string> names_of(const std::array<SizeOption, N>& options) {
  std::vector<std::string> names;
  for (const SizeOption& option : options) {
    names.emplace_back(option.name);
  }
  return names;
}

// Sets what a sweep varies.
template <std::size_t N>
Words with(const Words& words, const std::array<SizeOption, N>& options, std::string_view name,
           double value) {
  Words changed = words;
  for (const SizeOption& option : options) {
    if (option.name == name) {
      changed.*option.value = value;
    }
  }
  return changed;
}

// Degrees of parallelism are whole numbers; the rest is what a deployment's rules say.
Result<estimate::Parallelism> parallelism_of(const Words& words, const estimate::Figures& figures) {
  constexpr double kRanksMax = 65536;
  Diagnostics wrong;
  for (const auto& [name, value] :
       {std::pair{"--tp", words.tp}, std::pair{"--pp", words.pp}, std::pair{"--ep", words.ep},
        std::pair{"--attn-dp", words.attention_dp}}) {
    if (!(value >= 1) || value > kRanksMax || value != std::floor(value)) {
      wrong.push_back(usage("U0305", fmt::format("{} {} is no number of ranks", name, value),
                            {fmt::format("a whole number from 1 to {:.0f}", kRanksMax)}));
    }
  }
  if (!wrong.empty()) {
    return tl::unexpected(std::move(wrong));
  }
  const double chips = words.tp * words.pp * words.attention_dp;
  if (chips > figures.domain_chips) {
    return fail(
        {.code = "E0605",
         .message = fmt::format("{:.0f} chips are more than a scale-up domain of {} has: {:.0f}",
                                chips, figures.chip, figures.domain_chips),
         .notes = {fmt::format("tp {:.0f} x pp {:.0f} x attention dp {:.0f}", words.tp, words.pp,
                               words.attention_dp)},
         .help = {"one copy of a model lies inside a domain; more copies serve more requests",
                  "--set system.scaleup_domain=N prices a larger one"},
         .exit = ExitCode::infeasible});
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
  const auto parallelism = parallelism_of(words, context.figures);
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
    if (term == nullptr && words.explain.front() == tree.key) {
      term = &tree;
    }
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

ExitCode sweep_serving(const Terminal& terminal, const Words& words, const Context& context,
                       const model::Hyperparameters& model, const evaluate::SupportIndex& support) {
  const auto sweep = sweep_of(words.sweep, names_of(kServingSizes));
  if (!sweep) {
    return terminal.report(sweep.error());
  }
  report::ServingSweep rows;
  for (const double value : sweep->values) {
    const Words one = with(words, kServingSizes, sweep->name, value);
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
    json["sweep"] = sweep->name;
    json["rows"] = report::serving_sweep_json(rows);
    terminal.out(dump_json(json) + "\n");
  } else {
    terminal.out(fmt::format("{} on {}: batch {:.0f}, {:.0f}/{:.0f} tokens, {}; swept: {}\n",
                             escape_control(model.name), escape_control(context.chip.name),
                             words.batch, words.input, words.output,
                             fmt::format("tp{:.0f} pp{:.0f} ep{:.0f} attn_dp{:.0f}", words.tp,
                                         words.pp, words.ep, words.attention_dp),
                             sweep->name));
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
  const auto support = evaluate::SupportIndex::shipped();
  if (!words.sweep.empty()) {
    return sweep_serving(terminal, words, context, *model, support);
  }
  const auto question = question_of(words, context, *model);
  if (!question) {
    return terminal.report(question.error());
  }
  if (words.explains) {
    const auto tree = evaluate::explain(*question, context.efficiency);
    return tree ? print_explanation(terminal, words, *tree) : terminal.report(tree.error());
  }
  const auto estimate =
      evaluate::serving_estimate(*question, context.efficiency, context.bands, support);
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
        .precision = estimate::precision(words.weights.empty() ? "bf16" : words.weights)};
  }
  if (words.op == "allreduce") {
    constexpr std::array kinds{
        std::pair{"all_reduce", estimate::CollectiveKind::all_reduce},
        std::pair{"all_gather", estimate::CollectiveKind::all_gather},
        std::pair{"reduce_scatter", estimate::CollectiveKind::reduce_scatter},
        std::pair{"all_to_all", estimate::CollectiveKind::all_to_all}};
    const auto* const kind = std::find_if(kinds.begin(), kinds.end(), [&](const auto& entry) {
      return entry.first == words.collective;
    });
    return estimate::CollectiveWork{.kind = kind->second,  // CLI11 has checked the name
                                    .ranks = words.ranks,
                                    .bytes = words.bytes,
                                    .framework_kernel = words.framework_kernel};
  }
  return estimate::ExpertsWork{.tokens = words.tokens,
                               .hidden = words.hidden,
                               .inter = words.inter,
                               .experts = words.experts,
                               .per_token = words.per_token,
                               .ranks_ep = words.ep,
                               .ranks_tp = words.tp,
                               .skew = words.skew,
                               .precision = *weights,
                               .prefill = words.prefill};
}

Result<evaluate::OperatorEstimate> operator_of(const Words& words, const Context& context,
                                               const estimate::Device& device) {
  const auto work = work_of(words, context);
  return work ? evaluate::operator_estimate(device, *work, context.bands)
              : Result<evaluate::OperatorEstimate>(tl::unexpected(work.error()));
}

ExitCode sweep_operator(const Terminal& terminal, const Words& words, const Context& context,
                        const estimate::Device& device) {
  const auto sweep = sweep_of(words.sweep, names_of(kOperatorSizes));
  if (!sweep) {
    return terminal.report(sweep.error());
  }
  report::OperatorSweep rows;
  for (const double value : sweep->values) {
    rows.push_back(
        {value, operator_of(with(words, kOperatorSizes, sweep->name, value), context, device)});
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

ExitCode estimate(const Terminal& terminal, const Words& words) {
  if (words.model.empty() == words.op.empty()) {
    return terminal.report({usage(
        "U0307", words.model.empty() ? "nothing to estimate" : "--model and --op are two questions",
        {"--model NAME asks for a model served, --op gemm|attention|allreduce|moe for one "
         "operator"})});
  }
  if (!words.sweep.empty() && (words.explains || words.roofline || !words.svg.empty())) {
    return terminal.report(
        {usage("U0308", "--sweep does not go with --explain, --roofline or --svg",
               {"without --sweep they show one of its rows"})});
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

// --- options ------------------------------------------------------------------------------------

void add_serving_options(CLI::App& app, Words& words) {
  const auto add = [&](const char* names, auto& value, const char* type, const char* description) {
    return app.add_option(names, value, description)->type_name(type)->group("A model served");
  };
  add("--model", words.model, "MODEL",
      "a name of `churon models shapes`, a config.json or a GGUF file");
  add("--batch", words.batch, "B", "concurrent requests of one copy of the model; default 1");
  add("--input", words.input, "N", "tokens of a prompt; default 1024");
  add("--output", words.output, "N", "tokens of an answer; default 1024");
  add("--tp", words.tp, "N", "tensor parallel ranks; default 1");
  add("--pp", words.pp, "N", "pipeline stages; default 1");
  add("--ep", words.ep, "N", "ranks that experts are spread over; default 1");
  add("--attn-dp", words.attention_dp, "N",
      "attention data parallel ranks, each with its own requests; default 1");
  add("--framework", words.framework, "NAME", "profile of the serving framework; default vllm")
      ->check(CLI::IsMember(framework_names()));
  add("--prefix-hit", words.prefix_hit, "SHARE",
      "share of the prompts found in the prefix cache, 0 to 1; default 0")
      ->check(CLI::Range(0.0, 1.0));
  app.add_flag("--disaggregated", words.disaggregated,
               "prompts on chips of their own; the cache is sent over")
      ->group("A model served");
}

void add_operator_options(CLI::App& app, Words& words) {
  const auto add = [&](const char* names, auto& value, const char* type, const char* description) {
    return app.add_option(names, value, description)->type_name(type)->group("One operator");
  };
  add("--op", words.op, "OPERATOR", "one operator on one rank")
      ->check(CLI::IsMember({"gemm", "attention", "allreduce", "moe"}));
  add("--m", words.m, "N", "gemm: rows, that is tokens; default 1");
  add("--n", words.n, "N", "gemm: columns; default 4096");
  add("--k", words.k, "N", "gemm: length of the products; default 4096");
  app.add_flag("--prefill", words.prefill, "attention over whole prompts; prefill's share of peaks")
      ->group("One operator");
  add("--context", words.context, "N", "attention: positions in the cache, or of the prompt");
  add("--heads", words.heads, "N", "attention: query heads of the rank; default 32");
  add("--kv-heads", words.kv_heads, "N", "attention: key and value heads of the rank; default 8");
  add("--head-dim", words.head_dim, "N", "attention: elements of a head; default 128");
  add("--window", words.window, "N", "attention: positions that are seen; default all")
      ->check(CLI::Range(0.0, kSizeMax));
  add("--bytes", words.bytes, "N", "allreduce: of the vector; default 1 MiB");
  add("--ranks", words.ranks, "N", "allreduce: default 8");
  add("--collective", words.collective, "KIND", "allreduce: another collective in its place")
      ->check(CLI::IsMember({"all_reduce", "all_gather", "reduce_scatter", "all_to_all"}));
  app.add_flag("--framework-kernel", words.framework_kernel,
               "allreduce: a serving framework's own kernels are there")
      ->group("One operator");
  add("--tokens", words.tokens, "N", "moe: of all ranks together; default 64");
  add("--hidden", words.hidden, "N", "moe: width of the model; default 4096");
  add("--inter", words.inter, "N", "moe: width of one expert; default 1536");
  add("--experts", words.experts, "N", "moe: routed experts; default 128");
  add("--per-token", words.per_token, "N", "moe: experts of a token; default 8");
  add("--skew", words.skew, "A", "moe: exponent of the experts' loads, 0: all alike; default 1.2")
      ->check(CLI::Range(0.0, 4.0));
}

}  // namespace

Action configure_estimate(CLI::App& app) {
  auto words = std::make_shared<Words>();
  app.add_option("--chip", words->chip, "a name of `churon chips` or a path; default churon-1")
      ->type_name("CHIP")
      ->group("Chip");
  app.add_option("--set", words->overrides, "change a value of the chip: memory.hbm.stacks=6")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false)
      ->group("Chip");
  app.add_option("--derate", words->derate, "own chips: neutral, year1, target")
      ->type_name("NAME")
      ->group("Chip");
  add_serving_options(app, *words);
  app.add_option("--weights,--format", words->weights, "default: 8 bits in the chip's own form")
      ->type_name("FORMAT")
      ->group("Formats");
  app.add_option("--kv", words->kv, "of the KV cache; default 8 bits, --op attention bf16")
      ->type_name("FORMAT")
      ->group("Formats");
  add_operator_options(app, *words);
  app.add_option("--sweep", words->sweep,
                 "a table over one size: batch=1..512 doubles, tp=1,2,4 lists, input=1..9:2 adds")
      ->type_name("NAME=VALUES")
      ->group("Output");
  app.add_flag("--roofline", words->roofline, "operators under the chip's roofs, drawn here")
      ->group("Output");
  app.add_option("--svg", words->svg, "the roofline as a picture")
      ->type_name("FILE")
      ->group("Output");
  app.add_option("--explain", words->explain,
                 "the tree of terms with formula and source; KEY: all below one")
      ->type_name("KEY")
      ->expected(0, 1)
      ->group("Output");
  const CLI::App* command = &app;
  return [words, command](const Terminal& terminal) {
    words->explains = command->count("--explain") > 0;
    return estimate(terminal, *words);
  };
}

}  // namespace churon::cli
