// The tensor types of GGUF files that the product reads and writes: names, numbers, block layouts,
// and the conversions from and to binary32. The layouts are those of the GGUF format; a block is a
// run of consecutive elements of one row.
//
//   type   elements  bytes  content of a block in file order, little endian        value
//   F32           1      4  binary32
//   F16           1      2  binary16
//   BF16          1      2  bfloat16
//   Q8_0         32     34  f16 d, 32 int8 q                                       d*q
//   Q4_0         32     18  f16 d, 16 bytes of nibbles q                           d*(q-8)
//   Q4_1         32     20  f16 d, f16 m, 16 bytes of nibbles q                    d*q + m
//   Q5_0         32     22  f16 d, 4 bytes of fifth bits, 16 of nibbles            d*(q-16)
//   Q5_1         32     24  f16 d, f16 m, 4 bytes of fifth bits, 16 of nibbles     d*q + m
//   Q4_K        256    144  f16 d, f16 dmin, 12 bytes of 6-bit sc and mn,          d*sc*q - dmin*mn
//                           128 of nibbles
//   Q5_K        256    176  the same with 32 bytes of fifth bits before nibbles    d*sc*q - dmin*mn
//   Q6_K        256    210  128 bytes of nibbles, 64 of two high bits, 16 int8 sc, d*sc*(q-32)
//                           f16 d
//   MXFP4        32     17  E8M0 e, 16 bytes of E2M1 nibbles v                     2^(e-127)*v
//
// In a block of 32 the low nibbles are elements 0..15 and the high nibbles are elements 16..31.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace churon::numeric {

enum class TensorType { f32, f16, bf16, q8_0, q4_0, q4_1, q5_0, q5_1, q4_k, q5_k, q6_k, mxfp4 };

struct TensorTypeInfo {
  TensorType type;
  const char* name;       // as GGUF tools print it: "Q4_K"
  std::uint32_t ggml_id;  // the number in a GGUF tensor table
  int block_elements;
  int block_bytes;
};

// Every type, in the order of the enumeration.
[[nodiscard]] std::span<const TensorTypeInfo> tensor_types();
[[nodiscard]] const TensorTypeInfo& info(TensorType type);
[[nodiscard]] std::optional<TensorType> tensor_type_from_ggml(std::uint32_t ggml_id);
[[nodiscard]] std::optional<TensorType> tensor_type_from_name(std::string_view name);  // any case

// Bytes of `count` elements, a multiple of the block. The caller has bounded `count`.
[[nodiscard]] std::size_t bytes_of(TensorType type, std::size_t count);

// `count` is a multiple of the block's elements. Values are computed in binary32: products of scale
// and integer are exact but for Q6_K (one rounding), adding a minimum is one rounding.
void dequantize(TensorType type, const std::byte* blocks, std::size_t count, float* out);

// The parts of a K-quant block of 256, for those who transcode it: the 6-bit scales and minima of
// its eight sub-blocks (12 bytes, packed) and element i of a Q4_K or Q5_K block.
struct KScale {
  int scale;
  int minimum;
};
[[nodiscard]] std::array<KScale, 8> k_scales(const std::byte* packed);
[[nodiscard]] int k_element(TensorType type, const std::byte* block, int i);

// The value of an E2M1 code (OCP MX 1.0): sign, two bits of exponent, one of fraction.
[[nodiscard]] float mxfp4_value(int code);

// Good blocks: scales and minima are searched for a small squared error (Q8_0: rule 2 of the
// contract). The input is finite; what no FP16 scale can hold is saturated. The same bits on every
// machine: plain binary32 and binary64 operations in a fixed order.
void quantize(TensorType type, const float* values, std::size_t count, std::byte* blocks);

}  // namespace churon::numeric
