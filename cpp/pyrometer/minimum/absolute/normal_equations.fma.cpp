#include "pyrometer/minimum/absolute/normal_equations.hpp"

#include <cmath>

#include "pyrometer/base/unaligned.hpp"
#include "pyrometer/minimum/absolute/kernels.hpp"

namespace pyrometer::minimum::absolute {
namespace {

// Columns and blocks per panel, which stays in the L1 and L2 caches.
constexpr Index kColumns = 16;
constexpr Index kGroup = 4;
constexpr Index kDeep = kGroup * kBlock;

// A tile of sums in registers.
#if defined(__AVX512F__)
constexpr Index kWide = 8, kRight = 4;
#else
constexpr Index kWide = 4, kRight = 2;
#endif
constexpr Index kLeft = 4;
using AnyWide = base::Unaligned<double, kWide * 8>;
using Wide = AnyWide::Vec;

inline const AnyWide& wide(const double* from) { return *reinterpret_cast<const AnyWide*>(from); }

inline double sum_of(const Wide& v) {
  double sum = 0;
  for (Index k = 0; k < kWide; ++k) sum += v[k];
  return sum;
}

// out[i, j] += left_i . right_j over a group of blocks; column j of the right starts at right[j]; the next
// block is `stride` numbers later.
inline void add_tile(const double* left, const double* const (&right)[kRight], Index stride, Index group,
                     double (&out)[kLeft][kRight]) {
  Wide sum[kLeft][kRight] = {};
  for (Index g = 0; g < group; ++g) {
    for (Index l = 0; l < kBlock; l += kWide) {
      Wide b[kRight];
#pragma GCC unroll 4
      for (Index j = 0; j < kRight; ++j) b[j] = wide(right[j] + g * stride + l).v;
#pragma GCC unroll 4
      for (Index i = 0; i < kLeft; ++i) {
        const Wide a = wide(left + i * kDeep + g * kBlock + l).v;
#pragma GCC unroll 4
        for (Index j = 0; j < kRight; ++j) sum[i][j] += a * b[j];
      }
    }
  }
#pragma GCC unroll 4
  for (Index i = 0; i < kLeft; ++i)
#pragma GCC unroll 4
    for (Index j = 0; j < kRight; ++j) out[i][j] += sum_of(sum[i][j]);
}

}  // namespace

Vec gram(const Rows& rows, const Vec& weight, ExecutionContext context) {
  const Index n = rows.columns, blocks = rows.blocks();
  Vec out(at(n * (n + 1) / 2));
  const base::Chunks panels{n, kColumns};
  context.for_each_chunk(panels.number(), rows.count * n * n / kColumns, [&](Index panel, int) {
    const Index first = panels.begin(panel), last = panels.end(panel);
    Vec left(at(kColumns * kDeep)), sums(at(kColumns * (last + kRight)));
    for (Index b = 0; b < blocks; b += kGroup) {
      const Index group = std::min(kGroup, blocks - b);
      for (Index c = 0; c < last - first; ++c)
        for (Index g = 0; g < group; ++g)
          for (Index l = 0; l < kBlock; ++l)
            left[at(c * kDeep + g * kBlock + l)] =
                weight[at((b + g) * kBlock + l)] * rows.x[at(((b + g) * n + first + c) * kBlock + l)];
      for (Index j = 0; j < last; j += kRight) {
        const double* starts[kRight];
        for (Index t = 0; t < kRight; ++t) starts[t] = rows.x.data() + (b * n + std::min(j + t, n - 1)) * kBlock;
        for (Index c = 0; c < last - first; c += kLeft) {
          if (first + c + kLeft <= j) continue;  // above the diagonal
          double tile[kLeft][kRight] = {};
          add_tile(left.data() + c * kDeep, starts, n * kBlock, group, tile);
          for (Index i = 0; i < kLeft; ++i)
            for (Index t = 0; t < kRight; ++t) sums[at((c + i) * (last + kRight) + j + t)] += tile[i][t];
        }
      }
    }
    for (Index i = first; i < last; ++i)
      std::copy_n(sums.data() + (i - first) * (last + kRight), i + 1, out.data() + i * (i + 1) / 2);
  });
  return out;
}

bool factor_positive(Vec& matrix, Index n) {
  for (Index i = 0; i < n; ++i) {
    double* row = matrix.data() + i * (i + 1) / 2;
    for (Index j = 0; j <= i; ++j) {
      const double* other = matrix.data() + j * (j + 1) / 2;
      const double sum = row[j] - dot(row, other, j);
      if (i != j) {
        row[j] = sum / other[j];
      } else if (sum > 0) {
        row[i] = std::sqrt(sum);
      } else {
        return false;
      }
    }
  }
  return true;
}

void solve_positive(const Vec& factor, Vec& x) {
  const Index n = static_cast<Index>(x.size());
  for (Index i = 0; i < n; ++i) {
    const double* row = factor.data() + i * (i + 1) / 2;
    x[at(i)] = (x[at(i)] - dot(row, x.data(), i)) / row[i];
  }
  for (Index i = n - 1; i >= 0; --i) {
    const double* row = factor.data() + i * (i + 1) / 2;
    x[at(i)] /= row[i];
    for (Index k = 0; k < i; ++k) x[at(k)] -= row[k] * x[at(i)];
  }
}

}  // namespace pyrometer::minimum::absolute
