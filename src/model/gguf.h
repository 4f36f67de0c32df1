// GGUF, the file format of ggml's models: a header of key-value metadata and a table of tensors,
// then the tensors' bytes. Versions 2 and 3, little-endian. Source: ggml, docs/gguf.md (the
// format's specification).
//
// The header is parsed from a buffer that is read as far as the header needs; every count, length,
// type and offset is checked against the file's size before it is used, and nothing is allocated
// that the bytes in the file do not justify. Tensor data is read on demand, never mapped: a file
// that is cut meanwhile gives an error.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/file.h"
#include "base/result.h"
#include "numeric/tensor_type.h"

namespace churon::model {

// Value types of the metadata with their numbers in the file.
enum class MetadataType : std::uint32_t {
  uint8 = 0,
  int8 = 1,
  uint16 = 2,
  int16 = 3,
  uint32 = 4,
  int32 = 5,
  float32 = 6,
  boolean = 7,
  string = 8,
  array = 9,
  uint64 = 10,
  int64 = 11,
  float64 = 12,
};
std::string_view name(MetadataType type);

// Strings of an array where they lie in the header. Valid as long as the file object lives.
class StringArray {
 public:
  StringArray() = default;
  StringArray(const std::byte* header, std::span<const std::uint32_t> offsets)
      : header_(header), offsets_(offsets) {}
  [[nodiscard]] std::size_t size() const { return offsets_.size(); }
  [[nodiscard]] bool empty() const { return offsets_.empty(); }
  [[nodiscard]] std::string_view operator[](std::size_t index) const {
    std::uint64_t length = 0;
    std::memcpy(&length, header_ + offsets_[index], sizeof length);
    return {reinterpret_cast<const char*>(header_ + offsets_[index] + sizeof length),
            static_cast<std::size_t>(length)};
  }

 private:
  const std::byte* header_ = nullptr;
  std::span<const std::uint32_t> offsets_;  // of the length in front of each string
};

// One key with its value as the file has it.
struct MetadataEntry {
  std::string_view key;
  MetadataType type = MetadataType::uint8;
  MetadataType element_type = MetadataType::uint8;  // of an array; else `type`
  std::uint64_t count = 1;                          // elements of an array
  std::uint64_t offset = 0;                         // of the value in the file
  // The value in the file's form: of an array its elements, of a string its characters.
  std::span<const std::byte> bytes;
  std::vector<std::uint32_t> string_offsets;  // of an array of strings
};

// The metadata in file order. Getters check type and range; their errors name the key, what was
// found and what would be right. Any integer type of the file serves where an integer is wanted.
class Metadata {
 public:
  Metadata() = default;
  // The entries point into the header, which moves in with them.
  Metadata(std::vector<std::byte> header, std::vector<MetadataEntry> entries)
      : header_(std::move(header)), entries_(std::move(entries)) {}
  Metadata(const Metadata&) = delete;
  Metadata& operator=(const Metadata&) = delete;
  Metadata(Metadata&&) noexcept = default;
  Metadata& operator=(Metadata&&) noexcept = default;
  ~Metadata() = default;

  [[nodiscard]] const std::vector<MetadataEntry>& entries() const { return entries_; }
  [[nodiscard]] const MetadataEntry* find(std::string_view key) const;
  [[nodiscard]] bool contains(std::string_view key) const { return find(key) != nullptr; }
  // The bytes of the file up to the tensor data.
  [[nodiscard]] std::span<const std::byte> header() const { return header_; }

  // A missing key is an error.
  [[nodiscard]] Result<std::string_view> string(std::string_view key) const;
  [[nodiscard]] Result<bool> boolean(std::string_view key) const;
  [[nodiscard]] Result<std::int64_t> integer(
      std::string_view key, std::int64_t low = std::numeric_limits<std::int64_t>::min(),
      std::int64_t high = std::numeric_limits<std::int64_t>::max()) const;
  [[nodiscard]] Result<double> number(std::string_view key) const;  // finite
  [[nodiscard]] Result<StringArray> strings(std::string_view key) const;
  [[nodiscard]] Result<std::vector<std::int64_t>> integers(
      std::string_view key) const;  // or booleans
  [[nodiscard]] Result<std::vector<float>> floats(std::string_view key) const;

  // A missing key gives the fallback; a wrong type or value is still an error.
  [[nodiscard]] Result<std::string_view> string_or(std::string_view key,
                                                   std::string_view fallback) const;
  [[nodiscard]] Result<bool> boolean_or(std::string_view key, bool fallback) const;
  [[nodiscard]] Result<std::int64_t> integer_or(
      std::string_view key, std::int64_t fallback,
      std::int64_t low = std::numeric_limits<std::int64_t>::min(),
      std::int64_t high = std::numeric_limits<std::int64_t>::max()) const;
  [[nodiscard]] Result<double> number_or(std::string_view key, double fallback) const;

 private:
  std::vector<std::byte> header_;
  std::vector<MetadataEntry> entries_;
};

// The value as a person reads it: long arrays are cut after `elements_max` elements, long strings
// after `characters_max` bytes (0: not at all). Control characters stand as they are in the file:
// escape the text before it reaches a terminal.
std::string to_text(const MetadataEntry& entry, std::size_t elements_max = 8,
                    std::size_t characters_max = 0);

// A tensor of the table. `dims[0]` is the length of a row (K of a matrix), `dims[1]` the number of
// rows (N); unused dimensions are 1.
struct TensorInfo {
  std::string name;
  numeric::TensorType type = numeric::TensorType::f32;
  int rank = 1;
  std::array<std::uint64_t, 4> dims = {1, 1, 1, 1};
  std::uint64_t offset = 0;  // of the first byte, from the start of the file
  std::uint64_t bytes = 0;

  [[nodiscard]] std::uint64_t columns() const { return dims[0]; }
  [[nodiscard]] std::uint64_t rows() const { return dims[1] * dims[2] * dims[3]; }
  [[nodiscard]] std::uint64_t elements() const { return columns() * rows(); }
  [[nodiscard]] std::uint64_t row_bytes() const { return bytes / rows(); }
};
// "576 x 49152"
std::string shape_text(const TensorInfo& tensor);

struct GgufFile {
  std::string path;
  std::uint64_t size = 0;  // bytes of the file
  std::uint32_t version = 3;
  std::uint32_t alignment = 32;
  std::uint64_t data_offset = 0;  // of the tensor data
  Metadata metadata;
  std::vector<TensorInfo> tensors;  // in file order
  File file;                        // closed where the header was parsed from memory

  [[nodiscard]] const TensorInfo* find_tensor(std::string_view name) const;
  // SHA-256 of the bytes before the tensor data, in hex. With `size` it identifies a model.
  [[nodiscard]] std::string digest() const;
  // The whole tensor: `out` has `tensor.bytes` bytes.
  [[nodiscard]] Result<void> read_tensor(const TensorInfo& tensor, std::span<std::byte> out) const;
  // `count` rows from `first`; threads may read at the same time.
  [[nodiscard]] Result<void> read_rows(const TensorInfo& tensor, std::uint64_t first,
                                       std::uint64_t count, std::span<std::byte> out) const;
  // The bytes of the tensor from `begin`, as many as `out` has.
  [[nodiscard]] Result<void> read_part(const TensorInfo& tensor, std::uint64_t begin,
                                       std::span<std::byte> out) const;
};

Result<GgufFile> open_gguf(const std::string& path);

// The header of a file that lies in memory as a whole, or of which at least the header does:
// `file_size` is then the size of the file that the offsets are checked against.
Result<GgufFile> parse_gguf(std::vector<std::byte> header, std::uint64_t file_size,
                            const std::string& path);

// Longest header that is read; one with a vocabulary of 262,144 tokens and scores takes 7 MB.
inline constexpr std::uint64_t kGgufHeaderBytesMax = std::uint64_t{256} << 20;

}  // namespace churon::model
