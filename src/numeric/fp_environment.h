// The floating-point environment of the arithmetic contract (docs/arithmetic.md, rule 1): round to
// nearest even, subnormal inputs read as zero (DAZ), subnormal results written as zero (FTZ), no
// traps. It belongs to a thread: every thread that computes enters it first.
#pragma once

#include <cstdint>

#include "base/result.h"

namespace churon::numeric {

// For the calling thread, for good.
void enter_fp_environment();

// For the calling thread while the object lives.
class ScopedFpEnvironment {
 public:
  ScopedFpEnvironment();
  ScopedFpEnvironment(const ScopedFpEnvironment&) = delete;
  ScopedFpEnvironment& operator=(const ScopedFpEnvironment&) = delete;
  ~ScopedFpEnvironment();

 private:
  std::uint32_t saved_;
};

// Computes a few numbers whose bits depend on rounding, on fusing and on subnormals, in the calling
// thread. N0101 when one is not what the contract says.
[[nodiscard]] Result<void> check_fp_environment();

}  // namespace churon::numeric
