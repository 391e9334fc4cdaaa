#include "pyrometer/minimum/least_squares/least_norm.hpp"

// GCC 12 warns about its own AVX-512 intrinsics (PR 105593) once Eigen inlines them.
#ifndef __clang__
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <Eigen/QR>
#include <algorithm>

namespace pyrometer::minimum {

void Dependence::shorten(double* theta) const {
  const auto r = static_cast<Index>(independent.size()), d = static_cast<Index>(dependent.size()), n = r + d;
  if (d == 0) return;
  using Map = Eigen::Map<const Eigen::MatrixXd>;
  const Map share(made.cells.data(), r, d);
  Eigen::VectorXd x(n);
  for (Index i = 0; i < r; ++i) x[i] = theta[independent[at(i)]];
  for (Index i = 0; i < d; ++i) x[r + i] = theta[dependent[at(i)]];
  // (-made, 1) spans the null space, (1, made') its orthogonal complement.
  const bool few = d <= r;
  Eigen::MatrixXd basis(n, few ? d : r);
  if (few) {
    basis.topRows(r) = -share;
    basis.bottomRows(d).setIdentity();
  } else {
    basis.topRows(r).setIdentity();
    basis.bottomRows(d) = share.transpose();
  }
  if (basis.cols() > 0) {
    const Eigen::HouseholderQR<Eigen::MatrixXd> qr(basis);
    x.applyOnTheLeft(qr.householderQ().adjoint());
    if (few)
      x.head(d).setZero();
    else
      x.tail(n - r).setZero();
    x.applyOnTheLeft(qr.householderQ());
  } else {
    x.setZero();
  }
  for (Index i = 0; i < r; ++i) theta[independent[at(i)]] = x[i];
  for (Index i = 0; i < d; ++i) theta[dependent[at(i)]] = x[r + i];
}

}  // namespace pyrometer::minimum
