// What the analytic level reads of a chip, as bare numbers in base units: bought chips by their
// data sheet, own chips by their description. Zero means "not stated" except where said.
#pragma once

#include <array>
#include <string_view>

#include "base/result.h"
#include "chip/chip.h"
#include "estimate/precision.h"
#include "stats/activity.h"

namespace churon::estimate {

// The matrix and vector units of an own chip.
struct MatrixUnit {
  double cores = 0, core_hz = 0;
  double tile_rows = 0, tile_columns = 0, tile_k = 0;  // tokens, output columns, width of a dot
  double pipeline_cycles = 0;
  double weight_hold = 1;         // row groups that use a loaded weight block
  double vector_per_s = 0;        // operations of all cores
  double softmax_operations = 0;  // per score
  double hops = 0;                // of a mean way through the mesh
};

struct Figures {
  std::string_view chip;  // id; lives as long as the chip
  bool own = false;       // priced by its own unit and derate set, not by the shared efficiency

  // Dense operations (2 per multiply-add) per second; 0: not native. An own chip's bf16 rate is
  // that of 16-bit activations against 8-bit weights.
  std::array<double, kRateCount> peak_ops{};
  double memory_bytes_per_s = 0, memory_bytes = 0;
  double memory_stacks = 0;
  double cache_bytes = 0;  // last-level cache
  double cores = 0;        // SMs, CUs, tensor cores
  double clock_hz = 0;
  double compute_dies = 1;         // 0: not stated
  double value_bytes_on_chip = 0;  // room for an operator's values: scratch memory or cache
  double die_m2 = 0;               // of all compute dies
  double tdp_w = 0, idle_w = 0;
  int year = 0;

  double link_bytes_per_s = 0;       // scale-up, per direction and chip
  double link_latency_s = 0;         // of one way, switches and cables included; own chips
  double domain_chips = 1;           // of the scale-up domain
  bool switched = false;             // the links are no host bus
  bool switch_reduce = false;        // the switch adds
  double scale_out_bytes_per_s = 0;  // per direction and chip; 0: not stated
  double collective_setup_s = 0, collective_reduce_bytes_per_s = 0;  // own chips

  // Own chips: joules of an action, watts while powered; of a byte that a link sends or receives.
  stats::EnergyPrices action_prices;
  double link_j_per_byte = 0, scale_out_j_per_byte = 0;

  MatrixUnit unit;      // own chips
  chip::Derate derate;  // of the name that was asked for

  // The rate at which a product of that rate runs: its own, or the next wider that is native
  // (fp4 → bf16, of an own chip → fp8 → int8; int8 → fp8 → bf16).
  [[nodiscard]] Rate native(Rate rate) const;
  [[nodiscard]] double peak(Rate rate) const {
    return peak_ops[static_cast<std::size_t>(native(rate))];
  }
};

// `derate` names a set of the chip; empty: its default. Errors: E0101 no such set.
Result<Figures> figures(const chip::Chip& chip, std::string_view derate = {});

// Seconds of a product on an own chip's matrix unit: units of work (a tile of rows, a tile of
// columns, a segment of K) are dealt to the cores, each takes a cycle a block of K; longer for
// formats of a lower rate. `ops_per_s` is the format's peak. For `copies` alike products.
double unit_seconds(const MatrixUnit& unit, double copies, double m, double n, double k,
                    double ops_per_s);

// Cycles of an R x C systolic array on one product, folds filled and drained one after the other
// (SCALE-Sim's formulas without its off-by-one; performance-model, section 2).
double systolic_cycles_output_stationary(double m, double n, double k, double rows, double columns);
double systolic_cycles_weight_stationary(double m, double n, double k, double rows, double columns);

}  // namespace churon::estimate
