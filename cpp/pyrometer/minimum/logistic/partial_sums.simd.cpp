#include "pyrometer/minimum/logistic/partial_sums.hpp"

#include <algorithm>

#include "pyrometer/data/products.hpp"
#include "pyrometer/minimum/logistic/loss_and_derivatives.hpp"

namespace pyrometer::minimum {

template <class T>
void evaluate_once(const data::Rows<T>& rows, bool intercept, const double* shift, const double* theta, int threads,
                   EvaluationArrays& out) {
  LossEvaluatorOf<T> evaluator(rows, intercept, shift, threads);
  Evaluation evaluation;
  evaluator.evaluate(theta, out.curvature != nullptr, evaluation);
  const Index n = evaluator.columns(), ld = data::padded(n);
  out.loss = evaluation.loss;
  out.least = evaluation.least;
  std::copy(evaluation.gradient.begin(), evaluation.gradient.end(), out.gradient);
  std::copy(evaluation.size.begin(), evaluation.size.end(), out.size);
  std::copy(evaluator.reach(), evaluator.reach() + n, out.reach);
  for (Index i = 0; out.curvature && i < n; ++i)
    for (Index j = i; j < n; ++j)
      out.curvature[i * n + j] = out.curvature[j * n + i] = evaluation.curvature[at(i * ld + j)];
}

template void evaluate_once(const data::Rows<double>&, bool, const double*, const double*, int, EvaluationArrays&);
template void evaluate_once(const data::Rows<float>&, bool, const double*, const double*, int, EvaluationArrays&);

}  // namespace pyrometer::minimum
