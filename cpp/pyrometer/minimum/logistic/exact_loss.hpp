// Margins of rows and the cross entropy of two classes at single parameters, in double-double precision.
#pragma once

#include <vector>

#include "pyrometer/data/pack.hpp"

namespace pyrometer::minimum {

/// The margins of the rows `which`, (2 y_i - 1) t_i with t in double-double precision, and the sums of the absolute
/// values of the terms of t. 12 flops a number.
void margins_of(const data::Rows<double>& rows, const std::vector<Index>& which, bool intercept,
                const std::vector<double>& theta, std::vector<double>& margin, std::vector<double>& terms);

/// sum_i ln(1 + e^-z_i), with t_i = x_i . theta (+ theta_p) and t in double-double precision. About 12 m n flops.
[[nodiscard]] double loss_at(const data::Rows<double>& rows, bool intercept, const std::vector<double>& theta,
                             int threads);

}  // namespace pyrometer::minimum
