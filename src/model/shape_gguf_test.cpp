#include "model/shape_gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "base/file.h"
#include "gguf_writer.h"
#include "model/shapes.h"

namespace churon::model {
namespace {

using testing::HasSubstr;

constexpr std::uint32_t kF16 = 1;  // of GGUF's tensor types

// The header of a GGUF file of that model as llama.cpp's converter writes it: its keys, and of the
// tensors those that say something. Nothing is behind the header.
test::GgufWriter header_of(const Hyperparameters& h, const std::string& architecture) {
  test::GgufWriter writer;
  writer.set("general.architecture", architecture);
  writer.set("general.name", h.name);
  const auto set = [&](const char* suffix, std::int64_t value) {
    writer.set(architecture + "." + suffix, static_cast<std::uint32_t>(value));
  };
  std::uint64_t offset = 0;
  const auto tensor = [&](const std::string& name, std::int64_t columns, std::int64_t rows = 1) {
    auto& added = writer.tensor(name);
    added.dims = {static_cast<std::uint64_t>(columns), static_cast<std::uint64_t>(rows)};
    added.type = kF16;
    added.offset = offset;
    offset += (2 * added.dims[0] * added.dims[1] + 31) / 32 * 32;
  };
  set("block_count", h.layers);
  set("context_length", h.context);
  set("embedding_length", h.d_model);
  set("attention.head_count", h.heads);
  if (h.is_latent()) {
    set("attention.head_count_kv", 1);
    set("attention.q_lora_rank", h.latent.q_lora);
    set("attention.kv_lora_rank", h.latent.kv_lora);
    set("attention.key_length", h.latent.cached());
    set("attention.value_length", h.latent.kv_lora);
    set("attention.key_length_mla", h.key_dim);
    set("attention.value_length_mla", h.value_dim);
  } else {
    set("attention.head_count_kv", h.kv_heads);
    set("attention.key_length", h.key_dim);
    set("attention.value_length", h.value_dim);
  }
  if (h.rope.dims > 0) {
    set("rope.dimension_count", h.rope.dims);
  }
  set("feed_forward_length", h.d_ff != 0 ? h.d_ff : h.experts.d_ff);
  if (h.window != 0 && !h.window_is_chunk) {
    set("attention.sliding_window", h.window);
  }
  writer.set(architecture + (h.norm == NormKind::rms ? ".attention.layer_norm_rms_epsilon"
                                                     : ".attention.layer_norm_epsilon"),
             1e-5F);
  if (h.attention_softcap != 0) {
    writer.set(architecture + ".attn_logit_softcapping", h.attention_softcap);
  }
  if (h.logit_softcap != 0) {
    writer.set(architecture + ".final_logit_softcapping", h.logit_softcap);
  }
  tensor("token_embd.weight", h.d_model, h.vocab);
  if (!h.tied) {
    tensor("output.weight", h.d_model, h.vocab);
  }
  if (h.has_learned_positions) {
    tensor("position_embd.weight", h.d_model, h.context);
  }
  const auto block = [&](bool is_there, const std::string& name, std::int64_t columns,
                         std::int64_t rows = 1, std::int64_t layer = 0) {
    if (is_there) {
      tensor(fmt::format("blk.{}.{}", layer, name), columns, rows);
    }
  };
  block(h.norm == NormKind::layer, "attn_norm.bias", h.d_model);
  block(h.has_qkv_bias, "attn_q.bias", h.q_dim());
  block(h.has_attention_output_bias, "attn_output.bias", h.d_model);
  block(h.has_sinks, "attn_sinks.weight", h.heads);
  block(h.qk_norm == QkNorm::head, "attn_q_norm.weight", h.key_dim);
  block(h.qk_norm == QkNorm::layer, "attn_q_norm.weight", h.q_dim());
  block(h.has_post_norms, "post_ffw_norm.weight", h.d_model);
  if (!h.layer_is_mixture(0)) {
    const bool is_fused = architecture == "phi3";
    block(true, "ffn_up.weight", h.d_model, is_fused ? 2 * h.d_ff : h.d_ff);
    block(h.is_gated && !is_fused, "ffn_gate.weight", h.d_model, h.d_ff);
    block(h.has_feed_forward_bias, "ffn_up.bias", h.d_ff);
  }
  const Experts& e = h.experts;
  if (e.count != 0) {
    set("expert_count", e.count);
    set("expert_used_count", e.per_token);
    if (architecture != "llama") {  // Mixtral's experts have the width of the feed-forward block
      set("expert_feed_forward_length", e.d_ff);
    }
    if (e.groups > 1) {
      set("expert_group_count", e.groups);
      set("expert_group_used_count", e.groups_kept);
    }
    if (e.shared > 0) {
      set("expert_shared_count", e.shared);
    }
  }
  for (std::int64_t layer = 0; layer < h.layers; ++layer) {
    const bool is_mixture = h.layer_is_mixture(layer);
    block(is_mixture, "ffn_gate_inp.weight", h.d_model, e.count, layer);
    block(is_mixture && e.has_router_bias, "exp_probs_b.bias", e.count, 1, layer);
    block(is_mixture && e.has_bias, "ffn_up_exps.bias", e.d_ff, e.count, layer);
    block(is_mixture && e.d_ff_shared > 0, "ffn_up_shexp.weight", h.d_model, e.d_ff_shared, layer);
    block(is_mixture && e.has_shared_gate, "ffn_gate_inp_shexp.weight", h.d_model, 1, layer);
  }
  return writer;
}

Result<Hyperparameters> read(const test::GgufWriter& writer) {
  const std::string bytes = writer.bytes();
  std::vector<std::byte> header(bytes.size());
  std::memcpy(header.data(), bytes.data(), bytes.size());
  constexpr std::uint64_t kClaimed = std::uint64_t{1} << 50;  // of the whole file
  const auto file = parse_gguf(std::move(header), kClaimed, "m.gguf");
  return file ? gguf_shape(*file) : Result<Hyperparameters>(tl::unexpected(file.error()));
}

const std::map<std::string, std::string>& architectures_of_rows() {
  static const std::map<std::string, std::string> architectures{
      {"GPT-2 XL", "gpt2"},
      {"Llama-2-7B", "llama"},
      {"Llama-3.1-405B", "llama"},
      {"Llama-3.2-1B", "llama"},
      {"Mixtral-8x22B", "llama"},
      {"Llama-4-Scout-17B-16E", "llama4"},
      {"Llama-4-Maverick-17B-128E", "llama4"},
      {"Qwen2.5-72B", "qwen2"},
      {"Qwen3-32B", "qwen3"},
      {"Qwen3-0.6B", "qwen3"},
      {"Qwen3-235B-A22B", "qwen3moe"},
      {"Qwen3-30B-A3B", "qwen3moe"},
      {"Gemma-2-27b", "gemma2"},
      {"Gemma-3-27b", "gemma3"},
      {"Gemma-3-1b", "gemma3"},
      {"Phi-3-mini-4k", "phi3"},
      {"Phi-4", "phi3"},
      {"DeepSeek-V3", "deepseek2"},
      {"Kimi-K2", "deepseek2"},
      {"gpt-oss-120b", "gpt-oss"},
      {"gpt-oss-20b", "gpt-oss"},
      {"MiniMax-M2.5", "minimax-m2"}};
  return architectures;
}

TEST(GgufShape, of_a_model_of_the_catalogue_is_that_of_its_row) {
  const auto shapes =
      parse_shapes(*read_file(CHURON_SOURCE_DIR "/data/models.csv", 1 << 20), "models.csv");
  ASSERT_TRUE(shapes);
  for (const auto& [name, architecture] : architectures_of_rows()) {
    const auto row = find_shape(*shapes, name);
    ASSERT_TRUE(row) << name;
    const auto h = read(header_of(*row, architecture));
    ASSERT_TRUE(h) << name << "\n" << to_text(h.error());
    EXPECT_FALSE(h->architecture) << name;
    const auto sizes = [](const Hyperparameters& s) {
      return std::vector<std::int64_t>{s.layers,         s.d_model,
                                       s.d_ff,           s.heads,
                                       s.kv_heads,       s.key_dim,
                                       s.value_dim,      s.vocab,
                                       s.context,        s.window,
                                       s.rope.dims,      s.latent.q_lora,
                                       s.latent.kv_lora, s.latent.nope,
                                       s.latent.rope,    s.experts.count,
                                       s.experts.d_ff,   s.experts.per_token,
                                       s.experts.shared, s.experts.d_ff_shared,
                                       s.experts.groups, s.experts.groups_kept};
    };
    EXPECT_EQ(sizes(*h), sizes(*row)) << name;
    const auto flags = [](const Hyperparameters& s) {
      return std::vector<bool>{s.tied,
                               s.is_gated,
                               s.has_sinks,
                               s.has_qkv_bias,
                               s.has_attention_output_bias,
                               s.has_feed_forward_bias,
                               s.has_post_norms,
                               s.has_learned_positions,
                               s.window_is_chunk,
                               s.experts.has_bias,
                               s.experts.has_router_bias,
                               s.experts.has_shared_gate};
    };
    EXPECT_EQ(flags(*h), flags(*row)) << name;
    EXPECT_EQ(h->layer_has_window, row->layer_has_window) << name;
    EXPECT_EQ(h->mixture_layers(), row->mixture_layers()) << name;
    EXPECT_EQ(h->layer_has_rope, row->layer_has_rope) << name;
    EXPECT_EQ(h->qk_norm, row->qk_norm) << name;
    EXPECT_EQ(h->activation, row->activation) << name;
    EXPECT_EQ(h->norm, row->norm) << name;
    EXPECT_EQ(h->embedding_scale, row->embedding_scale) << name;
  }
}

test::GgufWriter mixture() {
  const auto shapes =
      parse_shapes(*read_file(CHURON_SOURCE_DIR "/data/models.csv", 1 << 20), "models.csv");
  return header_of(*find_shape(*shapes, "Qwen3-30B-A3B"), "qwen3moe");
}

TEST(GgufShape, names_the_key_that_is_wrong) {
  const auto error_after = [&](const auto& spoil) {
    auto writer = mixture();
    spoil(writer);
    const auto h = read(writer);
    return h ? std::string("none") : to_text(h.error());
  };
  using Writer = test::GgufWriter;
  EXPECT_THAT(error_after([](Writer& w) { w.set("general.architecture", "mamba"); }),
              testing::AllOf(HasSubstr("M0401"), HasSubstr("qwen3moe")));
  EXPECT_THAT(error_after([](Writer& w) { w.remove_entry("qwen3moe.block_count"); }),
              HasSubstr("qwen3moe.block_count"));
  EXPECT_THAT(error_after([](Writer& w) { w.set("qwen3moe.embedding_length", -5); }),
              HasSubstr("qwen3moe.embedding_length"));
  EXPECT_THAT(error_after([](Writer& w) { w.set("qwen3moe.embedding_length", "wide"); }),
              HasSubstr("qwen3moe.embedding_length"));
  EXPECT_THAT(
      error_after([](Writer& w) { w.set("qwen3moe.feed_forward_length", std::uint64_t{1} << 60); }),
      HasSubstr("qwen3moe.feed_forward_length"));
  EXPECT_THAT(error_after([](Writer& w) { w.set("qwen3moe.expert_used_count", 999); }),
              HasSubstr("999 experts for each token of 128 experts"));
  EXPECT_THAT(error_after([](Writer& w) { w.set("qwen3moe.attention.head_count_kv", 3); }),
              HasSubstr("32 attention heads cannot share 3 key-value heads"));
  EXPECT_THAT(error_after([](Writer& w) { w.remove_tensor("token_embd.weight"); }),
              HasSubstr("token_embd.weight"));
}

// Of what runs, a part may not: then it is priced.
TEST(GgufShape, a_file_that_does_not_run_is_priced) {
  const test::TemporaryFolder folder;
  auto writer = test::tiny_model(Architecture::llama);
  writer.set("llama.rope.scaling.type", "yarn");
  const std::string path = folder.write("yarn.gguf", writer.bytes());
  const auto h = shape({}, path);
  ASSERT_TRUE(h) << to_text(h.error());
  EXPECT_FALSE(h->architecture);
  EXPECT_EQ(h->name, "tiny llama");
  writer.set("llama.block_count", -1);
  const std::string wrong = folder.write("wrong.gguf", writer.bytes());
  EXPECT_THAT(to_text(shape({}, wrong).error()), HasSubstr("in `" + wrong + "`"));
  writer.set("split.count", std::uint32_t{2});
  EXPECT_THAT(to_text(shape({}, folder.write("part.gguf", writer.bytes())).error()),
              HasSubstr("split"));
}

}  // namespace
}  // namespace churon::model
