// A few threads that run one function together, again and again: the operators of a step. Thread 0
// is the caller, who also destroys the pool. Between runs the others spin for a moment and then
// sleep in the kernel; each, the caller too, is pinned to a processor of its own where there are
// enough, until the pool is destroyed. Every thread keeps the floating-point environment of the
// contract.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace churon::numeric {

class ThreadPool {
 public:
  // `threads` >= 1, the caller included.
  explicit ThreadPool(int threads);
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;
  ~ThreadPool();

  [[nodiscard]] int threads() const { return threads_; }

  // Runs `function(thread)` on every thread and returns when all are done. `function` throws
  // nothing and starts no other run.
  template <typename Function>
  void run(Function&& function) {
    if (threads_ == 1) {
      function(0);
      return;
    }
    using Plain = std::remove_reference_t<Function>;
    start([](void* context, int thread) { (*static_cast<Plain*>(context))(thread); },
          const_cast<void*>(static_cast<const void*>(&function)));
    function(0);
    finish();
  }

  // The part of `count` items in a row that belongs to `thread`.
  struct Range {
    std::size_t begin;
    std::size_t end;
  };
  [[nodiscard]] Range share(std::size_t count, int thread) const {
    const auto all = static_cast<std::size_t>(threads_);
    const auto at = static_cast<std::size_t>(thread);
    return {count * at / all, count * (at + 1) / all};
  }

 private:
  using Call = void (*)(void*, int);
  void start(Call call, void* context);
  void finish();
  void work(int thread);

  int threads_;
  std::vector<int> processors_;  // the caller's before it was pinned; empty where nobody is
  Call call_ = nullptr;
  void* context_ = nullptr;
  alignas(64) std::atomic<std::uint32_t> generation_{0};
  alignas(64) std::atomic<std::uint32_t> running_{0};
  std::atomic<bool> stop_{false};
  std::vector<std::thread> workers_;
};

// Processors that this process may use.
int processors_available();

}  // namespace churon::numeric
