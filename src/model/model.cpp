#include "model/model.h"

#include <array>
#include <cmath>
#include <unordered_map>

#include "base/check.h"
#include "model/findings.h"

namespace churon::model {

namespace {

struct RoleInfo {
  TensorRole role;
  std::string_view name;  // behind "blk.N." where the role is one of a layer
  bool per_layer;
  bool is_vector;
};

constexpr std::array kRoles{
    RoleInfo{TensorRole::token_embedding, "token_embd.weight", false, false},
    RoleInfo{TensorRole::output_norm, "output_norm.weight", false, true},
    RoleInfo{TensorRole::output, "output.weight", false, false},
    RoleInfo{TensorRole::rope_frequencies, "rope_freqs.weight", false, true},
    RoleInfo{TensorRole::attention_norm, "attn_norm.weight", true, true},
    RoleInfo{TensorRole::query, "attn_q.weight", true, false},
    RoleInfo{TensorRole::key, "attn_k.weight", true, false},
    RoleInfo{TensorRole::value, "attn_v.weight", true, false},
    RoleInfo{TensorRole::query_bias, "attn_q.bias", true, true},
    RoleInfo{TensorRole::key_bias, "attn_k.bias", true, true},
    RoleInfo{TensorRole::value_bias, "attn_v.bias", true, true},
    RoleInfo{TensorRole::query_norm, "attn_q_norm.weight", true, true},
    RoleInfo{TensorRole::key_norm, "attn_k_norm.weight", true, true},
    RoleInfo{TensorRole::attention_output, "attn_output.weight", true, false},
    RoleInfo{TensorRole::attention_output_bias, "attn_output.bias", true, true},
    RoleInfo{TensorRole::attention_post_norm, "post_attention_norm.weight", true, true},
    RoleInfo{TensorRole::feed_forward_norm, "ffn_norm.weight", true, true},
    RoleInfo{TensorRole::gate, "ffn_gate.weight", true, false},
    RoleInfo{TensorRole::up, "ffn_up.weight", true, false},
    RoleInfo{TensorRole::down, "ffn_down.weight", true, false},
    RoleInfo{TensorRole::feed_forward_post_norm, "post_ffw_norm.weight", true, true},
    RoleInfo{TensorRole::position_embedding, "position_embd.weight", false, false},
    RoleInfo{TensorRole::output_norm_bias, "output_norm.bias", false, true},
    RoleInfo{TensorRole::attention_norm_bias, "attn_norm.bias", true, true},
    RoleInfo{TensorRole::feed_forward_norm_bias, "ffn_norm.bias", true, true},
    RoleInfo{TensorRole::up_bias, "ffn_up.bias", true, true},
    RoleInfo{TensorRole::down_bias, "ffn_down.bias", true, true},
    RoleInfo{TensorRole::attention_sinks, "attn_sinks.weight", true, true},
    RoleInfo{TensorRole::query_down, "attn_q_a.weight", true, false},
    RoleInfo{TensorRole::query_down_norm, "attn_q_a_norm.weight", true, true},
    RoleInfo{TensorRole::query_up, "attn_q_b.weight", true, false},
    RoleInfo{TensorRole::key_value_down, "attn_kv_a_mqa.weight", true, false},
    RoleInfo{TensorRole::key_value_down_norm, "attn_kv_a_norm.weight", true, true},
    RoleInfo{TensorRole::key_up, "attn_k_b.weight", true, false},
    RoleInfo{TensorRole::value_up, "attn_v_b.weight", true, false},
    RoleInfo{TensorRole::index_key, "indexer.attn_k.weight", true, false},
    RoleInfo{TensorRole::index_key_norm, "indexer.k_norm.weight", true, true},
    RoleInfo{TensorRole::index_key_norm_bias, "indexer.k_norm.bias", true, true},
    RoleInfo{TensorRole::index_query, "indexer.attn_q_b.weight", true, false},
    RoleInfo{TensorRole::index_weights, "indexer.proj.weight", true, false},
    RoleInfo{TensorRole::router, "ffn_gate_inp.weight", true, false},
    RoleInfo{TensorRole::router_bias, "exp_probs_b.bias", true, true},
    RoleInfo{TensorRole::expert_gate, "ffn_gate_exps.weight", true, false},
    RoleInfo{TensorRole::expert_up, "ffn_up_exps.weight", true, false},
    RoleInfo{TensorRole::expert_down, "ffn_down_exps.weight", true, false},
    RoleInfo{TensorRole::expert_gate_bias, "ffn_gate_exps.bias", true, true},
    RoleInfo{TensorRole::expert_up_bias, "ffn_up_exps.bias", true, true},
    RoleInfo{TensorRole::expert_down_bias, "ffn_down_exps.bias", true, true},
    RoleInfo{TensorRole::shared_gate, "ffn_gate_shexp.weight", true, false},
    RoleInfo{TensorRole::shared_up, "ffn_up_shexp.weight", true, false},
    RoleInfo{TensorRole::shared_down, "ffn_down_shexp.weight", true, false},
    RoleInfo{TensorRole::shared_router, "ffn_gate_inp_shexp.weight", true, false},
};
static_assert(kRoles.size() == kTensorRoles);

const RoleInfo& info(TensorRole role) { return kRoles[static_cast<std::size_t>(role)]; }

bool is_wanted(TensorRole role, const Hyperparameters& h) {
  switch (role) {
    case TensorRole::output:
      return !h.tied;
    case TensorRole::rope_frequencies:
      return h.rope.has_frequency_factors;
    case TensorRole::query_bias:
    case TensorRole::key_bias:
    case TensorRole::value_bias:
      return h.has_qkv_bias;
    case TensorRole::attention_output_bias:
      return h.has_attention_output_bias;
    case TensorRole::query_norm:
    case TensorRole::key_norm:
      return h.qk_norm != QkNorm::none;
    case TensorRole::attention_post_norm:
    case TensorRole::feed_forward_post_norm:
      return h.has_post_norms;
    case TensorRole::token_embedding:
    case TensorRole::output_norm:
    case TensorRole::attention_norm:
    case TensorRole::query:
    case TensorRole::key:
    case TensorRole::value:
    case TensorRole::attention_output:
    case TensorRole::feed_forward_norm:
    case TensorRole::gate:
    case TensorRole::up:
    case TensorRole::down:
      return true;
    case TensorRole::position_embedding:
    case TensorRole::output_norm_bias:
    case TensorRole::attention_norm_bias:
    case TensorRole::feed_forward_norm_bias:
    case TensorRole::up_bias:
    case TensorRole::down_bias:
    case TensorRole::attention_sinks:
    case TensorRole::query_down:
    case TensorRole::query_down_norm:
    case TensorRole::query_up:
    case TensorRole::key_value_down:
    case TensorRole::key_value_down_norm:
    case TensorRole::key_up:
    case TensorRole::value_up:
    case TensorRole::index_key:
    case TensorRole::index_key_norm:
    case TensorRole::index_key_norm_bias:
    case TensorRole::index_query:
    case TensorRole::index_weights:
    case TensorRole::router:
    case TensorRole::router_bias:
    case TensorRole::expert_gate:
    case TensorRole::expert_up:
    case TensorRole::expert_down:
    case TensorRole::expert_gate_bias:
    case TensorRole::expert_up_bias:
    case TensorRole::expert_down_bias:
    case TensorRole::shared_gate:
    case TensorRole::shared_up:
    case TensorRole::shared_down:
    case TensorRole::shared_router:
      return false;
  }
  return false;
}

struct Shape {
  std::int64_t columns;
  std::int64_t rows = 1;
};

Shape shape(TensorRole role, const Hyperparameters& h) {
  switch (role) {
    case TensorRole::token_embedding:
    case TensorRole::output:
      return {h.d_model, h.vocab};
    case TensorRole::output_norm:
    case TensorRole::attention_norm:
    case TensorRole::attention_output_bias:
    case TensorRole::attention_post_norm:
    case TensorRole::feed_forward_norm:
    case TensorRole::feed_forward_post_norm:
      return {h.d_model};
    case TensorRole::rope_frequencies:
      return {h.rope.dims / 2};
    case TensorRole::query:
      return {h.d_model, h.q_dim()};
    case TensorRole::key:
      return {h.d_model, h.kv_dim()};
    case TensorRole::value:
      return {h.d_model, h.v_dim()};
    case TensorRole::query_bias:
      return {h.q_dim()};
    case TensorRole::key_bias:
      return {h.kv_dim()};
    case TensorRole::value_bias:
      return {h.v_dim()};
    case TensorRole::query_norm:
    case TensorRole::key_norm:
      return {h.key_dim};
    case TensorRole::attention_output:
      return {h.attention_output_dim(), h.d_model};
    case TensorRole::gate:
    case TensorRole::up:
      return {h.d_model, h.d_ff};
    case TensorRole::down:
      return {h.d_ff, h.d_model};
    case TensorRole::position_embedding:
    case TensorRole::output_norm_bias:
    case TensorRole::attention_norm_bias:
    case TensorRole::feed_forward_norm_bias:
    case TensorRole::up_bias:
    case TensorRole::down_bias:
    case TensorRole::attention_sinks:
    case TensorRole::query_down:
    case TensorRole::query_down_norm:
    case TensorRole::query_up:
    case TensorRole::key_value_down:
    case TensorRole::key_value_down_norm:
    case TensorRole::key_up:
    case TensorRole::value_up:
    case TensorRole::index_key:
    case TensorRole::index_key_norm:
    case TensorRole::index_key_norm_bias:
    case TensorRole::index_query:
    case TensorRole::index_weights:
    case TensorRole::router:
    case TensorRole::router_bias:
    case TensorRole::expert_gate:
    case TensorRole::expert_up:
    case TensorRole::expert_down:
    case TensorRole::expert_gate_bias:
    case TensorRole::expert_up_bias:
    case TensorRole::expert_down_bias:
    case TensorRole::shared_gate:
    case TensorRole::shared_up:
    case TensorRole::shared_down:
    case TensorRole::shared_router:
      break;
  }
  check(false, static_cast<int>(role));  // not wanted by any model that runs
  return {0};
}

void check_tensor(const TensorInfo& tensor, TensorRole role, const Hyperparameters& h,
                  Findings& findings) {
  const Shape right = shape(role, h);
  const int rank = is_vector(role) ? 1 : 2;
  if (tensor.rank != rank || tensor.columns() != static_cast<std::uint64_t>(right.columns) ||
      tensor.rows() != static_cast<std::uint64_t>(right.rows)) {
    findings.add(
        {.code = "M0404",
         .message = fmt::format("tensor `{}` is {}; {} is right", tensor.name, shape_text(tensor),
                                rank == 1 ? fmt::format("{}", right.columns)
                                          : fmt::format("{} x {}", right.columns, right.rows)),
         .notes = {fmt::format("{} layers, embedding {}, feed-forward {}, {} heads and {} "
                               "key-value heads of {}, {} tokens",
                               h.layers, h.d_model, h.d_ff, h.heads, h.kv_heads, h.key_dim,
                               h.vocab)}});
  }
  const bool plain = numeric::info(tensor.type).block_elements == 1;
  if (is_vector(role) && !plain) {
    findings.add({.code = "M0407",
                  .message = fmt::format("vector `{}` is of type {}; F32, F16 or BF16 is right",
                                         tensor.name, numeric::info(tensor.type).name)});
  }
}

std::size_t table_index(TensorRole role, std::int64_t layer, std::int64_t layers) {
  return static_cast<std::size_t>(static_cast<std::int64_t>(role) * layers + layer);
}

// Which tensor plays each role; all that is wanted, nothing else.
Result<std::vector<int>> tensor_table(const GgufFile& file, const Hyperparameters& h) {
  std::unordered_map<std::string_view, int> by_name;
  for (std::size_t i = 0; i < file.tensors.size(); ++i) {
    by_name.emplace(file.tensors[i].name, static_cast<int>(i));
  }
  Findings findings;
  std::vector<int> table(kRoles.size() * static_cast<std::size_t>(h.layers), -1);
  std::vector<bool> used(file.tensors.size(), false);
  for (const RoleInfo& known : kRoles) {
    if (!is_wanted(known.role, h)) {
      continue;
    }
    for (std::int64_t layer = 0; layer < (known.per_layer ? h.layers : 1); ++layer) {
      const std::string wanted = tensor_name(known.role, layer);
      const auto found = by_name.find(wanted);
      if (found == by_name.end()) {
        findings.add({.code = "M0403", .message = fmt::format("tensor `{}` is missing", wanted)});
        continue;
      }
      const auto index = static_cast<std::size_t>(found->second);
      check_tensor(file.tensors[index], known.role, h, findings);
      table[table_index(known.role, layer, h.layers)] = found->second;
      used[index] = true;
    }
  }
  for (std::size_t i = 0; i < used.size(); ++i) {
    if (!used[i]) {
      findings.add(
          {.code = "M0406",
           .message = fmt::format("tensor `{}` has no known part in a model of architecture "
                                  "`{}` with {} layers",
                                  file.tensors[i].name, info(*h.architecture).name, h.layers)});
    }
  }
  if (!findings.empty()) {
    return tl::unexpected(findings.take());
  }
  return table;
}

}  // namespace

std::string tensor_name(TensorRole role, std::int64_t layer) {
  const RoleInfo& known = info(role);
  return known.per_layer ? fmt::format("blk.{}.{}", layer, known.name) : std::string(known.name);
}
bool is_per_layer(TensorRole role) { return info(role).per_layer; }
bool is_vector(TensorRole role) { return info(role).is_vector; }

const TensorInfo* Model::find(TensorRole role, std::int64_t layer) const {
  check(layer >= 0 && layer < (is_per_layer(role) ? hyperparameters.layers : 1), layer);
  const TensorRole stored =
      role == TensorRole::output && hyperparameters.tied ? TensorRole::token_embedding : role;
  const int index = tensor_index[table_index(stored, layer, hyperparameters.layers)];
  return index < 0 ? nullptr : &file.tensors[static_cast<std::size_t>(index)];
}

const TensorInfo& Model::tensor(TensorRole role, std::int64_t layer) const {
  const TensorInfo* found = find(role, layer);
  check(found != nullptr, tensor_name(role, layer));
  return *found;
}

Result<std::vector<float>> Model::read_vector(TensorRole role, std::int64_t layer) const {
  const TensorInfo& vector = tensor(role, layer);
  check(is_vector(role), vector.name);
  std::vector<std::byte> bytes(vector.bytes);
  if (auto got = file.read_tensor(vector, bytes); !got) {
    return fail(got);
  }
  std::vector<float> values(vector.elements());
  numeric::dequantize(vector.type, bytes.data(), values.size(), values.data());
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i])) {
      return in_file(
          {{.code = "M0408",
            .message = fmt::format("element {} of tensor `{}` is {}; a finite number is right", i,
                                   vector.name, values[i]),
            .help = {"the file is damaged, or the model was trained or converted wrongly"}}},
          file.path);
    }
  }
  return values;
}

Result<Model> make_model(GgufFile file) {
  auto h = churon::model::hyperparameters(file);
  if (!h) {
    return in_file(with_remedy(h.error()), file.path);
  }
  auto table = tensor_table(file, *h);
  if (!table) {
    return in_file(with_remedy(table.error()), file.path);
  }
  return Model{std::move(file), std::move(*h), std::move(*table)};
}

Result<Hyperparameters> check_model(const GgufFile& file) {
  auto h = churon::model::hyperparameters(file);
  if (!h) {
    return in_file(with_remedy(h.error()), file.path);
  }
  if (const auto table = tensor_table(file, *h); !table) {
    return in_file(with_remedy(table.error()), file.path);
  }
  return h;
}

Result<Model> load_model(const std::string& path) {
  auto file = open_gguf(path);
  if (!file) {
    return fail(file);
  }
  return make_model(std::move(*file));
}

}  // namespace churon::model
