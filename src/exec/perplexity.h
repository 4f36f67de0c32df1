// Perplexity of a text: disjoint windows of at most `context` tokens, each with the BOS token where
// the model adds one; every position but the first of a window is scored.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "exec/engine.h"

namespace churon::exec {

struct ScoredPosition {
  std::int32_t id = 0;      // the token of the text
  double nll = 0;           // its negative log likelihood, nats
  std::int32_t argmax = 0;  // the best token there
  float gap = 0;            // logit of the best minus that of the second best
};

struct Perplexity {
  std::vector<ScoredPosition> positions;
  std::int64_t tokens = 0;  // of the text, without BOS
  double nll_mean = 0;
  double ppl = 0;
  bool interrupted = false;  // the positions are those before the interrupt
};

// `ids` without BOS; an interrupt ends it with what was scored so far. `window` at most the
// engine's context and at least 2.
Result<Perplexity> perplexity(const Engine& engine, std::span<const std::int32_t> ids,
                              std::optional<std::int32_t> bos, std::int64_t window,
                              const std::function<void(std::int64_t done)>& progress = {});

}  // namespace churon::exec
