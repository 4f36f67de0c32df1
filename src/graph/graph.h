// The operators and shapes of one step of a decoder: a prefill of n tokens, one decode token, or a
// batch of sequences that do either. It is the one description of what a model computes: `estimate`
// prices this list and `exec` runs it. Models that are known by their shape alone (model/shapes.h)
// have operators that only `estimate` knows; they stand behind `softcap` in the list of kinds.
//
// Values are matrices of FP32 with one row per token of the step (or per sampled position, behind
// `select_rows`); operators read and write column ranges of them. The order of the list is an order
// of execution. The arithmetic of every operator is that of docs/arithmetic.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "model/hyperparameters.h"
#include "model/model.h"

namespace churon::graph {

// `count` sequences alike: each has `past` positions in its cache, adds `tokens` more in this step,
// and the logits of its last `sampled` tokens are wanted.
struct SequenceGroup {
  std::int64_t count = 1;
  std::int64_t past = 0;
  std::int64_t tokens = 1;
  std::int64_t sampled = 1;
};

struct Step {
  std::vector<SequenceGroup> groups;
};
Step prefill_step(std::int64_t tokens, std::int64_t past = 0);
Step decode_step(std::int64_t batch, std::int64_t past);

// What the rows of a value stand for: the tokens of the step, those whose logits are wanted, or all
// positions that the step's sequences have in their caches, its own tokens included.
enum class Rows { tokens, sampled, positions };

// The sequences that an operator is about. Latent attention has two forms that give the same:
//
//   expanded  every head's keys and values are computed from the latents of all positions, then
//             attention is as usual. For long prefills.
//   absorbed  each query is multiplied with its head's key matrix instead, and compared with the
//             latents themselves: one key head of kv_lora + rope elements, read once for keys and
//             values. For decoding.
enum class Part { all, expanded, absorbed };

using ValueId = int;
struct Value {
  std::string name;  // "attn_qkv"; values are reused by all layers
  Rows rows = Rows::tokens;
  std::int64_t columns = 0;
};

// A range of columns of a value.
struct Slice {
  ValueId value = -1;
  std::int64_t first = 0;
  std::int64_t columns = 0;
};

// A tensor of the model by its part in it. The output matrix of a model with tied embeddings is its
// token embedding.
struct WeightUse {
  model::TensorRole role = model::TensorRole::output;
  std::int64_t rows = 1;     // outputs; 1 for a vector
  std::int64_t columns = 0;  // inputs along K; the length of a vector
};

// Parameters of each kind of operator. `x` is the first input, `y` the output.
struct Embedding {  // y = row of the token's id, times scale
  float scale = 1;
};
struct SelectRows {};  // y = the rows of x whose logits are wanted
struct RmsNorm {       // y = rms_norm(x) * weight
  float epsilon = 0;
};
struct Matmul {};  // y = x · [weights stacked along their rows]^T
struct Bias {      // y = x + weight; or x - the centre of the keys that `weight`, their bias, gives
  bool centre = false;
};
struct HeadNorm {  // each head of x: rms_norm(head) * weight, in place
  std::int64_t heads = 0;
  std::int64_t head_dim = 0;
  float epsilon = 0;
};
struct Rope {  // rotates `dims` elements of each head of x by its position, in place: the first
               // ones, in latent attention the last
  std::int64_t heads = 0;
  std::int64_t head_dim = 0;
  bool local = false;  // the table of the layers with a sliding window
  std::int64_t dims = 0;
};
struct KvAppend {  // writes the keys x[0] and the values x[1] of each token to the cache; latents
                   // are keys without values
  std::int64_t kv_heads = 0;
  std::int64_t key_dim = 0;
  std::int64_t value_dim = 0;
};
struct Attention {  // y = softmax(queries · keys) · values over the visible positions
  std::int64_t heads = 0;
  std::int64_t kv_heads = 0;
  std::int64_t key_dim = 0;
  std::int64_t value_dim = 0;
  std::int64_t window = 0;  // a token sees itself and window - 1 positions before; 0: all
  float scale = 1;
  float softcap = 0;     // 0: none
  bool chunked = false;  // the window is the chunk of `window` positions that the token lies in
  bool sinks = false;    // a weight per head takes part in the softmax
  bool latent = false;   // the absorbed form: values are the first value_dim elements of the keys
  std::int64_t top = 0;  // of the visible positions only so many, chosen by an indexer; 0: all
};
struct GatedActivation {  // y = activation(x[0]) * x[1]
  model::Activation activation = model::Activation::silu;
};
struct Add {};  // y = x[0] + x[1]; where there is an x[2] of one column: x[0] + sigmoid(x[2]) x[1]
struct Softcap {  // y = cap * tanh(x / cap), in place
  float cap = 0;
};
struct Positions {};  // y = x + the row of the token's position
struct LayerNorm {    // y = layer_norm(x) * weight + bias
  float epsilon = 0;
};
struct PlainActivation {  // y = activation(x), in place
  model::Activation activation = model::Activation::gelu;
};
struct Route {  // y = the experts of each token and their weights, from the scores x
  std::int64_t experts = 0;
  std::int64_t per_token = 0;
  std::int64_t groups = 1;  // the best `groups_kept` of them take part
  std::int64_t groups_kept = 1;
};
struct ExpertFeedForward {  // y = sum over the token's experts of weight * down(act(gate x) * up x)
  std::int64_t experts = 0;
  std::int64_t per_token = 0;
  std::int64_t d_ff = 0;  // of one expert
  bool gated = true;
  model::Activation activation = model::Activation::silu;
};
struct HeadMatmul {  // each head of x times a matrix of its own
  std::int64_t heads = 0;
  std::int64_t inputs = 0;   // of a head
  std::int64_t outputs = 0;  // of a head
};
struct LatentRead {};      // y = the cached latents of all positions, row by row
struct IndexSelect {       // y = the `top` positions with the largest sum over heads of
  std::int64_t heads = 0;  // weight x[1] * relu(query x[0] . cached index key)
  std::int64_t head_dim = 0;
  std::int64_t top = 0;
};

using Parameters =
    std::variant<Embedding, SelectRows, RmsNorm, Matmul, Bias, HeadNorm, Rope, KvAppend, Attention,
                 GatedActivation, Add, Softcap, Positions, LayerNorm, PlainActivation, Route,
                 ExpertFeedForward, HeadMatmul, LatentRead, IndexSelect>;
// The kinds in the order of the variant, so that `OpKind(op.parameters.index())` is the kind.
enum class OpKind {
  embedding,
  select_rows,
  rms_norm,
  matmul,
  bias,
  head_norm,
  rope,
  kv_append,
  attention,
  gated_activation,
  add,
  softcap,
  positions,
  layer_norm,
  plain_activation,
  route,
  expert_feed_forward,
  head_matmul,
  latent_read,
  index_select,
};
std::string_view name(OpKind kind);

struct Op {
  std::string name;  // "attn_qkv", "ffn_down"; the same in every layer
  int layer = -1;    // -1: outside the layers
  Parameters parameters;
  std::vector<Slice> inputs;
  Slice output;  // value -1: none (kv_append)
  std::vector<WeightUse> weights;
  Part part = Part::all;  // rows of other sequences are left alone

  [[nodiscard]] OpKind kind() const { return static_cast<OpKind>(parameters.index()); }
};

struct Graph {
  Step step;
  model::LatentAttention latent;  // decides on the form of each sequence
  std::int64_t value_dim = 0;     //
  std::int64_t top = 0;           //
  std::vector<Value> values;
  std::vector<Op> ops;
  int layers = 0;
  ValueId logits = -1;

  [[nodiscard]] std::int64_t tokens() const;   // rows of the step, all sequences
  [[nodiscard]] std::int64_t sampled() const;  // rows whose logits are wanted
  [[nodiscard]] std::int64_t rows(Rows rows, Part part = Part::all) const;
  [[nodiscard]] std::int64_t rows(const Op& op) const;  // of its output, or of its first input
  // Of two forms of latent attention the one that multiplies less; decoding one token is absorbed.
  [[nodiscard]] Part form(const SequenceGroup& group) const;
};

// Operators of a form that no sequence of the step takes are left out. A graph may serve for other
// steps (`graph.step = …`) as long as they take the same forms.
Graph graph(const model::Hyperparameters& hyperparameters, const Step& step);

// What one operator does, in counts that do not depend on the chip. Formats turn elements into
// bytes.
struct Work {
  std::int64_t rows = 0;
  std::int64_t macs = 0;             // in the matrix unit: matmul, and both products of attention
  std::int64_t weight_elements = 0;  // matrix weights read once a step (embedding: gathered rows;
                                     // experts: of those that some token is sent to, if all are
                                     // equally likely)
  std::int64_t vector_weight_elements = 0;  // norms and biases, FP32
  std::int64_t kv_read_elements =
      0;  // cached positions that are visible to any token of a sequence
  std::int64_t kv_write_elements = 0;
  std::int64_t input_elements = 0;  // activations read and written
  std::int64_t output_elements = 0;
  std::int64_t vector_operations = 0;  // FP32 operations outside the matrix unit
  std::int64_t exponentials = 0;       // exp2 among them counted apart
};
Work work(const Graph& graph, const Op& op);
Work total_work(const Graph& graph);

// Weights of the whole model that the graph names, each tensor once; matrices and vectors.
std::int64_t parameter_count(const Graph& graph);
// Of these, what one token is multiplied with: `per_token` of the experts, no rows of tables.
std::int64_t active_parameter_count(const Graph& graph);
// Elements that one token adds to the caches of all layers.
std::int64_t cached_per_token(const Graph& graph);

// How many of `experts` experts at least one of `tokens` tokens is sent to, on average, when all
// are equally likely: experts * (1 - (1 - per_token / experts)^tokens).
double experts_in_use(std::int64_t experts, std::int64_t per_token, double tokens);

// One line an operator, after a head with the step: `churon … --dump graph`.
std::string to_text(const Graph& graph);

}  // namespace churon::graph
