// The softmax cross entropy of a linear model, its gradient and its Hessian at given parameters.
#pragma once

#include <cstdint>
#include <vector>

#include "pyrometer/base/aligned.hpp"
#include "pyrometer/base/chunks.hpp"
#include "pyrometer/data/pack.hpp"

namespace pyrometer::minimum {

/// The rows of one system; rows.y are classes 0 .. classes - 1, rows.weights factors of their losses.
template <class T>
struct ClassifiedRows {
  data::Rows<T> rows;
  Index classes;
  bool intercept;
  const std::uint8_t* allowed = nullptr;  ///< rows x classes, whether a class is in the sums of a row; nullptr: all
};

/// The loss and its derivatives: sums over rows, not means. Parameters are those of all classes but the last, class by
/// class, whose own are zero: k (n) of them, k = classes - 1; those of the last class are 0.
struct SoftmaxEvaluation {
  double loss = 0;                      ///< sum_i w_i [ln sum_c e^{z_ic} - z_i,y_i]
  double least = 0;                     ///< min_i (z_i,y_i - max of the others)
  std::vector<double> gradient;         ///< k x n
  std::vector<double> size;             ///< k x n: sums of the absolute values of the terms of the gradient
  base::AlignedArray<double> products;  ///< for all c < d: sum_i w_i p_ic p_id d_i d_i', padded(n) wide, upper triangle
  base::AlignedArray<double> least_gram;  ///< sum_i w_i (min_c p_ic) d_i d_i'
};

enum class Wanted { gradient, products, least_gram };

/// The element of the Hessian at these parameters of all classes but the last, after an evaluation with products.
[[nodiscard]] double hessian_of(const SoftmaxEvaluation& evaluation, Index columns, Index classes, Index row,
                                Index column);

/// Evaluates the loss of the rows of one system at given parameters, repeatedly.
///
///     d_i = (x_i - shift, 1) or x_i - shift          z_ic = d_i . theta_c, and 0 for the last class
///
/// Hessian: block (c, d) is -products(c, d) for c != d, and for c = d the sum of the products of c with all others.
///
/// Reproducible: rows are divided into chunks that depend on the sizes alone, and the sums of the chunks are added in
/// order. Rows that are not finite give a loss that is not finite.
///
/// Cost of an evaluation of m rows, n columns and C classes: 6 m n (C - 1) flops, m C exponentials and one pass over
/// the rows; for products m n^2 C (C - 1) / 2 more, for least_gram m n^2. Memory: the products of each chunk, at most
/// 64 and 256 MB.
template <class T>
class SoftmaxEvaluator {
 public:
  /// Everything pointed to must outlive the evaluator. `shift` has one number a feature.
  SoftmaxEvaluator(const ClassifiedRows<T>& table, const double* shift, int threads);

  [[nodiscard]] Index rows() const { return table_.rows.rows; }
  [[nodiscard]] Index columns() const { return columns_; }
  [[nodiscard]] Index classes() const { return table_.classes; }
  [[nodiscard]] Index parameters() const { return columns_ * (classes() - 1); }
  void evaluate(const std::vector<double>& theta, Wanted wanted, SoftmaxEvaluation& out);
  /// max_i |d_ij| for each column; after a first evaluate().
  [[nodiscard]] std::vector<double> reach() const;
  /// max |d_ij| for each column over the rows in whose sums class c is; after a first evaluate().
  [[nodiscard]] const double* reach(Index c) const { return reach_.data() + (table_.allowed ? c * width_ : 0); }

 private:
  struct Scratch;
  struct Part;
  void chunk(Index k, Scratch& scratch, Wanted wanted, Part& part) const;
  /// As stretch(), for each class over the rows where it is allowed.
  void stretch_allowed(Index begin, Index depth, const double* d, double* reach) const;

  ClassifiedRows<T> table_;
  Index columns_, width_, pairs_;
  int threads_;
  bool reached_ = false;
  std::vector<double> shift_, reach_;
  std::vector<T> ones_;
  base::Chunks chunks_;
  std::vector<double> theta_;  // padded
};

extern template class SoftmaxEvaluator<double>;
extern template class SoftmaxEvaluator<float>;

/// Energies of many parameters: mean over rows of the loss, for `draws` sets of classes x n parameters of the columns
/// (x_i, 1) or x_i, those of all classes here; energy has `draws` numbers.
///
/// Reproducible as above. Cost of a row and a set: 2 n C flops and C exponentials; sets are taken in groups while
/// blocks of rows stay in the cache.
template <class T>
void softmax_energies(const ClassifiedRows<T>& table, const double* parameters, Index draws, int threads,
                      double* energy);

extern template void softmax_energies(const ClassifiedRows<double>&, const double*, Index, int, double*);
extern template void softmax_energies(const ClassifiedRows<float>&, const double*, Index, int, double*);

}  // namespace pyrometer::minimum
