// What does a number format cost in quality? The datapath with formats of weights, activations and
// cache, against the same model in the F32 reference mode, position by position of a text:
//
//   validate_number_formats MODEL FILE [--chip CHIP] [-c CONTEXT] [-t THREADS]
//
// The first row is what the chip does by itself; the exit code is 1 where it misses the bounds that
// stand below the table. A flip is a position where the best token is another one although the
// reference prefers its own by more than 0.8.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <optional>
#include <string>
#include <vector>

#include "base/file.h"
#include "chip/chip.h"
#include "exec/engine.h"
#include "exec/perplexity.h"
#include "model/catalogue.h"
#include "model/model.h"
#include "model/tokenizer.h"
#include "numeric/block_format.h"
#include "numeric/kv_cache.h"

namespace churon {
namespace {

using numeric::ActivationFormat;
using numeric::BlockFormat;
using numeric::KvFormat;

constexpr float kClearGap = 0.8F;

struct Bounds {
  double perplexity = 0.015;  // relative
  double nll_mean = 0.09;
  double top1 = 0.95;
  double flips = 1e-3;  // share of positions
};
constexpr Bounds kGeluBounds{0.02, 0.09, 0.92, 1e-3};

struct Formats {
  std::optional<BlockFormat> weights;  // none: what the chip takes natively
  ActivationFormat activation = ActivationFormat::q8_0;
  KvFormat kv = KvFormat::q8_0;
};

struct Cost {
  double perplexity = 0;
  double perplexity_change = 0;  // relative
  double nll_mean = 0;
  double nll_max = 0;
  double top1 = 0;
  std::size_t flips = 0;
  double bits_per_weight = 0;
};

template <typename T>
T or_exit(Result<T> result) {
  if (!result) {
    fmt::print(stderr, "{}\n", to_text(result.error()));
    std::exit(1);
  }
  return std::move(*result);
}

const char* name(ActivationFormat format) {
  return format == ActivationFormat::q8_0 ? "q8_0" : "mxint8";
}

struct Text {
  std::vector<std::int32_t> ids;
  std::optional<std::int32_t> bos;
};

exec::Perplexity measure(const exec::Engine& engine, const Text& text) {
  return or_exit(exec::perplexity(engine, text.ids, text.bos, engine.context()));
}

Cost cost(const exec::Perplexity& reference, const exec::Perplexity& measured) {
  Cost result;
  const std::size_t count = reference.positions.size();
  std::size_t same = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const exec::ScoredPosition& ours = measured.positions[i];
    const exec::ScoredPosition& theirs = reference.positions[i];
    const double difference = std::abs(ours.nll - theirs.nll);
    result.nll_mean += difference / static_cast<double>(count);
    result.nll_max = std::max(result.nll_max, difference);
    const bool equal = ours.argmax == theirs.argmax;
    same += equal ? 1 : 0;
    result.flips += !equal && theirs.gap > kClearGap ? 1 : 0;
  }
  result.top1 = static_cast<double>(same) / static_cast<double>(count);
  result.perplexity = measured.ppl;
  result.perplexity_change = measured.ppl / reference.ppl - 1;
  return result;
}

void print_row(const Formats& formats, const Cost& cost) {
  fmt::print("{:<8} {:<11} {:<7} {:>6.2f} {:>9.4f} {:>+8.2f} {:>9.4f} {:>8.3f} {:>7.2f} {:>6}\n",
             formats.weights ? numeric::info(*formats.weights).name : "native",
             name(formats.activation), numeric::name(formats.kv), cost.bits_per_weight,
             cost.perplexity, 100 * cost.perplexity_change, cost.nll_mean, cost.nll_max,
             100 * cost.top1, cost.flips);
  std::fflush(stdout);
}

bool print_verdict(const char* what, double measured, double bound, bool right) {
  fmt::print("  {:<36} {:>9.4f}  bound {:>7.4f}  {}\n", what, measured, bound, right ? "ok" : "NO");
  return right;
}

bool within(const Cost& cost, std::size_t positions, const Bounds& bounds) {
  // One flip is always allowed: a shorter text cannot show one in a thousand.
  const double flips = std::max(1.0, std::floor(bounds.flips * static_cast<double>(positions)));
  bool right =
      print_verdict("perplexity, relative change", cost.perplexity_change, bounds.perplexity,
                    std::abs(cost.perplexity_change) <= bounds.perplexity);
  right = print_verdict("mean difference of NLL", cost.nll_mean, bounds.nll_mean,
                        cost.nll_mean <= bounds.nll_mean) &&
          right;
  right =
      print_verdict("best token equal", cost.top1, bounds.top1, cost.top1 >= bounds.top1) && right;
  return print_verdict("flips", static_cast<double>(cost.flips), flips,
                       static_cast<double>(cost.flips) <= flips) &&
         right;
}

int validate(const std::string& model_name, const std::string& file, const std::string& chip_name,
             std::int64_t context, int threads) {
  const model::Model model = or_exit(model::load_model(or_exit(model::resolve_model(model_name))));
  const auto tokenizer = or_exit(model::Tokenizer::from_metadata(model.file.metadata));
  const chip::Chip chip = or_exit(chip::load(chip_name));
  Text text;
  text.ids = tokenizer.encode(or_exit(read_file(file, std::uint64_t{1} << 26)));
  if (tokenizer.add_bos()) {
    text.bos = tokenizer.bos();
  }

  exec::EngineOptions options;
  options.threads = threads;
  options.context = std::min(context, model.hyperparameters.context);
  options.native_weights = chip::native_weights(chip);
  options.arithmetic = exec::Arithmetic::f32;
  const exec::Perplexity reference = measure(or_exit(exec::load_engine(model, options)), text);
  options.arithmetic = exec::Arithmetic::datapath;

  const ActivationFormat own = chip::activation_format(chip) == BlockFormat::mxint8
                                   ? ActivationFormat::mxint8
                                   : ActivationFormat::q8_0;
  const KvFormat own_kv = own == ActivationFormat::mxint8 ? KvFormat::mxint8 : KvFormat::q8_0;
  const ActivationFormat other =
      own == ActivationFormat::q8_0 ? ActivationFormat::mxint8 : ActivationFormat::q8_0;
  const KvFormat other_kv = own_kv == KvFormat::q8_0 ? KvFormat::mxint8 : KvFormat::q8_0;
  std::vector<Formats> rows{{{}, own, own_kv},         {{}, own, other_kv},
                            {{}, own, KvFormat::bf16}, {{}, own, KvFormat::f32},
                            {{}, other, own_kv},       {{}, other, other_kv}};
  for (const numeric::BlockFormatInfo& format : numeric::block_formats()) {
    rows.push_back({format.format, own, own_kv});
  }

  fmt::print("{} on {}: {} positions of {}, perplexity {:.4f} in F32\n\n",
             model.hyperparameters.name, chip_name, reference.positions.size(), file,
             reference.ppl);
  fmt::print("{:<8} {:<11} {:<7} {:>6} {:>9} {:>8} {:>9} {:>8} {:>7} {:>6}\n", "weights",
             "activations", "cache", "bits/w", "ppl", "change %", "mean dNLL", "max dNLL",
             "top-1 %", "flips");
  std::optional<Cost> first;
  for (const Formats& formats : rows) {
    options.all_weights = formats.weights;
    options.activation = formats.activation;
    options.kv = formats.kv;
    const exec::Engine engine = or_exit(exec::load_engine(model, options));
    Cost one = cost(reference, measure(engine, text));
    one.bits_per_weight = 8 * static_cast<double>(engine.weight_bytes_on_chip()) /
                          static_cast<double>(model.hyperparameters.parameters);
    print_row(formats, one);
    first = first.value_or(one);
  }
  fmt::print("\nThe chip's own formats (first row):\n");
  const bool gelu = model.hyperparameters.activation == model::Activation::gelu;
  return within(*first, reference.positions.size(), gelu ? kGeluBounds : Bounds{}) ? 0 : 1;
}

}  // namespace
}  // namespace churon

int main(int argc, char** argv) {
  CLI::App app("What a number format costs in quality.");
  std::string model;
  std::string file;
  std::string chip = "churon-1";
  std::int64_t context = 2048;
  int threads = 2;
  app.add_option("MODEL", model, "name or path of a GGUF file")->required();
  app.add_option("FILE", file, "text")->required();
  app.add_option("--chip", chip, "name or path of a chip");
  app.add_option("-c", context, "positions of a window")->check(CLI::Range(2, 1 << 20));
  app.add_option("-t", threads, "threads")->check(CLI::Range(1, 1024));
  CLI11_PARSE(app, argc, argv);
  return churon::validate(model, file, chip, context, threads);
}
