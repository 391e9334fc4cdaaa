#include "pyrometer/minimum/absolute_frame.hpp"

namespace pyrometer::minimum::absolute {
namespace {

// Rows far apart are asked for this many rows ahead.
constexpr Index kAhead = 12;

template <class T>
void prefetch(const Table<T>& table, Index i) {
  const char* from = reinterpret_cast<const char*>(table.X + i * table.features);
  const Index bytes = table.features * static_cast<Index>(sizeof(T));
  for (Index b = 0; b < bytes + 63; b += 64) __builtin_prefetch(from + std::min(b, bytes - 1));
  __builtin_prefetch(table.target + i);
}

}  // namespace

template <class T>
Rows pack(const Table<T>& table, const Frame& frame, const Indices& chosen, Team team) {
  const Index n = table.columns, r = frame.rank;
  Rows rows(r, static_cast<Index>(chosen.size()));
  const base::Chunks chunks{rows.blocks(), 8};
  team.each(chunks.number(), [&](Index chunk, int) {
    Vec panel(at(n * kBlock)), x(at(n + 1));
    for (Index b = chunks.begin(chunk); b < chunks.end(chunk); ++b) {
      std::fill(panel.begin(), panel.end(), 0.0);
      for (Index i = b * kBlock; i < std::min(rows.count, (b + 1) * kBlock); ++i) {
        if (i + kAhead < rows.count) prefetch(table, chosen[at(i + kAhead)]);
        rows.y[at(i)] = table.row(chosen[at(i)], x.data()) / frame.unit;
        if (frame.delicate) {
          Vec z(at(r));
          frame.into(x.data(), z.data());
          rows.set(i, z.data(), rows.y[at(i)]);
        }
        for (Index j = 0; j < n; ++j) panel[at(j * kBlock + i % kBlock)] = x[at(j)];
      }
      if (frame.delicate) continue;
      for (Index k = 0; k < r; ++k) {
        double* to = rows.x.data() + (b * r + k) * kBlock;
        for (Index j = 0; j < n; ++j) {
          const double a = frame.A[at(k * n + j)];
          if (a == 0) continue;
          for (Index l = 0; l < kBlock; ++l) to[l] += a * panel[at(j * kBlock + l)];
        }
      }
    }
  });
  return rows;
}

Rows pack(const Rows& from, const Indices& chosen) {
  Rows rows(from.columns, static_cast<Index>(chosen.size()));
  Vec z(at(from.columns));
  for (Index i = 0; i < rows.count; ++i) {
    const double value = from.row(chosen[at(i)], z.data());
    rows.set(i, z.data(), value);
  }
  return rows;
}

template Rows pack(const Table<double>&, const Frame&, const Indices&, Team);
template Rows pack(const Table<float>&, const Frame&, const Indices&, Team);

}  // namespace pyrometer::minimum::absolute
