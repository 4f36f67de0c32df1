#include "estimate/kernels.h"

#include <algorithm>
#include <cmath>

namespace churon::estimate {

namespace {

double weight_bytes(double elements, const Precision& p) { return elements * p.weight_bits / 8; }

Price finish(Price price) {
  const double work = std::max({price.compute_s, price.memory_s, price.link_s});
  price.expected_s = work + price.fixed_s;
  price.limit = price.fixed_s > work     ? Limit::fixed
                : price.link_s >= work   ? Limit::link
                : price.memory_s >= work ? Limit::memory
                                         : Limit::compute;
  return price;
}

}  // namespace

Price gemm(const Device& device, const Gemm& work) {
  const Figures& f = device.figures;
  const Efficiency& e = device.efficiency;
  const Precision& p = *work.precision;
  const auto& format = e.formats[static_cast<std::size_t>(p.family)];
  Price price;
  price.operations = 2 * work.copies * work.m * work.n * work.k;
  price.bytes =
      work.copies * (weight_bytes(work.n * work.k, p) + work.m * work.k * p.activation_bits / 8 +
                     work.m * work.n * work.output_bits / 8);
  price.bound_s = std::max(price.operations / f.peak(p.rate), price.bytes / f.memory_bytes_per_s);
  price.compute_s = price.operations / (f.peak(p.rate) * e.gemm.compute * format.compute);
  price.memory_s = price.bytes / (f.memory_bytes_per_s * e.gemm.memory);
  price.fixed_s = e.gemm.fixed + format.fixed;
  return finish(price);
}

Price attention(const Device& device, const AttentionWork& work) {
  const Figures& f = device.figures;
  const auto& e = device.efficiency.attention;
  const Precision& p = *work.precision;
  Price price;
  const double seen = work.window > 0 ? std::min(work.window, work.context) : work.context;
  const double per_query =
      work.prefill ? std::max(seen / 2, std::min(seen, work.context - work.tokens / 2)) : seen;
  price.operations =
      2 * work.sequences * work.tokens * work.heads * per_query * (work.key_dim + work.value_dim);
  const double cached =
      work.latent ? work.key_dim : work.kv_heads * (work.key_dim + work.value_dim);
  price.bytes = work.sequences * seen * cached * work.kv_bits / 8 +
                work.sequences * work.tokens * work.heads * (work.key_dim + work.value_dim) * 2;
  price.bound_s = std::max(price.operations / f.peak(p.rate), price.bytes / f.memory_bytes_per_s);
  price.compute_s = price.operations / (f.peak(p.rate) * e.compute);
  price.memory_s = price.bytes / (f.memory_bytes_per_s * e.memory);
  price.fixed_s = work.prefill ? e.prefill_fixed : e.decode_fixed;
  return finish(price);
}

ExpertLoads expert_loads(const ExpertsWork& work) {
  const double pairs = work.tokens * work.per_token / work.ranks_ep;
  const double experts = work.experts / work.ranks_ep;
  return {.hottest_rank_tokens = pairs,
          .active_experts = experts * (1 - std::pow(1 - 1 / experts, pairs))};
}

Price experts(const Device& device, const ExpertsWork& work) {
  const Figures& f = device.figures;
  const auto& e = device.efficiency.experts;
  const Precision& p = *work.precision;
  const ExpertLoads loads = expert_loads(work);
  const double weights = work.projections * work.hidden * work.inter / work.ranks_tp;
  Price price;
  price.operations = 2 * loads.hottest_rank_tokens * weights;
  price.bytes = weight_bytes(loads.active_experts * weights, p) +
                loads.hottest_rank_tokens * work.hidden * (p.activation_bits / 8 + 2);
  price.bound_s = std::max(price.operations / f.peak(p.rate), price.bytes / f.memory_bytes_per_s);
  price.compute_s = price.operations / (f.peak(p.rate) * e.compute);
  price.memory_s = price.bytes / (f.memory_bytes_per_s * e.memory);
  price.fixed_s = e.fixed;
  return finish(price);
}

Price collective(const Device& device, const CollectiveWork& work) {
  const Figures& f = device.figures;
  const auto& e = device.efficiency.collective;
  Price price;
  if (work.ranks <= 1) {
    return price;
  }
  const double share = (work.ranks - 1) / work.ranks;
  price.link_bytes = (work.kind == CollectiveKind::all_reduce ? 2 : 1) * work.bytes * share;
  price.bound_s = work.bytes * share / f.link_bytes_per_s;
  price.link_s = price.link_bytes / (f.link_bytes_per_s * e.link);
  price.fixed_s = e.fixed + e.hop * work.ranks;
  return finish(price);
}

Price elementwise(const Device& device, const ElementwiseWork& work) {
  const Figures& f = device.figures;
  const auto& e = device.efficiency.elementwise;
  Price price;
  price.operations = work.operations;
  price.bytes = work.bytes;
  price.bound_s = work.bytes / f.memory_bytes_per_s;
  price.memory_s = work.bytes / (f.memory_bytes_per_s * e.memory);
  price.fixed_s = e.fixed;
  return finish(price);
}

}  // namespace churon::estimate
