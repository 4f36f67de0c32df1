#include "estimate/actions.h"

#include <gtest/gtest.h>

#include "chip/chip.h"
#include "estimate/estimate.h"
#include "estimate/serving.h"
#include "model/shapes.h"

namespace churon::estimate {
namespace {

using numeric::BlockFormat;
using stats::Action;

class Actions : public testing::Test {
 protected:
  chip::Chip chip = *chip::load("churon-1");
  Figures own = *figures(chip);
  model::Hyperparameters llama = *model::find_shape(*model::load_shapes(), "Llama-3.1-8B");

  Server server(Parallelism parallelism, const Figures& figures) {
    return *Server::create(Device(figures, *shipped_efficiency()), {.shape = &llama,
                                                                    .parallelism = parallelism,
                                                                    .framework = Framework::vllm,
                                                                    .weights = precision("q8_0"),
                                                                    .kv_bits = 8.5});
  }
};

TEST_F(Actions, a_product_has_those_of_its_closed_form) {
  const Gemm work{.m = 5, .n = 256, .k = 512, .precision = precision("q8_0")};
  const stats::Activity done = actions(own, work);
  const double bytes = 256 * 512 * 8.5 / 8;
  EXPECT_DOUBLE_EQ(done[Action::mac_int8], 5.0 * 256 * 512);
  EXPECT_DOUBLE_EQ(done[Action::memory_read], bytes);
  EXPECT_DOUBLE_EQ(done[Action::scratch_access], 2 * bytes + 5 * (256 + 512) * kValueBytes);
  EXPECT_DOUBLE_EQ(done[Action::vector_operation], kQuantiseOperations * 5 * 512);
  EXPECT_DOUBLE_EQ(done[Action::powered], 0);
}

TEST_F(Actions, formats_have_multiply_adds_of_their_own) {
  Gemm work{.m = 1, .n = 64, .k = 64, .precision = precision("mxfp4")};
  EXPECT_DOUBLE_EQ(actions(own, work)[Action::mac_w4], 64 * 64);
  work.precision = precision("bf16");
  EXPECT_DOUBLE_EQ(actions(own, work)[Action::mac_int16], 64 * 64);
}

TEST_F(Actions, experts_are_those_of_a_product_where_all_tokens_choose_one) {
  const ExpertsWork work{.tokens = 16,
                         .hidden = 512,
                         .inter = 256,
                         .experts = 1,
                         .per_token = 1,
                         .skew = 0,
                         .precision = precision("q8_0")};
  const stats::Activity done = actions(own, work, expert_loads(work));
  EXPECT_DOUBLE_EQ(done[Action::mac_int8], 16.0 * 3 * 512 * 256);
  EXPECT_NEAR(done[Action::memory_read], 3.0 * 512 * 256 * 8.5 / 8, 1);
}

// Two ways to the same number: operators of the graph one by one (`run`), and those of a rank.
TEST_F(Actions, a_step_in_service_takes_the_energy_of_the_same_step_in_run) {
  auto estimator = *Estimator::create(
      llama,
      {.formats = std::vector<BlockFormat>(
           static_cast<std::size_t>(model::kTensorRoles * llama.layers), BlockFormat::q8_0),
       .layers = llama.layers,
       .embedding_bits = 8.5},
      chip, {});
  const Server one = server({}, own);
  for (const int requests : {1, 16, 64}) {
    const StepEstimate step = estimator.step(graph::decode_step(requests, 1535));
    stats::Activity work = step.activity;
    work[Action::powered] = 0;
    const double in_run_j = stats::energy(work, own.action_prices).value();
    // The head of the vocabulary is in 16 bits in service: 7 % of the weights twice.
    EXPECT_NEAR(one.decode_step(requests, 1536).energy_j, in_run_j, 0.1 * in_run_j) << requests;
  }
}

TEST_F(Actions, power_in_service_is_idle_power_and_the_sum_of_actions) {
  const Server two = server({.tp = 2}, own);
  const Served served = two.serve({.concurrency = 8, .input_tokens = 1024, .output_tokens = 1024});
  const StepTime decode = two.decode_step(8, 1536), prompt = two.prefill_step(1, 1024, 1024);
  const double joules = decode.energy_j + 8.0 / 1024 * prompt.energy_j;
  const double seconds = decode.expected_s + 8.0 / 1024 * prompt.expected_s;
  const double idle_w = own.action_prices[Action::powered];
  EXPECT_NEAR(served.power_w, 2 * (idle_w + joules / seconds), 1e-9 * served.power_w);
  // A sum over two ranks sends and receives.
  Figures silent = own;
  silent.link_j_per_byte = 0;
  const Server quiet = server({.tp = 2}, silent);
  EXPECT_LT(quiet.decode_step(8, 1536).energy_j, two.decode_step(8, 1536).energy_j);
}

}  // namespace
}  // namespace churon::estimate
