// What `churon run` says: the record of one run as a text for people and as a JSON document.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/json.h"
#include "base/quantity.h"
#include "base/result.h"
#include "evaluate/evaluate.h"
#include "exec/engine.h"
#include "exec/generate.h"
#include "report/format.h"

namespace churon::report {

// What this machine did.
struct HostSpeed {
  int threads = 1;
  std::string kernels;  // "avx512"
  Seconds load_time{};
  std::uint64_t weight_bytes = 0;  // as this machine keeps them
  std::uint64_t kv_bytes = 0;
  std::int64_t prefill_tokens = 0;
  Seconds prefill_time{};
  std::int64_t decode_tokens = 0;
  Seconds decode_time{};

  // Zero where nothing was measured.
  [[nodiscard]] double prefill_tokens_per_s() const;
  [[nodiscard]] double decode_tokens_per_s() const;
};

// A chip of --compare that the run does not fit.
struct Misfit {
  std::string chip;
  Diagnostics reasons;
};

struct RunRecord {
  std::string model_name;
  std::string model_path;
  std::string model_digest;
  std::uint64_t model_file_bytes = 0;

  std::vector<std::int32_t> prompt_ids;
  std::vector<std::int32_t> ids;
  std::string text;  // bytes as the model made them
  std::string finish_reason;
  std::optional<std::string> stop_string;  // the one that was found
  std::vector<exec::GeneratedToken> log_probabilities;

  exec::Arithmetic arithmetic = exec::Arithmetic::datapath;
  std::string kv_format;
  std::int64_t context = 0;
  std::uint64_t seed = 0;
  bool greedy = true;
  std::vector<exec::Transcoding> transcodings;
  HostSpeed host;

  std::vector<evaluate::Evaluation> chips;  // the one of --chip, then those of --compare
  std::vector<Misfit> misfits;
};

std::string run_text(const RunRecord& record, Charset charset);
Json run_json(const RunRecord& record);

}  // namespace churon::report
