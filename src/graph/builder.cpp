#include "graph/graph.h"

#include <algorithm>
#include <utility>

namespace churon::graph {

using model::TensorRole;

namespace {

// Lists operators one after another. The values below are all that a step needs: a layer's values
// are free again when the next layer begins.
class Builder {
 public:
  Builder(const model::Hyperparameters& hyperparameters, const Step& step) : h_(hyperparameters) {
    graph_.step = step;
    graph_.layers = static_cast<int>(h_.layers);
    if (h_.is_latent()) {
      graph_.latent = h_.latent;
      graph_.value_dim = h_.value_dim;
      graph_.top = h_.indexer.heads != 0 ? h_.indexer.top : 0;
    }
    query_ = h_.q_dim();
    key_ = h_.kv_dim();
    value_ = h_.v_dim();
    mixed_ = h_.attention_output_dim();
    set_rows(Rows::tokens);
  }

  Graph build() {
    add("token_embd", Embedding{h_.embedding_scale}, {}, whole(x_),
        {{TensorRole::token_embedding, h_.vocab, h_.d_model}});
    if (h_.has_learned_positions) {
      add("position_embd", Positions{}, {whole(x_)}, whole(x_),
          {{TensorRole::position_embedding, h_.context, h_.d_model}});
    }
    for (layer_ = 0; layer_ < h_.layers; ++layer_) {
      h_.is_latent() ? latent_attention_block() : attention_block();
      feed_forward_block();
    }
    layer_ = -1;
    head();
    return std::move(graph_);
  }

 private:
  const model::Hyperparameters& h_;
  Graph graph_;
  int layer_ = -1;
  std::int64_t query_, key_, value_, mixed_;  // columns
  ValueId x_{}, normed_{}, qkv_{}, attended_{}, branch_{}, gate_up_{}, activated_{};
  // Of experts.
  ValueId scores_{}, routing_{}, shared_gate_up_{}, shared_activated_{}, shared_{}, shared_score_{};
  // Of latent attention; those of queries have a row per sampled position at the end.
  ValueId latents_{}, positions_{}, expanded_{};
  ValueId query_latent_{}, query_value_{}, absorbed_{}, attended_latent_{}, indexed_{}, index_{},
      selected_{};

  ValueId value(std::string name, Rows rows, std::int64_t columns) {
    graph_.values.push_back({std::move(name), rows, columns});
    return static_cast<ValueId>(graph_.values.size()) - 1;
  }
  [[nodiscard]] float epsilon() const { return static_cast<float>(h_.rms_epsilon); }
  [[nodiscard]] Slice whole(ValueId id) const {
    return {id, 0, graph_.values[static_cast<std::size_t>(id)].columns};
  }

  // New values for all that follows, with a row per token or per sampled position.
  void set_rows(Rows rows) {
    const std::string suffix = rows == Rows::sampled ? "_sampled" : "";
    if (rows == Rows::tokens && !h_.is_latent()) {
      qkv_ = value("qkv", rows, query_ + key_ + value_);
    }
    x_ = value("x" + suffix, rows, h_.d_model);
    normed_ = value("normed" + suffix, rows, h_.d_model);
    attended_ = value("attended" + suffix, rows, mixed_);
    branch_ = value("branch" + suffix, rows, h_.d_model);
    if (h_.d_ff != 0) {
      gate_up_ = value("gate_up" + suffix, rows, matrices_in() * h_.d_ff);
      activated_ = value("activated" + suffix, rows, h_.d_ff);
    }
    if (h_.experts.count != 0) {
      set_expert_rows(rows, suffix);
    }
    if (h_.is_latent()) {
      set_latent_rows(rows, suffix);
    }
  }
  void set_expert_rows(Rows rows, const std::string& suffix) {
    const model::Experts& e = h_.experts;
    scores_ = value("scores" + suffix, rows, e.count);
    routing_ = value("routing" + suffix, rows, 2 * e.per_token);  // which, and with what weight
    if (e.d_ff_shared != 0) {
      shared_gate_up_ = value("shared_gate_up" + suffix, rows, matrices_in() * e.d_ff_shared);
      shared_activated_ = value("shared_activated" + suffix, rows, e.d_ff_shared);
      shared_ = value("shared" + suffix, rows, h_.d_model);
      shared_score_ = e.has_shared_gate ? value("shared_score" + suffix, rows, 1) : -1;
    }
  }
  void set_latent_rows(Rows rows, const std::string& suffix) {
    const model::LatentAttention& l = h_.latent;
    if (rows == Rows::tokens) {
      latents_ = value("latents", rows, l.q_lora + l.cached());
      if (has_form(Part::expanded)) {
        positions_ = value("positions", Rows::positions, l.cached());
        expanded_ = value("expanded", Rows::positions, h_.heads * (l.nope + h_.value_dim));
      }
    } else if (l.q_lora != 0) {
      query_latent_ = value("query_latent" + suffix, rows, l.q_lora);
    }
    query_value_ = value("query" + suffix, rows, query_);
    if (has_form(Part::absorbed)) {
      absorbed_ = value("absorbed" + suffix, rows, h_.heads * l.cached());
      attended_latent_ = value("attended_latent" + suffix, rows, h_.heads * l.kv_lora);
    }
    if (h_.indexer.heads != 0) {
      indexed_ = value("indexed" + suffix, rows, h_.indexer.head_dim + h_.indexer.heads);
      index_ = value("index_query" + suffix, rows, h_.indexer.heads * h_.indexer.head_dim);
      selected_ = value("selected" + suffix, rows, h_.indexer.top);
    }
  }

  // Matrices before the activation.
  [[nodiscard]] std::int64_t matrices_in() const { return h_.is_gated ? 2 : 1; }
  [[nodiscard]] bool has_form(Part part) const {
    return std::any_of(graph_.step.groups.begin(), graph_.step.groups.end(),
                       [&](const SequenceGroup& group) { return graph_.form(group) == part; });
  }

  void add(std::string name, Parameters parameters, std::vector<Slice> inputs, Slice output,
           std::vector<WeightUse> weights = {}, Part part = Part::all) {
    graph_.ops.push_back(
        {std::move(name), layer_, parameters, std::move(inputs), output, std::move(weights), part});
  }
  void norm(std::string name, ValueId from, ValueId to, TensorRole role, TensorRole bias) {
    if (h_.norm == model::NormKind::layer) {
      add(std::move(name), LayerNorm{epsilon()}, {whole(from)}, whole(to),
          {{role, 1, h_.d_model}, {bias, 1, h_.d_model}});
    } else {
      rms_norm(std::move(name), whole(from), whole(to), role);
    }
  }
  void rms_norm(std::string name, Slice from, Slice to, TensorRole role) {
    add(std::move(name), RmsNorm{epsilon()}, {from}, to, {{role, 1, to.columns}});
  }
  void bias(std::string name, Slice slice, TensorRole role) {
    add(std::move(name), Bias{}, {slice}, slice, {{role, 1, slice.columns}});
  }

  void attention_block() {
    Slice query{qkv_, 0, query_};
    const Slice key{qkv_, query_, key_};
    const Slice values{qkv_, query_ + key_, value_};
    norm("attn_norm", x_, normed_, TensorRole::attention_norm, TensorRole::attention_norm_bias);
    add("attn_qkv", Matmul{}, {whole(normed_)}, whole(qkv_),
        {{TensorRole::query, query_, h_.d_model},
         {TensorRole::key, key_, h_.d_model},
         {TensorRole::value, value_, h_.d_model}});
    if (h_.has_qkv_bias) {
      bias("attn_q_bias", query, TensorRole::query_bias);
      bias("attn_k_bias", key, TensorRole::key_bias);
      bias("attn_v_bias", values, TensorRole::value_bias);
    }
    switch (h_.qk_norm) {
      case model::QkNorm::none:
        break;
      case model::QkNorm::head:
        head_norm("attn_q_norm", query, h_.heads, TensorRole::query_norm);
        head_norm("attn_k_norm", key, h_.kv_heads, TensorRole::key_norm);
        break;
      case model::QkNorm::layer:
        head_norm("attn_q_norm", query, 1, TensorRole::query_norm);
        head_norm("attn_k_norm", key, 1, TensorRole::key_norm);
        break;
    }
    const bool local = h_.layer_has_window[static_cast<std::size_t>(layer_)];
    if (h_.layer_rotates(layer_)) {
      add("rope_q", Rope{h_.heads, h_.key_dim, local, h_.rope.dims}, {query}, query);
      add("rope_k", Rope{h_.kv_heads, h_.key_dim, local, h_.rope.dims}, {key}, key);
    }
    // Centring is about the formats of caches here (docs/arithmetic.md), not about the model.
    if (h_.architecture && h_.has_qkv_bias && h_.qk_norm == model::QkNorm::none &&
        h_.attention_softcap == 0) {
      add("attn_k_centre", Bias{true}, {key}, key, {{TensorRole::key_bias, 1, key.columns}});
    }
    add("kv_append", KvAppend{h_.kv_heads, h_.key_dim, h_.value_dim}, {key, values}, {});
    if (is_last_layer()) {
      // Nothing behind the last cache entry mixes positions: only those whose logits are wanted
      // go on.
      const Slice x = whole(x_);
      set_rows(Rows::sampled);
      const ValueId selected = this->value("query_sampled", Rows::sampled, query_);
      add("select_x", SelectRows{}, {x}, whole(x_));
      add("select_query", SelectRows{}, {query}, whole(selected));
      query = whole(selected);
    }
    Attention attention{h_.heads, h_.kv_heads, h_.key_dim, h_.value_dim};
    attention.window = local ? h_.window : 0;
    attention.scale = h_.attention_scale;
    attention.softcap = h_.attention_softcap;
    attention.chunked = local && h_.window_is_chunk;
    add_attention("attention", attention, {query}, whole(attended_), Part::all);
    attention_output();
  }
  [[nodiscard]] bool is_last_layer() const { return layer_ == h_.layers - 1; }

  void head_norm(std::string name, Slice slice, std::int64_t heads, TensorRole role) {
    const std::int64_t head_dim = slice.columns / heads;
    add(std::move(name), HeadNorm{heads, head_dim, epsilon()}, {slice}, slice,
        {{role, 1, head_dim}});
  }
  void add_attention(std::string name, Attention attention, std::vector<Slice> inputs, Slice output,
                     Part part) {
    attention.sinks = h_.has_sinks;
    std::vector<WeightUse> weights;
    if (h_.has_sinks) {
      weights.push_back({TensorRole::attention_sinks, 1, h_.heads});
    }
    add(std::move(name), attention, std::move(inputs), output, std::move(weights), part);
  }
  void attention_output() {
    add("attn_output", Matmul{}, {whole(attended_)}, whole(branch_),
        {{TensorRole::attention_output, h_.d_model, mixed_}});
    if (h_.has_attention_output_bias) {
      bias("attn_output_bias", whole(branch_), TensorRole::attention_output_bias);
    }
    if (h_.has_post_norms) {
      rms_norm("attn_post_norm", whole(branch_), whole(branch_), TensorRole::attention_post_norm);
    }
    add("attn_add", Add{}, {whole(x_), whole(branch_)}, whole(x_));
  }

  void latent_attention_block() {
    const model::LatentAttention& l = h_.latent;
    const Slice query_latent{latents_, 0, l.q_lora};
    const Slice cached{latents_, l.q_lora, l.cached()};
    const Slice latent{latents_, l.q_lora, l.kv_lora};
    const Slice rope_key{latents_, l.q_lora + l.kv_lora, l.rope};
    norm("attn_norm", x_, normed_, TensorRole::attention_norm, TensorRole::attention_norm_bias);
    std::vector<WeightUse> down{{TensorRole::key_value_down, l.cached(), h_.d_model}};
    if (l.q_lora != 0) {
      down.insert(down.begin(), {TensorRole::query_down, l.q_lora, h_.d_model});
    }
    add("attn_down", Matmul{}, {whole(normed_)}, whole(latents_), std::move(down));
    rms_norm("attn_kv_norm", latent, latent, TensorRole::key_value_down_norm);
    add("rope_k", Rope{1, l.rope, false, l.rope}, {rope_key}, rope_key);
    add("kv_append", KvAppend{1, l.cached(), 0}, {cached}, {});
    if (h_.indexer.heads != 0) {
      index_keys();
    }
    Slice query_in = l.q_lora != 0 ? query_latent : whole(normed_);
    if (is_last_layer()) {
      select_sampled(query_in);
    }
    if (l.q_lora != 0) {
      rms_norm("attn_q_norm", query_in, query_in, TensorRole::query_down_norm);
    }
    add("attn_q", Matmul{}, {query_in}, whole(query_value_),
        {{l.q_lora != 0 ? TensorRole::query_up : TensorRole::query, query_, query_in.columns}});
    add("rope_q", Rope{h_.heads, h_.key_dim, false, l.rope}, {whole(query_value_)},
        whole(query_value_));
    if (h_.indexer.heads != 0) {
      index_queries(query_in);
    }
    if (has_form(Part::expanded)) {
      expanded_attention();
    }
    if (has_form(Part::absorbed)) {
      absorbed_attention();
    }
    attention_output();
  }

  // Behind the last cache entry only the rows whose logits are wanted go on.
  void select_sampled(Slice& query_in) {
    const Slice x = whole(x_);
    const Slice indexed = h_.indexer.heads != 0 ? whole(indexed_) : Slice{};
    set_rows(Rows::sampled);
    add("select_x", SelectRows{}, {x}, whole(x_));
    const Slice selected = whole(h_.latent.q_lora != 0 ? query_latent_ : normed_);
    add("select_query", SelectRows{}, {query_in}, selected);
    query_in = selected;
    if (h_.indexer.heads != 0) {
      add("select_index", SelectRows{}, {indexed}, whole(indexed_));
    }
  }

  void expanded_attention() {
    const model::LatentAttention& l = h_.latent;
    add("latent_read", LatentRead{}, {}, whole(positions_), {}, Part::expanded);
    add("attn_kv_up", Matmul{}, {Slice{positions_, 0, l.kv_lora}}, whole(expanded_),
        {{TensorRole::key_up, h_.heads * l.nope, l.kv_lora},
         {TensorRole::value_up, h_.heads * h_.value_dim, l.kv_lora}},
        Part::expanded);
    Attention attention{h_.heads, h_.heads, h_.key_dim, h_.value_dim};
    attention.scale = h_.attention_scale;
    add_attention("attention", attention,
                  {whole(query_value_), whole(expanded_), Slice{positions_, l.kv_lora, l.rope}},
                  whole(attended_), Part::expanded);
  }

  void absorbed_attention() {
    const model::LatentAttention& l = h_.latent;
    add("attn_absorb", HeadMatmul{h_.heads, l.nope, l.kv_lora}, {whole(query_value_)},
        whole(absorbed_), {{TensorRole::key_up, h_.heads * l.nope, l.kv_lora}}, Part::absorbed);
    Attention attention{h_.heads, 1, l.cached(), l.kv_lora};
    attention.scale = h_.attention_scale;
    attention.latent = true;
    attention.top = h_.indexer.heads != 0 ? h_.indexer.top : 0;
    std::vector<Slice> inputs{whole(absorbed_)};
    if (h_.indexer.heads != 0) {
      add("index_select", IndexSelect{h_.indexer.heads, h_.indexer.head_dim, h_.indexer.top},
          {whole(index_), Slice{indexed_, h_.indexer.head_dim, h_.indexer.heads}}, whole(selected_),
          {}, Part::absorbed);
      inputs.push_back(whole(selected_));
    }
    add_attention("attention_latent", attention, std::move(inputs), whole(attended_latent_),
                  Part::absorbed);
    add("attn_value", HeadMatmul{h_.heads, l.kv_lora, h_.value_dim}, {whole(attended_latent_)},
        whole(attended_), {{TensorRole::value_up, h_.heads * h_.value_dim, l.kv_lora}},
        Part::absorbed);
  }

  // Keys of the indexer, and the weights of its heads. DeepSeek-V3.2, inference/model.py.
  void index_keys() {
    const model::Indexer& i = h_.indexer;
    const Slice key{indexed_, 0, i.head_dim};
    add("index_key", Matmul{}, {whole(normed_)}, whole(indexed_),
        {{TensorRole::index_key, i.head_dim, h_.d_model},
         {TensorRole::index_weights, i.heads, h_.d_model}});
    add("index_key_norm", LayerNorm{epsilon()}, {key}, key,
        {{TensorRole::index_key_norm, 1, i.head_dim},
         {TensorRole::index_key_norm_bias, 1, i.head_dim}});
    add("index_rope_k", Rope{1, i.head_dim, false, h_.latent.rope}, {key}, key);
    add("index_append", KvAppend{1, i.head_dim, 0}, {key}, {});
  }
  void index_queries(Slice query_in) {
    const model::Indexer& i = h_.indexer;
    add("index_query", Matmul{}, {query_in}, whole(index_),
        {{TensorRole::index_query, i.heads * i.head_dim, query_in.columns}});
    add("index_rope_q", Rope{i.heads, i.head_dim, false, h_.latent.rope}, {whole(index_)},
        whole(index_));
  }

  // What the matrices of a feed-forward block, ordinary or of shared experts, are called.
  struct FeedForward {
    std::string name;
    TensorRole gate, up, down;
    std::int64_t d_ff;
    ValueId gate_up, activated, out;
    bool has_bias;
  };
  void feed_forward(const FeedForward& f) {
    std::vector<WeightUse> in{{f.up, f.d_ff, h_.d_model}};
    if (h_.is_gated) {
      in.insert(in.begin(), {f.gate, f.d_ff, h_.d_model});
    }
    add(f.name + (h_.is_gated ? "_gate_up" : "_up"), Matmul{}, {whole(normed_)}, whole(f.gate_up),
        std::move(in));
    if (f.has_bias) {
      bias(f.name + "_up_bias", Slice{f.gate_up, h_.is_gated ? f.d_ff : 0, f.d_ff},
           TensorRole::up_bias);
    }
    if (h_.is_gated) {
      add(f.name + "_act", GatedActivation{h_.activation},
          {Slice{f.gate_up, 0, f.d_ff}, Slice{f.gate_up, f.d_ff, f.d_ff}}, whole(f.activated));
    } else {
      add(f.name + "_act", PlainActivation{h_.activation}, {whole(f.gate_up)}, whole(f.activated));
    }
    add(f.name + "_down", Matmul{}, {whole(f.activated)}, whole(f.out),
        {{f.down, h_.d_model, f.d_ff}});
    if (f.has_bias) {
      bias(f.name + "_down_bias", whole(f.out), TensorRole::down_bias);
    }
  }

  void feed_forward_block() {
    norm("ffn_norm", x_, normed_, TensorRole::feed_forward_norm,
         TensorRole::feed_forward_norm_bias);
    if (h_.layer_is_mixture(layer_)) {
      experts();
    } else {
      feed_forward({"ffn", TensorRole::gate, TensorRole::up, TensorRole::down, h_.d_ff, gate_up_,
                    activated_, branch_, h_.has_feed_forward_bias});
    }
    if (h_.has_post_norms) {
      rms_norm("ffn_post_norm", whole(branch_), whole(branch_), TensorRole::feed_forward_post_norm);
    }
    add("ffn_add", Add{}, {whole(x_), whole(branch_)}, whole(x_));
  }

  void experts() {
    const model::Experts& e = h_.experts;
    add("ffn_router", Matmul{}, {whole(normed_)}, whole(scores_),
        {{TensorRole::router, e.count, h_.d_model}});
    std::vector<WeightUse> route;
    if (e.has_router_bias) {
      route.push_back({TensorRole::router_bias, 1, e.count});
    }
    add("ffn_route", Route{e.count, e.per_token, e.groups, e.groups_kept}, {whole(scores_)},
        whole(routing_), std::move(route));
    std::vector<WeightUse> weights;
    if (h_.is_gated) {
      weights.push_back({TensorRole::expert_gate, e.count * e.d_ff, h_.d_model});
    }
    weights.push_back({TensorRole::expert_up, e.count * e.d_ff, h_.d_model});
    weights.push_back({TensorRole::expert_down, e.count * h_.d_model, e.d_ff});
    if (e.has_bias) {
      if (h_.is_gated) {
        weights.push_back({TensorRole::expert_gate_bias, e.count, e.d_ff});
      }
      weights.push_back({TensorRole::expert_up_bias, e.count, e.d_ff});
      weights.push_back({TensorRole::expert_down_bias, e.count, h_.d_model});
    }
    add("ffn_experts", ExpertFeedForward{e.count, e.per_token, e.d_ff, h_.is_gated, h_.activation},
        {whole(normed_), whole(routing_)}, whole(branch_), std::move(weights));
    if (e.d_ff_shared != 0) {
      shared_experts();
    }
  }

  void shared_experts() {
    const model::Experts& e = h_.experts;
    feed_forward({"shared", TensorRole::shared_gate, TensorRole::shared_up, TensorRole::shared_down,
                  e.d_ff_shared, shared_gate_up_, shared_activated_, shared_, false});
    std::vector<Slice> terms{whole(branch_), whole(shared_)};
    if (e.has_shared_gate) {
      add("shared_score", Matmul{}, {whole(normed_)}, whole(shared_score_),
          {{TensorRole::shared_router, 1, h_.d_model}});
      terms.push_back(whole(shared_score_));
    }
    add("shared_add", Add{}, std::move(terms), whole(branch_));
  }

  void head() {
    norm("output_norm", x_, normed_, TensorRole::output_norm, TensorRole::output_norm_bias);
    graph_.logits = value("logits", Rows::sampled, h_.vocab);
    add("output", Matmul{}, {whole(normed_)}, whole(graph_.logits),
        {{h_.tied ? TensorRole::token_embedding : TensorRole::output, h_.vocab, h_.d_model}});
    if (h_.logit_softcap != 0) {
      add("logit_softcap", Softcap{h_.logit_softcap}, {whole(graph_.logits)}, whole(graph_.logits));
    }
  }
};

}  // namespace

Graph graph(const model::Hyperparameters& hyperparameters, const Step& step) {
  return Builder(hyperparameters, step).build();
}

}  // namespace churon::graph
