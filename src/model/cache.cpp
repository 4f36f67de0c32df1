#include "model/cache.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

#include "base/json.h"
#include "model/pull_watch.h"

namespace churon::model {

namespace {

constexpr std::uint64_t kRecordSizeMax = 1 << 16;

tl::unexpected<Diagnostics> cannot(std::string_view action, const std::string& path) {
  const int error = errno;
  return fail("P0404", fmt::format("cannot {} `{}`: {}", action, path, std::strerror(error)),
              {"CHURON_CACHE names another folder for models"});
}

}  // namespace

std::string cache_directory() {
  const auto environment = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  if (const auto chosen = environment("CHURON_CACHE"); !chosen.empty()) {
    return chosen;
  }
  // The base directory specification takes absolute paths alone.
  if (const auto base = environment("XDG_CACHE_HOME"); base.starts_with('/')) {
    return base + "/churon/models";
  }
  return environment("HOME") + "/.cache/churon/models";
}

Result<void> make_private_directories(const std::string& path) {
  std::filesystem::path current;
  for (const auto& part : std::filesystem::path(path)) {
    current /= part;
    if (!part.empty() && ::mkdir(current.c_str(), 0700) != 0 && errno != EEXIST &&
        // A read-only parent answers before it looks whether the folder is there.
        !std::filesystem::is_directory(current)) {
      return cannot("create the folder", current);
    }
  }
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) {
    errno = ENOTDIR;
    return cannot("use the folder", path);
  }
  return {};
}

std::optional<CacheRecord> read_record(const std::string& model_path) {
  const auto text = read_file(model_path + ".json", kRecordSizeMax);
  if (!text) {
    return std::nullopt;
  }
  const Json json = Json::parse(*text, nullptr, false);
  if (!json.is_object() || !json.contains("size_bytes") ||
      !json["size_bytes"].is_number_unsigned() || !json.contains("sha256") ||
      !json["sha256"].is_string()) {
    return std::nullopt;
  }
  CacheRecord record;
  record.size = json["size_bytes"].get<std::uint64_t>();
  record.sha256 = json["sha256"].get<std::string>();
  if (json.contains("source") && json["source"].is_string()) {
    record.source = json["source"].get<std::string>();
  }
  record.verified = json.contains("verified") && json["verified"] == true;
  return record;
}

Result<void> write_record(const std::string& model_path, const CacheRecord& record) {
  const Json json{{"source", record.source},
                  {"size_bytes", record.size},
                  {"sha256", record.sha256},
                  {"verified", record.verified}};
  return write_file_atomically(model_path + ".json", dump_json(json) + "\n");
}

Result<PullLock> PullLock::acquire(const std::string& model_path,
                                   const std::function<void()>& waiting,
                                   const std::function<bool()>& cancelled) {
  const std::string path = model_path + ".lock";
  File file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (file.descriptor() < 0) {
    return cannot("create the lock", path);
  }
  for (bool first = true; ::flock(file.descriptor(), LOCK_EX | LOCK_NB) != 0; first = false) {
    if (errno != EWOULDBLOCK && errno != EINTR) {
      return cannot("lock", path);
    }
    if (first && waiting) {
      waiting();
    }
    if (cancelled && cancelled()) {
      return interrupted_pull();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  }
  return PullLock(std::move(file));
}

Result<void> put_in_place(const std::string& temporary, const std::string& path) {
  const File file(::open(temporary.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.descriptor() < 0 || ::fsync(file.descriptor()) != 0) {
    return cannot("write", temporary);
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    return cannot("write", path);
  }
  const std::string folder = std::filesystem::path(path).parent_path();
  const File directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.descriptor() < 0 || ::fsync(directory.descriptor()) != 0) {
    return cannot("write", folder);
  }
  return {};
}

std::optional<std::uint64_t> file_size(const std::string& path) {
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) {
    return std::nullopt;
  }
  return static_cast<std::uint64_t>(status.st_size);
}

std::optional<std::uint64_t> free_space(const std::string& path) {
  struct statvfs status{};
  if (::statvfs(path.c_str(), &status) != 0) {
    return std::nullopt;
  }
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

tl::unexpected<Diagnostics> interrupted_pull() {
  return fail({.code = "P0499",
               .message = "interrupted",
               .help = {"the same pull continues where this one stopped"},
               .exit = ExitCode::interrupted});
}

}  // namespace churon::model
