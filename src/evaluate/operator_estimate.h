// One operator on one rank of a chip: what `churon estimate --op` asks.
#pragma once

#include <string>
#include <string_view>
#include <variant>

#include "base/result.h"
#include "chip/chip.h"
#include "estimate/collective.h"
#include "estimate/kernels.h"
#include "estimate/term.h"
#include "evaluate/band.h"

namespace churon::evaluate {

using OperatorWork = std::variant<estimate::Gemm, estimate::AttentionWork, estimate::CollectiveWork,
                                  estimate::ExpertsWork>;

struct OperatorEstimate {
  std::string kind = {};   // "gemm", "attention_decode", "all_reduce", "experts": scope of the band
  std::string shape = {};  // "m 64, n 8,192, k 8,192"
  estimate::Price price = {};
  ErrorBand band = {};
  double peak_ops_per_s = 0;  // at the rate of the format; 0: a collective
  double memory_bytes_per_s = 0, link_bytes_per_s = 0;
  estimate::Rate rate = estimate::Rate::bf16;
  estimate::Rate native_rate = estimate::Rate::bf16;  // that multiplies where `rate` is not there
};

// Errors: E0604, sizes that break a rule (zero, more ranks than the scale-up domain has, experts
// that do not divide); all are named.
Result<OperatorEstimate> operator_estimate(const estimate::Device& device, const OperatorWork& work,
                                           const ErrorBands& bands);

// The tree behind `estimate`.
Result<estimate::Term> explain(const chip::Chip& chip, const estimate::Device& device,
                               const OperatorEstimate& estimate);

}  // namespace churon::evaluate
