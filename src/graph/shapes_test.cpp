// The graphs of the models that are known by shape: data/models.csv states its parameters and its
// cache, the graph computes them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <set>

#include "graph/graph.h"
#include "model/shapes.h"

namespace churon::graph {
namespace {

const model::Shapes& shapes() {
  static const auto loaded = model::parse_shapes(
      [] {
        std::string text;
        if (std::FILE* file = std::fopen(CHURON_SOURCE_DIR "/data/models.csv", "rb")) {
          for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) {
            text += static_cast<char>(c);
          }
          std::fclose(file);
        }
        return text;
      }(),
      "data/models.csv");
  EXPECT_TRUE(loaded) << to_text(loaded.error());
  return *loaded;
}

const model::Hyperparameters& named(std::string_view name) {
  for (const model::Shape& row : shapes().rows) {
    if (row.hyperparameters.name == name) {
      return row.hyperparameters;
    }
  }
  ADD_FAILURE() << name;
  return shapes().rows.front().hyperparameters;
}

const Op& find(const Graph& g, std::string_view name, int layer) {
  for (const Op& op : g.ops) {
    if (op.name == name && op.layer == layer) {
      return op;
    }
  }
  ADD_FAILURE() << name << " of layer " << layer;
  return g.ops.front();
}
bool has(const Graph& g, std::string_view name) {
  return std::any_of(g.ops.begin(), g.ops.end(), [&](const Op& op) { return op.name == name; });
}

// No row needs an exception: what its notes leave out of the count (multi-token prediction modules,
// vision parts) has no columns either, and the indexers of DeepSeek-V3.2 and GLM-5 are counted in
// both. The largest difference is MiniMax-M2.5, whose row is rounded to two digits.
TEST(Shapes, parameters_and_cache_of_every_row_are_what_the_row_states) {
  ASSERT_EQ(shapes().rows.size(), 60U);
  for (const model::Shape& row : shapes().rows) {
    SCOPED_TRACE(row.hyperparameters.name);
    for (const Step& step : {decode_step(1, 100), prefill_step(100)}) {
      const Graph g = graph(row.hyperparameters, step);
      const auto near = [](std::int64_t computed, double stated) {
        EXPECT_GT(stated, 0);
        EXPECT_LT(std::abs(static_cast<double>(computed) / stated - 1), 0.001);
      };
      near(parameter_count(g), row.total_parameters);
      near(active_parameter_count(g), row.active_parameters);
      EXPECT_EQ(2 * cached_per_token(g), row.kv_bytes_per_token);
      EXPECT_EQ(row.hyperparameters.layers * row.hyperparameters.cached_per_token(),
                cached_per_token(g));
    }
  }
}

TEST(Shapes, inputs_are_written_before_they_are_read_and_products_fit_their_weights) {
  const Step mixed{{{3, 100, 1, 1}, {2, 0, 64, 1}, {1, 300, 32, 32}}};
  for (const model::Shape& row : shapes().rows) {
    SCOPED_TRACE(row.hyperparameters.name);
    for (const Step& step : {decode_step(7, 33), prefill_step(65), mixed}) {
      const Graph g = graph(row.hyperparameters, step);
      std::vector<std::int64_t> written(g.values.size(), 0);
      for (const Op& op : g.ops) {
        for (const Slice& input : op.inputs) {
          ASSERT_GE(written[static_cast<std::size_t>(input.value)], input.first + input.columns)
              << op.name;
        }
        if (op.output.value >= 0) {
          auto& end = written[static_cast<std::size_t>(op.output.value)];
          end = std::max(end, op.output.first + op.output.columns);
          EXPECT_LE(end, g.values[static_cast<std::size_t>(op.output.value)].columns) << op.name;
        }
        if (op.kind() == OpKind::matmul) {
          std::int64_t rows = 0;
          for (const WeightUse& use : op.weights) {
            EXPECT_EQ(use.columns, op.inputs[0].columns) << op.name;
            rows += use.rows;
          }
          EXPECT_EQ(rows, op.output.columns) << op.name;
        }
        const Work w = work(g, op);
        for (const std::int64_t count : {w.macs, w.weight_elements, w.vector_weight_elements,
                                         w.kv_read_elements, w.kv_write_elements, w.input_elements,
                                         w.output_elements, w.vector_operations, w.exponentials}) {
          EXPECT_GE(count, 0) << op.name;
        }
      }
      EXPECT_EQ(written[static_cast<std::size_t>(g.logits)], row.hyperparameters.vocab);
      EXPECT_EQ(g.rows(find(g, "output", -1)), g.sampled());
      EXPECT_NE(to_text(g).find("output"), std::string::npos);
    }
  }
}

// A decode step multiplies each active weight once a token, and scores besides. Latent attention
// in its absorbed form multiplies the matrices of keys and values as often.
TEST(Shapes, a_decode_step_multiplies_every_active_matrix_once) {
  for (const model::Shape& row : shapes().rows) {
    SCOPED_TRACE(row.hyperparameters.name);
    const Graph g = graph(row.hyperparameters, decode_step(3, 0));
    std::int64_t attention = 0;
    std::int64_t vectors = 0;
    for (const Op& op : g.ops) {
      if (op.kind() == OpKind::attention || op.kind() == OpKind::index_select) {
        attention += work(g, op).macs;
      }
      for (const WeightUse& use : op.weights) {
        const auto* e = std::get_if<ExpertFeedForward>(&op.parameters);
        const bool read = op.kind() != OpKind::embedding && op.kind() != OpKind::positions;
        if (read && model::is_vector(use.role)) {
          vectors += use.rows * use.columns / (e != nullptr ? e->experts : 1) *
                     (e != nullptr ? e->per_token : 1);
        }
      }
    }
    EXPECT_EQ(total_work(g).macs - attention, 3 * (active_parameter_count(g) - vectors));
  }
}

TEST(Shapes, latent_attention_is_absorbed_in_decoding_and_expanded_in_prefill) {
  const auto& h = named("DeepSeek-V3");
  const std::int64_t heads = 128;
  const Graph decode = graph(h, decode_step(5, 999));
  EXPECT_FALSE(has(decode, "attn_kv_up"));
  const Work absorbed = work(decode, find(decode, "attention_latent", 7));
  EXPECT_EQ(absorbed.macs, 5 * 1000 * heads * (512 + 64 + 512));
  EXPECT_EQ(absorbed.kv_read_elements, 5 * 1000 * (512 + 64)) << "read once for keys and values";
  EXPECT_EQ(work(decode, find(decode, "attn_absorb", 7)).macs, 5 * heads * 128 * 512);
  EXPECT_EQ(work(decode, find(decode, "kv_append", 7)).kv_write_elements, 5 * 576);

  const Graph prefill = graph(h, prefill_step(1000, 500));
  EXPECT_FALSE(has(prefill, "attention_latent"));
  const std::int64_t pairs = 1000 * 500 + 1000 * 1001 / 2;
  EXPECT_EQ(work(prefill, find(prefill, "attention", 7)).macs, pairs * heads * (192 + 128));
  EXPECT_EQ(work(prefill, find(prefill, "attn_kv_up", 7)).macs, 1500 * 512 * heads * (128 + 128));
  EXPECT_EQ(work(prefill, find(prefill, "latent_read", 7)).kv_read_elements, 1500 * 576);

  // Both at once: each form for its sequences alone.
  const Graph both = graph(h, {{{5, 999, 1, 1}, {1, 500, 1000, 1}}});
  EXPECT_EQ(work(both, find(both, "attention_latent", 7)).macs, absorbed.macs);
  EXPECT_EQ(both.rows(find(both, "attention", 7)), 1000);
  EXPECT_EQ(both.rows(find(both, "attn_q", 7)), 1005);
  EXPECT_EQ(both.rows(find(both, "attn_kv_up", 7)), 1500);
}

TEST(Shapes, the_form_of_latent_attention_is_the_one_that_multiplies_less) {
  const auto& h = named("DeepSeek-V3");
  const Graph g = graph(h, decode_step(1, 0));
  for (const std::int64_t past : {0, 100, 1000, 100000}) {
    for (const std::int64_t tokens : {2, 17, 100, 170, 171, 172, 2000}) {
      const SequenceGroup group{1, past, tokens, 0};
      const auto attention_macs = [&](Part part) {
        const std::int64_t seen = tokens * past + tokens * (tokens + 1) / 2;
        const auto pairs = static_cast<double>(seen);
        const double up = 512 * 256;
        return part == Part::expanded ? static_cast<double>(past + tokens) * up + pairs * 320
                                      : static_cast<double>(tokens) * up + pairs * 1088;
      };
      const Part form = g.form(group);
      const Part other = form == Part::expanded ? Part::absorbed : Part::expanded;
      EXPECT_LE(attention_macs(form), attention_macs(other)) << past << " " << tokens;
    }
  }
}

TEST(Shapes, an_indexer_limits_what_attention_reads) {
  const Graph g = graph(named("DeepSeek-V3.2"), decode_step(2, 9999));
  const Work select = work(g, find(g, "index_select", 5));
  EXPECT_EQ(select.macs, 2 * 10000 * 64 * 128);
  EXPECT_EQ(select.kv_read_elements, 2 * 10000 * 128);
  EXPECT_EQ(work(g, find(g, "attention_latent", 5)).kv_read_elements, 2 * 2048 * 576);
}

TEST(Shapes, experts_are_read_as_far_as_tokens_reach_them) {
  const auto& h = named("gpt-oss-120b");
  const std::int64_t expert = 3 * 2880 * 2880;
  const auto read = [&](std::int64_t tokens) {
    const Graph g = graph(h, decode_step(tokens, 10));
    return work(g, find(g, "ffn_experts", 3)).weight_elements;
  };
  EXPECT_EQ(read(1), 4 * expert);
  EXPECT_NEAR(static_cast<double>(read(64)) / static_cast<double>(expert),
              128 * (1 - std::pow(1 - 4.0 / 128, 64)), 1e-6);
  EXPECT_LE(read(100000), 128 * expert);
  EXPECT_EQ(experts_in_use(8, 8, 1), 8);
  EXPECT_EQ(experts_in_use(8, 2, 0), 0);
}

TEST(Shapes, dense_and_expert_layers_take_their_places) {
  const Graph deepseek = graph(named("DeepSeek-V3"), decode_step(1, 1));
  for (int layer = 0; layer < 61; ++layer) {
    const bool dense = std::any_of(deepseek.ops.begin(), deepseek.ops.end(), [&](const Op& op) {
      return op.layer == layer && op.name == "ffn_gate_up";
    });
    EXPECT_EQ(dense, layer < 3);
  }
  const Graph maverick = graph(named("Llama-4-Maverick-17B-128E"), decode_step(1, 1));
  EXPECT_EQ(find(maverick, "ffn_experts", 1).layer, 1);
  EXPECT_EQ(find(maverick, "ffn_gate_up", 0).layer, 0);
}

// Counts pairs of token and position one by one.
TEST(Shapes, chunks_count_exactly_the_visible_positions) {
  auto h = named("Llama-4-Scout-17B-16E");
  h.window = 5;
  for (std::int64_t past = 0; past <= 12; ++past) {
    for (std::int64_t tokens = 1; tokens <= 9; ++tokens) {
      std::int64_t pairs = 0;
      std::set<std::int64_t> positions;
      for (std::int64_t t = past; t < past + tokens; ++t) {
        for (std::int64_t p = t / 5 * 5; p <= t; ++p) {
          ++pairs;
          positions.insert(p);
        }
      }
      const Graph g = graph(h, {{{1, past, tokens, tokens}}});
      const Work w = work(g, find(g, "attention", 0));
      EXPECT_EQ(w.macs, pairs * 40 * 256) << past << " " << tokens;
      EXPECT_EQ(w.kv_read_elements, static_cast<std::int64_t>(positions.size()) * 8 * 256);
      EXPECT_EQ(has(g, "rope_q"), true);
    }
  }
}

TEST(Shapes, plain_models_have_positions_and_biases) {
  const Graph g = graph(named("GPT-2 small"), decode_step(1, 1));
  EXPECT_TRUE(has(g, "position_embd"));
  EXPECT_TRUE(has(g, "ffn_up_bias"));
  EXPECT_FALSE(has(g, "rope_q"));
  EXPECT_FALSE(has(g, "ffn_gate_up"));
  EXPECT_EQ(find(g, "attn_norm", 0).kind(), OpKind::layer_norm);
  EXPECT_EQ(find(g, "ffn_act", 0).kind(), OpKind::plain_activation);
}

TEST(Shapes, a_graph_serves_for_other_steps_of_the_same_forms) {
  for (const std::string_view name : {"Llama-3.1-70B", "DeepSeek-V3", "gpt-oss-120b"}) {
    Graph reused = graph(named(name), decode_step(1, 5));
    reused.step = decode_step(77, 1234);
    const Graph fresh = graph(named(name), decode_step(77, 1234));
    EXPECT_EQ(total_work(reused).macs, total_work(fresh).macs);
    EXPECT_EQ(total_work(reused).kv_read_elements, total_work(fresh).kv_read_elements);
  }
}

// ---- config.json ----

struct Config {
  std::string_view row;  // of the catalogue; empty: none
  std::string_view text;
  double parameters = 0;  // as published, where there is no row
};

// The files as their makers publish them, without what has nothing to do with the shape.
const std::vector<Config>& configs() {
  static const std::vector<Config> all{
      {"Llama-3.1-8B", R"({"model_type": "llama", "hidden_size": 4096, "intermediate_size": 14336,
        "num_attention_heads": 32, "num_hidden_layers": 32, "num_key_value_heads": 8,
        "vocab_size": 128256, "max_position_embeddings": 131072, "rms_norm_eps": 1e-05,
        "rope_theta": 500000.0, "attention_bias": false, "mlp_bias": false, "hidden_act": "silu",
        "tie_word_embeddings": false, "torch_dtype": "bfloat16"})"},
      {"Mistral-7B-v0.1", R"({"model_type": "mistral", "hidden_size": 4096,
        "intermediate_size": 14336, "num_attention_heads": 32, "num_hidden_layers": 32,
        "num_key_value_heads": 8, "sliding_window": 4096, "vocab_size": 32000,
        "max_position_embeddings": 32768, "rope_theta": 10000.0})"},
      {"Mixtral-8x7B", R"({"model_type": "mixtral", "hidden_size": 4096,
        "intermediate_size": 14336, "num_attention_heads": 32, "num_hidden_layers": 32,
        "num_key_value_heads": 8, "sliding_window": null, "num_local_experts": 8,
        "num_experts_per_tok": 2, "vocab_size": 32000, "max_position_embeddings": 32768})"},
      {"Qwen2.5-7B", R"({"model_type": "qwen2", "hidden_size": 3584, "intermediate_size": 18944,
        "num_attention_heads": 28, "num_hidden_layers": 28, "num_key_value_heads": 4,
        "max_window_layers": 28, "sliding_window": 131072, "use_sliding_window": false,
        "vocab_size": 152064, "max_position_embeddings": 131072, "tie_word_embeddings": false})"},
      {"Qwen3-0.6B", R"({"model_type": "qwen3", "hidden_size": 1024, "intermediate_size": 3072,
        "head_dim": 128, "num_attention_heads": 16, "num_hidden_layers": 28,
        "num_key_value_heads": 8, "vocab_size": 151936, "max_position_embeddings": 40960,
        "tie_word_embeddings": true})"},
      {"Qwen3-30B-A3B", R"({"model_type": "qwen3_moe", "hidden_size": 2048, "head_dim": 128,
        "intermediate_size": 6144, "moe_intermediate_size": 768, "num_attention_heads": 32,
        "num_hidden_layers": 48, "num_key_value_heads": 4, "num_experts": 128,
        "num_experts_per_tok": 8, "decoder_sparse_step": 1, "mlp_only_layers": [],
        "vocab_size": 151936, "max_position_embeddings": 40960})"},
      {"Gemma-2-9b", R"({"model_type": "gemma2", "hidden_size": 3584, "intermediate_size": 14336,
        "head_dim": 256, "num_attention_heads": 16, "num_hidden_layers": 42,
        "num_key_value_heads": 8, "sliding_window": 4096, "attn_logit_softcapping": 50.0,
        "final_logit_softcapping": 30.0, "vocab_size": 256000, "max_position_embeddings": 8192,
        "hidden_act": "gelu_pytorch_tanh"})"},
      {"Gemma-3-4b", R"({"model_type": "gemma3", "text_config": {"model_type": "gemma3_text",
        "hidden_size": 2560, "intermediate_size": 10240, "num_hidden_layers": 34,
        "rope_scaling": {"factor": 8.0, "rope_type": "linear"}, "sliding_window": 1024},
        "vision_config": {"hidden_size": 1152}})"},
      {"GPT-2 small", R"({"model_type": "gpt2", "n_layer": 12, "n_embd": 768, "n_head": 12,
        "n_positions": 1024, "n_ctx": 1024, "vocab_size": 50257, "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-05})"},
      {"gpt-oss-20b", R"({"model_type": "gpt_oss", "hidden_size": 2880, "intermediate_size": 2880,
        "head_dim": 64, "num_attention_heads": 64, "num_hidden_layers": 24,
        "num_key_value_heads": 8, "num_local_experts": 32, "num_experts_per_tok": 4,
        "sliding_window": 128, "attention_bias": true, "vocab_size": 201088,
        "max_position_embeddings": 131072, "quantization_config": {"quant_method": "mxfp4"}})"},
      {"DeepSeek-V3", R"({"model_type": "deepseek_v3", "hidden_size": 7168,
        "intermediate_size": 18432, "kv_lora_rank": 512, "q_lora_rank": 1536,
        "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
        "moe_intermediate_size": 2048, "moe_layer_freq": 1, "first_k_dense_replace": 3,
        "n_group": 8, "topk_group": 4, "n_routed_experts": 256, "n_shared_experts": 1,
        "num_experts_per_tok": 8, "num_attention_heads": 128, "num_key_value_heads": 128,
        "num_hidden_layers": 61, "num_nextn_predict_layers": 1, "vocab_size": 129280,
        "max_position_embeddings": 163840, "torch_dtype": "bfloat16",
        "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}})"},
      {"DeepSeek-V3.2", R"({"model_type": "deepseek_v32", "hidden_size": 7168,
        "intermediate_size": 18432, "kv_lora_rank": 512, "q_lora_rank": 1536,
        "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
        "moe_intermediate_size": 2048, "moe_layer_freq": 1, "first_k_dense_replace": 3,
        "n_group": 8, "topk_group": 4, "n_routed_experts": 256, "n_shared_experts": 1,
        "num_experts_per_tok": 8, "num_attention_heads": 128, "num_hidden_layers": 61,
        "index_head_dim": 128, "index_n_heads": 64, "index_topk": 2048, "vocab_size": 129280,
        "max_position_embeddings": 163840})"},
      {"Kimi-K2.5", R"({"model_type": "kimi_k25", "num_hidden_layers": 61, "hidden_size": 7168,
        "num_attention_heads": 64, "num_key_value_heads": 64, "intermediate_size": 18432,
        "vocab_size": 163840, "max_position_embeddings": 262144, "n_routed_experts": 384,
        "n_shared_experts": 1, "num_experts_per_tok": 8, "moe_intermediate_size": 2048,
        "moe_layer_freq": 1, "first_k_dense_replace": 1, "kv_lora_rank": 512, "q_lora_rank": 1536,
        "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128})"},
      {"Llama-4-Maverick-17B-128E", R"({"model_type": "llama4", "text_config": {
        "model_type": "llama4_text", "attention_chunk_size": 8192, "head_dim": 128,
        "hidden_size": 5120, "interleave_moe_layer_step": 2, "intermediate_size": 8192,
        "intermediate_size_mlp": 16384, "max_position_embeddings": 1048576,
        "num_attention_heads": 40, "num_experts_per_tok": 1, "num_hidden_layers": 48,
        "num_key_value_heads": 8, "num_local_experts": 128, "rope_theta": 500000.0,
        "use_qk_norm": false, "vocab_size": 202048}})"},
      {"MiniMax-M2.5", R"({"model_type": "minimax_m2", "hidden_size": 3072,
        "intermediate_size": 1536, "head_dim": 128, "num_attention_heads": 48,
        "num_hidden_layers": 62, "num_key_value_heads": 8, "num_local_experts": 256,
        "num_experts_per_tok": 8, "rotary_dim": 64, "use_qk_norm": true, "use_routing_bias": true,
        "vocab_size": 200064, "max_position_embeddings": 196608, "rope_theta": 5000000})"},
      {"Phi-4-mini", R"({"model_type": "phi3", "hidden_size": 3072, "intermediate_size": 8192,
        "num_attention_heads": 24, "num_hidden_layers": 32, "num_key_value_heads": 8,
        "partial_rotary_factor": 0.75, "sliding_window": null, "vocab_size": 200064,
        "max_position_embeddings": 131072, "tie_word_embeddings": true})"},
      {"", R"({"model_type": "opt", "hidden_size": 768, "ffn_dim": 3072, "num_attention_heads": 12,
        "num_hidden_layers": 12, "vocab_size": 50272, "max_position_embeddings": 2048,
        "word_embed_proj_dim": 768})",
       125.24e6},
      {"", R"({"model_type": "qwen2_moe", "hidden_size": 2048, "intermediate_size": 5632,
        "moe_intermediate_size": 1408, "shared_expert_intermediate_size": 5632,
        "num_attention_heads": 16, "num_hidden_layers": 24, "num_key_value_heads": 16,
        "num_experts": 60, "num_experts_per_tok": 4, "vocab_size": 151936,
        "max_position_embeddings": 8192})",
       14.316e9},
      {"", R"({"model_type": "deepseek_v2", "hidden_size": 2048, "intermediate_size": 10944,
        "q_lora_rank": null, "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64,
        "v_head_dim": 128, "moe_intermediate_size": 1408, "first_k_dense_replace": 1,
        "n_routed_experts": 64, "n_shared_experts": 2, "num_experts_per_tok": 6, "n_group": 1,
        "topk_group": 1, "num_attention_heads": 16, "num_hidden_layers": 27, "vocab_size": 102400,
        "max_position_embeddings": 163840})",
       15.706e9},
      {"", R"({"model_type": "gemma", "hidden_size": 2048, "intermediate_size": 16384,
        "head_dim": 256, "num_attention_heads": 8, "num_hidden_layers": 18,
        "num_key_value_heads": 1, "vocab_size": 256000, "max_position_embeddings": 8192})",
       2.506e9},
  };
  return all;
}

TEST(Shapes, a_config_gives_the_same_graph_as_the_row_of_the_catalogue) {
  for (const Config& config : configs()) {
    const auto read = model::parse_config(config.text, "config.json");
    ASSERT_TRUE(read) << to_text(read.error());
    const Graph g = graph(*read, decode_step(1, 100));
    SCOPED_TRACE(config.row);
    if (config.row.empty()) {
      EXPECT_NEAR(static_cast<double>(parameter_count(g)) / config.parameters, 1, 0.001);
      continue;
    }
    auto h = named(config.row);
    if (config.row == "Gemma-3-4b") {
      h.vocab = 262208;  // 64 more rows for pictures
    }
    const Graph wanted = graph(h, decode_step(1, 100));
    EXPECT_EQ(parameter_count(g), parameter_count(wanted));
    EXPECT_EQ(read->layer_has_window, h.layer_has_window);
    EXPECT_EQ(read->layer_has_experts, h.layer_has_experts);
    EXPECT_EQ(read->layer_has_rope, h.layer_has_rope);
    EXPECT_EQ(read->rope.dims, h.rope.dims);
    EXPECT_EQ(read->context, h.context);
    EXPECT_EQ(read->experts.groups_kept, h.experts.groups_kept);
    ASSERT_EQ(g.ops.size(), wanted.ops.size());
    for (std::size_t i = 0; i < g.ops.size(); ++i) {
      EXPECT_EQ(g.ops[i].name, wanted.ops[i].name);
      EXPECT_EQ(work(g, g.ops[i]).macs, work(wanted, wanted.ops[i]).macs) << g.ops[i].name;
      EXPECT_EQ(work(g, g.ops[i]).vector_operations, work(wanted, wanted.ops[i]).vector_operations)
          << g.ops[i].name;
    }
  }
}

}  // namespace
}  // namespace churon::graph
