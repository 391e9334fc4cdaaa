// The one parallel loop of the house.
#pragma once

#include <functional>

#include "pyrometer/base/types.hpp"

namespace pyrometer::base {

/// Calls body(chunk, worker) once for every chunk 0 .. chunks-1, on up to `threads` threads.
///
/// threads  at least 1, or 0 for what OpenMP offers (OMP_NUM_THREADS and threadpoolctl are honoured). Never more than
/// 64 or
///          four for each processor, whichever is greater.
/// worker   0 .. worker_count() - 1: which scratch space the body may use; two bodies never hold one worker at a time.
///          Worker 0 is the thread that called.
///
/// Which chunk runs when, and where, is not fixed. A result that must not depend on `threads` is written to a slot
/// of its chunk, and the slots are merged in order afterwards: an OpenMP reduction would add in order of arrival.
///
/// An exception of a body stops the loop and is thrown here: that of the lowest chunk that threw one, which is the same
/// for any number of threads; exceptions do not reach OpenMP, which would end the process. The interrupt hook is asked
/// between the chunks of worker 0; a positive answer throws Interrupted, before any other exception. A chunk should
/// last well under a second, or its body call throw_if_interrupted() now and then.
///
/// A body may call for_each_chunk: by default OpenMP gives the inner loop one thread. Works in a forked child: the
/// thread pool is released before every fork. Safe to call from several threads at once. Cost: 0.1 us a chunk, some 10
/// us a call.
void for_each_chunk(Index chunks, int threads, const std::function<void(Index chunk, int worker)>& body);

/// The number of workers that for_each_chunk(chunks, threads, ...) may use: how much scratch space to make.
[[nodiscard]] int worker_count(Index chunks, int threads);

/// What OpenMP would use by default.
[[nodiscard]] int max_threads();

/// How `count` items fall into chunks of equal `size`; the last may be shorter. Depends on nothing but its arguments.
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
