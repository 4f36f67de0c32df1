// Choosing the next token from logits: rule 8 of docs/arithmetic.md. Flags mean what they mean in
// llama.cpp: repetition penalty, then top-k, top-p, min-p, temperature. A draw depends on the seed,
// the sequence and the position alone.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace churon::exec {

struct SamplerOptions {
  float temperature = 0;          // 0 or less: greedy
  std::int32_t top_k = 40;        // 0 or less: all
  float top_p = 0.95F;            // 1 or more: off
  float min_p = 0.05F;            // 0 or less: off
  float repeat_penalty = 1;       // 1: off
  std::int32_t repeat_last = 64;  // tokens that the penalty looks at; 0: off, -1: all
  std::uint64_t seed = 0;
};

struct Candidate {
  std::int32_t id = 0;
  float logit = 0;
};
// Order of candidates: logit descending, id ascending.
inline bool comes_before(const Candidate& a, const Candidate& b) {
  return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
}

// The largest logit; ties go to the lowest id.
std::int32_t argmax(std::span<const float> logits);
// The first `count` candidates in order.
std::vector<Candidate> top_candidates(std::span<const float> logits, std::size_t count);

// Natural logarithms of the probabilities at temperature 1, of the unchanged logits.
double log_sum_exp(std::span<const float> logits);
struct LogProbability {
  std::int32_t id = 0;
  double log_probability = 0;
};
std::vector<LogProbability> top_log_probabilities(std::span<const float> logits, std::size_t count);

class Sampler {
 public:
  explicit Sampler(const SamplerOptions& options) : options_(options) {}
  // `history`: all tokens before, prompt included, oldest first; `position` is that of the token
  // that is drawn.
  std::int32_t sample(std::span<const float> logits, std::span<const std::int32_t> history,
                      std::uint32_t sequence, std::uint32_t position);

 private:
  SamplerOptions options_;
  std::vector<Candidate> candidates_;  // these are scratch, kept to allocate nothing in a step
  std::vector<double> weights_;
  std::vector<float> penalised_;
};

}  // namespace churon::exec
