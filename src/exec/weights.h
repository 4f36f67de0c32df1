// The tensors of a model as the executor reads them: matrices packed for the kernels (or as FP32 in
// the reference mode), vectors as FP32, and the rows of the token embedding.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "exec/engine.h"
#include "graph/graph.h"
#include "model/model.h"
#include "numeric/buffer.h"
#include "numeric/packed_matrix.h"
#include "numeric/thread_pool.h"

namespace churon::exec {

struct Matrix {
  numeric::PackedMatrix packed;   // datapath
  const float* values = nullptr;  // reference mode, row by row
  std::size_t rows = 0;
  std::size_t columns = 0;
};

// Where an embedding row comes from: `matrix` if it is also the output matrix and holds the file's
// values exactly, else the tensor's own bytes.
struct EmbeddingRows {
  const Matrix* matrix = nullptr;
  numeric::TensorType type = numeric::TensorType::f32;
  const std::byte* bytes = nullptr;
  std::size_t row_bytes = 0;
  std::size_t columns = 0;

  void read(std::size_t row, float* out) const;
};

class Weights {
 public:
  [[nodiscard]] const Matrix& matrix(model::TensorRole role, int layer) const;
  [[nodiscard]] const float* vector(model::TensorRole role, int layer) const;
  [[nodiscard]] const EmbeddingRows& embedding() const { return embedding_; }

  std::vector<Transcoding> transcodings;
  std::uint64_t bytes_held = 0;
  std::uint64_t bytes_on_chip = 0;

 private:
  friend class WeightLoader;
  [[nodiscard]] std::size_t slot(model::TensorRole role, int layer) const;

  std::size_t layers_ = 0;
  std::vector<Matrix> matrices_;             // role * layers + layer
  std::vector<std::vector<float>> vectors_;  // the same
  EmbeddingRows embedding_;
  numeric::Buffer memory_;  // of all matrices, and of the embedding where it is apart
};

// The tensors that the graph's operators name.
Result<Weights> load_weights(const model::Model& model, const graph::Graph& graph,
                             const EngineOptions& options, numeric::ThreadPool& pool);

}  // namespace churon::exec
