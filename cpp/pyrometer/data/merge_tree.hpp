// Merging of partial moments in order of arrival, in a tree of fixed shape.
#pragma once

#include <memory>
#include <mutex>
#include <vector>

#include "pyrometer/base/aligned.hpp"
#include "pyrometer/data/products.hpp"

namespace pyrometer::data {

/// The moments of some rows: padded(columns) means, each the sum of a number near them (`shift`) and a small rest
/// (`off`), and the scatter in the upper triangle of a padded(columns)^2 matrix. A mean in one double would have a
/// rounding error of half an ulp, and so the differences of means with which scatters are merged. `squares` are the
/// sums of squares subject to rounding, at least the diagonal of the scatter.
struct Part {
  explicit Part(Index columns)
      : shift(base::aligned_array<double>(padded(columns))),
        off(base::aligned_array<double>(padded(columns))),
        squares(base::aligned_array<double>(padded(columns))),
        scatter(base::aligned_array<double>(padded(columns) * padded(columns))) {}

  double count = 0;  ///< rows, or the sum of their weights
  base::AlignedArray<double> shift, off, squares, scatter;
};

/// Merges right into left (Chan, Golub, LeVeque 1983); right is overwritten. 3 columns^2 flops.
void merge(Part& left, Part& right, Index columns);

/// Merges parts 0 .. leaves-1 pairwise: 0 with 1, 2 with 3, then (0, 1) with (2, 3) and so on; the odd one of a level
/// moves up.
///
/// The thread that adds the second part of a pair merges the two, left before right: the result has the same bits for
/// any order of arrival, and the work is distributed over the threads. Parts are recycled; about log2(leaves) exist for
/// each thread.
///
/// take() and add() may be called from several threads at once.
class MergeTree {
 public:
  explicit MergeTree(Index columns) : columns_(columns) {}

  /// Resets the tree for `leaves` >= 1 parts.
  void reset(Index leaves);

  /// A part to fill, of unspecified content.
  [[nodiscard]] std::unique_ptr<Part> take();

  /// Adds the filled part number `leaf`.
  void add(Index leaf, std::unique_ptr<Part> part);

  /// All parts merged, once all have been added.
  [[nodiscard]] const Part& root() const { return *waiting_.back().front(); }

 private:
  Index columns_;
  std::mutex mutex_;
  std::vector<std::unique_ptr<Part>> free_;
  std::vector<Index> width_;  // nodes of each level
  // The first part to arrive of each pair; the last level is the root.
  std::vector<std::vector<std::unique_ptr<Part>>> waiting_;
};

}  // namespace pyrometer::data
