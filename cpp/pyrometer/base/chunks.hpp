// The parallel loop.
#pragma once

#include <functional>

#include "pyrometer/base/types.hpp"

namespace pyrometer::base {

/// Calls body(chunk, worker) once for every chunk 0 .. chunks-1, on up to `threads` threads.
///
/// threads  at least 1, or 0 for what OpenMP offers (OMP_NUM_THREADS and threadpoolctl are honoured). Never more than
///          64, or four for each processor, whichever is greater.
/// worker   0 .. worker_count() - 1: which scratch space the body may use; no two running bodies have the same worker.
///          Worker 0 is the calling thread.
///
/// The order of execution is not fixed. A result that must not depend on `threads` is written to a slot of its chunk,
/// and the slots are merged in order afterwards: an OpenMP reduction would add in order of arrival.
///
/// An exception of a body stops the loop and is rethrown here: that of the lowest chunk that threw, which is the same
/// for any number of threads; exceptions do not reach OpenMP, which would terminate the process. The interrupt hook is
/// called between the chunks of worker 0; if it returns true, Interrupted is thrown, with precedence over other
/// exceptions. A chunk should last well under a second, or its body call throw_if_interrupted() regularly.
///
/// Without OpenMP the calling thread computes all chunks. A body may call for_each_chunk: by default OpenMP gives the
/// inner loop one thread. Works in a forked child: the thread pool is released before every fork. Safe to call from
/// several threads at once. Cost: 0.1 us a chunk, about 10 us a call.
void for_each_chunk(Index chunks, int threads, const std::function<void(Index chunk, int worker)>& body);

/// The number of workers that for_each_chunk(chunks, threads, ...) uses at most: one scratch space is needed for each.
[[nodiscard]] int worker_count(Index chunks, int threads);

/// The default number of threads of OpenMP; 1 without it.
[[nodiscard]] int max_threads();

/// The division of `count` items into chunks of equal `size`, the last of which may be shorter.
struct Chunks {
  Index count;
  Index size;

  [[nodiscard]] Index number() const { return (count + size - 1) / size; }
  [[nodiscard]] Index begin(Index chunk) const { return chunk * size; }
  [[nodiscard]] Index end(Index chunk) const {
    const Index stop = (chunk + 1) * size;
    return stop < count ? stop : count;
  }
};

}  // namespace pyrometer::base
