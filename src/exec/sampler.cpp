#include "exec/sampler.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/random.h"
#include "numeric/functions.h"

namespace churon::exec {

namespace {

// From here on sorting everything is cheaper than a heap of the best.
constexpr std::size_t kHeapMax = 512;
// Logits whose largest decides whether the heap looks at them one by one.
constexpr std::size_t kStretch = 128;

constexpr int kDigitBits = 11;
constexpr std::uint32_t kDigits = 1U << kDigitBits;

// Ascending keys are descending logits; both zeros are one number.
std::uint32_t sort_key(float logit) {
  const auto bits = std::bit_cast<std::uint32_t>(logit + 0.0F);
  return (bits >> 31) != 0 ? bits : ~(bits | 0x80000000U);
}

// A stable sort by key, eleven bits at a time: equal logits keep their order, ascending ids.
void sort_candidates(std::vector<Candidate>& candidates) {
  std::vector<Candidate> other(candidates.size());
  for (int shift = 0; shift < 32; shift += kDigitBits) {
    std::array<std::size_t, kDigits + 1> start{};
    for (const Candidate& candidate : candidates) {
      ++start[((sort_key(candidate.logit) >> shift) % kDigits) + 1];
    }
    for (std::size_t digit = 0; digit < kDigits; ++digit) {
      start[digit + 1] += start[digit];
    }
    for (const Candidate& candidate : candidates) {
      other[start[(sort_key(candidate.logit) >> shift) % kDigits]++] = candidate;
    }
    candidates.swap(other);
  }
}

// In independent lanes: a loop that becomes vector instructions.
float largest(std::span<const float> logits) {
  std::array<float, 16> lanes;
  lanes.fill(logits[0]);
  std::size_t i = 0;
  for (; i + lanes.size() <= logits.size(); i += lanes.size()) {
    for (std::size_t lane = 0; lane < lanes.size(); ++lane) {
      lanes[lane] = logits[i + lane] > lanes[lane] ? logits[i + lane] : lanes[lane];
    }
  }
  float best = *std::max_element(lanes.begin(), lanes.end());
  for (; i < logits.size(); ++i) {
    best = std::max(best, logits[i]);
  }
  return best;
}

void select_top(std::span<const float> logits, std::size_t count, std::vector<Candidate>& out) {
  count = std::min(count, logits.size());
  out.clear();
  if (count == 0) {
    return;
  }
  if (count > kHeapMax) {
    for (std::size_t id = 0; id < logits.size(); ++id) {
      out.push_back({static_cast<std::int32_t>(id), logits[id]});
    }
    sort_candidates(out);
    out.resize(count);
    return;
  }
  // A heap whose front is the last in order. Ids ascend, so an equal logit never enters; most
  // stretches hold nothing that does.
  for (std::size_t begin = 0; begin < logits.size(); begin += kStretch) {
    const std::size_t end = std::min(logits.size(), begin + kStretch);
    if (out.size() == count && !(largest(logits.subspan(begin, end - begin)) > out.front().logit)) {
      continue;
    }
    for (std::size_t id = begin; id < end; ++id) {
      if (out.size() < count) {
        out.push_back({static_cast<std::int32_t>(id), logits[id]});
        std::push_heap(out.begin(), out.end(), comes_before);
      } else if (logits[id] > out.front().logit) {
        std::pop_heap(out.begin(), out.end(), comes_before);
        out.back() = {static_cast<std::int32_t>(id), logits[id]};
        std::push_heap(out.begin(), out.end(), comes_before);
      }
    }
  }
  std::sort_heap(out.begin(), out.end(), comes_before);
}

void penalise(std::span<float> logits, std::span<const std::int32_t> recent, float penalty) {
  std::vector<std::int32_t> ids(recent.begin(), recent.end());
  std::sort(ids.begin(), ids.end());
  ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
  for (const std::int32_t id : ids) {
    if (id >= 0 && static_cast<std::size_t>(id) < logits.size()) {
      float& logit = logits[static_cast<std::size_t>(id)];
      logit = logit <= 0 ? logit * penalty : logit / penalty;
    }
  }
}

// exp(x) of rule 6's exp2.
double exponential(float x) { return numeric::exp2(x * numeric::kLog2E); }

}  // namespace

std::int32_t argmax(std::span<const float> logits) {
  check(!logits.empty());
  const float best = largest(logits);
  const auto found = std::find(logits.begin(), logits.end(), best);
  return static_cast<std::int32_t>(found - logits.begin());
}

std::vector<Candidate> top_candidates(std::span<const float> logits, std::size_t count) {
  std::vector<Candidate> result;
  select_top(logits, count, result);
  return result;
}

double log_sum_exp(std::span<const float> logits) {
  const float best = logits[static_cast<std::size_t>(argmax(logits))];
  double sum = 0;
  for (const float logit : logits) {
    sum += exponential(logit - best);
  }
  return best + std::log(sum);
}

std::vector<LogProbability> top_log_probabilities(std::span<const float> logits,
                                                  std::size_t count) {
  const double normaliser = log_sum_exp(logits);
  std::vector<LogProbability> result;
  for (const Candidate& candidate : top_candidates(logits, count)) {
    result.push_back({candidate.id, candidate.logit - normaliser});
  }
  return result;
}

std::int32_t Sampler::sample(std::span<const float> logits, std::span<const std::int32_t> history,
                             std::uint32_t sequence, std::uint32_t position) {
  if (options_.repeat_penalty != 1 && options_.repeat_last != 0 && !history.empty()) {
    const std::size_t last =
        options_.repeat_last < 0
            ? history.size()
            : std::min(history.size(), static_cast<std::size_t>(options_.repeat_last));
    penalised_.assign(logits.begin(), logits.end());
    penalise(penalised_, history.last(last), options_.repeat_penalty);
    logits = penalised_;
  }
  if (!(options_.temperature > 0)) {
    return argmax(logits);
  }

  const std::size_t top_k =
      options_.top_k > 0 ? static_cast<std::size_t>(options_.top_k) : logits.size();
  select_top(logits, top_k, candidates_);
  std::size_t count = candidates_.size();

  // Probabilities relative to the best candidate's, at temperature 1.
  const float best = candidates_.front().logit;
  weights_.resize(count);
  double sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    weights_[i] = exponential(candidates_[i].logit - best);
    sum += weights_[i];
  }
  if (options_.top_p < 1) {
    double covered = 0;
    for (std::size_t i = 0; i < count; ++i) {
      covered += weights_[i];
      if (covered >= static_cast<double>(options_.top_p) * sum) {
        count = i + 1;
      }
    }
  }
  if (options_.min_p > 0) {
    while (count > 1 && weights_[count - 1] < static_cast<double>(options_.min_p)) {
      --count;
    }
  }

  const float hottest = best / options_.temperature;
  sum = 0;
  for (std::size_t i = 0; i < count; ++i) {
    weights_[i] = exponential(candidates_[i].logit / options_.temperature - hottest);
    sum += weights_[i];
  }
  const double u = uniform24(philox4x32({sequence, position, 0, 0}, options_.seed)[0]);
  double passed = 0;
  for (std::size_t i = 0; i + 1 < count; ++i) {
    passed += weights_[i];
    if (u * sum < passed) {
      return candidates_[i].id;
    }
  }
  return candidates_[count - 1].id;
}

}  // namespace churon::exec
