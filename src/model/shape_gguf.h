// The shape of a model in a GGUF file that is not run here, but can be priced. Keys and names of
// tensors are those of llama.cpp (ggml-org/llama.cpp, src/llama-arch.cpp).
#pragma once

#include "base/result.h"
#include "model/gguf.h"
#include "model/hyperparameters.h"

namespace churon::model {

// What the keys do not say (experts of a layer, biases, norms, sinks) is read from the table of
// tensors. Errors, each with the file: M0401 (architecture), M0405 (a part of a split
// model), M0301 … M0303 (keys), M0402 and M0609 (sizes), M0403.
Result<Hyperparameters> gguf_shape(const GgufFile& file);
}  // namespace churon::model
