#include "graph/graph.h"

#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

namespace churon::graph {

using model::TensorRole;

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

std::int64_t Graph::rows(Rows rows, Part part) const {
  std::int64_t sum = 0;
  for (const SequenceGroup& group : step.groups) {
    if (part == Part::all || form(group) == part) {
      sum += group.count * (rows == Rows::tokens    ? group.tokens
                            : rows == Rows::sampled ? group.sampled
                                                    : group.past + group.tokens);
    }
  }
  return sum;
}

Part Graph::form(const SequenceGroup& group) const {
  if (latent.kv_lora == 0) {
    return Part::all;
  }
  if (group.tokens <= 1) {
    return Part::absorbed;
  }
  // Products per head: all positions are expanded, or the queries are absorbed.
  const auto tokens = static_cast<double>(group.tokens);
  const auto past = static_cast<double>(group.past);
  const auto up = static_cast<double>(latent.kv_lora * (latent.nope + value_dim));
  const double pairs = tokens * past + tokens * (tokens + 1) / 2;
  const double pairs_absorbed =
      top == 0 ? pairs : std::min(pairs, tokens * static_cast<double>(top));
  const double expanded =
      (past + tokens) * up + pairs * static_cast<double>(latent.nope + latent.rope + value_dim);
  const double absorbed =
      tokens * up + pairs_absorbed * static_cast<double>(2 * latent.kv_lora + latent.rope);
  return absorbed < expanded ? Part::absorbed : Part::expanded;
}

std::int64_t Graph::rows(const Op& op) const {
  const ValueId id = op.output.value >= 0 ? op.output.value : op.inputs.front().value;
  return rows(values[static_cast<std::size_t>(id)].rows, op.part);
}

namespace {

// The sum over all weights that the graph names, each once, of `part(op, use)`.
template <typename Part>
std::int64_t sum_of_weights(const Graph& graph, Part part) {
  std::set<std::pair<int, TensorRole>> seen;
  std::int64_t count = 0;
  for (const Op& op : graph.ops) {
    for (const WeightUse& use : op.weights) {
      const int layer = use.role == TensorRole::token_embedding ? -1 : op.layer;
      const std::int64_t elements = part(op, use);
      if (elements != 0 && seen.emplace(layer, use.role).second) {
        count += elements;
      }
    }
  }
  return count;
}

}  // namespace

std::int64_t parameter_count(const Graph& graph) {
  return sum_of_weights(graph,
                        [](const Op&, const WeightUse& use) { return use.rows * use.columns; });
}

std::int64_t active_parameter_count(const Graph& graph) {
  return sum_of_weights(graph, [](const Op& op, const WeightUse& use) -> std::int64_t {
    if (op.kind() == OpKind::embedding || op.kind() == OpKind::positions) {
      return 0;
    }
    const auto* experts = std::get_if<ExpertFeedForward>(&op.parameters);
    const std::int64_t elements = use.rows * use.columns;
    return experts == nullptr ? elements : elements / experts->experts * experts->per_token;
  });
}

std::int64_t cached_per_token(const Graph& graph) {
  std::int64_t elements = 0;
  for (const Op& op : graph.ops) {
    if (op.kind() == OpKind::kv_append) {
      for (const Slice& input : op.inputs) {
        elements += input.columns;
      }
    }
  }
  return elements;
}

double experts_in_use(std::int64_t experts, std::int64_t per_token, double tokens) {
  const auto count = static_cast<double>(experts);
  const double missed = 1 - static_cast<double>(per_token) / count;
  return missed <= 0 ? (tokens > 0 ? count : 0) : count * -std::expm1(tokens * std::log(missed));
}

}  // namespace churon::graph
