// The folder of pulled models: $CHURON_CACHE, else $XDG_CACHE_HOME/churon/models, else
// ~/.cache/churon/models. It belongs to the user alone (0700).
//
// A model `x.gguf` under way has neighbours: x.gguf.lock (one pull at a time), x.gguf.part (what
// has arrived), x.gguf.part.json (what the server said about it), x.gguf.wheels/ (whole wheels).
// The record x.gguf.json says where a finished file came from and what its digest is. The model
// takes its final name last, by a rename, so what has that name is whole.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "base/file.h"
#include "base/result.h"

namespace churon::model {

std::string cache_directory();

Result<void> make_private_directories(const std::string& path);

// What is known about a finished file.
struct CacheRecord {
  std::string source;  // package, or URL
  std::uint64_t size = 0;
  std::string sha256;
  bool verified = false;  // the digest was stated beforehand, by the catalogue or the user
};
std::optional<CacheRecord> read_record(const std::string& model_path);
Result<void> write_record(const std::string& model_path, const CacheRecord& record);

// One process pulls a file at a time. The kernel drops the lock when the process ends, however it
// ends. `waiting` is called once when another holds it; `cancelled` ends the wait.
class PullLock {
 public:
  static Result<PullLock> acquire(const std::string& model_path,
                                  const std::function<void()>& waiting,
                                  const std::function<bool()>& cancelled);

 private:
  explicit PullLock(File file) : file_(std::move(file)) {}
  File file_;
};

// Syncs `temporary`, gives it the final name and syncs the folder.
Result<void> put_in_place(const std::string& temporary, const std::string& path);

std::optional<std::uint64_t> file_size(const std::string& path);
// What a user may still write to the file system of `path`.
std::optional<std::uint64_t> free_space(const std::string& path);

}  // namespace churon::model
