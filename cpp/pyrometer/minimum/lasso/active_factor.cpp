#include "pyrometer/minimum/lasso/active_factor.hpp"

#include <algorithm>
#include <utility>

namespace pyrometer::minimum {

void LassoFactor::clear() {
  columns_.clear();
  factor_.prepare(0);
  factor_.run(0);
  removed_ = false;
}

// Those that are not wanted.
void LassoFactor::remove_missing() {
  constexpr Index kFew = 8;  // each costs less than a^2 flops, a new factor a^3 / 3
  const auto gone = [this](Index j) { return missing_[at(j)] == 0; };
  if (factor_.rank() < factor_.size() ||
      kFew * std::count_if(columns_.begin(), columns_.end(), gone) > factor_.size() || !factor_.needs_pivoting())
    return;
  for (std::size_t k = columns_.size(); k-- > 0;) {
    if (!gone(columns_[k])) continue;
    factor_.remove(static_cast<Index>(k));
    columns_.erase(columns_.begin() + static_cast<std::ptrdiff_t>(k));
    removed_ = true;
  }
}

const Factor& LassoFactor::of(const Centred& centred, const std::vector<Index>& wanted, bool fresh) {
  const auto missing = [this](Index j) -> char& { return missing_[at(j)]; };
  missing_.assign(at(centred.features), 0);
  for (const Index j : wanted) missing(j) = 1;
  if (fresh && removed_)
    clear();
  else
    remove_missing();
  const auto gone = std::find_if(columns_.begin(), columns_.end(), [&](Index j) { return missing(j) == 0; });
  if (gone == columns_.end() && columns_.size() == wanted.size()) return factor_;

  const auto size = static_cast<Index>(wanted.size()), kept = static_cast<Index>(gone - columns_.begin());
  if (factor_.rank() == factor_.size() && 2 * kept >= size) {
    columns_.erase(gone, columns_.end());
    for (const Index j : columns_) missing(j) = 0;
    for (const Index j : wanted)
      if (missing(j) != 0) columns_.push_back(j);
    factor_.keep(kept, size);
    fill(centred, kept);
    if (factor_.append()) return factor_;
  }
  columns_ = wanted;
  removed_ = false;
  factor_.prepare(size);
  fill(centred, 0);
  factor_.run(centred.tolerance(), centred.tolerance());
  if (factor_.rank() < size) return factor_;
  std::vector<Index> order = factor_.renumber();
  for (Index& i : order) i = wanted[at(i)];
  columns_ = std::move(order);
  return factor_;
}

// Fills in the scaled covariances of the columns from `kept` on with all before them.
void LassoFactor::fill(const Centred& centred, Index kept) {
  const auto size = static_cast<Index>(columns_.size());
  for (Index i = 0; i < size; ++i) {
    const auto column = at(columns_[at(i)]);
    const double* from = centred.scatter + static_cast<Index>(column) * (centred.features + 1);
    const double share = 1 / centred.count * centred.inverse[column];
    if (i >= kept) factor_.scale(i) = centred.scale[column];
    double* row = factor_.row(i);
    for (Index l = std::max(i + 1, kept); l < size; ++l) {
      const Index other = columns_[at(l)];
      row[l] = share > 0 ? from[other] * share * centred.inverse[at(other)] : 0;
    }
  }
}

void ColumnMeans::take(const Centred& centred, const LassoFactor& factor) {
  mean.clear();
  for (const Index j : factor.columns()) mean.push_back(centred.mean[j]);
  whitened.assign(mean.size(), 0.0);
  carrier = -1;
}

void ColumnMeans::whiten(const Centred& centred, const Factor& f) {
  f.whiten(mean.data(), whitened.data());
  f.forward(whitened.data());
  carrier = Centred::carrier(f, mean.data(), whitened.data(), centred.noise);
}

}  // namespace pyrometer::minimum
