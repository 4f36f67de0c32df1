// How long work is seen from outside: it reports its progress and asks whether to go on.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string_view>

#include "base/result.h"

namespace churon::model {

struct Watch {
  // `total` is 0 when it is not known. Called often; whoever shows it drops most calls.
  std::function<void(std::string_view step, std::uint64_t done, std::uint64_t total)> progress;
  std::function<bool()> cancelled;

  void report(std::string_view step, std::uint64_t done, std::uint64_t total) const {
    if (progress) {
      progress(step, done, total);
    }
  }
  [[nodiscard]] bool stop() const { return cancelled && cancelled(); }
};

// The error of work that was stopped: exit code 130.
[[nodiscard]] tl::unexpected<Diagnostics> interrupted_pull();

}  // namespace churon::model
