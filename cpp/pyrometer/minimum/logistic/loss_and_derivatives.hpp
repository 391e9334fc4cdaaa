// The cross entropy of a linear model, its gradient and its Hessian at given parameters.
#pragma once

#include <vector>

#include "pyrometer/base/aligned.hpp"
#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/double_double.hpp"
#include "pyrometer/data/pack.hpp"

namespace pyrometer::minimum {

/// The loss and its derivatives. Sums over rows, not means, of terms times the weights of the rows, if they have any.
struct Evaluation {
  double loss = 0;                       ///< sum_i ln(1 + e^-z_i), z_i = (2 y_i - 1) t_i
  double least = 0;                      ///< min_i z_i
  std::vector<double> gradient;          ///< sum_i (sigma(t_i) - y_i) d_i, one number a column
  std::vector<double> size;              ///< sum_i |(sigma(t_i) - y_i) d_ij|: the terms of the gradient
  base::AlignedArray<double> curvature;  ///< sum_i sigma' d_i d_i', padded(columns) wide, upper triangle
  double unit = 0;                       ///< of the rounding errors of `curvature`: 2^-53, or 2^-24
};

/// Evaluates the loss of the rows of one system at given parameters, repeatedly.
///
///     d_i = (x_i - shift, 1)   or, without intercept,   x_i - shift          t_i = d_i . theta
///
/// Each block of rows is packed once per pass and stays in the cache while margins, losses, gradient and weighted
/// products are computed from it. Few rows stay packed between evaluations.
///
/// Reproducible: rows are divided into chunks that depend on their number alone, and the sums of the chunks are added
/// in order. Rows that are not finite give a gradient that is not finite.
///
/// Cost of an evaluation, m rows and n columns: 6 m n flops and one pass over the rows; with curvature m n^2 + m n
/// more, of which m n^2 in single precision take half as long. Memory: n^2 doubles for each chunk (at most 64, fewer
/// where that would exceed 256 MB) if curvature is ever requested.
class LossEvaluator {
 public:
  LossEvaluator(const LossEvaluator&) = delete;
  LossEvaluator& operator=(const LossEvaluator&) = delete;
  virtual ~LossEvaluator();

  [[nodiscard]] Index rows() const { return rows_; }
  /// The sum of the weights of the rows; their number if they have none.
  [[nodiscard]] double weight() const { return weight_; }
  [[nodiscard]] Index columns() const { return columns_; }
  /// Evaluates at theta, one number for each column. `out.curvature` is not changed unless `curvature`. `single`: it
  /// may be summed in single precision, which it is after a first evaluate() where no number leaves its range.
  void evaluate(const double* theta, bool curvature, Evaluation& out, bool single = false);
  /// The gradient only, for half the cost; after a first evaluate().
  void gradient(const double* theta, std::vector<double>& out);
  /// max_i |d_ij| for each column; after a first evaluate().
  [[nodiscard]] const double* reach() const { return reach_.data(); }

 protected:
  struct Scratch;
  struct Part;
  enum class Wanted { gradient, energy, curvature, single };
  LossEvaluator(Index rows, Index features, bool intercept, const double* shift, int threads, double weight);
  /// `theta` is nullptr for zeros.
  void visit(const double* theta, Wanted wanted);
  void add_curvatures(bool single, Evaluation& out);
  [[nodiscard]] bool fits_single() const;
  virtual void chunk(Index k, Scratch& scratch, const double* theta, Wanted wanted, Part& part) const = 0;

  Index rows_, features_, columns_;
  double weight_;
  std::vector<double> shift_;
  std::vector<double> reach_;
  bool reached_ = false;  ///< whether reach_ is computed
  bool kept_;             ///< few rows stay packed
  int threads_;
  base::Chunks chunks_;
  base::AlignedArray<double> theta_;  // padded
  std::vector<Scratch> scratch_;
  std::vector<Part> parts_;
};

/// The sum of the weights of rows; their number if they have none.
template <class T>
[[nodiscard]] double weight_of(const data::Rows<T>& rows) {
  if (!rows.weights) return static_cast<double>(rows.rows);
  base::DoubleDouble sum;
  for (Index i = 0; i < rows.rows; ++i) sum.add(rows.weights[i]);
  return sum.value();
}

/// The evaluator for rows of numbers of type T.
template <class T>
class LossEvaluatorOf final : public LossEvaluator {
 public:
  /// `rows.y` are labels 0 or 1. Everything pointed to must outlive the evaluator. `shift` has one number a feature.
  LossEvaluatorOf(const data::Rows<T>& rows, bool intercept, const double* shift, int threads);

 private:
  void chunk(Index k, Scratch& scratch, const double* theta, Wanted wanted, Part& part) const override;

  data::Rows<T> table_;
  std::vector<T> ones_;
};

extern template class LossEvaluatorOf<double>;
extern template class LossEvaluatorOf<float>;

}  // namespace pyrometer::minimum
