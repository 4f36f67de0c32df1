// The parameters of the analytic level that are shared by all bought chips: what share of a data
// sheet's peaks is achieved, and the fixed times. There is none per chip, per model and per table.
// Values come from data/efficiency.csv, with unit, basis and source; `parameters()` lists them so
// that a fit can vary them without knowing what they mean.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "estimate/precision.h"

namespace churon::estimate {

// Times in seconds, shares of a peak in (0, 1].
struct Efficiency {
  struct Gemm {
    double memory = 0.8, compute = 0.75;
    double fixed = 5e-6;
  } gemm;
  struct Format {        // one per FormatFamily
    double fixed = 0;    // beside the product
    double compute = 1;  // of what bf16 achieves
  };
  std::array<Format, kFormatFamilyCount> formats;
  struct Attention {
    double memory = 0.8, compute = 0.6, prefill_fixed = 10e-6, decode_fixed = 10e-6;
    double cache_bandwidth = 2.5;  // of the last-level cache, relative to the memory's
  } attention;
  struct Collective {
    double link = 0.8, fixed = 8e-6, hop = 1e-6;
  } collective;
  struct Experts {
    double memory = 0.7, compute = 0.5, fixed = 25e-6;
  } experts;
  struct Elementwise {
    double memory = 0.8, fixed = 3e-6;
  } elementwise;
};

// One number of `Efficiency`. (scope, name) is its key in data/efficiency.csv.
struct Parameter {
  std::string_view scope;  // "gemm", "format:fp8_block", "profile:vllm", …
  std::string_view name;
  std::string_view unit;  // "s", "1", …
  double start = 0;       // what is known before any measurement: a fit starts here
  double low = 0, high = 0;
  bool logarithmic = false;  // varied by factors, not by sums
  bool fitted = true;        // false: a fixed convention
  std::string_view note = {};
  double& (*of)(Efficiency&) = nullptr;

  [[nodiscard]] double get(Efficiency efficiency) const {
    return of(efficiency);
  }
};
std::span<const Parameter> parameters();

// Every parameter at its start.
Efficiency unfitted();

// data/efficiency.csv, or another table of its columns (scope,name,value,low,high,unit,basis,
// fit_rows,source,note). Parameters that it does not list keep their start. Errors, each with line
// and column: unknown or repeated keys, numbers that are none or out of range, other units.
Result<Efficiency> load_efficiency(const std::string& path);
Result<Efficiency> shipped_efficiency();

}  // namespace churon::estimate
