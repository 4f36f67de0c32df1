// What an own chip does in an operator, in counts of actions, and what an action costs: the energy
// of anything is the sum of its actions (design.md, section 8). Central values of the description.
#pragma once

#include "estimate/kernels.h"
#include "stats/activity.h"

namespace churon::estimate {

// Vector operations a value: largest magnitude, product with the reciprocal, rounding (rule 2).
inline constexpr double kQuantiseOperations = 3;
// exp2 by rule 6: integer part, two look-ups and their product, a cubic.
inline constexpr double kExponentialOperations = 8;
// Bytes of a quantised activation (q8_0: 34 bytes a block of 32), and of a value before it.
inline constexpr double kQuantisedBytes = 34.0 / 32.0;
inline constexpr double kValueBytes = 4;

// Bytes to and from the scratch memories for `bytes` of weights, keys or values that `rows` rows
// are multiplied with: written once by the loader, read once for each group of row tiles.
double scratch_bytes(const MatrixUnit& unit, double bytes, double rows);
// Bytes over links of the mesh: quantised inputs are multicast to all cores, results travel to the
// core that goes on. Both are counts of values.
double noc_hop_bytes(const MatrixUnit& unit, double inputs, double outputs);

// Of one rank, as the price of the same work; the time that the chip is powered is not in it.
stats::Activity actions(const Figures& figures, const Gemm& work);
// `sizes` and `loads` are those of the work; the loads are of the hottest rank.
stats::Activity actions(const Figures& figures, const AttentionWork& work,
                        const AttentionSizes& sizes);
stats::Activity actions(const Figures& figures, const ExpertsWork& work, const ExpertLoads& loads);
stats::Activity actions(const Figures& figures, const ElementwiseWork& work);

}  // namespace churon::estimate
