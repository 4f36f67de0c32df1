#include "graph/graph.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <set>
#include <utility>

#include "base/check.h"

namespace churon::graph {

using model::TensorRole;

namespace {

constexpr std::array<std::string_view, std::variant_size_v<Parameters>> kKindNames{
    "embedding", "select_rows", "rms_norm",  "matmul",           "bias", "head_norm",
    "rope",      "kv_append",   "attention", "gated_activation", "add",  "softcap",
};

// Lists operators one after another. The values below are all that a step needs: a layer's values
// are free again when the next layer begins.
class Builder {
 public:
  Builder(const model::Hyperparameters& hyperparameters, const Step& step) : h_(hyperparameters) {
    graph_.step = step;
    graph_.layers = static_cast<int>(h_.layers);
    query_ = h_.q_dim();
    key_ = h_.kv_dim();
    value_ = h_.v_dim();
    mixed_ = h_.attention_output_dim();
    set_rows(Rows::tokens);
  }

  Graph build() {
    add("token_embd", Embedding{h_.embedding_scale}, {}, whole(x_),
        {{TensorRole::token_embedding, h_.vocab, h_.d_model}});
    for (layer_ = 0; layer_ < h_.layers; ++layer_) {
      attention_block();
      feed_forward_block();
    }
    layer_ = -1;
    head();
    return std::move(graph_);
  }

 private:
  const model::Hyperparameters& h_;
  Graph graph_;
  int layer_ = -1;
  std::int64_t query_, key_, value_, mixed_;  // columns
  ValueId x_{}, normed_{}, qkv_{}, attended_{}, branch_{}, gate_up_{}, activated_{};

  ValueId value(std::string name, Rows rows, std::int64_t columns) {
    graph_.values.push_back({std::move(name), rows, columns});
    return static_cast<ValueId>(graph_.values.size()) - 1;
  }
  [[nodiscard]] float epsilon() const { return static_cast<float>(h_.rms_epsilon); }
  [[nodiscard]] Slice whole(ValueId id) const {
    return {id, 0, graph_.values[static_cast<std::size_t>(id)].columns};
  }

  // New values for all that follows, with a row per token or per sampled position.
  void set_rows(Rows rows) {
    const std::string suffix = rows == Rows::sampled ? "_sampled" : "";
    if (rows == Rows::tokens) {
      qkv_ = value("qkv", rows, query_ + key_ + value_);
    }
    x_ = value("x" + suffix, rows, h_.d_model);
    normed_ = value("normed" + suffix, rows, h_.d_model);
    attended_ = value("attended" + suffix, rows, mixed_);
    branch_ = value("branch" + suffix, rows, h_.d_model);
    gate_up_ = value("gate_up" + suffix, rows, 2 * h_.d_ff);
    activated_ = value("activated" + suffix, rows, h_.d_ff);
  }

  void add(std::string name, Parameters parameters, std::vector<Slice> inputs, Slice output,
           std::vector<WeightUse> weights = {}) {
    graph_.ops.push_back(
        {std::move(name), layer_, parameters, std::move(inputs), output, std::move(weights)});
  }
  void norm(std::string name, ValueId from, ValueId to, TensorRole role) {
    add(std::move(name), RmsNorm{epsilon()}, {whole(from)}, whole(to), {{role, 1, h_.d_model}});
  }
  void bias(std::string name, Slice slice, TensorRole role) {
    add(std::move(name), Bias{}, {slice}, slice, {{role, 1, slice.columns}});
  }

  void attention_block() {
    Slice query{qkv_, 0, query_};
    const Slice key{qkv_, query_, key_};
    const Slice values{qkv_, query_ + key_, value_};
    norm("attn_norm", x_, normed_, TensorRole::attention_norm);
    add("attn_qkv", Matmul{}, {whole(normed_)}, whole(qkv_),
        {{TensorRole::query, query_, h_.d_model},
         {TensorRole::key, key_, h_.d_model},
         {TensorRole::value, value_, h_.d_model}});
    if (h_.has_qkv_bias) {
      bias("attn_q_bias", query, TensorRole::query_bias);
      bias("attn_k_bias", key, TensorRole::key_bias);
      bias("attn_v_bias", values, TensorRole::value_bias);
    }
    if (h_.has_qk_norm) {
      add("attn_q_norm", HeadNorm{h_.heads, h_.key_dim, epsilon()}, {query}, query,
          {{TensorRole::query_norm, 1, h_.key_dim}});
      add("attn_k_norm", HeadNorm{h_.kv_heads, h_.key_dim, epsilon()}, {key}, key,
          {{TensorRole::key_norm, 1, h_.key_dim}});
    }
    const bool local = h_.layer_has_window[static_cast<std::size_t>(layer_)];
    const std::int64_t window = local ? h_.window : 0;
    add("rope_q", Rope{h_.heads, h_.key_dim, local, h_.rope.dims}, {query}, query);
    add("rope_k", Rope{h_.kv_heads, h_.key_dim, local, h_.rope.dims}, {key}, key);
    if (h_.has_qkv_bias && !h_.has_qk_norm && h_.attention_softcap == 0) {
      add("attn_k_centre", Bias{true}, {key}, key, {{TensorRole::key_bias, 1, key.columns}});
    }
    add("kv_append", KvAppend{h_.kv_heads, h_.key_dim, h_.value_dim}, {key, values}, {});
    if (layer_ == h_.layers - 1) {
      // Nothing behind the last cache entry mixes positions: only those whose logits are wanted
      // go on.
      const Slice x = whole(x_);
      set_rows(Rows::sampled);
      const ValueId selected = this->value("query_sampled", Rows::sampled, query_);
      add("select_x", SelectRows{}, {x}, whole(x_));
      add("select_query", SelectRows{}, {query}, whole(selected));
      query = whole(selected);
    }
    add("attention",
        Attention{h_.heads, h_.kv_heads, h_.key_dim, h_.value_dim, window, h_.attention_scale,
                  h_.attention_softcap},
        {query}, whole(attended_));
    add("attn_output", Matmul{}, {whole(attended_)}, whole(branch_),
        {{TensorRole::attention_output, h_.d_model, mixed_}});
    if (h_.has_attention_output_bias) {
      bias("attn_output_bias", whole(branch_), TensorRole::attention_output_bias);
    }
    if (h_.has_post_norms) {
      norm("attn_post_norm", branch_, branch_, TensorRole::attention_post_norm);
    }
    add("attn_add", Add{}, {whole(x_), whole(branch_)}, whole(x_));
  }

  void feed_forward_block() {
    norm("ffn_norm", x_, normed_, TensorRole::feed_forward_norm);
    add("ffn_gate_up", Matmul{}, {whole(normed_)}, whole(gate_up_),
        {{TensorRole::gate, h_.d_ff, h_.d_model}, {TensorRole::up, h_.d_ff, h_.d_model}});
    add("ffn_act", GatedActivation{h_.activation},
        {Slice{gate_up_, 0, h_.d_ff}, Slice{gate_up_, h_.d_ff, h_.d_ff}}, whole(activated_));
    add("ffn_down", Matmul{}, {whole(activated_)}, whole(branch_),
        {{TensorRole::down, h_.d_model, h_.d_ff}});
    if (h_.has_post_norms) {
      norm("ffn_post_norm", branch_, branch_, TensorRole::feed_forward_post_norm);
    }
    add("ffn_add", Add{}, {whole(x_), whole(branch_)}, whole(x_));
  }

  void head() {
    norm("output_norm", x_, normed_, TensorRole::output_norm);
    graph_.logits = value("logits", Rows::sampled, h_.vocab);
    add("output", Matmul{}, {whole(normed_)}, whole(graph_.logits),
        {{h_.tied ? TensorRole::token_embedding : TensorRole::output, h_.vocab, h_.d_model}});
    if (h_.logit_softcap != 0) {
      add("logit_softcap", Softcap{h_.logit_softcap}, {whole(graph_.logits)}, whole(graph_.logits));
    }
  }
};

// Pairs of a token and a position that it sees, and positions that some token of the step sees.
struct Visible {
  std::int64_t pairs = 0;
  std::int64_t positions = 0;
};

Visible visible(const SequenceGroup& group, std::int64_t window) {
  const std::int64_t end = group.past + group.tokens;
  if (group.tokens == 0) {
    return {};
  }
  if (window == 0 || end <= window) {
    return {group.tokens * group.past + group.tokens * (group.tokens + 1) / 2, end};
  }
  // Tokens before position `window` see all, the others exactly `window` positions.
  const std::int64_t growing = std::max<std::int64_t>(0, window - group.past);
  const std::int64_t first = std::max<std::int64_t>(0, group.past + 1 - window);
  return {growing * group.past + growing * (growing + 1) / 2 + (group.tokens - growing) * window,
          end - first};
}

Work attention_work(const Graph& graph, const Attention& a, Rows rows) {
  Work result;
  for (SequenceGroup group : graph.step.groups) {
    if (rows == Rows::sampled) {
      group.past += group.tokens - group.sampled;
      group.tokens = group.sampled;
    }
    const Visible seen = visible(group, a.window);
    const std::int64_t scores = group.count * seen.pairs * a.heads;
    result.macs += scores * (a.key_dim + a.value_dim);
    result.kv_read_elements +=
        group.count * seen.positions * a.kv_heads * (a.key_dim + a.value_dim);
    // Scale, maximum, difference, sum, and the value's scale on the probability; a soft-cap is a
    // hyperbolic tangent more.
    result.vector_operations += scores * (a.softcap != 0 ? 10 : 5);
    result.exponentials += scores * (a.softcap != 0 ? 2 : 1);
  }
  return result;
}

std::int64_t elements(const std::vector<WeightUse>& weights) {
  std::int64_t sum = 0;
  for (const WeightUse& use : weights) {
    sum += use.rows * use.columns;
  }
  return sum;
}

std::string shape(const Graph& graph, const Slice& slice) {
  if (slice.value < 0) {
    return "-";
  }
  const Value& value = graph.values[static_cast<std::size_t>(slice.value)];
  const std::string columns =
      slice.columns == value.columns
          ? ""
          : fmt::format("[{}:{}]", slice.first, slice.first + slice.columns);
  return fmt::format("{}{} {}x{}", value.name, columns, graph.rows(value.rows), slice.columns);
}

struct DetailText {
  std::string operator()(const Embedding& p) const {
    return p.scale == 1 ? "" : fmt::format("scale={}", p.scale);
  }
  std::string operator()(const SelectRows&) const { return ""; }
  std::string operator()(const RmsNorm& p) const { return fmt::format("epsilon={}", p.epsilon); }
  std::string operator()(const Matmul&) const { return ""; }
  std::string operator()(const Bias& p) const { return p.centre ? "subtracts the centre" : ""; }
  std::string operator()(const HeadNorm& p) const {
    return fmt::format("heads={} head_dim={} epsilon={}", p.heads, p.head_dim, p.epsilon);
  }
  std::string operator()(const Rope& p) const {
    return fmt::format("heads={} head_dim={} dims={} base={}", p.heads, p.head_dim, p.dims,
                       p.local ? "local" : "global");
  }
  std::string operator()(const KvAppend& p) const {
    return fmt::format("kv_heads={} key_dim={} value_dim={}", p.kv_heads, p.key_dim, p.value_dim);
  }
  std::string operator()(const Attention& p) const {
    std::string text = fmt::format("heads={} kv_heads={} key_dim={} value_dim={} scale={}", p.heads,
                                   p.kv_heads, p.key_dim, p.value_dim, p.scale);
    if (p.window != 0) {
      text += fmt::format(" window={}", p.window);
    }
    if (p.softcap != 0) {
      text += fmt::format(" softcap={}", p.softcap);
    }
    return text;
  }
  std::string operator()(const GatedActivation& p) const {
    return p.activation == model::Activation::silu ? "silu" : "gelu";
  }
  std::string operator()(const Add&) const { return ""; }
  std::string operator()(const Softcap& p) const { return fmt::format("cap={}", p.cap); }
};

}  // namespace

std::string_view name(OpKind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }

Step prefill_step(std::int64_t tokens, std::int64_t past) { return {{{1, past, tokens, 1}}}; }
Step decode_step(std::int64_t batch, std::int64_t past) { return {{{batch, past, 1, 1}}}; }

std::int64_t Graph::tokens() const {
  std::int64_t sum = 0;
  for (const SequenceGroup& group : step.groups) {
    sum += group.count * group.tokens;
  }
  return sum;
}

std::int64_t Graph::sampled() const {
  std::int64_t sum = 0;
  for (const SequenceGroup& group : step.groups) {
    sum += group.count * group.sampled;
  }
  return sum;
}

std::int64_t Graph::rows(Rows rows) const { return rows == Rows::tokens ? tokens() : sampled(); }

std::int64_t Graph::rows(const Op& op) const {
  const ValueId id = op.output.value >= 0 ? op.output.value : op.inputs.front().value;
  return rows(values[static_cast<std::size_t>(id)].rows);
}

Graph graph(const model::Hyperparameters& hyperparameters, const Step& step) {
  return Builder(hyperparameters, step).build();
}

Work work(const Graph& graph, const Op& op) {
  Work result;
  const std::int64_t rows = graph.rows(op);
  const std::int64_t out = rows * op.output.columns;
  switch (op.kind()) {
    case OpKind::embedding:
      result.weight_elements = out;
      result.vector_operations = std::get<Embedding>(op.parameters).scale == 1 ? 0 : out;
      break;
    case OpKind::select_rows:
      break;
    case OpKind::rms_norm:
    case OpKind::head_norm:
      result.vector_weight_elements = elements(op.weights);
      result.vector_operations = 4 * out;  // square, sum, times r, times weight
      break;
    case OpKind::matmul:
      result.weight_elements = elements(op.weights);
      result.macs = rows * result.weight_elements;
      break;
    case OpKind::bias:
      result.vector_weight_elements = elements(op.weights);
      result.vector_operations = out;
      break;
    case OpKind::rope: {
      const auto& rope = std::get<Rope>(op.parameters);
      result.vector_operations = 3 * rows * rope.heads * rope.dims;  // six a pair
      break;
    }
    case OpKind::kv_append:
      result.kv_write_elements = rows * (op.inputs[0].columns + op.inputs[1].columns);
      break;
    case OpKind::attention:
      result = attention_work(graph, std::get<Attention>(op.parameters),
                              graph.values[static_cast<std::size_t>(op.output.value)].rows);
      break;
    case OpKind::gated_activation: {
      // x · rcp(1 + exp2(x · c)) · up, and a cubic more for GELU.
      const bool gelu =
          std::get<GatedActivation>(op.parameters).activation == model::Activation::gelu;
      result.vector_operations = (gelu ? 9 : 5) * out;
      result.exponentials = out;
      break;
    }
    case OpKind::add:
      result.vector_operations = out;
      break;
    case OpKind::softcap:
      result.vector_operations = 6 * out;
      result.exponentials = out;
      break;
  }
  result.rows = rows;
  result.output_elements = out;
  for (const Slice& input : op.inputs) {
    const Value& value = graph.values[static_cast<std::size_t>(input.value)];
    const std::int64_t input_rows =
        op.kind() == OpKind::select_rows ? rows : graph.rows(value.rows);
    result.input_elements += input_rows * input.columns;
  }
  return result;
}

Work total_work(const Graph& graph) {
  Work sum;
  for (const Op& op : graph.ops) {
    const Work one = work(graph, op);
    sum.macs += one.macs;
    sum.weight_elements += one.weight_elements;
    sum.vector_weight_elements += one.vector_weight_elements;
    sum.kv_read_elements += one.kv_read_elements;
    sum.kv_write_elements += one.kv_write_elements;
    sum.input_elements += one.input_elements;
    sum.output_elements += one.output_elements;
    sum.vector_operations += one.vector_operations;
    sum.exponentials += one.exponentials;
  }
  sum.rows = graph.tokens();
  return sum;
}

std::int64_t parameter_count(const Graph& graph) {
  std::set<std::pair<int, TensorRole>> seen;
  std::int64_t count = 0;
  for (const Op& op : graph.ops) {
    for (const WeightUse& use : op.weights) {
      const int layer = use.role == TensorRole::token_embedding ? -1 : op.layer;
      if (seen.emplace(layer, use.role).second) {
        count += use.rows * use.columns;
      }
    }
  }
  return count;
}

std::string to_text(const Graph& graph) {
  std::string text =
      fmt::format("graph: {} layers, {} operators\n", graph.layers, graph.ops.size());
  for (const SequenceGroup& group : graph.step.groups) {
    text += fmt::format("step: {} x {{past {}, tokens {}, sampled {}}}\n", group.count, group.past,
                        group.tokens, group.sampled);
  }
  auto out = std::back_inserter(text);
  for (const Op& op : graph.ops) {
    std::string inputs;
    for (const Slice& input : op.inputs) {
      inputs += (inputs.empty() ? "" : ", ") + shape(graph, input);
    }
    std::string weights;
    for (const WeightUse& use : op.weights) {
      weights += fmt::format("{}{} {}x{}", weights.empty() ? "" : ", ",
                             tensor_name(use.role, op.layer), use.rows, use.columns);
    }
    std::string line = fmt::format("{:>5} {:<16} {:<16} {:<40} -> {:<28} {}",
                                   op.layer < 0 ? "-" : fmt::format("{}", op.layer), op.name,
                                   name(op.kind()), inputs, shape(graph, op.output), weights);
    const std::string detail = std::visit(DetailText{}, op.parameters);
    if (!detail.empty()) {
      line += (weights.empty() ? "" : "  ") + detail;
    }
    line.erase(line.find_last_not_of(' ') + 1);
    fmt::format_to(out, "{}\n", line);
  }
  return text;
}

}  // namespace churon::graph
