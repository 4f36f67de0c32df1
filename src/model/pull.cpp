#include "model/pull.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>

#include "base/text.h"
#include "model/cache.h"
#include "model/download.h"
#include "model/wheel.h"

namespace churon::model {

namespace {

namespace fs = std::filesystem;

// Where neither the catalogue nor the user says how long a file may be.
constexpr std::uint64_t kSizeMax = 100'000'000'000;

// The names of one pull in the cache.
struct Places {
  std::string path;
  std::string part = path + ".part";
  std::string wheels = path + ".wheels";

  // What a pull leaves that must not be used again.
  void forget_downloads() const {
    std::error_code ignored;
    fs::remove(part, ignored);
    fs::remove(part + ".json", ignored);
    fs::remove_all(wheels, ignored);
  }
};

std::string source_text(const KnownModel& model) {
  if (const auto* url = std::get_if<UrlSource>(&model.source)) {
    return url->url;
  }
  std::string packages;
  for (const auto& part : std::get<std::vector<WheelPart>>(model.source)) {
    packages +=
        fmt::format("{}pypi:{}=={}", packages.empty() ? "" : " ", part.package, part.version);
  }
  return packages;
}

bool begins_like_gguf(const std::string& path) {
  std::array<std::byte, 4> magic{};
  const auto file = open_for_reading(path);
  return file && file->read_at(0, magic, path) && std::memcmp(magic.data(), "GGUF", 4) == 0;
}

// The file that is here, when it is what it should be. `stated` is the digest that was known
// beforehand; without one the file has to be what the last pull recorded.
Result<std::optional<Pulled>> verify_present(const KnownModel& model, const Places& places,
                                             const std::string& stated,
                                             const PullOptions& options) {
  const auto size = file_size(places.path);
  const auto record = read_record(places.path);
  const std::string expected = !stated.empty() ? stated : record ? record->sha256 : "";
  if (!size || expected.empty()) {
    return std::nullopt;
  }
  options.watch.report("checking", 0, *size);
  const auto digest = sha256_of_file(places.path);
  if (!digest) {
    return fail(digest);
  }
  if (*digest != expected) {
    if (options.note) {
      options.note(
          fmt::format("`{}` is not what it was or should be; downloading it again", places.path));
    }
    return std::nullopt;
  }
  const bool verified = !stated.empty() || record->verified;
  const CacheRecord now{source_text(model), *size, *digest, verified};
  if (auto written = write_record(places.path, now); !written) {
    return fail(written);
  }
  return Pulled{places.path, *size, *digest, verified, true};
}

Result<std::uint64_t> fetch_wheels(const std::vector<WheelPart>& parts, const Places& places,
                                   std::uint64_t size_max, std::optional<std::uint64_t> size,
                                   const Watch& watch) {
  const auto wheels = download_wheels(parts, places.wheels, watch);
  if (!wheels) {
    return fail(wheels);
  }
  std::vector<WheelMember> members;
  members.reserve(parts.size());
  for (std::size_t i = 0; i < parts.size(); ++i) {
    members.push_back({(*wheels)[i], parts[i].member});
  }
  auto joined = join_members(members, places.part, size_max, size, watch);
  if (!joined && joined.error().front().code == "P0303") {
    places.forget_downloads();
  }
  return joined;
}

// Everything of the model into the part file.
Result<std::uint64_t> fetch(const KnownModel& model, const Places& places,
                            const PullOptions& options) {
  const std::uint64_t size_max =
      std::min(options.size_max.value_or(kSizeMax), model.size.value_or(UINT64_MAX));
  if (options.size_max && model.size && *model.size > *options.size_max) {
    return fail("P0205", fmt::format("`{}` has {} bytes, the limit is {}", model.name, *model.size,
                                     *options.size_max));
  }
  if (const auto* url = std::get_if<UrlSource>(&model.source)) {
    return download(url->url, places.part,
                    {.size_max = size_max, .size_expected = model.size, .watch = options.watch});
  }
  return fetch_wheels(std::get<std::vector<WheelPart>>(model.source), places, size_max, model.size,
                      options.watch);
}

tl::unexpected<Diagnostics> wrong_digest(const KnownModel& model, const std::string& expected,
                                         const std::string& found) {
  return fail({.code = "P0401",
               .message = fmt::format("`{}` is not the file that it should be", model.name),
               .notes = {"sha256 expected: " + expected, "sha256 found:    " + found},
               .help = {"nothing of it is kept; pull again, and if it stays so, the file at the "
                        "source has changed"}});
}

}  // namespace

Result<Pulled> pull(const KnownModel& model, const PullOptions& options) {
  const Places places{cached_path(model)};
  const std::string stated = model.sha256.empty() ? options.sha256 : model.sha256;
  if (!options.sha256.empty() && options.sha256 != stated) {
    return wrong_digest(model, options.sha256, stated);
  }
  if (auto made = make_private_directories(fs::path(places.path).parent_path()); !made) {
    return fail(made);
  }
  const auto lock = PullLock::acquire(
      places.path,
      [&] {
        if (options.note) {
          options.note(fmt::format("another pull of {} is under way; waiting for it", model.name));
        }
      },
      options.watch.cancelled);
  if (!lock) {
    return fail(lock);
  }
  const auto present = verify_present(model, places, stated, options);
  if (!present) {
    return fail(present);
  }
  if (*present) {
    return **present;
  }
  if (!model.terms.empty()) {
    if (auto accepted = options.accept_terms(model); !accepted) {
      return fail(accepted);
    }
  }
  const auto size = fetch(model, places, options);
  if (!size) {
    return fail(size);
  }
  if (!begins_like_gguf(places.part)) {
    places.forget_downloads();
    return fail(
        "P0402", fmt::format("what `{}` gives is not a GGUF file", source_text(model)),
        {"a page about a file is not the file: the address has to be that of the download"});
  }
  options.watch.report("checking", *size, *size);
  const auto digest = sha256_of_file(places.part);
  if (!digest) {
    return fail(digest);
  }
  if (!stated.empty() && *digest != stated) {
    places.forget_downloads();
    return wrong_digest(model, stated, *digest);
  }
  if (options.watch.stop()) {
    return interrupted_pull();
  }
  const CacheRecord record{source_text(model), *size, *digest, !stated.empty()};
  if (auto written = write_record(places.path, record); !written) {
    return fail(written);
  }
  if (auto placed = put_in_place(places.part, places.path); !placed) {
    return fail(placed);
  }
  places.forget_downloads();
  return Pulled{places.path, *size, *digest, record.verified, false};
}

}  // namespace churon::model
