#include <algorithm>
#include <cmath>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/base/simd.hpp"
#include "pyrometer/energy/rows/mean_abs.hpp"

namespace pyrometer::energy {
namespace {

constexpr Index kChunkNumbers = 1 << 18;

// Narrow rows are added as one long row, so that few features still fill a register.
template <class T>
void add_rows(const T* X, Index rows, Index width, double* sums) {
  // Prefetches one page ahead, which is a quarter faster.
  base::Ahead ahead{reinterpret_cast<std::uintptr_t>(X) + 4096, 64};
  for (Index i = 0; i < rows; ++i, X += width) {
    while (ahead.at < reinterpret_cast<std::uintptr_t>(X) + 4096) ahead.fetch();
    for (Index j = 0; j < width; ++j) sums[j] += std::fabs(static_cast<double>(X[j]));
  }
}

template <class T>
void diagnose(const T* X, Index rows, Index features) {
  for (Index i = 0; i < rows; ++i)
    for (Index j = 0; j < features; ++j)
      require(std::isfinite(X[i * features + j]), "X must be finite, got ", X[i * features + j], " at row ", i,
              ", column ", j, "; drop or fill it");
  require(false, "the mean of |X| must be below 1.8e308, got an overflow; rescale the features");
}

}  // namespace

template <class T>
void mean_abs(const T* X, Index systems, Index rows, Index features, int threads, double* mean) {
  require(rows > 0, "X must have at least one row");
  if (features == 0) return;
  // A strip is as many rows as fill 64 numbers.
  const Index strip = std::max<Index>(1, 64 / features), width = strip * features;
  const base::Chunks chunks{rows, std::max<Index>(1, kChunkNumbers / width) * strip};
  std::vector<double> partial(at(systems * chunks.number() * width), 0.0);

  base::for_each_chunk(systems * chunks.number(), threads, [&](Index task, int) {
    const Index system = task / chunks.number(), chunk = task % chunks.number();
    const Index count = chunks.end(chunk) - chunks.begin(chunk), strips = count / strip;
    const T* part = X + (system * rows + chunks.begin(chunk)) * features;
    double* sums = partial.data() + task * width;
    add_rows(part, strips, width, sums);
    add_rows(part + strips * width, count - strips * strip, features, sums);
  });

  for (Index system = 0; system < systems; ++system)
    for (Index j = 0; j < features; ++j) {
      double total = 0;
      for (Index task = system * chunks.number(); task < (system + 1) * chunks.number(); ++task)
        for (Index i = j; i < width; i += features) total += partial[at(task * width + i)];
      if (!std::isfinite(total)) [[unlikely]]
        diagnose(X + system * rows * features, rows, features);
      mean[system * features + j] = total / static_cast<double>(rows);
    }
}

template void mean_abs<double>(const double*, Index, Index, Index, int, double*);
template void mean_abs<float>(const float*, Index, Index, Index, int, double*);

}  // namespace pyrometer::energy
