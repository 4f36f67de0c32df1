// A model: its file, its hyperparameters and its tensors by role, with every tensor's presence,
// shape and type checked. Loading reads the header only.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/gguf.h"
#include "model/hyperparameters.h"

namespace churon::model {

enum class TensorRole {
  token_embedding,
  output_norm,
  output,
  rope_frequencies,
  attention_norm,
  query,
  key,
  value,
  query_bias,
  key_bias,
  value_bias,
  query_norm,
  key_norm,
  attention_output,
  attention_output_bias,
  attention_post_norm,
  feed_forward_norm,
  gate,
  up,
  down,
  feed_forward_post_norm,
  // Parts of models that are known by their shape alone; no model that runs here has them.
  position_embedding,
  output_norm_bias,
  attention_norm_bias,
  feed_forward_norm_bias,
  up_bias,
  down_bias,
  attention_sinks,
  query_down,
  query_down_norm,
  query_up,
  key_value_down,
  key_value_down_norm,
  key_up,
  value_up,
  index_key,
  index_key_norm,
  index_key_norm_bias,
  index_query,
  index_weights,
  router,
  router_bias,
  expert_gate,
  expert_up,
  expert_down,
  expert_gate_bias,
  expert_up_bias,
  expert_down_bias,
  shared_gate,
  shared_up,
  shared_down,
  shared_router,
};
inline constexpr int kTensorRoles = static_cast<int>(TensorRole::shared_router) + 1;

// The tensor's name in the file: "blk.3.attn_q.weight".
std::string tensor_name(TensorRole role, std::int64_t layer = 0);
bool is_per_layer(TensorRole role);
bool is_vector(TensorRole role);

struct Model {
  GgufFile file;
  Hyperparameters hyperparameters;
  std::vector<int> tensor_index;  // role * layers + layer -> index in file.tensors, or -1

  // nullptr where the model has no such tensor.
  [[nodiscard]] const TensorInfo* find(TensorRole role, std::int64_t layer = 0) const;
  // A tensor that the hyperparameters promise. `output` of a tied model is the token embedding.
  [[nodiscard]] const TensorInfo& tensor(TensorRole role, std::int64_t layer = 0) const;
  // A norm, bias or factor vector as FP32; a value that is not finite is an error.
  [[nodiscard]] Result<std::vector<float>> read_vector(TensorRole role,
                                                       std::int64_t layer = 0) const;
};

Result<Model> load_model(const std::string& path);
Result<Model> make_model(GgufFile file);
// All that loading checks, for those who want the file whether it runs or not.
Result<Hyperparameters> check_model(const GgufFile& file);

}  // namespace churon::model
