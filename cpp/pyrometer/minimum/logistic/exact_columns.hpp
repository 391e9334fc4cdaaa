// Some columns of rows, without rounding errors.
#pragma once

#include <vector>

#include "pyrometer/data/pack.hpp"

namespace pyrometer::minimum {

/// The columns `kept` of X, of which number p is the constant one, of value 1; with an intercept, columns far from 0
/// minus one of their values, which is exact.
class ExactColumns {
 public:
  ExactColumns(const data::Rows<double>& rows, bool intercept, std::vector<Index> kept);

  /// These columns, with labels and weights of the rows; valid as long as both.
  [[nodiscard]] data::Rows<double> of(const data::Rows<double>& rows) const;
  /// Parameters of all n = p or p + 1 columns, vector by vector, from those of these columns; 0 for the others.
  [[nodiscard]] std::vector<double> back(const std::vector<double>& theta, Index columns) const;

 private:
  Index features_;
  std::vector<Index> kept_;
  std::vector<double> centres_, X_;
};

}  // namespace pyrometer::minimum
