#include "exec/plan.h"

#include "base/check.h"

namespace churon::exec {

namespace {

graph::Rows rows_of(const graph::Graph& graph, const graph::Op& op) {
  const graph::ValueId id = op.output.value >= 0 ? op.output.value : op.inputs.front().value;
  return graph.values[static_cast<std::size_t>(id)].rows;
}

Stage::Kind kind_of(const graph::Op& op) {
  switch (op.kind()) {
    case graph::OpKind::matmul:
      return Stage::Kind::matmul;
    case graph::OpKind::attention:
      return Stage::Kind::attention;
    case graph::OpKind::embedding:
    case graph::OpKind::select_rows:
    case graph::OpKind::rms_norm:
    case graph::OpKind::bias:
    case graph::OpKind::head_norm:
    case graph::OpKind::rope:
    case graph::OpKind::kv_append:
    case graph::OpKind::gated_activation:
    case graph::OpKind::add:
    case graph::OpKind::softcap:
      return Stage::Kind::rows;
    case graph::OpKind::positions:
    case graph::OpKind::layer_norm:
    case graph::OpKind::plain_activation:
    case graph::OpKind::route:
    case graph::OpKind::expert_feed_forward:
    case graph::OpKind::head_matmul:
    case graph::OpKind::latent_read:
    case graph::OpKind::index_select:
      break;  // no architecture that runs here has them
  }
  check(false, op.name);
  return Stage::Kind::rows;
}

}  // namespace

std::vector<Stage> stages(const graph::Graph& graph) {
  std::vector<Stage> result;
  for (std::size_t i = 0; i < graph.ops.size(); ++i) {
    const graph::Op& op = graph.ops[i];
    const Stage::Kind kind = kind_of(op);
    const graph::Rows rows = rows_of(graph, op);
    const bool continues = !result.empty() && kind == Stage::Kind::rows &&
                           result.back().kind == Stage::Kind::rows && result.back().rows == rows;
    if (continues) {
      result.back().end = i + 1;
      continue;
    }
    if (kind == Stage::Kind::matmul) {
      // The input is quantised where it is made; behind attention by a stage of its own.
      if (result.empty() || result.back().kind != Stage::Kind::rows || result.back().rows != rows) {
        result.push_back({Stage::Kind::rows, rows, i, i, -1});
      }
      result.back().quantizes_for = static_cast<std::ptrdiff_t>(i);
    }
    result.push_back({kind, rows, i, i + 1, -1});
  }
  return result;
}

}  // namespace churon::exec
