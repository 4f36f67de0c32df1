#include "exec/engine.h"

#include <algorithm>
#include <functional>
#include <utility>
#include <variant>

#include "base/quantity.h"
#include "exec/engine_impl.h"
#include "exec/exact_kernels.h"
#include "exec/key_centre.h"
#include "numeric/fp_environment.h"

namespace churon::exec {

namespace {

constexpr std::int64_t kDefaultContextMax = 4096;
constexpr std::int64_t kContextMax = std::int64_t{1} << 20;  // what the RoPE tables are exact for

numeric::KvShape kv_shape(const model::Hyperparameters& h) {
  return {static_cast<std::size_t>(h.layers), static_cast<std::size_t>(h.kv_heads),
          static_cast<std::size_t>(h.key_dim)};
}

Result<void> check_options(const model::Model& model, const EngineOptions& options) {
  const model::Hyperparameters& h = model.hyperparameters;
  if (h.key_dim != h.value_dim) {
    return fail({.code = "X0104",
                 .message = fmt::format("keys have {} elements a head and values {}: the cache "
                                        "holds heads of one size",
                                        h.key_dim, h.value_dim),
                 .notes = {fmt::format("in `{}`", model.file.path)},
                 .help = {"such a model cannot be run yet; `churon models` lists some that can"}});
  }
  if (options.context < 1 || options.context > kContextMax) {
    return fail("X0105",
                fmt::format("a context of {} positions; 1 to {} are possible", options.context,
                            kContextMax),
                {"-c N sets it"});
  }
  if (options.threads < 1 || options.threads > 1024) {
    return fail("X0106", fmt::format("{} threads; 1 to 1024 are possible", options.threads),
                {"-t N sets them; one for each processor is fastest"});
  }
  return {};
}

Result<numeric::RopeParameters> rope_parameters(const model::Model& model, bool local) {
  const model::Rope& rope = model.hyperparameters.rope;
  numeric::RopeParameters parameters{.dimensions = static_cast<int>(rope.dims),
                                     .base = local ? rope.local_base : rope.base,
                                     .factor = local ? rope.local_factor : rope.factor,
                                     .frequency_factors = {}};
  if (rope.has_frequency_factors) {
    auto factors = model.read_vector(model::TensorRole::rope_frequencies);
    if (!factors) {
      return fail(factors);
    }
    parameters.frequency_factors = std::move(*factors);
  }
  return parameters;
}

// Of the layers whose keys the graph centres.
std::vector<std::vector<float>> negated_key_centres(const EngineImpl& engine,
                                                    const numeric::RopeParameters& rope,
                                                    const numeric::RopeParameters& local_rope) {
  const model::Hyperparameters& h = engine.model->hyperparameters;
  std::vector<std::vector<float>> centres(static_cast<std::size_t>(h.layers));
  for (const graph::Op& op : engine.graph.ops) {
    const auto* bias = std::get_if<graph::Bias>(&op.parameters);
    if (bias == nullptr || !bias->centre) {
      continue;
    }
    const auto layer = static_cast<std::size_t>(op.layer);
    const std::span values(engine.weights.vector(op.weights[0].role, op.layer),
                           static_cast<std::size_t>(op.weights[0].columns));
    centres[layer] = key_centre(values, h.key_dim, h.layer_has_window[layer] ? local_rope : rope,
                                engine.pairing, h.context);
    std::transform(centres[layer].begin(), centres[layer].end(), centres[layer].begin(),
                   std::negate<>());
  }
  return centres;
}

}  // namespace

Engine::Engine(std::shared_ptr<EngineImpl> impl) : impl_(std::move(impl)) {}
const model::Model& Engine::model() const { return *impl_->model; }
const EngineOptions& Engine::options() const { return impl_->options; }
std::int64_t Engine::context() const { return impl_->options.context; }
const std::vector<Transcoding>& Engine::transcodings() const { return impl_->weights.transcodings; }
std::uint64_t Engine::weight_bytes_held() const { return impl_->weights.bytes_held; }
std::uint64_t Engine::weight_bytes_on_chip() const { return impl_->weights.bytes_on_chip; }
std::uint64_t Engine::kv_bytes_per_session() const {
  const numeric::KvCache cache(impl_->options.kv, kv_shape(impl_->model->hyperparameters), 64);
  return cache.bytes_per_position() *
         static_cast<std::uint64_t>(div_ceil(impl_->options.context, 64) * 64);
}

Result<Engine> load_engine(const model::Model& model, const EngineOptions& options) {
  auto impl = std::make_shared<EngineImpl>();
  impl->model = &model;
  impl->options = options;
  if (options.context == 0) {
    impl->options.context = std::min(model.hyperparameters.context, kDefaultContextMax);
  }
  if (options.arithmetic == Arithmetic::f32) {
    impl->options.kv = numeric::KvFormat::f32;
  }
  if (auto right = check_options(model, impl->options); !right) {
    return fail(right);
  }
  auto kernels = numeric::choose_kernels();
  if (!kernels) {
    return fail(kernels);
  }
  impl->kernels = options.arithmetic == Arithmetic::f32 ? exact_kernels(**kernels) : **kernels;
  impl->pool = std::make_unique<numeric::ThreadPool>(options.threads);
  if (auto environment = numeric::check_fp_environment(); !environment) {
    return fail(environment);
  }
  impl->graph = graph::graph(model.hyperparameters, graph::prefill_step(1));
  impl->stages = stages(impl->graph);
  impl->pairing = model.hyperparameters.rope.pairing == model::RopePairing::norm
                      ? numeric::RopePairing::adjacent
                      : numeric::RopePairing::halves;
  auto rope = rope_parameters(model, false);
  auto local_rope = rope_parameters(model, true);
  if (!rope || !local_rope) {
    return fail(rope ? local_rope : rope);
  }
  impl->rope = numeric::RopeTable(*rope);
  impl->local_rope = numeric::RopeTable(*local_rope);
  auto weights = load_weights(model, impl->graph, impl->options, *impl->pool);
  if (!weights) {
    return fail(weights);
  }
  impl->weights = std::move(*weights);
  impl->key_centres = negated_key_centres(*impl, *rope, *local_rope);
  return Engine(std::move(impl));
}

}  // namespace churon::exec
