#include "graph/graph.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace churon::graph {
namespace {

model::Hyperparameters smollm2() {
  model::Hyperparameters h;
  h.architecture = model::Architecture::llama;
  h.layers = 30;
  h.d_model = 576;
  h.d_ff = 1536;
  h.heads = 9;
  h.kv_heads = 3;
  h.key_dim = h.value_dim = 64;
  h.vocab = 49152;
  h.context = 8192;
  h.rms_epsilon = 1e-5;
  h.rope.dims = 64;
  h.layer_has_window.assign(30, false);
  h.attention_scale = 0.125F;
  h.tied = true;
  return h;
}

model::Hyperparameters gemma3() {
  model::Hyperparameters h;
  h.architecture = model::Architecture::gemma3;
  h.layers = 18;
  h.d_model = 640;
  h.d_ff = 2048;
  h.heads = 4;
  h.kv_heads = 1;
  h.key_dim = h.value_dim = 256;
  h.vocab = 262144;
  h.context = 32768;
  h.rms_epsilon = 1e-6;
  h.rope.dims = 256;
  h.window = 512;
  for (int layer = 0; layer < 18; ++layer) {
    h.layer_has_window.push_back(layer % 6 != 5);
  }
  h.embedding_scale = 25.298F;
  h.attention_scale = 0.0625F;
  h.activation = model::Activation::gelu;
  h.qk_norm = model::QkNorm::head;
  h.has_post_norms = true;
  h.tied = true;
  return h;
}

model::Hyperparameters qwen2() {
  model::Hyperparameters h;
  h.architecture = model::Architecture::qwen2;
  h.layers = 24;
  h.d_model = 896;
  h.d_ff = 4864;
  h.heads = 14;
  h.kv_heads = 2;
  h.key_dim = h.value_dim = 64;
  h.vocab = 151936;
  h.context = 32768;
  h.rms_epsilon = 1e-6;
  h.rope.dims = 64;
  h.layer_has_window.assign(24, false);
  h.attention_scale = 0.125F;
  h.has_qkv_bias = true;
  return h;
}

TEST(Graph, names_every_parameter_of_the_known_models_once) {
  EXPECT_EQ(parameter_count(graph(smollm2(), decode_step(1, 0))), 134'515'008);
  EXPECT_EQ(parameter_count(graph(gemma3(), decode_step(1, 0))), 268'098'176);
  // 494.0 M as published, and the output matrix that this conversion stores apart.
  EXPECT_EQ(parameter_count(graph(qwen2(), decode_step(1, 0))), 494'032'768 + 151'936 * 896);
}

TEST(Graph, multiplies_as_often_as_the_closed_form_says) {
  for (const auto& h : {smollm2(), gemma3(), qwen2()}) {
    const std::int64_t layer_weights = h.d_model * (h.q_dim() + h.kv_dim() + h.v_dim()) +
                                       h.attention_output_dim() * h.d_model +
                                       3 * h.d_model * h.d_ff;
    const std::int64_t past = 100;
    const std::int64_t batch = 7;
    const std::int64_t scores = h.heads * (past + 1) * (h.key_dim + h.value_dim);
    EXPECT_EQ(total_work(graph(h, decode_step(batch, past))).macs,
              batch * (h.layers * (layer_weights + scores) + h.vocab * h.d_model));
  }
}

TEST(Graph, prefill_computes_behind_the_last_cache_entry_only_what_is_sampled) {
  const auto h = smollm2();
  const std::int64_t n = 33;
  const std::int64_t qkv = h.d_model * (h.q_dim() + h.kv_dim() + h.v_dim());
  const std::int64_t rest = h.attention_output_dim() * h.d_model + 3 * h.d_model * h.d_ff;
  const std::int64_t per_score = h.heads * (h.key_dim + h.value_dim);
  EXPECT_EQ(total_work(graph(h, prefill_step(n))).macs,
            h.layers * n * qkv + (h.layers - 1) * (n * rest + n * (n + 1) / 2 * per_score) + rest +
                n * per_score + h.vocab * h.d_model);
}

// Counts pairs of token and position one by one.
TEST(Graph, windows_count_exactly_the_visible_positions) {
  auto h = gemma3();
  h.layers = 2;
  h.layer_has_window = {true, false};
  h.window = 5;
  for (std::int64_t past = 0; past <= 12; ++past) {
    for (std::int64_t tokens = 1; tokens <= 9; ++tokens) {
      std::int64_t pairs = 0;
      std::set<std::int64_t> positions;
      for (std::int64_t t = past; t < past + tokens; ++t) {
        for (std::int64_t p = std::max<std::int64_t>(0, t - h.window + 1); p <= t; ++p) {
          ++pairs;
          positions.insert(p);
        }
      }
      const Graph g = graph(h, {{{3, past, tokens, tokens}}});
      for (const Op& op : g.ops) {
        if (op.kind() == OpKind::attention && op.layer == 0) {
          const Work w = work(g, op);
          EXPECT_EQ(w.macs, 3 * pairs * h.heads * 2 * h.key_dim) << past << " " << tokens;
          EXPECT_EQ(w.kv_read_elements,
                    3 * static_cast<std::int64_t>(positions.size()) * h.kv_heads * 2 * h.key_dim);
        }
      }
    }
  }
}

TEST(Graph, inputs_are_written_before_they_are_read) {
  for (const auto& h : {smollm2(), gemma3(), qwen2()}) {
    const Graph g = graph(h, prefill_step(5));
    std::vector<std::int64_t> written(g.values.size(), 0);
    for (const Op& op : g.ops) {
      for (const Slice& input : op.inputs) {
        EXPECT_GE(written[static_cast<std::size_t>(input.value)], input.first + input.columns)
            << op.name;
      }
      if (op.output.value >= 0) {
        auto& end = written[static_cast<std::size_t>(op.output.value)];
        end = std::max(end, op.output.first + op.output.columns);
        EXPECT_LE(end, g.values[static_cast<std::size_t>(op.output.value)].columns) << op.name;
      }
    }
    EXPECT_EQ(written[static_cast<std::size_t>(g.logits)], h.vocab);
  }
}

TEST(Graph, products_have_the_shapes_of_their_weights) {
  for (const auto& h : {smollm2(), gemma3(), qwen2()}) {
    const Graph g = graph(h, prefill_step(5));
    for (const Op& op : g.ops) {
      if (op.kind() != OpKind::matmul) {
        continue;
      }
      std::int64_t rows = 0;
      for (const WeightUse& use : op.weights) {
        EXPECT_EQ(use.columns, op.inputs[0].columns) << op.name;
        rows += use.rows;
      }
      EXPECT_EQ(rows, op.output.columns) << op.name;
    }
  }
}

TEST(Graph, kinds_follow_the_order_of_the_parameters) {
  const Graph g = graph(gemma3(), prefill_step(2));
  for (const Op& op : g.ops) {
    EXPECT_EQ(op.kind() == OpKind::attention, std::holds_alternative<Attention>(op.parameters));
    EXPECT_EQ(op.kind() == OpKind::softcap, std::holds_alternative<Softcap>(op.parameters));
    EXPECT_EQ(op.kind() == OpKind::matmul, std::holds_alternative<Matmul>(op.parameters));
  }
  EXPECT_EQ(name(OpKind::kv_append), "kv_append");
  EXPECT_EQ(name(OpKind::softcap), "softcap");
}

TEST(Graph, text_names_the_step_and_every_operator) {
  auto h = smollm2();
  h.layers = 1;
  h.layer_has_window = {false};
  h.logit_softcap = 30;
  const std::string text = to_text(graph(h, prefill_step(7, 3)));
  EXPECT_NE(text.find("step: 1 x {past 3, tokens 7, sampled 1}"), std::string::npos) << text;
  EXPECT_NE(text.find("blk.0.attn_q.weight 576x576"), std::string::npos) << text;
  EXPECT_NE(text.find("cap=30"), std::string::npos) << text;
  EXPECT_EQ(text.find(" \n"), std::string::npos) << "spaces at the end of a line";
}

}  // namespace
}  // namespace churon::graph
