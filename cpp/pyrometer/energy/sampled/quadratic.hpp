// The quadratic form of the squared error, evaluated for a tile of parameter vectors at a time.
#pragma once

#include <vector>

#include "pyrometer/base/types.hpp"

namespace pyrometer::energy {

inline constexpr Index kTile = 64;  // parameter vectors at a time

/// An array of doubles that starts at a cache line.
class AlignedArray {
 public:
  explicit AlignedArray(Index size) : lines_(at((size + 7) / 8)) {}
  [[nodiscard]] double* data() { return lines_.data()->values; }
  [[nodiscard]] const double* data() const { return lines_.data()->values; }

 private:
  struct alignas(64) Line {
    double values[8] = {};
  };
  std::vector<Line> lines_;
};

/// kTile parameter vectors, in groups that fit the registers: a group is contiguous, parameter after parameter.
/// Features are padded with zeros to a multiple of 4; the intercept (0 unless set) comes last.
class Tile {
 public:
  explicit Tile(Index features);

  /// Sets parameter j of all vectors.
  void set_feature(Index j, const double (&theta)[kTile]) { set_row(j, theta); }
  void set_intercept(const double (&theta)[kTile]) { set_row(padded_, theta); }

  [[nodiscard]] const double* group(Index g) const;

 private:
  void set_row(Index row, const double (&theta)[kTile]);

  Index padded_;
  AlignedArray values_;
};

/// One system: t' C t + (mean_x . theta_x + theta_0 - mean_y)^2 with C = scatter / count and t = (theta_x, -1).
class Quadratic {
 public:
  /// mean: p + 1 numbers, scatter: p + 1 x p + 1, of which the upper triangle is read; the target is last.
  Quadratic(double count, const double* mean, const double* scatter, Index features);

  /// Writes the values of all vectors of the tile, kTile numbers at the start of a cache line. Uses fma
  /// where the level has it.
  ///
  /// Cost: p^2 + 8 p flops a vector. A block of 4 rows of C is multiplied with a group of vectors in registers: for
  /// each column 4 numbers of C and one load for each vector of the group, two flops for each number loaded.
  void evaluate(const Tile& tile, double* values) const;

  /// Memory of one system with p features.
  [[nodiscard]] static Index bytes(Index features);

 private:
  Index padded_;
  double mean_target_;
  double square_target_;
  std::vector<double> packed_;  // blocks of 4 rows: 4 linear coefficients, then 4 of each column from the diagonal on
  std::vector<double> mean_;
};

}  // namespace pyrometer::energy
