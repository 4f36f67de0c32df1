// GGUF to GGUF with the matrices in another tensor type. Metadata and order are kept, tensors pass
// one after another, and the new file appears under its name only when it is whole.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/gguf.h"
#include "numeric/tensor_type.h"

namespace churon::model {

struct QuantizeOptions {
  numeric::TensorType type = numeric::TensorType::q8_0;
  std::optional<numeric::TensorType> output_type = {};  // of token_embd.weight and output.weight
  int threads = 1;
  std::function<void(std::string_view tensor, double fraction)> progress = {};
  std::function<bool()> interrupted = {};
};

// All tensors that went from one type to another, or stayed.
struct TypeChange {
  numeric::TensorType from = numeric::TensorType::f32;
  numeric::TensorType to = numeric::TensorType::f32;
  std::int64_t tensors = 0;
  std::uint64_t bytes_before = 0;
  std::uint64_t bytes_after = 0;
  double signal = 0;  // sum of squares of the values
  double noise = 0;   // of what the change added to them

  [[nodiscard]] bool exact() const { return noise == 0; }
  [[nodiscard]] double signal_to_noise_db() const;
};

// A matrix whose rows the wanted type's blocks do not divide.
struct TypeFallback {
  std::string tensor;
  std::uint64_t columns = 0;
  numeric::TensorType wanted = numeric::TensorType::f32;
  numeric::TensorType used = numeric::TensorType::f32;
};

struct QuantizeReport {
  std::uint64_t bytes_before = 0;  // of the files
  std::uint64_t bytes_after = 0;
  std::vector<TypeChange> changes;  // in order of first appearance
  std::vector<TypeFallback> fallbacks;
};

Result<QuantizeReport> quantize_file(const GgufFile& input, const std::string& output_path,
                                     const QuantizeOptions& options);

}  // namespace churon::model
