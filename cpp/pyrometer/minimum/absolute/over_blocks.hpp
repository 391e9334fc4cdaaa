// Loops over the blocks of a source in parallel, for kernels compiled with contraction.
#pragma once

#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/minimum/absolute/blocks_of_rows.hpp"

namespace pyrometer::minimum::absolute {

/// Runs body(chunk, first block, last block, scratch) over all blocks.
template <class Body>
void over_blocks(const Source& source, ExecutionContext context, const Body& body) {
  const base::Chunks chunks{source.blocks(), kChunk};
  const Index work = source.count * source.columns;
  std::vector<Vec> scratch(at(context.worker_count(chunks.number(), work)), Vec(at(source.scratch())));
  context.for_each_chunk(chunks.number(), work, [&](Index chunk, int worker) {
    body(chunk, chunks.begin(chunk), chunks.end(chunk), scratch[at(worker)].data());
  });
}

inline Index chunk_count(Index blocks) { return base::Chunks{blocks, kChunk}.number(); }

/// Merges per-chunk lists of rows in order.
inline Indices joined(const std::vector<Indices>& lists) {
  std::size_t size = 0;
  for (const Indices& list : lists) size += list.size();
  Indices all;
  all.reserve(size);
  for (const Indices& list : lists) all.insert(all.end(), list.begin(), list.end());
  return all;
}

}  // namespace pyrometer::minimum::absolute
