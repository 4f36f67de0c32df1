// The text of the summary of `churon run` is the text we mean.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "report/run_report.h"

namespace churon::report {
namespace {

evaluate::Phase phase(double compute, double memory, double vector, double fixed) {
  evaluate::Phase result;
  result.steps = 1;
  result.total.by_limit = {Seconds{compute}, Seconds{memory}, Seconds{vector}, Seconds{},
                           Seconds{fixed}};
  result.total.expected = Seconds{compute + memory + vector + fixed};
  result.total.bound = Seconds{memory};
  return result;
}

evaluate::Evaluation evaluation(const char* id, const char* name, double speed, chip::Kind kind,
                                estimate::EnergyModel energy_model) {
  evaluate::Evaluation result;
  result.chip_id = id;
  result.chip_name = name;
  result.kind = kind;
  result.derate = "neutral";
  result.energy_model = energy_model;
  result.workload = {.prompt_tokens = 38, .output_tokens = 129, .batch = 1, .context = 4096};
  result.footprint = {Bytes{84.3e6}, Bytes{49.1e6}, Bytes{288e9}};
  result.prefill = phase(3e-6 / speed, 12e-6 / speed, 0, 475e-6);
  result.decode = phase(0, 20e-6 / speed, 5e-6 / speed, 475e-6);
  result.ttft = result.prefill.total.expected;
  result.ttft_bound = Seconds{9e-6 / speed};
  result.tpot = result.decode.total.expected;
  result.tpot_bound = Seconds{9.1e-6 / speed};
  result.tokens_per_s = 1 / result.tpot.value();
  result.energy_per_token = Joules{0.0913};
  result.memory_per_token = Bytes{85.1e6};
  return result;
}

RunRecord record() {
  RunRecord result;
  result.model_name = "SmolLM2 135M\x1b[31m";  // escaped
  result.prompt_ids.assign(38, 1);
  result.ids.assign(129, 2);
  result.finish_reason = "stop";
  result.kv_format = "q8_0";
  result.transcodings = {
      {"blk.0.ffn_down.weight", numeric::TensorType::q6_k, numeric::BlockFormat::q8_0, false, 45.3,
       1'000'000, 1'300'000},
      {"blk.1.ffn_down.weight", numeric::TensorType::q6_k, numeric::BlockFormat::q8_0, false, 44.8,
       1'000'000, 1'300'000},
      {"blk.0.ffn_up.weight", numeric::TensorType::q5_0, numeric::BlockFormat::q8_0, true, 0,
       700'000, 1'080'000},
  };
  result.host = {.threads = 2,
                 .kernels = "avx512",
                 .prefill_tokens = 38,
                 .prefill_time = Seconds{0.05},
                 .decode_tokens = 128,
                 .decode_time = Seconds{0.64}};
  result.chips.push_back(
      evaluation("churon-1", "churon-1", 1, chip::Kind::full, estimate::EnergyModel::actions));
  return result;
}

// Compares with the file of that name, or writes it where CHURON_UPDATE_GOLDEN is set.
void expect_golden(const std::string& name, const std::string& text) {
  const std::string path = std::string(CHURON_SOURCE_DIR) + "/tests/golden/run/" + name;
  if (std::getenv("CHURON_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(path) << text;
    return;
  }
  std::ifstream file(path);
  std::stringstream expected;
  expected << file.rdbuf();
  EXPECT_EQ(text, expected.str()) << path;
}

TEST(RunSummary, of_one_chip) {
  expect_golden("one_chip.txt", run_text(record(), Charset::unicode));
}

TEST(RunSummary, in_ascii) {
  const std::string text = run_text(record(), Charset::ascii);
  expect_golden("ascii.txt", text);
  for (const char c : text) {
    EXPECT_GE(c, 0);
  }
}

TEST(RunSummary, with_other_chips_users_and_a_misfit) {
  RunRecord many = record();
  many.finish_reason = "context_full";
  many.transcodings.clear();
  many.chips.front().workload.batch = 64;
  many.chips.front().tokens_per_s *= 64;
  many.chips.push_back(
      evaluation("b200", "B200 SXM", 0.85, chip::Kind::opaque, estimate::EnergyModel::power));
  many.misfits.push_back(
      {"tpu-v5e", {{.code = "E0201", .message = "the model does not fit the memory of TPU v5e"}}});
  expect_golden("compare.txt", run_text(many, Charset::unicode));
}

TEST(RunSummary, of_the_reference_mode) {
  RunRecord reference = record();
  reference.arithmetic = exec::Arithmetic::f32;
  reference.kv_format = "f32";
  reference.transcodings.clear();
  reference.finish_reason = "interrupted";
  expect_golden("f32.txt", run_text(reference, Charset::unicode));
}

TEST(RunSummary, json_carries_invalid_text_as_bytes_too) {
  RunRecord broken = record();
  broken.text = "a\xff";
  const Json json = run_json(broken);
  EXPECT_EQ(json["text"], "a\xef\xbf\xbd");
  EXPECT_EQ(json["text_base64"], "Yf8=");
  EXPECT_FALSE(run_json(record()).contains("text_base64"));
  EXPECT_EQ(json["fidelity"], "analytic");
  EXPECT_EQ(json["validated"], false);
}

}  // namespace
}  // namespace churon::report
