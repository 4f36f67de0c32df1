#include "model/shape_gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>

#include "base/text.h"
#include "model/findings.h"
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
constexpr auto kNames = [] {
  std::array<std::string_view, kArchitectures.size()> names{};
  for (std::size_t i = 0; i < names.size(); ++i) {
    names[i] = kArchitectures[i].name;
  }
  return names;
}();

// Keys of one file; what is wrong is noted, and reading goes on.
class Keys {
 public:
  Keys(const GgufFile& file, std::string_view architecture)
      : file_(file), prefix_(std::string(architecture) + ".") {}

  [[nodiscard]] bool has(std::string_view suffix) const {
    return file_.metadata.contains(prefix_ + std::string(suffix));
  }
  std::int64_t integer(std::string_view suffix, std::int64_t low, std::int64_t high) {
    return findings.value_or_note(file_.metadata.integer(key(suffix), low, high), low);
  }
  std::int64_t integer_or(std::string_view suffix, std::int64_t fallback, std::int64_t low,
                          std::int64_t high) {
    return has(suffix) ? integer(suffix, low, high) : fallback;
  }
  double positive_or(std::string_view suffix, double fallback) {
    const double value =
        findings.value_or_note(file_.metadata.number_or(key(suffix), fallback), fallback);
    if (!(value > 0)) {
      note("M0402", fmt::format("key `{}` is {}; a positive number is right", key(suffix), value));
      return 1;
    }
    return value;
  }
  // One number, or the largest of a list with one for each layer: layers are priced as alike.
  std::int64_t largest(std::string_view suffix, std::int64_t low, std::int64_t high) {
    const MetadataEntry* entry = file_.metadata.find(key(suffix));
    if (entry == nullptr || entry->type != MetadataType::array) {
      return integer(suffix, low, high);
    }
    const auto values = file_.metadata.integers(key(suffix));
    if (!values) {
      findings.add(values.error());
      return low;
    }
    const auto most = std::max_element(values->begin(), values->end());
    if (most == values->end() || *most < low || *most > high) {
      note("M0402", fmt::format("the numbers of `{}` have to lie between {} and {}", key(suffix),
                                low, high));
      return low;
    }
    return *most;
  }
  void note(std::string code, std::string message) {
    findings.add({.code = std::move(code), .message = std::move(message)});
  }

  // Of layer 0, or of the layer that is named.
  [[nodiscard]] const TensorInfo* tensor(std::string_view name, std::int64_t layer = 0) const {
    return file_.find_tensor(fmt::format("blk.{}.{}", layer, name));
  }
  [[nodiscard]] bool has_tensor(std::string_view name, std::int64_t layer = 0) const {
    return tensor(name, layer) != nullptr;
  }
  [[nodiscard]] const GgufFile& file() const { return file_; }

  Findings findings;

 private:
  [[nodiscard]] std::string key(std::string_view suffix) const {
    return prefix_ + std::string(suffix);
  }

  const GgufFile& file_;
  std::string prefix_;
};

void read_sizes(Keys& keys, Hyperparameters& h) {
  // Layers behind the last that only predict further tokens are no part of a step.
  const std::int64_t further = keys.integer_or("nextn_predict_layers", 0, 0, kShapeLayersMax);
  h.layers = keys.integer("block_count", 1, kShapeLayersMax);
  h.layers -= std::min(further, h.layers - 1);
  h.context = keys.integer("context_length", 1, kShapeContextMax);
  h.d_model = keys.integer("embedding_length", 1, kShapeWidthMax);
  h.norm = keys.has_tensor("attn_norm.bias") ? NormKind::layer : NormKind::rms;
  h.rms_epsilon = keys.positive_or(h.norm == NormKind::layer ? "attention.layer_norm_epsilon"
                                                             : "attention.layer_norm_rms_epsilon",
                                   1e-5);
  const TensorInfo* embedding = keys.file().find_tensor("token_embd.weight");
  if (embedding == nullptr) {
    keys.note("M0403", "tensor `token_embd.weight` is missing");
  } else if (embedding->rows() > static_cast<std::uint64_t>(kShapeVocabMax)) {
    keys.note("M0402", fmt::format("the token embedding has {} rows; at most {} is right",
                                   embedding->rows(), kShapeVocabMax));
  } else {
    h.vocab = static_cast<std::int64_t>(embedding->rows());
  }
  h.tied = keys.file().find_tensor("output.weight") == nullptr;
  h.has_learned_positions = keys.file().find_tensor("position_embd.weight") != nullptr;
}

void read_heads(Keys& keys, Hyperparameters& h) {
  h.heads = keys.largest("attention.head_count", 1, kShapeHeadsMax);
  h.kv_heads = keys.has("attention.head_count_kv")
                   ? keys.largest("attention.head_count_kv", 1, kShapeHeadsMax)
                   : h.heads;
  const std::int64_t even = std::clamp<std::int64_t>(h.d_model / h.heads, 1, kShapeHeadDimMax);
  h.key_dim = keys.integer_or("attention.key_length", even, 1, kShapeHeadDimMax);
  h.value_dim = keys.integer_or("attention.value_length", even, 1, kShapeHeadDimMax);
  h.rope.dims = keys.integer_or("rope.dimension_count", h.key_dim, 1, kShapeHeadDimMax);
  h.rope.base = h.rope.local_base = keys.positive_or("rope.freq_base", 10000);
  h.has_qkv_bias = keys.has_tensor("attn_q.bias") || keys.has_tensor("attn_qkv.bias");
  h.has_attention_output_bias = keys.has_tensor("attn_output.bias");
  h.has_sinks = keys.has_tensor("attn_sinks.weight");
  if (const TensorInfo* norm = keys.tensor("attn_q_norm.weight")) {
    const bool is_one_head = norm->elements() == static_cast<std::uint64_t>(h.key_dim);
    h.qk_norm = is_one_head ? QkNorm::head : QkNorm::layer;
  }
}

// Files since 2025 hold the latent's lengths under key_length, and those of a head under _mla.
void read_latent(Keys& keys, Hyperparameters& h) {
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

void read_windows(Keys& keys, const ShapeArchitecture& known, Hyperparameters& h) {
  h.layer_has_window.assign(static_cast<std::size_t>(h.layers), false);
  h.window = keys.integer_or("attention.sliding_window", known.chunk, 0, kShapeContextMax);
  if (h.window == 0) {
    return;
  }
  h.window_is_chunk = known.chunk != 0;
  constexpr std::string_view kPattern = "attention.sliding_window_pattern";
  const MetadataEntry* pattern =
      keys.file().metadata.find(fmt::format("{}.{}", known.name, kPattern));
  if (pattern != nullptr && pattern->type == MetadataType::array) {
    const auto listed = keys.file().metadata.integers(pattern->key);
    if (!listed) {
      keys.findings.add(listed.error());
    } else if (std::ssize(*listed) < h.layers) {
      keys.note("M0402", fmt::format("array `{}` has {} values; one for each of the {} layers is "
                                     "right",
                                     pattern->key, listed->size(), h.layers));
    } else {
      std::transform(listed->begin(), listed->begin() + h.layers, h.layer_has_window.begin(),
                     [](std::int64_t value) { return value != 0; });
    }
    return;
  }
  const std::int64_t period = keys.integer_or(kPattern, known.global_every, 0, kShapeLayersMax);
  for (std::int64_t layer = 0; layer < h.layers; ++layer) {
    h.layer_has_window[static_cast<std::size_t>(layer)] =
        period == 0 || layer % period != period - 1;
  }
  if (h.window_is_chunk) {
    h.layer_has_rope = h.layer_has_window;  // Llama 4: the global layers do not rotate
  }
}

void read_feed_forward(Keys& keys, const ShapeArchitecture& known, Hyperparameters& h) {
  h.activation = known.activation;
  h.embedding_scale = known.scales_embedding ? std::sqrt(static_cast<float>(h.d_model)) : 1.0F;
  h.d_ff = keys.largest("feed_forward_length", 1, kShapeWidthMax);
  const TensorInfo* up = keys.tensor("ffn_up.weight");
  // Phi-3 keeps the gate's rows in front of those of `up`.
  const bool holds_gate = up != nullptr && up->rows() == 2 * static_cast<std::uint64_t>(h.d_ff);
  h.is_gated = up == nullptr || holds_gate || keys.has_tensor("ffn_gate.weight");
  h.has_feed_forward_bias = keys.has_tensor("ffn_up.bias");
  h.has_post_norms = keys.has_tensor("post_ffw_norm.weight");
  h.attention_softcap = static_cast<float>(
      keys.has("attn_logit_softcapping") ? keys.positive_or("attn_logit_softcapping", 1) : 0);
  h.logit_softcap = static_cast<float>(
      keys.has("final_logit_softcapping") ? keys.positive_or("final_logit_softcapping", 1) : 0);
}

// A layer has experts where it has a router.
void read_experts(Keys& keys, Hyperparameters& h) {
  Experts& e = h.experts;
  e.count = keys.integer_or("expert_count", 0, 0, kShapeExpertsMax);
  if (e.count == 0) {
    return;
  }
  e.per_token = keys.integer("expert_used_count", 1, kShapeExpertsMax);
  e.d_ff = keys.integer_or("expert_feed_forward_length", h.d_ff, 1, kShapeWidthMax);
  e.groups = keys.integer_or("expert_group_count", 1, 1, kShapeExpertsMax);
  e.groups_kept = keys.integer_or("expert_group_used_count", e.groups, 1, kShapeExpertsMax);
  std::int64_t some = -1;  // a layer with experts
  for (std::int64_t layer = 0; layer < h.layers; ++layer) {
    const bool is_mixture = keys.has_tensor("ffn_gate_inp.weight", layer);
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
  if (const TensorInfo* shared = keys.tensor("ffn_up_shexp.weight", some)) {
    e.shared = keys.integer_or("expert_shared_count", 1, 1, kShapeExpertsMax);
    e.d_ff_shared = static_cast<std::int64_t>(
        std::min(shared->rows(), static_cast<std::uint64_t>(kShapeWidthMax)));
  }
  e.has_bias = keys.has_tensor("ffn_up_exps.bias", some);
  e.has_router_bias =
      keys.has_tensor("exp_probs_b.bias", some) || keys.has_tensor("ffn_gate_inp.bias", some);
  e.has_shared_gate = keys.has_tensor("ffn_gate_inp_shexp.weight", some);
}

const ShapeArchitecture* find_architecture(std::string_view name) {
  const auto* const found =
      std::find_if(kArchitectures.begin(), kArchitectures.end(),
                   [&](const ShapeArchitecture& each) { return each.name == name; });
  return found == kArchitectures.end() ? nullptr : found;
}

}  // namespace

std::span<const std::string_view> gguf_shape_architectures() { return kNames; }

Result<Hyperparameters> gguf_shape(const GgufFile& file) {
  const auto named = file.metadata.string("general.architecture");
  if (!named) {
    return fail(named);
  }
  const ShapeArchitecture* known = find_architecture(*named);
  if (known == nullptr) {
    return fail(
        "M0401", fmt::format("models of architecture `{}` are not known", *named),
        {"known by shape are " + join(std::vector<std::string>(kNames.begin(), kNames.end()), ", "),
         "a row in ~/.config/churon/models.csv describes any other"});
  }
  Keys keys(file, known->name);
  Hyperparameters h;
  h.name = std::string(
      keys.findings.value_or_note(file.metadata.string_or("general.name", ""), std::string_view()));
  if (h.name.empty()) {
    h.name = std::filesystem::path(file.path).filename().string();
  }
  h.canonical_name = h.name;
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
    return tl::unexpected(keys.findings.take());
  }
  return h;
}

}  // namespace churon::model
