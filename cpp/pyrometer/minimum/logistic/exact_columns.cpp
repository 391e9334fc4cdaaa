#include "pyrometer/minimum/logistic/exact_columns.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

namespace pyrometer::minimum {

ExactColumns::ExactColumns(const data::Rows<double>& rows, bool intercept, std::vector<Index> kept)
    : features_(rows.features), kept_(std::move(kept)), centres_(kept_.size(), 0.0) {
  const Index p = features_;
  for (std::size_t k = 0; intercept && k < kept_.size(); ++k) {
    const Index j = kept_[k];
    if (j == p) continue;
    double spread = 0;
    for (Index i = 0; i < rows.rows; ++i) spread = std::max(spread, std::abs(rows.X[i * p + j] - rows.X[j]));
    if (spread < std::abs(rows.X[j]) / 8) centres_[k] = rows.X[j];
  }
  X_.reserve(at(rows.rows) * kept_.size());
  for (Index i = 0; i < rows.rows; ++i)
    for (std::size_t k = 0; k < kept_.size(); ++k)
      X_.push_back(kept_[k] == p ? 1.0 : rows.X[i * p + kept_[k]] - centres_[k]);
}

data::Rows<double> ExactColumns::of(const data::Rows<double>& rows) const {
  return {X_.data(), rows.y, rows.rows, std::ssize(kept_), std::ssize(X_), rows.weights};
}

std::vector<double> ExactColumns::back(const std::vector<double>& theta, Index columns) const {
  const Index width = std::ssize(kept_), vectors = width ? std::ssize(theta) / width : 0;
  std::vector<double> out(at(vectors * columns), 0.0);
  for (Index c = 0; c < vectors; ++c)
    for (Index k = 0; k < width; ++k) {
      const double x = theta[at(c * width + k)];
      out[at(c * columns + kept_[at(k)])] += x;
      if (kept_[at(k)] < features_ && centres_[at(k)] != 0) out[at(c * columns + columns - 1)] -= x * centres_[at(k)];
    }
  return out;
}

}  // namespace pyrometer::minimum
