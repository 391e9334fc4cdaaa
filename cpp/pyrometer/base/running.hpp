// Running mean and variance, with merging.
#pragma once

#include <cmath>

#include "pyrometer/base/types.hpp"

namespace pyrometer::base {

/// Count, mean and sum of squared deviations (Welford 1962; merge: Chan, Golub, LeVeque 1983).
struct Running {
  Index count = 0;
  double mean = 0;
  double squares = 0;

  /// Of `number` values at once, by two passes with 16 partial sums: no division for each value, and no dependent
  /// additions. 4 flops a value.
  static Running of(const double* values, Index number) {
    if (number == 0) return {};
    const auto sum = [&](auto term) {
      double sums[16] = {};
      Index i = 0;
      for (; i + 16 <= number; i += 16)
        for (Index lane = 0; lane < 16; ++lane) sums[lane] += term(values[i + lane]);
      for (; i < number; ++i) sums[i % 16] += term(values[i]);
      for (Index half = 8; half > 0; half /= 2)
        for (Index lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
      return sums[0];
    };
    const double mean = sum([](double value) { return value; }) / static_cast<double>(number);
    return {number, mean, sum([mean](double value) { return (value - mean) * (value - mean); })};
  }

  void add(double value) {
    ++count;
    const double delta = value - mean;
    mean += delta / static_cast<double>(count);
    squares += delta * (value - mean);
  }

  void merge(const Running& other) {
    if (other.count == 0) return;
    if (count == 0) {
      *this = other;
      return;
    }
    const double here = static_cast<double>(count), there = static_cast<double>(other.count), all = here + there;
    const double delta = other.mean - mean;
    mean += delta * (there / all);
    squares += other.squares + delta * delta * (here * there / all);
    count += other.count;
  }

  /// Unbiased; nan for fewer than two numbers.
  [[nodiscard]] double variance() const { return count > 1 ? squares / static_cast<double>(count - 1) : NAN; }
  [[nodiscard]] double standard_error() const { return std::sqrt(variance() / static_cast<double>(count)); }
};

}  // namespace pyrometer::base
