// The vector kernels of the host. Each set computes the same bits as numeric/reference.h; which one
// runs is a question of speed alone. Kernels expect the environment of numeric/fp_environment.h and
// leave sharing work to the caller: each call takes a range.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string_view>

#include "base/result.h"
#include "numeric/activation_blocks.h"
#include "numeric/kv_cache.h"
#include "numeric/packed_matrix.h"
#include "numeric/reference.h"

namespace churon::numeric {

enum class KernelSet { portable, avx2, avx512 };

// The queries of some tokens of one sequence against one key/value head. Query head
// kv_head * group + g of token i begins at queries + i * query_stride + (kv_head * group + g) *
// head_dim; the result goes to the same place of `out`. Token i stands at position
// first_position + i; keys and values up to there are in the cache.
struct AttentionCall {
  AttentionShape shape;
  const KvCache* cache = nullptr;
  std::size_t layer = 0;
  std::size_t group = 1;  // query heads that share a key/value head
  std::size_t first_position = 0;
  const float* queries = nullptr;
  std::size_t query_stride = 0;
  float* out = nullptr;
  std::size_t out_stride = 0;
};

struct Kernels {
  KernelSet set;
  const char* name;

  // y[row * stride + n] for all rows of `a` and the outputs of the tiles; rules 3 and 4.
  void (*matmul)(const PackedMatrix& weights, const ActivationBlocks& a, std::size_t tile_begin,
                 std::size_t tile_end, float* y, std::size_t stride);
  // Whole groups of rows that begin in [row_begin, row_end), from x[row * stride]. False when a NaN
  // or an infinity was met.
  bool (*quantize)(ActivationBlocks& a, const float* x, std::size_t stride, std::size_t row_begin,
                   std::size_t row_end);
  void (*rms_norm)(const float* x, const float* weight, std::size_t n, float epsilon, float* y);
  void (*silu_mul)(const float* gate, const float* up, std::size_t n, float* y);
  void (*gelu_mul)(const float* gate, const float* up, std::size_t n, float* y);
  void (*softcap)(float* x, std::size_t n, float cap);
  void (*add)(const float* x, const float* y, std::size_t n, float* sum);
  void (*rope)(float* head, int dimensions, RopePairing pairing, const float* cosine,
               const float* sine);
  // Writes one position of one layer: kv_heads x head_dim keys and values. False as above.
  bool (*kv_append)(KvCache& cache, std::size_t layer, std::size_t position, const float* keys,
                    const float* values);
  // Tokens [token_begin, token_end) of the call. False as above.
  bool (*attention)(const AttentionCall& call, std::size_t kv_head, std::size_t token_begin,
                    std::size_t token_end);
  // The reference mode (rule 9): y[row * y_stride + n] = sum of w[n * columns + k] * x[row *
  // x_stride
  // + k] for n in [n_begin, n_end), in binary32; the order depends on `columns` alone.
  void (*matmul_f32)(const float* w, std::size_t columns, std::size_t n_begin, std::size_t n_end,
                     const float* x, std::size_t x_stride, std::size_t rows, float* y,
                     std::size_t y_stride);
};

// nullptr where this processor lacks the instructions.
[[nodiscard]] const Kernels* kernels(KernelSet set);
// Every set there is, the best last.
[[nodiscard]] std::span<const KernelSet> kernel_sets();
[[nodiscard]] const char* name(KernelSet set);

// The best set for this processor, or what the environment's CHURON_KERNELS names. N0102: an
// unknown name; N0103: a set that this processor cannot run.
[[nodiscard]] Result<const Kernels*> choose_kernels();

}  // namespace churon::numeric
