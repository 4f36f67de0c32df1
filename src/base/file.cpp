#include "base/file.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>
#include <vector>

#include "base/check.h"

namespace churon {

namespace {

tl::unexpected<Diagnostics> system_error(std::string_view action, const std::string& path) {
  return fail("B0001", fmt::format("cannot {} `{}`: {}", action, path, std::strerror(errno)));
}

}  // namespace

tl::unexpected<Diagnostics> not_a_regular_file(const std::string& path) {
  return fail("B0002", fmt::format("`{}` is not a regular file", path),
              {"give a file on disk: no folder, pipe or device"});
}

File& File::operator=(File&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

File::~File() {
  if (descriptor_ >= 0) {
    ::close(descriptor_);
  }
}

Result<std::uint64_t> File::size(const std::string& path) const {
  struct stat status{};
  if (::fstat(descriptor_, &status) != 0) {
    return system_error("stat", path);
  }
  if (!S_ISREG(status.st_mode)) {
    return not_a_regular_file(path);
  }
  return static_cast<std::uint64_t>(status.st_size);
}

Result<void> File::read_at(std::uint64_t offset, std::span<std::byte> out,
                           const std::string& path) const {
  std::size_t done = 0;
  while (done < out.size()) {
    const ssize_t got = ::pread(descriptor_, out.data() + done, out.size() - done,
                                static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return system_error("read", path);
    }
    if (got == 0) {
      return fail("B0003",
                  fmt::format("`{}` ends at byte {}, {} more were expected", path, offset + done,
                              out.size() - done),
                  {"the file was cut: fetch or copy it again"});
    }
    done += static_cast<std::size_t>(got);
  }
  return {};
}

Result<File> open_for_reading(const std::string& path) {
  File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.descriptor() < 0) {
    return system_error("open", path);
  }
  return file;
}

Result<std::string> read_file(const std::string& path, std::uint64_t size_max) {
  auto file = open_for_reading(path);
  if (!file) {
    return fail(file);
  }
  std::string text;
  std::vector<char> buffer(1 << 16);
  while (true) {
    const ssize_t got = ::read(file->descriptor(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return system_error("read", path);
    }
    if (got == 0) {
      return text;
    }
    text.append(buffer.data(), static_cast<std::size_t>(got));
    if (text.size() > size_max) {
      return fail("B0004", fmt::format("`{}` is longer than {} bytes", path, size_max),
                  {"give a shorter file"});
    }
  }
}

namespace {

// `name` is what a message calls the file.
Result<void> write_bytes(const File& file, const std::string& name, std::string_view bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    const ssize_t put = ::write(file.descriptor(), bytes.data() + done, bytes.size() - done);
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put < 0) {
      return system_error("write", name);
    }
    done += static_cast<std::size_t>(put);
  }
  return {};
}

bool is_pipe_or_device(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 && !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

}  // namespace

Result<void> write_file_atomically(const std::string& path, std::string_view bytes) {
  if (is_pipe_or_device(path)) {
    const File file(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    if (file.descriptor() < 0) {
      return system_error("open", path);
    }
    return write_bytes(file, path, bytes);
  }
  const std::string temporary = fmt::format("{}.tmp.{}", path, ::getpid());
  const File file(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.descriptor() < 0) {
    return system_error("create", path);
  }
  if (auto written = write_bytes(file, path, bytes); !written) {
    ::unlink(temporary.c_str());
    return written;
  }
  if (::fsync(file.descriptor()) != 0 || ::rename(temporary.c_str(), path.c_str()) != 0) {
    const auto error = system_error("write", path);
    ::unlink(temporary.c_str());
    return error;
  }
  return {};
}

namespace {

struct DigestContext {
  std::unique_ptr<EVP_MD_CTX, void (*)(EVP_MD_CTX*)> context{EVP_MD_CTX_new(), EVP_MD_CTX_free};
  DigestContext() {
    check(EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) == 1, "SHA-256");
  }
  void update(const void* data, std::size_t size) {
    check(EVP_DigestUpdate(context.get(), data, size) == 1, "SHA-256");
  }
  std::string hex() {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    check(EVP_DigestFinal_ex(context.get(), digest, &size) == 1, "SHA-256");
    std::string text;
    for (unsigned int i = 0; i < size; ++i) {
      text += fmt::format("{:02x}", digest[i]);
    }
    return text;
  }
};

}  // namespace

std::string sha256_hex(std::string_view bytes) {
  DigestContext digest;
  digest.update(bytes.data(), bytes.size());
  return digest.hex();
}

Result<std::string> sha256_of_file(const std::string& path) {
  auto file = open_for_reading(path);
  if (!file) {
    return fail(file);
  }
  DigestContext digest;
  std::vector<char> buffer(1 << 20);
  while (true) {
    const ssize_t got = ::read(file->descriptor(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) {
      continue;
    }
    if (got < 0) {
      return system_error("read", path);
    }
    if (got == 0) {
      return digest.hex();
    }
    digest.update(buffer.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace churon
