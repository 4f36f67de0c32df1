#include "numeric/activation_blocks.h"

#include <algorithm>

namespace churon::numeric {

void ActivationBlocks::resize(ActivationFormat format, std::size_t rows, std::size_t columns) {
  format_ = format;
  rows_ = rows;
  columns_ = columns;
  const std::size_t bytes = rows * padded_blocks() * block_bytes(1);
  if (data_.size() < bytes) {
    data_.resize(bytes);
  }
}

}  // namespace churon::numeric
