#include "pyrometer/minimum/dense/pivoted_cholesky.hpp"

// GCC 12 warns about its own AVX-512 intrinsics (PR 105593) once Eigen inlines them.
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <Eigen/Cholesky>

#include "pyrometer/base/chunks.hpp"

namespace pyrometer::minimum {
namespace {

using View = Eigen::Ref<Eigen::MatrixXd, 0, Eigen::OuterStride<>>;
using Part = Eigen::Map<Eigen::MatrixXd, 0, Eigen::OuterStride<>>;

constexpr Index kMany = 512, kBlock = 128;

bool factor_at_once(Part corner) {
  View place(corner);
  const Eigen::LLT<View> llt(place);
  return llt.info() == Eigen::Success;
}

}  // namespace

bool factor_blocked(double* upper, Index stride, Index kept, Index size, int threads) {
  const Index added = size - kept;
  // The rows of U are the columns of its transpose.
  const auto part = [&](Index row, Index column, Index rows, Index columns) {
    return Part(upper + column * stride + row, rows, columns, Eigen::OuterStride<>(stride));
  };
  if (kept > 0) {
    const auto before = part(0, 0, kept, kept);
    auto below = part(kept, 0, added, kept);
    before.triangularView<Eigen::Lower>().transpose().solveInPlace<Eigen::OnTheRight>(below);
    auto corner = part(kept, kept, added, added);
    corner.selfadjointView<Eigen::Lower>().rankUpdate(below, -1);
  }
  if (added < kMany) return factor_at_once(part(kept, kept, added, added));

  const base::Chunks blocks{added, kBlock};
  const auto block = [&](Index i, Index j) {  // of the lower triangle
    const auto from = [&](Index k) { return kept + blocks.begin(k); };
    return part(from(i), from(j), blocks.end(i) - blocks.begin(i), blocks.end(j) - blocks.begin(j));
  };
  for (Index k = 0; k < blocks.number(); ++k) {
    const auto corner = block(k, k);
    if (!factor_at_once(corner)) return false;
    const Index rest = blocks.number() - k - 1;
    base::for_each_chunk(rest, threads, [&](Index i, int) {
      auto below = block(k + 1 + i, k);
      corner.triangularView<Eigen::Lower>().transpose().solveInPlace<Eigen::OnTheRight>(below);
    });
    // Strips of the triangle; what they have above the diagonal is not read.
    base::for_each_chunk(rest, threads, [&](Index strip, int) {
      const Index j = k + 1 + strip, from = kept + blocks.begin(j), depth = blocks.end(k) - blocks.begin(k);
      const auto left = part(from, kept + blocks.begin(k), size - from, depth);
      part(from, from, size - from, blocks.end(j) - blocks.begin(j)).noalias() -= left * block(j, k).transpose();
    });
  }
  return true;
}

}  // namespace pyrometer::minimum
