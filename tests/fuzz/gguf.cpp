// The bytes are a whole GGUF file. What can be done with one without its tensor data is done:
// parse, print, find hyperparameters and tensors.
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "model/gguf.h"
#include "model/model.h"
#include "model/shape_gguf.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace churon;
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  auto file = model::parse_gguf({bytes, bytes + size}, size, "fuzz.gguf");
  if (!file) {
    (void)to_text(file.error());
    return 0;
  }
  for (const model::MetadataEntry& entry : file->metadata.entries()) {
    (void)model::to_text(entry, 8, 40);
    (void)file->metadata.strings(entry.key);
    (void)file->metadata.integers(entry.key);
    (void)file->metadata.floats(entry.key);
    (void)file->metadata.number(entry.key);
  }
  (void)file->digest();
  if (const auto shape = model::gguf_shape(*file); !shape) {
    (void)to_text(shape.error());
  }
  if (const auto model = model::make_model(std::move(*file)); !model) {
    (void)to_text(model.error());
  }
  return 0;
}
