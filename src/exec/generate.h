// From prompt ids to new ids: prefill, then one decode a token until something stops it.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/quantity.h"
#include "base/result.h"
#include "exec/engine.h"
#include "exec/sampler.h"

namespace churon::exec {

enum class StopReason {
  end_token,     // the model ended its text
  count,         // as many tokens as asked for
  context_full,  // no position is left
  callback,      // the caller said so: a stop string
  interrupted,   // Ctrl-C
};
const char* name(StopReason reason);

struct GenerateOptions {
  std::int64_t count =
      -1;  // tokens to generate; negative: until an end token or the context is full
  std::vector<std::int32_t> end_ids = {};  // empty: never (--ignore-eos)
  SamplerOptions sampler = {};
  std::uint32_t sequence = 0;
  std::size_t log_probabilities = 0;  // K best of every step
};

struct GeneratedToken {
  std::int32_t id = 0;
  double log_probability = 0;                     // only with log_probabilities > 0
  std::vector<LogProbability> alternatives = {};  // the K best
};

struct Generation {
  std::vector<std::int32_t> ids;  // with the end token, where there is one
  StopReason stop = StopReason::count;
  std::int64_t prompt_tokens = 0;
  Seconds prefill_time{};  // on the host, up to the first token
  Seconds decode_time{};   // of ids.size() - 1 further tokens
};

// Called for every token; false stops. The end token comes too.
using TokenCallback = std::function<bool(const GeneratedToken&)>;

// `history` holds what the session's cache already has (for the repetition penalty and a
// conversation); `prompt` is appended to it. At least one token is in `prompt`. The last token that
// was generated is not yet in the cache.
Result<Generation> generate(Session& session, std::span<const std::int32_t> history,
                            std::span<const std::int32_t> prompt, const GenerateOptions& options,
                            const TokenCallback& on_token);

}  // namespace churon::exec
