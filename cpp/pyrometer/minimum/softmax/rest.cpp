#include "pyrometer/minimum/softmax/rest.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "pyrometer/minimum/dense/residual.hpp"
#include "pyrometer/minimum/logistic/outlying_rows.hpp"
#include "pyrometer/minimum/softmax/minimise.hpp"

namespace pyrometer::minimum {
namespace {

using Numbers = std::vector<double>;
// A class at these distances below a row's own may dominate the Hessian although its loss is negligible at the minimum:
// at the first one, and over more logits than kMany, where other searches take long, at the others, while more than
// kAlmost is left, relative to the loss.
constexpr double kRuling[] = {20, 26, 32, 38}, kAlmost = 1e-12;
constexpr Index kMany = 1 << 14;
// A class at this distance may be separated, where a descent has ended without a minimum: as its loss is negligible
// where Newton's steps converge as for separated rows, or else.
constexpr double kDrifted = 10, kSeparating = 5;
// Of more parameters a Hessian is not factored before facial reduction is tried.
constexpr Index kMostFactored = 4000;
// Pivots of the Hessian at 0, whose diagonal is 1, up to this may be rounding errors.
constexpr double kDependent = 1e-11;
// Up to this gap, relative to the loss, a minimum is taken for that of the rows.
constexpr double kClosed = 1e-10;

/// The minimum over the classes of rows that are allowed, on a basis of face.dimension parameters, of less if `aim` is
/// minimum_or_drift; those that depend on others stay as in `start`.
DescentResult on_face(ClassifiedRows<double> table, const ClassFace& face, Numbers start, int threads,
                      NewtonAim aim = NewtonAim::minimum) {
  table.allowed = face.allowed.data();
  const Numbers none(at(table.rows.features), 0.0);
  SoftmaxEvaluator<double> evaluator(table, none.data(), threads);
  DescentResult out;
  out.theta.assign(at(evaluator.parameters()), 0.0);
  SoftmaxEvaluation zero;
  evaluator.evaluate(out.theta, Wanted::products, zero);
  out.loss = zero.loss;
  SoftmaxMetric metric;
  Index count = face.dimension;
  if (count > 0) metric.of_products(zero, evaluator.columns(), table.classes, {}, 1, 0);
  if (aim == NewtonAim::minimum_or_drift) count = std::min(count, metric.rank(kDependent));
  if (count == 0) {
    out.status = DescentStatus::converged;
    out.gap = 300 * kUnit * out.loss;
    out.theta = std::move(start);
    return out;
  }
  if (metric.rank() < count) return out;
  return newton(evaluator, std::move(start), metric.pivots(count), aim);
}

/// Takes the classes that are more than `far` below a row's own at `theta` from `allowed`; whether there are any.
bool leave_out(const ClassifiedRows<double>& table, const Numbers& theta, double far,
               std::vector<std::uint8_t>& allowed) {
  const Index classes = table.classes;
  const Numbers z = logits_of(table.rows, classes, theta);
  bool any = false;
  for (Index i = 0; i < table.rows.rows; ++i) {
    const double own = z[at(i * classes + static_cast<Index>(table.rows.y[i]))];
    for (Index c = 0; c < classes; ++c)
      if (own - z[at(i * classes + c)] > far) {
        any = any || allowed[at(i * classes + c)];
        allowed[at(i * classes + c)] = 0;
      }
  }
  return any;
}

/// Where the certificate does not close on a face: the minimum without classes that are far below a row's own at
/// `theta` is a lower bound, the loss there an upper bound. Undecided if there are none, or that does not close either.
DescentResult without_ruling(ClassifiedRows<double> table, const data::Rows<double>& exact, const ClassFace& face,
                             const Numbers& theta, int threads) {
  DescentResult best;
  Index evaluations = 0;
  const Numbers none(at(table.rows.features), 0.0);
  const bool many = table.rows.rows * table.classes > kMany;
  for (const double far : kRuling) {
    std::vector<std::uint8_t> allowed = face.allowed;
    if (!leave_out(table, best.theta.empty() ? theta : best.theta, far, allowed)) break;
    const ClassFace inner = face_of_classes(exact, table.classes, false, threads, std::move(allowed));
    if (!inner.certain) break;
    DescentResult out = on_face(table, inner, best.theta.empty() ? theta : best.theta, threads);
    evaluations += out.evaluations + 1;
    if (out.status != DescentStatus::converged) break;
    table.allowed = face.allowed.data();
    SoftmaxEvaluation all;
    SoftmaxEvaluator<double>(table, none.data(), threads).evaluate(out.theta, Wanted::gradient, all);
    out.gap += std::max(0.0, all.loss - out.loss) + 300 * kUnit * all.loss;
    if (!(out.gap < std::min(all.loss, best.gap))) break;
    best = std::move(out);
    if (best.gap <= kAlmost * best.loss || !of_first_order(best.gap, best.loss) || !many) break;
  }
  best.evaluations = evaluations;
  return best;
}

/// Classes of rows, with the dimension of their span, that are not separated, as a minimum over them that Newton's
/// method certifies shows: without those that single columns separate, and then those of large margins at `theta`.
/// `certain` if all others are separated, empty if none is certified. rest: out, the minimum.
ClassFace overlapping(const ClassifiedRows<double>& table, const data::Rows<double>& exact, const Numbers& theta,
                      int threads, DescentResult& rest, Index& evaluations) {
  if (std::ssize(theta) > kMostFactored) return {};
  const ClassFace columns = face_of_columns(exact, table.classes);
  const bool tried = std::ssize(theta) <= kMostParameters && !columns.any;  // Newton's method
  Numbers drifted;
  for (const double far : {static_cast<double>(INFINITY), kDrifted, kSeparating}) {
    ClassFace known = columns;
    if (std::isinf(far) ? tried : !leave_out(table, drifted.empty() ? theta : drifted, far, known.allowed)) continue;
    rest = on_face(table, known, Numbers(theta.size(), 0.0), threads, NewtonAim::minimum_or_drift);
    evaluations += rest.evaluations;
    if (std::isinf(far) && rest.drifting) drifted = rest.theta;
    if (rest.status != DescentStatus::converged || !(rest.gap <= kClosed * rest.loss)) continue;
    known.dimension = rest.metric.rank();
    known.certain = known.allowed == columns.allowed && known.dimension == columns.dimension;
    return known;
  }
  return {};
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

DescentResult rest_of(const ClassifiedRows<double>& table, const data::Rows<double>& exact, const Numbers& theta,
                      int threads, ClassFace& face) {
  const std::vector<std::uint8_t> every(at(table.rows.rows * table.classes), 1);
  DescentResult rest;
  Index evaluations = 0;
  ClassFace known = overlapping(table, exact, theta, threads, rest, evaluations);
  face = known.certain || known.allowed.empty() ? known
                                                : face_of_classes(exact, table.classes, false, threads, every, known);
  bool open = face.open;
  if (!face.certain) face = ClassFace();
  if (!(face.certain && face.allowed == known.allowed)) {
    rest = DescentResult();
    rest.theta = theta;
  }
  const auto minimise = [&] {
    rest = on_face(table, face, Numbers(theta.size(), 0.0), threads);
    evaluations += rest.evaluations;
  };
  if (face.any && rest.status != DescentStatus::converged) minimise();
  for (const bool combinations : {false, true}) {
    if (rest.status == DescentStatus::converged) break;
    if (face.certain && !combinations) continue;
    ClassFace next = face_of_classes(exact, table.classes, combinations, threads, every);
    open = open || next.open;
    if (!next.certain || (face.certain && !next.any)) continue;
    face = std::move(next);
    if (face.any) minimise();
  }
  if (rest.status != DescentStatus::converged && face.certain) {
    rest = without_ruling(table, exact, face, rest.theta, threads);
    evaluations += rest.evaluations;
  }
  rest.evaluations = evaluations;
  face.open = open && !face.certain;
  if (face.open) face.allowed = every;
  return rest;
}

}  // namespace pyrometer::minimum
