#include "graph/graph.h"

#include <algorithm>
#include <cmath>

namespace churon::graph {

namespace {

// Pairs of a token and a position that it sees, and positions that some token of the step sees.
struct Visible {
  std::int64_t pairs = 0;
  std::int64_t positions = 0;
};

// Of positions in chunks of `chunk`: the token's own chunk, from its begin.
Visible visible_in_chunks(const SequenceGroup& group, std::int64_t chunk) {
  const auto pairs_before = [&](std::int64_t end) {  // of tokens 0 … end - 1
    const std::int64_t rest = end % chunk;
    return end / chunk * (chunk * (chunk + 1) / 2) + rest * (rest + 1) / 2;
  };
  const std::int64_t end = group.past + group.tokens;
  return {pairs_before(end) - pairs_before(group.past), end - group.past / chunk * chunk};
}

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

Visible visible(const SequenceGroup& group, const Attention& a) {
  if (group.tokens == 0) {
    return {};
  }
  if (a.top != 0) {  // as many pairs as with a window, anywhere
    return {visible(group, a.top).pairs, std::min(group.past + group.tokens, group.tokens * a.top)};
  }
  return a.chunked ? visible_in_chunks(group, a.window) : visible(group, a.window);
}

// Calls `use(group)` for each group that the operator is about, with the rows it is about alone.
template <typename Use>
void for_each_group(const Graph& graph, const Op& op, Use use) {
  const Rows rows = graph.values[static_cast<std::size_t>(op.output.value)].rows;
  for (SequenceGroup group : graph.step.groups) {
    if (op.part != Part::all && graph.form(group) != op.part) {
      continue;
    }
    if (rows == Rows::sampled) {
      group.past += group.tokens - group.sampled;
      group.tokens = group.sampled;
    }
    use(group);
  }
}

Work attention_work(const Graph& graph, const Op& op) {
  const auto& a = std::get<Attention>(op.parameters);
  Work result;
  for_each_group(graph, op, [&](const SequenceGroup& group) {
    const Visible seen = visible(group, a);
    const std::int64_t scores = group.count * seen.pairs * a.heads;
    result.macs += scores * (a.key_dim + a.value_dim);
    // Expanded keys and values are inputs; latents are read once for both.
    if (op.part != Part::expanded) {
      result.kv_read_elements += group.count * seen.positions * a.kv_heads *
                                 (a.latent ? a.key_dim : a.key_dim + a.value_dim);
    }
    // Scale, maximum, difference, sum, and the value's scale on the probability; a soft-cap is a
    // hyperbolic tangent more.
    result.vector_operations += scores * (a.softcap != 0 ? 10 : 5);
    result.exponentials += scores * (a.softcap != 0 ? 2 : 1);
  });
  for (const WeightUse& use : op.weights) {
    result.vector_weight_elements += use.columns;
  }
  return result;
}

// Every visible position is scored by every head; the best are found in a pass over the scores.
Work index_work(const Graph& graph, const Op& op) {
  const auto& index = std::get<IndexSelect>(op.parameters);
  Work result;
  for_each_group(graph, op, [&](const SequenceGroup& group) {
    const Visible seen = visible(group, 0);
    const std::int64_t scores = group.count * seen.pairs;
    result.macs += scores * index.heads * index.head_dim;
    result.kv_read_elements += group.count * seen.positions * index.head_dim;
    result.vector_operations += scores * (3 * index.heads + 4);
  });
  return result;
}

// x · rcp(1 + exp2(x · c)) · up, and a cubic more for GELU; ReLU is a maximum.
std::int64_t activation_operations(model::Activation activation, bool gated) {
  switch (activation) {
    case model::Activation::silu:
      return gated ? 5 : 4;
    case model::Activation::gelu:
      return gated ? 9 : 8;
    case model::Activation::relu:
      return gated ? 2 : 1;
  }
  return 0;
}

Work expert_work(const Op& op, std::int64_t rows, std::int64_t d_model) {
  const auto& e = std::get<ExpertFeedForward>(op.parameters);
  const double in_use = experts_in_use(e.experts, e.per_token, static_cast<double>(rows));
  const auto share = [&](std::int64_t elements) {
    const std::int64_t of_one = elements / e.experts;
    return std::llround(static_cast<double>(of_one) * in_use);
  };
  Work result;
  std::int64_t matrix = 0;
  for (const WeightUse& use : op.weights) {
    const std::int64_t elements = use.rows * use.columns;
    if (is_vector(use.role)) {
      result.vector_weight_elements += share(elements);
    } else {
      result.weight_elements += share(elements);
      matrix += elements / e.experts;
    }
  }
  const std::int64_t pairs = rows * e.per_token;
  result.macs = pairs * matrix;
  result.vector_operations =
      pairs * (activation_operations(e.activation, e.gated) * e.d_ff + 2 * d_model);
  result.exponentials = e.activation == model::Activation::relu ? 0 : pairs * e.d_ff;
  return result;
}

std::int64_t elements(const std::vector<WeightUse>& weights) {
  std::int64_t sum = 0;
  for (const WeightUse& use : weights) {
    sum += use.rows * use.columns;
  }
  return sum;
}

}  // namespace

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
      for (const Slice& input : op.inputs) {
        result.kv_write_elements += rows * input.columns;
      }
      break;
    case OpKind::attention:
      result = attention_work(graph, op);
      break;
    case OpKind::gated_activation: {
      const auto activation = std::get<GatedActivation>(op.parameters).activation;
      result.vector_operations = activation_operations(activation, true) * out;
      result.exponentials = activation == model::Activation::relu ? 0 : out;
      break;
    }
    case OpKind::plain_activation: {
      const auto activation = std::get<PlainActivation>(op.parameters).activation;
      result.vector_operations = activation_operations(activation, false) * out;
      result.exponentials = activation == model::Activation::relu ? 0 : out;
      break;
    }
    case OpKind::add:
      result.vector_operations = (op.inputs.size() > 2 ? 2 : 1) * out;
      break;
    case OpKind::positions:
      result.weight_elements = out;
      result.vector_operations = out;
      break;
    case OpKind::layer_norm:
      result.vector_weight_elements = elements(op.weights);
      result.vector_operations = 7 * out;  // sum, difference, square, sum, times r, weight, bias
      break;
    case OpKind::route: {
      const std::int64_t scores = rows * std::get<Route>(op.parameters).experts;
      result.vector_weight_elements = elements(op.weights);
      result.vector_operations = 6 * scores;
      result.exponentials = scores;
      break;
    }
    case OpKind::expert_feed_forward:
      result = expert_work(op, rows, op.output.columns);
      break;
    case OpKind::head_matmul:
      result.weight_elements = elements(op.weights);
      result.macs = rows * result.weight_elements;
      break;
    case OpKind::latent_read:
      result.kv_read_elements = out;
      break;
    case OpKind::index_select:
      result = index_work(graph, op);
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
        op.kind() == OpKind::select_rows ? rows : graph.rows(value.rows, op.part);
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

}  // namespace churon::graph
