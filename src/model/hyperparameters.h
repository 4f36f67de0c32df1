// What a model computes, in numbers: the same description for a GGUF file that runs here, and for a
// model that is known by its shape alone (model/shapes.h) and can be priced but not run. Keys of
// files are those of llama.cpp's GGUF files (ggml, docs/gguf.md).
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/gguf.h"

namespace churon::model {

enum class Architecture { llama, qwen2, qwen3, gemma3 };

// Which elements of a head turn together: neighbours (2i, 2i+1), or halves (i, i + dims/2).
enum class RopePairing { norm, neox };

// The feed-forward activation; `gelu` is the tanh form.
enum class Activation { silu, gelu, relu };

enum class NormKind { rms, layer };  // LayerNorm has a bias besides its weight

// RMSNorm over Q and K behind their matrices: none, over each head, or over all heads together.
enum class QkNorm { none, head, layer };

// Every architecture that runs here. Help, error hints and docs are made from this table.
struct ArchitectureInfo {
  Architecture architecture;
  std::string_view name;  // `general.architecture`
  std::string_view models;
  RopePairing pairing;
  Activation activation;
  bool has_qk_norm;       // RMSNorm over each head of Q and K
  bool has_post_norms;    // RMSNorm behind attention and feed-forward, before the residual
  bool scales_embedding;  // by sqrt(d_model)
};
std::span<const ArchitectureInfo> architectures();
const ArchitectureInfo& info(Architecture architecture);

// Rotary position embedding. The angle of pair i at position p is
// p / factor · base^(-2i/dims) / frequency_factor[i].
struct Rope {
  RopePairing pairing = RopePairing::norm;
  std::int64_t dims = 0;  // rotated elements at the front of each head, even
  double base = 10000;
  double factor = 1;                   // linear scaling of positions
  double local_base = 10000;           // in layers with a window
  double local_factor = 1;             //
  bool has_frequency_factors = false;  // tensor `rope_freqs.weight` (Llama 3 scaling)
};

// Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434 section 2.1): the cache holds one
// latent of `kv_lora` elements and one rotated key of `rope` elements a token and layer, from which
// each head's key of nope + rope elements and its value are products.
struct LatentAttention {
  std::int64_t q_lora = 0;   // length of the queries' latent; 0: queries come from the embedding
  std::int64_t kv_lora = 0;  // 0: no latent attention
  std::int64_t nope = 0;     // elements of a head's key that are not rotated
  std::int64_t rope = 0;     // rotated elements, the same for all heads

  [[nodiscard]] std::int64_t cached() const { return kv_lora + rope; }
};

// Sparse attention's indexer (DeepSeek-V3.2): small heads score every cached position, attention
// looks at the `top` best. One key of head_dim elements a token is cached besides.
struct Indexer {
  std::int64_t heads = 0;  // 0: none
  std::int64_t head_dim = 0;
  std::int64_t top = 0;
};

// A mixture of experts in place of the feed-forward block, in the layers marked.
struct Experts {
  std::int64_t count = 0;        // routed experts of a layer; 0: no layer has any
  std::int64_t per_token = 0;    // of them, for each token
  std::int64_t shared = 0;       // experts that see every token
  std::int64_t d_ff = 0;         // of one routed expert
  std::int64_t d_ff_shared = 0;  // of all shared experts together
  std::int64_t groups = 1;       // of experts; a token's experts lie in `groups_kept` of them
  std::int64_t groups_kept = 1;
  bool has_bias = false;         // biases in the experts' matrices
  bool has_router_bias = false;  // in the router, or added to its scores for the choice
  bool has_shared_gate = false;  // a sigmoid gate on the shared experts (Qwen2-MoE)
};

struct Hyperparameters {
  // Set where the model can run here: it came from a GGUF file of this architecture.
  std::optional<Architecture> architecture;
  std::string name;  // `general.name`, else the file's name; of a shape as it was asked for
  std::string
      canonical_name;  // the catalogue's name: equal for all names of one model; else `name`
  std::int64_t layers = 0;
  std::int64_t d_model = 0;
  std::int64_t d_ff = 0;  // of the layers without experts; 0 where there is no such layer
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t key_dim = 0;    // of a head, even, at most 1,024: one segment of a dot product
  std::int64_t value_dim = 0;  // of a head
  std::int64_t vocab = 0;      // rows of the token embedding
  std::int64_t context = 0;    // positions the model was trained for

  NormKind norm = NormKind::rms;
  double rms_epsilon = 0;  // of either kind of norm
  Rope rope;
  bool has_learned_positions = false;  // a table of `context` rows, added to the embedding
  std::vector<bool> layer_has_rope;    // empty: all layers, unless positions are learned

  // A token sees itself and window - 1 positions before it, in the layers marked; 0: no window.
  std::int64_t window = 0;
  std::vector<bool> layer_has_window;
  // Windows that do not slide (Llama 4): a token sees the positions of its chunk of `window` only.
  bool window_is_chunk = false;
  bool has_sinks = false;  // a learned logit per head takes part in the softmax

  LatentAttention latent;  // key_dim = nope + rope, value_dim of a head; kv_heads = heads
  Indexer indexer;
  Experts experts;
  std::vector<bool> layer_has_experts;  // empty: none

  float embedding_scale = 1;
  float attention_scale = 1;
  float attention_softcap = 0;  // cap · tanh(x / cap); 0: none
  float logit_softcap = 0;
  Activation activation = Activation::silu;
  bool is_gated = true;  // down(act(gate) * up); else down(act(up))

  bool has_qkv_bias = false;
  bool has_attention_output_bias = false;
  bool has_feed_forward_bias = false;  // of `up` and `down`
  QkNorm qk_norm = QkNorm::none;
  bool has_post_norms = false;
  bool tied = false;  // the token embedding is also the output matrix

  std::int64_t parameters = 0;  // elements of all tensors in the file; 0: only the shape is known
  std::string native_weights;   // how its makers publish the weights, "bf16"; empty: not known

  [[nodiscard]] std::int64_t q_dim() const { return heads * key_dim; }
  [[nodiscard]] std::int64_t kv_dim() const { return kv_heads * key_dim; }
  [[nodiscard]] std::int64_t v_dim() const { return kv_heads * value_dim; }
  [[nodiscard]] std::int64_t attention_output_dim() const { return heads * value_dim; }
  [[nodiscard]] bool is_latent() const { return latent.kv_lora != 0; }
  [[nodiscard]] bool layer_is_windowed(std::int64_t layer) const {
    return window != 0 && layer_has_window[static_cast<std::size_t>(layer)];
  }
  [[nodiscard]] bool layer_is_mixture(std::int64_t layer) const {
    return !layer_has_experts.empty() && layer_has_experts[static_cast<std::size_t>(layer)];
  }
  [[nodiscard]] bool layer_rotates(std::int64_t layer) const {
    return !has_learned_positions &&
           (layer_has_rope.empty() || layer_has_rope[static_cast<std::size_t>(layer)]);
  }
  [[nodiscard]] std::int64_t mixture_layers() const;
  // Elements that one token adds to the cache of one layer.
  [[nodiscard]] std::int64_t cached_per_token() const {
    return (is_latent() ? latent.cached() : kv_dim() + v_dim()) + indexer.head_dim;
  }
};

// "MHA", "GQA", "MQA" or "MLA".
std::string_view attention_kind(const Hyperparameters& hyperparameters);

// Reads and checks the metadata, and which tensors there are.
Result<Hyperparameters> hyperparameters(const GgufFile& file);

}  // namespace churon::model
