// The graph executor: runs the operators of a `graph::Graph` on values, with the vector kernels of
// `numeric`. `Engine` holds the weights as the kernels want them, `Session` one sequence: its cache
// and its position. Results depend on the model, the formats and the ids alone: not on chunks,
// threads, kernels or what ran before.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "graph/graph.h"
#include "model/model.h"
#include "numeric/block_format.h"
#include "numeric/kv_cache.h"
#include "numeric/tensor_type.h"

namespace churon::exec {

enum class Arithmetic {
  datapath,  // rules 1 to 6 of docs/arithmetic.md: what the chip computes
  f32,       // rule 9: weights dequantised to FP32, FP32 activations and cache, exact functions
};

struct EngineOptions {
  int threads = 1;
  std::int64_t context =
      0;  // positions that a session can hold; 0: the model's own limit, at most 4096
  Arithmetic arithmetic = Arithmetic::datapath;
  numeric::KvFormat kv = numeric::KvFormat::q8_0;
  numeric::ActivationFormat activation = numeric::ActivationFormat::q8_0;
  // What the matrix unit takes; other tensor types are transcoded (rule 3).
  std::vector<numeric::BlockFormat> native_weights;
  // Every matrix is quantised to this format instead: what would it cost in quality?
  std::optional<numeric::BlockFormat> all_weights;
  std::function<void(double fraction)> progress;  // while loading; called by the loading thread
  std::function<bool()> interrupted;              // asked between operators
};

// A tensor that the chip holds in another format than the file.
struct Transcoding {
  std::string tensor;
  numeric::TensorType from = numeric::TensorType::f32;
  numeric::BlockFormat to = numeric::BlockFormat::q8_0;
  bool exact = true;
  double signal_to_noise_db = 0;  // of the values; meaningless where exact
  std::uint64_t bytes_in_file = 0;
  std::uint64_t bytes_on_chip = 0;
};

struct EngineImpl;
struct SessionImpl;

class Engine {
 public:
  explicit Engine(std::shared_ptr<EngineImpl> impl);
  [[nodiscard]] const model::Model& model() const;
  [[nodiscard]] const EngineOptions& options() const;
  [[nodiscard]] std::int64_t context() const;
  [[nodiscard]] const std::vector<Transcoding>& transcodings() const;
  [[nodiscard]] std::uint64_t weight_bytes_held() const;  // by the host
  [[nodiscard]] std::uint64_t weight_bytes_on_chip() const;
  [[nodiscard]] std::uint64_t kv_bytes_per_session() const;  // held by the host
  [[nodiscard]] const std::shared_ptr<EngineImpl>& impl() const { return impl_; }

 private:
  std::shared_ptr<EngineImpl> impl_;
};

// Reads and packs all tensors with `options.threads` threads. The model must outlive the engine.
Result<Engine> load_engine(const model::Model& model, const EngineOptions& options);

// Diagnostics of this room that a caller tells apart.
inline constexpr const char* kContextFull = "X0201";
inline constexpr const char* kInterrupted = "X0202";

class Session {
 public:
  static Result<Session> create(const Engine& engine);
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  // Appends `ids` and returns the logits of the last one, a row of `vocabulary` numbers that is
  // valid until the next call. On an interrupt or an error the session keeps the positions it had.
  Result<std::span<const float>> prefill(std::span<const std::int32_t> ids);
  Result<std::span<const float>> decode(std::int32_t id);

  // Appends `ids` and hands out the logits of every one in order: for perplexity.
  using RowCallback = std::function<void(std::int64_t index, std::span<const float> logits)>;
  Result<void> score(std::span<const std::int32_t> ids, const RowCallback& row);

  [[nodiscard]] std::int64_t position() const;  // tokens in the cache
  [[nodiscard]] std::int64_t context() const;
  // Forgets all positions from `position` on.
  void truncate(std::int64_t position);

  // Tokens in one pass of prefill, 1 to 512. Results do not depend on it.
  void set_chunk(std::int64_t tokens);
  // Called after each chunk of a prefill with the tokens done so far.
  std::function<void(std::int64_t done, std::int64_t total)> progress;

 private:
  explicit Session(std::unique_ptr<SessionImpl> impl);
  std::unique_ptr<SessionImpl> impl_;
};

}  // namespace churon::exec
