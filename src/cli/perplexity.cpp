// `churon perplexity`: how well a model predicts a text, in the arithmetic of a chip.
#include "exec/perplexity.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "base/file.h"
#include "base/json.h"
#include "cli/run.h"
#include "cli/run_setup.h"
#include "cli/verb.h"
#include "report/format.h"

namespace churon::cli {

namespace {

constexpr std::uint64_t kTextSizeMax = std::uint64_t{256} << 20;
constexpr std::int64_t kWindowDefaultMax = 2048;

struct Words {
  SetupOptions setup;
  std::string file;
};

// What was computed with what: "datapath of churon-1, q8_0 cache".
std::string arithmetic_text(const Setup& setup) {
  const exec::EngineOptions& options = setup.engine().options();
  return options.arithmetic == exec::Arithmetic::f32
             ? "F32 reference arithmetic"
             : fmt::format("datapath of {}, {} cache", setup.chips().front().id,
                           numeric::name(options.kv));
}

Json document(const Setup& setup, const exec::Perplexity& result, std::int64_t window) {
  const exec::EngineOptions& options = setup.engine().options();
  Json json = json_document("perplexity");
  json["model"] = setup.model().hyperparameters.name;
  json["model_digest"] = setup.model().file.digest();
  json["model_file_bytes"] = setup.model().file.size;
  json["chip"] = setup.chips().front().id;
  json["chip_digest"] = setup.chips().front().digest;
  json["arithmetic"] = options.arithmetic == exec::Arithmetic::f32 ? "f32" : "datapath";
  json["kv"] = numeric::name(options.kv);
  json["window"] = window;
  json["tokens"] = result.tokens;
  json["scored"] = result.positions.size();
  json["interrupted"] = result.interrupted;
  json["nll_mean"] = result.nll_mean;
  json["ppl"] = result.ppl;
  for (const char* key : {"ids", "nll", "argmax"}) {
    json[key] = Json::array();
  }
  for (const exec::ScoredPosition& position : result.positions) {
    json["ids"].push_back(position.id);
    json["nll"].push_back(position.nll);
    json["argmax"].push_back(position.argmax);
  }
  return json;
}

std::string text(const Setup& setup, const exec::Perplexity& result, std::int64_t window) {
  const auto best = std::count_if(
      result.positions.begin(), result.positions.end(),
      [](const exec::ScoredPosition& position) { return position.id == position.argmax; });
  const auto scored = static_cast<std::int64_t>(result.positions.size());
  report::Table table({report::Align::left, report::Align::left});
  table.row({"perplexity", fmt::format("{:.4f}", result.ppl)});
  table.row({"mean NLL", fmt::format("{:.5f} nats a token", result.nll_mean)});
  table.row({"best token right",
             report::percent(static_cast<double>(best) / static_cast<double>(scored))});
  table.row({"scored", fmt::format("{} in windows of {}{}", report::counted(scored, "token"),
                                   window, result.interrupted ? ", then interrupted" : "")});
  table.row({"arithmetic", arithmetic_text(setup)});
  return table.text();
}

ExitCode perplexity(const Terminal& terminal, const Words& words) {
  const auto setup = Setup::open(words.setup);
  if (!setup) {
    return terminal.report(setup.error());
  }
  const auto file = read_file(words.file == "-" ? "/dev/stdin" : words.file, kTextSizeMax);
  if (!file) {
    return terminal.report(file.error());
  }
  if (const auto loaded = (*setup)->load(terminal); !loaded) {
    return failed(terminal, loaded.error());
  }
  const std::int64_t context = (*setup)->context();
  const std::int64_t window =
      words.setup.context > 0 ? context : std::min(context, kWindowDefaultMax);
  if (window < 2) {
    return terminal.report(
        {usage("U0205", "a window of one token has nothing to score", {"-c 2 or more"})});
  }
  const model::Tokenizer& tokenizer = (*setup)->tokenizer();
  const auto ids = tokenizer.encode(*file);
  const auto bos = tokenizer.add_bos() ? tokenizer.bos() : std::nullopt;
  const auto total = static_cast<std::int64_t>(ids.size());
  const auto result =
      exec::perplexity((*setup)->engine(), ids, bos, window, [&](std::int64_t done) {
        terminal.show_progress(fmt::format("scored {} of {} tokens", done, total));
      });
  terminal.show_progress("");
  if (!result) {
    return failed(terminal, result.error());
  }
  terminal.out(terminal.json ? dump_json(document(**setup, *result, window)) + "\n"
                             : text(**setup, *result, window));
  return result->interrupted ? ExitCode::interrupted : ExitCode::ok;
}

}  // namespace

Action configure_perplexity(CLI::App& app) {
  auto words = std::make_shared<Words>();
  add_model_options(app, words->setup);
  app.add_option("FILE", words->file, "the text; - is standard input")
      ->required()
      ->type_name("FILE");
  return [words](const Terminal& terminal) { return perplexity(terminal, *words); };
}

}  // namespace churon::cli
