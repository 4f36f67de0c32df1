// Hugging Face config.json: the keys of transformers' configuration classes
// (huggingface/transformers, src/transformers/models/*/configuration_*.py), whose defaults stand
// here where files leave a key out.
#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <limits>
#include <optional>

#include "base/json.h"
#include "base/json_fault.h"
#include "base/text.h"
#include "model/findings.h"
#include "model/shape_check.h"
#include "model/shapes.h"

namespace churon::model {

namespace {

// Reads the keys of the object that describes the text model; what is wrong is noted, and reading
// goes on.
class ConfigReader {
 public:
  explicit ConfigReader(const Json& object) : object_(object) {}

  // The first of the keys that is there and not null.
  [[nodiscard]] const Json* find(std::string_view key) const {
    const auto found = object_.find(key);
    return found == object_.end() || found->is_null() ? nullptr : &*found;
  }
  [[nodiscard]] bool has(std::string_view key) const { return find(key) != nullptr; }

  std::int64_t integer(std::string_view key, std::int64_t low, std::int64_t high,
                       std::optional<std::int64_t> fallback = std::nullopt) {
    const Json* value = find(key);
    if (value == nullptr) {
      if (!fallback) {
        note(fmt::format("key `{}` is missing", key));
      }
      return fallback.value_or(low);
    }
    if (!value->is_number_integer() ||
        (value->is_number_unsigned() &&
         value->get<std::uint64_t>() >
             static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) ||
        value->get<std::int64_t>() < low || value->get<std::int64_t>() > high) {
      note(fmt::format("key `{}` is {}; a whole number from {} to {} is right", key, shown(*value),
                       low, high));
      return low;
    }
    return value->get<std::int64_t>();
  }
  std::int64_t width(std::string_view key, std::optional<std::int64_t> fallback = std::nullopt) {
    return integer(key, 1, kShapeWidthMax, fallback);
  }

  double positive(std::string_view key, double fallback) {
    const Json* value = find(key);
    if (value == nullptr) {
      return fallback;
    }
    if (!value->is_number() || !(value->get<double>() > 0) ||
        !std::isfinite(value->get<double>())) {
      note(fmt::format("key `{}` is {}; a positive number is right", key, shown(*value)));
      return fallback;
    }
    return value->get<double>();
  }

  bool flag(std::string_view key, bool fallback) {
    const Json* value = find(key);
    if (value == nullptr) {
      return fallback;
    }
    if (!value->is_boolean()) {
      note(fmt::format("key `{}` is {}; true or false is right", key, shown(*value)));
      return fallback;
    }
    return value->get<bool>();
  }

  std::string text(std::string_view key, std::string_view fallback) {
    const Json* value = find(key);
    if (value == nullptr) {
      return std::string(fallback);
    }
    if (!value->is_string()) {
      note(fmt::format("key `{}` is {}; a text is right", key, shown(*value)));
      return std::string(fallback);
    }
    return value->get<std::string>();
  }

  // A list with an entry for each layer.
  const Json* per_layer(std::string_view key, std::int64_t layers) {
    const Json* value = find(key);
    if (value == nullptr) {
      return nullptr;
    }
    if (!value->is_array() || std::ssize(*value) != layers) {
      note(fmt::format("key `{}` has to be a list with an entry for each of the {} layers", key,
                       layers));
      return nullptr;
    }
    return value;
  }

  void note(std::string message) { findings.add({.code = "M0608", .message = std::move(message)}); }

  Findings findings;

 private:
  static std::string shown(const Json& value) {
    constexpr std::size_t kShownMax = 40;
    if (value.is_structured()) {
      return value.is_array() ? "a list" : "an object";
    }
    std::string text = dump_json(value);
    return text.size() <= kShownMax
               ? text
               : text.substr(0, complete_utf8_prefix(text.substr(0, kShownMax))) + "…";
  }

  const Json& object_;
};

// ---- parts that many types share ----

void read_sizes(ConfigReader& read, Hyperparameters& h) {
  h.layers = read.integer("num_hidden_layers", 1, kShapeLayersMax);
  h.d_model = read.width("hidden_size");
  h.vocab = read.integer("vocab_size", 1, kShapeVocabMax);
  h.context = read.integer("max_position_embeddings", 1, kShapeContextMax);
  h.rms_epsilon = read.positive("rms_norm_eps", 1e-6);
  h.rope.base = h.rope.local_base = read.positive("rope_theta", 10000);
}

void read_heads(ConfigReader& read, Hyperparameters& h,
                std::optional<std::int64_t> head_dim = std::nullopt) {
  h.heads = read.integer("num_attention_heads", 1, kShapeHeadsMax);
  h.kv_heads = read.integer("num_key_value_heads", 1, kShapeHeadsMax, h.heads);
  if (!read.has("head_dim") && !head_dim && h.d_model % h.heads != 0) {
    read.note(fmt::format("`hidden_size` {} does not divide by {} heads, and `head_dim` is missing",
                          h.d_model, h.heads));
  }
  h.key_dim = h.value_dim =
      read.integer("head_dim", 1, kShapeHeadDimMax, head_dim.value_or(h.d_model / h.heads));
  const double rotated = read.positive("partial_rotary_factor", 1);
  h.rope.dims = static_cast<std::int64_t>(std::min(rotated, 1.0) * static_cast<double>(h.key_dim));
  h.rope.dims = read.integer("rotary_dim", 2, kShapeHeadDimMax, h.rope.dims);
}

void read_feed_forward(ConfigReader& read, Hyperparameters& h, std::string_view activation_key,
                       std::string_view fallback) {
  const std::string activation = read.text(activation_key, fallback);
  if (activation == "silu" || activation == "swish") {
    h.activation = Activation::silu;
  } else if (activation.starts_with("gelu")) {
    h.activation = Activation::gelu;
  } else if (activation == "relu") {
    h.activation = Activation::relu;
  } else {
    read.note(
        fmt::format("key `{}` is \"{}\"; silu, gelu or relu is right", activation_key, activation));
  }
}

// Layers with a window by `layer_types`, else all but the last of each period.
void read_windows(ConfigReader& read, Hyperparameters& h, std::int64_t period) {
  h.layer_has_window.assign(static_cast<std::size_t>(h.layers), false);
  if (h.window == 0) {
    return;
  }
  if (const Json* types = read.per_layer("layer_types", h.layers)) {
    for (std::size_t layer = 0; layer < types->size(); ++layer) {
      const Json& type = (*types)[layer];
      h.layer_has_window[layer] = type == "sliding_attention" || type == "chunked_attention";
      if (!h.layer_has_window[layer] && type != "full_attention") {
        read.note("key `layer_types` holds sliding_attention, chunked_attention or full_attention");
        return;
      }
    }
  } else {
    for (std::int64_t layer = 0; layer < h.layers; ++layer) {
      h.layer_has_window[static_cast<std::size_t>(layer)] =
          period == 0 || layer % period != period - 1;
    }
  }
  if (std::count(h.layer_has_window.begin(), h.layer_has_window.end(), true) == 0) {
    h.window = 0;
  }
}

// Experts in every `step`-th layer but the first `dense` ones, and not in those listed.
void place_experts(ConfigReader& read, Hyperparameters& h, std::int64_t dense, std::int64_t step) {
  for (std::int64_t layer = 0; layer < h.layers; ++layer) {
    h.layer_has_experts.push_back(layer >= dense && (layer + 1) % step == 0);
  }
  if (const Json* plain = read.find("mlp_only_layers")) {
    if (!plain->is_array()) {
      read.note("key `mlp_only_layers` lists numbers of layers");
      return;
    }
    for (const Json& layer : *plain) {
      if (layer.is_number_integer() && layer.get<std::int64_t>() >= 0 &&
          layer.get<std::int64_t>() < h.layers) {
        h.layer_has_experts[layer.get<std::size_t>()] = false;
      } else {
        read.note("key `mlp_only_layers` lists numbers of layers");
        return;
      }
    }
  }
}

void read_tied(ConfigReader& read, Hyperparameters& h, bool fallback) {
  h.tied = read.flag("tie_word_embeddings", fallback);
}

// ---- one function for each family ----

void read_llama(ConfigReader& read, Hyperparameters& h) {
  read_sizes(read, h);
  read_heads(read, h);
  h.d_ff = read.width("intermediate_size");
  read_feed_forward(read, h, "hidden_act", "silu");
  h.has_qkv_bias = h.has_attention_output_bias = read.flag("attention_bias", false);
  h.has_feed_forward_bias = read.flag("mlp_bias", false);
  h.window = read.integer("sliding_window", 0, kShapeContextMax, 0);
  read_windows(read, h, 0);
  read_tied(read, h, false);
}

void read_qwen(ConfigReader& read, Hyperparameters& h,
               std::optional<std::int64_t> head_dim = std::nullopt) {
  read_sizes(read, h);
  read_heads(read, h, head_dim);
  h.d_ff = read.width("intermediate_size");
  read_feed_forward(read, h, "hidden_act", "silu");
  h.has_qkv_bias = true;
  if (read.flag("use_sliding_window", false)) {
    h.window = read.integer("sliding_window", 0, kShapeContextMax, 0);
    const std::int64_t full = read.integer("max_window_layers", 0, kShapeLayersMax, h.layers);
    read_windows(read, h, 0);
    if (!read.has("layer_types")) {
      for (std::int64_t layer = 0; layer < std::min(full, h.layers); ++layer) {
        h.layer_has_window[static_cast<std::size_t>(layer)] = false;
      }
    }
  }
  read_tied(read, h, false);
}

void read_qwen2(ConfigReader& read, Hyperparameters& h) { read_qwen(read, h); }

void read_qwen3(ConfigReader& read, Hyperparameters& h) {
  constexpr std::int64_t kHeadDim = 128;
  read_qwen(read, h, kHeadDim);
  h.has_qkv_bias = h.has_attention_output_bias = read.flag("attention_bias", false);
  h.qk_norm = QkNorm::head;
}

void read_qwen_experts(ConfigReader& read, Hyperparameters& h, std::string_view count_key) {
  Experts& e = h.experts;
  e.count = read.integer(count_key, 1, kShapeExpertsMax);
  e.per_token = read.integer("num_experts_per_tok", 1, kShapeExpertsMax);
  e.d_ff = read.width("moe_intermediate_size");
  place_experts(read, h, 0, read.integer("decoder_sparse_step", 1, kShapeLayersMax, 1));
}
void read_qwen2_moe(ConfigReader& read, Hyperparameters& h) {
  read_qwen2(read, h);
  read_qwen_experts(read, h, "num_experts");
  h.experts.d_ff_shared = read.width("shared_expert_intermediate_size");
  h.experts.shared = 1;
  h.experts.has_shared_gate = true;
}
void read_qwen3_moe(ConfigReader& read, Hyperparameters& h) {
  read_qwen3(read, h);
  read_qwen_experts(read, h, read.has("num_local_experts") ? "num_local_experts" : "num_experts");
}

void read_mixtral(ConfigReader& read, Hyperparameters& h) {
  read_llama(read, h);
  h.experts.count = read.integer("num_local_experts", 1, kShapeExpertsMax);
  h.experts.per_token = read.integer("num_experts_per_tok", 1, kShapeExpertsMax);
  h.experts.d_ff = h.d_ff;
  h.d_ff = 0;
  place_experts(read, h, 0, 1);
}

void read_minimax_m2(ConfigReader& read, Hyperparameters& h) {
  read_mixtral(read, h);
  h.qk_norm = read.flag("use_qk_norm", true) ? QkNorm::layer : QkNorm::none;
  h.experts.has_router_bias = read.flag("use_routing_bias", true);
}

void read_gpt_oss(ConfigReader& read, Hyperparameters& h) {
  read_mixtral(read, h);
  read_windows(read, h, 2);
  h.has_qkv_bias = h.has_attention_output_bias = read.flag("attention_bias", true);
  h.has_sinks = true;
  h.experts.has_bias = h.experts.has_router_bias = true;
}

constexpr std::int64_t kLlama4GlobalEvery = 4;
void read_llama4(ConfigReader& read, Hyperparameters& h) {
  read_llama(read, h);
  h.window = read.integer("attention_chunk_size", 0, kShapeContextMax, 0);
  h.window_is_chunk = h.window != 0;
  read_windows(read, h, kLlama4GlobalEvery);
  h.layer_has_rope = h.layer_has_window;
  Experts& e = h.experts;
  e.count = read.integer("num_local_experts", 1, kShapeExpertsMax);
  e.per_token = read.integer("num_experts_per_tok", 1, kShapeExpertsMax, 1);
  e.d_ff = e.d_ff_shared = h.d_ff;
  e.shared = 1;
  h.d_ff = read.width("intermediate_size_mlp", h.d_ff);
  place_experts(read, h, 0, read.integer("interleave_moe_layer_step", 1, kShapeLayersMax, 1));
}

void read_phi3(ConfigReader& read, Hyperparameters& h) {
  read_llama(read, h);
  h.has_feed_forward_bias = false;
}

void read_gemma(ConfigReader& read, Hyperparameters& h) {
  constexpr std::int64_t kHeadDim = 256;
  read_sizes(read, h);
  read_heads(read, h, kHeadDim);
  h.d_ff = read.width("intermediate_size");
  read_feed_forward(read, h, read.has("hidden_activation") ? "hidden_activation" : "hidden_act",
                    "gelu_pytorch_tanh");
  h.embedding_scale = std::sqrt(static_cast<float>(h.d_model));
  read_tied(read, h, true);
}
void read_gemma2(ConfigReader& read, Hyperparameters& h) {
  constexpr std::int64_t kWindow = 4096;
  read_gemma(read, h);
  h.has_post_norms = true;
  h.attention_softcap = static_cast<float>(read.positive("attn_logit_softcapping", 50));
  h.logit_softcap = static_cast<float>(read.positive("final_logit_softcapping", 30));
  h.window = read.integer("sliding_window", 0, kShapeContextMax, kWindow);
  read_windows(read, h, 2);
}
// The text part of gemma3 files leaves out what equals the defaults of the 4B model.
void read_gemma3(ConfigReader& read, Hyperparameters& h) {
  constexpr std::int64_t kHeadDim = 256;
  constexpr std::int64_t kGlobalEvery = 6;
  h.layers = read.integer("num_hidden_layers", 1, kShapeLayersMax, 26);
  h.d_model = read.width("hidden_size", 2304);
  h.vocab = read.integer("vocab_size", 1, kShapeVocabMax, 262208);
  h.context = read.integer("max_position_embeddings", 1, kShapeContextMax, 131072);
  h.rms_epsilon = read.positive("rms_norm_eps", 1e-6);
  h.rope.base = read.positive("rope_theta", 1e6);
  h.rope.local_base = read.positive("rope_local_base_freq", 1e4);
  h.heads = read.integer("num_attention_heads", 1, kShapeHeadsMax, 8);
  h.kv_heads = read.integer("num_key_value_heads", 1, kShapeHeadsMax, 4);
  h.key_dim = h.value_dim = h.rope.dims = read.integer("head_dim", 1, kShapeHeadDimMax, kHeadDim);
  h.d_ff = read.width("intermediate_size", 9216);
  read_feed_forward(read, h, "hidden_activation", "gelu_pytorch_tanh");
  h.embedding_scale = std::sqrt(static_cast<float>(h.d_model));
  h.has_post_norms = true;
  h.qk_norm = QkNorm::head;
  h.window = read.integer("sliding_window", 0, kShapeContextMax, 4096);
  read_windows(read, h, read.integer("sliding_window_pattern", 1, kShapeLayersMax, kGlobalEvery));
  read_tied(read, h, true);
}

// LayerNorm, a bias at every matrix, learned positions.
void make_plain(Hyperparameters& h) {
  h.norm = NormKind::layer;
  h.has_learned_positions = true;
  h.is_gated = false;
  h.has_qkv_bias = h.has_attention_output_bias = h.has_feed_forward_bias = true;
}
void divide_heads(ConfigReader& read, Hyperparameters& h) {
  if (h.d_model % h.heads != 0) {
    read.note(fmt::format("an embedding of {} does not divide by {} heads", h.d_model, h.heads));
  }
  h.kv_heads = h.heads;
  h.key_dim = h.value_dim = h.d_model / h.heads;
}
void read_gpt2(ConfigReader& read, Hyperparameters& h) {
  h.layers = read.integer("n_layer", 1, kShapeLayersMax);
  h.d_model = read.width("n_embd");
  h.heads = read.integer("n_head", 1, kShapeHeadsMax);
  divide_heads(read, h);
  h.d_ff = read.width("n_inner", std::min(4 * h.d_model, kShapeWidthMax));
  h.vocab = read.integer("vocab_size", 1, kShapeVocabMax);
  h.context = read.integer("n_positions", 1, kShapeContextMax);
  h.rms_epsilon = read.positive("layer_norm_epsilon", 1e-5);
  read_feed_forward(read, h, "activation_function", "gelu_new");
  make_plain(h);
  read_tied(read, h, true);
}
void read_opt(ConfigReader& read, Hyperparameters& h) {
  constexpr std::int64_t kPositionsBefore = 2;  // rows of the table in front of position 0
  h.layers = read.integer("num_hidden_layers", 1, kShapeLayersMax);
  h.d_model = read.width("hidden_size");
  h.heads = read.integer("num_attention_heads", 1, kShapeHeadsMax);
  divide_heads(read, h);
  h.d_ff = read.width("ffn_dim");
  h.vocab = read.integer("vocab_size", 1, kShapeVocabMax);
  h.context = read.integer("max_position_embeddings", 1, kShapeContextMax - kPositionsBefore) +
              kPositionsBefore;
  h.rms_epsilon = 1e-5;
  if (read.width("word_embed_proj_dim", h.d_model) != h.d_model) {
    read.note("embeddings narrower than the model (`word_embed_proj_dim`) are not supported");
  }
  read_feed_forward(read, h, "activation_function", "relu");
  make_plain(h);
  read_tied(read, h, true);
}

void read_deepseek_experts(ConfigReader& read, Hyperparameters& h) {
  if (!read.has("n_routed_experts")) {
    return;
  }
  Experts& e = h.experts;
  e.count = read.integer("n_routed_experts", 1, kShapeExpertsMax);
  e.per_token = read.integer("num_experts_per_tok", 1, kShapeExpertsMax);
  e.d_ff = read.width("moe_intermediate_size");
  e.shared = read.integer("n_shared_experts", 0, kShapeExpertsMax, 0);
  if (e.shared > kShapeWidthMax / e.d_ff) {
    read.note(
        fmt::format("{} shared experts of {} are wider than {}", e.shared, e.d_ff, kShapeWidthMax));
    e.shared = 1;
  }
  e.d_ff_shared = e.shared * e.d_ff;
  e.groups = read.integer("n_group", 1, kShapeExpertsMax, 1);
  e.groups_kept = read.integer("topk_group", 1, kShapeExpertsMax, e.groups);
  place_experts(read, h, read.integer("first_k_dense_replace", 0, h.layers, 0),
                read.integer("moe_layer_freq", 1, kShapeLayersMax, 1));
}
void read_deepseek_v2(ConfigReader& read, Hyperparameters& h) {
  read_sizes(read, h);
  h.heads = h.kv_heads = read.integer("num_attention_heads", 1, kShapeHeadsMax);
  h.latent.q_lora = read.integer("q_lora_rank", 0, kShapeWidthMax, 0);
  h.latent.kv_lora = read.width("kv_lora_rank");
  h.latent.nope = read.integer("qk_nope_head_dim", 1, kShapeHeadDimMax);
  h.latent.rope = read.integer("qk_rope_head_dim", 2, kShapeHeadDimMax);
  h.value_dim = read.integer("v_head_dim", 1, kShapeHeadDimMax);
  h.key_dim = h.latent.nope + h.latent.rope;
  h.rope.dims = h.latent.rope;
  h.d_ff = read.width("intermediate_size");
  read_feed_forward(read, h, "hidden_act", "silu");
  read_deepseek_experts(read, h);
  read_tied(read, h, false);
}
void read_deepseek_v3(ConfigReader& read, Hyperparameters& h) {
  read_deepseek_v2(read, h);
  h.experts.has_router_bias = h.experts.count != 0;
  if (read.has("index_n_heads")) {
    h.indexer.heads = read.integer("index_n_heads", 1, kShapeHeadsMax);
    h.indexer.head_dim = read.integer("index_head_dim", 1, kShapeHeadDimMax);
    h.indexer.top = read.integer("index_topk", 1, kShapeContextMax);
  }
}
void read_glm4_moe(ConfigReader& read, Hyperparameters& h) {
  read_llama(read, h);
  h.has_attention_output_bias = false;
  h.qk_norm = read.flag("use_qk_norm", false) ? QkNorm::head : QkNorm::none;
  read_deepseek_experts(read, h);
  h.experts.has_router_bias = h.experts.count != 0;
}

struct ModelType {
  std::string_view name;  // `model_type`
  void (*read)(ConfigReader&, Hyperparameters&);
};
// Every model type there is. The error hint and the docs are made from this table.
constexpr std::array kModelTypes{
    ModelType{"deepseek_v2", read_deepseek_v2},
    ModelType{"deepseek_v3", read_deepseek_v3},
    ModelType{"deepseek_v32", read_deepseek_v3},
    ModelType{"gemma", read_gemma},
    ModelType{"gemma2", read_gemma2},
    ModelType{"gemma3", read_gemma3},
    ModelType{"gemma3_text", read_gemma3},
    ModelType{"glm4_moe", read_glm4_moe},
    ModelType{"glm_moe_dsa", read_deepseek_v3},
    ModelType{"gpt2", read_gpt2},
    ModelType{"gpt_oss", read_gpt_oss},
    ModelType{"kimi_k2", read_deepseek_v3},
    ModelType{"kimi_k25", read_deepseek_v3},
    ModelType{"llama", read_llama},
    ModelType{"llama4", read_llama4},
    ModelType{"llama4_text", read_llama4},
    ModelType{"minimax_m2", read_minimax_m2},
    ModelType{"mistral", read_llama},
    ModelType{"mixtral", read_mixtral},
    ModelType{"opt", read_opt},
    ModelType{"phi3", read_phi3},
    ModelType{"qwen2", read_qwen2},
    ModelType{"qwen2_moe", read_qwen2_moe},
    ModelType{"qwen3", read_qwen3},
    ModelType{"qwen3_moe", read_qwen3_moe},
};
constexpr auto kModelTypeNames = [] {
  std::array<std::string_view, kModelTypes.size()> names{};
  for (std::size_t i = 0; i < names.size(); ++i) {
    names[i] = kModelTypes[i].name;
  }
  return names;
}();

// Vision models keep the language model's numbers in an object of their own.
const Json& text_part(const Json& document) {
  const auto part = document.find("text_config");
  return part != document.end() && part->is_object() ? *part : document;
}

std::string string_of(const Json& object, std::string_view key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

// `_name_or_path`, else the folder of the file.
std::string name_of(const Json& document, const std::string& path) {
  std::string name = string_of(document, "_name_or_path");
  if (name.empty() || name.size() > kShapeNameSizeMax || name.front() == '/' ||
      name.front() == '.') {
    std::error_code ignored;
    const auto whole = std::filesystem::absolute(path, ignored);
    name = whole.filename() == "config.json" ? whole.parent_path().filename().string()
                                             : std::filesystem::path(path).stem().string();
  }
  return name.empty() ? path : name;
}

// "torch_dtype", or how the file says that it is quantised.
std::string native_weights(const Json& document, const Json& text) {
  for (const Json* object : {&document, &text}) {
    if (const auto how = object->find("quantization_config");
        how != object->end() && how->is_object()) {
      const std::string method = string_of(*how, "quant_method");
      return how->contains("weight_block_size") ? method + " block scales" : method;
    }
  }
  for (const Json* object : {&text, &document}) {
    for (const std::string_view key : {"torch_dtype", "dtype"}) {
      if (std::string type = string_of(*object, key); !type.empty()) {
        return type == "bfloat16"  ? "bf16"
               : type == "float16" ? "fp16"
               : type == "float32" ? "fp32"
                                   : type;
      }
    }
  }
  return "";
}

}  // namespace

std::span<const std::string_view> config_model_types() { return kModelTypeNames; }

Result<Hyperparameters> parse_config(std::string_view text, const std::string& path) {
  const Json document = Json::parse(text, nullptr, false);
  if (!document.is_object()) {
    return in_file(
        {{.code = "M0606",
          .message = document.is_discarded() ? "this is no JSON text: " + json_fault(text)
                                             : "this JSON text is no object",
          .help = {"a config.json as it lies beside a model on the Hugging Face hub "
                   "is wanted"}}},
        path);
  }
  if (const auto inner = document.find("text_config");
      inner != document.end() && !inner->is_null() && !inner->is_object()) {
    return in_file({{.code = "M0608", .message = "key `text_config` is no object"}}, path);
  }
  const Json& part = text_part(document);
  std::string type = string_of(part, "model_type");
  type = type.empty() ? string_of(document, "model_type") : type;
  const auto* known = std::find_if(kModelTypes.begin(), kModelTypes.end(),
                                   [&](const ModelType& each) { return each.name == type; });
  if (known == kModelTypes.end()) {
    std::vector<std::string> names(kModelTypeNames.begin(), kModelTypeNames.end());
    return in_file(
        {{.code = "M0607",
          .message = type.empty() ? "key `model_type` is missing"
                                  : fmt::format("models of type `{}` are not known", type),
          .notes = {fmt::format("known are {}", join(names, ", "))},
          .help = {"a row in ~/.config/churon/models.csv describes any other"}}},
        path);
  }
  ConfigReader read(part);
  Hyperparameters h;
  h.name = name_of(document, path);
  known->read(read, h);
  if (read.findings.empty()) {
    complete_shape(h);
    for (std::string& problem : shape_problems(h)) {
      read.findings.add({.code = "M0609", .message = std::move(problem)});
    }
  }
  if (!read.findings.empty()) {
    return in_file(read.findings.take(), path);
  }
  h.native_weights = native_weights(document, part);
  return h;
}

}  // namespace churon::model
