#include "numeric/buffer.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

namespace churon::numeric {

namespace {

constexpr std::size_t kHugePage = std::size_t{2} << 20;

}  // namespace

Buffer::Buffer(std::size_t bytes, bool huge_pages) : size_(bytes) {
  if (bytes == 0) {
    return;
  }
  if (bytes > SIZE_MAX / 2) {
    throw std::bad_alloc();
  }
  mapped_ = bytes + kHugePage;
  mapping_ = ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping_ == MAP_FAILED) {
    mapping_ = nullptr;
    throw std::bad_alloc();
  }
  const auto address = reinterpret_cast<std::uintptr_t>(mapping_);
  const std::uintptr_t aligned = (address + kHugePage - 1) / kHugePage * kHugePage;
  data_ = static_cast<std::byte*>(mapping_) + (aligned - address);
  if (huge_pages) {
    ::madvise(data_, bytes, MADV_HUGEPAGE);  // advice: a refusal costs speed alone
  }
}

Buffer::~Buffer() {
  if (mapping_ != nullptr) {
    ::munmap(mapping_, mapped_);
  }
}

}  // namespace churon::numeric
