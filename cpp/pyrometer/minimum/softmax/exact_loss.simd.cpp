#include "pyrometer/minimum/softmax/exact_loss.hpp"

#include <algorithm>
#include <cmath>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/minimum/dense/residual.hpp"
#include "pyrometer/minimum/logistic/loss_and_derivatives.hpp"

namespace pyrometer::minimum {

template <class T>
double loss_at(const ClassifiedRows<T>& table, const std::vector<int>& exponents, std::vector<double> theta,
               int threads) {
  const data::Rows<T>& rows = table.rows;
  const Index p = rows.features, n = p + (table.intercept ? 1 : 0);
  for (std::size_t k = 0; k < theta.size(); ++k)
    if (const std::size_t j = k % at(n); j < at(p)) theta[k] = std::ldexp(theta[k], -exponents[j]);
  const base::Chunks chunks{rows.rows, 1024};
  std::vector<double> sums(at(chunks.number()), 0.0);
  base::for_each_chunk(chunks.number(), threads, [&](Index chunk, int) {
    std::vector<DoubleDouble> logits(at(table.classes));
    std::vector<double> x(at(n), 1.0);
    DoubleDouble total;
    for (Index i = chunks.begin(chunk); i < chunks.end(chunk); ++i) {
      for (Index j = 0; j < p; ++j) x[at(j)] = std::ldexp(static_cast<double>(rows.X[i * p + j]), exponents[at(j)]);
      double size = 0;
      for (Index c = 0; c < table.classes; ++c) {
        DoubleDouble sum;
        for (Index j = 0; j < n; ++j) {
          sum.add_product(x[at(j)], theta[at(c * n + j)]);
          size += std::abs(x[at(j)] * theta[at(c * n + j)]);
        }
        logits[at(c)] = DoubleDouble::ordered_sum(sum.hi, sum.lo);
      }
      // An upper bound, whatever the rounding: in double-double precision it matters for terms above some 1e30.
      const auto y = static_cast<std::size_t>(rows.y[i]);
      const DoubleDouble own = logits[y] - 4 * kUnit * kUnit * static_cast<double>((n + 4) * (n + 4)) * size;
      double most = 0, others = 0;
      for (std::size_t c = 0; c < logits.size(); ++c)
        if (c != y) most = std::max(most, (logits[c] - own).value());
      for (std::size_t c = 0; c < logits.size(); ++c)
        if (c != y) others += std::exp((logits[c] - own).value() - most);
      total.add((rows.weights ? rows.weights[i] : 1.0) *
                (most > 0 ? most + std::log(std::exp(-most) + others) : std::log1p(others)));
    }
    sums[at(chunk)] = total.value();
  });
  DoubleDouble sum;
  for (const double part : sums) sum.add(part);
  return sum.value();
}

std::vector<double> centred(std::vector<double> theta, Index classes) {
  const std::size_t n = theta.size() / at(classes - 1), all = theta.size() + n;
  theta.resize(all, 0.0);
  for (std::size_t j = 0; j < n; ++j) {
    double mean = 0;
    for (std::size_t k = j; k < all; k += n) mean += theta[k] / static_cast<double>(classes);
    for (std::size_t k = j; k < all; k += n) theta[k] -= mean;
  }
  return theta;
}

std::vector<double> slopes_of(const ClassifiedRows<double>& table, const std::uint8_t* allowed,
                              const std::vector<double>& theta) {
  const data::Rows<double>& rows = table.rows;
  const Index classes = table.classes, p = rows.features, n = p + (table.intercept ? 1 : 0);
  std::vector<double> slopes(at(rows.rows * classes));
  for (Index i = 0; i < rows.rows; ++i) {
    double* const own = slopes.data() + i * classes;
    double most = -INFINITY, sum = 0;
    for (Index c = 0; c < classes; ++c) {
      DoubleDouble z = c + 1 < classes && table.intercept ? theta[at((c + 1) * n - 1)] : 0.0;
      for (Index j = 0; c + 1 < classes && j < p; ++j) z.add_product(rows.X[i * p + j], theta[at(c * n + j)]);
      own[c] = allowed && !allowed[i * classes + c] ? -INFINITY : z.value();
      most = std::max(most, own[c]);
    }
    for (Index c = 0; c < classes; ++c) sum += own[c] = std::exp(own[c] - most);
    for (Index c = 0; c < classes; ++c)
      own[c] = (own[c] / sum - (c == static_cast<Index>(rows.y[i]) ? 1 : 0)) * (rows.weights ? rows.weights[i] : 1.0);
  }
  return slopes;
}

double moved_by_rounding(const std::vector<double>& theta, const std::vector<double>& largest, Index columns) {
  double sum = 0;
  for (std::size_t k = 0; k < theta.size(); ++k)
    sum += std::abs(theta[k]) * (k % at(columns) < largest.size() ? largest[k % at(columns)] : 1);
  return 4 * kUnit * sum;
}

template double loss_at(const ClassifiedRows<double>&, const std::vector<int>&, std::vector<double>, int);
template double loss_at(const ClassifiedRows<float>&, const std::vector<int>&, std::vector<double>, int);

}  // namespace pyrometer::minimum
