// The F32 reference mode (rule 9 of docs/arithmetic.md) against the golden results of an
// independent runtime with FP32 weights, activations and cache:
//
//   validate_f32_reference MODEL.gguf GOLDEN_FOLDER [THREADS]
//
// The golden files are those of the folder that name the model's SHA-256. Ids come from them, so no
// tokenizer is involved. Exit code 0 where every bound holds.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "base/json.h"
#include "exec/engine.h"
#include "exec/perplexity.h"
#include "exec/sampler.h"
#include "model/model.h"

namespace churon {
namespace {

// What must hold. The reference rounds GELU through FP16, so models that use it agree less.
struct Bounds {
  double perplexity = 1e-4;  // relative
  double nll_mean = 2e-3;
  double nll_max = 2e-3;
  double gap = 0.01;  // greedy ids are equal up to the first step with a smaller one
};
constexpr Bounds kGeluBounds{1e-4, 1.5e-3, 2e-2, 0.05};

bool all_right = true;

void row(const std::string& what, double measured, double bound) {
  const bool right = measured <= bound;
  all_right = all_right && right;
  fmt::print("  {:<52} {:>12.3g}  at most {:>8.3g}  {}\n", what, measured, bound,
             right ? "ok" : "NO");
}

template <typename T>
T or_exit(Result<T> result) {
  if (!result) {
    fmt::print(stderr, "{}\n", to_text(result.error()));
    std::exit(1);
  }
  return std::move(*result);
}

std::optional<Json> golden(const std::string& folder, const std::string& kind,
                           const std::string& digest) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind(kind, 0) == 0 && entry.path().extension() == ".json") {
      Json json = Json::parse(or_exit(read_file(entry.path().string(), std::uint64_t{1} << 30)));
      if (json.at("model_sha256") == digest) {
        return json;
      }
    }
  }
  return std::nullopt;
}

void compare_perplexity(const exec::Engine& engine, const Json& json, const Bounds& bounds) {
  const auto ids = json.at("ids").get<std::vector<std::int32_t>>();
  const auto nll = json.at("nll").get<std::vector<double>>();
  const auto best = json.at("argmax").get<std::vector<std::int32_t>>();
  const exec::Perplexity ours =
      or_exit(exec::perplexity(engine, ids, {}, static_cast<std::int64_t>(ids.size())));
  double sum = 0;
  double largest = 0;
  int same = 0;
  for (std::size_t i = 0; i < nll.size(); ++i) {
    const double difference = std::abs(ours.positions[i].nll - nll[i]);
    sum += difference;
    largest = std::max(largest, difference);
    same += ours.positions[i].argmax == best[i] ? 1 : 0;
  }
  const double reference = json.at("ppl").get<double>();
  fmt::print("perplexity of {}: {:.5f}, reference {:.5f}; best token equal at {} of {}\n",
             json.at("text").get<std::string>(), ours.ppl, reference, same, nll.size());
  row("perplexity, relative difference", std::abs(ours.ppl / reference - 1), bounds.perplexity);
  row("NLL, mean difference", sum / static_cast<double>(nll.size()), bounds.nll_mean);
  row("NLL, largest difference", largest, bounds.nll_max);
}

void compare_greedy(const exec::Engine& engine, const Json& json, const Bounds& bounds) {
  int wrong = 0;
  int compared = 0;
  double logit_difference = 0;
  const auto& cases = json.at("cases");
  for (const Json& one : cases) {
    const auto prompt = one.at("prompt_ids").get<std::vector<std::int32_t>>();
    const auto ids = one.at("ids").get<std::vector<std::int32_t>>();
    const auto gaps = one.at("gap").get<std::vector<double>>();
    exec::Session session = or_exit(exec::Session::create(engine));
    auto logits = or_exit(session.prefill(prompt));
    for (const Json& candidate : one.at("first_top20")) {
      const float logit = logits[candidate.at(0).get<std::size_t>()];
      logit_difference =
          std::max(logit_difference, std::abs(logit - candidate.at(1).get<double>()));
    }
    for (std::size_t step = 0; step < ids.size() && gaps[step] >= bounds.gap; ++step) {
      const std::int32_t id = exec::argmax(logits);
      ++compared;
      if (id != ids[step]) {
        fmt::print("  {}: step {}: {} instead of {}, gap {}\n", one.at("id").get<std::string>(),
                   step, id, ids[step], gaps[step]);
        ++wrong;
        break;
      }
      if (step + 1 < ids.size()) {
        logits = or_exit(session.decode(id));
      }
    }
  }
  fmt::print("greedy: {} prompts, {} tokens compared; first logits differ by {:.2g} at most\n",
             cases.size(), compared, logit_difference);
  row("prompts whose text departs from the reference", wrong, 0);
}

int validate(const std::string& path, const std::string& folder, int threads) {
  const std::string digest = or_exit(sha256_of_file(path));
  const auto perplexity_json = golden(folder, "ppl-f32ref-", digest);
  const auto greedy_json = golden(folder, "gen-f32ref-", digest);
  if (!perplexity_json || !greedy_json) {
    fmt::print(stderr, "{}: no golden file in {} names this model\n", path, folder);
    return 1;
  }
  const model::Model model = or_exit(model::load_model(path));
  exec::EngineOptions options;
  options.threads = threads;
  options.context = 1024;
  options.arithmetic = exec::Arithmetic::f32;
  const exec::Engine engine = or_exit(exec::load_engine(model, options));
  const bool gelu = model.hyperparameters.activation == model::Activation::gelu;
  const Bounds bounds = gelu ? kGeluBounds : Bounds{};
  fmt::print("{}\n", model.hyperparameters.name);
  compare_perplexity(engine, *perplexity_json, bounds);
  compare_greedy(engine, *greedy_json, bounds);
  return all_right ? 0 : 1;
}

}  // namespace
}  // namespace churon

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    fmt::print(stderr, "usage: {} MODEL.gguf GOLDEN_FOLDER [THREADS]\n", argv[0]);
    return 2;
  }
  return churon::validate(argv[1], argv[2], argc == 4 ? std::atoi(argv[3]) : 2);
}
