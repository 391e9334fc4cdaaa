// Least absolute deviations of many rows by reduction: the signs of most residuals are known a priori.
#pragma once

#include "pyrometer/minimum/absolute/certificate.hpp"
#include "pyrometer/minimum/absolute/simplex.hpp"
#include "pyrometer/minimum/absolute/whitening.hpp"

namespace pyrometer::minimum::absolute {

/// An optimal vertex of whitened rows with jitter; phi is the starting point. Large sets are reduced recursively
/// (Portnoy and Koenker 1997): Newton steps locate the minimum, the rows near zero are solved exactly together with one
/// aggregate of all others, the signs of those are checked, and misclassified rows are put back.
[[nodiscard]] Vertex solve(const Rows& rows, Vec phi, ExecutionContext context);

/// The same for a table, with the certificate.
///
/// size    the scale of the jitter, relative to typical residuals.
/// vertex  in: empty, or that of the same table with other jitter, from which most signs are known; out: the solution,
///         not optimal where distinct rows were solved instead.
[[nodiscard]] Certified solve(const Table& table, const Whitening& whitening, double size, ExecutionContext context,
                              Vertex& vertex);

}  // namespace pyrometer::minimum::absolute
