#include "numeric/thread_pool.h"

#include <immintrin.h>
#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <span>
#include <utility>

#include "numeric/fp_environment.h"

namespace churon::numeric {

namespace {

// Pauses before a waiting thread sleeps: about the length of the shortest operators. Longer spins
// gain nothing and take the processor from others.
constexpr int kSpins = 1000;

// Those of the calling thread, the one it runs on first: two programs that pin their threads then
// do not choose the same ones.
std::vector<int> allowed_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> processors;
  if (::sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int i = 0; i < CPU_SETSIZE; ++i) {
      if (CPU_ISSET(i, &set)) {
        processors.push_back(i);
      }
    }
  }
  const auto here = std::find(processors.begin(), processors.end(), ::sched_getcpu());
  if (here != processors.end()) {
    std::rotate(processors.begin(), here, processors.end());
  }
  return processors;
}

void pin(std::span<const int> processors) {
  cpu_set_t set;
  CPU_ZERO(&set);
  for (const int processor : processors) {
    CPU_SET(processor, &set);
  }
  // A refusal costs speed alone.
  ::pthread_setaffinity_np(::pthread_self(), sizeof set, &set);
}

// Waits until `value` differs from `old`: spins, then sleeps.
void wait_for_change(const std::atomic<std::uint32_t>& value, std::uint32_t old) {
  for (int i = 0; i < kSpins; ++i) {
    if (value.load(std::memory_order_acquire) != old) {
      return;
    }
    _mm_pause();
  }
  value.wait(old, std::memory_order_acquire);
}

}  // namespace

int processors_available() {
  const auto processors = allowed_processors();
  return processors.empty() ? 1 : static_cast<int>(processors.size());
}

ThreadPool::ThreadPool(int threads) : threads_(threads) {
  enter_fp_environment();
  auto processors = allowed_processors();
  if (threads > 1 && processors.size() >= static_cast<std::size_t>(threads)) {
    processors_ = std::move(processors);
    pin(std::span(processors_).first(1));
  }
  for (int thread = 1; thread < threads; ++thread) {
    workers_.emplace_back([this, thread] {
      if (!processors_.empty()) {
        pin(std::span(processors_).subspan(static_cast<std::size_t>(thread), 1));
      }
      enter_fp_environment();
      work(thread);
    });
  }
}

ThreadPool::~ThreadPool() {
  stop_.store(true, std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
  for (auto& worker : workers_) {
    worker.join();
  }
  if (!processors_.empty()) {
    pin(processors_);
  }
}

void ThreadPool::start(Call call, void* context) {
  call_ = call;
  context_ = context;
  running_.store(static_cast<std::uint32_t>(threads_ - 1), std::memory_order_relaxed);
  generation_.fetch_add(1, std::memory_order_release);
  generation_.notify_all();
}

void ThreadPool::finish() {
  while (true) {
    const std::uint32_t running = running_.load(std::memory_order_acquire);
    if (running == 0) {
      return;
    }
    wait_for_change(running_, running);
  }
}

void ThreadPool::work(int thread) {
  std::uint32_t seen = 0;
  while (true) {
    wait_for_change(generation_, seen);
    seen = generation_.load(std::memory_order_acquire);
    if (stop_.load(std::memory_order_relaxed)) {
      return;
    }
    call_(context_, thread);
    if (running_.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      running_.notify_one();
    }
  }
}

}  // namespace churon::numeric
