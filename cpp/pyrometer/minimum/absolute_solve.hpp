// Least absolute deviations of many rows through those of few: the sides of most rows are plain beforehand.
#pragma once

#include "pyrometer/minimum/absolute_frame.hpp"
#include "pyrometer/minimum/absolute_passes.hpp"
#include "pyrometer/minimum/absolute_vertex.hpp"

namespace pyrometer::minimum::absolute {

/// The rows near zero of some source, and one row more that stands for all others (Portnoy and Koenker 1997).
struct Reduced {
  Rows rows;       ///< in the frame
  Indices origin;  ///< which row of the source each one is; -1 for the aggregate
  Aggregate rest;
  Index aggregate = -1;
};

/// Solves rows of the frame to a vertex; phi is where to start. Large sets are reduced again and again: Newton steps until the
/// zeros are known well, then only the rows near them are solved, the sides of the others are checked, and mended.
[[nodiscard]] Vertex solve(const Rows& rows, Vec phi, double jitter, Team team);

/// Solves a table; leaves in `signs` the dual of every row, 0 in the basis, and returns the basis in the table's rows.
template <class T>
[[nodiscard]] Vertex solve(const Table<T>& table, const Frame& frame, Team team, double jitter_scale);

}  // namespace pyrometer::minimum::absolute
