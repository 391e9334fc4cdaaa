#include "pyrometer/minimum/logistic/logistic.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <stdexcept>
#include <vector>

#include "pyrometer/data/products.hpp"
#include "pyrometer/minimum/logistic/block_kernel.hpp"
#include "pyrometer/minimum/logistic/independent_columns.hpp"
#include "pyrometer/minimum/logistic/loss_and_derivatives.hpp"

using namespace pyrometer;
using namespace pyrometer::minimum;

namespace {

// Pseudo-random numbers in (-1, 1).
std::vector<double> numbers(Index count, unsigned state) {
  std::vector<double> out;
  for (Index i = 0; i < count; ++i) {
    state = state * 1664525U + 1013904223U;
    out.push_back(static_cast<double>(state >> 8) / (1 << 23) - 1);
  }
  return out;
}

std::vector<double> labels(Index count, unsigned state) {
  auto out = numbers(count, state);
  for (double& y : out) y = y > 0.2 ? 1 : 0;
  return out;
}

struct Answer {
  std::vector<double> value, parameters, gap, error;
  std::unique_ptr<bool[]> attained;
  std::vector<Index> rank, evaluations;

  Answer(const LabelledRows<double>& data, int threads)
      : value(size(data)),
        parameters(size(data) * at(data.parameters())),
        gap(size(data)),
        error(parameters),
        attained(new bool[size(data)]),
        rank(size(data)),
        evaluations(size(data)) {
    logistic(data, threads, {value, parameters, gap, {attained.get(), size(data)}, error, rank, evaluations});
  }
  static std::size_t size(const LabelledRows<double>& data) { return at(data.systems); }
};

}  // namespace

TEST_CASE("losses, slopes and weights are relatively accurate in both tails") {
  alignas(64) double t[data::kBlock], slope[data::kBlock], root[data::kBlock], losses[data::kBlock];
  for (const double y : {0.0, 1.0}) {
    for (double size = 1e-18; size < 350; size *= 1.37) {
      for (const double point : {size, -size}) {
        const std::vector<double> same(at(data::kBlock), y);
        for (double& value : t) value = point;
        double loss = 0, least = INFINITY;
        link(t, same.data(), 1, slope, root, losses, loss, least);
        const long double z = (2 * y - 1) * point, e = std::exp(-std::abs(static_cast<long double>(z)));
        const long double wrong = (z >= 0 ? e : 1) / (1 + e), weight = e / ((1 + e) * (1 + e));
        CHECK(least == static_cast<double>(z));
        CHECK(loss == doctest::Approx(static_cast<double>(std::log1p(e) + (z < 0 ? -z : 0))).epsilon(1e-15));
        CHECK(slope[0] == doctest::Approx(static_cast<double>((1 - 2 * y) * wrong)).epsilon(1e-15));
        CHECK(root[0] == doctest::Approx(static_cast<double>(std::sqrt(weight))).epsilon(1e-15));
      }
    }
  }
}

TEST_CASE("an evaluation equals the plain sums over rows, for every shape") {
  for (const Index p : {1, 3, 8, 15, 16, 23, 40}) {
    for (const Index m : {1, 7, 128, 300, 2500}) {
      for (const bool intercept : {false, true}) {
        const auto X = numbers(m * p, 1), y = labels(m, 2), shift = numbers(p, 3);
        const Index n = p + (intercept ? 1 : 0);
        const auto theta = numbers(n, 4);
        auto weights = numbers(m, 5);  // of half of the shapes
        for (double& w : weights) w = p % 2 == 0 ? 1 + w : 1;
        const data::Rows<double> rows{X.data(), y.data(), m, p, m * p, p % 2 == 0 ? weights.data() : nullptr};
        LossEvaluatorOf<double> evaluator(rows, intercept, shift.data(), 2);
        Evaluation evaluation;
        evaluator.evaluate(theta.data(), true, evaluation);

        double loss = 0;
        std::vector<double> gradient(at(n)), d(gradient), curvature(at(n * n));
        for (Index i = 0; i < m; ++i) {
          double t = 0;
          for (std::size_t j = 0; j < d.size(); ++j) {
            const auto jj = static_cast<Index>(j);
            d[j] = jj < p ? X[at(i * p + jj)] - shift[j] : 1;
            t += d[j] * theta[j];
          }
          const double label = y[at(i)], s = 1 / (1 + std::exp(-t));
          loss += weights[at(i)] * (std::log1p(std::exp(t)) - label * t);
          for (std::size_t j = 0; j < d.size(); ++j) {
            gradient[j] += weights[at(i)] * (s - label) * d[j];
            for (std::size_t k = 0; k < d.size(); ++k)
              curvature[j * d.size() + k] += weights[at(i)] * s * (1 - s) * d[j] * d[k];
          }
        }
        const double scale = static_cast<double>(m);
        CHECK(evaluation.loss == doctest::Approx(loss).epsilon(1e-12));
        const Index ld = data::padded(n);
        for (std::size_t j = 0; j < d.size(); ++j) {
          CHECK(std::abs(evaluation.gradient[j] - gradient[j]) < 1e-13 * scale);
          for (std::size_t k = j; k < d.size(); ++k)
            CHECK(std::abs(evaluation.curvature[j * at(ld) + k] - curvature[j * d.size() + k]) < 1e-13 * scale);
        }
      }
    }
  }
}

TEST_CASE("a basis spans the columns, and null vectors are null") {
  const Index m = 60, p = 5;
  auto X = numbers(m * p, 7);
  for (Index i = 0; i < m; ++i) {
    double* x = X.data() + i * p;
    x[0] += 1e8;
    x[2] = x[1] / 3 - 2;        // depends on the constant and on column 1
    x[4] = x[3] + 1e-9 * x[4];  // nearly equal to column 3
  }
  const Basis basis = reduce(Matrix{X.data(), m, p}, true, false, 1);
  CHECK(basis.rank == 5);
  REQUIRE(basis.null.size() == 1);
  for (Index i = 0; i < m; ++i) {
    long double sum = basis.null[0][5];
    for (Index j = 0; j < p; ++j) sum += static_cast<long double>(X[at(i * p + j)]) * basis.null[0][at(j)];
    CHECK(std::abs(static_cast<double>(sum)) < 1e-13);
  }
}

TEST_CASE("one binary feature: each group has the entropy of its labels") {
  // 3 of 4 and 1 of 5.
  const std::vector<double> X{1, 1, 1, 1, 0, 0, 0, 0, 0}, y{1, 1, 1, 0, 1, 0, 0, 0, 0};
  const Answer answer({X.data(), y.data(), 1, 9, 1, true}, 1);
  const auto entropy = [](double q) { return -q * std::log(q) - (1 - q) * std::log(1 - q); };
  CHECK(answer.value[0] == doctest::Approx((4 * entropy(0.75) + 5 * entropy(0.2)) / 9).epsilon(1e-15));
  CHECK(answer.parameters[0] == doctest::Approx(std::log(3.0) - std::log(0.25)).epsilon(1e-8));
  CHECK(answer.parameters[1] == doctest::Approx(std::log(0.25)).epsilon(1e-8));
  CHECK(answer.attained[0]);
  CHECK(answer.rank[0] == 1);
  CHECK(answer.gap[0] < 1e-12);
}

TEST_CASE("separated labels have the infimum 0, and it is not attained") {
  const std::vector<double> X{-2, -1, 1, 2, -2, -1, 1, 2}, y{0, 0, 1, 1, 0, 1, 0, 1};
  const Answer answer({X.data(), y.data(), 2, 4, 1, true}, 2);
  CHECK(answer.value[0] == 0);
  CHECK_FALSE(answer.attained[0]);
  CHECK(answer.value[1] > 0.5);
  CHECK(answer.attained[1]);
}

TEST_CASE("invalid cells and labels throw") {
  std::vector<double> X = numbers(20, 1), y = labels(10, 2);
  const LabelledRows<double> rows{X.data(), y.data(), 1, 10, 2, true};
  y[5] = 2;
  CHECK_THROWS_WITH_AS(Answer(rows, 1), "y must be 0 or 1, got 2 at row 5", std::invalid_argument);
  y[5] = 1;
  X[13] = -INFINITY;
  CHECK_THROWS_WITH_AS(Answer(rows, 1), "X must be finite, got -inf at row 6, column 1; drop or fill it",
                       std::invalid_argument);
}
