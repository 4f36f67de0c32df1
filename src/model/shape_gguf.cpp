#include "model/shape_gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <unordered_set>

#include "base/text.h"
#include "model/gguf_keys.h"
#include "model/shape_check.h"

namespace churon::model {

namespace {

// What neither keys nor tensors of an architecture say.
struct ShapeArchitecture {
  std::string_view name;  // `general.architecture`
  Activation activation = Activation::silu;
  std::int64_t global_every = 0;  // layers with a window: all but the last of so many; 0: all
  std::int64_t chunk = 0;         // a window that does not slide, where the file states none
  bool scales_embedding = false;
};
constexpr std::int64_t kLlama4Chunk = 8192;
constexpr std::array kArchitectures{
    ShapeArchitecture{.name = "deepseek2"},  // and DeepSeek-V3, Kimi K2
    ShapeArchitecture{.name = "gemma", .activation = Activation::gelu, .scales_embedding = true},
    ShapeArchitecture{.name = "gemma2",
                      .activation = Activation::gelu,
                      .global_every = 2,
                      .scales_embedding = true},
    ShapeArchitecture{.name = "gemma3",
                      .activation = Activation::gelu,
                      .global_every = 6,
                      .scales_embedding = true},
    ShapeArchitecture{.name = "glm4moe"},
    ShapeArchitecture{.name = "gpt-oss", .global_every = 2},
    ShapeArchitecture{.name = "gpt2", .activation = Activation::gelu},
    ShapeArchitecture{.name = "llama"},  // and Mistral, Mixtral
    ShapeArchitecture{.name = "llama4", .global_every = 4, .chunk = kLlama4Chunk},
    ShapeArchitecture{.name = "minimax-m2"},
    ShapeArchitecture{.name = "phi3"},  // and Phi-4
    ShapeArchitecture{.name = "qwen2"},
    ShapeArchitecture{.name = "qwen2moe"},
    ShapeArchitecture{.name = "qwen3"},
    ShapeArchitecture{.name = "qwen3moe"},
};

void read_sizes(GgufKeys& keys, Hyperparameters& h) {
  // Layers behind the last that only predict further tokens are no part of a step.
  const std::int64_t further = keys.integer_or("nextn_predict_layers", 0, 0, kShapeLayersMax);
  h.layers = keys.integer("block_count", 1, kShapeLayersMax);
  h.layers -= std::min(further, h.layers - 1);
  h.context = keys.integer("context_length", 1, kShapeContextMax);
  h.d_model = keys.integer("embedding_length", 1, kShapeWidthMax);
  h.norm = keys.has_tensor(TensorRole::attention_norm_bias) ? NormKind::layer : NormKind::rms;
  h.rms_epsilon = keys.positive_or(h.norm == NormKind::layer ? "attention.layer_norm_epsilon"
                                                             : "attention.layer_norm_rms_epsilon",
                                   1e-5);
  const TensorInfo* embedding = keys.tensor(TensorRole::token_embedding);
  if (embedding == nullptr) {
    keys.note("M0403", "tensor `token_embd.weight` is missing");
  } else if (embedding->rows() > static_cast<std::uint64_t>(kShapeVocabMax)) {
    keys.note("M0402", fmt::format("the token embedding has {} rows; at most {} is right",
                                   embedding->rows(), kShapeVocabMax));
  } else {
    h.vocab = static_cast<std::int64_t>(embedding->rows());
  }
  h.tied = !keys.has_tensor(TensorRole::output);
  h.has_learned_positions = keys.has_tensor(TensorRole::position_embedding);
}

void read_heads(GgufKeys& keys, Hyperparameters& h) {
  h.heads = keys.largest("attention.head_count", 1, kShapeHeadsMax);
  h.kv_heads = keys.contains("attention.head_count_kv")
                   ? keys.largest("attention.head_count_kv", 1, kShapeHeadsMax)
                   : h.heads;
  const std::int64_t even = std::clamp<std::int64_t>(h.d_model / h.heads, 1, kShapeHeadDimMax);
  h.key_dim = keys.integer_or("attention.key_length", even, 1, kShapeHeadDimMax);
  h.value_dim = keys.integer_or("attention.value_length", even, 1, kShapeHeadDimMax);
  h.rope.dims = keys.integer_or("rope.dimension_count", h.key_dim, 1, kShapeHeadDimMax);
  h.rope.base = h.rope.local_base = keys.positive_or("rope.freq_base", 10000);
  h.has_qkv_bias = keys.has_tensor(TensorRole::query_bias) ||
                   keys.file().find_tensor("blk.0.attn_qkv.bias") != nullptr;
  h.has_attention_output_bias = keys.has_tensor(TensorRole::attention_output_bias);
  h.has_sinks = keys.has_tensor(TensorRole::attention_sinks);
  if (const TensorInfo* norm = keys.tensor(TensorRole::query_norm)) {
    const bool is_one_head = norm->elements() == static_cast<std::uint64_t>(h.key_dim);
    h.qk_norm = is_one_head ? QkNorm::head : QkNorm::layer;
  }
}

// Files since 2025 hold the latent's lengths under key_length, and those of a head under _mla.
void read_latent(GgufKeys& keys, Hyperparameters& h) {
  h.latent.kv_lora = keys.integer_or("attention.kv_lora_rank", 0, 1, kShapeWidthMax);
  if (!h.is_latent()) {
    return;
  }
  h.latent.q_lora = keys.integer_or("attention.q_lora_rank", 0, 0, kShapeWidthMax);
  h.key_dim = keys.integer_or("attention.key_length_mla", h.key_dim, 1, kShapeHeadDimMax);
  h.value_dim = keys.integer_or("attention.value_length_mla", h.value_dim, 1, kShapeHeadDimMax);
  h.kv_heads = h.heads;
  h.latent.rope = h.rope.dims;
  h.latent.nope = std::max<std::int64_t>(0, h.key_dim - h.latent.rope);
  h.indexer.heads = keys.integer_or("attention.indexer.head_count", 0, 1, kShapeHeadsMax);
  h.indexer.head_dim = keys.integer_or("attention.indexer.key_length", 0, 1, kShapeHeadDimMax);
  h.indexer.top = keys.integer_or("attention.indexer.top_k", 0, 1, kShapeContextMax);
}

void read_windows(GgufKeys& keys, const ShapeArchitecture& known, Hyperparameters& h) {
  h.layer_has_window.assign(static_cast<std::size_t>(h.layers), false);
  h.window = keys.integer_or("attention.sliding_window", known.chunk, 0, kShapeContextMax);
  if (h.window == 0) {
    return;
  }
  h.window_is_chunk = known.chunk != 0;
  const bool is_listed = keys.read_window_pattern(known.global_every, true, h);
  if (h.window_is_chunk && !is_listed) {
    h.layer_has_rope = h.layer_has_window;  // Llama 4: the global layers do not rotate
  }
}

void read_feed_forward(GgufKeys& keys, const ShapeArchitecture& known, Hyperparameters& h) {
  h.activation = known.activation;
  h.embedding_scale = known.scales_embedding ? std::sqrt(static_cast<float>(h.d_model)) : 1.0F;
  h.d_ff = keys.largest("feed_forward_length", 1, kShapeWidthMax);
  const TensorInfo* up = keys.tensor(TensorRole::up);
  // Phi-3 keeps the gate's rows in front of those of `up`.
  const bool holds_gate = up != nullptr && up->rows() == 2 * static_cast<std::uint64_t>(h.d_ff);
  h.is_gated = up == nullptr || holds_gate || keys.has_tensor(TensorRole::gate);
  h.has_feed_forward_bias = keys.has_tensor(TensorRole::up_bias);
  h.has_post_norms = keys.has_tensor(TensorRole::feed_forward_post_norm);
  h.attention_softcap = keys.cap("attn_logit_softcapping");
  h.logit_softcap = keys.cap("final_logit_softcapping");
}

// A layer has experts where it has a router.
void read_experts(GgufKeys& keys, Hyperparameters& h) {
  Experts& e = h.experts;
  e.count = keys.integer_or("expert_count", 0, 0, kShapeExpertsMax);
  if (e.count == 0) {
    return;
  }
  e.per_token = keys.integer("expert_used_count", 1, kShapeExpertsMax);
  e.d_ff = keys.integer_or("expert_feed_forward_length", h.d_ff, 1, kShapeWidthMax);
  e.groups = keys.integer_or("expert_group_count", 1, 1, kShapeExpertsMax);
  e.groups_kept = keys.integer_or("expert_group_used_count", e.groups, 1, kShapeExpertsMax);
  std::unordered_set<std::string_view> names;
  for (const TensorInfo& tensor : keys.file().tensors) {
    names.insert(tensor.name);
  }
  std::int64_t some = -1;  // a layer with experts
  for (std::int64_t layer = 0; layer < h.layers; ++layer) {
    const bool is_mixture = names.contains(tensor_name(TensorRole::router, layer));
    h.layer_has_experts.push_back(is_mixture);
    some = is_mixture ? layer : some;
  }
  if (some < 0) {
    keys.note("M0403", "no layer has a router, tensor `blk.N.ffn_gate_inp.weight`");
    return;
  }
  if (h.mixture_layers() == h.layers) {
    h.d_ff = 0;
  }
  if (const TensorInfo* shared = keys.tensor(TensorRole::shared_up, some)) {
    e.shared = keys.integer_or("expert_shared_count", 1, 1, kShapeExpertsMax);
    e.d_ff_shared = static_cast<std::int64_t>(
        std::min(shared->rows(), static_cast<std::uint64_t>(kShapeWidthMax)));
  }
  e.has_bias = keys.has_tensor(TensorRole::expert_up_bias, some);
  e.has_router_bias =
      keys.has_tensor(TensorRole::router_bias, some) ||
      keys.file().find_tensor(fmt::format("blk.{}.ffn_gate_inp.bias", some)) != nullptr;
  e.has_shared_gate = keys.has_tensor(TensorRole::shared_router, some);
}

const ShapeArchitecture* find_architecture(std::string_view name) {
  const auto* const found =
      std::find_if(kArchitectures.begin(), kArchitectures.end(),
                   [&](const ShapeArchitecture& each) { return each.name == name; });
  return found == kArchitectures.end() ? nullptr : found;
}

Diagnostic unknown_architecture(std::string_view name) {
  std::vector<std::string> names;
  for (const ShapeArchitecture& known : kArchitectures) {
    names.emplace_back(known.name);
  }
  return {.code = "M0401",
          .message = fmt::format("models of architecture `{}` are not known", name),
          .help = {"known by shape are " + join(names, ", "),
                   "a row in ~/.config/churon/models.csv describes any other"}};
}

}  // namespace

Result<Hyperparameters> gguf_shape(const GgufFile& file) {
  if (const auto whole = check_whole(file); !whole) {
    return in_file(with_remedy(whole.error()), file.path);
  }
  const auto named = file.metadata.string("general.architecture");
  if (!named) {
    return in_file(with_remedy(named.error()), file.path);
  }
  const ShapeArchitecture* known = find_architecture(*named);
  if (known == nullptr) {
    return in_file({unknown_architecture(*named)}, file.path);
  }
  GgufKeys keys(file, known->name);
  Hyperparameters h;
  h.name = h.canonical_name = keys.model_name();
  read_sizes(keys, h);
  read_heads(keys, h);
  read_latent(keys, h);
  read_windows(keys, *known, h);
  read_feed_forward(keys, *known, h);
  read_experts(keys, h);
  if (keys.findings.empty()) {
    complete_shape(h);
    for (std::string& problem : shape_problems(h)) {
      keys.note("M0609", std::move(problem));
    }
  }
  if (!keys.findings.empty()) {
    return in_file(with_remedy(keys.findings.take()), file.path);
  }
  return h;
}

}  // namespace churon::model
