// Samples of rows, and the minimum over them, from which Newton's method over all rows starts.
#pragma once

#include <algorithm>

#include "pyrometer/base/aligned.hpp"
#include "pyrometer/base/chunks.hpp"
#include "pyrometer/minimum/logistic/newton.hpp"

namespace pyrometer::minimum {

/// A sample of about `count` rows in evenly spaced groups of 16 consecutive ones; `count` is at most a quarter of all.
template <class T>
class Sample {
 public:
  Sample(const data::Rows<T>& all, Index count, int threads)
      : groups_(std::max<Index>(1, count / kNeighbours)),
        X_(base::aligned_array<T>(groups_ * kNeighbours * all.features)),
        y_(base::aligned_array<T>(groups_ * kNeighbours)),
        weights_(all.weights ? base::aligned_array<double>(groups_ * kNeighbours) : nullptr) {
    const Index p = all.features, room = all.rows - kNeighbours;
    const base::Chunks chunks{groups_, 64};
    base::for_each_chunk(chunks.number(), threads, [&](Index k, int) {
      for (Index g = chunks.begin(k); g < chunks.end(k); ++g) {
        const auto begin =
            static_cast<Index>(static_cast<double>(g) / static_cast<double>(groups_) * static_cast<double>(room));
        std::copy(all.X + begin * p, all.X + (begin + kNeighbours) * p, X_.get() + g * kNeighbours * p);
        std::copy(all.y + begin, all.y + begin + kNeighbours, y_.get() + g * kNeighbours);
        if (all.weights) std::copy_n(all.weights + begin, kNeighbours, weights_.get() + g * kNeighbours);
      }
    });
  }
  [[nodiscard]] data::Rows<T> rows(Index features) const {
    const Index count = groups_ * kNeighbours;
    return {X_.get(), y_.get(), count, features, count * features, weights_.get()};
  }

 private:
  static constexpr Index kNeighbours = 16;
  Index groups_;
  base::AlignedArray<T> X_, y_;
  base::AlignedArray<double> weights_;
};

/// The size of the smallest sample for n columns; samples are taken of at least four times as many rows.
[[nodiscard]] inline Index first_sample(Index columns) { return std::max<Index>(1024, 12 * columns); }

/// A rough minimum over the largest of growing samples, each started from the one before; zeros of few rows.
///
/// shift  of the features, see LossEvaluator.
template <class T>
[[nodiscard]] NewtonResult minimum_of_samples(const data::Rows<T>& rows, bool intercept, const double* shift,
                                              int threads) {
  // Larger samples cost memory without saving evaluations.
  constexpr Index kLargestSample = Index{1} << 22;
  const Index n = rows.features + (intercept ? 1 : 0);
  NewtonResult out;
  out.theta.assign(at(n), 0.0);
  for (Index size = first_sample(n); 4 * size <= rows.rows && size <= kLargestSample; size *= 8) {
    const Sample<T> sample(rows, size, threads);
    LossEvaluatorOf<T> evaluator(sample.rows(rows.features), intercept, shift, threads);
    out = newton(evaluator, std::move(out.theta), NewtonOptions{12, 1e-7, true}, &out);
    if (out.status == NewtonStatus::not_finite) break;
  }
  return out;
}

}  // namespace pyrometer::minimum
