#include "pyrometer/minimum/faces/facial_reduction.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <iterator>
#include <numeric>
#include <utility>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/minimum/dense/equilibrate.hpp"
#include "pyrometer/minimum/faces/modular_span.hpp"
#include "pyrometer/minimum/faces/quotient.hpp"
#include "pyrometer/minimum/faces/smallest_point.hpp"
#include "pyrometer/minimum/faces/view.hpp"
#include "pyrometer/minimum/logistic/combination.hpp"
#include "pyrometer/minimum/logistic/independent_columns.hpp"

namespace pyrometer::minimum {
namespace {

// Evenly spaced rows, and rows of small margin, of the initial sample, and the number of misclassified rows added at a
// time.
constexpr Index kFirstRows = 1024, kMoreRows = 1024;
// After so many corrals all rows of the span that are left as rounding errors are taken from a sample, not single ones.
constexpr Index kFewRounds = 24;

/// The separated and the overlapping rows of a view. Elements of the direction up to `least` times the largest count as
/// 0. Whether rows are dependent on those that overlap is decided by their residues.
class Search {
 public:
  Search(const View& view, double least, double rounding)
      : view_(view), least_(least), span_(view.size(), rounding), direction_(at(view.size())) {}

  /// Of rows that overlap.
  [[nodiscard]] const Quotient& span() const { return span_; }
  [[nodiscard]] const Wide& direction() const { return direction_; }

  /// Enlarges the span of overlapping rows and finds a direction that separates the others; false if undecided.
  bool reduce_once(std::vector<Index> sample) {
    for (Index rounds = 0;; ++rounds) {
      Wide points;
      std::vector<Index> names;
      std::vector<int> exponents;
      const Index width = view_.size() - span_.rank();
      collect(sample, points, names, exponents);
      sample = names;  // rows of the span stay in it
      set_direction({});
      if (names.empty()) return true;
      std::vector<Index> inside;                                 // rows of the span, but for rounding errors
      std::vector<std::vector<Residue>> residues(names.size());  // of rows that were in a corral
      const auto redundant = [&](const std::vector<Index>& corral) {
        std::vector<std::vector<Residue>> rows;
        for (const Index k : corral) {
          std::vector<Residue>& row = residues[at(k)];
          if (row.empty() && exact_.contains(row = view_.residues(names[at(k)]))) inside.push_back(names[at(k)]);
          rows.push_back(row);
        }
        return exact_.redundant(std::move(rows));
      };
      const SmallestPoint smallest = smallest_point(points, width, redundant);
      if (!inside.empty()) {
        std::erase_if(sample, [&](Index i) {
          return rounds > kFewRounds ? overlaps(i) : std::find(inside.begin(), inside.end(), i) != inside.end();
        });
        continue;
      }
      if (smallest.kind == SmallestPoint::Kind::undecided) return false;
      if (smallest.kind == SmallestPoint::Kind::separates) {
        Wide direction(direction_.size());
        for (Index j = 0, k = 0; j < view_.size(); ++j)
          if (!span_.pivot(j)) direction[at(j)] = smallest.point[at(k)].scaled(exponents[at(k)]), ++k;
        span_.complete(direction);
        set_direction(std::move(direction));
        return true;
      }
      std::vector<Index> rows;
      for (const Index k : smallest.corral) {
        rows.push_back(names[at(k)]);
        exact_.add(view_.residues(rows.back()));
      }
      enlarge(std::move(rows));
    }
  }

  /// Adds rows that are known to overlap; false if they have other dimensions.
  bool add(const Overlap& known) {
    for (auto i = known.rows.begin(); i != known.rows.end() && span_.rank() < view_.size(); ++i) {
      span_.add(view_.row(*i), span_.rank() == 0 ? view_.constant() : -1);
      exact_.add(view_.residues(*i));
    }
    return span_.rank() == known.dimension;
  }

  /// Adds rows of which the sample has the opposite as well to the span: the same features with both labels overlap.
  void add_opposites(const std::vector<Index>& sample) {
    struct Signed {
      Wide row;
      bool negative;
      Index name;
    };
    std::vector<Signed> all;
    for (const Index i : sample) {
      Wide row = view_.row(i);
      const auto first = std::find_if(row.begin(), row.end(), [](const DoubleDouble& x) { return x.hi != 0; });
      if (first == row.end()) continue;
      const bool negative = first->hi < 0;
      for (DoubleDouble& x : row) x = negative ? -x : x;
      all.push_back({std::move(row), negative, i});
    }
    const auto before = [](const DoubleDouble& a, const DoubleDouble& b) {
      return a.hi < b.hi || (a.hi == b.hi && a.lo < b.lo);
    };
    const auto less = [&](const Signed& a, const Signed& b) {
      return std::lexicographical_compare(a.row.begin(), a.row.end(), b.row.begin(), b.row.end(), before);
    };
    std::sort(all.begin(), all.end(),
              [&](const Signed& a, const Signed& b) { return less(a, b) || (a.name < b.name && !less(b, a)); });
    bool done = false;  // whether a pair of these rows is in the span
    for (std::size_t k = 1; k < all.size(); ++k) {
      if (less(all[k - 1], all[k])) {
        done = false;
      } else if (!done && all[k - 1].negative != all[k].negative) {
        enlarge({all[k].name});
        exact_.add(view_.residues(all[k].name));
        done = true;
      }
    }
  }

  /// Whether a row is in the span of those that overlap.
  [[nodiscard]] bool overlaps(Index i) const {
    return exact_.rank() == view_.size() || exact_.contains(view_.residues(i));
  }

  /// Whether the span lacks a dimension, as one that is taken for rounding errors.
  [[nodiscard]] bool narrow() const { return span_.rank() < exact_.rank(); }

  enum class Side { in_span, separated, wrong };
  /// Where a row is; `margin` gets how far on the wrong side. `row` is scratch.
  [[nodiscard]] Side side(Index i, double& margin, Wide& row) const {
    double sum = 0, terms = 0;
    for (std::size_t j = 0; j < rounded_.size(); ++j) {
      const double term = view_.rounded(i, j) * rounded_[j];
      sum += term;
      terms += std::abs(term);
    }
    sum *= view_.sign(i);
    margin = terms > 0 && std::isfinite(terms) ? sum / terms : 0;
    const double error = static_cast<double>(rounded_.size() + 4) * kUnit * terms;
    if (sum > error) return Side::separated;
    if (sum < -error && span_.rank() == 0) return Side::wrong;
    view_.row(i, row);
    if (span_.contains(row) || overlaps(i)) return Side::in_span;
    DoubleDouble exact;
    double size = 0;
    for (std::size_t j = 0; j < row.size(); ++j) {
      const DoubleDouble term = row[j] * direction_[j];
      exact = exact + term;
      size += std::abs(term.hi);
    }
    return exact.hi > static_cast<double>(row.size() + 4) * 0x1p-100 * size ? Side::separated : Side::wrong;
  }

 private:
  void set_direction(Wide direction) {
    direction.resize(direction_.size());
    double most = 0;
    for (const DoubleDouble& x : direction) most = std::max(most, std::abs(x.hi));
    for (DoubleDouble& x : direction)
      if (std::abs(x.hi) <= least_ * most) x = 0;
    direction_ = std::move(direction);
    rounded_.clear();
    for (std::size_t j = 0; j < direction_.size(); ++j) rounded_.push_back(view_.scaled(direction_[j].hi, j));
  }

  /// The rows modulo the span, with columns rescaled.
  void collect(const std::vector<Index>& sample, Wide& points, std::vector<Index>& names,
               std::vector<int>& exponents) const {
    std::vector<Wide> remaining;
    for (const Index i : sample) {
      Wide row = view_.row(i), part;
      if (!span_.represent(row)) continue;
      part.reserve(row.size());
      for (Index j = 0; j < view_.size(); ++j)
        if (!span_.pivot(j)) part.push_back(row[at(j)]);
      remaining.push_back(std::move(part));
      names.push_back(i);
    }
    const Index width = view_.size() - span_.rank();
    exponents =
        column_exponents(std::ssize(remaining), width, [&](Index i, Index j) { return remaining[at(i)][at(j)].hi; });
    points.reserve(remaining.size() * at(width));
    for (Wide& row : remaining) {
      const int most = row_exponent(exponents, [&](Index j) { return row[at(j)].hi; });
      for (std::size_t j = 0; j < row.size(); ++j) points.push_back(row[j].scaled(exponents[j] - most));
    }
  }

  /// Adds a corral, affinely independent rows whose span has one dimension less than their number, to the span.
  void enlarge(std::vector<Index> rows) {
    for (std::size_t more = std::max<std::size_t>(rows.size() - 1, 1); more > 0; --more) {
      // The constant column is the first pivot, as in a model with an intercept.
      const Index first = span_.rank() == 0 ? view_.constant() : -1;
      std::size_t taken = 0;
      if (first >= 0) {
        const auto size = [&](Index i) {
          Wide row = view_.row(i);
          return span_.represent(row) ? std::abs(row[at(first)].hi) : 0;
        };
        taken = at(std::max_element(rows.begin(), rows.end(), [&](Index i, Index j) { return size(i) < size(j); }) -
                   rows.begin());
      }
      while (taken < rows.size() && !span_.add(view_.row(rows[taken]), first)) ++taken;
      if (taken == rows.size()) return;
      rows.erase(rows.begin() + static_cast<std::ptrdiff_t>(taken));
    }
  }

  const View& view_;
  double least_;
  Quotient span_;
  ModularSpan exact_;
  Wide direction_;
  std::vector<double> rounded_;  ///< in the columns of the rows before scaling
};

/// At most `count` evenly spaced rows.
std::vector<Index> evenly(const std::vector<Index>& rows, Index count) {
  if (std::ssize(rows) <= count) return rows;
  std::vector<Index> out(at(count));
  for (std::size_t k = 0; k < out.size(); ++k) out[k] = rows[k * rows.size() / out.size()];
  return out;
}

/// Of many rows evenly spaced ones and those of smallest margin at theta, for which it is hardest to be separated.
std::vector<Index> hardest(const data::Rows<double>& rows, bool intercept, const std::vector<double>& theta,
                           const std::vector<Index>& remaining) {
  if (theta.empty() || std::ssize(remaining) <= 2 * kFirstRows) return evenly(remaining, 2 * kFirstRows);
  std::vector<Index> out = evenly(remaining, kFirstRows);
  std::vector<std::pair<double, Index>> margins;
  margins.reserve(remaining.size());
  for (const Index i : remaining) {
    const double* x = rows.X + i * rows.features;
    double t = intercept ? theta.back() : 0;
    for (Index j = 0; j < rows.features; ++j) t += x[j] * theta[at(j)];
    margins.emplace_back(std::isfinite(t) ? (2 * rows.y[i] - 1) * t : 0.0, i);
  }
  std::nth_element(margins.begin(), margins.begin() + kFirstRows, margins.end());
  for (Index k = 0; k < kFirstRows; ++k) out.push_back(margins[at(k)].second);
  std::sort(out.begin(), out.end());
  out.erase(std::unique(out.begin(), out.end()), out.end());
  return out;
}

/// The minimum and the maximum of a column over the rows of one label.
struct Range {
  double least = INFINITY, greatest = -INFINITY;
  void add(double x) {
    least = std::min(least, x);
    greatest = std::max(greatest, x);
  }
};

/// Columns that alone separate some of the remaining rows, those whose label is `label`, from the others, or that would
/// if they differed.
std::vector<Index> separating_columns(const data::Rows<double>& rows, bool intercept,
                                      const std::vector<Index>& remaining, double label) {
  const auto p = at(rows.features);
  std::vector<double> least[2], greatest[2];
  for (int own = 0; own < 2; ++own) {
    least[own].assign(p, intercept ? INFINITY : 0.0);
    greatest[own].assign(p, intercept ? -INFINITY : 0.0);
  }
  for (const Index i : remaining) {
    const double* x = rows.X + i * rows.features;
    const bool own = rows.y[i] == label;
    double* const __restrict low = least[own].data(), * const __restrict high = greatest[own].data();
    for (std::size_t j = 0; j < p; ++j) {
      low[j] = x[j] < low[j] ? x[j] : low[j];
      high[j] = x[j] > high[j] ? x[j] : high[j];
    }
  }
  std::vector<Index> out;
  for (std::size_t j = 0; j < p; ++j)
    if (greatest[0][j] <= least[1][j] || greatest[1][j] <= least[0][j]) out.push_back(static_cast<Index>(j));
  return out;
}

/// Removes the rows that column j alone separates from `remaining`: at some threshold with a constant, else at 0.
bool peel(const data::Rows<double>& rows, bool intercept, Index j, std::vector<Index>& remaining, Face& face) {
  Range range[2];
  if (!intercept) range[0].add(0), range[1].add(0);
  for (const Index i : remaining) range[rows.y[i] > 0.5 ? 1 : 0].add(rows.X[i * rows.features + j]);
  const bool rising = range[0].greatest <= range[1].least;
  if (!rising && !(range[1].greatest <= range[0].least)) return false;
  const double low = range[rising ? 0 : 1].greatest, high = range[rising ? 1 : 0].least;
  double threshold = !intercept ? 0 : std::isinf(low) ? high : std::isinf(high) ? low : low / 2 + high / 2;
  if (!(threshold >= low && threshold <= high)) threshold = low;
  Separated part{std::vector<double>(at(rows.features + (intercept ? 1 : 0)), 0.0), {}};
  part.direction[at(j)] = rising ? 1 : -1;
  if (intercept) part.direction.back() = rising ? -threshold : threshold;
  std::vector<Index> others;
  for (const Index i : remaining) (rows.X[i * rows.features + j] == threshold ? others : part.rows).push_back(i);
  if (part.rows.empty()) return false;
  remaining = std::move(others);
  face.separated.push_back(std::move(part));
  return true;
}

/// The same for the remaining rows, by facial reduction; false if undecided because of rounding. spanned: out, whether
/// rows were found to overlap, on which `rounding` has an effect.
bool search_for(const View& view, std::vector<Index> sample, const std::vector<Index>& remaining, double least,
                double rounding, const Overlap& known, int threads, bool& spanned, Face& face) {
  Search search(view, least, rounding);
  spanned = true;
  if (!search.add(known)) return false;
  std::vector<Search::Side> sides(remaining.size());
  std::vector<double> margins(remaining.size());
  const base::Chunks chunks{std::ssize(remaining), 1024};
  search.add_opposites(sample);
  for (;;) {
    if (!search.reduce_once(sample)) {
      spanned = search.span().rank() > 0;
      return false;
    }
    if (search.span().rank() == view.size()) break;
    base::for_each_chunk(chunks.number(), threads, [&](Index chunk, int) {
      Wide row;
      for (auto k = at(chunks.begin(chunk)); k < at(chunks.end(chunk)); ++k)
        sides[k] = search.side(remaining[k], margins[k], row);
    });
    std::vector<std::pair<double, Index>> wrong;
    for (std::size_t k = 0; k < remaining.size(); ++k)
      if (sides[k] == Search::Side::wrong) wrong.emplace_back(margins[k], remaining[k]);
    if (wrong.empty()) break;
    if (std::ssize(wrong) > kMoreRows) {
      std::nth_element(wrong.begin(), wrong.begin() + kMoreRows, wrong.end());
      wrong.resize(at(kMoreRows));
    }
    const std::size_t before = sample.size();
    for (const auto& [margin, i] : wrong) sample.push_back(i);
    std::sort(sample.begin(), sample.end());
    sample.erase(std::unique(sample.begin(), sample.end()), sample.end());
    // A row of the sample on the wrong side is a rounding error.
    if (sample.size() == before) return false;
  }
  if (search.narrow()) return false;
  const bool all = search.span().rank() == view.size();
  std::vector<std::uint8_t> undecided(remaining.size());
  base::for_each_chunk(chunks.number(), threads, [&](Index chunk, int) {
    for (auto k = at(chunks.begin(chunk)); k < at(chunks.end(chunk)); ++k)
      undecided[k] = (all || sides[k] == Search::Side::in_span) && !search.overlaps(remaining[k]) ? 1 : 0;
  });
  if (std::count(undecided.begin(), undecided.end(), 1) > 0) return false;
  Separated part{view.back(search.direction()), {}};
  for (std::size_t k = 0; k < remaining.size() && !all; ++k)
    if (sides[k] == Search::Side::separated) part.rows.push_back(remaining[k]);
  if (!part.rows.empty()) face.separated.push_back(std::move(part));
  for (Index k = 0; k < view.size(); ++k)
    if (search.span().pivot(k)) face.independent.push_back(view.column(k));
  face.dimension = std::ssize(face.independent);
  return true;
}

/// A sum of products without rounding errors but for 2^-150 of its terms, below which it is taken for 0, rounded to
/// double-double precision.
class ExactSum {
 public:
  void add_product(double a, double b) {
    const double product = a * b;
    add(product);
    add(product_error(a, b, product));
    terms_ += std::abs(product);
  }
  [[nodiscard]] DoubleDouble rounded() const {
    const DoubleDouble sum = DoubleDouble::sum(high_, middle_) + DoubleDouble::sum(low_, lowest_);
    return std::abs(sum.hi) > 0x1p-150 * terms_ ? sum : DoubleDouble();
  }

 private:
  void add(double x) {
    for (double* part : {&high_, &middle_, &low_}) {
      const DoubleDouble both = DoubleDouble::sum(*part, x);
      *part = both.hi;
      x = both.lo;
    }
    lowest_ += x;
  }

  double high_ = 0, middle_ = 0, low_ = 0, lowest_ = 0, terms_ = 0;
};

/// Well conditioned combinations of the columns of some rows; none where no column is replaced for near dependence.
Combinations combinations_of(const data::Rows<double>& rows, bool intercept, const std::vector<Index>& remaining,
                             int threads) {
  constexpr double kNear = 0x1p-8;  // of the terms: above, as of columns that are only centred, nothing is replaced
  const Index p = rows.features, n = p + (intercept ? 1 : 0);
  std::vector<double> X;
  Combinations out;
  out.place.assign(at(rows.rows), -1);
  for (const Index i : remaining) {
    out.place[at(i)] = std::ssize(X) / std::max<Index>(p, 1);
    X.insert(X.end(), rows.X + i * p, rows.X + (i + 1) * p);
  }
  const Basis basis = reduce(Matrix{X.data(), std::ssize(remaining), p}, intercept, false, threads);
  const auto width = at(basis.rank);
  std::vector<double> value(width, 0.0), terms(width, 0.0);
  out.values.resize(remaining.size() * width);
  for (std::size_t i = 0; i < remaining.size(); ++i)
    for (std::size_t k = 0; k < width; ++k) {
      ExactSum sum;
      double own = 0;
      for (Index r = 0; r < n; ++r) {
        const double x = r < p ? X[i * at(p) + at(r)] : 1.0, factor = basis.map[at(r) * width + k];
        if (factor == 0) continue;  // as of most columns
        sum.add_product(x, factor);
        own += std::abs(x * factor);
      }
      out.values[i * width + k] = sum.rounded();
      value[k] = std::max(value[k], std::abs(out.values[i * width + k].hi));
      terms[k] = std::max(terms[k], own);
    }
  for (std::size_t k = 0; k < width; ++k)
    if (value[k] < kNear * terms[k]) out.width = basis.rank;
  out.map = basis.map;
  return out;
}

/// Whether the rounded direction of the last part, which no comparison has found, does what it should: the margins of
/// its rows are positive, and those of the others of `remaining` 0 within its rounding. What facial reduction takes for
/// 0 may be a margin beside which those of the separated rows are rounding errors.
bool holds(const data::Rows<double>& rows, bool intercept, const std::vector<Index>& remaining, const Separated& part) {
  const double unit = static_cast<double>(rows.features + 4) * kUnit;
  Tile tile(rows.features);
  double margin[Tile::kRows], terms[Tile::kRows];
  std::size_t next = 0;  // of the rows of the part, in the order of `remaining`
  for (std::size_t begin = 0; begin < remaining.size(); begin += at(Tile::kRows)) {
    tile.fill(std::min(Tile::kRows, std::ssize(remaining) - static_cast<Index>(begin)),
              [&](Index k) { return rows.X + remaining[begin + at(k)] * rows.features; });
    tile.combine(part.direction.data(), intercept ? part.direction.back() : 0.0, margin, terms);
    for (std::size_t k = 0; k < at(tile.rows()); ++k) {
      const Index i = remaining[begin + k];
      const bool own = next < part.rows.size() && part.rows[next] == i;
      next += own ? 1 : 0;
      if (own ? !((2 * rows.y[i] - 1) * margin[k] > kUnit * unit * terms[k])
              : !(std::abs(margin[k]) <= unit * terms[k]))
        return false;
    }
  }
  return true;
}

/// Removes rows that single columns separate from `remaining`, repeatedly.
void peel_all(const data::Rows<double>& rows, bool intercept, std::vector<Index>& remaining, Face& face) {
  remaining.resize(at(rows.rows));
  std::iota(remaining.begin(), remaining.end(), Index{0});
  for (bool again = true; again && !remaining.empty();) {
    again = false;
    for (const Index j : separating_columns(rows, intercept, remaining, 1))
      again = (!remaining.empty() && peel(rows, intercept, j, remaining, face)) || again;
  }
  face.certain = remaining.empty();
}

/// Searches the remaining rows; false if undecided: what is in `face` is then true, but may not be all.
bool found(const data::Rows<double>& rows, bool intercept, const View& view, const std::vector<Index>& sample,
           const std::vector<Index>& remaining, const Overlap& known, int threads, Face& face) {
  std::vector<Index> others;
  std::set_difference(remaining.begin(), remaining.end(), known.rows.begin(), known.rows.end(),
                      std::back_inserter(others));
  const std::size_t before = face.separated.size();
  const std::vector<Index> own = known.rows.empty() ? sample : evenly(others, 2 * kFirstRows);
  bool spanned = true;
  // Rounding errors taken for dimensions of the span leave fewer rows to be separated; those that are, are.
  for (const double rounding : {kWideRounding, 0.0}) {
    // Rounding errors of elements that are 0 are margins of rows that have no others.
    for (const double least : {0.0, kVanishing}) {
      face.independent.clear();
      if (!search_for(view, own, others, least, rounding, known, threads, spanned, face)) break;
      if (face.separated.size() == before && rounding == 0) break;
      if (face.separated.size() == before || holds(rows, intercept, remaining, face.separated.back())) return true;
      face.separated.pop_back();
      face.open = true;
    }
    if (!spanned) break;
  }
  return false;
}

}  // namespace

Face face_of_columns(const data::Rows<double>& rows, bool intercept, std::vector<Index>& remaining) {
  Face face;
  peel_all(rows, intercept, remaining, face);
  return face;
}

bool separated_by_column(const data::Rows<double>& rows, bool intercept, double label) {
  std::vector<Index> all(at(rows.rows));
  std::iota(all.begin(), all.end(), Index{0});
  const std::vector<Index> columns = separating_columns(rows, intercept, all, label);
  return std::any_of(columns.begin(), columns.end(), [&](Index j) {  // that are not constant
    const double first = intercept ? rows.X[j] : 0;
    return std::any_of(all.begin(), all.end(), [&](Index i) { return rows.X[i * rows.features + j] != first; });
  });
}

Face face_of(const data::Rows<double>& rows, bool intercept, const std::vector<bool>& used,
             const std::vector<double>& theta, int threads, const Overlap& known) {
  Face face;
  std::vector<Index> remaining;
  peel_all(rows, intercept, remaining, face);
  if (remaining.empty()) return face;
  const std::vector<Index> sample = hardest(rows, intercept, theta, remaining);
  const View view(rows, intercept, used, sample);
  face.certain = found(rows, intercept, view, sample, remaining, known, threads, face);
  return face;
}

Face face_of_combinations(const data::Rows<double>& rows, bool intercept, const std::vector<bool>& used,
                          const std::vector<double>& theta, int threads) {
  constexpr Index kMost = 10'000'000;
  Face face;
  const Index n = rows.features + (intercept ? 1 : 0);
  if (rows.rows * n * n > kMost) return face;
  std::vector<Index> remaining;
  peel_all(rows, intercept, remaining, face);
  if (remaining.empty()) return face;
  const Combinations combinations = combinations_of(rows, intercept, remaining, threads);
  if (combinations.width == 0) return face;
  const std::vector<Index> sample = hardest(rows, intercept, theta, remaining);
  const View view(rows, intercept, used, sample, &combinations);
  face.certain = found(rows, intercept, view, sample, remaining, {}, threads, face);
  face.independent.resize(at(n));
  std::iota(face.independent.begin(), face.independent.end(), Index{0});
  face.minimal = false;
  return face;
}

}  // namespace pyrometer::minimum
