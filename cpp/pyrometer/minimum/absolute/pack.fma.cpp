#include "pyrometer/minimum/absolute/whitening.hpp"

namespace pyrometer::minimum::absolute {

Rows pack(const Table& table, const Whitening& whitening, const Indices& chosen, ExecutionContext context) {
  const Index n = table.columns, r = whitening.rank;
  Rows rows(r, static_cast<Index>(chosen.size()));
  const base::Chunks chunks{rows.blocks(), 8};
  context.for_each_chunk(chunks.number(), rows.count * n * (3 + r / 8), [&](Index chunk, int) {
    Vec panel(at(n * kBlock)), x(at(n + 1));
    for (Index b = chunks.begin(chunk); b < chunks.end(chunk); ++b) {
      std::fill(panel.begin(), panel.end(), 0.0);
      std::fill_n(rows.x.data() + b * r * kBlock, r * kBlock, 0.0);
      for (Index i = b * kBlock; i < std::min(rows.count, (b + 1) * kBlock); ++i) {
        if (i + kAhead < rows.count) table.prefetch(chosen[at(i + kAhead)]);
        rows.y[at(i)] = table.row(chosen[at(i)], x.data()) / whitening.unit;
        if (whitening.ill_conditioned) {
          Vec z(at(r));
          whitening.apply(x.data(), z.data());
          rows.set(i, z.data(), rows.y[at(i)]);
        }
        for (Index j = 0; j < n; ++j) panel[at(j * kBlock + i % kBlock)] = x[at(j)];
      }
      if (whitening.ill_conditioned) continue;
      for (Index k = 0; k < r; ++k) {
        double* to = rows.x.data() + (b * r + k) * kBlock;
        for (Index j = 0; j < n; ++j) {
          const double a = whitening.A[at(k * n + j)];
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
  std::fill(rows.x.begin(), rows.x.end(), 0.0);
  Vec z(at(from.columns));
  for (Index i = 0; i < rows.count; ++i) {
    const double value = from.row(chosen[at(i)], z.data());
    rows.set(i, z.data(), value);
  }
  return rows;
}

}  // namespace pyrometer::minimum::absolute
