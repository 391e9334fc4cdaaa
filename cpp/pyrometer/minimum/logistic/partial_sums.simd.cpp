#include "pyrometer/minimum/logistic/partial_sums.hpp"

#include <algorithm>

#include "pyrometer/minimum/logistic/loss_and_derivatives.hpp"

namespace pyrometer::minimum {

template <class T>
void look_once(const data::Rows<T>& rows, bool intercept, const double* shift, const double* theta, int threads,
               LookArrays& out) {
  SweepOf<T> sweep(rows, intercept, shift, threads);
  Look look;
  sweep.look(theta, out.curvature != nullptr, look);
  const Index n = sweep.columns(), ld = data::padded(n);
  out.loss = look.loss;
  out.least = look.least;
  std::copy(look.gradient.begin(), look.gradient.end(), out.gradient);
  std::copy(look.size.begin(), look.size.end(), out.size);
  std::copy(sweep.reach(), sweep.reach() + n, out.reach);
  for (Index i = 0; out.curvature && i < n; ++i)
    for (Index j = i; j < n; ++j) out.curvature[i * n + j] = out.curvature[j * n + i] = look.curvature[at(i * ld + j)];
}

template void look_once(const data::Rows<double>&, bool, const double*, const double*, int, LookArrays&);
template void look_once(const data::Rows<float>&, bool, const double*, const double*, int, LookArrays&);

}  // namespace pyrometer::minimum
