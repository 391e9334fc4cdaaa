// Columns scaled by powers of two so that their products stay within the range of a double.
#pragma once

#include <stdexcept>

#include "pyrometer/minimum/absolute/blocks_of_rows.hpp"

namespace pyrometer::minimum::absolute {

/// A size or an intermediate result leaves the range of unscaled arithmetic: the caller retries with Scaled.
struct OutOfRange : std::invalid_argument {
  using std::invalid_argument::invalid_argument;
};

/// Binary exponents, p + 1 numbers, the last for y.
using Exponents = std::vector<int>;

/// The largest absolute value of each column, and of y last, with its row (the first if there are several); and the
/// smallest that is not zero, infinity for a column of zeros.
struct Extremes {
  Vec size;
  Indices row;
  Vec least;

  explicit Extremes(Index columns);
  void add(Index column, double value_size, Index of_row);
};

/// Reads all rows. Throws std::invalid_argument for a value that is not finite (see diagnose).
[[nodiscard]] Extremes extremes(const Table& table, ExecutionContext context);

/// The table with column j multiplied by 2^exponent[j]: exact, unless a value underflows to below 2^-1074.
struct Scaled final : Table {
  Scaled(const Table& of, const Extremes& largest);
  double raw(Index i, double* x) const override;
  void prefetch(Index i) const override { of_.prefetch(i); }

  /// Binary exponents of the scale factors: the largest value of each scaled column is about 1.
  [[nodiscard]] const Exponents& exponents() const { return exponents_; }

 private:
  const Table& of_;
  Exponents exponents_;
  Vec factor_;
};

}  // namespace pyrometer::minimum::absolute
