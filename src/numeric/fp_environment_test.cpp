#include "numeric/fp_environment.h"

#include <gtest/gtest.h>
#include <xmmintrin.h>

#include <thread>

namespace churon::numeric {
namespace {

// What a process starts with; a new thread inherits its creator's.
void enter_default_environment() { _mm_setcsr(0x1F80U); }

TEST(FpEnvironment, holds_after_it_was_entered) {
  std::thread([] {
    enter_fp_environment();
    EXPECT_TRUE(check_fp_environment().has_value());
  }).join();
}

TEST(FpEnvironment, does_not_hold_in_a_thread_that_did_not_enter_it) {
  std::thread([] {
    enter_default_environment();
    const auto result = check_fp_environment();
    ASSERT_FALSE(result.has_value());
    EXPECT_EQ(result.error().at(0).code, "N0101");
  }).join();
}

TEST(FpEnvironment, ends_with_the_scope) {
  std::thread([] {
    enter_default_environment();
    {
      const ScopedFpEnvironment environment;
      EXPECT_TRUE(check_fp_environment().has_value());
    }
    EXPECT_FALSE(check_fp_environment().has_value());
  }).join();
}

}  // namespace
}  // namespace churon::numeric
