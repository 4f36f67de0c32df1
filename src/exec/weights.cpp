#include "exec/weights.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>
#include <mutex>
#include <optional>
#include <utility>

#include "base/check.h"
#include "base/text.h"

namespace churon::exec {

using model::TensorInfo;
using model::TensorRole;

void EmbeddingRows::read(std::size_t row, float* out) const {
  if (matrix == nullptr) {
    numeric::dequantize(type, bytes + row * row_bytes, columns, out);
  } else if (matrix->values != nullptr) {
    std::copy_n(matrix->values + row * columns, columns, out);
  } else {
    matrix->packed.decode_row(row, out);
  }
}

std::size_t Weights::slot(TensorRole role, int layer) const {
  return static_cast<std::size_t>(role) * layers_ + static_cast<std::size_t>(std::max(layer, 0));
}

const Matrix& Weights::matrix(TensorRole role, int layer) const {
  return matrices_[slot(role, layer)];
}

const float* Weights::vector(TensorRole role, int layer) const {
  return vectors_[slot(role, layer)].data();
}

// Plans what goes where, then lets all threads read and pack. Work is cut into pieces of a fixed
// size, so that sums over a tensor do not depend on the number of threads.
class WeightLoader {
 public:
  WeightLoader(const model::Model& model, const EngineOptions& options)
      : model_(model), options_(options) {
    const auto layers = static_cast<std::size_t>(model.hyperparameters.layers);
    weights_.layers_ = std::max<std::size_t>(layers, 1);
    const std::size_t slots = static_cast<std::size_t>(model::kTensorRoles) * weights_.layers_;
    weights_.matrices_.resize(slots);
    weights_.vectors_.resize(slots);
  }

  Result<Weights> load(const graph::Graph& graph, numeric::ThreadPool& pool) {
    for (const graph::Op& op : graph.ops) {
      for (const graph::WeightUse& use : op.weights) {
        const auto planned = plan(op, use);
        if (!planned) {
          return fail(planned);
        }
      }
    }
    plan_embedding();
    if (auto made = place(); !made) {
      return fail(made);
    }
    pool.run([&](int thread) { work(thread); });
    if (!errors_.empty()) {
      return tl::unexpected(errors_);
    }
    if (interrupted_.load()) {
      return fail({.code = kInterrupted,
                   .message = "interrupted while the model was loaded",
                   .exit = ExitCode::interrupted});
    }
    finish();
    return std::move(weights_);
  }

 private:
  // A tensor that is read into `offset` of the common memory, row by row.
  struct Item {
    const TensorInfo* tensor = nullptr;
    std::size_t slot = 0;
    numeric::BlockFormat format = numeric::BlockFormat::q8_0;
    bool exact = true;
    bool raw = false;  // the bytes as they are: embedding rows
    std::size_t offset = 0;
    std::size_t bytes = 0;
  };
  struct Piece {
    std::size_t item = 0;
    std::size_t first = 0;  // rows
    std::size_t count = 0;
    numeric::PackError error = {};
  };
  static constexpr std::size_t kPieceBytes = std::size_t{512} << 10;

  const model::Model& model_;
  const EngineOptions& options_;
  Weights weights_;
  std::vector<Item> items_;
  std::vector<Piece> pieces_;
  std::optional<std::size_t> tied_item_;  // the embedding as a matrix
  std::atomic<std::size_t> next_{0};
  std::atomic<bool> interrupted_{false};
  std::atomic<bool> failed_{false};
  std::mutex errors_mutex_;
  Diagnostics errors_;

  [[nodiscard]] bool reference() const { return options_.arithmetic == Arithmetic::f32; }

  Result<void> plan(const graph::Op& op, const graph::WeightUse& use) {
    const std::size_t slot = weights_.slot(use.role, op.layer);
    if (op.kind() == graph::OpKind::embedding) {
      return {};
    }
    if (op.kind() != graph::OpKind::matmul) {
      if (!weights_.vectors_[slot].empty()) {
        return {};  // another operator uses it too
      }
      auto values = model_.read_vector(use.role, std::max(op.layer, 0));
      if (!values) {
        return fail(values);
      }
      weights_.bytes_held += values->size() * sizeof(float);
      weights_.bytes_on_chip += values->size() * sizeof(float);
      weights_.vectors_[slot] = std::move(*values);
      return {};
    }
    const TensorInfo& tensor = model_.tensor(use.role, std::max(op.layer, 0));
    check(tensor.rows() == static_cast<std::uint64_t>(use.rows) &&
              tensor.columns() == static_cast<std::uint64_t>(use.columns),
          tensor.name);
    Item item{.tensor = &tensor, .slot = slot};
    if (reference()) {
      item.bytes = tensor.elements() * sizeof(float);
    } else {
      const std::vector<numeric::BlockFormat> only = options_.all_weights
                                                         ? std::vector{*options_.all_weights}
                                                         : std::vector<numeric::BlockFormat>{};
      const auto target =
          numeric::transcode_target(tensor.type, only.empty() ? options_.native_weights : only);
      if (!target) {
        return fail("X0101", "the list of weight formats that the chip takes is empty",
                    {"give the chip's description a [[format]] with `weight = true`; `churon check "
                     "CHIP` shows what it has"});
      }
      item.format = target->format;
      item.exact = target->exact;
      item.bytes = numeric::packed_bytes(item.format, tensor.type, tensor.rows(), tensor.columns());
    }
    if (use.role == TensorRole::token_embedding) {
      tied_item_ = items_.size();
    }
    items_.push_back(item);
    return {};
  }

  void plan_embedding() {
    const TensorInfo& tensor = model_.tensor(TensorRole::token_embedding);
    EmbeddingRows& rows = weights_.embedding_;
    rows.type = tensor.type;
    rows.row_bytes = tensor.row_bytes();
    rows.columns = tensor.columns();
    if (!tied_item_ || !items_[*tied_item_].exact) {
      items_.push_back({.tensor = &tensor, .raw = true, .bytes = tensor.bytes});
    }
  }

  // One stretch of memory in the order in which a step reads it, each tensor on a page border.
  Result<void> place() {
    std::size_t end = 0;
    for (std::size_t i = 0; i < items_.size(); ++i) {
      Item& item = items_[i];
      item.offset = end;
      end += (item.bytes + 4095) / 4096 * 4096;
      const std::size_t rows = item.tensor->rows();
      std::size_t rows_per_piece = std::max<std::size_t>(1, kPieceBytes / item.tensor->row_bytes());
      rows_per_piece =
          (rows_per_piece + numeric::kTileRows - 1) / numeric::kTileRows * numeric::kTileRows;
      for (std::size_t first = 0; first < rows; first += rows_per_piece) {
        pieces_.push_back(
            {.item = i, .first = first, .count = std::min(rows_per_piece, rows - first)});
      }
    }
    weights_.bytes_held += end;
    try {
      weights_.memory_ = numeric::Buffer(end, true);
    } catch (const std::bad_alloc&) {
      return fail("X0103",
                  fmt::format("the system refuses {} bytes of memory for the weights", end),
                  {"close other programs, or run a smaller model"});
    }
    for (const Item& item : items_) {
      std::byte* memory = weights_.memory_.data() + item.offset;
      if (item.raw) {
        weights_.embedding_.bytes = memory;
        continue;
      }
      Matrix& matrix = weights_.matrices_[item.slot];
      matrix.rows = item.tensor->rows();
      matrix.columns = item.tensor->columns();
      if (reference()) {
        matrix.values = reinterpret_cast<const float*>(memory);
      } else {
        matrix.packed = numeric::PackedMatrix(item.format, item.tensor->type, matrix.rows,
                                              matrix.columns, memory);
      }
    }
    return {};
  }

  void work(int thread) {
    std::vector<std::byte> source;
    while (!failed_.load(std::memory_order_relaxed)) {
      const std::size_t index = next_.fetch_add(1);
      if (index >= pieces_.size()) {
        return;
      }
      if (thread == 0) {
        if (options_.interrupted && options_.interrupted()) {
          interrupted_ = true;
          failed_ = true;
          return;
        }
        if (options_.progress) {
          options_.progress(static_cast<double>(index) / static_cast<double>(pieces_.size()));
        }
      }
      if (auto done = load_piece(pieces_[index], source); !done) {
        const std::scoped_lock lock(errors_mutex_);
        errors_.insert(errors_.end(), done.error().begin(), done.error().end());
        failed_ = true;
        return;
      }
    }
  }

  Result<void> load_piece(Piece& piece, std::vector<std::byte>& source) {
    const Item& item = items_[piece.item];
    const TensorInfo& tensor = *item.tensor;
    std::byte* memory = weights_.memory_.data() + item.offset;
    const std::size_t bytes = piece.count * tensor.row_bytes();
    if (item.raw) {
      return model_.file.read_rows(tensor, piece.first, piece.count,
                                   {memory + piece.first * tensor.row_bytes(), bytes});
    }
    source.resize(std::max(source.size(), bytes));
    if (auto read =
            model_.file.read_rows(tensor, piece.first, piece.count, std::span(source).first(bytes));
        !read) {
      return read;
    }
    if (reference()) {
      numeric::dequantize(tensor.type, source.data(), piece.count * tensor.columns(),
                          reinterpret_cast<float*>(memory) + piece.first * tensor.columns());
      return {};
    }
    auto packed =
        weights_.matrices_[item.slot].packed.pack(piece.first, piece.count, source.data());
    if (!packed) {
      return fail("X0102",
                  fmt::format("{}: tensor `{}`, row {}: {}", model_.file.path, tensor.name,
                              packed.error().row, numeric::to_text(packed.error().what)),
                  {"the file is damaged, or was made by a conversion that went wrong"});
    }
    piece.error = *packed;
    return {};
  }

  void finish() {
    if (tied_item_ && items_[*tied_item_].exact) {
      weights_.embedding_.matrix = &weights_.matrices_[items_[*tied_item_].slot];
    }
    std::vector<numeric::PackError> errors(items_.size());
    for (const Piece& piece : pieces_) {
      errors[piece.item].signal += piece.error.signal;
      errors[piece.item].noise += piece.error.noise;
    }
    for (std::size_t i = 0; i < items_.size(); ++i) {
      const Item& item = items_[i];
      const TensorInfo& tensor = *item.tensor;
      if (item.raw || reference()) {
        weights_.bytes_on_chip += item.raw ? tensor.bytes : item.bytes;
        continue;
      }
      // As the chip keeps it: whole blocks.
      const std::uint64_t blocks =
          tensor.rows() * ((tensor.columns() + numeric::kBlock - 1) / numeric::kBlock);
      const auto bytes = static_cast<std::uint64_t>(static_cast<double>(blocks) * numeric::kBlock *
                                                    numeric::info(item.format).bits_per_weight / 8);
      weights_.bytes_on_chip += bytes;
      if (std::string_view(numeric::info(item.format).name) ==
          to_lower_ascii(numeric::info(tensor.type).name)) {
        continue;
      }
      const double ratio = errors[i].noise > 0 ? errors[i].signal / errors[i].noise
                                               : std::numeric_limits<double>::infinity();
      weights_.transcodings.push_back({.tensor = tensor.name,
                                       .from = tensor.type,
                                       .to = item.format,
                                       .exact = item.exact,
                                       .signal_to_noise_db = 10 * std::log10(ratio),
                                       .bytes_in_file = tensor.bytes,
                                       .bytes_on_chip = bytes});
    }
  }
};

Result<Weights> load_weights(const model::Model& model, const graph::Graph& graph,
                             const EngineOptions& options, numeric::ThreadPool& pool) {
  return WeightLoader(model, options).load(graph, pool);
}

}  // namespace churon::exec
