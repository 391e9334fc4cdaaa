// What is looked up of the rows before a minimum is searched: sizes of columns, and samples of rows.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/minimum/logistic/loss_and_derivatives.hpp"
#include "pyrometer/minimum/logistic/sample.hpp"
#include "pyrometer/minimum/softmax/evaluator.hpp"

namespace pyrometer::minimum {

/// Of each column the largest absolute value, and the mean, computed from differences to the first row: exact for
/// constant columns.
struct Survey {
  std::vector<double> largest, mean;
};

template <class T>
Survey survey_of(const data::Rows<T>& rows, int threads) {
  const Index p = rows.features;
  const base::Chunks chunks{rows.rows, std::max<Index>(1024, (rows.rows + 63) / 64)};
  std::vector<Survey> parts(at(chunks.number()),
                            Survey{std::vector<double>(at(p), 0.0), std::vector<double>(at(p), 0.0)});
  base::for_each_chunk(chunks.number(), threads, [&](Index chunk, int) {
    double* const __restrict largest = parts[at(chunk)].largest.data();
    double* const __restrict sum = parts[at(chunk)].mean.data();
    for (Index i = chunks.begin(chunk); i < chunks.end(chunk); ++i)
      for (Index j = 0; j < p; ++j) {
        const auto x = static_cast<double>(rows.X[i * p + j]), size = std::abs(x);
        largest[j] = size > largest[j] ? size : largest[j];
        sum[j] += x - static_cast<double>(rows.X[j]);
      }
  });
  Survey out{std::vector<double>(at(p), 0.0), std::vector<double>(at(p), 0.0)};
  for (const Survey& part : parts)
    for (std::size_t j = 0; j < at(p); ++j) {
      out.largest[j] = std::max(out.largest[j], part.largest[j]);
      out.mean[j] += part.mean[j];
    }
  for (Index j = 0; j < p; ++j)
    out.mean[at(j)] = static_cast<double>(rows.X[j]) + out.mean[at(j)] / static_cast<double>(rows.rows);
  return out;
}

/// The exponents of powers of two to which columns are scaled: 0 unless their squares might over- or underflow.
inline std::vector<int> exponents_of(const std::vector<double>& largest) {
  std::vector<int> out;
  for (const double size : largest) {
    const bool extreme = size > 0 && std::isfinite(size) && !(size > 1e-60 && size < 1e60);
    out.push_back(extreme ? -std::ilogb(size) : 0);
  }
  return out;
}

/// The shares of the classes, all of which have rows, with an intercept; without one all the same.
template <class T>
std::vector<double> shares_of(const ClassifiedRows<T>& table) {
  const data::Rows<T>& rows = table.rows;
  const double weight = weight_of(rows);
  std::vector<double> shares(at(table.classes), table.intercept ? 0.0 : 1.0 / static_cast<double>(table.classes));
  for (Index i = 0; i < rows.rows && table.intercept; ++i)
    shares[at(static_cast<Index>(rows.y[i]))] += (rows.weights ? rows.weights[i] : 1.0) / weight;
  return shares;
}

/// The number of evaluations that take as long as Newton's method over all rows, or more: then it is tried instead.
template <class T>
Index worth_of_newton(const SoftmaxEvaluator<T>& evaluator) {
  const Index n = evaluator.columns(), classes = evaluator.classes();
  const Index gradient = 6 * n * (classes - 1) + 40 * classes, products = n * n * classes * (classes - 1) / 2;
  return 10 + 10 * products / gradient;
}

/// A sample of the rows before the `last` ones, and these, whose weights are as much smaller as the sample is.
template <class T>
struct SampleAndLast {
  SampleAndLast(const ClassifiedRows<T>& table, Index size, Index last, int threads)
      : features(table.rows.features), sample(table.rows.from(0, table.rows.rows - last), size, threads) {
    const data::Rows<T>& all = table.rows;
    const data::Rows<T> sampled = sample.rows(features), others = all.from(all.rows - last, all.rows);
    factor = static_cast<double>(all.rows - last) / static_cast<double>(sampled.rows);
    const auto add = [&](const data::Rows<T>& rows, double share) {
      X.insert(X.end(), rows.X, rows.X + rows.rows * features);
      y.insert(y.end(), rows.y, rows.y + rows.rows);
      for (Index i = 0; i < rows.rows; ++i) weights.push_back(share * (rows.weights ? rows.weights[i] : 1.0));
    };
    if (last == 0) return;
    add(sampled, 1);
    add(others, 1 / factor);
    if (!table.allowed) return;
    allowed.assign(at(sampled.rows * table.classes), 1);
    allowed.insert(allowed.end(), table.allowed + (all.rows - last) * table.classes,
                   table.allowed + all.rows * table.classes);
  }
  [[nodiscard]] data::Rows<T> rows() const {
    if (y.empty()) return sample.rows(features);
    return {X.data(), y.data(), std::ssize(y), features, std::ssize(X), weights.data()};
  }
  Index features;
  Sample<T> sample;
  double factor;
  std::vector<T> X, y;
  std::vector<double> weights;
  std::vector<std::uint8_t> allowed;  ///< all classes are, of the rows before the last
};

}  // namespace pyrometer::minimum
