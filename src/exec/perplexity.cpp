#include "exec/perplexity.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "exec/sampler.h"

namespace churon::exec {

Result<Perplexity> perplexity(const Engine& engine, std::span<const std::int32_t> ids,
                              std::optional<std::int32_t> bos, std::int64_t window,
                              const std::function<void(std::int64_t done)>& progress) {
  check(window >= 2 && window <= engine.context(), window);
  auto session = Session::create(engine);
  if (!session) {
    return fail(session);
  }
  Perplexity result;
  result.tokens = static_cast<std::int64_t>(ids.size());
  const std::size_t text_per_window = static_cast<std::size_t>(window) - (bos ? 1 : 0);
  std::vector<std::int32_t> tokens;
  for (std::size_t first = 0; first < ids.size(); first += text_per_window) {
    const std::size_t count = std::min(text_per_window, ids.size() - first);
    tokens.clear();
    if (bos) {
      tokens.push_back(*bos);
    }
    const auto text = ids.subspan(first, count);
    tokens.insert(tokens.end(), text.begin(), text.end());
    if (tokens.size() < 2) {
      break;
    }
    session->truncate(0);
    const auto scored =
        session->score(std::span(tokens).first(tokens.size() - 1),
                       [&](std::int64_t index, std::span<const float> logits) {
                         const std::int32_t id = tokens[static_cast<std::size_t>(index) + 1];
                         const auto best = top_candidates(logits, 2);
                         result.positions.push_back(
                             {id, log_sum_exp(logits) - logits[static_cast<std::size_t>(id)],
                              best.front().id, best.front().logit - best.back().logit});
                       });
    if (!scored && !result.positions.empty() && scored.error().front().code == kInterrupted) {
      result.interrupted = true;
      break;
    }
    if (!scored) {
      return fail(scored);
    }
    if (progress) {
      progress(static_cast<std::int64_t>(first + count));
    }
  }
  if (result.positions.empty()) {
    return fail("X0301", "the text has fewer than two tokens: there is nothing to score",
                {"give a longer text"});
  }
  double sum = 0;
  for (const ScoredPosition& position : result.positions) {
    sum += position.nll;
  }
  result.nll_mean = sum / static_cast<double>(result.positions.size());
  result.ppl = std::exp(result.nll_mean);
  return result;
}

}  // namespace churon::exec
