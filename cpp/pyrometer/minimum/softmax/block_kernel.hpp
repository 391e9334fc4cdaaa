// Kernels of the softmax cross entropy on one block of packed rows.
//
// Arrays of a block have data::kBlock numbers for each class, of which the first `depth` are used. Serial; fused
// multiply-adds, so the last bits differ between instruction-set levels.
#pragma once

#include "pyrometer/data/block.hpp"

namespace pyrometer::minimum {

/// The loss of each row and its derivatives, from its logits z_c and its class y:
///
///     p_c = e^{z_c} / sum_d e^{z_d},    loss = ln sum_c e^{z_c} - z_y,    slope_c = d loss / dz_c = p_c - [c = y]
///
/// z        in: classes x kBlock; out: p_c.
/// allowed  classes x kBlock factors 1 or 0, or nullptr: the classes that are left out of the sums of a row.
/// y        kBlock classes.
/// weight   kBlock numbers, or nullptr: factors of losses and slopes.
/// slope    classes x kBlock, out.
/// loss     the sum over the block is added to it.
/// least    in and out: the least margin z_y - max_{c != y} z_c of the rows so far.
///
/// Relative accuracy of a few units in the last place while z_c - z_y > -350, however small the result: no 1 - p is
/// formed. Beyond, losses and p_c are those at -350.
///
/// Cost of a row: about 30 flops and an exponential for each class, a logarithm and a division. No branches or calls.
template <class T>
void softmax_link(double* z, const double* allowed, Index classes, const T* y, const double* weight, Index depth,
                  double* slope, double& loss, double& least);

/// scaled(k, j) = root(k) d(k, j), packed as d is.
void scale_rows(const double* d, Index depth, Index panels, const double* root, double* scaled);

extern template void softmax_link(double*, const double*, Index, const double*, const double*, Index, double*, double&,
                                  double&);
extern template void softmax_link(double*, const double*, Index, const float*, const double*, Index, double*, double&,
                                  double&);

}  // namespace pyrometer::minimum
