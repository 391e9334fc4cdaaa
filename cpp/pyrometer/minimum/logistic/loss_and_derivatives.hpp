// One look at all rows: the cross entropy of a linear model, its gradient and its Hessian at given parameters.
#pragma once

#include <vector>

#include "pyrometer/base/aligned.hpp"
#include "pyrometer/base/chunks.hpp"
#include "pyrometer/data/pack.hpp"
#include "pyrometer/data/products.hpp"

namespace pyrometer::minimum {

/// What a look finds. Sums over rows, not means.
struct Evaluation {
  double loss = 0;               ///< sum_i ln(1 + e^-z_i), z_i = (2 y_i - 1) t_i
  double least = 0;              ///< min_i z_i
  std::vector<double> gradient;  ///< sum_i (sigma(t_i) - y_i) d_i, one number a column
  std::vector<double> size;      ///< sum_i |(sigma(t_i) - y_i) d_ij|: what the gradient's rounding is relative to
  base::AlignedArray<double> curvature;  ///< sum_i sigma' d_i d_i', padded(columns) wide, upper triangle
};

/// Looks at the rows of one system, again and again.
///
///     d_i = (x_i - shift, 1)   or, without intercept,   x_i - shift          t_i = d_i . theta
///
/// The block of rows that a pass is at stays in the cache: it is packed once, and then margins, losses, gradient and
/// the weighted products are made from the packed block. Few rows stay packed from look to look.
///
/// Reproducible: rows fall into chunks that depend on their number alone, and the chunks' sums are added in order.
/// Numbers that are not finite in the rows make the gradient not finite.
///
/// Cost of a look, m rows and n columns: 6 m n flops and one reading of the rows; with curvature m n^2 + m n more.
/// Memory: n^2 doubles a chunk (at most 64 of them, fewer where they would be more than 256 MB) if curvature is ever
/// asked for.
class LossEvaluator {
 public:
  LossEvaluator(const LossEvaluator&) = delete;
  LossEvaluator& operator=(const LossEvaluator&) = delete;
  virtual ~LossEvaluator();

  [[nodiscard]] Index rows() const { return rows_; }
  [[nodiscard]] Index columns() const { return columns_; }
  /// One look, at theta (one number a column). Leaves `curvature` alone unless it is asked for.
  void evaluate(const double* theta, bool curvature, Evaluation& out);
  /// The gradient alone, for half the cost; after a look.
  void gradient(const double* theta, std::vector<double>& out);
  /// max_i |d_ij| for each column, known after the first look.
  [[nodiscard]] const double* reach() const { return reach_.data(); }

 protected:
  struct Scratch;
  struct Part;
  enum class Wanted { gradient, energy, curvature };
  LossEvaluator(Index rows, Index features, bool intercept, const double* shift, int threads);
  /// `theta` is nullptr for zeros.
  void visit(const double* theta, Wanted wanted);
  virtual void chunk(Index k, Scratch& scratch, const double* theta, Wanted wanted, Part& part) const = 0;

  Index rows_, features_, columns_;
  std::vector<double> shift_;
  std::vector<double> reach_;
  bool reached_ = false;  ///< after the first look
  bool kept_;             ///< few rows stay packed
  int threads_;
  base::Chunks chunks_;
  base::AlignedArray<double> theta_;  // padded
  std::vector<Scratch> scratch_;
  std::vector<Part> parts_;
};

/// A sweep over rows of numbers of type T.
template <class T>
class LossEvaluatorOf final : public LossEvaluator {
 public:
  /// `rows.y` are labels 0 or 1. Everything pointed to must outlive the sweep. `shift` has one number a feature.
  LossEvaluatorOf(const data::Rows<T>& rows, bool intercept, const double* shift, int threads);

 private:
  void chunk(Index k, Scratch& scratch, const double* theta, Wanted wanted, Part& part) const override;

  data::Rows<T> table_;
  std::vector<T> ones_;
};

extern template class LossEvaluatorOf<double>;
extern template class LossEvaluatorOf<float>;

}  // namespace pyrometer::minimum
