// The words of `churon estimate`: options, what goes with what, and sweeps over one of them.
#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "estimate/parallelism.h"
#include "estimate/precision.h"

namespace churon::cli {

struct EstimateWords {
  std::string chip = "churon-1";
  std::vector<std::string> overrides;
  std::string derate;
  std::string model;
  std::string op;
  double batch = 1, input = 1024, output = 1024;
  double tp = 1, pp = 1, ep = 1, attention_dp = 1;
  std::string weights, kv;
  std::string framework{estimate::name(estimate::kFrameworkDefault)};
  double prefix_hit = 0;
  bool disaggregated = false;
  // --op
  double m = 1, n = 4096, k = 4096;
  double heads = 32, kv_heads = 8, head_dim = 128, context = 4096, window = 0;
  bool prefill = false;
  double bytes = 1 << 20, ranks = 8;
  std::string collective = "all_reduce";
  bool framework_kernel = false;
  double tokens = 64, hidden = 4096, inter = 1536, experts = 128, per_token = 8, skew = 1.2;
  // output
  std::string sweep;
  bool roofline = false;
  std::string svg;
  std::vector<std::string> explain;
  bool explains = false;
};

void add_estimate_options(CLI::App& app, EstimateWords& words);

// One question, --model or --op; options of the other, or of another operator, are not left unread;
// sizes are whole numbers. Errors: U0305, U0307, U0308.
Result<void> check_words(const CLI::App& app, const EstimateWords& words);

// Errors: U0303.
Result<const estimate::Precision*> precision_of(std::string_view option, const std::string& name);

struct Sweep {
  std::string name;
  std::vector<double> values;
};
// "batch=1..512" doubles, "batch=1..9:2" adds, "batch=1,8,64" lists; over sizes that the question
// has. Errors: U0304.
Result<Sweep> sweep_of(const EstimateWords& words);
// The words with the size that is swept at that value.
EstimateWords with(const EstimateWords& words, std::string_view name, double value);

}  // namespace churon::cli
