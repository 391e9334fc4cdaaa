#include "pyrometer/base/chunks.hpp"

#include <omp.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <exception>

#include "pyrometer/base/interrupt.hpp"
#include "pyrometer/base/require.hpp"

namespace pyrometer::base {
namespace {

// libgomp's pool does not survive fork: a child that enters a parallel region waits for threads it does not have.
// Giving the pool back before the fork lets both sides start a new one.
void release_pool() {
  if (!omp_in_parallel()) omp_pause_resource_all(omp_pause_soft);
}

void survive_forks() {
  static const int once = pthread_atfork(release_pool, nullptr, nullptr);
  static_cast<void>(once);
}

}  // namespace

int max_threads() { return omp_get_max_threads(); }

int worker_count(Index chunks, int threads) {
  require(threads >= 0, "threads must be at least 1 (or 0 for all), got ", threads);
  const Index wanted = threads == 0 ? max_threads() : threads;
  return static_cast<int>(std::clamp<Index>(chunks, 1, wanted));
}

void for_each_chunk(Index chunks, int threads, const std::function<void(Index, int)>& body) {
  const int workers = worker_count(chunks, threads);
  if (workers == 1) {
    for (Index chunk = 0; chunk < chunks; ++chunk) {
      throw_if_interrupted();
      body(chunk, 0);
    }
    return;
  }

  survive_forks();
  std::exception_ptr failure;
  std::atomic<Index> next{0};
  std::atomic<bool> stop{false};
#pragma omp parallel num_threads(workers)
  {
    const int worker = omp_get_thread_num();
    while (!stop.load(std::memory_order_relaxed)) {
      const Index chunk = next.fetch_add(1, std::memory_order_relaxed);
      if (chunk >= chunks) break;
      try {
        if (worker == 0) throw_if_interrupted();
        body(chunk, worker);
      } catch (...) {
        if (!stop.exchange(true)) failure = std::current_exception();
      }
    }
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace pyrometer::base
