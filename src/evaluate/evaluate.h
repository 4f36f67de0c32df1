// The one place that strings the stages together: a chip, a model and a workload become an
// `Evaluation`. Here the workload is a run: `batch` users who each send a prompt at the same time
// and receive as many tokens.
//
// Definitions, printed with every result:
//   ttft            from the arrival of the prompts to the first token of the last user
//   tpot            mean time between two tokens of a user, over the tokens after the first, while
//                   the context grows
//   tokens_per_s    batch / tpot
//   energy/token    of decode, chip alone, divided by the tokens it made
//   memory/token    bytes read from and written to the chip's memory in decode, likewise
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/quantity.h"
#include "base/result.h"
#include "chip/chip.h"
#include "estimate/estimate.h"
#include "model/model.h"

namespace churon::evaluate {

enum class Fidelity { analytic };
std::string_view name(Fidelity fidelity);

struct RunWorkload {
  std::int64_t prompt_tokens = 1;  // of each user
  std::int64_t output_tokens = 1;
  std::int64_t batch = 1;
  std::int64_t context = 0;  // positions the cache is laid out for; 0: prompt and output
};

struct RunOptions {
  estimate::EstimateOptions estimate;
  // Rows of one step of prefill: weights are read once for so many tokens.
  std::int64_t prefill_rows = 2048;
};

// All steps of a phase together.
struct Phase {
  std::int64_t steps = 0;
  estimate::StepEstimate total;
  Joules energy{};
};

struct Evaluation {
  std::string chip_id;
  std::string chip_name;
  std::string chip_digest;
  chip::Kind kind = chip::Kind::full;
  std::string derate;
  Fidelity fidelity = Fidelity::analytic;
  estimate::EnergyModel energy_model = estimate::EnergyModel::actions;
  RunWorkload workload = {};
  estimate::Footprint footprint = {};

  Phase prefill = {};
  // Of output_tokens - 1 steps; of one step after the prompt where only one token was made.
  Phase decode = {};
  Seconds ttft{}, ttft_bound{};
  Seconds tpot{}, tpot_bound{};
  double tokens_per_s = 0;
  Joules energy_per_token{};
  Bytes memory_per_token{};
  stats::EnergyPrices prices = {};
};

// An error with exit code 3 where weights and cache do not fit the chip's memory.
Result<void> check_fits(const chip::Chip& chip, const model::Model& model, std::int64_t batch,
                        std::int64_t context, const RunOptions& options = {});
Result<Evaluation> evaluate_run(const chip::Chip& chip, const model::Model& model,
                                const RunWorkload& workload, const RunOptions& options = {});

}  // namespace churon::evaluate
