#include "cli/run_setup.h"

#include <fmt/format.h>
#include <sched.h>

#include <algorithm>
#include <chrono>
#include <future>
#include <utility>

#include "base/check.h"
#include "model/catalogue.h"
#include "model/findings.h"
#include "numeric/kv_cache.h"
#include "numeric/reference.h"

namespace churon::cli {

namespace {

using Clock = std::chrono::steady_clock;

// A context that nobody asked for.
constexpr std::int64_t kContextDefaultMax = 4096;
constexpr std::int64_t kContextMax = std::int64_t{1} << 30;

int usable_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  return ::sched_getaffinity(0, sizeof set, &set) == 0 ? std::max(1, CPU_COUNT(&set)) : 1;
}

numeric::KvFormat kv_format(const SetupOptions& options) {
  // CLI11 has checked the name.
  return *numeric::kv_format_from_name(options.kv);
}

// Both errors are reported where both fail.
Result<void> both(Result<void> a, Result<void> b) {
  if (!a && !b) {
    a.error().insert(a.error().end(), b.error().begin(), b.error().end());
  }
  return a ? std::move(b) : std::move(a);
}

}  // namespace

void add_model_options(CLI::App& app, SetupOptions& options) {
  app.add_option("MODEL", options.model, "a name of `churon models` or the path of a GGUF file")
      ->required()
      ->type_name("MODEL");
  app.add_option("--chip", options.chip,
                 "a name of `churon chips` or the path of a description; default churon-1")
      ->type_name("CHIP")
      ->group("Chip");
  app.add_option("--set", options.overrides, "change a value of the chip: memory.hbm.stacks=6")
      ->type_name("KEY=VALUE")
      ->allow_extra_args(false)
      ->group("Chip");
  app.add_option("-c,--ctx-size", options.context,
                 "positions of the context; default the model's, at most 4096")
      ->type_name("N")
      ->check(CLI::Range(std::int64_t{0}, kContextMax))
      ->group("Computation");
  app.add_option("-t,--threads", options.threads, "threads of this machine; default all")
      ->type_name("N")
      ->check(CLI::Range(0, 1024))
      ->group("Computation");
  app.add_option("--kv", options.kv,
                 "the KV cache; bf16 and f32 compute attention in FP32, to compare")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"q8_0", "mxint8", "bf16", "f32"}))
      ->group("Computation");
  app.add_option("--arith", options.arithmetic,
                 "as the chip computes, or a reference in FP32 with exact functions")
      ->type_name("ARITHMETIC")
      ->check(CLI::IsMember({"datapath", "f32"}))
      ->group("Computation");
}

tl::unexpected<Diagnostics> template_error(Diagnostics errors, const std::string& path) {
  errors.back().help.emplace_back("--raw goes on without the template");
  return model::in_file(std::move(errors), path);
}

Setup::Setup(SetupOptions options, model::Model model)
    : options_(std::move(options)), model_(std::move(model)) {
  context_ = options_.context > 0 ? options_.context
                                  : std::min(kContextDefaultMax, model_.hyperparameters.context);
}

Result<std::unique_ptr<Setup>> Setup::open(const SetupOptions& options) {
  const auto path = model::resolve_model(options.model);
  if (!path) {
    return fail(path);
  }
  auto model = model::load_model(*path);
  if (!model) {
    return fail(model);
  }
  return std::unique_ptr<Setup>(new Setup(options, std::move(*model)));
}

Result<void> Setup::load_tokenizer() {
  auto tokenizer = model::Tokenizer::from_metadata(model_.file.metadata);
  if (!tokenizer) {
    return model::in_file(model::with_remedy(tokenizer.error()), model_.file.path);
  }
  check(tokenizer->token_count() == model_.hyperparameters.vocab, tokenizer->token_count());
  tokenizer_ = std::move(*tokenizer);
  if (!options_.with_chat_template) {
    return {};
  }
  auto chat_template = model::chat_template_from_metadata(model_.file.metadata);
  if (!chat_template) {
    return template_error(chat_template.error(), model_.file.path);
  }
  chat_template_ = std::move(*chat_template);
  return {};
}

Result<void> Setup::load_chips() {
  auto chip = chip::load(options_.chip, options_.overrides);
  if (!chip) {
    return fail(chip);
  }
  chips_.push_back(std::move(*chip));
  for (const std::string& name : options_.compare) {
    auto other = chip::load(name);
    if (!other) {
      return fail(other);
    }
    chips_.push_back(std::move(*other));
  }
  return evaluate::check_fits(chips_.front(), model_, options_.batch, context_, run_options());
}

Result<void> Setup::load_weights(const Terminal& terminal) {
  const chip::Chip& chip = chips_.front();
  exec::EngineOptions options;
  // More threads than processors wait for each other.
  const int processors = usable_processors();
  options.threads = options_.threads > 0 ? std::min(options_.threads, processors) : processors;
  if (options_.threads > processors) {
    terminal.note(fmt::format("note: -t {} is more than the processors there are: {}",
                              options_.threads, processors));
  }
  options.context = context_;
  options.arithmetic =
      options_.arithmetic == "f32" ? exec::Arithmetic::f32 : exec::Arithmetic::datapath;
  options.kv = kv_format(options_);
  options.activation = chip::activation_format(chip) == numeric::BlockFormat::mxint8
                           ? numeric::ActivationFormat::mxint8
                           : numeric::ActivationFormat::q8_0;
  options.native_weights = chip::native_weights(chip);
  options.progress = [&terminal](double fraction) {
    terminal.show_progress(fmt::format("loading the weights {:3.0f} %", 100 * fraction));
  };
  options.interrupted = interrupted;
  auto engine = exec::load_engine(model_, options);
  terminal.show_progress("");
  if (!engine) {
    return fail(engine);
  }
  engine_ = std::move(*engine);
  return {};
}

Result<void> Setup::load(const Terminal& terminal) {
  const auto start = Clock::now();
  auto tokenizer = std::async(std::launch::async, [this] { return load_tokenizer(); });
  Result<void> rest = load_chips();
  if (rest) {
    rest = load_weights(terminal);
  }
  Result<void> result = both(tokenizer.get(), std::move(rest));
  load_time_ = Seconds{std::chrono::duration<double>(Clock::now() - start).count()};
  return result;
}

evaluate::RunOptions Setup::run_options() const {
  return {.estimate = {.derate = options_.derate, .kv = kv_format(options_)}};
}

}  // namespace churon::cli
