#include "numeric/thread_pool.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <time.h>

#include <array>
#include <chrono>
#include <thread>
#include <vector>

#include "numeric/fp_environment.h"

namespace churon::numeric {
namespace {

TEST(ThreadPool, runs_the_function_once_on_every_thread) {
  for (const int threads : {1, 2, 3, 7}) {
    ThreadPool pool(threads);
    std::vector<int> runs(static_cast<std::size_t>(threads));
    for (int i = 0; i < 200; ++i) {
      pool.run([&](int thread) { ++runs[static_cast<std::size_t>(thread)]; });
    }
    for (const int count : runs) {
      EXPECT_EQ(count, 200);
    }
  }
}

TEST(ThreadPool, shows_what_the_threads_wrote_when_run_returns) {
  ThreadPool pool(4);
  std::vector<int> values(1000);
  for (int round = 1; round <= 50; ++round) {
    pool.run([&](int thread) {
      const auto share = pool.share(values.size(), thread);
      for (std::size_t i = share.begin; i < share.end; ++i) {
        values[i] += round;
      }
    });
    for (const int value : values) {
      ASSERT_EQ(value, round * (round + 1) / 2);
    }
  }
}

TEST(ThreadPool, shares_cover_every_item_once) {
  for (const int threads : {1, 2, 3, 5}) {
    const ThreadPool pool(threads);
    for (const std::size_t count : {0U, 1U, 2U, 31U, 33U}) {
      std::size_t next = 0;
      for (int thread = 0; thread < threads; ++thread) {
        const auto share = pool.share(count, thread);
        EXPECT_EQ(share.begin, next);
        next = share.end;
      }
      EXPECT_EQ(next, count);
    }
  }
}

TEST(ThreadPool, every_thread_keeps_the_floating_point_environment) {
  ThreadPool pool(3);
  std::array<bool, 3> kept{};
  pool.run([&](int thread) {
    kept[static_cast<std::size_t>(thread)] = check_fp_environment().has_value();
  });
  EXPECT_TRUE(kept[0] && kept[1] && kept[2]);
}

TEST(ThreadPool, the_caller_gets_its_processors_back) {
  const int before = processors_available();
  {
    ThreadPool pool(2);
    pool.run([](int) {});
    if (before >= 2) {
      EXPECT_EQ(processors_available(), 1);
    }
  }
  EXPECT_EQ(processors_available(), before);
}

TEST(ThreadPool, waiting_threads_sleep) {
  ThreadPool pool(2);
  pool.run([](int) {});
  const auto processor_time = [] {
    timespec time{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
  };
  const double before = processor_time();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  EXPECT_LT(processor_time() - before, 0.1);
}

}  // namespace
}  // namespace churon::numeric
