// What is wrong with a file, collected so that a person sees all of it at once; a file with a
// million mistakes is not worth a million messages.
#pragma once

#include <fmt/format.h>

#include <cstddef>
#include <string>
#include <utility>

#include "base/result.h"

namespace churon::model {

class Findings {
 public:
  void add(Diagnostic diagnostic) {
    if (shown_.size() < kShownMax) {
      shown_.push_back(std::move(diagnostic));
    } else {
      ++more_;
    }
  }
  void add(const Diagnostics& diagnostics) {
    for (const Diagnostic& diagnostic : diagnostics) {
      add(diagnostic);
    }
  }
  // The value of a result, or the fallback after its errors were noted.
  template <typename T, typename U>
  T value_or_note(const Result<T>& result, U fallback) {
    if (result) {
      return *result;
    }
    add(result.error());
    return static_cast<T>(fallback);
  }
  [[nodiscard]] bool empty() const { return shown_.empty(); }
  [[nodiscard]] Diagnostics take() {
    if (more_ > 0) {
      shown_.back().notes.push_back(fmt::format("and {} more of this kind", more_));
    }
    return std::move(shown_);
  }

 private:
  static constexpr std::size_t kShownMax = 8;
  Diagnostics shown_;
  std::size_t more_ = 0;
};

// Says of each in which file it is.
inline tl::unexpected<Diagnostics> in_file(Diagnostics errors, const std::string& path) {
  for (Diagnostic& error : errors) {
    error.notes.push_back(fmt::format("in `{}`", path));
  }
  return tl::unexpected(std::move(errors));
}

// What can be done about a GGUF file that is wrong, where nothing better is known: said once, under
// the last error, so that a list of them stays short.
inline Diagnostics with_remedy(Diagnostics errors) {
  if (!errors.empty() && errors.back().help.empty()) {
    errors.back().help.emplace_back(
        "the file is damaged or was written wrongly: fetch it again, or convert the model anew");
  }
  return errors;
}

}  // namespace churon::model
