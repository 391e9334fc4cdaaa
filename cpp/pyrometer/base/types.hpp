// Types shared by all layers: an index, and read-only views of arrays.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>

namespace pyrometer {

using Index = std::int64_t;
using Vector = std::span<const double>;
using MutableVector = std::span<double>;

/// An index or a size in the type of standard containers. It must not be negative.
constexpr std::size_t at(Index i) { return static_cast<std::size_t>(i); }

/// The distance from 1 to the next double, and the unit roundoff.
inline constexpr double kEpsilon = std::numeric_limits<double>::epsilon();
inline constexpr double kUnit = kEpsilon / 2;

inline double square(double x) { return x * x; }

/// A dense row-major matrix, not owned: element (i, j) is data[i * cols + j].
template <class T>
struct BasicMatrix {
  const T* data = nullptr;
  Index rows = 0;
  Index cols = 0;

  [[nodiscard]] const T* row(Index i) const { return data + i * cols; }
  [[nodiscard]] Index size() const { return rows * cols; }
};
using Matrix = BasicMatrix<double>;
using MatrixF = BasicMatrix<float>;

}  // namespace pyrometer
