#include "pyrometer/minimum/dense/row_sums.hpp"

#include <algorithm>
#include <array>

#include "pyrometer/base/require.hpp"
#include "pyrometer/data/first_bad.hpp"

namespace pyrometer::minimum {
namespace {

constexpr Index kTogether = 64;  // rows per block
constexpr Index kLanes = 8;

}  // namespace

void Sums::add(const Sums& other) {
  squares.add(other.squares);
  total.add(other.total);
  for (std::size_t j = 0; j < gradient.size(); ++j) gradient[j].add(other.gradient[j]);
}

DoubleDouble Sums::gradient_of(const Shape& shape, const double* mean, Index j) const {
  DoubleDouble sum = j < shape.features ? gradient[at(j)] : total;
  if (shape.centred) {
    sum.add_product(-mean[j], total.hi);
    sum.lo -= mean[j] * total.lo;
  }
  return sum;
}

template <class T>
void require_finite(const Shape& shape, const Rows<T>& rows, Index system) {
  const auto bad = [](const auto* x, Index count) { return data::first_bad(x, count, data::Allowed::finite, 1) >= 0; };
  const bool finite =
      !bad(rows.X, shape.rows * shape.features) && !bad(rows.y, shape.rows) && !bad(rows.mean, shape.features + 1);
  require(finite, "rows must be finite, got nan or infinity in system ", system);
}

namespace {

using Residuals = std::array<double, kTogether>;

// Adds r' W r and the sum of w r; r + rest becomes w r.
void add_weighted(const double* weights, std::size_t count, Residuals& r, Residuals& rest, Sums& sums) {
  for (std::size_t i = 0; i < count; ++i) {
    const double weight = weights[i], sum = r[i] + rest[i], low = rest[i] - (sum - r[i]);
    const double product = weight * sum;
    r[i] = product;
    rest[i] = product_error(weight, sum, product) + weight * low;
    sums.squares.add_product(product, sum);
    sums.squares.lo += product * low + rest[i] * sum;
    sums.total.add(product);
    sums.total.lo += rest[i];
  }
}

}  // namespace

template <class T>
Sums sums_over(const Shape& shape, const Rows<T>& data, const double* theta, Index begin, Index end) {
  const Index p = shape.features;
  const double offset = shape.parameters() > p ? theta[p] : 0;
  std::vector<double> x(at(p * kTogether));
  std::vector<std::array<double, kLanes>> hi(at(p)), lo(at(p));
  for (auto& lanes : hi) lanes.fill(0);
  for (auto& lanes : lo) lanes.fill(0);
  Residuals r, rest;
  Sums sums;
  for (Index first = begin; first < end; first += kTogether) {
    const Index count = std::min(kTogether, end - first);
    std::fill(x.begin(), x.end(), 0.0);
    for (Index i = 0; i < count; ++i)
      for (Index j = 0; j < p; ++j) x[at(j * kTogether + i)] = static_cast<double>(data.X[(first + i) * p + j]);
    r.fill(0);
    rest.fill(0);
    for (Index i = 0; i < count; ++i) {
      const auto row = at(i);
      r[row] = static_cast<double>(data.y[first + i]);
      base::add_compensated(r[row], rest[row], -offset);
    }
    for (Index j = 0; j < p; ++j) {
      const double* column = x.data() + j * kTogether;
      const double t = -theta[j];
      for (std::size_t i = 0; i < kTogether; ++i) {
        const double product = column[i] * t;
        base::add_compensated(r[i], rest[i], product);
        rest[i] += product_error(column[i], t, product);
      }
    }
    if (data.weights) add_weighted(data.weights + first, at(count), r, rest, sums);
    for (std::size_t i = 0; i < kTogether && !data.weights; ++i) {
      const double sum = r[i] + rest[i];
      rest[i] -= sum - r[i];
      r[i] = sum;
      sums.squares.add_product(sum, sum);
      sums.squares.lo += 2 * sum * rest[i];
      sums.total.add(sum);
      sums.total.lo += rest[i];
    }
    for (Index j = 0; j < p; ++j) {
      const double* column = x.data() + j * kTogether;
      auto &high = hi[at(j)], &low = lo[at(j)];
      for (std::size_t i = 0; i < kTogether; i += kLanes)
        for (std::size_t lane = 0; lane < kLanes; ++lane) {
          const double product = column[i + lane] * r[i + lane];
          base::add_compensated(high[lane], low[lane], product);
          low[lane] += product_error(column[i + lane], r[i + lane], product) + column[i + lane] * rest[i + lane];
        }
    }
  }
  sums.gradient.resize(at(p));
  for (std::size_t j = 0; j < sums.gradient.size(); ++j)
    for (std::size_t lane = 0; lane < kLanes; ++lane) sums.gradient[j].add(DoubleDouble{hi[j][lane], lo[j][lane]});
  return sums;
}

template void require_finite(const Shape&, const Rows<double>&, Index);
template void require_finite(const Shape&, const Rows<float>&, Index);
template Sums sums_over(const Shape&, const Rows<double>&, const double*, Index, Index);
template Sums sums_over(const Shape&, const Rows<float>&, const double*, Index, Index);

}  // namespace pyrometer::minimum
