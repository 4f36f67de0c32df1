// Every error of models by shape as a user reads it: errors/M06.txt.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <regex>
#include <set>

#include "base/file.h"
#include "golden.h"
#include "model/shapes.h"

namespace churon::model {
namespace {

constexpr std::string_view kHeader =
    "name,n_layers,d_model,attn,n_heads,n_kv_heads,head_dim,d_ff_dense,mlp,vocab,max_context,pos,"
    "norm,tied_embeddings";

std::string golden_text() {
  std::string text;
  const auto add = [&](std::string_view what, const auto& result) {
    ASSERT_FALSE(result) << what;
    text += fmt::format("# {}\n{}\n", what, to_text(result.error()));
  };
  const auto table = [&](std::string_view what, const std::string& csv) {
    add(what, parse_shapes(csv, "models.csv"));
  };
  const auto config = [&](std::string_view what, std::string_view json) {
    add(what, parse_config(json, "tiny/config.json"));
  };
  table("values", fmt::format("{},features\nodd,two,64,GQA,4,4,16,,tanh,100,512,rope,rmsnorm,1,"
                              "sink\n",
                              kHeader));
  table("columns", "name,n_layer\n");
  table("names", fmt::format("{0}\n{1}\n{1}\n", kHeader,
                             "twin,2,64,GQA,4,2,16,96,swiglu,100,512,rope,rmsnorm,1"));
  table("sizes",
        fmt::format("{}\nodd,2,64,GQA,4,3,16,96,swiglu,100,512,rope,rmsnorm,1\n", kHeader));

  const auto shapes =
      parse_shapes(golden::file_text(CHURON_SOURCE_DIR "/data/models.csv"), "models.csv");
  const auto name = [&](std::string_view word) { add(word, find_shape(*shapes, word)); };
  name("Lama-3.1-8B");
  name("DeepSeek-R1-Distill-Llama-70B");
  name("phi-3");
  name("mistral-7b-instruct");
  name("llama-3.1");

  config("no JSON", "{");
  config("no object", "[1]");
  config("no type", "{}");
  config("unknown type", R"({"model_type": "mamba"})");
  config("keys", R"({"model_type": "llama", "num_hidden_layers": 0, "hidden_size": 64,
    "num_attention_heads": "four", "intermediate_size": 1e9, "hidden_act": "tanh",
    "tie_word_embeddings": 1, "vocab_size": 100})");
  config("lists and parts", R"({"model_type": "gemma3", "text_config": 7})");
  config("layers", R"({"model_type": "qwen3_moe", "num_hidden_layers": 2, "hidden_size": 64,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "intermediate_size": 96,
    "moe_intermediate_size": 32, "num_experts": 8, "num_experts_per_tok": 2,
    "mlp_only_layers": "none", "max_position_embeddings": 512, "vocab_size": 100})");
  config("sizes of a config", R"({"model_type": "llama", "num_hidden_layers": 2, "hidden_size": 64,
    "num_attention_heads": 4, "num_key_value_heads": 3, "intermediate_size": 96,
    "max_position_embeddings": 512, "vocab_size": 100})");
  return text;
}

TEST(ShapeErrors, read_as_they_are_meant_to) {
  golden::compare(golden_text(), CHURON_SOURCE_DIR "/tests/golden/errors/M06.txt");
}

TEST(ShapeErrors, have_a_golden_for_every_code_of_the_page) {
  const std::string text = golden_text();
  const std::string page = golden::file_text(CHURON_SOURCE_DIR "/docs/errors/M.md");
  const std::regex heading("## (M06[0-9]{2}) ");
  for (std::sregex_iterator it(page.begin(), page.end(), heading), end; it != end; ++it) {
    EXPECT_NE(text.find((*it)[1].str()), std::string::npos) << (*it)[1];
  }
}

}  // namespace
}  // namespace churon::model
