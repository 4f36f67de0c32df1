// How many whole decode steps of a 70B dense model does the analytic level price in a second, on
// one core? Batch and context of every step differ from those before, as in a search or a trace.
//
//   bench_estimate_speed [STEPS]   default 400000
//
// CPU time of the thread, so that a busy machine disturbs little. Allocations inside the loop are
// counted by this program's own operator new; the figure asks for none.
#include <fmt/format.h>
#include <time.h>

#include <cstdint>
#include <cstdlib>
#include <new>
#include <string>

#include "chip/chip.h"
#include "estimate/efficiency.h"
#include "estimate/figures.h"
#include "estimate/kernels.h"
#include "estimate/precision.h"
#include "estimate/serving.h"
#include "model/shapes.h"

namespace {

std::int64_t allocations = 0;

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

}  // namespace

void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) {
    return memory;
  }
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using namespace churon;

struct Case {
  const char* chip;
  const char* parallelism;
  const char* weights;
  int kv_bits;
};

constexpr Case kCases[] = {{"h100", "tp8", "bf16", 16},
                           {"h200", "tp4", "fp8", 8},
                           {"b200", "tp2", "fp8", 8},
                           {"churon-1", "tp2", "fp8", 8}};

// Steps per second; says what is wrong and ends the program when the case cannot be set up.
int measure(const Case& one, const estimate::Efficiency& efficiency, std::int64_t steps) {
  const auto refuse = [&](const Diagnostics& errors) {
    fmt::print(stderr, "{} {}: {}\n", one.chip, one.parallelism, errors.front().message);
    return 1;
  };
  const auto chip = chip::load(one.chip);
  if (!chip) {
    return refuse(chip.error());
  }
  const auto shape = model::shape("llama-3.1-70b");
  if (!shape) {
    return refuse(shape.error());
  }
  const auto figures = estimate::figures(*chip);
  if (!figures) {
    return refuse(figures.error());
  }
  const auto parallelism = estimate::parallelism(one.parallelism);
  if (!parallelism) {
    return refuse(parallelism.error());
  }
  const auto server =
      estimate::Server::create(estimate::Device(*figures, efficiency),
                               estimate::Deployment{.shape = &*shape,
                                                    .parallelism = *parallelism,
                                                    .framework = estimate::kFrameworkDefault,
                                                    .weights = estimate::precision(one.weights),
                                                    .kv_bits = static_cast<double>(one.kv_bits)});
  if (!server) {
    return refuse(server.error());
  }
  double sum_s = 0;
  const std::int64_t allocated = allocations;
  const double begin = cpu_seconds();
  for (std::int64_t i = 0; i < steps; ++i) {
    const double batch = static_cast<double>(1 + i % 251);
    const double context = static_cast<double>(128 + i % 8191);
    sum_s += server->decode_step(batch, context).expected_s;
  }
  const double seconds = cpu_seconds() - begin;
  fmt::print("{:<10} {:<4} {:<5} {:>10.0f} {:>12} {:>14.3f}\n", one.chip, one.parallelism,
             one.weights, static_cast<double>(steps) / seconds, allocations - allocated,
             1e3 * sum_s / static_cast<double>(steps));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::int64_t steps = argc > 1 ? std::strtoll(argv[1], nullptr, 10) : 400'000;
  if (steps < 1 || steps > 1'000'000'000) {
    fmt::print(stderr, "STEPS is 1 to 1000000000\n");
    return 2;
  }
  const auto efficiency = estimate::shipped_efficiency();
  if (!efficiency) {
    fmt::print(stderr, "{}\n", efficiency.error().front().message);
    return 1;
  }
  fmt::print("Llama-3.1-70B, {} decode steps, each of another batch and context, one core\n",
             steps);
  fmt::print("{:<10} {:<4} {:<5} {:>10} {:>12} {:>14}\n", "chip", "", "", "steps/s", "allocations",
             "mean step (ms)");
  int failed = 0;
  for (const Case& one : kCases) {
    failed |= measure(one, *efficiency, steps);
  }
  return failed;
}
