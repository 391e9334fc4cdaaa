// Newton's method on some rows, in linearly independent columns.
#pragma once

#include <utility>
#include <vector>

#include "pyrometer/base/aligned.hpp"
#include "pyrometer/data/pack.hpp"
#include "pyrometer/minimum/logistic/independent_columns.hpp"
#include "pyrometer/minimum/logistic/newton.hpp"

namespace pyrometer::minimum {

/// Rows with linearly independent columns, their labels, and the map from the columns to those of the system.
struct Problem {
  base::AlignedArray<double> rows;
  std::vector<double> labels;
  std::vector<double> weights;  ///< empty: all 1
  Index columns = 0;
  std::vector<double> map;                ///< columns of the system x columns
  std::vector<std::vector<double>> null;  ///< combinations of the columns of the system that are at rounding level
  bool settled = true;                    ///< see Basis

  [[nodiscard]] Index count() const { return static_cast<Index>(labels.size()); }
  [[nodiscard]] const double* row(Index i) const { return rows.get() + i * columns; }
  [[nodiscard]] double sign(Index i) const { return 2 * labels[at(i)] - 1; }
  [[nodiscard]] data::Rows<double> all() const {
    return {rows.get(), labels.data(), count(), columns, count() * columns, weights.empty() ? nullptr : weights.data()};
  }
  /// Parameters of the columns of the system.
  [[nodiscard]] std::vector<double> back(const std::vector<double>& theta) const;
};

/// The rows that are not left out, with linearly independent columns. `independent` are columns that span all others on
/// these rows; `certain`: they are known to be linearly independent.
[[nodiscard]] Problem reduced(const data::Rows<double>& rows, bool intercept, const std::vector<bool>& left_out,
                              const std::vector<Index>& independent, bool certain, int threads);

/// The problem of all rows in the coordinates of a basis.
[[nodiscard]] Problem in_basis(const data::Rows<double>& rows, Basis basis);

/// Newton's method on a problem, continued as long as it makes progress.
class Attempt {
 public:
  Attempt(Problem problem, int threads);

  [[nodiscard]] const Problem& problem() const { return problem_; }
  [[nodiscard]] const NewtonResult& result() const { return result_; }
  [[nodiscard]] bool converged() const { return result_.status == NewtonStatus::converged; }
  [[nodiscard]] Index evaluations() const { return evaluations_; }
  /// Parameters of the n columns of the system.
  [[nodiscard]] std::vector<double> parameters(std::size_t n) const {
    return problem_.columns ? problem_.back(result_.theta) : std::vector<double>(n, 0.0);
  }

  /// Continues until neither the loss decreases nor margins grow, although the bound does not close. A step changes the
  /// margin of a row that dominates the curvature by about 1, while its loss is negligible.
  void iterate_until_stationary();

 private:
  /// Where weights differ much, a long step may end where all margins are so large that the curvature vanishes: the
  /// minima for powers of the weights lead from that for equal ones, in short steps.
  void iterate_in_short_steps();
  void iterate(Index evaluations);

  Problem problem_;
  int threads_;
  NewtonResult result_;
  Index evaluations_ = 0;
};

}  // namespace pyrometer::minimum
