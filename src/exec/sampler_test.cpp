#include "exec/sampler.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <vector>

#include "base/random.h"
#include "numeric/fp_environment.h"

namespace churon::exec {
namespace {

std::vector<float> random_logits(std::size_t count, std::uint32_t stream, int distinct = 0) {
  std::vector<float> logits(count);
  for (std::size_t i = 0; i < count; ++i) {
    const auto bits = philox4x32({static_cast<std::uint32_t>(i), stream, 0, 0}, 1)[0];
    logits[i] = distinct > 0 ? static_cast<float>(bits % static_cast<std::uint32_t>(distinct))
                             : static_cast<float>(16 * uniform24(bits) - 8);
  }
  return logits;
}

std::vector<Candidate> sorted(std::span<const float> logits) {
  std::vector<Candidate> all;
  all.reserve(logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    all.push_back({static_cast<std::int32_t>(i), logits[i]});
  }
  std::sort(all.begin(), all.end(), comes_before);
  return all;
}

TEST(Sampler, candidates_come_in_order_with_ties_by_id) {
  for (const std::size_t count : {1UL, 2UL, 33UL, 600UL, 5000UL}) {
    for (const int distinct : {0, 1, 3, 100}) {
      const auto logits = random_logits(count, 7, distinct);
      const auto expected = sorted(logits);
      for (const std::size_t k : {1UL, 2UL, 31UL, 512UL, 513UL, 4000UL, 9000UL}) {
        const auto top = top_candidates(logits, k);
        ASSERT_EQ(top.size(), std::min(k, count));
        for (std::size_t i = 0; i < top.size(); ++i) {
          ASSERT_EQ(top[i].id, expected[i].id) << count << " " << distinct << " " << k << " " << i;
        }
      }
      EXPECT_EQ(argmax(logits), expected.front().id);
    }
  }
}

TEST(Sampler, zeros_of_both_signs_are_equal) {
  std::vector<float> logits(1000, -0.0F);
  logits[999] = 0.0F;
  EXPECT_EQ(top_candidates(logits, 1000).front().id, 0);
  EXPECT_EQ(argmax(logits), 0);
}

TEST(Sampler, greedy_takes_the_lowest_of_the_best) {
  Sampler sampler({.temperature = 0});
  const std::vector<float> logits{1, 3, 2, 3};
  EXPECT_EQ(sampler.sample(logits, {}, 0, 0), 1);
}

TEST(Sampler, repetition_divides_positive_and_multiplies_negative_logits) {
  Sampler sampler({.temperature = 0, .repeat_penalty = 2});
  const std::vector<float> logits{3, 2, -1};
  EXPECT_EQ(sampler.sample(logits, std::vector<std::int32_t>{0}, 0, 0), 1);
  // Each token is penalised once, however often it was there.
  EXPECT_EQ(sampler.sample(logits, std::vector<std::int32_t>{0, 0, 1, 0}, 0, 0), 0);
  const std::vector<float> negative{-1, -1.5F};
  EXPECT_EQ(sampler.sample(negative, std::vector<std::int32_t>{0}, 0, 0), 1);
}

TEST(Sampler, repetition_forgets_beyond_its_length) {
  const std::vector<float> logits{3, 2};
  const std::vector<std::int32_t> history{0, 1, 1};
  Sampler near({.temperature = 0, .repeat_penalty = 2, .repeat_last = 2});
  EXPECT_EQ(near.sample(logits, history, 0, 0), 0);
  Sampler all({.temperature = 0, .repeat_penalty = 2, .repeat_last = -1});
  EXPECT_EQ(all.sample(std::vector<float>{3, 1.6F, 1.55F}, history, 0, 0), 2);
  Sampler off({.temperature = 0, .repeat_penalty = 2, .repeat_last = 0});
  EXPECT_EQ(off.sample(logits, history, 0, 0), 0);
}

constexpr int kDraws = 20'000;

// Draws at many positions and counts.
std::map<std::int32_t, double> frequencies(const SamplerOptions& options,
                                           std::span<const float> logits) {
  Sampler sampler(options);
  std::map<std::int32_t, double> result;
  for (std::uint32_t position = 0; position < kDraws; ++position) {
    result[sampler.sample(logits, {}, 3, position)] += 1.0 / kDraws;
  }
  return result;
}

TEST(Sampler, draws_as_often_as_the_probabilities_say) {
  const std::vector<float> logits{0, std::log(2.0F), std::log(5.0F)};
  const auto plain =
      frequencies({.temperature = 1, .top_k = 0, .top_p = 1, .min_p = 0, .seed = 5}, logits);
  EXPECT_NEAR(plain.at(0), 1.0 / 8, 0.01);
  EXPECT_NEAR(plain.at(1), 2.0 / 8, 0.01);
  EXPECT_NEAR(plain.at(2), 5.0 / 8, 0.01);
  const auto cold =
      frequencies({.temperature = 0.5F, .top_k = 0, .top_p = 1, .min_p = 0, .seed = 5}, logits);
  EXPECT_NEAR(cold.at(0), 1.0 / 30, 0.01);
  EXPECT_NEAR(cold.at(2), 25.0 / 30, 0.01);
}

TEST(Sampler, top_k_top_p_and_min_p_cut_where_they_say) {
  const std::vector<float> logits{0, std::log(2.0F), std::log(5.0F)};
  const auto drawn = [&](int top_k, float top_p, float min_p) {
    return frequencies({.temperature = 1, .top_k = top_k, .top_p = top_p, .min_p = min_p}, logits)
        .size();
  };
  EXPECT_EQ(drawn(0, 1, 0), 3U);
  EXPECT_EQ(drawn(2, 1, 0), 2U);
  EXPECT_EQ(drawn(1, 1, 0), 1U);
  EXPECT_EQ(drawn(0, 0.6F, 0), 1U);   // 5/8 covers it
  EXPECT_EQ(drawn(0, 0.63F, 0), 2U);  // the one that crosses belongs to it
  EXPECT_EQ(drawn(0, 0.9F, 0), 3U);
  EXPECT_EQ(drawn(0, 1, 0.3F), 2U);  // 2/5 and 1/5 of the best
  EXPECT_EQ(drawn(0, 1, 0.5F), 1U);
  EXPECT_EQ(drawn(0, 0.0F, 2.0F), 1U);  // one always stays
  // top-p sees what top-k left: 5/7 covers 0.7.
  EXPECT_EQ(drawn(2, 0.7F, 0), 1U);
}

TEST(Sampler, a_draw_depends_on_seed_sequence_and_position_alone) {
  const auto logits = random_logits(300, 9);
  const SamplerOptions options{.temperature = 2, .top_k = 0, .top_p = 1, .min_p = 0, .seed = 11};
  Sampler a(options);
  Sampler b(options);
  (void)b.sample(random_logits(300, 10), {}, 0, 0);
  int differ = 0;
  for (std::uint32_t position = 0; position < 50; ++position) {
    EXPECT_EQ(a.sample(logits, {}, 1, position), b.sample(logits, {}, 1, position));
    differ += a.sample(logits, {}, 1, position) != a.sample(logits, {}, 2, position) ? 1 : 0;
  }
  EXPECT_GT(differ, 20);
}

TEST(Sampler, log_probabilities_sum_to_one) {
  numeric::ScopedFpEnvironment environment;
  const auto logits = random_logits(257, 4);
  double sum = 0;
  for (const LogProbability& one : top_log_probabilities(logits, 257)) {
    sum += std::exp(one.log_probability);
  }
  EXPECT_NEAR(sum, 1, 1e-6);
  double exact = 0;
  for (const float logit : logits) {
    exact += std::exp(static_cast<double>(logit));
  }
  EXPECT_NEAR(log_sum_exp(logits), std::log(exact), 1e-6);
}

}  // namespace
}  // namespace churon::exec
