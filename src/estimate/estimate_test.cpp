#include "estimate/estimate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace churon::estimate {
namespace {

using graph::OpKind;
using numeric::BlockFormat;
using stats::Action;

constexpr std::int64_t kLayers = 3;
constexpr std::int64_t kModel = 96;
constexpr std::int64_t kHidden = 160;
constexpr std::int64_t kHeads = 6;
constexpr std::int64_t kKvHeads = 2;
constexpr std::int64_t kHeadDim = 16;
constexpr std::int64_t kVocabulary = 1007;

model::Hyperparameters small_model() {
  model::Hyperparameters h;
  h.name = "small";
  h.layers = kLayers;
  h.d_model = kModel;
  h.d_ff = kHidden;
  h.heads = kHeads;
  h.kv_heads = kKvHeads;
  h.key_dim = kHeadDim;
  h.value_dim = kHeadDim;
  h.vocab = kVocabulary;
  h.context = 4096;
  h.layer_has_window.assign(kLayers, false);
  h.tied = true;
  return h;
}

WeightFormats uniform(BlockFormat format, std::int64_t layers) {
  return {.formats = std::vector<BlockFormat>(
              static_cast<std::size_t>(model::kTensorRoles * layers), format),
          .layers = layers,
          .embedding_bits = numeric::info(format).bits_per_weight};
}

chip::Chip load(const char* name) {
  auto chip = chip::load(name);
  EXPECT_TRUE(chip) << to_text(chip.error());
  return std::move(*chip);
}

Estimator make(const chip::Chip& chip, BlockFormat format = BlockFormat::q8_0,
               const model::Hyperparameters& h = small_model()) {
  auto estimator = Estimator::create(h, uniform(format, h.layers), chip, {});
  EXPECT_TRUE(estimator) << to_text(estimator.error());
  return std::move(*estimator);
}

constexpr double kMatrixElements =
    static_cast<double>(kLayers * (kModel * (kHeads + 2 * kKvHeads) * kHeadDim +
                                   kHeads * kHeadDim * kModel + 3 * kModel * kHidden) +
                        kVocabulary * kModel);

TEST(Estimate, a_decode_step_has_the_multiply_adds_of_its_closed_form) {
  Estimator estimator = make(load("churon-1"));
  for (const std::int64_t batch : {1, 7, 33}) {
    for (const std::int64_t past : {0, 1, 31, 1000}) {
      const auto step = estimator.step(graph::decode_step(batch, past));
      const double scores = static_cast<double>(batch * kLayers * kHeads * (past + 1));
      EXPECT_DOUBLE_EQ(step.activity[Action::mac_int8],
                       static_cast<double>(batch) * kMatrixElements + scores * kHeadDim);
      EXPECT_DOUBLE_EQ(step.activity[Action::mac_int16], scores * kHeadDim);
    }
  }
}

TEST(Estimate, a_decode_step_moves_the_bytes_of_its_closed_form) {
  for (const BlockFormat format : {BlockFormat::q8_0, BlockFormat::q4_1, BlockFormat::mxfp4}) {
    Estimator estimator = make(load("churon-1"), format);
    const double bits = numeric::info(format).bits_per_weight;
    for (const std::int64_t batch : {1, 7}) {
      for (const std::int64_t past : {0, 31, 1000}) {
        const auto step = estimator.step(graph::decode_step(batch, past));
        const double kv = static_cast<double>(batch * kLayers * 2 * kKvHeads * kHeadDim) * 8.5 / 8;
        const double norms = (2 * kLayers + 1) * kModel * 4;
        EXPECT_DOUBLE_EQ(step.activity[Action::memory_write], kv);
        EXPECT_NEAR(step.activity[Action::memory_read],
                    kMatrixElements * bits / 8 + norms +
                        static_cast<double>(batch) * kModel * bits / 8 +
                        kv * static_cast<double>(past + 1),
                    1e-6);
      }
    }
  }
}

TEST(Estimate, four_bit_weights_are_counted_apart) {
  Estimator estimator = make(load("churon-1"), BlockFormat::q4_0);
  const auto step = estimator.step(graph::decode_step(1, 0));
  EXPECT_DOUBLE_EQ(step.activity[Action::mac_w4], kMatrixElements);
}

TEST(Estimate, the_bound_is_never_above_the_expected_time_on_any_shipped_chip) {
  for (const chip::Listed& listed : chip::listed()) {
    Estimator estimator = make(load(listed.id.c_str()));
    for (const std::int64_t batch : {1, 31, 512}) {
      for (const std::int64_t past : {0, 65, 4095}) {
        for (const std::int64_t tokens : {1, 7, 512}) {
          const auto step = estimator.step({{{batch, past, tokens, 1}}});
          EXPECT_LE(step.bound, step.expected) << listed.id;
          EXPECT_GT(step.bound.value(), 0) << listed.id;
          EXPECT_TRUE(std::isfinite(step.expected.value())) << listed.id;
        }
      }
    }
  }
}

TEST(Estimate, parts_sum_to_the_whole) {
  for (const char* name : {"churon-1", "churon-0", "h100"}) {
    Estimator estimator = make(load(name));
    const auto step = graph::Step{{{3, 100, 33, 1}}};
    const auto whole = estimator.step(step);
    Seconds limits{};
    for (const Seconds part : whole.by_limit) {
      limits += part;
    }
    Seconds kinds = whole.by_limit[static_cast<std::size_t>(Limit::fixed)];
    for (const Seconds part : whole.by_kind) {
      kinds += part;
    }
    EXPECT_NEAR(limits / whole.expected, 1, 1e-12);
    EXPECT_NEAR(kinds / whole.expected, 1, 1e-12);

    stats::Activity activity;
    int count = 0;
    for (const OperatorEstimate& row : estimator.operators(step)) {
      activity += row.activity;
      count += row.count;
      EXPECT_EQ(row.time, std::max({row.compute, row.memory, row.vector}));
    }
    EXPECT_EQ(static_cast<std::size_t>(count), graph::graph(small_model(), step).ops.size());
    for (const Action action : {Action::mac_int8, Action::mac_int16, Action::vector_operation,
                                Action::memory_read, Action::scratch_access, Action::busy}) {
      EXPECT_NEAR(activity[action], whole.activity[action], 1e-9 * whole.activity[action]);
    }
  }
}

TEST(Estimate, energy_is_the_sum_of_actions_and_positive_on_any_shipped_chip) {
  for (const chip::Listed& listed : chip::listed()) {
    Estimator estimator = make(load(listed.id.c_str()));
    const auto step = estimator.step(graph::decode_step(1, 100));
    double sum = 0;
    for (const stats::ActionEntry& entry : stats::actions()) {
      EXPECT_GE(estimator.prices()[entry.action], 0) << listed.id;
      sum += step.activity[entry.action] * estimator.prices()[entry.action];
    }
    const double energy = stats::energy(step.activity, estimator.prices()).value();
    EXPECT_DOUBLE_EQ(energy, sum);
    EXPECT_GT(energy, 0) << listed.id;
    EXPECT_TRUE(std::isfinite(energy)) << listed.id;
  }
}

TEST(Estimate, more_bandwidth_is_never_slower) {
  for (const char* name : {"churon-1", "churon-0", "b200"}) {
    const chip::Chip chip = load(name);
    chip::Chip faster = chip;
    for (chip::Memory& memory : faster.memories) {
      if (memory.pin_rate) {
        memory.pin_rate->value *= 1.3;
      }
      if (memory.bandwidth) {
        memory.bandwidth->value *= 1.3;
      }
    }
    ASSERT_GT(chip::memory_bandwidth(faster), chip::memory_bandwidth(chip)) << name;
    Estimator slow = make(chip);
    Estimator fast = make(faster);
    for (const std::int64_t batch : {1, 65}) {
      for (const std::int64_t tokens : {1, 31, 512}) {
        const graph::Step step{{{batch, 63, tokens, 1}}};
        EXPECT_LE(fast.step(step).expected, slow.step(step).expected) << name;
        EXPECT_LE(fast.step(step).bound, slow.step(step).bound) << name;
      }
    }
  }
}

TEST(Estimate, time_grows_with_context_and_batch) {
  Estimator estimator = make(load("churon-0"));
  Seconds before{};
  for (const std::int64_t past : {0, 1, 63, 64, 65, 1023, 1025, 4000}) {
    const Seconds time = estimator.step(graph::decode_step(1, past)).expected;
    EXPECT_GE(time, before);
    before = time;
  }
  EXPECT_GE(estimator.step(graph::decode_step(33, 100)).expected,
            estimator.step(graph::decode_step(1, 100)).expected);
}

TEST(Estimate, decode_of_a_large_model_is_limited_by_memory_and_meets_the_derated_bandwidth) {
  model::Hyperparameters h = small_model();
  h.d_model = 4096;
  h.d_ff = 14336;
  h.heads = 32;
  h.kv_heads = 8;
  h.key_dim = h.value_dim = 128;
  h.vocab = 128256;
  h.layers = 32;
  h.layer_has_window.assign(32, false);
  const chip::Chip chip = load("churon-1");
  Estimator estimator = make(chip, BlockFormat::q8_0, h);
  const auto step = estimator.step(graph::decode_step(1, 0));
  const double seconds = step.by_limit[static_cast<std::size_t>(Limit::memory)].value();
  const double bandwidth = step.activity.memory_bytes().value() / seconds;
  const double derated = chip::memory_bandwidth(chip).value() * chip::derate(chip)->memory.value;
  EXPECT_NEAR(bandwidth / derated, 1, 0.02);
  EXPECT_GT(step.by_limit[static_cast<std::size_t>(Limit::memory)],
            step.by_limit[static_cast<std::size_t>(Limit::compute)]);
}

TEST(Estimate, a_window_bounds_the_cache_that_is_read_and_held) {
  model::Hyperparameters h = small_model();
  h.window = 8;
  h.layer_has_window = {true, true, false};
  Estimator estimator = make(load("churon-1"), BlockFormat::q8_0, h);
  const double position = 2 * kKvHeads * kHeadDim * 8.5 / 8;
  EXPECT_DOUBLE_EQ(estimator.footprint(1000).kv_per_sequence.value(), position * (8 + 8 + 1000));
  const auto rows = estimator.operators(graph::decode_step(1, 999));
  double read = 0;
  for (const OperatorEstimate& row : rows) {
    read += row.kind == OpKind::attention ? row.activity[Action::memory_read] : 0;
  }
  EXPECT_DOUBLE_EQ(read, position * (8 + 8 + 1000));
}

TEST(Estimate, what_does_not_fit_says_the_largest_context_and_batch_that_do) {
  const chip::Chip chip = load("churon-0");
  Estimator estimator = make(chip);
  EXPECT_TRUE(estimator.check_fits(1, 4096));
  const std::int64_t huge = std::int64_t{1} << 30;
  const auto result = estimator.check_fits(3, huge);
  ASSERT_FALSE(result);
  const Diagnostic& diagnostic = result.error().front();
  EXPECT_EQ(diagnostic.exit, ExitCode::infeasible);
  std::int64_t largest = 0;
  ASSERT_EQ(
      std::sscanf(diagnostic.help.front().c_str(), "largest context that fits: -c %ld", &largest),
      1)
      << diagnostic.help.front();
  EXPECT_TRUE(estimator.check_fits(3, largest));
  EXPECT_FALSE(estimator.check_fits(3, largest + 1));
}

TEST(Estimate, an_unknown_derate_set_names_those_there_are) {
  const chip::Chip chip = load("churon-1");
  const auto result = Estimator::create(small_model(), uniform(BlockFormat::q8_0, kLayers), chip,
                                        {.derate = "optimistic"});
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().front().code, "E0101");
  EXPECT_NE(to_text(result.error()).find("neutral"), std::string::npos);
}

}  // namespace
}  // namespace churon::estimate
