// Gauss rules of laws on the half-line: what the exact chain of layers carries.
#pragma once

#include <vector>

#include "pyrometer/base/types.hpp"

namespace pyrometer::energy {

/// A law as points and weights, sum of weights 1, points ascending: E f = sum_i weight_i f(point_i).
struct Rule {
  std::vector<double> point;
  std::vector<double> weight;

  [[nodiscard]] std::size_t size() const { return point.size(); }
};

/// sum_i a_i b_i, in an order of additions that depends on n alone.
[[nodiscard]] double dot(const double* a, const double* b, std::size_t n);

/// The Gauss rule of `law` in the variable y = c ln(1 + q / c), with at most `size` points:
///
///     E p(y) is the law's for every polynomial p of degree 2 size - 1.
///
/// c > 0 is the point about which a function of q bends: below it y is nearly q itself, above it ln q, so that the rule
/// converges for functions with structure at q ~ c however far the law extends. c = infinity gives the rule in q.
///
/// Lanczos with full reorthogonalisation on `law`, then implicit QL: 4 size^2 n + 60 size^2 flops for n points.
[[nodiscard]] Rule compressed(const Rule& law, std::size_t size, double c);

/// The compressed rule of the sum of `count` independent numbers of law `one`, by binary powering: convolution of two
/// compressed rules, compression, for each binary digit of count. Exact for the polynomials above where c is infinite.
/// Cost: 2 log2(count) compressions of size^2 points.
[[nodiscard]] Rule sum_by_powering(const Rule& one, Index count, std::size_t size, double c);

/// The same for many: the Gauss rule in q from the law's cumulants, count times those of `one`.
///
/// The expectations of Hermite polynomials of the standardised sum obey a recursion over its cumulants beyond the
/// second, which are small for large counts; the modified Chebyshev algorithm makes of them the Jacobi matrix. Well
/// conditioned for count >= 64 and size <= 10; fewer points come back where a pivot is not positive.
/// Cost: 6 n size + 20 size^2 flops and one QL, whatever the count.
[[nodiscard]] Rule sum_by_cumulants(const Rule& one, Index count, std::size_t size);

}  // namespace pyrometer::energy
