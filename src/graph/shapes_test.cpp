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
        const double pairs = static_cast<double>(tokens * past + tokens * (tokens + 1) / 2);
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

}  // namespace
}  // namespace churon::graph
