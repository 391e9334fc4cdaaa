// Kernels of the cross entropy on one block of packed rows: margins, losses, derivatives, gradient.
//
// Rows are packed as data/pack.hpp does it: panels of kLanes columns, panel n at d + n * kBlock * kLanes. Serial; fused
// multiply-adds, so the last bits differ between instruction-set levels.
#pragma once

#include "pyrometer/data/block.hpp"

namespace pyrometer::minimum {

/// t(k) = sum_j d(k, j) theta(j)   for the `depth` rows of a block.
///
/// theta    whole panels, zero in the padding.
/// t        kBlock numbers, aligned; those from `depth` on are undefined.
///
/// Cost: 2 flops a number of d.
void project(const double* d, Index depth, Index panels, const double* theta, double* t);

/// The loss of each row and its derivatives, from t and the label y in {0, 1}: with the margin
/// z = (2y - 1) t,
///
///     loss = ln(1 + e^-z),   slope = d loss / dt = sigma(t) - y,   root = (d^2 loss / dt^2)^1/2.
///
/// Relative accuracy of a few units in the last place wherever |t| < 350, however small the result: no 1 - p is formed.
/// Beyond, loss is exact for negative margins and e^-350 for positive ones: products with it remain normal numbers,
/// where arithmetic with subnormal ones would take ten times as long.
///
/// losses   kBlock numbers of scratch.
/// loss     the sum over the block is added to it.
/// weights  of the rows, or nullptr: factors of the losses and their derivatives.
/// least    in and out: the smallest margin so far.
///
/// Cost: about 45 flops, two divisions and a square root a row, without branches or calls.
template <class T>
void link(const double* t, const T* y, Index depth, double* slope, double* root, double* losses, double& loss,
          double& least, const double* weights = nullptr);

/// The slopes only, for a third of the cost.
template <class T>
void slopes(const double* t, const T* y, Index depth, double* slope, const double* weights = nullptr);

/// gradient(j) += sum_k slope(k) d(k, j); and, unless it is nullptr, size(j) += sum_k |slope(k) d(k, j)|;
/// and, unless it is nullptr, scaled(k, j) = root(k) d(k, j), whose products with themselves make the Hessian.
///
/// scaled   packed as d is; may be d.
/// ahead    `ahead_bytes` bytes to prefetch.
///
/// Cost: 2 to 5 flops a number of d.
void weigh(const double* d, Index depth, Index panels, const double* slope, const double* root, double* scaled,
           double* gradient, double* size, const void* ahead, Index ahead_bytes);

/// reach(j) = max(reach(j), |d(k, j)|) over the rows of the block.
void stretch(const double* d, Index depth, Index panels, double* reach);

extern template void slopes(const double*, const double*, Index, double*, const double*);
extern template void slopes(const double*, const float*, Index, double*, const double*);
extern template void link(const double*, const double*, Index, double*, double*, double*, double&, double&,
                          const double*);
extern template void link(const double*, const float*, Index, double*, double*, double*, double&, double&,
                          const double*);

}  // namespace pyrometer::minimum
