#include "pyrometer/minimum/least_squares/least_norm.hpp"

#include <algorithm>

#include "pyrometer/minimum/dense/vectors.hpp"

namespace pyrometer::minimum {
namespace {

// A basis of the null space, (-made, 1), or of its orthogonal complement, (1, made').
Columns basis_of(const Columns& made, bool null_space) {
  const Index r = made.rows, d = made.cols;
  Columns basis(r + d, null_space ? d : r);
  for (Index j = 0; j < basis.cols; ++j) {
    double* column = basis.column(j);
    column[null_space ? r + j : j] = 1;
    if (null_space)
      for (Index i = 0; i < r; ++i) column[i] = -made.column(j)[i];
    else
      for (Index i = 0; i < d; ++i) column[r + i] = made.column(i)[j];
  }
  return basis;
}

// x = H_k x for the reflection k of a factorisation.
void reflect(const Columns& work, const std::vector<double>& share, Index k, double* x) {
  const double* v = work.column(k);
  const double along = at(share, k) * (x[k] + dot(v, x, k + 1, work.rows));
  x[k] -= along;
  subtract(x, along, v, k + 1, work.rows);
}

}  // namespace

bool is_apart(const double* from, const double* to, Index n) {
  double moved = 0;
  for (Index j = 0; j < n; ++j) moved += (to[j] - from[j]) * (to[j] - from[j]);
  return moved > 1e-26 * dot(to, to, 0, n);
}

void Dependence::shorten(double* theta) const {
  const auto r = static_cast<Index>(independent.size()), d = static_cast<Index>(dependent.size());
  if (d == 0) return;
  std::vector<double> x;
  for (const Index j : independent) x.push_back(theta[j]);
  for (const Index j : dependent) x.push_back(theta[j]);
  const bool dependent_fewer = d <= r;
  Columns work = basis_of(made, dependent_fewer);
  const std::vector<double> share = work.cols > 0 ? factored(work) : std::vector<double>();
  // In the coordinates of Q the first components are along the basis.
  for (Index k = 0; k < work.cols; ++k) reflect(work, share, k, x.data());
  if (dependent_fewer)
    std::fill_n(x.begin(), d, 0.0);
  else
    std::fill(x.begin() + r, x.end(), 0.0);
  for (Index k = work.cols - 1; k >= 0; --k) reflect(work, share, k, x.data());
  for (Index i = 0; i < r; ++i) theta[independent[at(i)]] = at(x, i);
  for (Index i = 0; i < d; ++i) theta[dependent[at(i)]] = at(x, r + i);
}

}  // namespace pyrometer::minimum
