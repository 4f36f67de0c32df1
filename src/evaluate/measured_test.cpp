#include "evaluate/measured.h"

#include <gmock/gmock.h>

#include "evaluate/predict.h"

namespace churon::evaluate {
namespace {

using ::testing::HasSubstr;

constexpr std::string_view kHeader =
    "grade,source,date,chip,chips_count,parallelism,framework,model,weight_dtype,kv_dtype,"
    "input_len,output_len,batch,metric,value,unit,note\n";

Measured read(const std::string& rows, std::string_view header = kHeader) {
  MeasuredReader reader;
  reader.read(parse_csv(std::string(header) + rows, "some/where/t.csv"));
  return reader.take();
}

TEST(Measured, normalises_names_units_and_versions) {
  const Measured measured = read(
      "A,s,2025,h200,8,tp8,trtllm 1.2.0rc2,meta-llama/Llama-3.1-70B-Instruct,FP8,,1024,1024,4,TPOT,"
      "9.5,ms,closed loop\n"
      "A,s,2025,H200-SXM,8,tp8,TensorRT-LLM v1.0,Llama-3.1-70B,fp8,,1024,1024,4,TPOT,0.0095,s,\n");
  EXPECT_TRUE(measured.findings.empty()) << to_text(measured.findings);
  ASSERT_EQ(measured.rows.size(), 2U);
  for (const MeasuredRow& row : measured.rows) {
    EXPECT_EQ(row.group, "H200-SXM | Llama-3.1-70B | TensorRT-LLM");
    EXPECT_DOUBLE_EQ(row.value, 9.5e-3);
    EXPECT_EQ(row.parallelism.tp, 8);
    EXPECT_EQ(row.kv_bits, 8);  // by the rule
    EXPECT_THAT(row.assumptions, HasSubstr("KV fp8: not stated"));
  }
  EXPECT_EQ(measured.files[0].name, "t.csv");
}

TEST(Measured, reads_fp8_as_the_makers_of_a_model_publish_it) {
  const Measured measured = read(
      "A,s,2025,h200,8,tp8,SGLang,deepseek-ai/DeepSeek-R1,fp8,,1024,1024,4,TPOT,10,ms,\n"
      "A,s,2025,h200,8,tp8,SGLang,meta-llama/Llama-3.1-70B,fp8,,1024,1024,4,TPOT,10,ms,\n");
  ASSERT_EQ(measured.rows.size(), 2U) << to_text(measured.findings);
  EXPECT_EQ(measured.rows[0].weights_name, "fp8_block");
  EXPECT_THAT(measured.rows[0].assumptions, HasSubstr("fp8_block"));
  EXPECT_EQ(measured.rows[1].weights_name, "fp8");
}

TEST(Measured, takes_16_bit_caches_where_nothing_is_stated_and_it_is_not_tensorrt) {
  const Measured measured = read(
      "A,s,2025,H100,1,tp1,vllm 0.19,Qwen3-8B,fp8,,1,1,1,TPOT,1,ms,\n"
      "A,s,2025,H100,1,tp1,trtllm,Qwen3-8B,bf16,,1,1,1,TPOT,1,ms,\n"
      "A,s,2025,H100,1,tp1,vllm,Qwen3-8B,bf16,fp8,1,1,1,TPOT,1,ms,\n");
  ASSERT_EQ(measured.rows.size(), 3U);
  EXPECT_EQ(measured.rows[0].kv_bits, 16);
  EXPECT_EQ(measured.rows[1].kv_bits, 16);
  EXPECT_EQ(measured.rows[2].kv_bits, 8);
}

TEST(Measured, reads_dimensions_from_notes) {
  const Measured measured = read(
      "A,s,2025,H100,1,,trtllm 1,gemm,bf16,,,,7,kernel_time,3,us,m=7;n=31;k=33;tflops=2.5\n"
      "B,s,2025,TPU-v7x,0.5,,JAX,gemm,bf16,,,,7,achieved,3,TFLOP/s,m=n=k=128; per core\n"
      "A,s,2025,H100,1,,PyTorch,gemm best shape,fp8,,,,,achieved,3,TFLOP/s,"
      "\"best, MxNxK=1024x9216x14336; mean\"\n"
      "A,s,2025,H100,1,moe_tp1/ep8,trtllm,moe_ffn,fp8,,,,8,kernel_time,3,us,"
      "X-3: hidden=7;inter=31;topk=2;experts=8;moe_ep=8;routing=power_law_1.2; rank\n");
  ASSERT_EQ(measured.rows.size(), 4U) << to_text(measured.findings);
  EXPECT_EQ(measured.rows[0].dimension("k"), 33);
  EXPECT_EQ(measured.rows[0].dimension("tflops"), 2.5);
  EXPECT_EQ(measured.rows[1].dimension("m"), 128);
  EXPECT_EQ(measured.rows[1].chips, 0.5);
  EXPECT_EQ(measured.rows[2].dimension("n"), 9216);
  EXPECT_EQ(measured.rows[3].dimension("hidden"), 7);
  EXPECT_EQ(measured.rows[3].dimension("routing_exponent"), 1.2);
  EXPECT_EQ(measured.rows[0].group, "H100-SXM | gemm | TensorRT-LLM | bf16 | -");
}

TEST(Measured, the_first_of_a_size_in_a_note_counts_and_a_size_out_of_range_is_named) {
  const Measured measured = read(
      "A,s,2025,H100,1,,trtllm 1,gemm,bf16,,,,7,kernel_time,3,us,m=7;n=31;k=33;m=8\n"
      "A,s,2025,H100,1,,trtllm 1,gemm,bf16,,,,7,kernel_time,3,us,m=-7;n=31;k=33\n"
      "A,s,2025,H100,1,,trtllm 1,gemm,bf16,,,,7,kernel_time,3,us,m=7;n=31;k=33;tflops=0\n");
  ASSERT_EQ(measured.rows.size(), 3U);
  EXPECT_EQ(measured.rows[0].dimension("m"), 7);
  EXPECT_EQ(measured.rows[1].obstacle, "m is -7");
  EXPECT_EQ(measured.rows[2].obstacle, "");
  ASSERT_EQ(measured.findings.size(), 1U);
  EXPECT_EQ(measured.findings[0].code, "V0111");
}

// Any order, columns that are not known, as few as there can be.
TEST(Measured, reads_tables_that_others_wrote) {
  const auto rows_of = [](const std::string& text) {
    MeasuredReader reader;
    reader.read(parse_csv(text, "t.csv"));
    return reader.take();
  };
  const Measured shuffled = rows_of(
      "\xEF\xBB\xBFUnit,who,value,METRIC,batch,output_len,input_len,model,framework,parallelism,"
      "chips_count,chip,weight_dtype\r\n"
      "ms,me,9,tpot,8,1024,1024,Llama-3.1-70B,vllm,tp8,8,NVIDIA H200,fp8\r\n");
  ASSERT_EQ(shuffled.rows.size(), 1U) << to_text(shuffled.findings);
  EXPECT_EQ(shuffled.rows[0].obstacle, "");
  EXPECT_EQ(shuffled.rows[0].grade, Grade::a);
  EXPECT_EQ(shuffled.rows[0].group, "H200-SXM | Llama-3.1-70B | vLLM");
  const Measured least = rows_of("chip,model,metric,value,unit\nh200,qwen3-8b,TPOT,9,ms\n");
  ASSERT_EQ(least.rows.size(), 1U);
  EXPECT_EQ(least.findings.size(), 1U);  // the columns that are missing
}

TEST(Measured, many_unknown_names_are_read_once_each_and_not_all_shown) {
  std::string text;
  for (int i = 0; i < 2000; ++i) {
    text += fmt::format("A,s,2025,X{},1,tp1,vllm,Qwen3-8B,bf16,,1,1,1,TPOT,1,ms,\n", i);
  }
  const Measured measured = read(text);
  EXPECT_EQ(measured.rows.size(), 2000U);
  ASSERT_EQ(measured.findings.size(), 50U);
  EXPECT_THAT(measured.findings.back().notes.back(), HasSubstr("more"));
}

TEST(Measured, reads_parallelism_as_the_tables_mean_it) {
  const Measured measured = read(
      "A,s,2025,Inferentia2,12,\"tp24 (NeuronCores, 2 per "
      "chip)\",NeuronX,Llama-2-7b,bf16,bf16/fp16,"
      "1,1,1,TPOT,1,ms,\n"
      "B,s,2025,B200,8,tp1/ep8,vLLM,deepseek-ai/DeepSeek-R1,fp8,,1,1,1,avg_power,1,W,\n"
      "A,s,2025,H200,8,attn_dp8/moe_tp1/ep8,trtllm,DeepSeek-R1,fp8,,1,1,1,TPOT,1,ms,\n"
      "A,s,2025,H200,8,tp4,vLLM,Qwen3-32B,bf16,,1,1,8,TPOT,1,ms,\n");
  EXPECT_TRUE(measured.findings.empty()) << to_text(measured.findings);
  ASSERT_EQ(measured.rows.size(), 4U);
  EXPECT_EQ(measured.rows[0].parallelism.tp, 12);
  EXPECT_EQ(measured.rows[1].parallelism.attention_dp, 8);
  EXPECT_EQ(measured.rows[2].parallelism.tp, 1);
  EXPECT_EQ(measured.rows[3].replicas, 2);
}

TEST(Measured, leaves_out_rows_without_a_number_and_keeps_those_it_cannot_predict) {
  const Measured measured = read(
      "D,s,2025,H100,1,tp1,vllm,Qwen3-8B,bf16,,1,1,1,TPOT,1,ms,\n"
      "A,s,2025,H100,1,tp1,vllm,Qwen3-8B,bf16,,1,1,1,TP0T,1,ms,\n"
      "A,s,2025,H100,1,tp1,vllm,Qwen3-8B,bf16,,1,1,1,TPOT,\"1,5\",ms,\n"
      "A,s,2025,H100,1,tp1,vllm,Qwen3-8B,bf16,,1,1,1,TPOT,1,W,\n"
      "A,s,2025,H10O,1,tp1,vllm,Qwen3-8B,bf16,,1,1,1,TPOT,1,ms,\n"
      "A,s,2025,H10O,1,tp1,vllm,Qwen3-8B,bf16,,1,1,1,TPOT,1,ms,\n"
      "A,s,2025,H100,1,tp1,vllm,Qwen9-8B,bf16,,1,1,1,TPOT,1,ms,\n"
      "A,s,2025,H100,1,tp1,vllm,Qwen3-8B,bf17,,1,1,1,TPOT,1,ms,\n"
      "A,s,2025,H100,1,tp2,vllm,Qwen3-8B,bf16,,1,1,1,TPOT,1,ms,\n"
      "A,s,2025,H100,1,tp1,vllm,Qwen3-8B,bf16,,1,one,1,TPOT,1,ms,\n");
  std::vector<std::string> codes;
  for (const Diagnostic& finding : measured.findings) {
    codes.push_back(
        fmt::format("{} {}:{}", finding.code, finding.span->line, finding.span->column));
  }
  EXPECT_THAT(codes, testing::ElementsAre("V0102 2:1", "V0103 3:47", "V0104 4:52", "V0105 5:54",
                                          "V0106 6:10", "V0107 8:26", "V0108 9:35", "V0109 10:17",
                                          "V0110 11:43"));
  EXPECT_THAT(measured.findings[4].notes.back(), HasSubstr("also in line 7"));
  ASSERT_EQ(measured.rows.size(), 6U);
  const auto predictions = Predictor(measured).predict(estimate::unfitted());
  for (const Prediction& prediction : predictions) {
    EXPECT_FALSE(prediction.is_good());
    EXPECT_FALSE(prediction.reason.empty());
  }
}

TEST(Measured, predicts_across_domains_where_the_rate_between_them_is_stated) {
  const std::string_view columns = "chip,chips_count,model,framework,metric,value,unit,note\n";
  const Measured measured = read(
      "H100,16,all_reduce,NCCL,kernel_time,100,us,bytes=1000000\n"
      "L40S,16,all_reduce,NCCL,kernel_time,100,us,bytes=1000000\n"
      "L40S,8,all_reduce,NCCL,kernel_time,100,us,bytes=1000000\n",
      columns);
  ASSERT_EQ(measured.rows.size(), 3U);
  const auto predictions = Predictor(measured).predict(estimate::unfitted());
  EXPECT_TRUE(predictions[0].is_good());
  EXPECT_FALSE(predictions[1].is_good());
  EXPECT_THAT(predictions[1].reason, HasSubstr("beyond its scale-up domain"));
  EXPECT_TRUE(predictions[2].is_good());
}

TEST(Measured, scores_what_a_file_with_missing_columns_has) {
  const Measured some = read("H100,gemm,bf16,kernel_time,5,us,m=1;n=4096;k=4096\n",
                             "chip,model,weight_dtype,metric,value,unit,note\n");
  ASSERT_EQ(some.findings.size(), 1U);
  EXPECT_THAT(some.findings[0].message, HasSubstr("grade, chips_count, parallelism"));
  ASSERT_EQ(some.rows.size(), 1U);
  EXPECT_TRUE(Predictor(some).predict(estimate::unfitted())[0].is_good());

  const Measured none = read("H100,gemm,5\n", "chip,model,valeu\n");
  EXPECT_TRUE(none.rows.empty());
  ASSERT_FALSE(none.findings.empty());
  EXPECT_THAT(none.findings[0].help[0], HasSubstr("valeu"));
  EXPECT_TRUE(read("", "").rows.empty());
}

TEST(Measured, knows_what_is_only_reported) {
  const Measured measured = read(
      "A,s,2023,A100,1,,PyTorch,softmax,fp16,,,,,element_rate,100,Gelem/s,m=7;n=31\n"
      "B,s,2025,H200,8,,TensorRT,llama2-70b-99,fp8,,,,,output_throughput_total,100,tok/s,"
      "MLPerf Offline; submitter\n");
  ASSERT_EQ(measured.rows.size(), 2U) << to_text(measured.findings);
  EXPECT_TRUE(measured.rows[0].is_reported_only);
  EXPECT_TRUE(measured.rows[1].is_reported_only);
}

TEST(Measured, names_framework_families_without_versions) {
  EXPECT_EQ(framework_family("trtllm 1.3.0rc20"), "TensorRT-LLM");
  EXPECT_EQ(framework_family("TensorRT-LLM v1.0 (docs @00f)"), "TensorRT-LLM");
  EXPECT_EQ(framework_family("vLLM 0.10.0 / ROCm 6.4.1"), "vLLM");
  EXPECT_EQ(framework_family("sglang 0.5.9"), "SGLang");
  EXPECT_EQ(framework_family("NCCL 2.29.2"), "NCCL");
  EXPECT_EQ(framework_family("MyServer 7.1 (2031)"), "MyServer");
  EXPECT_EQ(framework_family(""), "not stated");
}

}  // namespace
}  // namespace churon::evaluate
