// The price of one operator on one rank: the slowest of what overlaps, plus what does not.
//
// Bought chips: a share of the data sheet's peaks (efficiency.h) and a fixed time. Own chips: the
// closed forms of their matrix unit and their derate set. Both: `bound_s`, which no implementation
// can beat — peak rates, every byte moved once, no fixed time, sums done by the switch where it
// can. Pure functions; no allocation.
#pragma once

#include <string_view>

#include "estimate/efficiency.h"
#include "estimate/figures.h"
#include "estimate/limit.h"
#include "estimate/precision.h"

namespace churon::estimate {

// A chip and the shared parameters, resolved once. Cheap to build and to copy.
struct Device {
  Figures figures;
  Efficiency efficiency;

  Device(Figures chip_figures, const Efficiency& shared)
      : figures(std::move(chip_figures)), efficiency(shared) {}
};

struct Price {
  double bound_s = 0;
  double expected_s = 0;
  double compute_s = 0, memory_s = 0, link_s = 0, fixed_s = 0;  // of what is expected; they overlap
  double operations = 0, bytes = 0, link_bytes = 0;             // done, for energy and explanation
  Limit limit = Limit::memory;
};

// y[m, n] = x[m, k] · w[k, n], `copies` of them in one kernel (batched: each with its own weights).
struct Gemm {
  double m = 1, n = 1, k = 1;
  double copies = 1;
  const Precision* precision = nullptr;
  double output_bits = 16;
};

// One layer on one rank; `sequences` alike.
struct AttentionWork {
  bool prefill = false;
  double sequences = 1;
  double tokens = 1;   // new ones, per sequence
  double context = 1;  // decode: positions in the cache; prefill: the prompt, `tokens` included
  double heads = 32, kv_heads = 8, key_dim = 128, value_dim = 128;
  double window = 0;    // 0: all positions are seen
  bool latent = false;  // MLA absorbed: one latent head, read once for keys and values
  double kv_bits = 16;
  const Precision* precision = nullptr;  // of the arithmetic: bf16, fp8
  // The cache was touched just before, as in a kernel benchmark: what fits is read from the
  // last-level cache. Serving: false.
  bool warm = false;
};

// Gate, up and down products of the routed experts (no shared expert) of one layer. `tokens` are
// those of the whole expert-parallel group before routing; the price is of the hottest rank.
struct ExpertsWork {
  double tokens = 1;
  double hidden = 0, inter = 0;  // of one expert, before it is cut by ranks_tp
  double experts = 0, per_token = 0;
  double ranks_ep = 1, ranks_tp = 1;
  double skew = 1.2;       // loads follow a power law; 0: uniform
  double projections = 3;  // gate, up, down; 2: plain
  const Precision* precision = nullptr;
};

enum class CollectiveKind { all_reduce, all_gather, reduce_scatter, all_to_all };
// `bytes`: the whole vector (all-reduce, reduce-scatter: of each rank's input; all-gather: of the
// output; all-to-all: what one rank holds, its own share included), as nccl-tests counts.
struct CollectiveWork {
  CollectiveKind kind = CollectiveKind::all_reduce;
  double ranks = 1;
  double bytes = 0;
  bool framework_kernel = false;  // the one-shot or two-shot kernel of a framework, else NCCL
  double nodes = 1;               // scale-up domains that the ranks are spread over, evenly
};

// Norms, activations, quantisation, copies: bytes through memory.
struct ElementwiseWork {
  double bytes = 0, operations = 0;
};

Price gemm(const Device& device, const Gemm& work);
Price attention(const Device& device, const AttentionWork& work);
Price experts(const Device& device, const ExpertsWork& work);
Price collective(const Device& device, const CollectiveWork& work);
Price elementwise(const Device& device, const ElementwiseWork& work);

// Expected loads of experts under a power law of exponent `skew` (loads ~ rank^(-skew) …).
struct ExpertLoads {
  double hottest_rank_tokens = 0;  // token-expert pairs of the hottest rank
  double active_experts = 0;       // of the hottest rank: those with at least one token
};
ExpertLoads expert_loads(const ExpertsWork& work);

}  // namespace churon::estimate
