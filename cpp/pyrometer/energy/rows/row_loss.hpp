// The functions of a row that are averaged over rows.
#pragma once

namespace pyrometer::energy {

/// R_i = theta . x_i is the random prediction of row i; theta has mean zero.
enum class RowLoss {
  norm,           ///< the scale of R_i: its standard deviation (normal laws) or E|R_i| (uniform and mixed laws)
  absolute,       ///< E |y_i - R_i|
  cross_entropy,  ///< E ln(1 + e^{R_i}); independent of the labels
  softmax,        ///< E ln sum_c e^{R_ic}, R_ic independent and alike for all classes c (normal laws only)
};

}  // namespace pyrometer::energy
