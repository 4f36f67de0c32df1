#include "model/model.h"

#include <gmock/gmock.h>

#include <cmath>
#include <functional>

#include "gguf_writer.h"

namespace churon::model {
namespace {

using test::GgufWriter;
using test::TinyModelOptions;
using ::testing::HasSubstr;

Result<Model> load(const GgufWriter& writer) {
  auto file = test::parse(writer.bytes());
  if (!file) {
    return fail(file);
  }
  return make_model(std::move(*file));
}

template <typename T>
std::string text(const Result<T>& result) {
  return result ? "" : to_text(result.error());
}

TEST(Model, tiny_models_of_every_architecture_load) {
  for (const ArchitectureInfo& known : architectures()) {
    const auto model = load(test::tiny_model(known.architecture));
    ASSERT_TRUE(model) << text(model);
    const Hyperparameters& h = model->hyperparameters;
    EXPECT_EQ(h.architecture, known.architecture);
    EXPECT_EQ(h.name, "tiny " + std::string(known.name));
    EXPECT_EQ(h.d_model, 64);
    EXPECT_EQ(h.d_ff, 96);
    EXPECT_EQ(h.heads, 4);
    EXPECT_EQ(h.kv_heads, 2);
    EXPECT_EQ(h.key_dim, 32);
    EXPECT_EQ(h.value_dim, 32);
    EXPECT_EQ(h.q_dim(), 128);
    EXPECT_EQ(h.kv_dim(), 64);
    EXPECT_EQ(h.vocab, 299);
    EXPECT_EQ(h.context, 256);
    EXPECT_FLOAT_EQ(static_cast<float>(h.rms_epsilon), 1e-5F);
    EXPECT_EQ(h.rope.pairing, known.pairing);
    EXPECT_EQ(h.rope.dims, 32);
    EXPECT_EQ(h.activation, known.activation);
    EXPECT_EQ(h.qk_norm != QkNorm::none, known.has_qk_norm);
    EXPECT_EQ(h.has_post_norms, known.has_post_norms);
    EXPECT_EQ(h.has_qkv_bias, known.architecture == Architecture::qwen2);
    EXPECT_TRUE(h.tied);
    EXPECT_FLOAT_EQ(h.attention_scale, 1 / std::sqrt(32.0F));
  }
}

TEST(Model, tensors_are_found_by_role_and_layer) {
  const auto model = load(test::tiny_model(Architecture::qwen2));
  ASSERT_TRUE(model) << text(model);
  EXPECT_EQ(model->tensor(TensorRole::query, 1).name, "blk.1.attn_q.weight");
  EXPECT_EQ(model->tensor(TensorRole::key_bias, 0).name, "blk.0.attn_k.bias");
  EXPECT_EQ(model->tensor(TensorRole::output_norm).name, "output_norm.weight");
  EXPECT_EQ(model->tensor(TensorRole::output).name, "token_embd.weight");  // tied
  EXPECT_EQ(model->find(TensorRole::query_norm, 0), nullptr);
  EXPECT_EQ(model->find(TensorRole::rope_frequencies), nullptr);
}

TEST(Model, output_matrix_of_its_own_is_found) {
  const auto model = load(test::tiny_model(Architecture::llama, {.tied = false}));
  ASSERT_TRUE(model) << text(model);
  EXPECT_FALSE(model->hyperparameters.tied);
  EXPECT_EQ(model->tensor(TensorRole::output).name, "output.weight");
}

TEST(Model, gemma3_has_windows_in_all_layers_but_every_sixth) {
  const auto model = load(test::tiny_model(Architecture::gemma3));
  ASSERT_TRUE(model) << text(model);
  const Hyperparameters& h = model->hyperparameters;
  EXPECT_EQ(h.window, 8);
  EXPECT_EQ(h.layer_has_window, (std::vector<bool>{true, true, true, true, true, false, true}));
  EXPECT_EQ(h.rope.base, 1e6);
  EXPECT_EQ(h.rope.local_base, 1e4);
  EXPECT_EQ(h.embedding_scale, 8.0F);
}

TEST(Model, gemma3_27b_scales_attention_by_the_width_per_head) {
  const auto model = load(test::tiny_model(Architecture::gemma3, {.layers = 62}));
  ASSERT_TRUE(model) << text(model);
  EXPECT_EQ(model->hyperparameters.attention_scale, 0.25F);  // 1 / sqrt(64 / 4)
}

TEST(Model, window_pattern_is_a_period_or_a_list) {
  GgufWriter writer = test::tiny_model(Architecture::gemma3);
  writer.set("gemma3.attention.sliding_window_pattern", std::uint32_t{3});
  EXPECT_EQ(load(writer)->hyperparameters.layer_has_window,
            (std::vector<bool>{true, true, false, true, true, false, true}));
  writer.set_numbers<std::uint8_t>("gemma3.attention.sliding_window_pattern", MetadataType::boolean,
                                   {0, 1, 0, 0, 0, 0, 1});
  EXPECT_EQ(load(writer)->hyperparameters.layer_has_window,
            (std::vector<bool>{false, true, false, false, false, false, true}));
}

TEST(Model, window_of_other_architectures_is_in_every_layer) {
  const auto model = load(test::tiny_model(Architecture::llama, {.windowed = true}));
  ASSERT_TRUE(model) << text(model);
  EXPECT_EQ(model->hyperparameters.layer_has_window, (std::vector<bool>{true, true}));
}

TEST(Model, rope_variants_are_read) {
  const auto linear = load(test::tiny_model(Architecture::gemma3, {.rope_factor = 8}));
  ASSERT_TRUE(linear) << text(linear);
  EXPECT_EQ(linear->hyperparameters.rope.factor, 8);
  EXPECT_EQ(linear->hyperparameters.rope.local_factor, 1);
  const auto llama3 = load(test::tiny_model(Architecture::llama, {.rope_frequencies = true}));
  ASSERT_TRUE(llama3) << text(llama3);
  EXPECT_TRUE(llama3->hyperparameters.rope.has_frequency_factors);
  EXPECT_EQ(llama3->tensor(TensorRole::rope_frequencies).columns(), 16);
}

TEST(Model, keys_that_may_be_missing_have_defaults) {
  GgufWriter writer = test::tiny_model(Architecture::llama, {.kv_heads = 4, .head_dim = 16});
  for (const char* key : {"llama.attention.head_count_kv", "llama.attention.key_length",
                          "llama.attention.value_length", "llama.rope.dimension_count",
                          "llama.rope.freq_base", "general.name"}) {
    writer.remove_entry(key);
  }
  const auto model = load(writer);
  ASSERT_TRUE(model) << text(model);
  const Hyperparameters& h = model->hyperparameters;
  EXPECT_EQ(h.kv_heads, 4);
  EXPECT_EQ(h.key_dim, 16);
  EXPECT_EQ(h.value_dim, 16);
  EXPECT_EQ(h.rope.dims, 16);
  EXPECT_EQ(h.rope.base, 10000);
  EXPECT_EQ(h.name, "test.gguf");
}

TEST(Model, numbers_per_layer_must_be_equal) {
  GgufWriter writer = test::tiny_model(Architecture::llama);
  writer.set("llama.attention.head_count_kv", std::vector<std::int32_t>{2, 2});
  EXPECT_TRUE(load(writer));
  writer.set("llama.attention.head_count_kv", std::vector<std::int32_t>{2, 4});
  EXPECT_THAT(text(load(writer)), HasSubstr("M0405"));
  writer.set("llama.attention.head_count_kv", std::vector<std::int32_t>{2, 2, 2});
  EXPECT_THAT(text(load(writer)), HasSubstr("2 layers"));
}

TEST(Model, every_tensor_type_may_hold_a_matrix) {
  for (const auto& type : numeric::tensor_types()) {
    TinyModelOptions options;
    options.matrices = type.type;
    options.layers = 1;
    options.d_model = 256;
    options.d_ff = 256;
    options.heads = 1;
    options.kv_heads = 1;
    options.head_dim = 256;
    const auto model = load(test::tiny_model(Architecture::llama, options));
    ASSERT_TRUE(model) << type.name << text(model);
    EXPECT_EQ(model->tensor(TensorRole::down).type, type.type);
  }
}

TEST(Model, tiny_models_are_the_same_for_the_same_seed) {
  const auto bytes = [](std::uint64_t seed) {
    return test::tiny_model(Architecture::qwen3, {.seed = seed}).bytes();
  };
  EXPECT_EQ(bytes(1), bytes(1));
  EXPECT_NE(bytes(1), bytes(2));
}

TEST(Model, vectors_are_read_as_fp32_and_checked) {
  test::TemporaryFolder folder;
  GgufWriter writer = test::tiny_model(Architecture::llama);
  const auto model = load_model(folder.write("m.gguf", writer.bytes()));
  ASSERT_TRUE(model) << text(model);
  const auto norm = model->read_vector(TensorRole::attention_norm, 1);
  ASSERT_TRUE(norm) << text(norm);
  const std::string& data = writer.tensor("blk.1.attn_norm.weight").data;
  EXPECT_EQ(std::memcmp(norm->data(), data.data(), data.size()), 0);

  const float infinity = std::numeric_limits<float>::infinity();
  std::memcpy(writer.tensor("blk.1.attn_norm.weight").data.data() + 4 * 5, &infinity, 4);
  const auto spoiled = load_model(folder.write("m.gguf", writer.bytes()));
  ASSERT_TRUE(spoiled);
  const auto error = spoiled->read_vector(TensorRole::attention_norm, 1);
  EXPECT_THAT(text(error), HasSubstr("M0408"));
  EXPECT_THAT(text(error), HasSubstr("element 5 of tensor `blk.1.attn_norm.weight` is inf"));
}

struct Fault {
  std::string name;
  std::function<void(GgufWriter&)> spoil;
  std::string code;
  std::string word;
};

TEST(Model, each_number_that_makes_no_sense_gives_its_error) {
  using W = GgufWriter;
  const auto set = [](const char* key, auto value) {
    return [=](W& w) { w.set(std::string("llama.") + key, value); };
  };
  const auto remove = [](const char* key) {
    return [=](W& w) { w.remove_entry(std::string("llama.") + key); };
  };
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const float infinity = std::numeric_limits<float>::infinity();
  const std::vector<Fault> faults = {
      {"architecture missing", [](W& w) { w.remove_entry("general.architecture"); }, "M0301",
       "general.architecture"},
      {"architecture unknown", [](W& w) { w.set("general.architecture", "falcon"); }, "M0401",
       "gemma3 (Gemma 3)"},
      {"architecture with control characters",
       [](W& w) { w.set("general.architecture", "\x1b[31mred"); }, "M0401", "\\x1b[31mred"},
      {"one of several files",
       [](W& w) { w.set_number<std::uint16_t>("split.count", MetadataType::uint16, 3); }, "M0405",
       "one of 3 parts"},
      {"experts", set("expert_count", 8U), "M0405", "mixture-of-experts"},
      {"no layers", set("block_count", 0U), "M0303", "llama.block_count"},
      {"too many layers", set("block_count", 4000000000U), "M0303", "llama.block_count"},
      {"layers missing", remove("block_count"), "M0301", "llama.block_count"},
      {"layers as text", set("block_count", "two"), "M0302", "llama.block_count"},
      {"negative layers", set("block_count", std::int32_t{-1}), "M0303", "is -1"},
      {"more layers than tensors", set("block_count", 3U), "M0403", "blk.2.attn_norm.weight"},
      {"fewer layers than tensors", set("block_count", 1U), "M0406", "blk.1.attn_norm.weight"},
      {"no context", set("context_length", 0U), "M0303", "llama.context_length"},
      {"context 2^63", set("context_length", std::uint64_t{1} << 63), "M0303",
       "llama.context_length"},
      {"no width", set("embedding_length", 0U), "M0303", "llama.embedding_length"},
      {"wrong width", set("embedding_length", 128U), "M0404", "token_embd.weight"},
      {"wrong feed-forward width", set("feed_forward_length", 128U), "M0404", "64 x 96; 64 x 128"},
      {"no heads", set("attention.head_count", 0U), "M0303", "head_count"},
      {"heads that kv heads do not divide", set("attention.head_count_kv", 3U), "M0402",
       "4 attention heads cannot share 3"},
      {"more kv heads than heads", set("attention.head_count_kv", 8U), "M0402", "cannot share 8"},
      {"no kv heads", set("attention.head_count_kv", 0U), "M0303", "head_count_kv"},
      {"odd heads", set("attention.key_length", 31U), "M0402", "length of 31"},
      {"long heads", set("attention.key_length", 2048U), "M0303", "key_length"},
      {"value heads of another length", set("attention.value_length", 16U), "M0404",
       "blk.0.attn_v.weight"},
      {"width that heads do not divide",
       [=](W& w) {
         w.remove_entry("llama.attention.key_length");
         w.set("llama.attention.head_count", 6U);
       },
       "M0402", "does not divide by 6 heads"},
      {"odd rope", set("rope.dimension_count", 31U), "M0402", "31 rotated elements"},
      {"rope longer than a head", set("rope.dimension_count", 64U), "M0402", "64 rotated"},
      {"rope base 0", set("rope.freq_base", 0.0F), "M0402", "llama.rope.freq_base"},
      {"rope base NaN", set("rope.freq_base", nan), "M0303", "llama.rope.freq_base"},
      {"rope base infinite", set("rope.freq_base", infinity), "M0303", "inf"},
      {"yarn", set("rope.scaling.type", "yarn"), "M0405", "`yarn`"},
      {"rope factor negative", set("rope.scaling.factor", -2.0F), "M0402", "is -2"},
      {"rope attention factor", set("rope.scaling.attn_factor", 1.5F), "M0405", "1.5"},
      {"epsilon 0", set("attention.layer_norm_rms_epsilon", 0.0F), "M0402", "rms_epsilon"},
      {"epsilon negative", set("attention.layer_norm_rms_epsilon", -1e-5F), "M0402", "rms_epsilon"},
      {"epsilon NaN", set("attention.layer_norm_rms_epsilon", nan), "M0303", "rms_epsilon"},
      {"epsilon missing", remove("attention.layer_norm_rms_epsilon"), "M0301", "rms_epsilon"},
      {"window 0", set("attention.sliding_window", 0U), "M0303", "sliding_window"},
      {"negative softcap", set("final_logit_softcapping", -30.0F), "M0402", "softcapping"},
      {"vocabulary size", set("vocab_size", 300U), "M0402", "299 rows"},
      {"vocabulary of the tokenizer",
       [](W& w) { w.set("tokenizer.ggml.tokens", std::vector<std::string>{"a", "b"}); }, "M0402",
       "2 tokens"},
      {"tokens of a wrong type", [](W& w) { w.set("tokenizer.ggml.tokens", 3U); }, "M0302",
       "tokenizer.ggml.tokens"},
      {"bos behind the vocabulary", [](W& w) { w.set("tokenizer.ggml.bos_token_id", 299U); },
       "M0303", "bos_token_id` is 299; 0 to 298"},
      {"eos -1", [](W& w) { w.set("tokenizer.ggml.eos_token_id", 0xFFFFFFFFU); }, "M0303",
       "eos_token_id"},
      {"embedding missing", [](W& w) { w.remove_tensor("token_embd.weight"); }, "M0403",
       "token_embd.weight"},
      {"norm missing", [](W& w) { w.remove_tensor("blk.1.ffn_norm.weight"); }, "M0403",
       "blk.1.ffn_norm.weight"},
      {"embedding with three dimensions",
       [](W& w) { w.tensor("token_embd.weight").dims = {64, 13, 23}; }, "M0404", "64 x 13 x 23"},
      {"matrix turned", [](W& w) { w.tensor("blk.0.ffn_up.weight").dims = {96, 64}; }, "M0404",
       "96 x 64; 64 x 96 is right"},
      {"bias in one layer only",
       [](W& w) {
         w.add_tensor("blk.0.attn_q.bias", {128}, numeric::TensorType::f32,
                      std::vector<float>(128));
       },
       "M0403", "blk.0.attn_k.bias"},
      {"tensor of another architecture",
       [](W& w) {
         w.add_tensor("blk.0.attn_q_norm.weight", {32}, numeric::TensorType::f32,
                      std::vector<float>(32));
       },
       "M0406", "blk.0.attn_q_norm.weight"},
      {"quantised norm",
       [](W& w) {
         w.remove_tensor("output_norm.weight");
         w.add_tensor("output_norm.weight", {64}, numeric::TensorType::q8_0,
                      std::vector<float>(64, 1.0F));
       },
       "M0407", "Q8_0"},
  };
  for (const Fault& fault : faults) {
    GgufWriter writer = test::tiny_model(Architecture::llama);
    fault.spoil(writer);
    const auto model = load(writer);
    ASSERT_FALSE(model) << fault.name;
    EXPECT_EQ(model.error().front().code, fault.code) << fault.name << "\n" << text(model);
    EXPECT_THAT(text(model), HasSubstr(fault.word)) << fault.name;
  }
}

TEST(Model, many_mistakes_are_counted_not_listed) {
  const auto model = load([] {
    GgufWriter writer = test::tiny_model(Architecture::llama);
    writer.set("llama.block_count", 1000U);
    return writer;
  }());
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().size(), 8);
  EXPECT_THAT(text(model), HasSubstr("more of this kind"));
}

}  // namespace
}  // namespace churon::model
