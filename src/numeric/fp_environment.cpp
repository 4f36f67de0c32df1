#include "numeric/fp_environment.h"

#include <xmmintrin.h>

#include <bit>

namespace churon::numeric {

namespace {

// MXCSR: all exceptions masked, round to nearest even, flush-to-zero (bit 15), denormals-are-zero
// (bit 6). Intel SDM volume 1, 10.2.3.
constexpr std::uint32_t kMxcsr = 0x1F80U | 0x8000U | 0x0040U;

}  // namespace

void enter_fp_environment() { _mm_setcsr(kMxcsr); }

ScopedFpEnvironment::ScopedFpEnvironment() : saved_(_mm_getcsr()) { enter_fp_environment(); }
ScopedFpEnvironment::~ScopedFpEnvironment() { _mm_setcsr(saved_); }

Result<void> check_fp_environment() {
  // Volatile, so that the compiler computes nothing ahead.
  volatile float tiny = 0x1p-126F;
  volatile float half = 0.5F;
  volatile float subnormal = std::bit_cast<float>(std::uint32_t{1});
  volatile float big = 0x1p100F;
  volatile float one = 1.0F;
  volatile float ulp = 0x1p-24F;
  volatile float near_one = 0x1.000002p+0F;
  const bool flushes = tiny * half == 0.0F;
  const bool reads_zero = subnormal * big == 0.0F;
  const bool nearest_even = one + ulp == 1.0F && near_one + ulp == 0x1.000004p+0F;
  // Fused, the product would keep its last bit: (1 + 2^-23)^2 - (1 + 2^-22) is 2^-46 exactly.
  const float product = near_one * near_one;
  const bool not_fused = product - 0x1.000004p+0F == 0.0F;
  if (flushes && reads_zero && nearest_even && not_fused) {
    return {};
  }
  return fail("N0101",
              fmt::format("this machine does not keep the arithmetic contract: subnormal results "
                          "flushed {}, subnormal inputs zero {}, nearest even {}, unfused {}",
                          flushes, reads_zero, nearest_even, not_fused),
              {"run the tests (make test) and report the processor's model"});
}

}  // namespace churon::numeric
