#include "pyrometer/minimum/dense/pivoted_cholesky.hpp"

// GCC 12 warns about its own AVX-512 intrinsics (PR 105593) once Eigen inlines them.
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <Eigen/Cholesky>

namespace pyrometer::minimum {

bool factor_blocked(double* upper, Index stride, Index kept, Index size) {
  using View = Eigen::Ref<Eigen::MatrixXd, 0, Eigen::OuterStride<>>;
  const Index added = size - kept;
  // The rows of U are the columns of its transpose.
  const auto part = [&](Index row, Index column, Index rows, Index columns) {
    return Eigen::Map<Eigen::MatrixXd, 0, Eigen::OuterStride<>>(upper + column * stride + row, rows, columns,
                                                                Eigen::OuterStride<>(stride));
  };
  auto corner = part(kept, kept, added, added);
  if (kept > 0) {
    const auto before = part(0, 0, kept, kept);
    auto below = part(kept, 0, added, kept);
    before.triangularView<Eigen::Lower>().transpose().solveInPlace<Eigen::OnTheRight>(below);
    corner.selfadjointView<Eigen::Lower>().rankUpdate(below, -1);
  }
  View place(corner);
  const Eigen::LLT<View> llt(place);
  return llt.info() == Eigen::Success;
}

}  // namespace pyrometer::minimum
