// The rows of an activation matrix, quantised by rule 2, as the matrix kernels read them.
//
// Rows are kept in groups of 12, 8, 4, 2 or 1, the number of accumulators that stay in registers
// together. Of a group of R rows, block after block along K:
//   R x 32 B integers, R x f32 scale, R x f32 t = f32(sum) * scale (rule 4), R x int32 -sum
// K is padded to an even number of blocks with scale zero, as the packed matrices are.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "numeric/block_format.h"
#include "numeric/reference.h"

namespace churon::numeric {

class ActivationBlocks {
 public:
  // Room for `rows` rows of `columns` values; the memory only grows.
  void resize(ActivationFormat format, std::size_t rows, std::size_t columns);

  [[nodiscard]] ActivationFormat format() const { return format_; }
  [[nodiscard]] std::size_t rows() const { return rows_; }
  [[nodiscard]] std::size_t columns() const { return columns_; }
  [[nodiscard]] std::size_t blocks() const { return (columns_ + kBlock - 1) / kBlock; }
  [[nodiscard]] std::size_t padded_blocks() const { return (blocks() + 1) / 2 * 2; }

  static constexpr std::size_t block_bytes(std::size_t group_rows) { return group_rows * 44; }

  // The group that begins at `row`, a row that starts one.
  struct Group {
    std::size_t first;
    std::size_t rows;
    std::byte* data;
  };
  [[nodiscard]] Group group_at(std::size_t row) {
    const std::size_t size = group_size(row);
    return {row, size, data_.data() + row * padded_blocks() * 44};
  }
  struct ConstGroup {
    std::size_t first;
    std::size_t rows;
    const std::byte* data;
  };
  [[nodiscard]] ConstGroup group_at(std::size_t row) const {
    const std::size_t size = group_size(row);
    return {row, size, data_.data() + row * padded_blocks() * 44};
  }
  // The first row of the group that `row` belongs to.
  [[nodiscard]] std::size_t group_start(std::size_t row) const {
    std::size_t start = 0;
    while (start + group_size(start) <= row) {
      start += group_size(start);
    }
    return start;
  }

 private:
  [[nodiscard]] std::size_t group_size(std::size_t start) const {
    const std::size_t left = rows_ - start;
    return left >= 12 ? 12 : left >= 8 ? 8 : left >= 4 ? 4 : left >= 2 ? 2 : 1;
  }

  ActivationFormat format_ = ActivationFormat::q8_0;
  std::size_t rows_ = 0;
  std::size_t columns_ = 0;
  std::vector<std::byte> data_;
};

}  // namespace churon::numeric
