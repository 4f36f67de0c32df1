#include "cli/estimate_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <span>

#include "base/text.h"
#include "cli/serving_options.h"
#include "cli/values.h"
#include "estimate/collective.h"

namespace churon::cli {

namespace {

using Words = EstimateWords;

constexpr std::size_t kSweepMax = 1000;
constexpr double kSizeMax = 1e12;  // of a swept size

// --- which options a question has ---------------------------------------------------------------

struct SizeOption {
  std::string_view name;
  double Words::* value;
};
constexpr std::array kSizes{
    SizeOption{"batch", &Words::batch},
    SizeOption{"input", &Words::input},
    SizeOption{"output", &Words::output},
    SizeOption{"tp", &Words::tp},
    SizeOption{"pp", &Words::pp},
    SizeOption{"ep", &Words::ep},
    SizeOption{"attn-dp", &Words::attention_dp},
    SizeOption{"m", &Words::m},
    SizeOption{"n", &Words::n},
    SizeOption{"k", &Words::k},
    SizeOption{"context", &Words::context},
    SizeOption{"heads", &Words::heads},
    SizeOption{"kv-heads", &Words::kv_heads},
    SizeOption{"head-dim", &Words::head_dim},
    SizeOption{"window", &Words::window},
    SizeOption{"bytes", &Words::bytes},
    SizeOption{"ranks", &Words::ranks},
    SizeOption{"tokens", &Words::tokens},
    SizeOption{"hidden", &Words::hidden},
    SizeOption{"inter", &Words::inter},
    SizeOption{"experts", &Words::experts},
    SizeOption{"per-token", &Words::per_token},
};

using Names = std::span<const std::string_view>;
constexpr std::array<std::string_view, 7> kServingSizes{"batch", "input", "output", "tp",
                                                        "pp",    "ep",    "attn-dp"};
constexpr std::array<std::string_view, 6> kServingOthers{"model",         "framework", "prefix-hit",
                                                         "disaggregated", "weights",   "kv"};
constexpr std::array<std::string_view, 3> kGemmSizes{"m", "n", "k"};
constexpr std::array<std::string_view, 6> kAttentionSizes{"batch",    "context",  "heads",
                                                          "kv-heads", "head-dim", "window"};
constexpr std::array<std::string_view, 2> kCollectiveSizes{"bytes", "ranks"};
constexpr std::array<std::string_view, 7> kExpertSizes{"tokens",    "hidden", "inter", "experts",
                                                       "per-token", "ep",     "tp"};
constexpr std::array<std::string_view, 3> kGemmOthers{"op", "weights", "prefill"};
constexpr std::array<std::string_view, 4> kAttentionOthers{"op", "weights", "kv", "prefill"};
constexpr std::array<std::string_view, 3> kCollectiveOthers{"op", "collective", "framework-kernel"};
constexpr std::array<std::string_view, 5> kExpertOthers{"op", "weights", "prefill", "skew",
                                                        "framework"};

struct QuestionRow {
  std::string_view op;  // empty: a model served
  Names sizes;          // can be swept
  Names others;
};
constexpr std::array kQuestions{
    QuestionRow{"", kServingSizes, kServingOthers},
    QuestionRow{"gemm", kGemmSizes, kGemmOthers},
    QuestionRow{"attention", kAttentionSizes, kAttentionOthers},
    QuestionRow{"allreduce", kCollectiveSizes, kCollectiveOthers},
    QuestionRow{"moe", kExpertSizes, kExpertOthers},
};

const QuestionRow& question(const Words& words) {
  const auto* const row =
      std::find_if(kQuestions.begin(), kQuestions.end(),
                   [&](const QuestionRow& entry) { return entry.op == words.op; });
  return row == kQuestions.end() ? kQuestions.front() : *row;  // CLI11 has checked the name
}

bool has(Names names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_of_some_question(std::string_view name) {
  return std::any_of(kQuestions.begin(), kQuestions.end(), [&](const QuestionRow& row) {
    return has(row.sizes, name) || has(row.others, name);
  });
}

// Options that are given and that the question does not have.
std::vector<std::string> unread_options(const CLI::App& app, const QuestionRow& row) {
  std::vector<std::string> unread;
  for (const CLI::Option* option : app.get_options()) {
    if (option->count() == 0 || option->get_lnames().empty()) {
      continue;
    }
    const std::string& name = option->get_lnames().front();
    if (is_of_some_question(name) && !has(row.sizes, name) && !has(row.others, name)) {
      unread.push_back("--" + name);
    }
  }
  return unread;
}

std::string options_of(const QuestionRow& row) {
  std::vector<std::string> names;
  for (const Names& list : {row.sizes, row.others}) {
    for (const std::string_view name : list) {
      if (name != "op" && name != "model") {
        names.push_back(fmt::format("--{}", name));
      }
    }
  }
  return join(names, ", ");
}

double Words::* find_size(std::string_view name) {
  const auto* const row = std::find_if(kSizes.begin(), kSizes.end(),
                                       [&](const SizeOption& entry) { return entry.name == name; });
  return row == kSizes.end() ? nullptr : row->value;
}

// Of a model served; the sizes of an operator are checked with its rules.
void check_sizes(const Words& words, Diagnostics& wrong) {
  for (const std::string_view name : {"batch", "input", "output"}) {
    const double value = words.*find_size(name);
    if (value != std::floor(value)) {  // NaN is not its floor either
      wrong.push_back(usage("U0305", fmt::format("--{} {} is no whole number", name, value), {}));
    }
  }
}

// --- sweeps -------------------------------------------------------------------------------------

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
  add("--framework", words.framework, "NAME",
      "profile of the serving framework, --op moe whose kernels; default vllm")
      ->check(CLI::IsMember(framework_names()));
  add("--prefix-hit", words.prefix_hit, "SHARE",
      "share of the prompts found in the prefix cache, 0 to 1; default 0")
      ->check(number_within(0, 1));
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
  add("--window", words.window, "N", "attention: positions that are seen; default all");
  add("--bytes", words.bytes, "N", "allreduce: of the vector; default 1 MiB");
  add("--ranks", words.ranks, "N", "allreduce: default 8");
  add("--collective", words.collective, "KIND", "allreduce: another collective in its place")
      ->check(CLI::IsMember(std::vector<std::string>(estimate::kCollectiveNames.begin(),
                                                     estimate::kCollectiveNames.end())));
  app.add_flag("--framework-kernel", words.framework_kernel,
               "allreduce: a serving framework's own kernels are there")
      ->group("One operator");
  add("--tokens", words.tokens, "N", "moe: of all ranks together; default 64");
  add("--hidden", words.hidden, "N", "moe: width of the model; default 4096");
  add("--inter", words.inter, "N", "moe: width of one expert; default 1536");
  add("--experts", words.experts, "N", "moe: routed experts; default 128");
  add("--per-token", words.per_token, "N", "moe: experts of a token; default 8");
  add("--skew", words.skew, "A", "moe: exponent of the experts' loads, 0: all alike; default 1.2")
      ->check(number_within(0, 4));
}

}  // namespace

Result<void> check_words(const CLI::App& app, const Words& words) {
  if (words.model.empty() == words.op.empty()) {
    return fail(usage(
        "U0307", words.model.empty() ? "nothing to estimate" : "--model and --op are two questions",
        {"--model NAME asks for a model served, --op gemm|attention|allreduce|moe for one "
         "operator"}));
  }
  if (!words.sweep.empty() && (words.explains || words.roofline || !words.svg.empty())) {
    return fail(usage("U0308", "--sweep does not go with --explain, --roofline or --svg",
                      {"without --sweep they show one of its rows"}));
  }
  const QuestionRow& row = question(words);
  const std::string asked = words.op.empty() ? "--model" : "--op " + words.op;
  if (const auto unread = unread_options(app, row); !unread.empty()) {
    return fail(usage("U0308",
                      fmt::format("{} {} not go with {}", join(unread, ", "),
                                  unread.size() == 1 ? "does" : "do", asked),
                      {fmt::format("{} takes {}", asked, options_of(row))}));
  }
  Diagnostics wrong;
  if (words.op.empty()) {
    check_sizes(words, wrong);
  }
  if (!wrong.empty()) {
    return tl::unexpected(std::move(wrong));
  }
  return {};
}

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

Result<Sweep> sweep_of(const Words& words) {
  const std::string& text = words.sweep;
  const Names names = question(words).sizes;
  const std::size_t equals = text.find('=');
  const std::string name(trim(std::string_view(text).substr(0, equals)));
  if (equals != std::string::npos && has(names, name)) {
    if (auto values = sweep_values(trim(std::string_view(text).substr(equals + 1)))) {
      return Sweep{name, std::move(*values)};
    }
  }
  return fail(
      usage("U0304", fmt::format("`{}` is no sweep", escape_control(text)),
            {"NAME=1..512 doubles, NAME=1..9:2 adds, NAME=1,8,64 lists; at most 1,000 values",
             "names are " + join(std::vector<std::string>(names.begin(), names.end()), ", ")}));
}

Words with(const Words& words, std::string_view name, double value) {
  Words changed = words;
  if (double Words::* const size = find_size(name)) {
    changed.*size = value;
  }
  return changed;
}

void add_estimate_options(CLI::App& app, Words& words) {
  app.add_option("--chip", words.chip, "a name of `churon chips` or a path; default churon-1")
      ->type_name("CHIP")
      ->group("Chip");
  app.add_option("--set", words.overrides, "change a value of the chip: memory.hbm.stacks=6")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false)
      ->group("Chip");
  app.add_option("--derate", words.derate, "own chips: neutral, year1, target")
      ->type_name("NAME")
      ->group("Chip");
  add_serving_options(app, words);
  app.add_option("--weights,--format", words.weights, "default: 8 bits in the chip's own form")
      ->type_name("FORMAT")
      ->group("Formats");
  app.add_option("--kv", words.kv, "of the KV cache; default 8 bits, --op attention bf16")
      ->type_name("FORMAT")
      ->group("Formats");
  add_operator_options(app, words);
  app.add_option("--sweep", words.sweep,
                 "a table over one size: batch=1..512 doubles, tp=1,2,4 lists, input=1..9:2 adds")
      ->type_name("NAME=VALUES")
      ->group("Output");
  app.add_flag("--roofline", words.roofline, "operators under the chip's roofs, drawn here")
      ->group("Output");
  app.add_option("--svg", words.svg, "the roofline as a picture")
      ->type_name("FILE")
      ->group("Output");
  app.add_option("--explain", words.explain,
                 "the tree of terms with formula and source; KEY: all below one")
      ->type_name("KEY")
      ->expected(0, 1)
      ->group("Output");
}

}  // namespace churon::cli
