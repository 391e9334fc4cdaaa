// The softmax cross entropy at single parameters, in double-double precision.
#pragma once

#include <cstdint>
#include <vector>

#include "pyrometer/minimum/softmax/evaluator.hpp"

namespace pyrometer::minimum {

/// The loss of all rows at parameters of all classes, of columns times 2^-exponent: an upper bound, whatever the
/// rounding of logits. 20 m n C flops.
template <class T>
[[nodiscard]] double loss_at(const ClassifiedRows<T>& table, const std::vector<int>& exponents,
                             std::vector<double> theta, int threads);

extern template double loss_at(const ClassifiedRows<double>&, const std::vector<int>&, std::vector<double>, int);
extern template double loss_at(const ClassifiedRows<float>&, const std::vector<int>&, std::vector<double>, int);

/// Parameters of all classes, of sum 0, from those of all but the last, whose own are 0.
[[nodiscard]] std::vector<double> centred(std::vector<double> theta, Index classes);

/// The derivatives of the loss by the logits, rows x classes, at parameters theta (classes - 1 x n) of the given
/// columns, without classes that are not `allowed`, if that is not null.
[[nodiscard]] std::vector<double> slopes_of(const ClassifiedRows<double>& table, const std::uint8_t* allowed,
                                            const std::vector<double>& theta);

/// How far rounding of parameters may move a logit, given the largest values of the columns.
[[nodiscard]] double moved_by_rounding(const std::vector<double>& theta, const std::vector<double>& largest,
                                       Index columns);

}  // namespace pyrometer::minimum
