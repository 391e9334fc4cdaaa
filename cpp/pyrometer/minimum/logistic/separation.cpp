#include "pyrometer/minimum/logistic/separation.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <optional>
#include <utility>

#include "pyrometer/minimum/dense/residual.hpp"
#include "pyrometer/minimum/faces/facial_reduction.hpp"
#include "pyrometer/minimum/faces/modular_span.hpp"
#include "pyrometer/minimum/logistic/attempt.hpp"
#include "pyrometer/minimum/logistic/block_kernel.hpp"
#include "pyrometer/minimum/logistic/combination.hpp"
#include "pyrometer/minimum/logistic/dependence.hpp"
#include "pyrometer/minimum/logistic/exact_columns.hpp"
#include "pyrometer/minimum/logistic/exact_loss.hpp"
#include "pyrometer/minimum/logistic/independent_columns.hpp"
#include "pyrometer/minimum/logistic/newton.hpp"
#include "pyrometer/minimum/logistic/outlying_rows.hpp"
#include "pyrometer/minimum/logistic/pairs.hpp"
#include "pyrometer/minimum/logistic/sample.hpp"

namespace pyrometer::minimum {
namespace {

using Numbers = std::vector<double>;

// A separated row at this margin has the loss e^-40, far below the rounding error of a sum that includes ln 2.
constexpr double kFarAway = 40;
// A row at this margin may dominate the curvature although its loss is negligible at the minimum.
constexpr double kRuling = 20;
// Rows at this margin may be separated, where Newton's method has ended without a minimum.
constexpr double kSeparating = 5;
// Above this ratio of bounds of a minimum, other rows may be separated than those that were found.
constexpr double kOpen = 1 + 1e-6;
// Above this gap, relative to the loss, margins of rows are tried as coordinates.
constexpr double kWide = 1e-10;
// Where large rows of one class tie, Newton's method adds 1 to their margins in each step.
constexpr Index kOfLarge = 60;
std::vector<Index> all_of(const data::Rows<double>& rows) {
  std::vector<Index> out(at(rows.rows));
  std::iota(out.begin(), out.end(), Index{0});
  return out;
}

/// The face of a direction that separates all rows beyond rounding; not `certain` if it does not.
Face all_separated(const data::Rows<double>& rows, bool intercept, Numbers direction) {
  Face face;
  std::vector<Index> all = all_of(rows);
  Numbers margin, terms;
  margins_of(rows, all, intercept, direction, margin, terms);
  const double allowed = 4 * kUnit * kUnit * static_cast<double>(rows.features + 4);
  for (std::size_t i = 0; i < margin.size(); ++i)
    if (!(margin[i] > allowed * terms[i])) return face;
  face.certain = true;
  face.separated = {{std::move(direction), std::move(all)}};
  return face;
}

/// Moves parameters along the directions until every separated row has a margin of `far`.
///
/// The last direction first: an earlier one can then compensate the effect of a later one on its rows.
Numbers moved(const data::Rows<double>& rows, bool intercept, const Face& face, double far, Numbers theta) {
  Numbers margin, slope, terms;
  for (auto part = face.separated.rbegin(); part != face.separated.rend(); ++part) {
    double length = 0;
    margins_of(rows, part->rows, intercept, theta, margin, terms);
    margins_of(rows, part->rows, intercept, part->direction, slope, terms);
    for (std::size_t k = 0; k < margin.size(); ++k) length = std::max(length, (far - margin[k]) / slope[k]);
    for (std::size_t j = 0; j < theta.size(); ++j) theta[j] += length * part->direction[j];
  }
  return theta;
}

/// Moves theta along the directions until the losses of separated rows are negligible, unless rounding errors of large
/// parameters increase the loss of the others; returns the loss, which is at least `lowest`.
double place(const data::Rows<double>& rows, bool intercept, const Face& face, double lowest, int threads,
             Numbers& theta) {
  Numbers best(theta.size(), 0.0);
  const double weight = weight_of(rows);
  double least = weight * std::log(2.0);
  if (const double loss = loss_at(rows, intercept, theta, threads); loss <= least) least = loss, best = theta;
  for (double far = kFarAway; far >= 5 && !face.separated.empty(); far /= 2) {
    Numbers there = moved(rows, intercept, face, far, theta);
    const double loss = loss_at(rows, intercept, there, threads);
    const bool finite = std::all_of(there.begin(), there.end(), [](double x) { return std::isfinite(x); });
    if (finite && loss <= least) least = loss, best = std::move(there);
    if (finite && loss <= lowest * (1 + 1e-12) + weight * std::exp(-far)) break;
  }
  theta = std::move(best);
  return least;
}

/// Error bounds of the system's parameters, if no column was dropped.
Numbers errors_of(const Attempt& solution, std::size_t n) {
  Numbers errors, work;
  for (std::size_t r = 0; r < n; ++r) {
    const Numbers row(solution.problem().map.data() + r * n, solution.problem().map.data() + (r + 1) * n);
    double terms = 0;
    for (std::size_t j = 0; j < n; ++j) terms += std::abs(row[j] * solution.result().theta[j]);
    errors.push_back(solution.result().error_of(row, work) + static_cast<double>(n) * kUnit * terms);
  }
  return errors;
}

/// The infimum in margins of rows as coordinates (pairs.hpp), from out.parameters, if it is closer; returns whether it
/// is. reached: out, the loss of all rows at the parameters.
bool improve(const data::Rows<double>& rows, bool intercept, const std::vector<bool>& used, const Face& face,
             int threads, Infimum& out, double& reached) {
  std::vector<Index> kept;
  for (std::size_t j = 0; j < used.size(); ++j)
    if (used[j]) kept.push_back(static_cast<Index>(j));
  const ExactColumns exact(rows, intercept, std::move(kept));
  std::vector<std::uint8_t> allowed(at(2 * rows.rows), 1);
  for (const Separated& part : face.separated)
    for (const Index i : part.rows) allowed[at(2 * i + (rows.y[i] > 0.5 ? 0 : 1))] = 0;
  Numbers margin, terms, logits;
  margins_of(rows, all_of(rows), intercept, out.parameters, margin, terms);
  for (std::size_t i = 0; i < margin.size(); ++i) {
    logits.push_back(rows.y[i] > 0.5 ? -margin[i] : margin[i]);
    logits.push_back(0);
  }
  const PairsResult found = minimum_of_pairs(exact.of(rows), 2, allowed, logits);
  out.evaluations += found.evaluations;
  if (!(found.gap < std::min(out.gap, found.loss))) return false;
  Numbers parameters = exact.back(found.theta, std::ssize(used));  // of class 0, whose logit is that of class 1 negated
  for (double& x : parameters) x = -x;
  const double placed = place(rows, intercept, face, found.loss, threads, parameters);
  const double gap = found.gap + std::max(0.0, placed - found.loss) + 1000 * kUnit * placed;
  if (!(gap < out.gap)) return false;
  reached = placed;
  out.value = found.loss;
  out.gap = gap;
  out.parameters = std::move(parameters);
  out.errors.clear();
  return true;
}

/// The number of separated rows.
Index separated_by(const Face& face) {
  Index count = 0;
  for (const Separated& part : face.separated) count += std::ssize(part.rows);
  return count;
}

/// Replaces `face` by one that separates more rows, if nearly dependent columns do; whether there is one.
bool refine(const data::Rows<double>& rows, bool intercept, const std::vector<bool>& used, const Numbers& theta,
            int threads, Face& face) {
  if (separated_by(face) == rows.rows) return false;
  Face finer = face_of_combinations(rows, intercept, used, theta, threads);
  face.open = face.open || (finer.open && !face.certain);
  if (!finer.certain || separated_by(finer) <= separated_by(face)) return false;
  face = std::move(finer);
  return true;
}

/// Marks the rows on the correct side with a margin above `far`; whether any was not marked.
bool mark_margins(const data::Rows<double>& rows, bool intercept, const Numbers& theta, double far,
                  std::vector<bool>& marked) {
  const auto before = std::count(marked.begin(), marked.end(), true);
  Numbers margin, terms;
  margins_of(rows, all_of(rows), intercept, theta, margin, terms);
  for (std::size_t i = 0; i < margin.size(); ++i)
    if (margin[i] > far) marked[i] = true;
  return std::count(marked.begin(), marked.end(), true) > before;
}

/// The minimum in coordinates of few rows that are far larger than all others, if there are any and it is certified.
std::optional<Infimum> in_outlying(const data::Rows<double>& rows, bool intercept, int threads) {
  OutlyingRows outlying(rows, intercept, 2, true);
  if (!outlying.any() || !(outlying.few() || outlying.apart())) return {};
  const auto n = at(rows.features + (intercept ? 1 : 0));
  const Numbers none(n, 0.0);
  Infimum out;
  for (NewtonResult result;;) {
    const data::Rows<double> part = outlying.rows(rows, threads);
    NewtonResult previous;
    previous.theta = outlying.start();
    if (outlying.active() == 0) previous = minimum_of_samples(part, false, none.data(), threads);
    LossEvaluatorOf<double> evaluator(part, false, none.data(), threads);
    NewtonOptions options;
    if (outlying.active() > 0) options.evaluations = kOfLarge;
    result = newton(evaluator, previous.theta, options, &previous);
    out.evaluations += result.evaluations;
    if (result.status != NewtonStatus::converged) {
      if (result.status != NewtonStatus::undecided || !outlying.retry(result.theta, true)) return {};
      continue;
    }
    double lost = 0;
    if (outlying.activate(result.theta, lost)) continue;
    out.value = result.loss;
    out.rank = rows.features;
    out.parameters = outlying.back(result.theta);
    const double own = result.excess + result.rounding;
    double reached = loss_at(rows, intercept, out.parameters, threads);
    const Numbers map = outlying.map();
    const Numbers exact = outlying.back(result.theta, false);
    if (!(std::abs(reached - out.value) <= own + 1000 * kUnit * reached))  // moves of logits are larger than rounding
      if (const double there = loss_at(rows, intercept, exact, threads); there < reached)
        reached = there, out.parameters = exact;
    Numbers work;
    for (std::size_t r = 0; r < n; ++r) {
      const Numbers row(map.data() + r * n, map.data() + (r + 1) * n);
      double terms = 0;
      for (std::size_t j = 0; j < n; ++j) terms += std::abs(row[j] * result.theta[j]);
      out.errors.push_back(1.01 * result.error_of(row, work) + static_cast<double>(n + 4) * kUnit * terms +
                           std::abs(out.parameters[r] - exact[r]));
    }
    if (!std::isfinite(reached) || !of_first_order(own, out.value)) return {};
    if (outlying.stretched()) out.errors.clear();
    out.gap = 2 * own + lost + std::abs(reached - out.value) + 1000 * kUnit * reached;
    return out;
  }
}

/// Derivatives of the loss by the logits, weights included.
Numbers logit_slopes(const data::Rows<double>& rows, bool intercept, const Numbers& theta) {
  Numbers margin, terms, slopes;
  margins_of(rows, all_of(rows), intercept, theta, margin, terms);
  for (std::size_t i = 0; i < margin.size(); ++i)
    slopes.push_back((1 - 2 * rows.y[i]) * (rows.weights ? rows.weights[i] : 1.0) / (1 + std::exp(margin[i])));
  return slopes;
}

/// How much less than the minimum over the rows that are not separated the loss may be, at theta, by rounding of
/// columns that depend on others.
double lowered_by(const std::vector<Numbers>& null, const data::Rows<double>& rows, bool intercept, const Face& face,
                  const Numbers& theta, double loss) {
  return lowered_by_rounding(rows, intercept, null, theta, loss, [&] {
    Numbers slopes = logit_slopes(rows, intercept, theta);
    for (const Separated& part : face.separated)
      for (const Index i : part.rows) slopes[at(i)] = 0;
    return slopes;
  });
}

/// The value and its gap, given the loss `reached` of all rows.
void bound(const Attempt& solution, double reached, Infimum& out) {
  const NewtonResult& result = solution.result();
  const double own = result.excess + result.rounding;
  out.value = result.loss;
  out.gap = own + std::max(0.0, reached - out.value) + 1000 * kUnit * reached;
  if (!solution.converged() || !of_first_order(own, out.value) || reached < out.value - 2 * out.gap)
    out.gap = std::max(out.value, reached);  // an upper bound; 0 is a lower one
}

/// Marks the columns of a basis, and no others; returns the number of those before the intercept.
Index use(const std::vector<Index>& kept, Index features, std::vector<bool>& used) {
  std::fill(used.begin(), used.end(), false);
  for (const Index j : kept) used[at(j)] = true;
  return std::count(used.begin(), used.begin() + features, true);
}

/// The search for an infimum: which rows are separated, and the minimum over the others.
class InfimumSearch {
 public:
  InfimumSearch(const data::Rows<double>& rows, bool intercept, const KnownOfRows& known, int threads)
      : rows_(rows),
        intercept_(intercept),
        known_(known),
        threads_(threads),
        n_(at(rows.features + (intercept ? 1 : 0))),
        used_(n_, true),
        left_out_(at(rows.rows), false) {}

  Infimum run() {
    find_face();
    if (!face_.separated.empty() && face_.certain)
      leave_out();
    else
      solution_->iterate_until_stationary();
    out_.parameters = solution_->parameters(n_);
    if (solution_->converged() && face_.separated.empty() && solution_->problem().columns == std::ssize(used_))
      out_.errors = errors_of(*solution_, n_);
    leave_out_small();
    bound_from_both_sides();
    return std::move(out_);
  }

  /// Combinations of the columns that are at rounding level.
  [[nodiscard]] const std::vector<Numbers>& null() const { return null_; }
  /// Rows that were left out where the others have fewer independent columns, but for rounding; else empty.
  [[nodiscard]] const std::vector<bool>& ruling() const { return ruling_; }
  /// Of the minimum over the rows that are not left out.
  [[nodiscard]] Numbers theta() const { return solution_->parameters(n_); }

 private:
  // Of all rows; independent columns need a basis only where no row is separated.
  void find_face() {
    if (known_.separated) face_ = all_separated(rows_, intercept_, known_.theta);
    const bool searched = known_.independent && !face_.certain;
    if (searched) search_face(known_.theta);
    out_.rank = rows_.features;
    if (known_.independent && face_.certain && !face_.separated.empty()) return;
    Basis basis = reduce(Matrix{rows_.X, rows_.rows, rows_.features}, intercept_, false, threads_);
    settled_ = basis.settled;
    null_ = basis.null;
    out_.rank = use(basis.kept, rows_.features, used_);
    if (!searched && !face_.certain && search_columns(known_.theta)) return;
    solution_.emplace(in_basis(rows_, std::move(basis)), threads_);
    out_.evaluations = solution_->evaluations();
    const Numbers theta = solution_->parameters(n_);
    if (solution_->result().status == NewtonStatus::separated && !face_.certain)
      face_ = all_separated(rows_, intercept_, theta);
    if (!solution_->converged() && !face_.certain && !searched) search_face(theta);
  }

  // Without the rows that single columns separate, and then without those of large margins, Newton's method may certify
  // a minimum: nothing separates the others, which facial reduction would show in far more time.
  void search_face(const Numbers& theta) {
    if (!columns_tried_ && search_columns(theta)) return;
    search_without(kSeparating, theta);
    if (!face_.certain) face_ = face_of(rows_, intercept_, used_, theta, threads_);
  }

  // The first part. Returns whether all rows that are separated are found, of which there are some.
  bool search_columns(const Numbers& theta) {
    columns_tried_ = true;
    columns_ = face_of_columns(rows_, intercept_, remaining_);
    if (!columns_.separated.empty()) search_without(INFINITY, theta.empty() ? Numbers(n_, 0.0) : theta);
    if (!face_.certain) face_ = Face();
    return face_.certain;
  }

  // Without rows of margins above `far` either.
  void search_without(double far, const Numbers& theta) {
    if (remaining_.empty()) return;
    mark(columns_);
    mark_margins(rows_, intercept_, theta, far, left_out_);
    const auto left = std::count(left_out_.begin(), left_out_.end(), false);
    if (left > 0 && left < rows_.rows) search_marked(theta);
    std::fill(left_out_.begin(), left_out_.end(), false);
  }

  void search_marked(const Numbers& theta) {
    face_.independent.clear();
    for (Index j = 0; j < std::ssize(used_); ++j)
      if (used_[at(j)] && !is_zero(j)) face_.independent.push_back(j);
    others_.reset();
    Attempt others = without(false);
    if (!certified(others)) return;
    Overlap known;
    known.dimension = others.problem().columns;
    others_.emplace(std::move(others));
    without_ = left_out_;
    for (Index i = 0; i < rows_.rows; ++i)
      if (!left_out_[at(i)]) known.rows.push_back(i);
    face_ = face_of(rows_, intercept_, used_, theta, threads_, known);
  }

  // Whether a column is 0 in all rows that are not left out.
  [[nodiscard]] bool is_zero(Index j) const {
    if (j == rows_.features) return false;
    Index i = 0;
    while (i < rows_.rows && (left_out_[at(i)] || rows_.X[i * rows_.features + j] == 0)) ++i;
    return i == rows_.rows;
  }

  [[nodiscard]] static bool certified(const Attempt& attempt) {
    const NewtonResult& result = attempt.result();
    return attempt.converged() && attempt.problem().settled && result.excess + result.rounding <= kWide * result.loss;
  }

  // The minimum over the rows that are not left out, by Newton's first steps.
  Attempt without(bool independent) {
    Problem problem = reduced(rows_, intercept_, left_out_, face_.independent, independent, threads_);
    problem.null.insert(problem.null.end(), null_.begin(), null_.end());
    Attempt other(std::move(problem), threads_);
    out_.evaluations += other.evaluations();
    return other;
  }

  // The same, until neither loss nor margins change.
  Attempt minimum_without(bool independent) {
    Attempt other = without(independent);
    iterate(other);
    return other;
  }

  void iterate(Attempt& attempt) {
    const Index before = attempt.evaluations();
    attempt.iterate_until_stationary();
    out_.evaluations += attempt.evaluations() - before;
  }

  void mark(const Face& face) {
    for (const Separated& part : face.separated)
      for (const Index i : part.rows) left_out_[at(i)] = true;
  }

  void leave_out() {
    mark(face_);
    if (others_ && without_ == left_out_ && others_->problem().null.size() == null_.size()) {
      solution_ = std::move(others_);
      iterate(*solution_);
    } else {
      others_.reset();
      solution_.emplace(minimum_without(face_.minimal));
    }
    others_.reset();
  }

  // Rows whose loss is small may be so large that the bound does not close: the infimum over the others is a lower
  // bound, the loss of all rows at its minimiser an upper one.
  void leave_out_small() {
    if (solution_->converged() || !face_.certain ||
        !mark_margins(rows_, intercept_, out_.parameters, kRuling, left_out_))
      return;
    if (Attempt other = minimum_without(false); other.converged()) {
      const Index columns = other.problem().columns;
      if (columns < solution_->problem().columns && others_span_more_than(columns)) ruling_ = left_out_;
      solution_ = std::move(other);
      out_.parameters = solution_->parameters(n_);
    }
  }

  [[nodiscard]] bool others_span_more_than(Index dimension) const {
    ModularSpan span;
    for (Index i = 0; i < rows_.rows && span.rank() <= dimension; ++i) {
      if (left_out_[at(i)]) continue;
      std::vector<Residue> row;
      for (std::size_t j = 0; j < n_; ++j)
        if (used_[j]) row.push_back(residue_of(j < at(rows_.features) ? rows_.X[at(i * rows_.features) + j] : 1.0));
      span.add(std::move(row));
    }
    return span.rank() > dimension;
  }

  // The loss of all rows at parameters where the rows known to be separated are far on their sides, or at 0.
  double reach() { return place(rows_, intercept_, face_, solution_->result().loss, threads_, out_.parameters); }

  void bound_from_both_sides() {
    double reached = reach();
    const bool closed = solution_->converged() && reached <= solution_->result().loss * kOpen;
    if (!closed && refine(rows_, intercept_, used_, out_.parameters, threads_, face_)) {
      out_.errors.clear();
      std::fill(left_out_.begin(), left_out_.end(), false);
      leave_out();
      out_.parameters = solution_->parameters(n_);
      reached = reach();
    }
    out_.attained = face_.separated.empty() && !face_.open;
    if (face_.certain && !out_.attained) out_.direction = moved(rows_, intercept_, face_, kFarAway, Numbers(n_, 0.0));
    bound(*solution_, reached, out_);
    const bool tried =
        (face_.certain || face_.open) && separated_by(face_) < rows_.rows && !(out_.gap <= kWide * out_.value);
    // The margins of rows have all columns that are used, also those that depend on others without the small rows.
    const bool improved = tried && improve(rows_, intercept_, used_, face_, threads_, out_, reached);
    const double lowered = improved ? lowered_by(null_, rows_, intercept_, face_, out_.parameters, out_.value)
                                    : lowered_by(solution_->problem().null, rows_, intercept_, face_,
                                                 solution_->parameters(n_), out_.value);
    out_.gap = std::max(out_.gap, std::min(out_.gap + lowered, std::max(out_.value, reached)));
    // Larger parameters make a signal of rounding, or else the rows that are left out are separated.
    if (out_.attained && !ruling_.empty()) settled_ = false;
    if (!settled_) out_.gap = std::max(out_.gap, out_.value), out_.errors.clear();
    // Without a certain digit the value is the loss at the parameters.
    if (out_.value > 0 && out_.gap >= out_.value) out_.value = std::max(out_.value, reached);
  }

  const data::Rows<double>& rows_;
  bool intercept_;
  const KnownOfRows& known_;
  int threads_;
  std::size_t n_;
  Infimum out_;
  Face face_;
  std::vector<bool> used_, left_out_, ruling_;
  std::vector<Numbers> null_;
  bool settled_ = true;
  std::optional<Attempt> solution_;
  Face columns_;                  // the rows that single columns separate
  std::vector<Index> remaining_;  // the others
  bool columns_tried_ = false;
  std::optional<Attempt> others_;  // the certified minimum without those that are marked in without_
  std::vector<bool> without_;
};

Infimum searched(const data::Rows<double>& rows, bool intercept, const KnownOfRows& known, bool nested, Index& left,
                 int threads);

/// The infimum of the rows that single columns do not separate, with those far on their sides; none if there are no
/// others, or none such. Without them, more columns are dependent.
std::optional<Infimum> without_separated(const data::Rows<double>& rows, bool intercept, bool nested, Index& left,
                                         int threads) {
  std::vector<Index> remaining;
  const Face face = face_of_columns(rows, intercept, remaining);
  if (face.separated.empty() || face.certain) return {};
  const RowSubset others(rows, remaining);
  Infimum out = searched(others.rows(), intercept, KnownOfRows(), nested, left, threads);
  const double reached = place(rows, intercept, face, out.value, threads, out.parameters);
  out.gap += std::max(0.0, reached - out.value) + 1000 * kUnit * reached;
  out.attained = false;
  out.direction.resize(at(rows.features + (intercept ? 1 : 0)), 0.0);
  out.direction = moved(rows, intercept, face, kFarAway, std::move(out.direction));
  if (!std::all_of(out.direction.begin(), out.direction.end(), [](double x) { return std::isfinite(x); })) return {};
  return out;
}

/// The infimum without a column that is a combination of sparser ones in `null`, if there is one.
std::optional<Infimum> without_dense(const data::Rows<double>& rows, bool intercept, const std::vector<Numbers>& null,
                                     bool nested, Index& left, int threads) {
  const DenseColumn dense = dependent_column(rows, intercept, null);
  if (!dense.null) return {};
  const bool constant = dense.column == rows.features;
  const Numbers X = without_column(rows, dense.column);
  data::Rows<double> others = rows;
  if (!constant) others.X = X.data(), --others.features, others.readable = std::ssize(X);
  Infimum out = searched(others, intercept && !constant, KnownOfRows(), nested, left, threads);
  for (Numbers* const numbers : {&out.parameters, &out.direction})
    if (!numbers->empty()) numbers->insert(numbers->begin() + dense.column, 0);
  out.gap += lowered_by({*dense.null}, rows, intercept, Face(), out.parameters, out.value);
  return out;
}

/// The rows of large margins beyond rounding.
std::vector<bool> ruling_rows(const data::Rows<double>& rows, bool intercept, const Numbers& theta) {
  std::vector<bool> out;
  Numbers margin, terms;
  margins_of(rows, all_of(rows), intercept, theta, margin, terms);
  const double rounding = 4 * static_cast<double>(rows.features + 1) * kUnit;
  for (std::size_t i = 0; i < margin.size(); ++i) out.push_back(margin[i] > std::max(kRuling, rounding * terms[i]));
  return out;
}

/// The infimum where columns that depend on others within rounding, but for rows that are left out, are 0 in all other
/// rows; none if there are no such columns.
std::optional<Infimum> in_reduced(const data::Rows<double>& rows, bool intercept, const std::vector<bool>& left_out,
                                  Index& left, int threads) {
  const ReducedColumns columns(rows, intercept, left_out, threads);
  if (!columns.any()) return {};
  Infimum out = searched(columns.rows(), intercept, KnownOfRows(), true, left, threads);
  const double lowered = columns.lowered(out.parameters, out.value,
                                         [&] { return logit_slopes(columns.rows(), intercept, out.parameters); });
  columns.back(out.parameters);
  columns.back(out.direction);
  out.errors.clear();
  const double reached = loss_at(rows, intercept, out.parameters, threads);
  out.gap += lowered + std::abs(reached - out.value) + 1000 * kUnit * reached;
  return out;
}

/// The infimum, and where it is open, that in other ways, each of which may lead to others. nested: with columns
/// replaced. left: the number of searches that may follow.
Infimum searched(const data::Rows<double>& rows, bool intercept, const KnownOfRows& known, bool nested, Index& left,
                 int threads) {
  --left;
  if (!known.separated)
    if (std::optional<Infimum> few = in_outlying(rows, intercept, threads)) return *std::move(few);
  Infimum out;
  std::vector<Numbers> null;
  Numbers theta;
  std::vector<bool> ruling;
  {  // its copies of the rows end before others begin
    InfimumSearch search(rows, intercept, known, threads);
    out = search.run();
    null = search.null();
    theta = search.theta();
    ruling = search.ruling();
  }
  const auto open = [&] { return left > 0 && !(out.gap <= kWide * out.value) && out.value > 0; };
  std::vector<std::vector<bool>> tried;
  for (int way = 0; way < 4 && !nested && open(); ++way) {
    if (way == 3)
      ruling = large_rows(rows, intercept);
    else if (way > 0)
      ruling = ruling_rows(rows, intercept, way == 1 ? theta : out.parameters);
    if (std::count(ruling.begin(), ruling.end(), true) == 0) continue;
    if (std::find(tried.begin(), tried.end(), ruling) != tried.end()) continue;
    std::optional<Infimum> reduced = in_reduced(rows, intercept, ruling, left, threads);
    if (reduced && reduced->gap <= std::min(ReducedColumns::kClosed * reduced->value, out.gap))
      return *std::move(reduced);
    tried.push_back(std::move(ruling));
  }
  if (open()) take_better(without_separated(rows, intercept, nested, left, threads), out);
  if (open()) take_better(without_dense(rows, intercept, null, nested, left, threads), out);
  return out;
}

}  // namespace

Infimum infimum(const data::Rows<double>& rows, bool intercept, const KnownOfRows& known, int threads) {
  Index left = most_searches(rows.rows, rows.features + 1);
  Infimum out = searched(rows, intercept, known, false, left, threads);
  // Far on their sides, separated rows have losses so small that rounding of other rows may balance them.
  if (out.attained && separated_by_column(rows, intercept, 1)) out.attained = false, out.errors.clear();
  return out;
}

}  // namespace pyrometer::minimum
