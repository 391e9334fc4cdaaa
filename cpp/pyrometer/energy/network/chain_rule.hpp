// Gauss rules of distributions on the half-line, for the chain of layers.
#pragma once

#include <span>
#include <vector>

#include "pyrometer/base/types.hpp"

namespace pyrometer::energy {

/// A discrete distribution: points, ascending, and weights of sum 1; E f = sum_i weight_i f(point_i).
struct Rule {
  std::vector<double> point;
  std::vector<double> weight;

  [[nodiscard]] std::size_t size() const { return point.size(); }
};

/// sum_i a_i b_i, in an order of additions that depends on n alone.
[[nodiscard]] double dot(const double* a, const double* b, std::size_t n);

/// The Gauss rule of `law` in the variable y = c ln(1 + q / c), with at most `size` points:
///
///     E p(y) is exact for every polynomial p of degree 2 size - 1.
///
/// c > 0 is the scale at which functions of q are nonlinear: below it y is nearly q, above it c ln q, so that the rule
/// converges for functions with structure at q ~ c for any extent of the distribution. c = infinity gives the rule in
/// q.
///
/// The points of `law` are added to the Jacobi matrix one by one, then implicit QL: 25 size n + 60 size^2 flops for n
/// points.
[[nodiscard]] Rule compressed(const Rule& law, std::size_t size, double c);

/// The compressed rules of sums of `count` independent variables with each of the distributions `ones`, about each of
/// `scales`, by binary powering: a convolution of two compressed rules and a compression for each binary digit of
/// count. Exact for the polynomials above if c is infinite. Eight distributions are processed together, one in each
/// lane of a vector; every rule has the same bits for any others. Cost: 2 log2(count) compressions of size^2 points,
/// about 20 us for 10 points and 35 us for 14, of 33 variables.
[[nodiscard]] std::vector<Rule> sums_by_powering(std::span<const Rule> ones, Index count, std::size_t size,
                                                 std::span<const double> scales);

/// The same for large counts: the Gauss rules in q from the cumulants of the sums, count times those of each of `ones`.
///
/// The expectations of Hermite polynomials of the standardised sum obey a recursion over its cumulants beyond the
/// second, which are small for large counts; the modified Chebyshev algorithm computes the Jacobi matrix from them.
/// Well conditioned for count >= 64 and size <= 10; fewer points are returned if a pivot is not positive.
/// Cost: 6 n size + 20 size^2 flops and one QL, independent of the count.
[[nodiscard]] std::vector<Rule> sums_by_cumulants(std::span<const Rule> ones, Index count, std::size_t size);

}  // namespace pyrometer::energy
