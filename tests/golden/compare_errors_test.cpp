// Every reason that `compare` gives for a chip that cannot keep the limits: errors/E06.txt.
#include <gtest/gtest.h>

#include "evaluate/compare.h"
#include "golden.h"
#include "model/shapes.h"

namespace churon::evaluate {
namespace {

struct Limits {
  double tpot_s = 1;
  double ttft_s = 100;
  int chips_max = 8;
};

// What is not fitted keeps the texts from changing with every fit.
std::string reason(const std::string& model_name, const std::string& chip_name,
                   std::string_view load, const Limits& limits) {
  const auto model = model::find_shape(*model::load_shapes(), model_name).value();
  const auto chip = chip::load(chip_name).value();
  CompareRequest request;
  request.models = {&model};
  request.contestants = {{&chip, ""}};
  request.workloads = workloads(load).value();
  request.tpot_limit_s = limits.tpot_s;
  request.ttft_limit_s = limits.ttft_s;
  request.chips_max = limits.chips_max;
  const auto compared = compare(request, estimate::unfitted(), {}, {}).value();
  const ComparedRow row = compared.cells.front().rows.front();
  EXPECT_TRUE(row.infeasible) << chip_name;
  return row.infeasible
             ? fmt::format("# {}, {} on {}: TPOT {} s, TTFT {} s\n[{}] {}; {}\n\n", model_name,
                           load, chip_name, limits.tpot_s, limits.ttft_s, row.infeasible->code,
                           row.infeasible->reason, row.infeasible->remedy)
             : "";
}

TEST(CompareErrors, read_as_they_are_meant_to) {
  golden::compare(reason("llama-3.1-405b", "tpu-v5e", "1k/1k", {}) +
                      reason("llama-3.1-70b", "l40s", "120k/1k", {.chips_max = 2}) +
                      reason("llama-3.1-70b", "h100", "1k/1k", {.tpot_s = 1e-3}) +
                      reason("llama-3.1-70b", "h100", "1k/1k", {.ttft_s = 1e-3}) +
                      reason("deepseek-v3", "tpu-v6e", "8k/1k",
                             {.tpot_s = 8.1e-3, .ttft_s = 0.252, .chips_max = 64}) +
                      reason("gpt-2 small", "h100", "1k/1k", {}),
                  CHURON_SOURCE_DIR "/tests/golden/errors/E06.txt");
}

}  // namespace
}  // namespace churon::evaluate
