// Measures exp2, rcp and rsqrt (rule 6 of docs/arithmetic.md) on every FP32 input against binary64,
// and compares SiLU, GELU and soft-cap of every kernel set with the plain reference, bit by bit:
//
//   validate_functions [STRIDE]      every STRIDE-th bit pattern; 1, all 2^32, when left out
//
// The contract: at most 2 ulp; exp2 monotone and exact for integers; zeros, infinities and flushed
// results as defined; no differing bit in a kernel. The exit code is 1 where something does not
// hold.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "numeric/fp_environment.h"
#include "numeric/functions.h"
#include "numeric/kernels.h"

namespace {

using churon::numeric::Kernels;

constexpr std::uint64_t kPatterns = std::uint64_t{1} << 32;
constexpr std::uint64_t kChunk = std::uint64_t{1} << 22;  // patterns that a thread takes at a time

float value_of(std::uint64_t bits) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(bits));
}

struct Findings {
  double ulp_max = 0;
  float ulp_max_at = 0;
  std::uint64_t inputs = 0;
  std::uint64_t wrong = 0;  // a special value missed, not monotone, or a differing bit
  float wrong_at = 0;

  void error(double ulp, float x) {
    if (ulp > ulp_max) {
      ulp_max = ulp;
      ulp_max_at = x;
    }
  }
  void wrong_result(float x) {
    wrong_at = wrong == 0 ? x : wrong_at;
    ++wrong;
  }
  void merge(const Findings& other) {
    error(other.ulp_max, other.ulp_max_at);
    inputs += other.inputs;
    wrong_at = wrong == 0 ? other.wrong_at : wrong_at;
    wrong += other.wrong;
  }
};

// Units in the last place of the binary32 result nearest to `exact`.
double ulp_error(float result, double exact) {
  const int exponent = std::max(std::ilogb(exact), -126);
  return std::fabs(static_cast<double>(result) - exact) * std::ldexp(1.0, 23 - exponent);
}

// `exact` is the true value, infinite or zero where the contract says so.
void judge(Findings& findings, float x, float result, double exact) {
  ++findings.inputs;
  constexpr double kSmallest = 0x1p-126;
  if (std::isinf(exact) || exact == 0 || (result == 0 && std::fabs(exact) < kSmallest)) {
    const bool right = std::isinf(exact)
                           ? result == static_cast<float>(exact)
                           : result == 0 && std::signbit(result) == std::signbit(exact);
    if (!right) {
      findings.wrong_result(x);
    }
    return;
  }
  findings.error(ulp_error(result, exact), x);
}

struct Exp2 {
  static void check(Findings& findings, std::uint64_t bits, std::uint64_t stride) {
    const float x = value_of(bits);
    const float y = churon::numeric::exp2(x);
    const double exact = x < -126.0F ? 0 : x >= 128.0F ? HUGE_VAL : std::exp2(double{x});
    judge(findings, x, y, exact);
    if (x == std::nearbyint(x) && static_cast<double>(y) != exact) {
      findings.wrong_result(x);
    }
    // The pattern before is the neighbour nearer to zero; the two zeros are equal.
    if ((bits & 0x7FFFFFFFU) >= stride) {
      const float nearer = churon::numeric::exp2(value_of(bits - stride));
      if (x < 0 ? y > nearer : y < nearer) {
        findings.wrong_result(x);
      }
    }
  }
};

struct Rcp {
  static void check(Findings& findings, std::uint64_t bits, std::uint64_t /*stride*/) {
    const float x = value_of(bits);
    judge(findings, x, churon::numeric::rcp(x), 1.0 / double{x});
  }
};

struct Rsqrt {
  static void check(Findings& findings, std::uint64_t bits, std::uint64_t /*stride*/) {
    const float x = value_of(bits);
    if (!std::signbit(x)) {  // negative inputs have no defined result
      judge(findings, x, churon::numeric::rsqrt(x), 1.0 / std::sqrt(double{x}));
    }
  }
};

// Runs `check_range(findings, begin, end)` over all patterns on all processors.
template <typename CheckRange>
Findings over_all_patterns(const std::string& name, const CheckRange& check_range) {
  std::atomic<std::uint64_t> next{0};
  std::mutex mutex;
  Findings all;
  const auto work = [&] {
    churon::numeric::enter_fp_environment();
    Findings mine;
    for (;;) {
      const std::uint64_t begin = next.fetch_add(kChunk);
      if (begin >= kPatterns) {
        break;
      }
      check_range(mine, begin, begin + kChunk);
      if (begin % (kPatterns / 64) == 0) {
        fmt::print(stderr, "\r{} {:3} %", name, begin * 100 / kPatterns);
      }
    }
    const std::lock_guard lock(mutex);
    all.merge(mine);
  };
  std::vector<std::thread> threads(std::max(1U, std::thread::hardware_concurrency()));
  for (auto& thread : threads) {
    thread = std::thread(work);
  }
  for (auto& thread : threads) {
    thread.join();
  }
  fmt::print(stderr, "\r{:20}\r", "");
  return all;
}

template <typename Function>
bool validate_function(const char* name, std::uint64_t stride) {
  const Findings findings =
      over_all_patterns(name, [&](Findings& mine, std::uint64_t begin, std::uint64_t end) {
        for (std::uint64_t bits = begin; bits < end; bits += stride) {
          if (!std::isnan(value_of(bits))) {
            Function::check(mine, bits, stride);
          }
        }
      });
  fmt::print("{:<10} {:>11} {:>9.4f} {:>16a} {:>7}", name, findings.inputs, findings.ulp_max,
             findings.ulp_max_at, findings.wrong);
  fmt::print("{}\n", findings.wrong == 0 ? "" : fmt::format("  first at {:a}", findings.wrong_at));
  return findings.ulp_max <= 2 && findings.wrong == 0;
}

using Apply = void (*)(const Kernels& kernels, const float* x, std::size_t n, float* y);
struct Activation {
  const char* name;
  float (*reference)(float x);
  Apply kernel;
};

const std::vector<float>& ones() {
  static const std::vector<float> values(kChunk, 1.0F);
  return values;
}

const std::array<Activation, 3> kActivations{{
    {"silu", [](float x) { return churon::numeric::silu(x); },
     [](const Kernels& kernels, const float* x, std::size_t n, float* y) {
       kernels.silu_mul(x, ones().data(), n, y);
     }},
    {"gelu", [](float x) { return churon::numeric::gelu(x); },
     [](const Kernels& kernels, const float* x, std::size_t n, float* y) {
       kernels.gelu_mul(x, ones().data(), n, y);
     }},
    {"softcap", [](float x) { return 1.0F * churon::numeric::tanh(x * 1.0F); },
     [](const Kernels& kernels, const float* x, std::size_t n, float* y) {
       std::copy(x, x + n, y);
       kernels.softcap(y, n, 1.0F);
     }},
}};

bool validate_kernel(const Kernels& kernels, const Activation& activation, std::uint64_t stride) {
  const std::string name = fmt::format("{} {}", activation.name, kernels.name);
  const Findings findings =
      over_all_patterns(name, [&](Findings& mine, std::uint64_t begin, std::uint64_t end) {
        std::vector<float> x;
        for (std::uint64_t bits = begin; bits < end; bits += stride) {
          if (!std::isnan(value_of(bits))) {
            x.push_back(value_of(bits));
          }
        }
        std::vector<float> y(x.size());
        activation.kernel(kernels, x.data(), x.size(), y.data());
        for (std::size_t i = 0; i < x.size(); ++i) {
          const float reference = activation.reference(x[i]);
          const bool both_nan = std::isnan(y[i]) && std::isnan(reference);
          if (!both_nan &&
              std::bit_cast<std::uint32_t>(y[i]) != std::bit_cast<std::uint32_t>(reference)) {
            mine.wrong_result(x[i]);
          }
        }
        mine.inputs += x.size();
      });
  fmt::print("{:<18} {:>11} {:>9}", name, findings.inputs, findings.wrong);
  fmt::print("{}\n", findings.wrong == 0 ? "" : fmt::format("  first at {:a}", findings.wrong_at));
  return findings.wrong == 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::uint64_t stride =
      argc > 1 ? std::max(1ULL, std::strtoull(argv[1], nullptr, 10)) : 1ULL;
  bool holds = true;
  fmt::print("{:<10} {:>11} {:>9} {:>16} {:>7}\n", "function", "inputs", "max ulp", "at", "wrong");
  holds = validate_function<Exp2>("exp2", stride) && holds;
  holds = validate_function<Rcp>("rcp", stride) && holds;
  holds = validate_function<Rsqrt>("rsqrt", stride) && holds;
  fmt::print("\n{:<18} {:>11} {:>9}\n", "kernel", "inputs", "differing");
  for (const auto set : churon::numeric::kernel_sets()) {
    if (const auto* kernels = churon::numeric::kernels(set); kernels != nullptr) {
      for (const auto& activation : kActivations) {
        holds = validate_kernel(*kernels, activation, stride) && holds;
      }
    } else {
      fmt::print("{:<18} this processor cannot run it\n", churon::numeric::name(set));
    }
  }
  return holds ? 0 : 1;
}
