// The plain reference of the arithmetic contract (docs/arithmetic.md): scalar code in
// the order of the contract's sentences. Kernels, executors, cycle model and RTL are compared with
// it bit by bit; nothing here is meant to be fast.
//
// Every function expects the environment of numeric/fp_environment.h. Functions that return `bool`
// return false when a NaN or an infinity reached a quantiser or a softmax: the caller's sticky
// flag.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "numeric/block_format.h"

namespace churon::numeric {

// --- Activation blocks (rule 2) ---

enum class ActivationFormat { q8_0, mxint8 };

struct ActivationBlock {
  std::array<std::int8_t, kBlock> q;
  float scale;
  std::int32_t sum;  // of q
  bool operator==(const ActivationBlock&) const = default;
};

// `count` values, 1..32; a short block is padded with +0.
[[nodiscard]] bool quantize_block_q8_0(const float* x, int count, ActivationBlock& out);
[[nodiscard]] bool quantize_block_mxint8(const float* x, int count, ActivationBlock& out);
[[nodiscard]] bool quantize_block(ActivationFormat format, const float* x, int count,
                                  ActivationBlock& out);
// A row of `count` values, ceil(count / 32) blocks.
[[nodiscard]] bool quantize_row(ActivationFormat format, const float* x, std::size_t count,
                                ActivationBlock* out);

// --- Matrix products (rule 4) ---

[[nodiscard]] std::int32_t block_dot(const std::array<std::int8_t, kBlock>& a,
                                     const std::array<std::int8_t, kBlock>& b);

// One output: `blocks` blocks of a weight row and of an activation row, from the start of the
// rank's range of K. `has_minimum` is that of the weights' format.
[[nodiscard]] float dot(const WeightBlock* weights, const ActivationBlock* activations,
                        std::size_t blocks, bool has_minimum);
// The same for keys and values, which are activation blocks themselves.
[[nodiscard]] float dot(const ActivationBlock* a, const ActivationBlock* b, std::size_t blocks);

// y[row * weight_rows + n], weights and activations as rows of `blocks` blocks.
void matmul(const WeightBlock* weights, std::size_t weight_rows, const ActivationBlock* activations,
            std::size_t rows, std::size_t blocks, bool has_minimum, float* y);

// --- Vector operations (rule 6) ---

// 32 partial sums from +0 (element i to partial i mod 32, ascending), then halves 16, 8, 4, 2, 1.
[[nodiscard]] float tree_sum(std::span<const float> values);

void rms_norm(const float* x, const float* weight, std::size_t n, float epsilon, float* y);
void silu_mul(const float* gate, const float* up, std::size_t n, float* y);  // silu(gate) * up
void gelu_mul(const float* gate, const float* up, std::size_t n, float* y);  // gelu(gate) * up
void softcap(float* x, std::size_t n, float cap);                            // cap * tanh(x / cap)
void add(float* x, const float* y, std::size_t n);                           // x + y, in place

// Which elements of a head form a pair: (2i, 2i+1) or (i, i + dimensions/2).
enum class RopePairing { adjacent, halves };
// One head, in place. `cosine` and `sine` are the table's row of the position: dimensions / 2
// values. Elements from `dimensions` on stay as they are.
void rope(float* head, int dimensions, RopePairing pairing, const float* cosine, const float* sine);

// --- Attention (rule 5) ---

inline constexpr int kAttentionTile = 64;    // positions
inline constexpr int kAttentionSpan = 1024;  // positions

struct AttentionShape {
  int head_dim;
  float scale;        // f32(1 / sqrt(head_dim)) for most models
  float softcap = 0;  // 0: none
  int window = 0;     // positions that a query sees, itself included; 0: all up to itself
};

// The 32 products p * scale(v) of one V block column, as int16 with one power-of-two scale.
struct ProbabilityBlock {
  std::array<std::int16_t, kBlock> q;
  float scale;
};
[[nodiscard]] bool quantize_probabilities(const float* u, ProbabilityBlock& out);

// One query row of one head at `position` against its KV head's cache. `query` is one row of
// ceil(head_dim / 32) blocks; `keys` and `values` are such rows, one a position, 0..position.
// `out` has head_dim values.
[[nodiscard]] bool attention(const AttentionShape& shape, const ActivationBlock* query,
                             std::size_t position, const ActivationBlock* keys,
                             const ActivationBlock* values, float* out);

// The same over an FP32 cache (`--kv f32|bf16`): the tiles, spans and integer maxima of rule 5, but
// dot products over the head dimension, and over the 64 positions of a tile, are tree sums (rule
// 6).
[[nodiscard]] bool attention_f32(const AttentionShape& shape, const float* query,
                                 std::size_t position, const float* keys, const float* values,
                                 float* out);

// f32(log2(e) * scale), the factor from Q*K to a score in powers of two.
[[nodiscard]] float score_factor(float scale);

}  // namespace churon::numeric
