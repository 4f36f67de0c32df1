// The price of one operator on one rank: the slowest of what overlaps, plus what does not.
//
// Bought chips: a share of the data sheet's peaks (efficiency.h) and a fixed time. Own chips: the
// closed forms of their matrix unit and their derate set. Both: `bound_s`, which no implementation
// can beat — peak rates, every byte moved once, no fixed time, sums done by the switch where it
// can. Pure functions; no allocation.
#pragma once

#include <array>
#include <cstddef>

#include "estimate/efficiency.h"
#include "estimate/figures.h"
#include "estimate/limit.h"
#include "estimate/precision.h"

namespace churon::estimate {

// A chip and the shared parameters, resolved once. Cheap to build and to copy.
struct Device {
  Figures figures;
  Efficiency efficiency;

  double sustained = 1;      // clock under a matrix load, over the stated one
  double slower = 1;         // the reference clock over the stated one: fixed times are cycles
  double core_cycles_per_s;  // of all cores, sustained
  bool asynchronous = true;  // matrix units that fetch their operands themselves (Hopper and later)

  Device(const Figures& chip_figures, const Efficiency& shared);
};

// Times of what is expected; those of work overlap as far as the operator's formula says.
struct Price {
  double bound_s = 0;
  double expected_s = 0;
  double compute_s = 0, memory_s = 0, vector_s = 0, link_s = 0, fixed_s = 0;
  double across_s = 0;  // of the adapters between scale-up domains, beside link_s
  double operations = 0, bytes = 0, link_bytes = 0;  // done; for energy and explanation
  double across_bytes = 0;                           // between domains, beside link_bytes
  double energy_j = 0;  // of an own chip's actions, without its links and its idle power
  Limit limit = Limit::memory;
};

// y[m, n] = x[m, k] · w[k, n], `copies` of them in one kernel, each with its own weights.
struct Gemm {
  double m = 1, n = 1, k = 1;
  double copies = 1;
  const Precision* precision = nullptr;
  double output_bits = 16;
  // Everything was touched just before, as in a kernel benchmark: what fits is read from the
  // last-level cache. Serving: false.
  bool warm = false;
  bool prefill = false;  // own chips: which share of the peak the derate set allows
  bool fused = false;    // activations arrive quantised: no kernel and no time for it
};

// One layer on one rank; `sequences` alike.
struct AttentionWork {
  bool prefill = false;
  double sequences = 1;
  double tokens = 1;   // new ones, per sequence
  double context = 1;  // positions that the last of them sees, `tokens` of a prefill included
  double heads = 32, kv_heads = 8, key_dim = 128, value_dim = 128;
  double window = 0;    // 0: all positions are seen
  bool latent = false;  // MLA absorbed: one latent head of key_dim, read once for keys and values
  double kv_bits = 16;
  const Precision* precision = nullptr;  // of the arithmetic: bf16, fp8
  bool warm = false;                     // the cache was touched just before (see Gemm)
};

// Gate, up and down products of the routed experts (no shared expert) of one layer. `tokens` are
// those of the whole expert-parallel group before routing; the price is of the hottest rank.
struct ExpertsWork {
  double tokens = 1;
  double hidden = 0, inter = 0;  // of one expert, before it is cut by ranks_tp
  double experts = 0, per_token = 0;
  double ranks_ep = 1, ranks_tp = 1;
  double skew = 1.2;       // loads follow a power law; 0: all alike
  double apart = 1;        // of the tokens, those that choose on their own, not like another
  double projections = 3;  // gate, up, down; 2: plain
  const Precision* precision = nullptr;
  bool warm = false;     // see Gemm
  bool prefill = false;  // see Gemm
  // The kernel looks for its tiles expert by expert, as TensorRT-LLM's of fp8_block does
  // (cpp/include/tensorrt_llm/deep_gemm/scheduler.cuh @89fd9b74), not in a sorted list of tiles.
  bool walks_experts = false;
};

// Norms, activations, quantisation, copies: bytes through memory.
struct ElementwiseWork {
  double bytes = 0, operations = 0;
};

struct AttentionSizes {
  double pairs = 0;         // (query, position) of all heads and sequences
  double operations = 0;    // of both products
  double cached_bytes = 0;  // read from the cache: what the queries see of it
  double rows = 0;          // queries of all heads
  double seen = 0;          // positions of the cache that are read, per sequence
  double position = 0;      // elements of one position in the cache
};
AttentionSizes attention_sizes(const AttentionWork& work);

Price gemm(const Device& device, const Gemm& work);
Price attention(const Device& device, const AttentionWork& work);
Price experts(const Device& device, const ExpertsWork& work);
Price elementwise(const Device& device, const ElementwiseWork& work);

// Loads of the experts of the hottest rank: `count` groups of `weights[i]` experts that have
// `loads[i]` tokens each in the mean. With skew a, loads are those of a power law x^-a between one
// token and 0.8 of all (fewer choices than experts: between 0.01 and 2), scaled to the number of
// choices, as the generator of the measured tables draws them (aiconfigurator, power_law_1.2).
struct ExpertLoads {
  static constexpr std::size_t kGroups = 33;
  std::array<double, kGroups> loads{}, weights{};
  std::array<double, kGroups> actives{};  // of the weights, those with at least one token
  std::size_t count = 0;
  double pairs = 0;   // (token, expert) choices of the rank
  double active = 0;  // experts with at least one
};
ExpertLoads expert_loads(const ExpertsWork& work);

}  // namespace churon::estimate
