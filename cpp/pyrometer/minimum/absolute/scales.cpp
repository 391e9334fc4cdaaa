#include "pyrometer/minimum/absolute/scales.hpp"

#include <cmath>
#include <numeric>

namespace pyrometer::minimum::absolute {

Vec least_squares_start(const Rows& rows) {
  Vec phi(at(rows.columns));
  for (Index b = 0; b < rows.blocks(); ++b) {
    const Block block = rows.block(b, nullptr);
    for (Index j = 0; j < rows.columns; ++j) {
      double sum = 0;
      for (Index l = 0; l < kBlock; ++l) sum += block.x[j * kBlock + l] * block.y[l];
      phi[at(j)] += sum / static_cast<double>(rows.count);
    }
  }
  return phi;
}

Rows whitened(const Rows& rows, const Vec& factor, ExecutionContext context) {
  const Index n = rows.columns;
  Rows out(n, rows.count);
  out.y = rows.y;
  const base::Chunks chunks{rows.blocks(), kChunk};
  context.for_each_chunk(chunks.number(), rows.count * n * (2 + n / 8), [&](Index chunk, int) {
    for (Index b = chunks.begin(chunk); b < chunks.end(chunk); ++b) {
      double* x = out.x.data() + b * n * kBlock;
      std::copy_n(rows.x.data() + b * n * kBlock, n * kBlock, x);
      for (Index i = 0; i < n; ++i) {
        const double* row = factor.data() + i * (i + 1) / 2;
        double* to = x + i * kBlock;
        for (Index j = 0; j < i; ++j)
          for (Index l = 0; l < kBlock; ++l) to[l] -= row[j] * x[j * kBlock + l];
        for (Index l = 0; l < kBlock; ++l) to[l] /= row[i];
      }
    }
  });
  return out;
}

Vec times_transposed(const Vec& factor, const Vec& v) {
  Vec out(v.size());
  for (Index i = 0; i < static_cast<Index>(v.size()); ++i)
    for (Index j = 0; j <= i; ++j) out[at(j)] += factor[at(i * (i + 1) / 2 + j)] * v[at(i)];
  return out;
}

Vec solve_transposed(const Vec& factor, Vec v) {
  for (Index i = static_cast<Index>(v.size()) - 1; i >= 0; --i) {
    v[at(i)] /= factor[at(i * (i + 1) / 2 + i)];
    for (Index j = 0; j < i; ++j) v[at(j)] -= factor[at(i * (i + 1) / 2 + j)] * v[at(i)];
  }
  return v;
}

Vec inner_weights(const Table& table, const Whitening& whitening, const Indices& chosen, const Vec& theta) {
  const double rare = std::sqrt(static_cast<double>(table.count));
  const Index n = table.columns, size = static_cast<Index>(chosen.size()), wanted = std::min<Index>(size, 4096);
  Vec x(at(wanted * n)), residual(at(wanted)), inner(at(n)), all(at(n)), row(at(n + 1));
  for (Index k = 0; k < wanted; ++k) {
    if (k + kAhead < wanted) table.prefetch(chosen[at(stratified(k + kAhead, wanted, size))]);
    double r = table.row(chosen[at(stratified(k, wanted, size))], row.data());
    for (Index j = 0; j < n; ++j) {
      r -= row[at(j)] * theta[at(j)];
      x[at(k * n + j)] = row[at(j)];
    }
    residual[at(k)] = std::abs(r);
  }
  Vec sorted = residual;
  std::nth_element(sorted.begin(), sorted.begin() + wanted / 4, sorted.end());
  for (Index k = 0; k < wanted; ++k) {
    for (Index j = 0; j < n; ++j) {
      const double square = x[at(k * n + j)] * x[at(k * n + j)];
      all[at(j)] += square;
      if (residual[at(k)] <= sorted[at(wanted / 4)]) inner[at(j)] += 4 * square;
    }
  }
  for (Index j = 0; j < n; ++j) {
    const double square = inner[at(j)] > 0 ? inner[at(j)] : all[at(j)];
    inner[at(j)] = square > 0 ? std::sqrt(static_cast<double>(wanted) / square) : rare * whitening.weight[at(j)];
  }
  return inner;
}

double typical(const Rows& rows, const Vec& phi) {
  const Index wanted = std::min<Index>(rows.count, 256);
  Vec z(at(rows.columns)), size(at(wanted));
  for (Index k = 0; k < wanted; ++k) {
    const Index i = stratified(k, wanted, rows.count);
    const double y = rows.row(i, z.data());
    size[at(k)] = std::abs(y - std::inner_product(z.begin(), z.end(), phi.begin(), 0.0));
  }
  const double mean = std::accumulate(size.begin(), size.end(), 0.0) / static_cast<double>(wanted);
  std::sort(size.begin(), size.end());
  for (const Index part : {4, 6, 7})
    if (const double quantile = size[at(wanted * part / 8)]; quantile > 1e-12 * (1 + mean)) return quantile;
  return 0.01 * mean;
}

}  // namespace pyrometer::minimum::absolute
