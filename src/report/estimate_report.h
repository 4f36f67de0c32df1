// What `churon estimate` says: of a model served, of one operator, of a sweep.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "chip/chip.h"
#include "evaluate/operator_estimate.h"
#include "evaluate/serving_estimate.h"
#include "report/format.h"
#include "report/roofline.h"

namespace churon::report {

std::string serving_text(const evaluate::ServingQuestion& question,
                         const evaluate::ServingEstimate& estimate, Charset charset);
Json serving_json(const evaluate::ServingQuestion& question,
                  const evaluate::ServingEstimate& estimate);

std::string operator_text(const chip::Chip& chip, const evaluate::OperatorEstimate& estimate,
                          Charset charset);
Json operator_json(const chip::Chip& chip, const evaluate::OperatorEstimate& estimate);

// A value that was swept, and what came of it: an estimate, or why there is none.
template <typename Estimate>
struct SweepRow {
  double value = 0;
  Result<Estimate> estimate;
};
using ServingSweep = std::vector<SweepRow<evaluate::ServingEstimate>>;
using OperatorSweep = std::vector<SweepRow<evaluate::OperatorEstimate>>;

std::string serving_sweep_text(std::string_view name, const ServingSweep& sweep, Charset charset);
Json serving_sweep_json(const ServingSweep& sweep);
std::string operator_sweep_text(std::string_view name, const OperatorSweep& sweep, Charset charset);
Json operator_sweep_json(const OperatorSweep& sweep);

// Points of a decode step and of a prompt's prefill; of one operator.
Roofline serving_roofline(const evaluate::ServingQuestion& question,
                          const evaluate::ServingEstimate& estimate,
                          const estimate::Figures& figures);
Roofline operator_roofline(const chip::Chip& chip, const evaluate::OperatorEstimate& estimate,
                           const estimate::Figures& figures);

// The cache of a prompt on its way to the chips that decode: its time, bytes and the link that
// limits it; where nothing is sent "-" and null.
std::string transfer_text(const estimate::KvTransfer& transfer, Charset charset);
Json kv_transfer_json(const estimate::Served& served);

}  // namespace churon::report
