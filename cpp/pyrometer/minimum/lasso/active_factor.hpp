// The Cholesky factor of the active columns of a lasso, updated as the active set changes, and these columns' means.
#pragma once

#include <vector>

#include "pyrometer/minimum/dense/centred_moments.hpp"

namespace pyrometer::minimum {

/// Factors a sequence of active sets of one system that mostly grow, as along a regularisation path.
///
/// The leading columns that two consecutive sets share are kept if they are at least half of the factor; each new
/// column then costs a^2 flops for a active columns. Falls back to pivoting if columns are nearly dependent; of those,
/// few that leave are removed from the factor.
class LassoFactor {
 public:
  /// Resets the factor, for another system.
  void clear();
  /// The factor of these columns, its column i being columns()[i]: any order.
  /// `fresh`: not one from which columns were removed, which adds rounding errors.
  const Factor& of(const Centred& centred, const std::vector<Index>& wanted, bool fresh = false);
  [[nodiscard]] const Factor& factor() const { return factor_; }
  [[nodiscard]] const std::vector<Index>& columns() const { return columns_; }

 private:
  void fill(const Centred& centred, Index kept);
  void remove_missing();

  Factor factor_;
  bool removed_ = false;
  std::vector<Index> columns_;
  std::vector<char> missing_;
};

/// The means of the columns of a LassoFactor.
struct ColumnMeans {
  std::vector<double> mean;      ///< of its columns()
  std::vector<double> whitened;  ///< forward(whiten(mean)); zeros before whiten()
  Index carrier = -1;            ///< see Centred::carrier; -1 before whiten()

  void take(const Centred& centred, const LassoFactor& factor);
  void whiten(const Centred& centred, const Factor& f);
};

/// The remainder of `raw` at pivot k >= rank after elimination of the independent columns; `whitened` is
/// f.forward(f.whiten(raw)).
[[nodiscard]] inline double remainder_of(const Factor& f, const std::vector<double>& whitened,
                                         const std::vector<double>& raw, Index k) {
  return f.scale_at(k) > 0 ? whitened[at(k)] : raw[at(f.column(k))];
}

}  // namespace pyrometer::minimum
