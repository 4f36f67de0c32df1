// Chips side by side: for each chip, model and workload the parallelism and the number of
// concurrent requests that make the most output tokens per second and chip while TPOT and TTFT stay
// within their limits.
//
// Throughput, TPOT and TTFT never fall when more requests run at once, so for one parallelism the
// best concurrency is the largest one that keeps both limits: it is bisected. Parallelisms that
// could not win even without limits are not searched. Results do not depend on the number of
// threads.
//
// Definitions, printed with every result:
//   TPOT        mean time between two tokens of a request after its first, prefills of other
//               requests included where they run on the same chips
//   TTFT        from a request's arrival to its first token, waiting included
//   throughput  generated tokens per second of all requests, prompts not counted
//   goodput     throughput of requests that keep both limits: here all of them do
//   interactivity  1 / TPOT: tokens per second that one user sees
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "chip/chip.h"
#include "estimate/efficiency.h"
#include "estimate/figures.h"
#include "estimate/precision.h"
#include "estimate/serving.h"
#include "evaluate/band.h"
#include "evaluate/support.h"
#include "model/hyperparameters.h"

namespace churon::evaluate {

struct Workload {
  std::string text;  // "8k/1k", as it was asked for
  double input_tokens = 1024, output_tokens = 1024;
};
// "8k/1k" or "8192/1024"; k is 1,024. Errors: E0603.
Result<Workload> workload(std::string_view text);
// A list with commas between. Errors: E0603.
Result<std::vector<Workload>> workloads(std::string_view text);

// Which number formats a comparison is made in.
enum class FormatPolicy {
  eight_bit,  // 8-bit weights and KV on every chip: equal quality
  native,     // the narrowest weights that the chip multiplies, KV in 8 bits
};
std::string_view name(FormatPolicy policy);

struct NumberFormats {
  const estimate::Precision* weights = nullptr;
  double kv_bits = 16;
};
NumberFormats number_formats(const chip::Chip& chip, const estimate::Figures& figures,
                             const model::Hyperparameters& model, FormatPolicy policy);

// The ways to spread the model over at most `chips_max` chips that a search tries: powers of two
// and the whole domain; dense models TP x PP, mixtures TP x attention DP with experts cut (TP) or
// spread (EP).
std::vector<estimate::Parallelism> candidates(const model::Hyperparameters& model, int chips_max);

// Those over several whole domains of `domain` chips each: stages across, as many or a multiple of
// the domains; dense models also TP over all of them, mixtures experts spread over all of them.
std::vector<estimate::Parallelism> wide_candidates(const model::Hyperparameters& model, int domain,
                                                   int domains);

// A chip as it takes part: bought ones once, own ones once for each derate set.
struct Contestant {
  const chip::Chip* chip = nullptr;
  std::string derate;     // of an own chip; empty for a bought one
  std::string file = {};  // it was asked for by this path; empty: by a name
};

struct CompareRequest {
  std::vector<Contestant> contestants;
  std::vector<const model::Hyperparameters*> models;
  std::vector<Workload> workloads;
  std::vector<FormatPolicy> policies{FormatPolicy::eight_bit};
  double tpot_limit_s = 0.02, ttft_limit_s = 2;
  // None: of each bought chip the one that serves it best.
  std::optional<estimate::Framework> framework = estimate::kFrameworkDefault;
  bool disaggregated = false;
  double prefix_hit = 0;
  int chips_max = 128;  // of one copy of the model
  // Scale-up domains of one copy; 0: one, and where the weights fit none as few as hold them.
  int domains_max = 0;
  std::vector<std::string> model_words = {};  // as `models` were asked for: names or paths
  bool fronts = false;                        // also throughput against interactivity
  int threads = 1;
  // Called from time to time; true ends the search with what it has.
  std::function<bool()> interrupted;
};

// One way to serve.
struct Configuration {
  estimate::Parallelism parallelism = {};
  double concurrency = 0;
  double chips = 1;          // of one copy of the model, that decode
  double prefill_chips = 0;  // disaggregated: beside them
  estimate::Space space = {};
  estimate::Served served = {};
  double throughput_per_chip = 0;  // output tokens per second
  double usable_context = 0;       // positions of a request, at this concurrency
};

struct FrontPoint {
  double interactivity = 0;        // tokens per second and user
  double throughput_per_chip = 0;  // output tokens per second and chip
  double concurrency = 0;
  estimate::Parallelism parallelism;
};

// What stands in the way of the limits, and what would do.
struct Infeasible {
  // E0408 (no rate between domains), E0611 (memory), E0612 (TPOT), E0613 (TTFT), E0614 (both, not
  // together), E0615 (context).
  std::string code;
  std::string reason;
  std::string remedy;
};

struct ComparedRow {
  int contestant = 0;
  FormatPolicy policy = FormatPolicy::eight_bit;
  NumberFormats formats;
  estimate::Framework framework = estimate::kFrameworkDefault;
  // Either of the two.
  std::optional<Configuration> best;
  std::optional<Infeasible> infeasible;

  // Of the best configuration.
  double throughput_per_domain = 0;
  double domain_chips = 1;
  double domains = 1;             // over which one copy lies; above 1: not validated
  double throughput_per_mw = 0;   // of provisioned power; 0: not known
  double energy_per_token_j = 0;  // of the chips alone; 0: not known
  estimate::Limit limit = estimate::Limit::memory;
  double limit_share = 0;  // of the decode step's time
  ErrorBand band;          // factors on the throughput
  ErrorBand energy_band;   // … on the energy
  Support support;

  // An own chip with a mixture of experts: what is left within as many chips as the smallest domain
  // of the bought chips has. 0: it needs no more than that, or nothing fits.
  double narrow_chips = 0, narrow_throughput_per_chip = 0;

  std::vector<FrontPoint> front;  // by rising interactivity
};

// One model under one workload.
struct ComparedCell {
  int model = 0, workload = 0;
  std::vector<ComparedRow> rows;  // feasible ones first, by falling throughput per chip
};

inline const Contestant& contestant(const CompareRequest& request, const ComparedRow& row) {
  return request.contestants[static_cast<std::size_t>(row.contestant)];
}
inline const model::Hyperparameters& model_of(const CompareRequest& request,
                                              const ComparedCell& cell) {
  return *request.models[static_cast<std::size_t>(cell.model)];
}
inline const Workload& workload_of(const CompareRequest& request, const ComparedCell& cell) {
  return request.workloads[static_cast<std::size_t>(cell.workload)];
}

struct Comparison {
  CompareRequest request;
  std::vector<ComparedCell> cells;   // model by model, workload by workload
  std::uint64_t configurations = 0;  // served in the search
  bool interrupted = false;
};

Result<Comparison> compare(const CompareRequest& request, const estimate::Efficiency& efficiency,
                           const ErrorBands& bands, const SupportIndex& support);

// What a chip must state to be in `--chips all`; empty: nothing is missing.
std::vector<std::string> missing_data(const chip::Chip& chip);

// Power that a site sets aside for one chip with host, network and cooling.
struct ProvisionedPower {
  double watts = 0;   // 0: not known
  std::string basis;  // "stated", "its system table", "TDP x 2.05"
};
ProvisionedPower provisioned_power(const chip::Chip& chip);

}  // namespace churon::evaluate
