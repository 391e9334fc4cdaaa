// Which classes of which rows a linear model of log odds separates.
#pragma once

#include <cstdint>
#include <vector>

#include "pyrometer/data/pack.hpp"

namespace pyrometer::minimum {

/// A margin that counts as infinite: e^-40 is below the rounding of any loss.
inline constexpr double kFar = 40;

/// Row i separates class c from its own if some direction has z_i,y > z_ic and no row has its own class below another.
struct ClassFace {
  bool certain = false;               ///< false if rounding leaves it undecided, or the rows are too many
  bool open = false;                  ///< not certain: some are, in a direction that doubles do not hold
  bool any = false;                   ///< whether any class of any row is separated
  std::vector<std::uint8_t> allowed;  ///< rows x classes, 0 for those that are separated
  Index dimension = 0;                ///< of the space that the differences span which are not separated
  std::vector<double> direction;      ///< classes - 1 x n: along it every separated margin grows, up to 40 and more
};

/// Facial reduction (faces/facial_reduction.hpp) of the differences (e_y - e_c) (x) z_i for all c != y: m (C - 1)
/// rows of n (C - 1) numbers, at most 2^26 in all.
///
/// rows          linearly independent columns, no intercept; classes in rows.y.
/// combinations  whether columns may be nearly dependent: see face_of_combinations().
/// allowed       rows x classes, 0 for those that are left out, also in the result.
/// known         its `allowed` ones, if any, are known not to be separated; `dimension` is that of their span. The
///               result is not `certain` if they have another.
[[nodiscard]] ClassFace face_of_classes(const data::Rows<double>& rows, Index classes, bool combinations, int threads,
                                        std::vector<std::uint8_t> allowed, const ClassFace& known = {});

/// The classes that single columns separate, found by comparisons, repeatedly: column j separates class c where all
/// (e_y - e_b) (x) z_i that are left have elements of one sign, or 0, at (c, j). `certain` is left false: others may be
/// separated. dimension: the most that the differences that are left can span, without those elements.
///
/// Cost: a pass over the rows for each round, 2 m n C comparisons.
[[nodiscard]] ClassFace face_of_columns(const data::Rows<double>& rows, Index classes);

}  // namespace pyrometer::minimum
