#include "base/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>
#include <vector>

namespace churon {
namespace {

TEST(InParallel, does_each_item_once_with_any_number_of_threads) {
  for (const std::size_t count : {0U, 1U, 7U, 33U, 65U}) {
    for (const int threads : {-1, 0, 1, 2, 7, 100}) {
      std::vector<std::atomic<int>> done(count);
      in_parallel(count, threads, [&](std::size_t i) { ++done[i]; });
      for (const auto& times : done) {
        EXPECT_EQ(times, 1) << count << " items, " << threads << " threads";
      }
    }
  }
}

TEST(InParallel, has_as_many_threads_at_work_as_were_asked_for) {
  constexpr int kThreads = 3;
  std::atomic<int> here{0};
  std::vector<std::thread::id> ids(kThreads);
  in_parallel(kThreads, kThreads, [&](std::size_t i) {
    ids[i] = std::this_thread::get_id();
    ++here;
    while (here < kThreads) {  // none goes on alone
      std::this_thread::yield();
    }
  });
  EXPECT_EQ(std::set(ids.begin(), ids.end()).size(), ids.size());
}

TEST(InParallel, one_thread_is_the_callers) {
  in_parallel(5, 1, [caller = std::this_thread::get_id()](std::size_t) {
    EXPECT_EQ(std::this_thread::get_id(), caller);
  });
}

}  // namespace
}  // namespace churon
