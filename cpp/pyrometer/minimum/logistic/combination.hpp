// Linear combinations of columns in double-double precision, rounded once.
#pragma once

#include <vector>

#include "pyrometer/data/block.hpp"

namespace pyrometer::minimum {

/// Up to kRows rows of numbers, stored with the rows of each column next to each other.
class Tile {
 public:
  static constexpr Index kRows = data::kBlock;

  explicit Tile(Index columns) : columns_(columns), numbers_(at(columns * kRows)) {}

  /// Takes `count` rows; row(k) points to row k.
  template <class Row>
  void fill(Index count, Row row) {
    count_ = count;
    for (Index k = 0; k < count; ++k) {
      const double* from = row(k);
      for (Index j = 0; j < columns_; ++j) numbers_[at(j * kRows + k)] = from[j];
    }
  }
  [[nodiscard]] Index rows() const { return count_; }

  /// value(k) = sum_j x_kj theta_j + constant, rounded once, and size(k), the sum of the absolute values of its terms;
  /// kRows numbers each. Columns with theta_j = 0 cost nothing, others 12 flops a row.
  void combine(const double* theta, double constant, double* value, double* size) const;

 private:
  Index columns_, count_ = 0;
  std::vector<double> numbers_;
};

}  // namespace pyrometer::minimum
