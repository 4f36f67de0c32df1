// `churon bench`: how fast this machine computes a model in a chip's arithmetic. Prefill of P ids
// into an empty cache, and decode of N ids from an empty cache, as llama.cpp's `llama-bench` does.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <vector>

#include "base/json.h"
#include "base/random.h"
#include "cli/run.h"
#include "cli/run_setup.h"
#include "cli/verb.h"
#include "numeric/kernels.h"
#include "report/format.h"

namespace churon::cli {

namespace {

struct Words {
  SetupOptions setup;
  std::int64_t prefill = 512;
  std::int64_t decode = 128;
  int repetitions = 5;
};

struct Measured {
  std::vector<double> prefill_s;
  std::vector<double> decode_s;
};

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

// Ids of no meaning: every step costs the same whatever they are.
std::vector<std::int32_t> some_ids(std::int64_t count, std::int64_t vocab) {
  std::vector<std::int32_t> ids;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto bits = philox4x32({static_cast<std::uint32_t>(i), 0, 0, 0}, 0)[0];
    ids.push_back(static_cast<std::int32_t>(bits % static_cast<std::uint64_t>(vocab)));
  }
  return ids;
}

template <typename Function>
Result<void> timed(std::vector<double>& seconds, const Function& function) {
  const auto start = std::chrono::steady_clock::now();
  if (auto done = function(); !done) {
    return fail(done);
  }
  seconds.push_back(
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  return {};
}

Result<void> prefill(exec::Session& session, std::span<const std::int32_t> ids) {
  session.truncate(0);
  if (auto logits = session.prefill(ids); !logits) {
    return fail(logits);
  }
  return {};
}

Result<void> decode(exec::Session& session, std::span<const std::int32_t> ids) {
  session.truncate(0);
  for (const std::int32_t id : ids) {
    if (auto logits = session.decode(id); !logits) {
      return fail(logits);
    }
  }
  return {};
}

Result<Measured> measure(const Words& words, const Setup& setup, const Terminal& terminal) {
  auto session = exec::Session::create(setup.engine());
  if (!session) {
    return fail(session);
  }
  const std::int64_t vocab = setup.model().hyperparameters.vocab;
  const auto prompt = some_ids(words.prefill, vocab);
  const auto tokens = some_ids(words.decode, vocab);
  Measured measured;
  Measured warm_up;
  for (int repetition = -1; repetition < words.repetitions; ++repetition) {
    Measured& into = repetition < 0 ? warm_up : measured;
    terminal.show_progress(
        repetition < 0 ? "warming up"
                       : fmt::format("repetition {} of {}", repetition + 1, words.repetitions));
    if (!prompt.empty()) {
      if (auto done = timed(into.prefill_s, [&] { return prefill(*session, prompt); }); !done) {
        return fail(done);
      }
    }
    if (!tokens.empty()) {
      const auto some = repetition < 0
                            ? std::span(tokens).first(std::min<std::size_t>(tokens.size(), 8))
                            : std::span(tokens);
      if (auto done = timed(into.decode_s, [&] { return decode(*session, some); }); !done) {
        return fail(done);
      }
    }
  }
  terminal.show_progress("");
  return measured;
}

std::string kernel_name() {
  const auto kernels = numeric::choose_kernels();
  return kernels ? (*kernels)->name : "";
}

Json document(const Words& words, const Setup& setup, const Measured& measured) {
  const exec::EngineOptions& options = setup.engine().options();
  Json json = json_document("bench");
  json["model"] = setup.model().hyperparameters.name;
  json["model_digest"] = setup.model().file.digest();
  json["model_file_bytes"] = setup.model().file.size;
  json["chip"] = setup.chips().front().id;
  json["chip_digest"] = setup.chips().front().digest;
  json["arithmetic"] = options.arithmetic == exec::Arithmetic::f32 ? "f32" : "datapath";
  json["kv"] = numeric::name(options.kv);
  json["threads"] = options.threads;
  json["kernels"] = kernel_name();
  json["weight_bytes"] = setup.engine().weight_bytes_held();
  json["load_s"] = setup.load_time().value();
  json["prefill_tokens"] = words.prefill;
  json["decode_tokens"] = words.decode;
  const auto add = [&](const char* phase, std::int64_t tokens, const std::vector<double>& seconds) {
    if (!seconds.empty()) {
      json[fmt::format("host_{}_tok_s", phase)] = static_cast<double>(tokens) / median(seconds);
      json[fmt::format("host_{}_s", phase)] = seconds;
    }
  };
  add("prefill", words.prefill, measured.prefill_s);
  add("decode", words.decode, measured.decode_s);
  return json;
}

std::string text(const Words& words, const Setup& setup, const Measured& measured) {
  report::Table table({report::Align::left, report::Align::right, report::Align::left});
  const auto row = [&](const char* phase, std::int64_t tokens, const std::vector<double>& seconds) {
    if (seconds.empty()) {
      return;
    }
    std::string all;
    for (const double time : seconds) {
      all += fmt::format(" {:.1f}", static_cast<double>(tokens) / time);
    }
    table.row({fmt::format("{} of {}", phase, report::counted(tokens, "token")),
               fmt::format("{:.1f} tok/s", static_cast<double>(tokens) / median(seconds)),
               "of" + all});
  };
  row("prefill", words.prefill, measured.prefill_s);
  row("decode", words.decode, measured.decode_s);
  const exec::EngineOptions& options = setup.engine().options();
  return table.text() + fmt::format("{}, {}, {} kernels, loaded in {}\n",
                                    setup.model().hyperparameters.name,
                                    report::counted(options.threads, "thread"), kernel_name(),
                                    report::text(setup.load_time()));
}

ExitCode bench(const Terminal& terminal, Words words) {
  if (words.prefill == 0 && words.decode == 0) {
    return terminal.report({usage("U0205", "-p 0 and -n 0 leave nothing to measure")});
  }
  if (words.setup.context == 0) {
    words.setup.context = std::max(words.prefill, words.decode);
  }
  const auto setup = Setup::open(words.setup);
  if (!setup) {
    return terminal.report(setup.error());
  }
  if (const auto loaded = (*setup)->load(terminal); !loaded) {
    return failed(terminal, loaded.error());
  }
  const auto measured = measure(words, **setup, terminal);
  if (!measured) {
    return failed(terminal, measured.error());
  }
  terminal.out(terminal.json ? dump_json(document(words, **setup, *measured)) + "\n"
                             : text(words, **setup, *measured));
  return ExitCode::ok;
}

}  // namespace

Action configure_bench(CLI::App& app) {
  auto words = std::make_shared<Words>();
  add_model_options(app, words->setup);
  const auto add = [&](const char* names, auto& value, const char* description) {
    return app.add_option(names, value, description)->type_name("N")->group("Measurement");
  };
  add("-p,--prompt-size", words->prefill, "tokens of a prefill; default 512, 0: none")
      ->check(CLI::Range(0, 1 << 20));
  add("-n,--decode-size", words->decode, "tokens of a decode; default 128, 0: none")
      ->check(CLI::Range(0, 1 << 20));
  add("-r,--repetitions", words->repetitions, "measured repetitions; default 5")
      ->check(CLI::Range(1, 1000));
  return [words](const Terminal& terminal) { return bench(terminal, *words); };
}

}  // namespace churon::cli
