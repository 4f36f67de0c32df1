// Exchanges between chips: collectives inside a scale-up domain, across several of them, and what
// one chip sends to another.
//
// Inside a domain: NCCL's forms and a framework's own kernels for bought chips, the closed forms of
// the links for own ones. Across: each domain does its part inside and every rank moves its part of
// the vector over its own adapter to the ranks of its place in the other domains, in a ring or a
// tree, whichever is faster. Rates are those of the chips' descriptions, latencies and the
// adapter's share the convention of scope `network` in data/efficiency.csv; no measured row crosses
// a domain. docs/estimate.md has the formulas. Pure functions; no allocation.
#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "estimate/kernels.h"

namespace churon::estimate {

enum class CollectiveKind { all_reduce, all_gather, reduce_scatter, all_to_all };
inline constexpr std::array<std::string_view, 4> kCollectiveNames{"all_reduce", "all_gather",
                                                                  "reduce_scatter", "all_to_all"};
constexpr std::string_view name(CollectiveKind kind) {
  return kCollectiveNames[static_cast<std::size_t>(kind)];
}
// `bytes`: the whole vector (all-reduce, reduce-scatter: of each rank's input; all-gather: of the
// output; all-to-all: what one rank holds, its own share included), as nccl-tests counts.
struct CollectiveWork {
  CollectiveKind kind = CollectiveKind::all_reduce;
  double ranks = 1;
  double bytes = 0;
  bool framework_kernel = false;  // a serving framework's own kernels are there beside NCCL's
  double together = 1;  // ranks of a group that no boundary of domains cuts if it fits one
};

// From a rank of a pipeline stage to its counterpart of the next one.
struct SendWork {
  double bytes = 0;
  double ranks = 1;     // of a stage, which hold the same values
  bool across = false;  // the next stage lies in another domain
};

// Chips that the scale-up links of a chip join.
double joined_chips(const Figures& figures);
// Whether those join that many ranks, or the chip's rate beyond them is stated.
bool reaches(const Figures& figures, double ranks);
// Scale-up domains over which that many ranks lie: the fewest that hold equal shares of them, each
// with whole groups of `together`. From 1 to `ranks`.
double domains(const Figures& figures, double ranks, double together = 1);

// Of a chip whose rate beyond its domain is stated wherever the work crosses it.
Price collective(const Device& device, const CollectiveWork& work);
Price send(const Device& device, const SendWork& work);

// Seconds and bytes per second of one message of `bytes` between domains.
double seconds_across(const Device& device, double bytes);

}  // namespace churon::estimate
