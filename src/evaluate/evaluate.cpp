#include "evaluate/evaluate.h"

#include <algorithm>

#include "base/check.h"

namespace churon::evaluate {

namespace {

using estimate::Estimator;

void add(Phase& phase, const estimate::StepEstimate& step) {
  phase.total += step;
  ++phase.steps;
}

// Prompts are processed together as far as a step has room for them; a longer one is cut.
Phase prefill(Estimator& estimator, const RunWorkload& workload, std::int64_t rows) {
  Phase phase;
  const std::int64_t together = std::clamp<std::int64_t>(
      rows / std::max<std::int64_t>(1, workload.prompt_tokens), 1, workload.batch);
  graph::Step step{.groups = {graph::SequenceGroup{}}};
  graph::SequenceGroup& group = step.groups.front();
  for (std::int64_t first = 0; first < workload.batch; first += together) {
    group.count = std::min(together, workload.batch - first);
    for (group.past = 0; group.past < workload.prompt_tokens; group.past += group.tokens) {
      group.tokens = std::min(rows, workload.prompt_tokens - group.past);
      group.sampled = group.past + group.tokens == workload.prompt_tokens ? 1 : 0;
      add(phase, estimator.step(step));
    }
  }
  return phase;
}

Phase decode(Estimator& estimator, const RunWorkload& workload) {
  Phase phase;
  graph::Step step = graph::decode_step(workload.batch, 0);
  const std::int64_t steps = std::max<std::int64_t>(1, workload.output_tokens - 1);
  for (std::int64_t i = 0; i < steps; ++i) {
    step.groups.front().past = workload.prompt_tokens + i;
    add(phase, estimator.step(step));
  }
  return phase;
}

}  // namespace

std::string_view name(Fidelity fidelity) {
  switch (fidelity) {
    case Fidelity::analytic:
      return "analytic";
  }
  return "";
}

Result<void> check_fits(const chip::Chip& chip, const model::Model& model, std::int64_t batch,
                        std::int64_t context, const RunOptions& options) {
  const auto estimator = Estimator::create(
      model.hyperparameters, estimate::weight_formats(model, chip), chip, options.estimate);
  return estimator ? estimator->check_fits(batch, context) : fail(estimator);
}

Result<Evaluation> evaluate_run(const chip::Chip& chip, const model::Model& model,
                                const RunWorkload& workload, const RunOptions& options) {
  check(workload.prompt_tokens >= 1 && workload.batch >= 1 && options.prefill_rows >= 1);
  auto estimator = Estimator::create(model.hyperparameters, estimate::weight_formats(model, chip),
                                     chip, options.estimate);
  if (!estimator) {
    return fail(estimator);
  }
  const std::int64_t context =
      std::max(workload.context, workload.prompt_tokens + workload.output_tokens - 1);
  if (const auto fits = estimator->check_fits(workload.batch, context); !fits) {
    return fail(fits);
  }
  Evaluation result{.chip_id = chip.id,
                    .chip_name = chip.name,
                    .chip_digest = chip.digest,
                    .kind = chip.kind,
                    .derate = estimator->derate().name,
                    .energy_model = estimator->energy_model(),
                    .workload = workload,
                    .footprint = estimator->footprint(context),
                    .prices = estimator->prices()};
  result.prefill = prefill(*estimator, workload, options.prefill_rows);
  result.decode = decode(*estimator, workload);
  for (Phase* phase : {&result.prefill, &result.decode}) {
    phase->energy = stats::energy(phase->total.activity, result.prices);
  }
  const double steps = static_cast<double>(result.decode.steps);
  const double tokens = steps * static_cast<double>(workload.batch);
  result.ttft = result.prefill.total.expected;
  result.ttft_bound = result.prefill.total.bound;
  result.tpot = result.decode.total.expected / steps;
  result.tpot_bound = result.decode.total.bound / steps;
  result.tokens_per_s = static_cast<double>(workload.batch) / result.tpot.value();
  result.energy_per_token = result.decode.energy / tokens;
  result.memory_per_token = result.decode.total.activity.memory_bytes() / tokens;
  return result;
}

}  // namespace churon::evaluate
