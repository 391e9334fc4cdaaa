// The one parallel loop of the house.
#pragma once

#include <functional>

#include "pyrometer/base/types.hpp"

namespace pyrometer::base {

/// Calls body(chunk, worker) once for every chunk 0 .. chunks-1, on up to `threads` threads.
///
/// threads  at least 1, or 0 for what OpenMP offers (OMP_NUM_THREADS and threadpoolctl are honoured).
/// worker   0 .. threads-1: which scratch space the body may use; two bodies never hold one worker at a time.
///
/// Which chunk runs when, and where, is not fixed. A result that must not depend on `threads` is written to a slot
/// of its chunk, and the slots are merged in order afterwards: an OpenMP reduction would add in order of arrival.
///
/// The first exception that a body throws stops the loop and is thrown here; exceptions do not reach OpenMP, which would
/// end the process. The interrupt hook is asked between chunks, so a chunk should last well under a second; a positive
/// answer throws Interrupted.
///
/// Works in a forked child: the thread pool is released before every fork.
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
