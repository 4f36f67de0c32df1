#include "evaluate/evaluate.h"

#include <gtest/gtest.h>

#include "gguf_writer.h"

namespace churon::evaluate {
namespace {

model::Model tiny() {
  const std::string bytes = test::tiny_model(model::Architecture::llama).bytes();
  std::vector<std::byte> header(bytes.size());
  std::memcpy(header.data(), bytes.data(), bytes.size());
  auto file = model::parse_gguf(std::move(header), bytes.size(), "tiny.gguf");
  EXPECT_TRUE(file) << to_text(file.error());
  auto model = model::make_model(std::move(*file));
  EXPECT_TRUE(model) << to_text(model.error());
  return std::move(*model);
}

chip::Chip load(const char* name) {
  auto chip = chip::load(name);
  EXPECT_TRUE(chip) << to_text(chip.error());
  return std::move(*chip);
}

TEST(Evaluate, every_shipped_chip_gives_finite_numbers) {
  const model::Model model = tiny();
  for (const chip::Listed& listed : chip::listed()) {
    const auto result = evaluate_run(load(listed.id.c_str()), model, {31, 7, 3, 64});
    ASSERT_TRUE(result) << to_text(result.error());
    for (const double value :
         {result->ttft.value(), result->tpot.value(), result->tokens_per_s,
          result->energy_per_token.value(), result->memory_per_token.value()}) {
      EXPECT_TRUE(std::isfinite(value) && value > 0) << listed.id;
    }
    EXPECT_LE(result->ttft_bound, result->ttft);
    EXPECT_LE(result->tpot_bound, result->tpot);
    EXPECT_DOUBLE_EQ(result->tokens_per_s, 3 / result->tpot.value());
  }
}

TEST(Evaluate, tpot_is_the_mean_over_the_steps_while_the_context_grows) {
  const model::Model model = tiny();
  const chip::Chip chip = load("churon-0");
  const auto run = evaluate_run(chip, model, {.prompt_tokens = 5, .output_tokens = 9});
  ASSERT_TRUE(run);
  EXPECT_EQ(run->decode.steps, 8);
  auto estimator = estimate::Estimator::create(model.hyperparameters,
                                               estimate::weight_formats(model, chip), chip, {});
  Seconds sum{};
  for (std::int64_t past = 5; past < 13; ++past) {
    sum += estimator->step(graph::decode_step(1, past)).expected;
  }
  EXPECT_NEAR(run->tpot / (sum / 8), 1, 1e-12);
}

TEST(Evaluate, a_long_prompt_is_cut_and_many_short_ones_are_put_together) {
  const model::Model model = tiny();
  const chip::Chip chip = load("churon-1");
  RunOptions options;
  options.prefill_rows = 64;
  EXPECT_EQ(evaluate_run(chip, model, {65, 1, 1, 0}, options)->prefill.steps, 2);
  EXPECT_EQ(evaluate_run(chip, model, {64, 1, 1, 0}, options)->prefill.steps, 1);
  EXPECT_EQ(evaluate_run(chip, model, {31, 1, 5, 0}, options)->prefill.steps, 3);
  // Work does not depend on how it is cut.
  options.prefill_rows = 7;
  const auto cut = evaluate_run(chip, model, {65, 1, 5, 0}, options);
  const auto whole = evaluate_run(chip, model, {65, 1, 5, 0});
  EXPECT_DOUBLE_EQ(cut->prefill.total.activity.macs(), whole->prefill.total.activity.macs());
}

TEST(Evaluate, more_users_at_once_make_more_tokens_and_wait_longer) {
  const model::Model model = tiny();
  const chip::Chip chip = load("churon-1");
  const auto one = evaluate_run(chip, model, {31, 7, 1, 0});
  const auto many = evaluate_run(chip, model, {31, 7, 64, 0});
  EXPECT_GT(many->tokens_per_s, one->tokens_per_s);
  EXPECT_GE(many->tpot, one->tpot);
  EXPECT_LT(many->energy_per_token, one->energy_per_token);
}

}  // namespace
}  // namespace churon::evaluate
