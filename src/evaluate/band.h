// How far measured values lie from expected ones: P10 and P90 of measured / expected, from
// residuals of rows that the parameters were not fitted to. One band for each kind of number:
// data/bands.csv, which `validate --fit` writes.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace churon::evaluate {

struct ErrorBand {
  double p10 = 1, p90 = 1;   // factors on the expected value
  int groups = 0, rows = 0;  // that it comes from
  std::string source;        // empty: not known

  [[nodiscard]] bool is_known() const { return !source.empty(); }
};

// Of 1 / value, as throughput is of the time that a token takes.
ErrorBand inverse(const ErrorBand& band);

class ErrorBands {
 public:
  // Columns: scope (dense, moe, static, power, gemm, attention_decode, …), metric (TPOT, TTFT,
  // energy, kernel_time, …), p10, p90, groups, rows, source; also `chips`, where it is there:
  // "seen" (rows of the same chip took part in the fit), "unseen" (none did). Errors: E0601 (column
  // missing), E0602 (value), those of the CSV form.
  static Result<ErrorBands> load(const std::string& path);
  // No table ships before the first fit: then nothing is known.
  static Result<ErrorBands> shipped();

  // Not known where nothing is listed. An unseen chip without a band of its own gets that of the
  // seen ones.
  [[nodiscard]] ErrorBand of(std::string_view scope, std::string_view metric,
                             bool seen = true) const;

 private:
  struct Entry {
    std::string scope, metric;
    bool seen = true;
    ErrorBand band;
  };
  std::vector<Entry> entries_;
};

}  // namespace churon::evaluate
