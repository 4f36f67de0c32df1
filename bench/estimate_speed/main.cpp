// Whole decode steps per second of the analytic level on one core: every operator of every layer of
// a model on its ranks, sums over ranks and the framework's host time included. Batch and context
// are drawn anew for each step, so that no answer repeats.
//
//   build/release/bench_estimate [MODEL] [STEPS] [--json]     default Llama-3.1-70B 200000
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.h"
#include "chip/chip.h"
#include "estimate/figures.h"
#include "estimate/serving.h"
#include "model/shapes.h"

namespace {

using namespace churon;
using estimate::Server;

constexpr int kRounds = 5;
constexpr double kAim = 100'000;  // steps a second

struct Case {
  const char* chip;
  int tp;
  const char* weights;
};
constexpr std::array kCases{Case{"h100", 8, "fp8"}, Case{"b200", 1, "fp8"}, Case{"b200", 2, "fp4"},
                            Case{"mi355x", 1, "fp8"}, Case{"churon-1", 1, "fp8"}};

// Numbers without pattern (SplitMix64).
std::uint64_t next(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9E3779B97F4A7C15ULL);
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31);
}

// Steps of 1 to 256 requests at 1 to 65,536 positions. `sum`: of the times, so that none is left
// out.
double steps_per_second(const Server& server, std::int64_t steps, double& sum) {
  std::uint64_t state = 1;
  const auto start = std::chrono::steady_clock::now();
  for (std::int64_t i = 0; i < steps; ++i) {
    const std::uint64_t random = next(state);
    const auto batch = static_cast<double>(1 + random % 256);
    const auto context = static_cast<double>(1 + (random >> 32) % 65536);
    sum += server.decode_step(batch, context).expected_s;
  }
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - start;
  return static_cast<double>(steps) / taken.count();
}

template <typename T>
T or_exit(Result<T> value) {
  if (!value) {
    fmt::print(stderr, "{}\n", value.error().front().message);
    std::exit(1);
  }
  return std::move(*value);
}

struct Row {
  Case of;
  double steps_per_s = 0, step_s = 0;
};

Row measured(const Case& one, const model::Hyperparameters& shape,
             const estimate::Efficiency& efficiency, std::int64_t steps) {
  const auto chip = or_exit(chip::load(one.chip));
  const estimate::Device device(or_exit(estimate::figures(chip)), efficiency);
  const auto server = or_exit(Server::create(device, {.shape = &shape,
                                                      .parallelism = {.tp = one.tp},
                                                      .framework = estimate::kFrameworkDefault,
                                                      .weights = estimate::precision(one.weights),
                                                      .kv_bits = 8}));
  double sum = 0;
  std::array<double, kRounds> rates{};
  for (double& rate : rates) {
    rate = steps_per_second(server, steps, sum);
  }
  std::sort(rates.begin(), rates.end());
  return {one, rates[kRounds / 2], sum / static_cast<double>(steps * kRounds)};
}

}  // namespace

int main(int argc, char** argv) {
  std::vector<std::string_view> words(argv + 1, argv + argc);
  const bool json = std::erase(words, "--json") > 0;
  const std::string model(words.empty() ? "Llama-3.1-70B" : words[0]);
  const double steps = words.size() > 1 ? parse_number(words[1]).value_or(0) : 200'000;
  if (words.size() > 2 || steps < 1 || steps > 1e9) {
    fmt::print(stderr, "bench_estimate [MODEL] [STEPS] [--json]\n");
    return 2;
  }
  const auto shape = or_exit(model::find_shape(or_exit(model::load_shapes()), model));
  const auto efficiency = or_exit(estimate::shipped_efficiency());
  std::string lines;
  bool reached = true;
  for (const Case& one : kCases) {
    const Row row = measured(one, shape, efficiency, static_cast<std::int64_t>(steps));
    reached = reached && row.steps_per_s >= kAim;
    lines += json ? fmt::format(
                        "{}    {{\"chip\": \"{}\", \"tp\": {}, \"weights\": \"{}\", "
                        "\"steps_per_s\": {:.0f}, \"mean_step_s\": {:.6f}}}",
                        lines.empty() ? "" : ",\n", one.chip, one.tp, one.weights, row.steps_per_s,
                        row.step_s)
                  : fmt::format("{:10} tp{} {:4} {:10.0f} steps/s, a step takes {:7.2f} ms\n",
                                one.chip, one.tp, one.weights, row.steps_per_s, 1e3 * row.step_s);
  }
  fmt::print("{}", json ? fmt::format("{{\n  \"schema\": \"churon.bench.estimate\",\n  \"model\": "
                                      "\"{}\",\n  \"rows\": [\n{}\n  ]\n}}\n",
                                      shape.canonical_name, lines)
                        : fmt::format("{}, one core, medians of {}; batch 1..256 and context "
                                      "1..65536 drawn for each step\n{}",
                                      shape.canonical_name, kRounds, lines));
  return reached ? 0 : 1;
}
