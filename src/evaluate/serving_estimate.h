// A model served by one kind of chip, as `churon estimate` answers it: expected values with bands,
// physical bounds, time by operator and by limit, and the tree behind the numbers.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "chip/chip.h"
#include "estimate/efficiency.h"
#include "estimate/serving.h"
#include "evaluate/band.h"
#include "evaluate/support.h"
#include "model/hyperparameters.h"

namespace churon::evaluate {

// Both must outlive what is made of it.
struct ServingQuestion {
  const chip::Chip* chip = nullptr;
  std::string derate;  // of an own chip; empty: its default
  const model::Hyperparameters* model = nullptr;
  estimate::Parallelism parallelism = {};
  estimate::Framework framework = estimate::kFrameworkDefault;
  const estimate::Precision* weights = nullptr;
  double kv_bits = 8;
  estimate::Load load = {};
};

// An operator of a pass, `count` alike; the price is of one.
struct OperatorLine {
  std::string name;
  double count = 1;
  estimate::Price price = {};
};

struct ServingEstimate {
  double domains = 1;  // over which one copy lies; above 1: measured nowhere
  estimate::Served served = {};
  estimate::Space space = {};
  double fitting = 0;         // requests of this length that fit at once
  double usable_context = 0;  // positions a request may reach while as many run
  bool power_is_guess = false;
  ErrorBand tpot = {}, ttft = {}, throughput = {}, energy = {};
  Support support = {};
  // Passes of one rank: a decode step, and the prefill of one prompt.
  std::vector<OperatorLine> decode = {}, prefill = {};
  estimate::StepTime decode_step = {}, prefill_step = {};
  double decode_context = 0;  // positions of each request in that step
};

// Errors: a load or a parallelism that breaks a rule (E04xx, exit 2), memory that is too small
// (E0406, exit 3), a derate set that is not there (E0101).
Result<ServingEstimate> serving_estimate(const ServingQuestion& question,
                                         const estimate::Efficiency& efficiency,
                                         const ErrorBands& bands, const SupportIndex& support);

// The terms of throughput, TPOT, TTFT and ITL, their bounds and bands, power, energy and memory,
// with where their inputs come from.
Result<estimate::Term> explain(const ServingQuestion& question,
                               const estimate::Efficiency& efficiency, const ErrorBands& bands,
                               const SupportIndex& support);

// Bands of an own chip: each number of its derate set goes from low to high (P5, P95) while the
// others stay; the changes of the result add as independent ones do.
struct ServedBands {
  ErrorBand tpot = {}, ttft = {}, throughput = {}, energy = {};
};
ServedBands design_bands(const estimate::Server& server, const estimate::Load& load);

}  // namespace churon::evaluate
