// The step loop asks the heap for nothing: the global allocation functions of this test count.
#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <new>

#include "chip/chip.h"
#include "estimate/serving.h"
#include "model/shapes.h"

namespace {
thread_local std::int64_t allocations = 0;
}  // namespace

// Not inlined: a compiler that sees malloc and free through them takes the pairs for mismatched.
[[gnu::noinline]] void* operator new(std::size_t bytes) {
  ++allocations;
  if (void* memory = std::malloc(bytes > 0 ? bytes : 1)) {
    return memory;
  }
  throw std::bad_alloc();
}
[[gnu::noinline]] void operator delete(void* memory) noexcept { std::free(memory); }
[[gnu::noinline]] void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace churon::estimate {
namespace {

TEST(Allocation, steps_and_loads_ask_the_heap_for_nothing) {
  const auto shapes = model::load_shapes();
  ASSERT_TRUE(shapes);
  const auto efficiency = shipped_efficiency();
  ASSERT_TRUE(efficiency);
  for (const char* model : {"Llama-3.1-70B", "DeepSeek-V3"}) {
    const auto shape = model::find_shape(*shapes, model);
    ASSERT_TRUE(shape);
    for (const char* name : {"b200", "churon-1"}) {
      const auto chip = chip::load(name);
      ASSERT_TRUE(chip);
      const auto server =
          Server::create(Device(*figures(*chip), *efficiency), {.shape = &*shape,
                                                                .parallelism = {.tp = 8},
                                                                .framework = Framework::vllm,
                                                                .weights = precision("fp8"),
                                                                .kv_bits = 8});
      ASSERT_TRUE(server) << model << " on " << name;
      const std::int64_t before = allocations;
      double sum = 0;
      for (int batch = 1; batch < 40; batch += 7) {
        sum += server->decode_step(batch, 1000 + 31 * batch).expected_s;
        sum += server->serve({.concurrency = static_cast<double>(batch)}).ttft_s;
      }
      EXPECT_EQ(allocations, before) << model << " on " << name;
      EXPECT_GT(sum, 0);
    }
  }
  EXPECT_GT(allocations, 0);  // the counter is in place
}

}  // namespace
}  // namespace churon::estimate
