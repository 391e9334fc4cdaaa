// Least absolute deviations of many rows through those of few: the sides of most rows are plain beforehand.
#pragma once

#include "pyrometer/minimum/absolute/certificate.hpp"
#include "pyrometer/minimum/absolute/simplex.hpp"
#include "pyrometer/minimum/absolute/whitening.hpp"

namespace pyrometer::minimum::absolute {

/// Solves rows in whitened coordinates, jittered, to a vertex; phi is where to start. Large sets are reduced again and
/// again: Newton steps until the zeros are known well, then only the rows near zero are solved with one more row for
/// the sum of all others (Portnoy and Koenker 1997), the sides of those are checked, and the misjudged ones put back.
[[nodiscard]] Vertex solve(const Rows& rows, Vec phi, ExecutionContext context);

/// The same for a table, with its certificate. `size` is that of the jitter, relative to typical residuals.
[[nodiscard]] Certified solve(const Table& table, const Whitening& whitening, double size, ExecutionContext context);

}  // namespace pyrometer::minimum::absolute
