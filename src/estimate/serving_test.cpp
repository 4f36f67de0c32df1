#include "estimate/serving.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "chip/chip.h"
#include "graph/graph.h"
#include "model/shapes.h"

namespace churon::estimate {
namespace {

const model::Shapes& shapes() {
  static const model::Shapes all = *model::load_shapes();
  return all;
}

model::Hyperparameters shape(std::string_view name) { return *model::find_shape(shapes(), name); }

Device device(std::string_view chip) {
  static std::map<std::string, chip::Chip, std::less<>> chips;
  const auto known = chips.find(chip);
  const chip::Chip& loaded =
      known != chips.end() ? known->second : chips.emplace(chip, *chip::load(chip)).first->second;
  return Device(*figures(loaded), *shipped_efficiency());
}

Result<Server> server(std::string_view model, std::string_view chip, Parallelism parallelism,
                      std::string_view weights = "fp8") {
  const model::Hyperparameters hyperparameters = shape(model);
  return Server::create(device(chip), {.shape = &hyperparameters,
                                       .parallelism = parallelism,
                                       .framework = Framework::vllm,
                                       .weights = precision(weights),
                                       .kv_bits = 8});
}

std::string code(const Result<Server>& result) { return result ? "" : result.error().front().code; }

// H100 has no four-bit products, B200 has; an own chip's matrix unit takes what is stored.
TEST(Serving, weights_that_are_widened_take_power) {
  const model::Hyperparameters hyperparameters = shape("gpt-oss-20b");
  const auto watts = [&](std::string_view chip, std::string_view weights, double widen) {
    Device one = device(chip);
    one.efficiency.power.widen = widen;
    const auto made = Server::create(one, {.shape = &hyperparameters,
                                           .parallelism = {},
                                           .framework = Framework::vllm,
                                           .weights = precision(weights),
                                           .kv_bits = 16});
    return made ? made->serve({.concurrency = 8, .input_tokens = 1024, .output_tokens = 1024})
                      .power_w
                : 0.0;
  };
  EXPECT_GT(watts("h100", "mxfp4", 0.2), watts("h100", "mxfp4", 0) + 30);
  EXPECT_GT(watts("b200", "int4_wo", 0.2), watts("b200", "int4_wo", 0) + 30);
  EXPECT_GT(watts("b200", "mxfp4", 0), 0);
  EXPECT_EQ(watts("b200", "mxfp4", 0.2), watts("b200", "mxfp4", 0));
  EXPECT_EQ(watts("h100", "bf16", 0.2), watts("h100", "bf16", 0));
}

TEST(Serving, a_lone_request_waits_for_nobody) {
  for (const std::string_view chip : {"h200", "churon-1"}) {
    const auto made = server("Llama-3.1-70B", chip, {.tp = 8}, chip == "h200" ? "fp8" : "q8_0");
    ASSERT_TRUE(made) << chip;
    const Load load{.concurrency = 1, .input_tokens = 8000, .output_tokens = 8};
    const Served alone = made->serve(load);
    EXPECT_DOUBLE_EQ(alone.tpot_s, made->decode_step(1, 8004).expected_s) << chip;
    EXPECT_EQ(alone.first.step_s, 0) << chip;
    EXPECT_EQ(alone.first.queue_s, 0) << chip;
    Load two = load;
    two.concurrency = 2;
    const Served pair = made->serve(two);
    const double shared =
        chip == "h200"
            ? device(chip).efficiency.profiles[static_cast<std::size_t>(Framework::vllm)].prefill
            : 1;
    EXPECT_NEAR(pair.tpot_s - made->decode_step(2, 8004).expected_s,
                shared * alone.first.prompt_s / 8, 1e-9)
        << chip;
    EXPECT_GT(pair.first.step_s, 0) << chip;
  }
}

TEST(Serving, one_rank_holds_every_parameter) {
  for (const std::string_view name : {"Llama-3.1-8B", "Qwen3-32B", "Mixtral-8x7B"}) {
    const model::Hyperparameters hyperparameters = shape(name);
    const double parameters = static_cast<double>(
        graph::parameter_count(graph::graph(hyperparameters, graph::decode_step(1, 1))));
    const auto served = server(name, "mi355x", {}, "bf16");
    ASSERT_TRUE(served) << name;
    // Norms and biases are left out: they are a thousandth.
    EXPECT_NEAR(served->space().weights_bytes, 2 * parameters, 2e-3 * parameters) << name;
  }
}

TEST(Serving, ranks_share_weights_and_caches) {
  const auto one = server("Llama-3.1-70B", "mi355x", {});
  const auto eight = server("Llama-3.1-70B", "mi355x", {.tp = 8});
  const auto stages = server("Llama-3.1-70B", "mi355x", {.pp = 4});
  ASSERT_TRUE(one && eight && stages);
  EXPECT_NEAR(eight->space().weights_bytes * 8, one->space().weights_bytes,
              1e-6 * one->space().weights_bytes);
  EXPECT_NEAR(eight->space().kv_bytes_per_token * 8, one->space().kv_bytes_per_token, 1);
  EXPECT_NEAR(stages->space().weights_bytes * 4, one->space().weights_bytes,
              1e-6 * one->space().weights_bytes);
  // 80 layers, 8 heads of 128 for keys and values, one byte each.
  EXPECT_NEAR(one->space().kv_bytes_per_token, 80 * 2 * 8 * 128, 1);
}

TEST(Serving, latents_are_held_by_every_rank) {
  const auto four = server("DeepSeek-V3", "mi355x", {.tp = 4});
  const auto eight = server("DeepSeek-V3", "mi355x", {.tp = 8});
  ASSERT_TRUE(four && eight);
  EXPECT_EQ(four->space().kv_bytes_per_token, 61 * (512 + 64));
  EXPECT_EQ(eight->space().kv_bytes_per_token, four->space().kv_bytes_per_token);
}

TEST(Serving, no_prediction_is_faster_than_its_bound) {
  for (const std::string_view chip : {"h100", "b200", "mi300x", "tpu-v6e", "churon-1"}) {
    for (const std::string_view model : {"Llama-3.1-70B", "gpt-oss-120b", "DeepSeek-V3"}) {
      for (const int tp : {1, 2, 8, 16, 64}) {
        const auto served = server(model, chip, {.tp = tp});
        if (!served) {
          continue;
        }
        for (const double batch : {1.0, 7.0, 64.0, 513.0}) {
          const StepTime decode = served->decode_step(batch, 4097);
          EXPECT_LE(decode.bound_s, decode.expected_s) << model << chip << tp << " " << batch;
          const StepTime prefill = served->prefill_step(1, 8191, 8191);
          EXPECT_LE(prefill.bound_s, prefill.expected_s) << model << chip << tp;
          double sum = 0;
          for (const double part : decode.limits_s) {
            sum += part;
          }
          EXPECT_NEAR(sum, decode.expected_s, 1e-9 * sum);
        }
      }
    }
  }
}

TEST(Serving, more_users_never_make_a_token_faster) {
  for (const std::string_view model : {"Llama-3.1-70B", "gpt-oss-120b"}) {
    for (const std::string_view chip : {"h200", "b200", "churon-1"}) {
      const auto served = server(model, chip, {.tp = 8});
      ASSERT_TRUE(served) << model << chip;
      Served before;
      for (double users = 1; users <= 4096; users *= 2) {
        const Served now = served->serve({.concurrency = users});
        EXPECT_GE(now.tpot_s, before.tpot_s * (1 - 1e-9)) << model << chip << users;
        EXPECT_GE(now.ttft_s, before.ttft_s * (1 - 1e-9)) << model << chip << users;
        EXPECT_LE(now.running, served->fitting(1024));
        before = now;
      }
    }
  }
}

TEST(Serving, prompts_of_others_come_one_by_one_unless_a_step_brings_several) {
  const auto served = server("Llama-3.1-70B", "h100", {.tp = 8});
  ASSERT_TRUE(served);
  const double held =
      served->device().efficiency.profiles[static_cast<std::size_t>(Framework::vllm)].prefill;
  const auto prefill_s = [&](double requests, double output_tokens) {
    const Served result = served->serve(
        {.concurrency = requests, .input_tokens = 1024, .output_tokens = output_tokens});
    return result.prefill_share * result.tpot_s / held;
  };
  const double one_s = served->prefill_step(1, 1024, 1024).expected_s;
  EXPECT_NEAR(prefill_s(64, 1024), 63.0 / 1024 * one_s, 1e-12);
  // 128 requests of 32 tokens: four a step, of which a hundred and twenty-eighth is one's own.
  const double four_s = served->prefill_step(4, 1024, 1024).expected_s;
  EXPECT_NEAR(prefill_s(128, 32), 127.0 / 128 * four_s, 1e-12);
  EXPECT_LT(four_s, 4 * one_s);
}

TEST(Serving, who_finds_no_space_waits) {
  const auto served = server("Llama-3.1-70B", "h100", {.tp = 2});
  ASSERT_TRUE(served);
  const double fit = served->fitting(1024 + 512);
  const Served few = served->serve({.concurrency = fit});
  const Served many = served->serve({.concurrency = 3 * fit});
  EXPECT_EQ(few.running, fit);
  EXPECT_EQ(many.running, fit);
  EXPECT_DOUBLE_EQ(many.tpot_s, few.tpot_s);
  EXPECT_GT(many.ttft_s, 1023 * few.tpot_s);
}

TEST(Serving, disaggregated_tokens_wait_for_no_prompt) {
  const auto served = server("Llama-3.1-70B", "h200", {.tp = 4});
  ASSERT_TRUE(served);
  const Load load{.concurrency = 64, .input_tokens = 8192};
  Load apart = load;
  apart.disaggregated = true;
  const Served together = served->serve(load);
  const Served split = served->serve(apart);
  EXPECT_LT(split.tpot_s, together.tpot_s);
  EXPECT_GT(split.chips, together.chips);
  EXPECT_DOUBLE_EQ(split.tpot_s, split.itl_s);
  EXPECT_DOUBLE_EQ(split.chips, 4 + split.prefill_chips);
  EXPECT_EQ(together.prefill_chips, 0);
  EXPECT_EQ(together.first.transfer_s, 0);
}

// 80 layers x 2 x 8 heads x 128 elements of 8 bits, a fourth on each chip: 0.34 GB of a prompt of
// 8,192 tokens. 8 chips share a domain of 450 GB/s a direction; more cross a 400 Gb/s adapter.
TEST(Serving, the_cache_of_a_prompt_is_sent_by_the_link_that_joins_the_chips) {
  const auto served = server("Llama-3.1-70B", "h200", {.tp = 4});
  ASSERT_TRUE(served);
  Load load{.concurrency = 8, .input_tokens = 8192, .disaggregated = true};
  const double bytes =
      80 * 2 * 8 * 128 * 8192.0 / 4 * served->space().kv_bytes_per_token / (80 * 2 * 8 * 128 / 4.0);
  const Served inside = served->serve(load);
  ASSERT_LE(inside.chips, 8);
  EXPECT_NEAR(inside.first.transfer_s, bytes / 450e9, 1e-9);
  EXPECT_FALSE(inside.transfer.across);
  EXPECT_DOUBLE_EQ(inside.transfer.seconds, inside.first.transfer_s);
  load.concurrency = 256;
  const Served across = served->serve(load);
  ASSERT_GT(across.chips, 8);
  EXPECT_TRUE(across.transfer.across);
  EXPECT_NEAR(across.transfer.bytes, bytes, 1);
  EXPECT_DOUBLE_EQ(across.transfer.bytes_per_s, 50e9);
  const auto& network = served->device().efficiency.network;
  EXPECT_NEAR(across.first.transfer_s, network.simple + bytes / (network.link * 50e9), 1e-9);
  EXPECT_DOUBLE_EQ(across.first.sum(), across.ttft_s);
}

// Two stages of eight H100 send one row on; four stages of four fit two domains by pairs.
TEST(Serving, stages_in_other_domains_are_reached_over_the_adapters) {
  const auto sends = [](Parallelism parallelism) {
    const auto served = server("DeepSeek-V3", "h100", parallelism);
    EXPECT_TRUE(served) << to_text(served.error());
    std::map<std::string, double, std::less<>> counts;
    for (const OperatorTime& op : served->operators(Phase::decode, 64, 1024)) {
      if (op.name.starts_with("stage")) {
        counts[std::string(op.name)] = op.count;
        EXPECT_EQ(op.price.across_bytes > 0, op.name == "stage_send_across");
      } else {
        EXPECT_EQ(op.price.across_bytes, 0) << op.name;
      }
    }
    return counts;
  };
  using Counts = std::map<std::string, double, std::less<>>;
  EXPECT_EQ(sends({.tp = 8, .pp = 2}), (Counts{{"stage_send_across", 1}}));
  EXPECT_EQ(sends({.tp = 4, .pp = 4}), (Counts{{"stage_send", 2}, {"stage_send_across", 1}}));
  EXPECT_EQ(sends({.tp = 4, .pp = 5}), (Counts{{"stage_send", 2}, {"stage_send_across", 2}}));
}

// Attention groups of eight stay in their domain; only tokens for far experts leave it.
TEST(Serving, experts_over_two_domains_leave_sums_of_attention_inside) {
  const auto served = server("DeepSeek-V3", "h100", {.tp = 8, .ep = 16, .attention_dp = 2});
  ASSERT_TRUE(served) << to_text(served.error());
  for (const OperatorTime& op : served->operators(Phase::prefill, 2, 1024)) {
    EXPECT_EQ(op.price.across_bytes > 0, op.name == "experts_exchange") << op.name;
  }
  const Served all = served->serve({.concurrency = 64});
  EXPECT_GT(all.tpot_s, all.tpot_bound_s);
}

TEST(Serving, more_chips_than_links_join_need_a_stated_rate_between_them) {
  const auto refused = server("Llama-3.1-8B", "l40s", {.tp = 16});
  EXPECT_EQ(code(refused), "E0408");
  EXPECT_EQ(refused.error().front().exit, ExitCode::infeasible);
  const auto alone = server("Llama-3.1-8B", "l40s", {.tp = 4});
  ASSERT_TRUE(alone);
  Load load{.concurrency = 64, .input_tokens = 8192, .disaggregated = true};
  const auto apart = alone->check(load);
  ASSERT_FALSE(apart);
  EXPECT_EQ(apart.error().front().code, "E0408");
  load.disaggregated = false;
  EXPECT_TRUE(alone->check(load));
}

TEST(Serving, a_prefix_that_is_there_is_not_computed) {
  const auto served = server("Llama-3.1-8B", "h100", {});
  ASSERT_TRUE(served);
  Load load{.concurrency = 1, .input_tokens = 8192};
  const double cold = served->serve(load).ttft_s;
  load.prefix_hit = 0.9;
  EXPECT_LT(served->serve(load).ttft_s, cold);
}

TEST(Serving, rules_of_parallelism_are_named) {
  EXPECT_EQ(code(server("Llama-3.1-8B", "h100", {.tp = 3})), "E0402");
  EXPECT_EQ(code(server("Llama-3.1-8B", "h100", {.tp = 2, .ep = 2})), "E0403");
  EXPECT_EQ(code(server("gpt-oss-120b", "b200", {.tp = 3, .ep = 3, .moe_tp = 1})), "E0402");
  EXPECT_EQ(code(server("gpt-oss-120b", "b200", {.tp = 4, .ep = 2, .moe_tp = 4})), "E0404");
  EXPECT_EQ(code(server("Llama-3.1-8B", "h100", {.pp = 33})), "E0405");
  EXPECT_EQ(code(server("Llama-3.1-405B", "h100", {})), "E0406");
  const auto served = server("Llama-3.1-8B", "h100", {});
  ASSERT_TRUE(served);
  EXPECT_EQ(served->check({.concurrency = 1e9}).error().front().code, "E0407");
  EXPECT_EQ(served->check({.input_tokens = 1e6}).error().front().code, "E0407");
  EXPECT_TRUE(served->check({}));
}

TEST(Serving, a_static_batch_runs_in_waves) {
  const auto served = server("Llama-3.1-70B", "h100", {.tp = 2});
  ASSERT_TRUE(served);
  const double fit = served->fitting(2048);
  EXPECT_EQ(served->static_batch(fit, 1024, 1024).waves, 1);
  EXPECT_EQ(served->static_batch(3 * fit, 1024, 1024).waves, 3);
}

double sum_of(const Term& term) {
  double sum = 0;
  for (const Term& child : term.children) {
    sum += child.value;
  }
  return sum;
}

TEST(Serving, an_explanation_adds_up) {
  const std::vector<std::pair<std::string_view, Load>> asked{
      {"b200", {.concurrency = 16}},
      {"h200", {.concurrency = 333, .input_tokens = 300, .output_tokens = 31}},
      {"h100", {.concurrency = 7, .input_tokens = 9001, .output_tokens = 65, .prefix_hit = 0.7}},
      {"churon-1", {.concurrency = 33}},
      {"h200", {.concurrency = 7, .disaggregated = true}}};
  for (const auto& [chip, load] : asked) {
    const auto served = server("gpt-oss-120b", chip, {.tp = 2});
    ASSERT_TRUE(served) << chip;
    const Served result = served->serve(load);
    const Term root = served->explain(load);
    const auto term = [&](std::string_view key) -> const Term& {
      const Term* found = find(root, key);
      EXPECT_NE(found, nullptr) << chip << " " << key;
      static const Term kNone;
      return found != nullptr ? *found : kNone;
    };
    for (const auto& [key, value] : std::vector<std::pair<const char*, double>>{
             {"tpot", result.tpot_s},
             {"tpot.decode",
              served->decode_step(result.running, load.input_tokens + load.output_tokens / 2)
                  .expected_s},
             {"tpot_bound", result.tpot_bound_s},
             {"tpot_bound.decode_bound",
              served->decode_step(result.running, load.input_tokens + load.output_tokens / 2)
                  .bound_s},
             {"ttft", result.ttft_s},
             {"ttft.prompt", result.first.prompt_s},
             {"ttft_bound", result.ttft_bound_s}}) {
      EXPECT_NEAR(term(key).value, value, 1e-12) << chip << " " << key;
      EXPECT_NEAR(sum_of(term(key)), value, 1e-9 * value) << chip << " " << key;
    }
    if (!load.disaggregated) {
      const Term& prompt = term("tpot.prefill.prompt");
      EXPECT_NEAR(term("prompts").value * prompt.value * term("share").value,
                  term("tpot.prefill").value, 1e-12)
          << chip;
      // Prompts that come in one step share a pass, up to a chunk of tokens.
      const double fresh = load.input_tokens * (1 - load.prefix_hit);
      const double at_once =
          std::max(1.0, std::min(std::floor(served->device().efficiency.serving.chunk / fresh),
                                 result.running / load.output_tokens));
      EXPECT_NEAR(sum_of(prompt), at_once * prompt.value, 1e-9 * sum_of(prompt)) << chip;
    }
    EXPECT_NEAR(term("energy").value, term("power").value / root.value, 1e-9) << chip;
    EXPECT_EQ(term("itl").value, result.itl_s) << chip;
    EXPECT_EQ(term("requests").value, served->fitting(load.input_tokens + load.output_tokens));
  }
}

// A pipeline, event by event: groups of requests whose prompts are prefilled in chunks, first come
// first served and prompts before tokens; each token of a group needs the one before it.
double pipelined(int stages, int groups, int chunks, int tokens, double chunk_s, double token_s) {
  std::vector<double> free(static_cast<std::size_t>(stages));
  const auto pass = [&](double ready, double seconds) {
    for (double& stage : free) {
      ready = std::max(ready, stage) + seconds / stages;
      stage = ready;
    }
    return ready;
  };
  std::vector<double> done(static_cast<std::size_t>(groups));
  for (double& group : done) {
    for (int i = 0; i < chunks; ++i) {
      group = pass(0, chunk_s);
    }
  }
  for (int token = 1; token < tokens; ++token) {
    for (double& group : done) {
      group = pass(group, token_s);
    }
  }
  return *std::max_element(done.begin(), done.end());
}

TEST(Serving, a_static_batch_takes_what_its_pipeline_takes_event_by_event) {
  // Prompts of 4,096 tokens: two make a chunk.
  for (const int stages : {1, 2, 4, 8}) {
    const auto served = server("Llama-3.1-70B", "mi355x", {.pp = stages});
    ASSERT_TRUE(served);
    for (const int requests : {1, stages, 2 * stages, 8 * stages}) {
      const int groups = std::min(requests, stages);
      const int at_once = std::min(2, requests / groups);
      const double chunk_s = served->prefill_step(at_once, 4096, 4096).expected_s;
      const double token_s = served->decode_step(requests, 4096 + 32).expected_s;
      const Batch batch = served->static_batch(requests, 4096, 64);
      const double host =
          served->device().efficiency.profiles[static_cast<std::size_t>(Framework::vllm)].prompt;
      EXPECT_NEAR(
          batch.latency_s,
          host + pipelined(stages, groups, requests / groups / at_once, 64, chunk_s, token_s), 1e-9)
          << stages << " stages, " << requests << " requests";
      EXPECT_LT(batch.bound_s, batch.latency_s);
    }
  }
}

TEST(Serving, stages_share_a_large_static_batch_and_do_not_hasten_one_request) {
  const auto one = server("Llama-3.1-70B", "mi355x", {});
  const auto four = server("Llama-3.1-70B", "mi355x", {.pp = 4});
  ASSERT_TRUE(one && four);
  // Prompts alone, many of them: a fourth of the time.
  const double prompts = one->static_batch(512, 8192, 1).latency_s;
  EXPECT_NEAR(four->static_batch(512, 8192, 1).latency_s / prompts, 0.25, 0.005);
  // One request goes through the same layers, and over three borders.
  EXPECT_GE(four->static_batch(1, 1024, 128).latency_s, one->static_batch(1, 1024, 128).latency_s);
  EXPECT_NEAR(four->static_batch(1, 1024, 128).latency_s, one->static_batch(1, 1024, 128).latency_s,
              0.02 * one->static_batch(1, 1024, 128).latency_s);
  // Chips that wait draw less.
  EXPECT_LT(four->static_batch(1, 1024, 128).power_w, four->static_batch(64, 1024, 128).power_w);
  EXPECT_LT(four->static_batch(1, 1024, 128).power_w, 4 * one->static_batch(1, 1024, 128).power_w);
}

}  // namespace
}  // namespace churon::estimate
