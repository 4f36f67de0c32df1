// Files: whole reads with a size limit, atomic writes, SHA-256.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace churon {

// An open file descriptor that closes itself. Reads are positional, so threads can share it.
class File {
 public:
  File() = default;
  explicit File(int descriptor) : descriptor_(descriptor) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  File(File&& other) noexcept : descriptor_(other.descriptor_) { other.descriptor_ = -1; }
  File& operator=(File&& other) noexcept;
  ~File();

  [[nodiscard]] int descriptor() const { return descriptor_; }
  // The size of a regular file; an error for anything else.
  [[nodiscard]] Result<std::uint64_t> size(const std::string& path) const;
  // Exactly `out.size()` bytes from `offset`; an error where the file ends before.
  [[nodiscard]] Result<void> read_at(std::uint64_t offset, std::span<std::byte> out,
                                     const std::string& path) const;

 private:
  int descriptor_ = -1;
};

Result<File> open_for_reading(const std::string& path);
// B0002: what is read by places must have a size.
tl::unexpected<Diagnostics> not_a_regular_file(const std::string& path);

// The whole file, pipe or device, at most `size_max` bytes: a longer one is an error.
Result<std::string> read_file(const std::string& path, std::uint64_t size_max);

// Written beside the target, synced, then renamed over it: a reader sees the old or the new file.
// A pipe or a device (/dev/stdout) is written to as it is, not replaced.
Result<void> write_file_atomically(const std::string& path, std::string_view bytes);

// Lower-case hex digits.
std::string sha256_hex(std::string_view bytes);
Result<std::string> sha256_of_file(const std::string& path);

}  // namespace churon
