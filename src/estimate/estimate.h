// The analytic level (L0): the time, the energy and the actions of one step of a model on one chip,
// from closed forms over the graph's operators. docs/estimate.md derives the formulas.
//
// Each operator takes as long as the slowest of three things that overlap: its multiply-adds in the
// matrix unit, its bytes from and to memory, its vector operations. A layer and a step add fixed
// time that overlaps with nothing (sequencing, synchronisation, the host). Two answers:
//
//   bound     peak rates, every byte moved once, everything overlapped, no fixed time: no
//             implementation on this chip is faster
//   expected  the chip's derate set: the share of the peaks that is achieved, tiles of the matrix
//             unit filled up, activations that do not fit on the chip, fixed times
//
// Sources of the form: performance-model figures of measured GEMMs (fixed time plus achieved peaks
// is within 6 % of 18,840 H100 GEMMs, a plain roofline 31 % off) and `derate` tables of the chips.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/quantity.h"
#include "base/result.h"
#include "chip/chip.h"
#include "estimate/limit.h"
#include "graph/graph.h"
#include "model/model.h"
#include "numeric/block_format.h"
#include "numeric/kv_cache.h"
#include "stats/activity.h"

namespace churon::estimate {

inline constexpr std::size_t kOpKindCount = std::variant_size_v<graph::Parameters>;

// The format in which the chip holds each matrix. Rows of the embedding are read in the format of
// the file.
struct WeightFormats {
  std::vector<numeric::BlockFormat> formats;  // role * layers + layer
  std::int64_t layers = 0;
  double embedding_bits = 0;          // per element
  bool embedding_held_apart = false;  // it is not also the output matrix, or not in its format

  [[nodiscard]] numeric::BlockFormat of(model::TensorRole role, int layer) const {
    const std::int64_t index = static_cast<std::int64_t>(role) * layers + (layer < 0 ? 0 : layer);
    return formats[static_cast<std::size_t>(index)];
  }
};
// Rule 3 of docs/arithmetic.md, applied to every matrix of the model.
WeightFormats weight_formats(const model::Model& model, const chip::Chip& chip);

struct EstimateOptions {
  std::string derate;  // a set of the chip; empty: its default
  numeric::KvFormat kv = numeric::KvFormat::q8_0;
};

// One line of the list of operators: `count` alike, in as many layers. Times are of all of them.
struct OperatorEstimate {
  std::string name;
  graph::OpKind kind = graph::OpKind::matmul;
  int layer = -1;  // the first of them
  int count = 1;
  Limit limit = Limit::memory;
  Seconds time{};  // the largest of the three below
  Seconds compute{}, memory{}, vector{};
  stats::Activity activity;
};

struct StepEstimate {
  Seconds bound{};
  Seconds expected{};
  std::array<Seconds, kLimitCount> by_limit{};  // sums to `expected`
  std::array<Seconds, kOpKindCount> by_kind{};  // sums to `expected` without the fixed time
  stats::Activity activity;

  StepEstimate& operator+=(const StepEstimate& other);
};

// How the chip's energy is known.
enum class EnergyModel {
  actions,      // ours: each action has a price
  power,        // bought: idle power, and a mean share of the stated TDP while busy
  power_guess,  // the maker states no power: the TDP is guessed from the peak operations
};

// What the model needs of the chip's memory.
struct Footprint {
  Bytes weights{};
  Bytes kv_per_sequence{};  // at the context asked for
  Bytes capacity{};
};

// A model on a chip, prepared: estimating a step allocates nothing and takes microseconds.
class Estimator {
 public:
  static Result<Estimator> create(const model::Hyperparameters& hyperparameters,
                                  const WeightFormats& formats, const chip::Chip& chip,
                                  const EstimateOptions& options);

  StepEstimate step(const graph::Step& step);
  // The same, operator by operator.
  std::vector<OperatorEstimate> operators(const graph::Step& step);

  [[nodiscard]] EnergyModel energy_model() const;
  [[nodiscard]] const stats::EnergyPrices& prices() const;
  [[nodiscard]] const chip::Derate& derate() const;

  [[nodiscard]] Footprint footprint(std::int64_t context) const;
  // An error (exit code 3) that says what would fit, where `batch` sequences of `context` positions
  // do not.
  [[nodiscard]] Result<void> check_fits(std::int64_t batch, std::int64_t context) const;

 private:
  struct State;
  explicit Estimator(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace churon::estimate
