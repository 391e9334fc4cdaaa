// Facial reduction: which rows the labels separate, completely or quasi-completely.
#pragma once

#include <vector>

#include "pyrometer/data/pack.hpp"

namespace pyrometer::minimum {

/// With v_i = (2 y_i - 1) (x_i, 1): rows with v_i . direction > 0, while all rows of no earlier part have
/// v_i . direction >= 0.
struct Separated {
  std::vector<double> direction;  ///< rounded; n numbers, the intercept last
  std::vector<Index> rows;
};

struct Face {
  bool certain = false;              ///< false if rounding leaves it undecided whether other rows are separated
  std::vector<Separated> separated;  ///< all rows that are separated, in parts
  std::vector<Index> independent;    ///< a basis of the columns restricted to the other rows; p is the constant
  bool open = false;                 ///< not certain: others are separated, in a direction that doubles do not hold
  bool minimal = true;               ///< whether `independent` are known to be linearly independent
  Index dimension = 0;               ///< of the space that the other rows span
};

/// Rows that no direction separates, as is known from a minimum over them, and the dimension of their span.
struct Overlap {
  std::vector<Index> rows;  ///< ascending
  Index dimension = 0;
};

/// Decides which rows are separated.
///
/// Rows that a single column separates at a threshold are found by comparisons, repeatedly; the others by facial
/// reduction. Wolfe's algorithm computes the point of smallest norm in the convex hull of the v_i. If it is not 0, it
/// is a direction that separates all rows. If it is 0, a positive combination of some rows vanishes: these overlap, and
/// so do all rows in their span. The other rows, modulo that span, are treated in the same way until they are separated
/// or none is left.
///
/// Double-double arithmetic, on rows and columns scaled by powers of two; sums below 2^-80 of their terms, or 2^-100 of
/// those that these are computed from, are taken for 0. Where the latter leaves it undecided, only separated rows that
/// are verified are accepted. Positive margins are rigorous. So is overlap: which rows are in the span of others, and
/// whether all rows of a corral have a part in its combination, is verified without rounding errors (modular_span.hpp),
/// and weights exceed theirs. The rounded direction is verified: if the margins of its rows are not positive, or those
/// of others not 0 within its rounding, the face is not `certain` but `open`, and `separated` has those rows only that
/// comparisons find.
///
/// rows       X finite, columns between 1e-140 and 1e140 in size, or 0.
/// used       which columns may have a coefficient; together with the constant they are linearly independent. A single
///            column may be any.
/// theta      parameters of a small loss, if known, else empty: rows of small margin are considered first.
/// threads    at least 1, or 0 for all; the same bits for any number.
/// known      some of the rows that single columns do not separate. Not `certain` if they have another dimension.
///
/// Large numbers of rows are represented by a sample, to which rows on the wrong side of the direction are added.
/// Cost: passes over the rows of 2 n flops each, and about n^3 double-double operations for each step, of which there
/// may be n; with `known` rows once, and less where rows have few elements other than 0, then in the dimensions left.
[[nodiscard]] Face face_of(const data::Rows<double>& rows, bool intercept, const std::vector<bool>& used,
                           const std::vector<double>& theta, int threads, const Overlap& known = {});

/// The same where columns are nearly dependent, so that double-double precision of the given columns may not decide:
/// in the well conditioned combinations of reduce(), evaluated without rounding errors and rounded to double-double
/// precision. `independent` are then all columns. Not `certain` if there is no column to replace, or if m n^2 > 1e7.
/// Cost: m n^2 sums of three doubles more.
[[nodiscard]] Face face_of_combinations(const data::Rows<double>& rows, bool intercept, const std::vector<bool>& used,
                                        const std::vector<double>& theta, int threads);

/// The rows that single columns separate, repeatedly, found by comparisons alone, and the `remaining` ones; `certain`
/// if there are none. Cost: a pass over the rows for each round.
[[nodiscard]] Face face_of_columns(const data::Rows<double>& rows, bool intercept, std::vector<Index>& remaining);

/// Whether a single column, at a threshold or without an intercept at 0, separates rows of this label from the others,
/// found by comparisons: then no parameters attain the infimum. Cost: a pass over the rows.
[[nodiscard]] bool separated_by_column(const data::Rows<double>& rows, bool intercept, double label);

}  // namespace pyrometer::minimum
