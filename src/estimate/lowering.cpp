#include "estimate/lowering.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "base/check.h"
#include "graph/graph.h"

namespace churon::estimate {

using graph::OpKind;

namespace {

// The skew of real routing: the power law that the measured tables of expert kernels use.
constexpr double kRoutingSkew = 1.2;

const Precision* wide() { return precision("bf16"); }

bool ends_with(std::string_view text, std::string_view tail) { return text.ends_with(tail); }

class Builder {
 public:
  Builder(const model::Hyperparameters& shape, const Deployment& deployment, double domain_chips)
      : h_(shape),
        d_(deployment),
        p_(deployment.parallelism),
        domain_chips_(domain_chips),
        tp_(p_.tp),
        dense_(dense_precision(shape, deployment.weights)) {}

  std::vector<RankOp> pass(const graph::Step& step) {
    ops_.clear();
    known_.clear();
    weights_bytes_ = 0;
    const graph::Graph graph = graph::graph(h_, step);
    for (const graph::Op& op : graph.ops) {
      if (op.part == graph::Part::all || op.part == graph.form(graph.step.groups.front())) {
        add(graph, op);
      }
    }
    add_stages();
    return std::move(ops_);
  }

  // Of a chip, in the last pass.
  [[nodiscard]] double weights_bytes() const { return weights_bytes_; }

  [[nodiscard]] double kv_heads() const {
    return std::ceil(static_cast<double>(h_.kv_heads) / tp_);
  }
  [[nodiscard]] double heads() const { return std::ceil(static_cast<double>(h_.heads) / tp_); }

 private:
  const model::Hyperparameters& h_;
  const Deployment& d_;
  const Parallelism& p_;
  double domain_chips_;
  double tp_;
  const Precision* dense_;
  std::vector<RankOp> ops_;
  std::map<std::string, std::size_t> known_;
  double weights_bytes_ = 0;

  // One more of an operator that may be known.
  void put(const std::string& key, RankOp op) {
    const auto [at, is_new] = known_.emplace(key, ops_.size());
    if (is_new) {
      ops_.push_back(std::move(op));
    } else {
      ops_[at->second].count += 1;
    }
  }

  static RankOp::Per per(const graph::Graph& graph, const graph::Slice& slice) {
    if (slice.value < 0) {
      return RankOp::Per::token;
    }
    switch (graph.values[static_cast<std::size_t>(slice.value)].rows) {
      case graph::Rows::tokens:
        return RankOp::Per::token;
      case graph::Rows::sampled:
        return RankOp::Per::sampled;
      case graph::Rows::positions:
        return RankOp::Per::position;
    }
    return RankOp::Per::token;
  }
  // The last layer of a step in which few logits are wanted works on few rows; the others of its
  // name do not, so the rows are part of what makes two operators alike.
  static std::string key(const graph::Op& op, RankOp::Per rows, double a = 0, double b = 0,
                         double c = 0) {
    return fmt::format("{} {} {} {} {}", op.name, static_cast<int>(rows), a, b, c);
  }

  void add_weights(double elements, const Precision* format) {
    weights_bytes_ += elements * format->weight_bits / 8 / p_.pp;
  }

  void add(const graph::Graph& graph, const graph::Op& op) {
    switch (op.kind()) {
      case OpKind::embedding: {
        // Rows of the table are cut over the ranks: all but one of them add zeros.
        if (!h_.tied) {
          weights_bytes_ +=
              static_cast<double>(h_.vocab * h_.d_model) * kActivationBytes / tp_ / p_.pp;
        }
        elementwise(graph, op, 2);
        all_reduce(graph, op, "embedding_sum", tp_);
        break;
      }
      case OpKind::matmul:
        matmul(graph, op);
        break;
      case OpKind::head_matmul: {
        const auto& product = std::get<graph::HeadMatmul>(op.parameters);
        const Gemm work{.n = static_cast<double>(product.outputs),
                        .k = static_cast<double>(product.inputs),
                        .copies = heads(),
                        .precision = dense_,
                        .fused = true};
        add_weights(work.n * work.k * work.copies, dense_);
        const auto rows = per(graph, op.output);
        put(key(op, rows, work.n, work.k), {.name = op.name, .per = rows, .work = work});
        break;
      }
      case OpKind::attention:
        attention(op);
        break;
      case OpKind::expert_feed_forward:
        experts(graph, op);
        break;
      case OpKind::rms_norm:
      case OpKind::layer_norm:
        elementwise(graph, op, 4);  // with the sum into the residual: two in, two out
        break;
      case OpKind::rope:
        if (op.name == "rope_q" || h_.is_latent()) {
          elementwise(graph, op, 3);  // queries, with keys and the write to the cache
        }
        break;
      case OpKind::gated_activation:
      case OpKind::plain_activation:
        elementwise(graph, op, 2);
        break;
      case OpKind::route:
        elementwise(graph, op, 2);
        break;
      case OpKind::index_select:
        elementwise(graph, op, 2);
        break;
      case OpKind::latent_read:
        elementwise(graph, op, 2);
        break;
      // Fused with their neighbours.
      case OpKind::select_rows:
      case OpKind::bias:
      case OpKind::head_norm:
      case OpKind::kv_append:
      case OpKind::add:
      case OpKind::softcap:
      case OpKind::positions:
        break;
    }
  }

  void matmul(const graph::Graph& graph, const graph::Op& op) {
    double n = static_cast<double>(op.output.columns);
    double k = static_cast<double>(op.inputs.front().columns);
    const Precision* format = dense_;
    bool sums = false;
    if (op.name == "attn_qkv") {
      n = heads() * static_cast<double>(h_.key_dim) +
          kv_heads() * static_cast<double>(h_.key_dim + h_.value_dim);
    } else if (op.name == "attn_q" || op.name == "attn_kv_up") {
      n = n / static_cast<double>(h_.heads) * heads();
    } else if (op.name == "output") {
      n = std::ceil(n / tp_);
      format = wide();  // heads of vocabularies are left wide by quantised checkpoints
    } else if (ends_with(op.name, "_up")) {
      n = std::ceil(n / tp_);
    } else if (op.name == "attn_output") {
      k = k / static_cast<double>(h_.heads) * heads();
      sums = true;
    } else if (op.name == "ffn_down") {
      k = std::ceil(k / tp_);
      sums = true;
    } else if (op.name == "shared_down") {
      k = std::ceil(k / tp_);  // its sum is that of the experts
    } else if (op.name == "ffn_router") {
      format = wide();
    }
    add_weights(n * k, format);
    const auto rows = per(graph, op.output);
    put(key(op, rows, n, k), {.name = op.name,
                              .per = rows,
                              .work = Gemm{.n = n, .k = k, .precision = format, .fused = true}});
    if (sums) {
      all_reduce(graph, op, op.name + "_sum", tp_);
    }
    if (op.name == "output" && tp_ > 1) {
      put("logits", {.name = "logits_gather",
                     .per = rows,
                     .work = CollectiveWork{
                         .kind = CollectiveKind::all_gather,
                         .ranks = tp_,
                         .bytes = static_cast<double>(op.output.columns) * kActivationBytes,
                         .framework_kernel = true}});
    }
  }

  void all_reduce(const graph::Graph& graph, const graph::Op& op, const std::string& name,
                  double ranks) {
    if (ranks <= 1) {
      return;
    }
    const auto rows = per(graph, op.output);
    put(fmt::format("{} {}", name, static_cast<int>(rows)),
        {.name = name,
         .per = rows,
         .work = CollectiveWork{.kind = CollectiveKind::all_reduce,
                                .ranks = ranks,
                                .bytes = static_cast<double>(h_.d_model) * kActivationBytes,
                                .framework_kernel = true}});
  }

  void attention(const graph::Op& op) {
    const auto& a = std::get<graph::Attention>(op.parameters);
    const AttentionWork work{.heads = heads(),
                             .kv_heads = a.latent ? 1 : kv_heads(),
                             .key_dim = static_cast<double>(a.key_dim),
                             .value_dim = static_cast<double>(a.value_dim),
                             .window = static_cast<double>(a.top > 0 ? a.top : a.window),
                             .latent = a.latent,
                             .kv_bits = d_.kv_bits,
                             .precision = d_.kv_bits < 16 ? precision("fp8") : wide()};
    put(key(op, RankOp::Per::token, static_cast<double>(a.window)),
        {.name = a.window > 0 ? op.name + "_window" : op.name, .work = work});
  }

  void experts(const graph::Graph& graph, const graph::Op& op) {
    const auto& e = std::get<graph::ExpertFeedForward>(op.parameters);
    const double ranks_tp = expert_tensor_ranks(p_);
    const ExpertsWork work{.hidden = static_cast<double>(h_.d_model),
                           .inter = static_cast<double>(e.d_ff),
                           .experts = static_cast<double>(e.experts),
                           .per_token = static_cast<double>(e.per_token),
                           .ranks_ep = static_cast<double>(p_.ep),
                           .ranks_tp = ranks_tp,
                           .skew = kRoutingSkew,
                           .projections = e.gated ? 3.0 : 2.0,
                           .precision = d_.weights,
                           .walks_experts = d_.framework == Framework::tensorrt_llm};
    add_weights(
        work.experts / work.ranks_ep * work.projections * work.hidden * work.inter / ranks_tp,
        d_.weights);
    const auto rows = per(graph, op.output);
    put(key(op, rows, work.inter), {.name = op.name, .per = rows, .work = work});
    const double ranks = p_.tp * p_.attention_dp;
    if (p_.attention_dp > 1) {
      put(fmt::format("experts_exchange {}", static_cast<int>(rows)),
          {.name = "experts_exchange",
           .per = rows,
           .work = Exchange{.hidden = static_cast<double>(h_.d_model),
                            .per_token = work.per_token,
                            .ranks = ranks,
                            .attention_ranks = static_cast<double>(p_.attention_dp),
                            .together = tp_}});
    } else {
      all_reduce(graph, op, "experts_sum", ranks);
    }
  }

  // `passes` of the operator's output through memory.
  void elementwise(const graph::Graph& graph, const graph::Op& op, double passes) {
    const graph::Work work = graph::work(graph, op);
    const double rows_of_op = std::max<double>(1, static_cast<double>(graph.rows(op)));
    const bool is_cut = op.name.starts_with("rope_q") || op.name.ends_with("_act") ||
                        op.kind() == OpKind::gated_activation ||
                        op.kind() == OpKind::plain_activation;
    const double share = is_cut ? 1 / tp_ : 1;
    const auto rows = per(graph, op.output);
    const double columns = static_cast<double>(op.output.columns);
    put(key(op, rows, columns),
        {.name = op.name,
         .per = rows,
         .work = ElementwiseWork{
             .bytes = passes * columns * kActivationBytes * share,
             .operations = static_cast<double>(work.vector_operations) / rows_of_op * share}});
  }

  // Between pipeline stages a row travels once, from each rank to its counterpart.
  void add_stages() {
    const int across = crossing_stages(p_, domain_chips_);
    for (int border = 0; border < p_.pp - 1; ++border) {
      const bool crosses = border < across;
      put(crosses ? "stage across" : "stage",
          {.name = crosses ? "stage_send_across" : "stage_send",
           .work = SendWork{.bytes = static_cast<double>(h_.d_model) * kActivationBytes,
                            .ranks = static_cast<double>(p_.tp),
                            .across = crosses}});
    }
  }
};

}  // namespace

int expert_tensor_ranks(const Parallelism& parallelism) {
  return parallelism.moe_tp > 0
             ? parallelism.moe_tp
             : std::max(1, parallelism.tp * parallelism.attention_dp / parallelism.ep);
}

const Precision* dense_precision(const model::Hyperparameters& shape, const Precision* weights) {
  return shape.experts.count > 0 && weights->weight_bits < 6 ? precision("bf16") : weights;
}

Result<void> check_parallelism(const model::Hyperparameters& shape, const Deployment& deployment) {
  const Parallelism& p = deployment.parallelism;
  const auto rule = [](std::string code, std::string message, std::string help) {
    return fail({.code = std::move(code),
                 .message = std::move(message),
                 .help = {std::move(help)},
                 .exit = ExitCode::usage});
  };
  const double ranks_all = static_cast<double>(p.tp) * p.pp * p.attention_dp;
  const double ranks_experts = static_cast<double>(p.ep) * std::max(1, p.moe_tp);
  if (std::max(ranks_all, ranks_experts) > kRanksMax) {
    return rule("E0409",
                fmt::format("{:.0f} ranks for one copy of {}", std::max(ranks_all, ranks_experts),
                            shape.canonical_name),
                fmt::format("tp x pp x attn_dp, and ep x moe_tp, are at most {}", kRanksMax));
  }
  if (!deployment.pads_heads && shape.heads % p.tp != 0) {
    std::string divisors;
    for (std::int64_t i = 1; i <= std::min<std::int64_t>(shape.heads, 64); ++i) {
      if (shape.heads % i == 0) {
        divisors += fmt::format("{}{}", divisors.empty() ? "" : ", ", i);
      }
    }
    return rule("E0402",
                fmt::format("{} ranks cannot share the {} heads of {}", p.tp, shape.heads,
                            shape.canonical_name),
                fmt::format("--tp must divide the heads: {}", divisors));
  }
  if (shape.experts.count == 0 && p.ep > 1) {
    return rule("E0403", fmt::format("{} has no experts to spread", shape.canonical_name),
                "leave --ep out");
  }
  if (shape.experts.count > 0) {
    if (shape.experts.count % p.ep != 0) {
      return rule("E0403",
                  fmt::format("{} ranks cannot share the {} experts of {}", p.ep,
                              shape.experts.count, shape.canonical_name),
                  "--ep must divide the experts");
    }
    const int ranks = p.tp * p.attention_dp;
    if (p.ep * expert_tensor_ranks(p) != ranks) {
      return rule("E0404",
                  fmt::format("experts on {} x {} ranks, attention on {} x {}", p.ep,
                              expert_tensor_ranks(p), p.tp, p.attention_dp),
                  "ep * moe_tp must be tp * attn_dp");
    }
  }
  if (p.pp > shape.layers) {
    return rule("E0405", fmt::format("{} stages for {} layers", p.pp, shape.layers),
                "each pipeline stage needs a layer");
  }
  return {};
}

int crossing_stages(const Parallelism& parallelism, double domain_chips) {
  if (parallelism.chips() <= domain_chips) {
    return 0;
  }
  const int of_stage = parallelism.tp * parallelism.attention_dp;
  const int together = std::max(1, static_cast<int>(domain_chips / of_stage));
  return (parallelism.pp + together - 1) / together - 1;
}

Lowered lower(const model::Hyperparameters& shape, const Deployment& deployment,
              double domain_chips) {
  Builder builder(shape, deployment, domain_chips);
  Lowered result;
  result.decode = builder.pass(graph::decode_step(1, 1024));
  result.prefill = builder.pass(graph::prefill_step(2048));
  result.weights_bytes = builder.weights_bytes();
  std::map<double, double> windows;
  for (std::int64_t layer = 0; layer < shape.layers; ++layer) {
    windows[shape.layer_is_windowed(layer) ? static_cast<double>(shape.window) : 0] += 1;
  }
  for (const auto& [window, layers] : windows) {
    result.windows.push_back({.window = window, .layers = layers});
  }
  result.kv_elements =
      shape.is_latent() ? static_cast<double>(shape.cached_per_token())
                        : builder.kv_heads() * static_cast<double>(shape.key_dim + shape.value_dim);
  return result;
}

}  // namespace churon::estimate
