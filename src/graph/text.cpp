#include "graph/graph.h"

#include <fmt/format.h>

#include <array>
#include <iterator>

namespace churon::graph {

namespace {

constexpr std::array<std::string_view, std::variant_size_v<Parameters>> kKindNames{
    "embedding",
    "select_rows",
    "rms_norm",
    "matmul",
    "bias",
    "head_norm",
    "rope",
    "kv_append",
    "attention",
    "gated_activation",
    "add",
    "softcap",
    "positions",
    "layer_norm",
    "plain_activation",
    "route",
    "expert_feed_forward",
    "head_matmul",
    "latent_read",
    "index_select",
};

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
    text += p.chunked ? " chunked" : "";
    text += p.sinks ? " sinks" : "";
    text += p.latent ? " latent" : "";
    if (p.top != 0) {
      text += fmt::format(" top={}", p.top);
    }
    return text;
  }
  std::string operator()(const GatedActivation& p) const { return name(p.activation); }
  std::string operator()(const Positions&) const { return ""; }
  std::string operator()(const LayerNorm& p) const { return fmt::format("epsilon={}", p.epsilon); }
  std::string operator()(const PlainActivation& p) const { return name(p.activation); }
  std::string operator()(const Route& p) const {
    std::string text = fmt::format("{} of {}", p.per_token, p.experts);
    if (p.groups != 1) {
      text += fmt::format(" in {} of {} groups", p.groups_kept, p.groups);
    }
    return text;
  }
  std::string operator()(const ExpertFeedForward& p) const {
    return fmt::format("{} of {} experts d_ff={} {}", p.per_token, p.experts, p.d_ff,
                       name(p.activation));
  }
  std::string operator()(const HeadMatmul& p) const {
    return fmt::format("heads={} {}->{}", p.heads, p.inputs, p.outputs);
  }
  std::string operator()(const LatentRead&) const { return ""; }
  std::string operator()(const IndexSelect& p) const {
    return fmt::format("heads={} head_dim={} top={}", p.heads, p.head_dim, p.top);
  }
  static std::string name(model::Activation activation) {
    switch (activation) {
      case model::Activation::silu:
        return "silu";
      case model::Activation::gelu:
        return "gelu";
      case model::Activation::relu:
        return "relu";
    }
    return "";
  }
  std::string operator()(const Add&) const { return ""; }
  std::string operator()(const Softcap& p) const { return fmt::format("cap={}", p.cap); }
};

}  // namespace

std::string_view name(OpKind kind) { return kKindNames[static_cast<std::size_t>(kind)]; }

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
