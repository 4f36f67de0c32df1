// The operators and shapes of one step of a decoder: a prefill of n tokens, one decode token, or a
// batch of sequences that do either. It is the one description of what a model computes: `estimate`
// prices this list and `exec` runs it.
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

// What the rows of a value stand for.
enum class Rows { tokens, sampled };

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
struct Rope {  // rotates the first `dims` elements of each head of x by its position, in place
  std::int64_t heads = 0;
  std::int64_t head_dim = 0;
  bool local = false;  // the table of the layers with a sliding window
  std::int64_t dims = 0;
};
struct KvAppend {  // writes the keys x[0] and the values x[1] of each token to the cache
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
  float softcap = 0;  // 0: none
};
struct GatedActivation {  // y = activation(x[0]) * x[1]
  model::Activation activation = model::Activation::silu;
};
struct Add {};    // y = x[0] + x[1]
struct Softcap {  // y = cap * tanh(x / cap), in place
  float cap = 0;
};

using Parameters = std::variant<Embedding, SelectRows, RmsNorm, Matmul, Bias, HeadNorm, Rope,
                                KvAppend, Attention, GatedActivation, Add, Softcap>;
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
};
std::string_view name(OpKind kind);

struct Op {
  std::string name;  // "attn_qkv", "ffn_down"; the same in every layer
  int layer = -1;    // -1: outside the layers
  Parameters parameters;
  std::vector<Slice> inputs;
  Slice output;  // value -1: none (kv_append)
  std::vector<WeightUse> weights;

  [[nodiscard]] OpKind kind() const { return static_cast<OpKind>(parameters.index()); }
};

struct Graph {
  Step step;
  std::vector<Value> values;
  std::vector<Op> ops;
  int layers = 0;
  ValueId logits = -1;

  [[nodiscard]] std::int64_t tokens() const;   // rows of the step, all sequences
  [[nodiscard]] std::int64_t sampled() const;  // rows whose logits are wanted
  [[nodiscard]] std::int64_t rows(Rows rows) const;
  [[nodiscard]] std::int64_t rows(const Op& op) const;  // of its output, or of its first input
};

Graph graph(const model::Hyperparameters& hyperparameters, const Step& step);

// What one operator does, in counts that do not depend on the chip. Formats turn elements into
// bytes.
struct Work {
  std::int64_t rows = 0;
  std::int64_t macs = 0;             // in the matrix unit: matmul, and both products of attention
  std::int64_t weight_elements = 0;  // matrix weights read once a step (embedding: gathered rows)
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

// One line an operator, after a head with the step: `churon … --dump graph`.
std::string to_text(const Graph& graph);

}  // namespace churon::graph
