#include "model/hyperparameters.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/text.h"
#include "model/gguf_keys.h"
#include "model/model.h"

namespace churon::model {

namespace {

constexpr std::array kArchitectures{
    ArchitectureInfo{Architecture::llama, "llama", "Llama 2 and 3, SmolLM2, Mistral",
                     RopePairing::norm, Activation::silu, false, false, false},
    ArchitectureInfo{Architecture::qwen2, "qwen2", "Qwen2 and Qwen2.5", RopePairing::neox,
                     Activation::silu, false, false, false},
    ArchitectureInfo{Architecture::qwen3, "qwen3", "Qwen3", RopePairing::neox, Activation::silu,
                     true, false, false},
    ArchitectureInfo{Architecture::gemma3, "gemma3", "Gemma 3", RopePairing::neox, Activation::gelu,
                     true, true, true},
};

// Bounds that no model known comes near; they keep products of sizes far from 2^63.
constexpr std::int64_t kLayersMax = 4096;
constexpr std::int64_t kWidthMax = std::int64_t{1} << 22;  // d_model, d_ff
constexpr std::int64_t kHeadsMax = 65536;
constexpr std::int64_t kHeadDimMax = 1024;  // one segment of a dot product
constexpr std::int64_t kContextMax = std::int64_t{1} << 30;

constexpr std::int64_t kGemma3GlobalEvery = 6;
constexpr double kGemma3LocalBase = 10000;
constexpr std::int64_t kGemma3Layers27b = 62;

constexpr std::array<std::string_view, 5> kTokenIdsInUse{
    "tokenizer.ggml.bos_token_id", "tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id",
    "tokenizer.ggml.eom_token_id", "tokenizer.ggml.unknown_token_id"};

Result<Architecture> architecture(const Metadata& metadata) {
  const auto named = metadata.string("general.architecture");
  if (!named) {
    return fail(named);
  }
  std::vector<std::string> names;
  for (const ArchitectureInfo& known : kArchitectures) {
    if (known.name == *named) {
      return known.architecture;
    }
    names.push_back(fmt::format("{} ({})", known.name, known.models));
  }
  return fail("M0401", fmt::format("models of architecture `{}` are not supported", *named),
              {"supported are " + join(names, ", ")});
}

void read_sizes(GgufKeys& read, Hyperparameters& h) {
  h.layers = read.integer("block_count", 1, kLayersMax);
  h.context = read.integer("context_length", 1, kContextMax);
  h.d_model = read.integer("embedding_length", 1, kWidthMax);
  h.d_ff = read.uniform("feed_forward_length", h.layers, 1, kWidthMax);
  h.heads = read.uniform("attention.head_count", h.layers, 1, kHeadsMax);
  h.kv_heads = read.contains("attention.head_count_kv")
                   ? read.uniform("attention.head_count_kv", h.layers, 1, kHeadsMax)
                   : h.heads;
  if (h.heads % h.kv_heads != 0) {
    read.note("M0402", fmt::format("{} attention heads cannot share {} key-value heads evenly",
                                   h.heads, h.kv_heads));
  }
  const bool divides = h.d_model % h.heads == 0;
  if (!divides &&
      !(read.contains("attention.key_length") && read.contains("attention.value_length"))) {
    read.note("M0402", fmt::format("an embedding of {} does not divide by {} heads, and the length "
                                   "of a head is not stated",
                                   h.d_model, h.heads));
    return;
  }
  h.key_dim = read.integer_or("attention.key_length", h.d_model / h.heads, 2, kHeadDimMax);
  h.value_dim = read.integer_or("attention.value_length", h.d_model / h.heads, 2, kHeadDimMax);
  for (const std::int64_t dim : {h.key_dim, h.value_dim}) {
    if (dim % 2 != 0 || dim < 2 || dim > kHeadDimMax) {
      read.note("M0402",
                fmt::format("heads have a length of {}; an even number from 2 to {} is right", dim,
                            kHeadDimMax));
    }
  }
}

void read_rope(GgufKeys& read, const ArchitectureInfo& known, Hyperparameters& h) {
  Rope& rope = h.rope;
  rope.pairing = known.pairing;
  rope.dims = read.integer_or("rope.dimension_count", h.key_dim, 2, kHeadDimMax);
  if (rope.dims % 2 != 0 || rope.dims > h.key_dim) {
    read.note("M0402", fmt::format("{} rotated elements of a head of {}; an even number up to that "
                                   "is right",
                                   rope.dims, h.key_dim));
  }
  rope.base = read.positive_or("rope.freq_base", 10000);

  const std::string type_key = read.key("rope.scaling.type");
  const auto type =
      read.findings.value_or_note(read.metadata().string_or(type_key, "linear"), "none");
  if (type != "none" && type != "linear") {
    read.note("M0405", fmt::format("rope scaling of type `{}` is not supported yet", type),
              {"supported are none, linear and the frequency factors of Llama 3"});
  }
  const std::string_view factor_key =
      read.contains("rope.scaling.factor") ? "rope.scaling.factor" : "rope.scale_linear";
  const double factor = read.number_or(factor_key, 1);
  if (factor < 0) {
    read.note("M0402", fmt::format("key `{}` is {}; a positive number is right",
                                   read.key(factor_key), factor));
  }
  if (type == "linear" && factor > 0) {  // files write 0 for "none"
    rope.factor = factor;
  }
  if (const double attention = read.number_or("rope.scaling.attn_factor", 1); attention != 1) {
    read.note("M0405",
              fmt::format("key `{}` is {}; a factor on rotated values is not supported yet",
                          read.key("rope.scaling.attn_factor"), attention));
  }
  rope.local_base = rope.base;
  rope.local_factor = rope.factor;
  if (h.architecture == Architecture::gemma3) {
    rope.local_base = read.positive_or("rope.freq_base_swa", kGemma3LocalBase);
    rope.local_factor = 1;
  }
}

// Which layers see a window only.
void read_window(GgufKeys& read, Hyperparameters& h) {
  h.layer_has_window.assign(static_cast<std::size_t>(h.layers), false);
  if (!read.contains("attention.sliding_window")) {
    return;
  }
  h.window = read.integer("attention.sliding_window", 1, kContextMax);
  read.read_window_pattern(h.architecture == Architecture::gemma3 ? kGemma3GlobalEvery : 0, false,
                           h);
}

void read_scales(GgufKeys& read, const ArchitectureInfo& known, Hyperparameters& h) {
  const std::string_view epsilon = "attention.layer_norm_rms_epsilon";
  h.rms_epsilon = read.findings.value_or_note(read.metadata().number(read.key(epsilon)), 1e-5);
  if (h.rms_epsilon <= 0 || h.rms_epsilon >= 1) {
    read.note("M0402", fmt::format("key `{}` is {}; a number between 0 and 1 is right",
                                   read.key(epsilon), h.rms_epsilon));
  }
  h.attention_softcap = read.cap("attn_logit_softcapping");
  h.logit_softcap = read.cap("final_logit_softcapping");
  h.embedding_scale = known.scales_embedding ? std::sqrt(static_cast<float>(h.d_model)) : 1.0F;
  // Gemma 3 27B divides by the width that its 32 heads would have if they made up the embedding.
  const bool gemma_27b = h.architecture == Architecture::gemma3 && h.layers == kGemma3Layers27b;
  const float width = gemma_27b ? static_cast<float>(h.d_model) / static_cast<float>(h.heads)
                                : static_cast<float>(h.key_dim);
  h.attention_scale = 1.0F / std::sqrt(width);
}

void read_experts(GgufKeys& read) {
  if (read.integer_or("expert_count", 0, 0, kWidthMax) > 0) {
    read.note("M0405", "mixture-of-experts models are not supported yet for running",
              {"models of the same architecture without experts run"});
  }
}

// What only the tensor table says.
void read_tensors(GgufKeys& read, const ArchitectureInfo& known, Hyperparameters& h) {
  const auto has = [&](TensorRole role) { return read.has_tensor(role); };
  h.tied = !has(TensorRole::output);
  h.rope.has_frequency_factors =
      h.architecture == Architecture::llama && has(TensorRole::rope_frequencies);
  h.has_qkv_bias =
      has(TensorRole::query_bias) || has(TensorRole::key_bias) || has(TensorRole::value_bias);
  h.has_attention_output_bias = has(TensorRole::attention_output_bias);
  h.qk_norm = known.has_qk_norm ? QkNorm::head : QkNorm::none;
  h.has_post_norms = known.has_post_norms;
  for (const TensorInfo& tensor : read.file().tensors) {
    h.parameters += static_cast<std::int64_t>(tensor.elements());
  }
}

// The vocabulary is as long as the embedding has rows; ids of special tokens lie in it.
void read_vocabulary(GgufKeys& read, Hyperparameters& h) {
  const TensorInfo* embedding = read.tensor(TensorRole::token_embedding);
  if (embedding == nullptr) {
    read.note("M0403",
              fmt::format("tensor `{}` is missing", tensor_name(TensorRole::token_embedding)));
    return;
  }
  if (embedding->rows() > static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max())) {
    read.note("M0402", fmt::format("the token embedding has {} rows; token ids have 31 bits",
                                   embedding->rows()));
    return;
  }
  h.vocab = static_cast<std::int64_t>(embedding->rows());
  const auto compare = [&](std::string_view what, std::int64_t count) {
    if (count != h.vocab) {
      read.note("M0402", fmt::format("{} says {} tokens, the token embedding has {} rows", what,
                                     count, h.vocab));
    }
  };
  if (read.contains("vocab_size")) {
    compare(fmt::format("key `{}`", read.key("vocab_size")),
            read.integer("vocab_size", 1, std::numeric_limits<std::int32_t>::max()));
  }
  if (read.metadata().contains("tokenizer.ggml.tokens")) {
    const auto tokens = read.metadata().strings("tokenizer.ggml.tokens");
    if (!tokens) {
      read.findings.add(tokens.error());
    } else {
      compare("the tokenizer", std::ssize(*tokens));
    }
  }
  for (const std::string_view key : kTokenIdsInUse) {
    if (read.metadata().contains(key)) {
      if (const auto id = read.metadata().integer(key, 0, h.vocab - 1); !id) {
        read.findings.add(id.error());
      }
    }
  }
}

}  // namespace

std::span<const ArchitectureInfo> architectures() { return kArchitectures; }

const ArchitectureInfo& info(Architecture architecture) {
  return kArchitectures[static_cast<std::size_t>(architecture)];
}

std::int64_t Hyperparameters::mixture_layers() const {
  return std::count(layer_has_experts.begin(), layer_has_experts.end(), true);
}

std::string_view attention_kind(const Hyperparameters& hyperparameters) {
  if (hyperparameters.is_latent()) {
    return "MLA";
  }
  if (hyperparameters.kv_heads == hyperparameters.heads) {
    return "MHA";
  }
  return hyperparameters.kv_heads == 1 ? "MQA" : "GQA";
}

Result<Hyperparameters> hyperparameters(const GgufFile& file) {
  if (const auto whole = check_whole(file); !whole) {
    return fail(whole);
  }
  const auto found = architecture(file.metadata);
  if (!found) {
    return fail(found);
  }
  const ArchitectureInfo& known = info(*found);
  GgufKeys read(file, known.name);
  Hyperparameters h;
  h.architecture = *found;
  h.activation = known.activation;
  h.name = h.canonical_name = read.model_name();
  read_experts(read);
  read_sizes(read, h);
  if (!read.findings.empty()) {  // what follows computes with the sizes
    return tl::unexpected(read.findings.take());
  }
  read_rope(read, known, h);
  read_window(read, h);
  read_scales(read, known, h);
  read_tensors(read, known, h);
  read_vocabulary(read, h);
  if (!read.findings.empty()) {
    return tl::unexpected(read.findings.take());
  }
  return h;
}

}  // namespace churon::model
