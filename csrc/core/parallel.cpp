#include "core/parallel.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

#include "core/errors.h"

namespace fastcolor {
namespace {

constexpr int kMostThreads = 1024;

int default_thread_count() {
  const char* wanted = std::getenv("FASTCOLOR_THREADS");
  if (wanted != nullptr && *wanted != '\0') {
    char* end = nullptr;
    const long count = std::strtol(wanted, &end, 10);
    FC_CHECK(*end == '\0' && count >= 1 && count <= kMostThreads,
             "FASTCOLOR_THREADS=", printable(wanted), ": use a number from 1 to ", kMostThreads);
    return static_cast<int>(count);
  }
  cpu_set_t allowed;
  if (sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
    return std::clamp(CPU_COUNT(&allowed), 1, kMostThreads);
  }
  return std::clamp(static_cast<int>(std::thread::hardware_concurrency()), 1, kMostThreads);
}

std::atomic<int> wanted_threads{0};

// One job at a time; workers sleep between jobs and are started when first needed.
class Pool {
 public:
  void run(int64_t chunks, int threads, const std::function<void(int64_t)>& chunk) {
    {
      std::lock_guard lock(mutex_);
      const int helpers = start_workers(threads - 1);
      chunk_ = &chunk;
      chunks_ = chunks;
      next_.store(0, std::memory_order_relaxed);
      failure_ = nullptr;
      invited_ = helpers;
      running_ = helpers;
      ++job_;
    }
    wake_.notify_all();
    take_chunks();
    std::unique_lock lock(mutex_);
    done_.wait(lock, [this] { return running_ == 0; });
    chunk_ = nullptr;
    if (failure_) std::rethrow_exception(failure_);
  }

 private:
  // `wanted` workers, or as many as the system has room for: fewer threads give the same bytes.
  int start_workers(int wanted) {
    try {
      while (static_cast<int>(workers_.size()) < wanted) {
        const int index = static_cast<int>(workers_.size());
        workers_.emplace_back([this, index] { work(index); });
      }
    } catch (const std::system_error&) {
    }
    return std::min(wanted, static_cast<int>(workers_.size()));
  }

  void work(int index) {
    uint64_t seen = 0;
    std::unique_lock lock(mutex_);
    for (;;) {
      wake_.wait(lock, [&] { return job_ != seen; });
      seen = job_;
      if (index >= invited_) continue;
      lock.unlock();
      take_chunks();
      lock.lock();
      if (--running_ == 0) done_.notify_one();
    }
  }

  void take_chunks() {
    for (;;) {
      const int64_t index = next_.fetch_add(1, std::memory_order_relaxed);
      if (index >= chunks_) return;
      try {
        (*chunk_)(index);
      } catch (...) {
        std::lock_guard lock(mutex_);
        if (!failure_) failure_ = std::current_exception();
        next_.store(chunks_, std::memory_order_relaxed);
      }
    }
  }

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable done_;
  std::vector<std::thread> workers_;
  const std::function<void(int64_t)>* chunk_ = nullptr;
  int64_t chunks_ = 0;
  std::atomic<int64_t> next_{0};
  std::exception_ptr failure_;
  int invited_ = 0;
  int running_ = 0;
  uint64_t job_ = 0;
};

// Never destroyed: workers sleep in it until the process ends. A forked child has no workers, so it
// gets a pool of its own and the parent's is left alone.
Pool* pool = nullptr;
std::atomic_flag pool_busy = ATOMIC_FLAG_INIT;

void forget_pool_after_fork() {
  pool = nullptr;
  pool_busy.clear();
}

struct PoolTurn {
  bool mine = !pool_busy.test_and_set(std::memory_order_acquire);
  ~PoolTurn() {
    if (mine) pool_busy.clear(std::memory_order_release);
  }
};

}  // namespace

int thread_count() {
  int count = wanted_threads.load(std::memory_order_relaxed);
  if (count == 0) {
    count = default_thread_count();
    wanted_threads.store(count, std::memory_order_relaxed);
  }
  return count;
}

void set_thread_count(int count) {
  FC_CHECK(count >= 1 && count <= kMostThreads, "count must be from 1 to ", kMostThreads, ", got ",
           count);
  wanted_threads.store(count, std::memory_order_relaxed);
}

void parallel_rows(int64_t rows, int64_t grain, const std::function<void(int64_t, int64_t)>& body) {
  if (rows <= 0) return;
  grain = std::max<int64_t>(grain, 1);
  const int threads =
      static_cast<int>(std::min<int64_t>(thread_count(), (rows + grain - 1) / grain));
  if (threads <= 1) return body(0, rows);
  static const int registered = pthread_atfork(nullptr, nullptr, forget_pool_after_fork);
  (void)registered;
  PoolTurn turn;
  if (!turn.mine) return body(0, rows);
  if (pool == nullptr) pool = new Pool;
  // A few chunks a thread even out unequal speeds without repeating much of what a chunk sets up.
  const int64_t chunk_rows = std::max(grain, (rows + threads * 4 - 1) / (threads * 4));
  const int64_t chunks = (rows + chunk_rows - 1) / chunk_rows;
  pool->run(chunks, threads, [&](int64_t index) {
    body(index * chunk_rows, std::min(rows, (index + 1) * chunk_rows));
  });
}

}  // namespace fastcolor
