// Partial moments that are merged as they arrive, in a tree whose shape is fixed.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "pyrometer/base/aligned.hpp"
#include "pyrometer/data/products.hpp"

namespace pyrometer::data {

/// The moments of some rows: padded(columns) means, each the sum of a number near them (`shift`) and a small rest
/// (`off`), and in the upper triangle of a padded(columns)^2 matrix the scatter. A mean in one double would be off by
/// an ulp, and with it the difference of two means, by which scatters are merged. `squares` are the sums of squares
/// that were rounded on the way, not below the diagonal of the scatter.
struct Part {
  explicit Part(Index columns)
      : shift(base::aligned_array<double>(padded(columns))),
        off(base::aligned_array<double>(padded(columns))),
        squares(base::aligned_array<double>(padded(columns))),
        scatter(base::aligned_array<double>(padded(columns) * padded(columns))) {}

  Index count = 0;
  base::AlignedArray<double> shift, off, squares, scatter;
};

/// left becomes the moments of left's and right's rows together (Chan, Golub, LeVeque 1983); right is used up.
void merge(Part& left, Part& right, Index columns);

/// Merges parts 0 .. leaves-1 pairwise: 0 with 1, 2 with 3, then (0, 1) with (2, 3) and so on; the odd one of a level
/// moves up.
///
/// Whoever brings the second part of a pair merges it, left before right: the result has the same bits whatever the
/// order of arrival, and the work is spread over the threads. Used parts are lent again, so about log2(leaves) of them
/// live for each thread.
///
/// take() and add() may be called from several threads at once.
class MergeTree {
 public:
  explicit MergeTree(Index columns) : columns_(columns) {}

  /// Starts anew, for `leaves` >= 1 parts.
  void reset(Index leaves);

  /// A part to fill, of unspecified content.
  [[nodiscard]] std::unique_ptr<Part> take();

  /// Hands in the filled part number `leaf`.
  void add(Index leaf, std::unique_ptr<Part> part);

  /// All parts merged, once all have been added.
  [[nodiscard]] const Part& root() const { return *waiting_.back().front(); }

 private:
  Index columns_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Part>> free_;
  std::vector<Index> width_;  // nodes of each level
  std::vector<std::vector<std::unique_ptr<Part>>>
      waiting_;  // the first to come of each pair; the last level is the root
};

}  // namespace pyrometer::data
