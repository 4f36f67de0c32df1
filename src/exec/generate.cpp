#include "exec/generate.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/check.h"

namespace churon::exec {

namespace {

using Clock = std::chrono::steady_clock;

Seconds since(Clock::time_point start) {
  return Seconds(std::chrono::duration<double>(Clock::now() - start).count());
}

bool has_code(const Diagnostics& diagnostics, const char* code) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [&](const Diagnostic& diagnostic) { return diagnostic.code == code; });
}

GeneratedToken describe(std::int32_t id, std::span<const float> logits, std::size_t alternatives) {
  GeneratedToken token{.id = id};
  if (alternatives > 0) {
    token.log_probability = logits[static_cast<std::size_t>(id)] - log_sum_exp(logits);
    token.alternatives = top_log_probabilities(logits, alternatives);
  }
  return token;
}

}  // namespace

const char* name(StopReason reason) {
  switch (reason) {
    case StopReason::end_token:
      return "end token";
    case StopReason::count:
      return "count";
    case StopReason::context_full:
      return "context full";
    case StopReason::callback:
      return "stop";
    case StopReason::interrupted:
      return "interrupted";
  }
  return "";
}

Result<Generation> generate(Session& session, std::span<const std::int32_t> history,
                            std::span<const std::int32_t> prompt, const GenerateOptions& options,
                            const TokenCallback& on_token) {
  check(!prompt.empty());
  Generation result;
  result.prompt_tokens = static_cast<std::int64_t>(prompt.size());
  std::vector<std::int32_t> ids(history.begin(), history.end());
  ids.insert(ids.end(), prompt.begin(), prompt.end());

  auto start = Clock::now();
  auto logits = session.prefill(prompt);
  Sampler sampler(options.sampler);
  while (true) {
    if (!logits) {
      if (has_code(logits.error(), kInterrupted)) {
        result.stop = StopReason::interrupted;
        break;
      }
      return fail(logits);
    }
    if (static_cast<std::int64_t>(result.ids.size()) == options.count) {
      result.stop = StopReason::count;
      break;
    }
    const std::int32_t id = sampler.sample(*logits, ids, options.sequence,
                                           static_cast<std::uint32_t>(session.position()));
    ids.push_back(id);
    result.ids.push_back(id);
    if (result.ids.size() == 1) {
      result.prefill_time = since(start);
      start = Clock::now();
    } else {
      result.decode_time = since(start);
    }
    if (on_token && !on_token(describe(id, *logits, options.log_probabilities))) {
      result.stop = StopReason::callback;
      break;
    }
    if (std::find(options.end_ids.begin(), options.end_ids.end(), id) != options.end_ids.end()) {
      result.stop = StopReason::end_token;
      break;
    }
    if (static_cast<std::int64_t>(result.ids.size()) == options.count) {
      result.stop = StopReason::count;
      break;
    }
    if (session.position() == session.context()) {
      result.stop = StopReason::context_full;
      break;
    }
    logits = session.decode(id);
  }
  return result;
}

}  // namespace churon::exec
