// Interpolation at the Chebyshev points of an interval.
#pragma once

#include <cmath>
#include <cstddef>
#include <numbers>
#include <vector>

namespace pyrometer::energy {

/// The roots of T_n on [low, high] and their Lagrange polynomials in barycentric form.
class Chebyshev {
 public:
  Chebyshev(double low, double high, std::size_t size) : node_(size), weight_(size) {
    const double middle = 0.5 * (low + high), half = 0.5 * (high - low);
    for (std::size_t i = 0; i < size; ++i) {
      const double angle = std::numbers::pi * (static_cast<double>(i) + 0.5) / static_cast<double>(size);
      node_[i] = middle - half * std::cos(angle);
      weight_[i] = i % 2 == 0 ? std::sin(angle) : -std::sin(angle);
    }
  }

  [[nodiscard]] std::size_t size() const { return node_.size(); }
  [[nodiscard]] double node(std::size_t i) const { return node_[i]; }

  /// out[i] = the i-th Lagrange polynomial at x. Cost: size divisions.
  void basis(double x, double* out) const {
    double sum = 0;
    for (std::size_t i = 0; i < size(); ++i) {
      const double distance = x - node_[i];
      if (distance == 0) {
        for (std::size_t j = 0; j < size(); ++j) out[j] = j == i ? 1.0 : 0.0;
        return;
      }
      out[i] = weight_[i] / distance;
      sum += out[i];
    }
    for (std::size_t i = 0; i < size(); ++i) out[i] /= sum;
  }

  /// The differentiation matrix, size x size: from values at the nodes to the derivative of their interpolant there.
  [[nodiscard]] std::vector<double> derivative() const {
    std::vector<double> matrix(size() * size());
    for (std::size_t i = 0; i < size(); ++i)
      for (std::size_t j = 0; j < size(); ++j) {
        if (j == i) continue;
        matrix[i * size() + j] = weight_[j] / weight_[i] / (node_[i] - node_[j]);
        matrix[i * size() + i] -= matrix[i * size() + j];
      }
    return matrix;
  }

 private:
  std::vector<double> node_, weight_;
};

/// The sum of the absolute values of the last two Chebyshev coefficients of the interpolant of `values`: an estimate of
/// the truncation error.
inline double chebyshev_tail(const double* values, std::size_t size) {
  double bound = 0;
  for (std::size_t k = size - 2; k < size; ++k) {
    double sum = 0;
    for (std::size_t i = 0; i < size; ++i)
      sum += values[i] * std::cos(std::numbers::pi * static_cast<double>(k) * (static_cast<double>(i) + 0.5) /
                                  static_cast<double>(size));
    bound += 2 * std::abs(sum) / static_cast<double>(size);
  }
  return bound;
}

}  // namespace pyrometer::energy
