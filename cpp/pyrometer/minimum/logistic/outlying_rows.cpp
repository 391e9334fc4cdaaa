#include "pyrometer/minimum/logistic/outlying_rows.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "pyrometer/base/chunks.hpp"

namespace pyrometer::minimum {
namespace {

using Numbers = std::vector<double>;
using Wide = Elimination::Wide;

// An element this many times larger than the typical one of its column is that of an outlying row.
constexpr double kOutlying = 1e5;
// Heavy tails have more rows between this part of it and it than beyond.
constexpr double kBetween = 1e-3;
// What is left of a large row after others, in the same units, has no coordinate of its own below this.
constexpr double kOrdinary = 100;
constexpr int kMostRetries = 2;
constexpr double kLeastRoot = 1e-150;
constexpr Index kFew = 64, kSampled = 255;
// Limit of the numbers that are eliminated, times the columns; rows beyond the few are not more.
constexpr Index kMostNumbers = Index{1} << 22;
// The sum of absolute values in other rows of what a logit is multiplied by, in units of their weight, is at least
// this.
constexpr double kLeast = 1e-18;
// A margin whose loss is below the rounding of that of any row.
constexpr double kFar = 40;
// The margin of a row that is left out: probabilities beyond do not change the minimiser either, for which those of
// active rows count, which may be kLeast.
constexpr double kLeftOut = 100;

double median_of(Numbers& values) {
  const auto middle = values.begin() + std::ssize(values) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

template <class T>
OutlyingRows::OutlyingRows(const data::Rows<T>& rows, bool intercept, Index classes, bool ones, const Numbers& largest)
    : n_(rows.features + (intercept ? 1 : 0)),
      classes_(classes),
      last_(classes - 1),
      intercept_(intercept),
      ones_(ones),
      shift_(at(n_), 0.0),
      exponents_(at(n_), 0),
      stretch_(at(n_), 0) {
  const Index p = rows.features, step = std::max<Index>(1, rows.rows / kSampled);
  const Index most = std::min(std::max(kFew, kMostNumbers / (n_ * n_)), std::max<Index>(1, rows.rows / 3));
  Numbers limit(at(p), INFINITY), values;
  bool any = largest.empty();
  for (Index j = 0; j < p; ++j) {
    const auto sample = [&](auto&& value) {
      values.clear();
      for (Index i = 0; i < rows.rows; i += step)
        if (const double x = value(static_cast<double>(rows.X[i * p + j])); x != 0) values.push_back(x);
      return values.empty() ? 0.0 : median_of(values);
    };
    if (intercept) shift_[at(j)] = sample([](double x) { return x; });
    const double size = sample([&](double x) { return std::abs(x - shift_[at(j)]); });
    if (!(size > 0 && std::isfinite(size))) continue;
    exponents_[at(j)] = std::min(1000, -std::ilogb(size));
    limit[at(j)] = kOutlying * size;
    any = any || largest[at(j)] + std::abs(shift_[at(j)]) > limit[at(j)];
  }
  for (Index i = 0; any && i < rows.rows; ++i) {
    const T* const x = rows.X + i * p;
    bool large = false, between = false;
    for (Index j = 0; j < p; ++j) {
      const double size = std::abs(static_cast<double>(x[j]) - shift_[at(j)]);
      large |= size > limit[at(j)];
      between |= size > kBetween * limit[at(j)];
    }
    between_ += between && !large;
    if (!large) continue;
    if (std::ssize(outlying_) == most) {
      outlying_.clear();
      return;
    }
    Large row{Wide(at(n_), DoubleDouble(1)),
              static_cast<Index>(rows.y[i]),
              rows.weights ? rows.weights[i] : 1.0,
              i,
              std::vector<std::uint8_t>(at(classes), 0),
              1};
    for (Index j = 0; j < p; ++j) row.d[at(j)] = DoubleDouble::sum(x[j], -shift_[at(j)]);
    if (ones_) row.own = 1 - row.own;
    outlying_.push_back(std::move(row));
  }
}

data::Rows<double> OutlyingRows::rows(const data::Rows<double>& rows, int threads) {
  const Index p = rows.features, m = rows.rows - std::ssize(outlying_), some = m - active();
  std::vector<bool> large(at(rows.rows), false);
  std::vector<Index> which;
  for (const auto* const list : {&outlying_, &active_})
    for (const Large& one : *list) large[at(one.row)] = true;
  for (Index i = 0; i < rows.rows; ++i)
    if (!large[at(i)]) which.push_back(i);
  for (const Large& one : active_) which.push_back(one.row);
  if (!X_) X_ = base::aligned_array<double>(rows.rows * n_);
  y_.clear();
  weights_.clear();
  for (const Index i : which) {
    y_.push_back(static_cast<double>(ones_ ? static_cast<Index>(rows.y[i]) : placed(static_cast<Index>(rows.y[i]))));
    if (rows.weights) weights_.push_back(rows.weights[i]);
  }
  const auto left_out = [](const Large& one) { return std::count(one.in.begin(), one.in.end(), 0) > 1; };
  allowed_.clear();
  if (classes() > classes_ || std::any_of(active_.begin(), active_.end(), left_out)) {
    for (Index k = 0; k < m; ++k) {
      for (Index c = 0; c < classes_; ++c) {
        const Large* const one = k < some ? nullptr : &active_[at(k - some)];
        allowed_.push_back(!one || placed(c) == one->own || one->in[at(placed(c))]);
      }
      if (classes() > classes_) allowed_.push_back(0);
    }
  }
  const base::Chunks chunks{m, 1024};
  base::for_each_chunk(chunks.number(), threads, [&](Index chunk, int) {
    Wide z(at(n_));
    Numbers terms, factors;
    for (const int exponent : exponents_) factors.push_back(std::ldexp(1.0, exponent));
    for (Index k = chunks.begin(chunk); k < chunks.end(chunk); ++k) {
      const double* const x = rows.X + which[at(k)] * p;
      double* const to = X_.get() + k * n_;
      if (!elimination_) {
        for (Index j = 0; j < p; ++j) to[j] = (x[j] - shift_[at(j)]) * factors[at(j)];
        if (intercept_) to[p] = 1;
        continue;
      }
      for (Index j = 0; j < p; ++j) z[at(j)] = DoubleDouble::sum(x[j], -shift_[at(j)]);
      if (intercept_) z[at(p)] = 1;
      if (k >= some) z = active_[at(k - some)].d;
      elimination_->divide(z, terms);
      for (Index j = 0; j < n_; ++j) to[j] = z[at(j)].hi;
    }
  });
  stretch();
  return {X_.get(), y_.data(), m, n_, m * n_, weights_.empty() ? nullptr : weights_.data()};
}

void OutlyingRows::stretch() {
  const Index m = std::ssize(y_), some = m - active();
  std::fill(stretch_.begin(), stretch_.end(), 0);
  stretched_ = 0;
  for (Index k = 0; elimination_ && k < elimination_->rank(); ++k) {
    const Index j = elimination_->columns()[at(k)], own = some + elimination_->rows()[at(k)];
    double sum = 0, total = 0;
    for (Index i = 0; i < m; ++i) {
      const double weight = weights_.empty() ? 1.0 : weights_[at(i)];
      total += weight;
      sum += i == own ? 0.0 : weight * std::abs(X_[at(i * n_ + j)]);
    }
    if (!(sum > 0 && sum < kLeast * total)) continue;
    stretch_[at(j)] = std::ilogb(kLeast * total) - std::ilogb(sum);
    for (Index i = 0; i < m; ++i)
      if (i != own) X_[at(i * n_ + j)] = std::ldexp(X_[at(i * n_ + j)], stretch_[at(j)]);
    const double weight = active_[at(own - some)].weight;
    stretched_ += 80 * std::ldexp(sum, stretch_[at(j)]) + weight * static_cast<double>(classes_) * std::exp(-kFar);
  }
}

Wide OutlyingRows::coordinates(const Large& row, Index active) const {
  Wide z = row.d;
  Numbers terms;
  if (elimination_) elimination_->divide(z, terms);
  for (Index j = 0; j < n_ && !elimination_; ++j) z[at(j)] = z[at(j)].scaled(exponents_[at(j)]);
  for (Index k = 0; elimination_ && k < elimination_->rank(); ++k)
    if (elimination_->rows()[at(k)] != active) {
      DoubleDouble& one = z[at(elimination_->columns()[at(k)])];
      one = one.scaled(stretch_[at(elimination_->columns()[at(k)])]);
    }
  return z;
}

void OutlyingRows::eliminate() {
  Wide all;
  Numbers factors;
  for (const Large& row : active_) {
    all.insert(all.end(), row.d.begin(), row.d.end());
    factors.push_back(row.factor);
  }
  elimination_.emplace(std::move(all), exponents_, factors, kOrdinary);
}

Numbers OutlyingRows::logits(const Wide& z, const Numbers& phi, Numbers& terms) const {
  Numbers out(at(classes()), 0.0);
  terms = out;
  for (Index c = 0; c + 1 < classes(); ++c) {
    DoubleDouble sum;
    for (Index j = 0; j < n_; ++j) {
      sum = sum + z[at(j)] * phi[at(c * n_ + j)];
      terms[at(c)] += std::abs(z[at(j)].hi * phi[at(c * n_ + j)]);
    }
    out[at(c)] = sum.hi;
  }
  return out;
}

Numbers OutlyingRows::start() const {
  if (!start_.empty()) return start_;
  Numbers out(at((classes() - 1) * n_), 0.0), margins(active_.size(), 0.0);
  if (!elimination_) return out;
  const auto others = std::ssize(y_) - active();
  for (Index k = 0; k < elimination_->rank(); ++k) {
    double sum = 0;
    for (Index i = 0; i < others; ++i)
      sum += (weights_.empty() ? 1.0 : weights_[at(i)]) * std::abs(X_[at(i * n_ + elimination_->columns()[at(k)])]);
    const std::size_t a = at(elimination_->rows()[at(k)]);
    margins[a] = std::min(700.0, std::max(0.0, -std::log(sum / active_[a].weight)));
    for (std::size_t b = 0; b < margins.size(); ++b) {
      const double along = margins[a] * X_[at((others + static_cast<Index>(b)) * n_ + elimination_->columns()[at(k)])];
      if ((active_[b].own == active_[a].own ? -along : along) > 1) margins[a] = 0;  // another row opposes that
    }
  }
  for (Index c = 0; c + 1 < classes(); ++c) {
    Numbers targets;
    for (std::size_t a = 0; a < margins.size(); ++a)
      targets.push_back(placed(active_[a].own) == c               ? margins[a]
                        : placed(active_[a].own) + 1 == classes() ? -margins[a]
                                                                  : 0.0);
    const Numbers along = elimination_->coordinates(targets);
    for (std::size_t k = 0; k < along.size(); ++k) out[at(c * n_ + elimination_->columns()[k])] = along[k];
  }
  refer(out);
  return out;
}

void OutlyingRows::refer(Numbers& phi) const {
  for (std::size_t j = 0; j < references_.size(); ++j) {
    const double zero = phi[at(references_[j] * n_) + j];
    for (std::size_t k = j; k < phi.size(); k += at(n_)) phi[k] -= zero;
  }
}

bool OutlyingRows::retry(const Numbers& phi, bool singular) {
  const auto other = [&](const Large& row) { return row.own != active_.front().own; };
  if (!ones_ && references_.empty() && std::any_of(active_.begin(), active_.end(), other)) {
    several_ = true;
    arrange();
    start_.clear();
    return true;
  }
  if (!singular || active_.empty() || stretched_ > 0 || ++retries_ > kMostRetries) return false;
  std::vector<Numbers> theta, margins;  // of each class
  Numbers terms;
  for (Index c = 0; c + 1 < classes(); ++c) theta.push_back(shifted(phi.data() + c * n_, {}));
  for (std::size_t a = 0; a < active_.size(); ++a) {
    Large& row = active_[a];
    Numbers t = logits(coordinates(row, static_cast<Index>(a)), phi, terms);
    margins.push_back(t);
    const double own = t[at(placed(row.own))];
    double others = 0;
    for (std::size_t c = 0; c < row.in.size(); ++c)
      if (row.in[at(placed(static_cast<Index>(c)))]) others += std::exp(std::min(t[c] - own, 700.0));
    row.factor = std::max(std::sqrt(others) / (1 + others), kLeastRoot);
  }
  eliminate();
  if (!references_.empty()) place_references();
  start_.clear();
  for (Index c = 0; c + 1 < classes(); ++c) {
    Numbers values;
    for (const Numbers& t : margins) values.push_back(t[at(c)]);
    for (Index j = 0; j < n_; ++j) start_.push_back(std::ldexp(theta[at(c)][at(j)], -exponents_[at(j)]));
    const Numbers along = elimination_->coordinates(values);
    for (std::size_t k = 0; k < along.size(); ++k) start_[at(c * n_ + elimination_->columns()[k])] = along[k];
  }
  refer(start_);
  return true;
}

bool OutlyingRows::few() const { return std::ssize(outlying_) <= kFew; }

bool OutlyingRows::apart() const { return 4 * between_ <= std::ssize(outlying_); }

bool OutlyingRows::activate(const Numbers& phi, double& lost) {
  std::vector<Large> all;
  Numbers terms;
  bool any = false;
  lost = stretched_;
  start_.clear();
  retries_ = 0;
  for (auto* const list : {&active_, &outlying_})
    for (Large& row : *list) {
      const Numbers t = logits(coordinates(row, list == &active_ ? std::ssize(all) : -1), phi, terms);
      const std::size_t own = at(placed(row.own));
      for (std::size_t c = 0; c < row.in.size(); ++c) {
        std::uint8_t& in = row.in[at(placed(static_cast<Index>(c)))];
        if (c == own || in) continue;
        in = !(t[own] - t[c] > kLeftOut + 1e-12 * (terms[own] + terms[c]));
        any = any || in;
        lost += in ? 0 : row.weight * std::exp(-kLeftOut);
      }
      all.push_back(std::move(row));
    }
  active_.clear();
  outlying_.clear();
  for (Large& row : all) {
    const bool active = std::count(row.in.begin(), row.in.end(), 1) > 0;
    (active ? active_ : outlying_).push_back(std::move(row));
  }
  if (any) eliminate();
  return any;
}

void OutlyingRows::arrange() {
  if (ones_) return;
  Index last = -1;
  bool several = several_;
  for (const Large& row : active_) {
    if (std::count(row.in.begin(), row.in.end(), 0) == 1) continue;
    several = several || (last >= 0 && row.own != last);
    last = row.own;
  }
  if (last < 0 && !active_.empty()) last = active_.front().own;
  last_ = last < 0 || several ? classes_ - 1 : last;
  references_.clear();
  if (several) place_references();
}

void OutlyingRows::place_references() {
  references_.assign(at(n_), classes_ - 1);
  for (Index k = 0; k < elimination_->rank(); ++k)
    references_[at(elimination_->columns()[at(k)])] = active_[at(elimination_->rows()[at(k)])].own;
}

std::vector<Index> OutlyingRows::free() const {
  std::vector<Index> out;
  for (Index c = 0; c < classes_; ++c)
    for (Index j = 0; j < std::ssize(references_); ++j)
      if (references_[at(j)] != c) out.push_back(c * n_ + j);
  return out;
}

void OutlyingRows::exchange(Numbers& numbers) const {
  if (last_ + 1 == classes_ || numbers.empty()) return;
  std::swap_ranges(numbers.begin() + last_ * n_, numbers.begin() + (last_ + 1) * n_, numbers.end() - n_);
}

/// Parameters of the columns less their shift from those of one class, with the logits of active rows moved.
Numbers OutlyingRows::shifted(const double* phi, const Numbers& moves) const {
  Numbers theta(phi, phi + n_);
  for (Index j = 0; j < n_; ++j) theta[at(j)] = std::ldexp(theta[at(j)], exponents_[at(j)]);
  if (elimination_) {
    // Coordinates are added, not logits, whose rounding would be that of the largest.
    Numbers along = moves.empty() ? Numbers(at(elimination_->rank()), 0.0) : elimination_->coordinates(moves);
    for (std::size_t k = 0; k < along.size(); ++k) {
      const Index j = elimination_->columns()[k];
      along[k] += std::ldexp(phi[j], stretch_[at(j)]);
    }
    theta = elimination_->solution(along, theta);
  }
  return theta;
}

Numbers OutlyingRows::back_one(const double* phi, const Numbers& moves) const {
  Numbers theta = shifted(phi, moves);
  if (!intercept_) return theta;
  DoubleDouble sum = theta.back();
  for (Index j = 0; j + 1 < n_; ++j) sum.add_product(-theta[at(j)], shift_[at(j)]);
  theta.back() = sum.value();
  return theta;
}

Numbers OutlyingRows::back(const Numbers& phi, bool moved) const {
  Numbers out;
  std::vector<Numbers> moves(at(classes() - 1), Numbers(active_.size(), 0.0));
  for (const bool second : {false, true}) {
    out.clear();
    for (Index c = 0; c + 1 < classes(); ++c) {
      const Numbers one = back_one(phi.data() + c * n_, moves[at(c)]);
      out.insert(out.end(), one.begin(), one.end());
    }
    if (second || !moved || active_.empty()) break;
    for (std::size_t a = 0; a < active_.size(); ++a) {
      double size = 0;
      for (Index c = 0; c + 1 < classes(); ++c) {
        double sum = 0;
        for (Index j = 0; j < n_; ++j) {
          const double x = std::abs(active_[a].d[at(j)].hi) + std::abs(shift_[at(j)]);
          sum += x * std::abs(out[at(c * n_ + j)]);
        }
        size = std::max(size, sum);
      }
      const double move = 16 * kUnit * size;
      for (Index c = 0; c + 1 < classes(); ++c)
        if (const Index own = placed(active_[a].own); own == c || own + 1 == classes())
          moves[at(c)][a] = own == c ? move : -move;
    }
  }
  if (last_ + 1 == classes()) return out;
  // Less those of the class that is the last one of `rows`.
  out.resize(at(classes_ * n_), 0.0);
  exchange(out);
  for (Index k = 0; k < (classes_ - 1) * n_; ++k) out[at(k)] -= out[at((classes_ - 1) * n_ + k % n_)];
  out.resize(at((classes_ - 1) * n_));
  return out;
}

Numbers OutlyingRows::map() const {
  Numbers out(at(n_ * n_)), phi(at(n_), 0.0);
  for (Index k = 0; k < n_; ++k) {
    phi[at(k)] = 1;
    const Numbers column = back_one(phi.data(), Numbers(active_.size(), 0.0));
    for (Index j = 0; j < n_; ++j) out[at(j * n_ + k)] = column[at(j)];
    phi[at(k)] = 0;
  }
  return out;
}

template OutlyingRows::OutlyingRows(const data::Rows<double>&, bool, Index, bool, const Numbers&);
template OutlyingRows::OutlyingRows(const data::Rows<float>&, bool, Index, bool, const Numbers&);

}  // namespace pyrometer::minimum
