// What a model's metadata says about its computation, checked: the same few numbers for every known
// architecture. Keys are those of llama.cpp's GGUF files (ggml, docs/gguf.md).
#pragma once

#include <cstdint>
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

// The gated feed-forward activation; `gelu` is the tanh form.
enum class Activation { silu, gelu };

// Every architecture there is. Help, error hints and docs are made from this table.
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

struct Hyperparameters {
  Architecture architecture = Architecture::llama;
  std::string name;  // `general.name`, else the file's name
  std::int64_t layers = 0;
  std::int64_t d_model = 0;
  std::int64_t d_ff = 0;
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t key_dim = 0;    // of a head, even, at most 1,024: one segment of a dot product
  std::int64_t value_dim = 0;  // of a head
  std::int64_t vocab = 0;      // rows of the token embedding
  std::int64_t context = 0;    // positions the model was trained for

  double rms_epsilon = 0;
  Rope rope;
  // A token sees itself and window - 1 positions before it, in the layers marked; 0: no window.
  std::int64_t window = 0;
  std::vector<bool> layer_has_window;

  float embedding_scale = 1;
  float attention_scale = 1;
  float attention_softcap = 0;  // cap · tanh(x / cap); 0: none
  float logit_softcap = 0;
  Activation activation = Activation::silu;

  bool has_qkv_bias = false;
  bool has_attention_output_bias = false;
  bool has_qk_norm = false;
  bool has_post_norms = false;
  bool tied = false;  // the token embedding is also the output matrix

  std::int64_t parameters = 0;  // elements of all tensors in the file

  [[nodiscard]] std::int64_t q_dim() const { return heads * key_dim; }
  [[nodiscard]] std::int64_t kv_dim() const { return kv_heads * key_dim; }
  [[nodiscard]] std::int64_t v_dim() const { return kv_heads * value_dim; }
  [[nodiscard]] std::int64_t attention_output_dim() const { return heads * value_dim; }
};

// Reads and checks the metadata, and which tensors there are.
Result<Hyperparameters> hyperparameters(const GgufFile& file);

}  // namespace churon::model
