// Rows as facial reduction sees them: signed, centred and scaled, in double-double precision and modulo a prime.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "pyrometer/data/pack.hpp"
#include "pyrometer/minimum/dense/equilibrate.hpp"
#include "pyrometer/minimum/dense/residual.hpp"
#include "pyrometer/minimum/faces/modular_span.hpp"
#include "pyrometer/minimum/faces/smallest_point.hpp"

namespace pyrometer::minimum {

using Wide = std::vector<DoubleDouble>;

/// Linear combinations of the columns, of the rows that are given: map is n x width, values count x width.
struct Combinations {
  Index width = 0;
  std::vector<double> map;
  Wide values;
  std::vector<Index> place;  ///< of each row in `values`

  [[nodiscard]] const DoubleDouble* row(Index i) const { return values.data() + place[at(i)] * width; }
};

/// The rows signed by their labels, centred where the centre is far from 0, and scaled; or combinations of the columns.
class View {
 public:
  View(const data::Rows<double>& rows, bool intercept, const std::vector<bool>& used, const std::vector<Index>& sample,
       const Combinations* combinations = nullptr)
      : rows_(rows), intercept_(intercept), combinations_(combinations) {
    if (combinations) {
      for (Index k = 0; k < combinations->width; ++k) columns_.push_back(k);
    } else {
      for (Index j = 0; j < rows.features; ++j)
        if (used[at(j)]) columns_.push_back(j);
      if (intercept) columns_.push_back(rows.features);
    }
    centres_.assign(columns_.size(), 0.0);
    exponents_.assign(columns_.size(), 0);
    scales_.assign(columns_.size(), 1.0);
    if (intercept && !combinations) centre(sample);
    std::vector<Wide> views;
    for (const Index i : sample) views.push_back(row(i));
    exponents_ = column_exponents(std::ssize(views), size(), [&](Index i, Index k) { return views[at(i)][at(k)].hi; });
    for (std::size_t k = 0; k < scales_.size(); ++k) scales_[k] = std::ldexp(1.0, exponents_[k]);
  }

  [[nodiscard]] Index size() const { return std::ssize(columns_); }
  [[nodiscard]] Index column(Index k) const { return columns_[at(k)]; }
  /// The position of the constant column, or -1.
  [[nodiscard]] Index constant() const { return intercept_ && !combinations_ ? size() - 1 : -1; }
  [[nodiscard]] Index rows() const { return rows_.rows; }

  /// The element of a row that is not signed yet, rounded, and the factor that scales it.
  [[nodiscard]] double rounded(Index i, std::size_t k) const {
    return combinations_ ? combinations_->row(i)[k].hi : value(i, k) - centres_[k];
  }
  [[nodiscard]] double scaled(double x, std::size_t k) const { return x * scales_[k]; }
  [[nodiscard]] double sign(Index i) const { return 2 * rows_.y[i] - 1; }

  [[nodiscard]] Wide row(Index i) const {
    Wide out;
    row(i, out);
    return out;
  }
  void row(Index i, Wide& out) const {
    out.resize(columns_.size());
    const bool negative = sign(i) < 0;
    for (std::size_t k = 0; k < out.size(); ++k) {
      const DoubleDouble sum = combinations_ ? combinations_->row(i)[k] : DoubleDouble::sum(value(i, k), -centres_[k]);
      out[k] = {sum.hi * scales_[k], sum.lo * scales_[k]};
      if (negative) out[k] = -out[k];
    }
  }

  /// Of the elements of a row before they are signed and scaled, exactly, also of combinations.
  [[nodiscard]] std::vector<Residue> residues(Index i) const {
    std::vector<Residue> out(columns_.size(), 0);
    for (std::size_t k = 0; k < out.size() && !combinations_; ++k)
      out[k] = sum(residue_of(value(i, k)), residue_of(-centres_[k]));
    for (std::size_t q = 0; combinations_ && q < combinations_->map.size(); ++q) {
      const auto r = static_cast<Index>(q / out.size());
      const double x = r < rows_.features ? rows_.X[i * rows_.features + r] : 1.0, factor = combinations_->map[q];
      if (x != 0 && factor != 0)
        out[q % out.size()] = sum(out[q % out.size()], product(residue_of(x), residue_of(factor)));
    }
    return out;
  }

  /// The direction in the system's columns, rounded.
  [[nodiscard]] std::vector<double> back(const Wide& direction) const {
    std::vector<double> out(at(rows_.features + (intercept_ ? 1 : 0)), 0.0);
    if (combinations_) {
      for (std::size_t r = 0; r < out.size(); ++r) {
        DoubleDouble sum;
        double terms = 0;
        for (std::size_t k = 0; k < direction.size(); ++k) {
          const DoubleDouble part = direction[k].scaled(exponents_[k]) * combinations_->map[r * direction.size() + k];
          sum = sum + part;
          terms += std::abs(part.hi);
        }
        out[r] = std::abs(sum.hi) <= kVanishing * terms ? 0 : sum.hi;
      }
      return out;
    }
    DoubleDouble constant;
    for (std::size_t k = 0; k < direction.size(); ++k) {
      const DoubleDouble part = direction[k].scaled(exponents_[k]);
      if (columns_[k] < rows_.features) constant = constant - part * centres_[k];
      out[at(columns_[k])] = part.hi;
    }
    if (intercept_) out.back() = (constant + direction.back().scaled(exponents_.back())).hi;
    return out;
  }

 private:
  [[nodiscard]] double value(Index i, std::size_t k) const {
    return columns_[k] == rows_.features ? 1.0 : rows_.X[i * rows_.features + columns_[k]];
  }
  /// Columns whose mean exceeds their spread are centred at one of their values.
  void centre(const std::vector<Index>& sample) {
    for (std::size_t k = 0; k + 1 < columns_.size(); ++k) {
      const double at_first = value(sample[sample.size() / 2], k);
      double spread = 0;
      for (const Index i : sample) spread = std::max(spread, std::abs(value(i, k) - at_first));
      if (spread < std::abs(at_first) / 8) centres_[k] = at_first;
    }
  }

  data::Rows<double> rows_;
  bool intercept_;
  const Combinations* combinations_;
  std::vector<Index> columns_;
  std::vector<double> centres_, scales_;
  std::vector<int> exponents_;
};

}  // namespace pyrometer::minimum
