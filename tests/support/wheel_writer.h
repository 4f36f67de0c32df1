// Wheels (zip files) for tests, also broken ones, and a stand-in for `python3 -m pip download`.
#pragma once

#include <sys/stat.h>
#include <zip.h>

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"

namespace churon::test {

using WheelFiles = std::vector<std::pair<std::string, std::string>>;  // name, content

inline void write_wheel(const std::string& path, const WheelFiles& files,
                        zip_int32_t method = ZIP_CM_DEFLATE) {
  zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
  check(archive != nullptr, path);
  for (const auto& [name, content] : files) {
    zip_source_t* source = zip_source_buffer(archive, content.data(), content.size(), 0);
    const zip_int64_t index = zip_file_add(archive, name.c_str(), source, ZIP_FL_OVERWRITE);
    check(index >= 0, name);
    zip_set_file_compression(archive, static_cast<zip_uint64_t>(index), method, 0);
  }
  check(zip_close(archive) == 0, path);
}

inline std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// Replaces a 32-bit little-endian field behind every zip header of one kind.
inline void patch_headers(const std::string& path, std::string_view signature, std::size_t offset,
                          std::uint32_t value) {
  std::string bytes = bytes_of(path);
  for (auto at = bytes.find(signature); at != std::string::npos;
       at = bytes.find(signature, at + 4)) {
    for (int i = 0; i < 4; ++i) {
      bytes[at + offset + static_cast<std::size_t>(i)] = static_cast<char>(value >> (8 * i));
    }
  }
  std::ofstream(path, std::ios::binary) << bytes;
}
// What the headers say the unpacked files measure.
inline void lie_about_size(const std::string& path, std::uint32_t size) {
  patch_headers(path, "PK\x03\x04", 22, size);
  patch_headers(path, "PK\x01\x02", 24, size);
}
inline void lie_about_crc(const std::string& path, std::uint32_t crc) {
  patch_headers(path, "PK\x03\x04", 14, crc);
  patch_headers(path, "PK\x01\x02", 16, crc);
}

// Puts a `python3` into `folder` and the folder before all others in PATH, until the object ends.
// The script finds its words in "$@", the folder of --dest= in $dest, the package in $package.
class FakePython {
 public:
  FakePython(const std::string& folder, const std::string& script) : path_before_(path()) {
    const std::string program = folder + "/python3";
    std::ofstream(program) << "#!/bin/sh\n"
                              "for word in \"$@\"; do\n"
                              "  case \"$word\" in --dest=*) dest=\"${word#--dest=}\" ;; esac\n"
                              "  package=\"$word\"\n"
                              "done\n"
                           << script << "\n";
    ::chmod(program.c_str(), 0700);
    ::setenv("PATH", (folder + ":" + path_before_).c_str(), 1);
  }
  FakePython(const FakePython&) = delete;
  FakePython& operator=(const FakePython&) = delete;
  ~FakePython() { ::setenv("PATH", path_before_.c_str(), 1); }

 private:
  static std::string path() {
    const char* value = std::getenv("PATH");
    return value == nullptr ? "/usr/bin:/bin" : value;
  }
  std::string path_before_;
};

}  // namespace churon::test
