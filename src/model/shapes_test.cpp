#include "model/shapes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <map>

#include "base/file.h"
#include "gguf_writer.h"
#include "model/shape_names.h"

namespace churon::model {
namespace {

using testing::HasSubstr;

std::string file_text(const std::string& path) {
  const auto text = read_file(path, 4 << 20);
  EXPECT_TRUE(text) << to_text(text.error());
  return text.value_or("");
}
const Shapes& shapes() {
  static const auto loaded =
      parse_shapes(file_text(CHURON_SOURCE_DIR "/data/models.csv"), "models.csv");
  EXPECT_TRUE(loaded) << to_text(loaded.error());
  return *loaded;
}
std::string meant(std::string_view name) {
  const auto found = find_shape(shapes(), name);
  return found ? found->canonical_name : to_text(found.error());
}

// ---- names ----

TEST(Shapes, every_name_of_every_row_means_that_row) {
  for (const Shape& row : shapes().rows) {
    for (const std::string& name : names_of(row)) {
      EXPECT_EQ(meant(name), row.hyperparameters.name);
      EXPECT_EQ(meant("Some-Org/" + name.substr(name.find('/') + 1) + "-FP8"),
                row.hyperparameters.name);
    }
  }
}

TEST(Shapes, names_of_measured_tables_are_known) {
  const std::map<std::string, std::string> wanted{
      {"CodeLlama-13b-hf", "CodeLlama-13B"},
      {"DeepSeek-R1-0528", "DeepSeek-R1"},
      {"Llama-2-13b", "Llama-2-13B"},
      {"Llama-2-7b", "Llama-2-7B"},
      {"Llama-3-70B", "Llama-3-70B"},
      {"Llama-3.1-405B", "Llama-3.1-405B"},
      {"Llama-3.3-70B", "Llama-3.3-70B"},
      {"Llama-4-Maverick", "Llama-4-Maverick-17B-128E"},
      {"Llama-4-Scout", "Llama-4-Scout-17B-16E"},
      {"MiniMaxAI/MiniMax-M2.5", "MiniMax-M2.5"},
      {"Qwen/Qwen3-30B-A3B-Instruct-2507", "Qwen3-30B-A3B"},
      {"Qwen/Qwen3-30B-A3B-Thinking-2507", "Qwen3-30B-A3B"},
      {"Qwen/Qwen3-32B", "Qwen3-32B"},
      {"Qwen/Qwen3-8B", "Qwen3-8B"},
      {"Qwen3-30B-A3B", "Qwen3-30B-A3B"},
      {"amd/Llama-3.1-70B-Instruct-FP8-KV", "Llama-3.1-70B"},
      {"deepseek-ai/DeepSeek-R1", "DeepSeek-R1"},
      {"deepseek-ai/DeepSeek-R1-0528", "DeepSeek-R1"},
      {"deepseek-ai/DeepSeek-V3.1", "DeepSeek-V3"},
      {"deepseek-r1", "DeepSeek-R1"},
      {"gpt-oss-120b", "gpt-oss-120b"},
      {"gpt-oss-20b", "gpt-oss-20b"},
      {"llama2-70b-99", "Llama-2-70B"},
      {"llama3.1-405b", "Llama-3.1-405B"},
      {"meta-llama/Llama-2-70b-hf", "Llama-2-70B"},
      {"meta-llama/Llama-2-7b-hf", "Llama-2-7B"},
      {"meta-llama/Llama-3.1-405B-FP8", "Llama-3.1-405B"},
      {"meta-llama/Llama-3.1-70B", "Llama-3.1-70B"},
      {"meta-llama/Llama-3.1-70B-Instruct", "Llama-3.1-70B"},
      {"meta-llama/Llama-3.1-8B-Instruct", "Llama-3.1-8B"},
      {"meta-llama/Llama-3.3-70B-Instruct", "Llama-3.3-70B"},
      {"meta-llama/Meta-Llama-3-70B", "Llama-3-70B"},
      {"meta-llama/Meta-Llama-3-8B", "Llama-3-8B"},
      {"mistralai/Mixtral-8x7B-v0.1", "Mixtral-8x7B"},
      {"openai/gpt-oss-120b", "gpt-oss-120b"},
      {"openai/gpt-oss-20b", "gpt-oss-20b"},
  };
  for (const auto& [name, model] : wanted) {
    EXPECT_EQ(meant(name), model) << name;
  }
}

TEST(Shapes, tails_that_leave_the_shape_as_it_is_are_looked_past) {
  const std::map<std::string, std::string> wanted{
      {"LLAMA-3.1-8b", "Llama-3.1-8B"},
      {"llama 3.1 8b instruct", "Llama-3.1-8B"},
      {"neuralmagic/Meta-Llama-3.1-8B-Instruct-quantized.w4a16", "Llama-3.1-8B"},
      {"RedHatAI/Llama-3.3-70B-Instruct-FP8-dynamic", "Llama-3.3-70B"},
      {"nvidia/DeepSeek-R1-0528-NVFP4", "DeepSeek-R1"},
      {"nvidia/Llama-3.1-405B-Instruct-NVFP4", "Llama-3.1-405B"},
      {"TheBloke/Llama-2-70B-chat-AWQ", "Llama-2-70B"},
      {"amd/Mixtral-8x22B-Instruct-v0.1-FP8-KV", "Mixtral-8x22B"},
      {"Kimi-K2-Instruct-0905", "Kimi-K2"},
      {"google/gemma-2-27b-it", "Gemma-2-27b"},
      {"Qwen3-235B-A22B-Instruct-2507-FP8", "Qwen3-235B-A22B"},
      {"Qwen/Qwen2.5-72B-Instruct-GPTQ-Int4", "Qwen2.5-72B"},
      {"Mistral-7B-Instruct-v0.1", "Mistral-7B-v0.1"},
      {"gpt2", "GPT-2 small"},
      {"gpt2-xl", "GPT-2 XL"},
      {"gpt3-175b", "GPT-3 175B"},
      {"Phi-4-mini-instruct", "Phi-4-mini"},
      {"Llama-3.1-70B-W8A8", "Llama-3.1-70B"},
  };
  for (const auto& [name, model] : wanted) {
    EXPECT_EQ(meant(name), model) << name;
  }
}

TEST(Shapes, a_name_that_could_mean_several_models_lists_them) {
  EXPECT_THAT(meant("Mistral-7B"), HasSubstr("candidates: Mistral-7B-v0.1, Mistral-7B-v0.3"));
  EXPECT_THAT(meant("Llama-3.1"),
              HasSubstr("candidates: Llama-3.1-8B, Llama-3.1-70B, Llama-3.1-405B"));
  EXPECT_THAT(meant("mixtral"), HasSubstr("Mixtral"));
  EXPECT_THAT(meant("kimi"), HasSubstr("candidates: Kimi-K2, Kimi-K2.5"));
}

TEST(Shapes, other_models_are_not_taken_for_known_ones) {
  for (const std::string_view name :
       {"DeepSeek-R1-Distill-Llama-70B", "Llama-3.1-8B-Lite", "Llama-3.1-7B", "Mixtral", "", " ",
        "/", "-", "instruct", "Qwen3-32B-A3B", "Llama-3.1-8B-Instruct/extra", "v0.1"}) {
    EXPECT_FALSE(find_shape(shapes(), name)) << name;
  }
  EXPECT_THAT(meant("Lama-3.1-8B"), HasSubstr("did you mean `Llama-3.1-8B`?"));
  EXPECT_THAT(meant(std::string(100000, 'x')), HasSubstr("at most 200 bytes"));
  EXPECT_THAT(meant("\x1b[31m"), testing::Not(HasSubstr("\x1b")));
}

TEST(ShapeNames, forms_forget_one_thing_after_another) {
  const std::string_view name = "Org/Meta-Model_2-7B-Chat-hf-v0.1";
  EXPECT_EQ(comparable_name(name, NameForm::whole), "model27bchathfv0.1");
  EXPECT_EQ(comparable_name(name, NameForm::untuned), "model27bv0.1");
  EXPECT_EQ(comparable_name(name, NameForm::unversioned), "model27b");
  EXPECT_EQ(comparable_name("meta", NameForm::whole), "meta");
  EXPECT_EQ(comparable_name("chat", NameForm::unversioned), "chat");
}

// ---- the table ----

constexpr std::string_view kHeader =
    "name,n_layers,d_model,attn,n_heads,n_kv_heads,head_dim,d_ff_dense,mlp,vocab,max_context,pos,"
    "norm,tied_embeddings";
constexpr std::string_view kRow = "tiny,2,64,GQA,4,2,16,96,swiglu,100,512,rope,rmsnorm,1";

std::string parsed(const std::string& text) {
  const auto result = parse_shapes(text, "models.csv");
  return result ? "accepted" : to_text(result.error());
}
std::string with(std::string_view more_columns, std::string_view more_fields,
                 std::string row = std::string(kRow)) {
  return parsed(fmt::format("{}{}\n{}{}\n", kHeader, more_columns, row, more_fields));
}
std::string replaced(const std::string& what, const std::string& with_what) {
  std::string row(kRow);
  row.replace(row.find(what), what.size(), with_what);
  return with("", "", row);
}

TEST(Shapes, a_row_needs_no_more_than_its_sizes) {
  const auto result = parse_shapes(fmt::format("{}\n{}\n", kHeader, kRow), "models.csv");
  ASSERT_TRUE(result) << to_text(result.error());
  const auto& h = result->rows.front().hyperparameters;
  EXPECT_EQ(h.name, "tiny");
  EXPECT_EQ(h.canonical_name, "tiny");
  EXPECT_FALSE(h.architecture.has_value());
  EXPECT_EQ(h.layers, 2);
  EXPECT_EQ(h.layer_has_window.size(), 2U);
  EXPECT_EQ(h.rope.dims, 16);
  EXPECT_TRUE(h.tied);
  EXPECT_EQ(attention_kind(h), "GQA");
}

TEST(Shapes, what_is_wrong_with_a_row_is_named) {
  EXPECT_THAT(replaced("2,64", "0,64"), HasSubstr("`n_layers` is a whole number from 1 to 4096"));
  EXPECT_THAT(replaced("2,64", "99999999999999999999,64"), HasSubstr("M0601"));
  EXPECT_THAT(replaced("2,64", "2.5,64"), HasSubstr("models.csv:2:6"));
  EXPECT_THAT(replaced("2,64", "-1,64"), HasSubstr("M0601"));
  EXPECT_THAT(replaced("2,64", ",64"), HasSubstr("M0601"));
  EXPECT_THAT(replaced("GQA", "MHA"), HasSubstr("4 heads and 2 key-value heads are GQA"));
  EXPECT_THAT(replaced("GQA", "MLA"), HasSubstr("`mla_kv_lora` is a whole number"));
  EXPECT_THAT(replaced("swiglu", "tanh"), HasSubstr("swiglu, geglu, reglu, gelu, relu"));
  EXPECT_THAT(replaced("rope", "alibi"), HasSubstr("rope, learned"));
  EXPECT_THAT(replaced("rmsnorm,1", "rmsnorm,yes"),
              HasSubstr("`tied_embeddings` is a whole number from 0 to 1"));
  EXPECT_THAT(replaced("4,2,", "4,3,"), HasSubstr("M0609"));
  EXPECT_THAT(replaced(",96,", ",,"), HasSubstr("M0609"));
  EXPECT_THAT(replaced("tiny", ""), HasSubstr("`name` has 1 to 200 bytes"));
  EXPECT_THAT(with(",sliding_window,n_sliding_layers,n_global_layers", ",16,2,1"),
              HasSubstr("make 3, not the 2"));
  EXPECT_THAT(with(",sliding_window", ",16"), HasSubstr("both stated"));
  EXPECT_THAT(with(",rope_theta", ",fast"), HasSubstr("1000000 global / 10000 local"));
  EXPECT_THAT(with(",rope_theta", ",nan"), HasSubstr("M0601"));
  EXPECT_THAT(with(",rope_theta", ",1 global / "), HasSubstr("M0601"));
  EXPECT_THAT(with(",extra_norms", ",many"), HasSubstr("per-head q/k rmsnorm"));
  EXPECT_THAT(with(",features", ",sinks;sink"),
              HasSubstr("no_global_rope, scaled_embedding, sinks"));
  EXPECT_THAT(with(",n_moe_layers", ",2"), HasSubstr("`n_experts` is a whole number"));
  EXPECT_THAT(with(",n_moe_layers,n_experts,experts_per_tok,d_ff_expert", ",2,4,5,32"),
              HasSubstr("5 experts for each token of 4 experts"));
  EXPECT_THAT(with(",n_moe_layers,n_experts,experts_per_tok,d_ff_expert,expert_groups,"
                   "expert_groups_kept",
                   ",2,8,4,32,4,1"),
              HasSubstr("do not fit 1 groups of 2"));
  EXPECT_THAT(with(",index_heads", ",2"), HasSubstr("`index_heads` is for MLA alone"));
}

TEST(Shapes, models_beyond_every_measure_are_refused) {
  EXPECT_THAT(parsed(std::string(kHeader) +
                     "\nhuge,4096,1048576,MQA,4096,1,1024,1048576,swiglu,100,512,rope,rmsnorm,1\n"),
              HasSubstr("parameters; at most 1e+14"));
}

TEST(Shapes, columns_are_checked) {
  EXPECT_THAT(parsed(""), HasSubstr("lacks the columns `name`, `n_layers`"));
  EXPECT_THAT(parsed("name\n"), HasSubstr("lacks the columns `n_layers`, "));
  EXPECT_THAT(with(",n_global_layer", ",1"), HasSubstr("did you mean `n_global_layers`?"));
  EXPECT_THAT(with(",d_model", ",64"), HasSubstr("column `d_model` stands twice"));
  EXPECT_THAT(with("", ",1"), HasSubstr("B0007"));
}

TEST(Shapes, a_name_twice_is_refused) {
  const std::string two = fmt::format("{}\n{}\n{}\n", kHeader, kRow, kRow);
  EXPECT_THAT(parsed(two), HasSubstr("`tiny` stands twice"));
  const std::string alias =
      fmt::format("{},aliases\n{},a;b\nother{},b\n", kHeader, kRow, std::string(kRow).substr(4));
  EXPECT_THAT(parsed(alias), HasSubstr("`b` is a name of `tiny` already"));
}

TEST(Shapes, a_part_of_several_names_lists_them) {
  for (const std::string_view name : {"llama3.1", "Llama-3.1-Instruct", "meta-llama/llama-3.1"}) {
    EXPECT_THAT(to_text(find_shape(shapes(), name).error()),
                HasSubstr("candidates: Llama-3.1-8B, Llama-3.1-70B, Llama-3.1-405B\n"))
        << name;
  }
  EXPECT_THAT(to_text(find_shape(shapes(), "llama-70b-chat").error()),
              HasSubstr("candidates: Llama-2-70B, Llama-3.1-70B, Llama-3-70B, Llama-3.3-70B\n"));
  EXPECT_THAT(to_text(find_shape(shapes(), "gpt3").error()),
              HasSubstr("did you mean `GPT-3 175B`?"));
  EXPECT_THAT(to_text(find_shape(shapes(), "instruct").error()), HasSubstr("M0604"));
}

TEST(Shapes, rows_of_ones_own_add_to_the_shipped_ones_and_win) {
  const test::TemporaryFolder folder;
  std::filesystem::create_directories(folder.path("churon"));
  folder.write("churon/models.csv",
               fmt::format("{}\n{}\nQwen3-8B{}\n", kHeader, kRow, std::string(kRow).substr(4)));
  ::setenv("XDG_CONFIG_HOME", folder.path("").c_str(), 1);
  const auto loaded = load_shapes();
  ::unsetenv("XDG_CONFIG_HOME");
  ASSERT_TRUE(loaded) << to_text(loaded.error());
  EXPECT_EQ(loaded->rows.size(), shapes().rows.size() + 1);
  EXPECT_EQ(find_shape(*loaded, "TINY-instruct")->layers, 2);
  EXPECT_EQ(find_shape(*loaded, "qwen3-8b")->layers, 2);
}

TEST(Config, block_scales_are_told_from_one_scale_a_matrix) {
  const auto native = [](const std::string& more) {
    const auto h = parse_config(
        R"({"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 64,
            "num_attention_heads": 4, "intermediate_size": 96, "vocab_size": 100,
            "max_position_embeddings": 512, "torch_dtype": "bfloat16")" +
            more + "}",
        "tiny/config.json");
    return h ? h->native_weights : to_text(h.error());
  };
  EXPECT_EQ(native(""), "bf16");
  EXPECT_EQ(native(R"(, "quantization_config": {"quant_method": "fp8"})"), "fp8");
  EXPECT_EQ(native(R"(, "quantization_config": {"quant_method": "fp8",
                        "weight_block_size": [128, 128]})"),
            "fp8 block scales");
  EXPECT_EQ(native(R"(, "quantization_config": {"quant_method": "mxfp4"})"), "mxfp4");
  EXPECT_EQ(native(R"(, "quantization_config": null)"), "bf16");
}

// ---- files ----

TEST(Shapes, a_gguf_file_gives_the_shape_that_runs) {
  const test::TemporaryFolder folder;
  const std::string path = folder.write("m.gguf", test::tiny_model(Architecture::gemma3).bytes());
  const auto read = shape(shapes(), path);
  ASSERT_TRUE(read) << to_text(read.error());
  EXPECT_EQ(read->architecture, Architecture::gemma3);
  EXPECT_GT(read->parameters, 0);
}

TEST(Shapes, a_file_that_is_not_there_is_said_to_be) {
  EXPECT_THAT(to_text(shape(shapes(), "/nowhere/config.json").error()), HasSubstr("B0001"));
  EXPECT_THAT(to_text(shape(shapes(), "./nothing.gguf").error()), HasSubstr("B0001"));
  EXPECT_THAT(to_text(shape(shapes(), "org/nothing").error()), HasSubstr("M0604"));
}

TEST(Shapes, a_folder_with_a_config_is_a_model_and_keeps_the_name_of_the_catalogue) {
  const test::TemporaryFolder folder;
  std::filesystem::create_directories(folder.path("Qwen3-8B-FP8"));
  folder.write("Qwen3-8B-FP8/config.json", R"({"model_type": "qwen3", "num_hidden_layers": 36,
    "hidden_size": 4096, "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128,
    "intermediate_size": 12288, "vocab_size": 151936, "max_position_embeddings": 40960})");
  const auto read = shape(shapes(), folder.path("Qwen3-8B-FP8"));
  ASSERT_TRUE(read) << to_text(read.error());
  EXPECT_EQ(read->name, "Qwen3-8B-FP8");
  EXPECT_EQ(read->canonical_name, "Qwen3-8B");
}

}  // namespace
}  // namespace churon::model
