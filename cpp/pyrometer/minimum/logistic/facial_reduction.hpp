// Which rows the labels separate, wholly or in part.
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
  bool certain = false;              ///< otherwise it is not known whether other rows are separated
  std::vector<Separated> separated;  ///< all rows that are separated, in parts
  std::vector<Index> independent;    ///< columns that span those of the other rows; p is the constant
};

/// Decides which rows are separated.
///
/// Rows that one column separates at a threshold are found by comparing numbers, again and again. The others by facial
/// reduction. Wolfe's algorithm looks for the point of smallest norm in the convex hull of the v_i. If it is not
/// 0, it is a direction that separates them all. If it is 0, a positive combination of some of the rows vanishes: they
/// overlap, and so do all rows in their span. What the other rows leave outside of that span is looked at in the same
/// way, until that is separated, or nothing.
///
/// Arithmetic has 106 bits, on rows and columns scaled by powers of two, and sums below 2^-80 of their terms are 0.
/// That a margin is positive is rigorous; that rows overlap, to these bits.
///
/// rows       X finite, columns between 1e-140 and 1e140 in size, or 0.
/// used       which columns may have a coefficient; together with the constant they are independent.
/// threads    changes no bit.
///
/// Large numbers of rows are looked at through a sample, to which rows on the wrong side are added.
[[nodiscard]] Face face_of(const data::Rows<double>& rows, bool intercept, const std::vector<bool>& used, int threads);

}  // namespace pyrometer::minimum
