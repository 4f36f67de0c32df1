#include "estimate/actions.h"

#include <algorithm>
#include <cmath>

namespace churon::estimate {

using stats::Action;

namespace {

constexpr double kBitsOfByte = 8;
constexpr double kActivationBytes = 2;  // of the values that `ElementwiseWork` counts

double ceil_div(double a, double b) { return std::ceil(a / b); }

// Times that a loaded block is read from the scratch memory.
double reads(const MatrixUnit& unit, double rows) {
  return ceil_div(ceil_div(rows, unit.tile_rows), unit.weight_hold);
}

// The multiply-add of a format: 16-bit activations are two passes of the 8-bit cell.
Action multiply_add(const Precision& precision) {
  constexpr double kNarrowBits = 6;
  return precision.rate == Rate::bf16          ? Action::mac_int16
         : precision.weight_bits < kNarrowBits ? Action::mac_w4
                                               : Action::mac_int8;
}

// Values of an operator: in and out of the scratch memories, through memory where they do not fit.
void add_values(const Figures& figures, double inputs, double outputs, stats::Activity& activity) {
  activity[Action::scratch_access] += (inputs + outputs) * kValueBytes;
  if ((inputs + outputs) * kValueBytes > figures.value_bytes_on_chip) {
    activity[Action::memory_read] += inputs * kValueBytes;
    activity[Action::memory_write] += outputs * kValueBytes;
  }
}

}  // namespace

double scratch_bytes(const MatrixUnit& unit, double bytes, double rows) {
  return bytes * (1 + reads(unit, rows));
}

double noc_hop_bytes(const MatrixUnit& unit, double inputs, double outputs) {
  return unit.cores > 1
             ? inputs * kQuantisedBytes * (unit.cores - 1) + outputs * kValueBytes * unit.hops
             : 0;
}

stats::Activity actions(const Figures& figures, const Gemm& work) {
  const double bytes = work.copies * work.n * work.k * work.precision->weight_bits / kBitsOfByte;
  const double inputs = work.copies * work.m * work.k;
  const double outputs = work.copies * work.m * work.n;
  stats::Activity activity;
  activity[multiply_add(*work.precision)] += inputs * work.n;
  activity[Action::memory_read] += bytes;
  activity[Action::scratch_access] += scratch_bytes(figures.unit, bytes, work.m);
  activity[Action::vector_operation] += kQuantiseOperations * inputs;
  activity[Action::noc_hop] += noc_hop_bytes(figures.unit, inputs, outputs);
  add_values(figures, inputs, outputs, activity);
  return activity;
}

stats::Activity actions(const Figures& figures, const AttentionWork& work,
                        const AttentionSizes& sizes) {
  const double queries = work.tokens * work.heads / (work.latent ? 1 : work.kv_heads);
  const double fresh = work.sequences * work.tokens * sizes.position;
  const double inputs = sizes.rows * work.key_dim;
  stats::Activity activity;
  activity[Action::mac_int8] += sizes.pairs * work.key_dim;
  activity[Action::mac_int16] += sizes.pairs * work.value_dim;
  activity[Action::memory_read] += sizes.cached_bytes;
  activity[Action::memory_write] += fresh * work.kv_bits / kBitsOfByte;
  activity[Action::scratch_access] += scratch_bytes(figures.unit, sizes.cached_bytes, queries);
  activity[Action::vector_operation] +=
      sizes.pairs * figures.unit.softmax_operations + kQuantiseOperations * (inputs + fresh);
  add_values(figures, inputs, sizes.rows * work.value_dim, activity);
  return activity;
}

stats::Activity actions(const Figures& figures, const ExpertsWork& work, const ExpertLoads& loads) {
  const double inter = work.inter / work.ranks_tp;
  const double elements = work.projections * work.hidden * inter;  // of one expert
  const double bytes = elements * work.precision->weight_bits / kBitsOfByte;
  const double inputs = loads.pairs * (work.hidden + inter);
  const double outputs = loads.pairs * ((work.projections - 1) * inter + work.hidden);
  stats::Activity activity;
  activity[multiply_add(*work.precision)] += loads.pairs * elements;
  activity[Action::memory_read] += loads.active * bytes;
  for (std::size_t i = 0; i < loads.count; ++i) {
    activity[Action::scratch_access] +=
        loads.actives[i] * scratch_bytes(figures.unit, bytes, std::max(1.0, loads.loads[i]));
  }
  // Between the products: a sigmoid and two factors a value.
  activity[Action::vector_operation] +=
      kQuantiseOperations * inputs + (kExponentialOperations + 2) * loads.pairs * inter;
  activity[Action::noc_hop] += noc_hop_bytes(figures.unit, inputs, outputs);
  add_values(figures, inputs, outputs, activity);
  return activity;
}

stats::Activity actions(const Figures& figures, const ElementwiseWork& work) {
  const double values = work.bytes / kActivationBytes;
  stats::Activity activity;
  activity[Action::vector_operation] += work.operations;
  add_values(figures, values / 2, values / 2, activity);
  return activity;
}

}  // namespace churon::estimate
