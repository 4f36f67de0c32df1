// A model served by some chips of one kind: from the operators of a step to what users and
// operators of a service see.
//
// Definitions, the same in every output:
//   TTFT        from the arrival of a request to its first token; waiting for space included
//   TPOT        (end of the last token - first token) / (tokens - 1) of a request: the prefills of
//               other requests that run in between are in it
//   ITL         time between two tokens while no prompt is prefilled: the median of the gaps
//   throughput  output tokens of all requests per second
//   goodput     throughput that keeps the limits on TTFT and TPOT: what `compare` searches
//
// A decode step on one rank is the sum of its operators (kernels.h), of which a framework's graph
// capture hides a share of the fixed times, and what the host adds. docs/estimate.md has the
// formulas. Two answers: `…_bound_s` sums the operators' bounds, without host and waiting.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "estimate/collective.h"
#include "estimate/kernels.h"
#include "estimate/limit.h"
#include "estimate/lowering.h"
#include "estimate/parallelism.h"
#include "estimate/term.h"
#include "model/hyperparameters.h"

namespace churon::estimate {

struct Load {
  double concurrency = 1;  // requests in the closed loop, over all attention ranks
  double input_tokens = 1024, output_tokens = 1024;
  double prefix_hit = 0;       // share of the prompt whose keys and values are there already
  bool disaggregated = false;  // other chips of the same kind prefill and send their caches
};

enum class Phase { decode, prefill };

// One operator of a step, `count` alike, in all layers of one pass.
struct OperatorTime {
  std::string_view name;
  double count = 1;
  Price price;  // of one, as measured alone
  // In service, on what overlaps and on the fixed time: frameworks launch captured graphs.
  double work_factor = 1, fixed_factor = 1;

  // Of all of them, in service.
  [[nodiscard]] double seconds() const {
    return count *
           (work_factor * (price.expected_s - price.fixed_s) + fixed_factor * price.fixed_s);
  }
};

struct StepTime {
  double bound_s = 0, expected_s = 0;
  double fixed_s = 0, host_s = 0;  // in `expected_s`
  double operations = 0, bytes = 0, link_bytes = 0;
  double energy_j = 0;  // of an own chip's actions, its links included, without its idle power
  std::array<double, kLimitCount> limits_s{};  // sums to expected_s

  StepTime& operator+=(const StepTime& other);
  StepTime& operator*=(double factor);
};

// What a new prompt waits for until its first token is there.
struct FirstToken {
  double framework_s = 0;  // the framework's own time for a prompt
  double step_s = 0;       // half the decode step that is under way
  double prompt_s = 0;     // its own prefill
  double queue_s = 0;      // prefills of the prompts that came with it
  double transfer_s = 0;   // disaggregated: its cache goes over to the chips that decode
  double space_s = 0;      // until memory is free for its cache

  [[nodiscard]] double sum() const {
    return framework_s + step_s + prompt_s + queue_s + transfer_s + space_s;
  }
};
// Its parts as outputs name and explain them.
struct FirstTokenPart {
  const char *key, *name, *text, *formula;
  double FirstToken::* seconds;
};
inline constexpr std::array<FirstTokenPart, 6> kFirstTokenParts{
    {{"framework", "framework", "the framework's own time for a prompt", "prompt",
      &FirstToken::framework_s},
     {"step", "step under way", "the decode step under way", "decode / 2, while others run",
      &FirstToken::step_s},
     {"prompt", "prefill", "its own prefill", "sum of operators + host", &FirstToken::prompt_s},
     {"queue", "prefills before it", "prefills of prompts that came with it",
      "burst * (requests of a rank - 1) * time of a prompt", &FirstToken::queue_s},
     {"transfer", "cache sent over", "its cache goes to the chips that decode",
      "cache of a prompt on a chip / rate between the chips", &FirstToken::transfer_s},
     {"space", "wait for memory", "until memory is free for its cache",
      "(requests / running - 1) * time of a request", &FirstToken::space_s}}};
static_assert(sizeof(FirstToken) == kFirstTokenParts.size() * sizeof(double));

// Disaggregated: the cache of a prompt on its way to the chips that decode.
struct KvTransfer {
  double bytes = 0;        // of a chip
  double seconds = 0;      // infinite: no rate between domains is stated
  double bytes_per_s = 0;  // of the link that carries it, per chip and direction
  bool across = false;     // the scale-out adapter; else the scale-up link

  [[nodiscard]] std::string_view link() const { return across ? "scale-out" : "scale-up"; }
};

struct Served {
  FirstToken first;  // sums to ttft_s
  double ttft_s = 0, tpot_s = 0, itl_s = 0;
  double ttft_bound_s = 0, tpot_bound_s = 0;
  double output_tokens_per_s = 0;
  double power_w = 0;  // all chips, mean
  double energy_per_output_token_j = 0;
  double running = 0;                          // requests that run at once; the rest wait for space
  double prefill_share = 0;                    // of the time, on the chips that decode
  std::array<double, kLimitCount> limits_s{};  // of TPOT
  double chips = 1;                            // that decode; disaggregated: and those that prefill
  double prefill_chips = 0;                    // disaggregated: of them
  KvTransfer transfer;                         // disaggregated
};

struct Batch {
  double latency_s = 0, bound_s = 0;  // the whole batch: prefill and all steps, in all waves
  double waves = 1;
  double tpot_s = 0;
  double power_w = 0;
};

struct Space {
  double weights_bytes = 0;       // of the fullest chip
  double usable_bytes = 0;        // of a chip's memory, for weights and cache
  double capacity_bytes = 0;      // of a chip
  double kv_bytes_per_token = 0;  // of a chip, in layers without window
};

class Server {
 public:
  // Errors, by the rule they break: E0402 heads, E0403 experts, E0404 ranks of the experts, E0405
  // pipeline stages, E0409 too many ranks (exit 2); E0406 weights do not fit, with what would,
  // E0408 more chips than a scale-up domain has and no rate beyond it (exit 3).
  static Result<Server> create(const Device& device, const Deployment& deployment);

  // The same under other parameters: what a fit does.
  void set(const Efficiency& efficiency) { device_.efficiency = efficiency; }
  // The same ranks of another chip or derate set.
  void set(const Device& device) { device_ = device; }

  // E0407 beyond the model's context or absurd; E0406 not even one request fits; E0408 caches would
  // leave the domain and no rate beyond it is stated.
  [[nodiscard]] Result<void> check(const Load& load) const;
  // Of a load that passed `check`.
  [[nodiscard]] Served serve(const Load& load) const;
  // `requests` that start and end together.
  [[nodiscard]] Batch static_batch(double requests, double input_tokens,
                                   double output_tokens) const;
  // All requests at once, as many running as memory holds, at most `running_max`.
  [[nodiscard]] Served offline(double input_tokens, double output_tokens, double running_max) const;

  // One pass of all layers: `sequences` over all attention ranks, each with `context` positions
  // (decode: one token each; prefill: `tokens` of them new).
  [[nodiscard]] StepTime decode_step(double sequences, double context) const;
  [[nodiscard]] StepTime prefill_step(double sequences, double tokens, double context) const;
  [[nodiscard]] std::vector<OperatorTime> operators(Phase phase, double sequences,
                                                    double context) const;

  [[nodiscard]] Space space() const;
  // Requests of that length that fit at once, over all attention ranks.
  [[nodiscard]] double fitting(double positions) const;
  // The longest request of which `concurrency` fit; at most the model's context; 0: none.
  [[nodiscard]] double usable_context(double concurrency) const;
  [[nodiscard]] const Device& device() const { return device_; }
  [[nodiscard]] const Deployment& deployment() const { return deployment_; }
  [[nodiscard]] bool power_is_guess() const { return device_.figures.tdp_w <= 0; }

  [[nodiscard]] Term explain(const Load& load) const;

 private:
  struct Rows {
    Phase phase = Phase::decode;
    double sequences = 1;  // of one attention rank
    double tokens = 1;     // new ones, each
    double context = 1;    // of each, the new ones included
  };
  // What a framework makes of the price of an operator alone.
  struct InService {
    double work = 1, fixed = 1;  // factors
    bool is_link = false;
  };
  // Prompts of other requests that a rank prefills while one gets a token.
  struct Prompts {
    double per_token = 0;  // pipeline stages share the work of a prompt
    double together = 0;   // one's own as well; above 1: so many come in one step
    double held = 1;       // share of their time that tokens wait for
  };
  [[nodiscard]] Price price(const RankOp& op, const Rows& rows) const;
  [[nodiscard]] InService in_service(const RankOp& op, const Price& one) const;
  [[nodiscard]] StepTime step(const Rows& rows) const;
  [[nodiscard]] std::vector<OperatorTime> operators(const Rows& rows) const;
  [[nodiscard]] Prompts prompts(const Load& load, double running) const;
  [[nodiscard]] double kv_bytes(double positions) const;  // of one request on one chip
  [[nodiscard]] double chip_power(const StepTime& work, double seconds) const;
  [[nodiscard]] StepTime prompt(const Load& load, double together) const;
  [[nodiscard]] double prompts_at_once(const Load& load, double together) const;
  [[nodiscard]] KvTransfer transfer(double tokens, double chips) const;

  [[nodiscard]] Term prompt_term(const Load& load, double together) const;
  [[nodiscard]] Term token_term(const Load& load, const Served& served) const;
  [[nodiscard]] Term first_token_term(const Load& load, const Served& served) const;
  [[nodiscard]] Term token_bound_term(const Load& load, const Served& served) const;
  [[nodiscard]] std::vector<Term> space_terms(const Load& load, const Served& served) const;

  Device device_;
  Deployment deployment_;
  std::vector<RankOp> decode_, prefill_;
  std::vector<WindowLayers> windows_;  // of the layers' caches
  std::string model_name_;
  double layers_ = 0, context_max_ = 0;
  double kv_elements_ = 0;  // of one position and layer on one rank
  double weights_bytes_ = 0;

  Server(const Device& device, const Deployment& deployment);
};

}  // namespace churon::estimate
