// How a model is spread over chips, and which framework serves it.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace churon::estimate {

// Families of serving frameworks; each has a profile in data/efficiency.csv. `static_batch`: whole
// batches that start and end together (DeepSpeed); `generic`: any other.
enum class Framework { tensorrt_llm, vllm, sglang, static_batch, generic };
inline constexpr std::size_t kFrameworkCount = 5;
// What bought chips are asked about where nobody says otherwise: it serves on GPUs and TPUs of
// every maker here, and its profile rests on the most rows. `generic` rests on what is in no other
// family.
inline constexpr Framework kFrameworkDefault = Framework::vllm;
// As scopes of the parameters call it: "tensorrt_llm".
std::string_view name(Framework framework);

// Ranks of one copy that anybody asks about; each degree alone keeps it, `check_parallelism` holds
// their products to it.
inline constexpr int kRanksMax = 65536;

// Ranks of one copy of the model, one chip each: tp · pp · attention_dp. Experts are spread over
// the same ranks of a pipeline stage: ep · moe_tp = tp · attention_dp.
struct Parallelism {
  int tp = 1;            // tensor parallel
  int pp = 1;            // pipeline stages
  int ep = 1;            // expert parallel
  int attention_dp = 1;  // attention data parallel: each rank holds its own requests and cache
  int moe_tp = 0;        // tensor parallel inside experts; 0: what follows from the others

  // Above any machine's where the degrees are absurd together; no overflow.
  [[nodiscard]] int chips() const {
    const std::int64_t product = std::int64_t{tp} * pp * attention_dp;
    return static_cast<int>(std::min<std::int64_t>(product, 1 << 30));
  }
  bool operator==(const Parallelism&) const = default;
};

// "tp8/ep8", "tp4/moe_tp1/ep4", "attn_dp8/moe_tp1/ep8": parts in any order; without `tp` it is 1.
// Errors: E0401, a part that is none, or a number out of 1 … 65536.
Result<Parallelism> parallelism(std::string_view text);
std::string to_text(const Parallelism& parallelism);

}  // namespace churon::estimate
