#include "pyrometer/minimum/softmax/rest.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "pyrometer/minimum/dense/residual.hpp"
#include "pyrometer/minimum/softmax/minimise.hpp"

namespace pyrometer::minimum {
namespace {

using Numbers = std::vector<double>;
// A class at this distance below a row's own may dominate the Hessian although its loss is negligible at the minimum.
constexpr double kRuling = 20;
// Up to this gap, relative to the loss, a minimum is taken for that of the rows.
constexpr double kClosed = 1e-10;

/// The minimum without the separated classes of rows, on a basis; parameters that depend on others stay as in `start`.
DescentResult on_face(const ClassifiedRows<double>& table, const ClassFace& face, Numbers start, int threads,
                      NewtonAim aim = NewtonAim::minimum) {
  const Numbers none(at(table.rows.features), 0.0);
  SoftmaxEvaluator<double> evaluator(table, none.data(), threads);
  DescentResult out;
  out.theta.assign(at(evaluator.parameters()), 0.0);
  SoftmaxEvaluation zero;
  evaluator.evaluate(out.theta, Wanted::products, zero);
  out.loss = zero.loss;
  const Index count = face.dimension;
  if (count == 0) {
    out.status = DescentStatus::converged;
    out.gap = 300 * kUnit * out.loss;
    out.theta = std::move(start);
    return out;
  }
  SoftmaxMetric metric;
  metric.of_products(zero, evaluator.columns(), table.classes, {}, 1, 0);
  if (metric.rank() < count) return out;
  return newton(evaluator, std::move(start), metric.pivots(count), aim);
}

/// Where the certificate does not close on a face: the minimum without classes that are far below a row's own at
/// `theta` is a lower bound, the loss there an upper bound. Undecided if there are none, or that does not close either.
DescentResult without_ruling(ClassifiedRows<double> table, const data::Rows<double>& exact, const ClassFace& face,
                             Numbers theta, int threads) {
  const Index classes = table.classes;
  std::vector<std::uint8_t> allowed = face.allowed;
  const Numbers z = logits_of(table.rows, classes, theta);
  bool any = false;
  for (Index i = 0; i < table.rows.rows; ++i) {
    const double own = z[at(i * classes + static_cast<Index>(table.rows.y[i]))];
    for (Index c = 0; c < classes; ++c)
      if (own - z[at(i * classes + c)] > kRuling) {
        any = any || allowed[at(i * classes + c)];
        allowed[at(i * classes + c)] = 0;
      }
  }
  DescentResult out;
  if (!any) return out;
  const ClassFace inner = face_of_classes(exact, classes, false, threads, std::move(allowed));
  if (!inner.certain) return out;
  table.allowed = inner.allowed.data();
  out = on_face(table, inner, std::move(theta), threads);
  if (out.status != DescentStatus::converged) return out;
  table.allowed = face.allowed.data();
  const Numbers none(at(table.rows.features), 0.0);
  SoftmaxEvaluation all;
  SoftmaxEvaluator<double>(table, none.data(), threads).evaluate(out.theta, Wanted::gradient, all);
  out.gap += std::max(0.0, all.loss - out.loss) + 300 * kUnit * all.loss;
  if (!(out.gap < all.loss)) out.status = DescentStatus::undecided;
  ++out.evaluations;
  return out;
}

}  // namespace

Numbers logits_of(const data::Rows<double>& rows, Index classes, const Numbers& theta) {
  const Index n = rows.features;
  Numbers z(at(rows.rows * classes), 0.0);
  for (Index i = 0; i < rows.rows; ++i)
    for (Index c = 0; c < std::ssize(theta) / n; ++c)
      for (Index k = 0; k < n; ++k) z[at(i * classes + c)] += rows.X[i * n + k] * theta[at(c * n + k)];
  return z;
}

DescentResult rest_of(ClassifiedRows<double> table, const data::Rows<double>& exact, const Numbers& theta, int threads,
                      ClassFace& face) {
  const std::vector<std::uint8_t> every(at(table.rows.rows * table.classes), 1);
  DescentResult rest;
  Index evaluations = 0;
  if (std::ssize(theta) <= kMostParameters) face = face_of_columns(exact, table.classes);
  if (face.any) {
    // A minimum that Newton's method certifies, of as many dimensions as are left, shows that no others are separated.
    table.allowed = face.allowed.data();
    rest = on_face(table, face, Numbers(theta.size(), 0.0), threads, NewtonAim::minimum_or_drift);
    face.certain = rest.status == DescentStatus::converged && rest.gap <= kClosed * rest.loss;
    if (face.certain) return rest;
    evaluations = rest.evaluations;
    rest = DescentResult();
    face = ClassFace();
    table.allowed = nullptr;
  }
  rest.theta = theta;
  for (const bool combinations : {false, true}) {
    ClassFace next = face_of_classes(exact, table.classes, combinations, threads, every);
    if (!next.certain || (face.certain && !next.any)) continue;
    face = std::move(next);
    if (!face.any) continue;
    table.allowed = face.allowed.data();
    rest = on_face(table, face, Numbers(theta.size(), 0.0), threads);
    evaluations += rest.evaluations;
    if (rest.status == DescentStatus::converged) break;
  }
  if (rest.status != DescentStatus::converged && face.certain) {
    rest = without_ruling(table, exact, face, std::move(rest.theta), threads);
    evaluations += rest.evaluations;
  }
  rest.evaluations = evaluations;
  return rest;
}

}  // namespace pyrometer::minimum
