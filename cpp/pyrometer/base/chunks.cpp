#include "pyrometer/base/chunks.hpp"

#ifdef _OPENMP
#include <omp.h>
#else  // Apple's Clang has none: the parallel region is run once, by the calling thread.
static int omp_get_max_threads() { return 1; }
static int omp_get_num_procs() { return 1; }
static int omp_get_thread_num() { return 0; }
#endif
#if defined(_OPENMP) && !defined(_WIN32)
#include <pthread.h>
#define PYROMETER_FORKS
#endif

#include <algorithm>
#include <atomic>
#include <exception>
#include <limits>
#include <mutex>
#include <optional>
#include <utility>

#include "pyrometer/base/interrupt.hpp"
#include "pyrometer/base/require.hpp"

namespace pyrometer::base {
namespace {

// libgomp's thread pool does not survive a fork: a child that enters a parallel region waits for threads it does not
// have. Releasing the pool before the fork lets both processes start a new one. This affects the pool of the forking
// thread only, which is the one that the child inherits.
#ifdef PYROMETER_FORKS
void release_pool() {
  if (!omp_in_parallel()) omp_pause_resource_all(omp_pause_soft);
}

void survive_forks() {
  static const int once = pthread_atfork(release_pool, nullptr, nullptr);
  static_cast<void>(once);
}
#else
void survive_forks() {}
#endif

// libgomp terminates the process if a thread cannot be created; results do not depend on the number of threads, so
// large requests are limited. The number of processors is cached, because it takes a system call.
constexpr Index kAlways = 64;
Index allowed(Index threads) {
  return threads <= kAlways ? threads : std::min(threads, std::max(kAlways, Index{4} * omp_get_num_procs()));
}

/// The exception to throw after the loop. Chunks are handed out in order, so every chunk below a failed one has been
/// started and will be finished: keeping the failure of the lowest makes the choice independent of the threads.
class Failure {
 public:
  void keep(std::exception_ptr exception, Index chunk) {
    const std::lock_guard lock(mutex_);
    if (chunk >= chunk_) return;
    chunk_ = chunk;
    exception_ = std::move(exception);
  }
  void rethrow() const {
    if (exception_) std::rethrow_exception(exception_);
  }

 private:
  std::mutex mutex_;
  Index chunk_ = std::numeric_limits<Index>::max();
  std::exception_ptr exception_;
};

}  // namespace

int max_threads() { return omp_get_max_threads(); }

int worker_count(Index chunks, int threads) {
  require(threads >= 0, "threads must be at least 1 (or 0 for all), got ", threads);
  const Index wanted = threads == 0 && chunks > 1 ? max_threads() : threads;
  return static_cast<int>(allowed(std::clamp<Index>(chunks, 1, std::max<Index>(wanted, 1))));
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

  // On a busy machine the calling thread may find all chunks taken, loop after loop.
  throw_if_interrupted();
  survive_forks();
  Failure failure;
  std::atomic<Index> next{0};
  std::atomic<bool> stopped{false}, interrupted{false};
#pragma omp parallel num_threads(workers)
  {
    const int worker = omp_get_thread_num();
    std::optional<Listening> listening;
    if (worker != 0) listening.emplace(interrupted);
    while (!stopped.load(std::memory_order_relaxed)) {
      const Index chunk = next.fetch_add(1, std::memory_order_relaxed);
      if (chunk >= chunks) break;
      try {
        throw_if_interrupted();
        body(chunk, worker);
      } catch (const Interrupted&) {
        // An interrupt has precedence over other exceptions.
        failure.keep(std::current_exception(), -1);
        interrupted = stopped = true;
      } catch (...) {
        failure.keep(std::current_exception(), chunk);
        stopped = true;
      }
    }
  }
  failure.rethrow();
}

}  // namespace pyrometer::base
