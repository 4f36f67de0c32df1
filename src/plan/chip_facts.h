// What is known of a chip that a scenario names: from its description, the cost model and the
// comparison of chips. A scenario's own values come before these.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "chip/chip.h"
#include "cost/costing.h"
#include "estimate/efficiency.h"
#include "evaluate/band.h"
#include "plan/scenario.h"

namespace churon::plan {

struct ChipFacts {
  std::optional<Fact> price;    // USD: bought in its slot; own: unit and system, programme apart
  std::optional<Fact> rent;     // USD per hour
  std::optional<Fact> running;  // USD per hour: space, electricity, upkeep
  std::optional<Fact> power;    // watts provisioned
  std::optional<Fact> nre;      // USD, of an own chip
};

// `name` as the scenario has it. Errors: those of cost::costing.
Result<ChipFacts> chip_facts(const chip::Chip& chip, const std::string& name,
                             const cost::Data& data);

// A model served within limits, for `compare`.
struct Service {
  std::string model, workload;
  double tpot_limit_s = 0.05, ttft_limit_s = 5;
};

// What `compare` takes from the tool's data. Errors: those of the two.
struct RateData {
  estimate::Efficiency efficiency;
  evaluate::ErrorBands bands;
};
Result<RateData> rate_data();

// Tokens per second and chip at the chip's best configuration; none where no configuration keeps
// the limits. `derate` of an own chip. Errors: those of evaluate::compare.
Result<std::optional<Fact>> throughput(const chip::Chip& chip, const std::string& derate,
                                       const Service& service, const RateData& data);

}  // namespace churon::plan
