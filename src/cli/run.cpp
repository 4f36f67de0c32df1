#include "cli/run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "base/file.h"
#include "base/text.h"
#include "cli/run_stream.h"
#include "cli/values.h"
#include "exec/generate.h"
#include "numeric/kernels.h"
#include "report/run_report.h"

namespace churon::cli {

namespace {

// No token of a usual vocabulary stands for more bytes of text; with it the context bounds what is
// read from a file without end.
constexpr std::uint64_t kBytesPerTokenMax = 128;

// Flags that contradict each other, numbers that are none.
std::optional<Diagnostic> contradiction(const RunFlags& flags, const Terminal& terminal) {
  const exec::SamplerOptions& sampler = flags.sampler;
  for (const float value :
       {sampler.temperature, sampler.top_p, sampler.min_p, sampler.repeat_penalty}) {
    if (!std::isfinite(value) || value < 0) {
      return usage("U0205", fmt::format("{} is no value for a sampler", value),
                   {"--temp, --top-p, --min-p and --repeat-penalty are finite and not negative"});
    }
  }
  if (sampler.repeat_penalty == 0) {
    return usage("U0205", "--repeat-penalty 0 would divide by zero", {"1 turns the penalty off"});
  }
  if (flags.count == 0) {
    return usage("U0205", "-n 0 asks for no token",
                 {"-n -1, the default, goes on until the model ends its text"});
  }
  if (flags.prompt && !flags.prompt_file.empty()) {
    return usage("U0204", "-p and -f both give a prompt", {"use one of them"});
  }
  if (flags.chat && (terminal.json || flags.raw)) {
    return usage("U0204",
                 fmt::format("--chat does not go with {}", terminal.json ? "--json" : "--raw"),
                 {"a run without --chat answers one prompt"});
  }
  if (!flags.prompt && flags.prompt_file.empty() && !flags.chat && flags.dump.empty() &&
      ::isatty(STDIN_FILENO) == 1) {
    return usage("U0201", "there is no prompt",
                 {"-p \"text\", -f FILE, a pipe on standard input, or --chat"});
  }
  return std::nullopt;
}

Result<std::string> read_prompt(const RunFlags& flags, std::int64_t context) {
  if (flags.prompt) {
    return *flags.prompt;
  }
  const std::string path = flags.prompt_file.empty() ? "/dev/stdin" : flags.prompt_file;
  auto text = read_file(path, static_cast<std::uint64_t>(context) * kBytesPerTokenMax);
  if (!text) {
    text.error().front().help.push_back(
        fmt::format("the context has {} positions: -c makes it larger", context));
  }
  return text;
}

Result<std::vector<model::TokenId>> prompt_ids(const RunFlags& flags, const Setup& setup,
                                               const std::string& text) {
  std::vector<model::TokenId> ids;
  if (setup.chat_template() && !flags.raw) {
    std::vector<model::ChatMessage> messages;
    if (!flags.system_prompt.empty()) {
      messages.push_back({"system", flags.system_prompt});
    }
    messages.push_back({"user", text});
    auto rendered = model::chat_prompt(setup.tokenizer(), *setup.chat_template(), messages,
                                       {.parse_special = flags.parse_special});
    if (!rendered) {
      return template_error(rendered.error(), setup.model().file.path);
    }
    ids = std::move(*rendered);
  } else {
    const std::string plain =
        flags.system_prompt.empty() ? text : flags.system_prompt + "\n" + text;
    ids = model::plain_prompt(setup.tokenizer(), plain, flags.parse_special);
  }
  if (ids.empty()) {
    return fail("U0203", "the prompt is empty", {"-p \"text\" gives one"});
  }
  if (static_cast<std::int64_t>(ids.size()) > setup.context()) {
    return fail("U0202",
                fmt::format("the prompt has {} tokens, the context {} positions", ids.size(),
                            setup.context()),
                {fmt::format("-c {} holds it with 256 tokens more", ids.size() + 256)});
  }
  return ids;
}

const char* finish_reason(exec::StopReason reason) {
  switch (reason) {
    case exec::StopReason::end_token:
      return "stop";
    case exec::StopReason::count:
      return "length";
    case exec::StopReason::context_full:
      return "context_full";
    case exec::StopReason::callback:
      return "stop_string";
    case exec::StopReason::interrupted:
      return "interrupted";
  }
  return "";
}

// The same run on the chips that were asked for. Nothing was generated: nothing is simulated.
Result<void> simulate(const RunFlags& flags, const Setup& setup, report::RunRecord& record) {
  if (record.ids.empty()) {
    return {};
  }
  const evaluate::RunWorkload workload{
      .prompt_tokens = static_cast<std::int64_t>(record.prompt_ids.size()),
      .output_tokens = static_cast<std::int64_t>(record.ids.size()),
      .batch = flags.setup.batch,
      .context = setup.context()};
  for (std::size_t i = 0; i < setup.chips().size(); ++i) {
    const chip::Chip& chip = setup.chips()[i];
    evaluate::RunOptions options = setup.run_options();
    if (i > 0 && chip::derate(chip, options.estimate.derate) == nullptr) {
      options.estimate.derate.clear();
    }
    auto evaluation = evaluate::evaluate_run(chip, setup.model(), workload, options);
    if (evaluation) {
      record.chips.push_back(std::move(*evaluation));
    } else if (i == 0) {
      return fail(evaluation);
    } else {
      record.misfits.push_back({chip.id, evaluation.error()});
    }
  }
  return {};
}

ExitCode dump(const RunFlags& flags, const Setup& setup, const Terminal& terminal) {
  if (flags.dump == "graph") {
    terminal.out(graph::to_text(
        graph::graph(setup.model().hyperparameters, graph::decode_step(flags.setup.batch, 0))));
    return ExitCode::ok;
  }
  const auto chip = chip::load(flags.setup.chip, flags.setup.overrides);
  if (!chip) {
    return terminal.report(chip.error());
  }
  terminal.out(chip::dump(*chip));
  return ExitCode::ok;
}

ExitCode generate_once(const RunFlags& flags, const Setup& setup, const std::string& prompt,
                       const Terminal& terminal) {
  const auto ids = prompt_ids(flags, setup, prompt);
  if (!ids) {
    return failed(terminal, ids.error());
  }
  auto session = exec::Session::create(setup.engine());
  if (!session) {
    return failed(terminal, session.error());
  }
  session->progress = [&](std::int64_t done, std::int64_t total) {
    terminal.show_progress(done < total ? fmt::format("prompt: {} of {} tokens", done, total) : "");
  };
  exec::GenerateOptions options;
  options.count = flags.count;
  options.sampler = flags.sampler;
  options.log_probabilities = flags.log_probabilities;
  if (!flags.ignore_eos) {
    options.end_ids.assign(setup.tokenizer().end_ids().begin(), setup.tokenizer().end_ids().end());
  }
  report::RunRecord record;
  TextStream stream(setup.tokenizer(), flags.stops, terminal, !terminal.json);
  const auto generation =
      exec::generate(*session, {}, *ids, options, [&](const exec::GeneratedToken& token) {
        if (flags.log_probabilities > 0) {
          record.log_probabilities.push_back(token);
        }
        return stream.add(token.id);
      });
  stream.finish();
  if (!generation) {
    return failed(terminal, generation.error());
  }
  const auto& hyperparameters = setup.model().hyperparameters;
  const exec::EngineOptions& engine = setup.engine().options();
  record.model_name = hyperparameters.name;
  record.model_path = setup.model().file.path;
  record.model_file_bytes = setup.model().file.size;
  record.prompt_ids = *ids;
  record.ids = generation->ids;
  record.text = stream.text();
  record.finish_reason = finish_reason(generation->stop);
  record.stop_string = stream.stop();
  record.arithmetic = engine.arithmetic;
  record.kv_format = numeric::name(engine.kv);
  record.context = setup.context();
  record.seed = flags.sampler.seed;
  record.greedy = flags.sampler.temperature <= 0;
  record.transcodings = setup.engine().transcodings();
  const auto kernels = numeric::choose_kernels();
  record.host = {
      .threads = engine.threads,
      .kernels = kernels ? numeric::name((*kernels)->set) : "",
      .load_time = setup.load_time(),
      .weight_bytes = setup.engine().weight_bytes_held(),
      .kv_bytes = setup.engine().kv_bytes_per_session(),
      .prefill_tokens = generation->prompt_tokens,
      .prefill_time = generation->prefill_time,
      .decode_tokens = std::max<std::int64_t>(0, static_cast<std::int64_t>(record.ids.size()) - 1),
      .decode_time = generation->decode_time};
  if (const auto simulated = simulate(flags, setup, record); !simulated) {
    return failed(terminal, simulated.error());
  }
  if (terminal.json) {
    record.model_digest = setup.model().file.digest();
    terminal.out(dump_json(report::run_json(record)) + "\n");
  } else {
    terminal.out("\n");
    if (!terminal.quiet) {
      terminal.out(report::run_text(record, charset()));
    }
  }
  return generation->stop == exec::StopReason::interrupted ? ExitCode::interrupted : ExitCode::ok;
}

ExitCode run(const RunFlags& flags, const Terminal& terminal) {
  if (const auto wrong = contradiction(flags, terminal)) {
    return terminal.report({*wrong});
  }
  SetupOptions options = flags.setup;
  options.with_chat_template = !flags.raw;
  const auto setup = Setup::open(options);
  if (!setup) {
    return terminal.report(setup.error());
  }
  if (!flags.dump.empty()) {
    return dump(flags, **setup, terminal);
  }
  const std::int64_t trained = (*setup)->model().hyperparameters.context;
  if ((*setup)->context() > trained) {
    terminal.note(
        fmt::format("note: the model was trained for {} positions; what it says beyond "
                    "them may be poor",
                    trained));
  }
  Result<std::string> prompt = std::string();
  if (!flags.chat) {
    prompt = read_prompt(flags, (*setup)->context());
    if (!prompt) {
      return failed(terminal, prompt.error());
    }
  }
  if (const auto loaded = (*setup)->load(terminal); !loaded) {
    return failed(terminal, loaded.error());
  }
  return flags.chat ? chat(flags, **setup, terminal)
                    : generate_once(flags, **setup, *prompt, terminal);
}

void add_prompt_options(CLI::App& app, RunFlags& flags) {
  const auto add = [&](const char* names, auto& value, const char* type, const char* description) {
    return app.add_option(names, value, description)->type_name(type)->group("Prompt");
  };
  add("-p,--prompt", flags.prompt, "TEXT",
      "the prompt: the user's message where the model has a chat template");
  add("-f,--file", flags.prompt_file, "FILE", "read the prompt from a file");
  add("--system-prompt", flags.system_prompt, "TEXT", "the system's message; -sys is the same");
  app.add_flag("--chat", flags.chat, "a conversation: /help lists its commands")->group("Prompt");
  app.add_flag("--raw", flags.raw, "take the prompt as it is, without the chat template")
      ->group("Prompt");
  app.add_flag("--parse-special", flags.parse_special,
               "recognise control tokens such as <|im_end|> in the prompt's text too")
      ->group("Prompt");
}

void add_output_options(CLI::App& app, RunFlags& flags) {
  const auto add = [&](const char* names, auto& value, const char* type, const char* description) {
    return app.add_option(names, value, description)->type_name(type)->group("Tokens");
  };
  add("-n,--predict", flags.count, "N",
      "tokens to generate; default -1: until the model ends or the context is full");
  add("--temp", flags.sampler.temperature, "T", "temperature; default 0: the best token always");
  add("--top-k", flags.sampler.top_k, "K", "draw among the K best; default 40, 0: all");
  add("--top-p", flags.sampler.top_p, "P", "and the best that sum to P; default 0.95, 1: off");
  add("--min-p", flags.sampler.min_p, "P",
      "and those of at least P times the best one's probability; default 0.05, 0: off");
  add("--repeat-penalty", flags.sampler.repeat_penalty, "X",
      "divides the logits of tokens that were there; default 1: off");
  add("--repeat-last-n", flags.sampler.repeat_last, "N",
      "how far back the penalty looks; default 64, -1: everything");
  add("-s,--seed", flags.sampler.seed, "SEED", "of the draws; default 0")->check(seed_value());
  add("--stop", flags.stops, "TEXT", "end where this text comes; may be given several times")
      ->allow_extra_args(false);
  app.add_flag("--ignore-eos", flags.ignore_eos, "go on after an end token")->group("Tokens");
  add("--logprobs", flags.log_probabilities, "K",
      "with --json: the K best tokens of every step with their log probabilities")
      ->check(CLI::Range(0, 1000));
}

void add_simulation_options(CLI::App& app, RunFlags& flags) {
  const auto add = [&](const char* names, auto& value, const char* type, const char* description) {
    return app.add_option(names, value, description)->type_name(type)->group("Chip");
  };
  add("--sim-batch", flags.setup.batch, "B", "simulate so many users at once; default 1")
      ->check(CLI::Range(1, 1'000'000));
  add("--compare", flags.compare, "CHIP,…", "the same run's numbers on other chips too");
  add("--derate", flags.setup.derate, "NAME",
      "what share of the peaks is achieved: a set of the chip, such as neutral, year1, target");
  add("--dump", flags.dump, "WHAT", "print the operators of a decode step, or the resolved chip")
      ->check(CLI::IsMember({"graph", "chip"}));
}

}  // namespace

report::Charset charset() {
  for (const char* variable : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(variable);
    if (value != nullptr && *value != '\0') {
      const std::string locale = to_lower_ascii(value);
      return locale.find("utf-8") != std::string::npos || locale.find("utf8") != std::string::npos
                 ? report::Charset::unicode
                 : report::Charset::ascii;
    }
  }
  return report::Charset::unicode;
}

ExitCode failed(const Terminal& terminal, const Diagnostics& diagnostics) {
  if (interrupted()) {
    terminal.show_progress("");
    terminal.note("interrupted");
    return ExitCode::interrupted;
  }
  return terminal.report(diagnostics);
}

Action configure_run(CLI::App& app) {
  auto flags = std::make_shared<RunFlags>();
  add_model_options(app, flags->setup);
  add_prompt_options(app, *flags);
  add_output_options(app, *flags);
  add_simulation_options(app, *flags);
  return [flags](const Terminal& terminal) {
    for (const std::string_view name : split(flags->compare, ',')) {
      if (!trim(name).empty()) {
        flags->setup.compare.emplace_back(trim(name));
      }
    }
    return run(*flags, terminal);
  };
}

}  // namespace churon::cli
