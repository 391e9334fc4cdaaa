#include "pyrometer/data/second_moments.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "pyrometer/data/merge.hpp"
#include "pyrometer/data/merge_tree.hpp"

using namespace pyrometer;

namespace {

struct Result {
  std::vector<double> mean, scatter, once;
  bool operator==(const Result&) const = default;
};

// In arrays of exact size, so that a sanitizer detects reads beyond the end.
template <class T>
struct Sample {
  Sample(Index systems_, Index rows_, Index features_, double middle)
      : systems(systems_),
        rows(rows_),
        features(features_),
        X(new T[at(systems * rows * features)]),
        y(new T[at(systems * rows)]) {
    std::mt19937_64 bits(static_cast<std::uint64_t>(rows * 100 + features));
    std::normal_distribution<double> normal(middle, 1);
    for (Index k = 0; k < systems * rows * features; ++k) X[at(k)] = static_cast<T>(normal(bits));
    for (Index k = 0; k < systems * rows; ++k) y[at(k)] = static_cast<T>(normal(bits));
  }

  [[nodiscard]] Result moments(int threads) const {
    return moments({X.get(), y.get(), systems, rows, features}, threads);
  }

  // From a copy of X that is stored by columns.
  [[nodiscard]] Result moments_by_columns(const double* weights) const {
    const std::unique_ptr<T[]> turned(new T[at(systems * rows * features)]);
    for (Index s = 0; s < systems; ++s)
      for (Index i = 0; i < rows; ++i)
        for (Index j = 0; j < features; ++j)
          turned[at((s * features + j) * rows + i)] = X[at((s * rows + i) * features + j)];
    return moments({turned.get(), y.get(), systems, rows, features, weights, true}, 2);
  }

  [[nodiscard]] Result moments(const data::Stack<T>& stack, int threads) const {
    const std::size_t columns = at(features + 1), count = at(systems);
    Result result{std::vector<double>(count * columns), std::vector<double>(count * columns * columns),
                  std::vector<double>(count * columns * 3)};
    data::second_moments<T>(stack, threads, {result.mean.data(), result.scatter.data(), result.once.data()});
    return result;
  }

  [[nodiscard]] long double z(Index s, Index i, Index j) const {
    const Index row = s * rows + i;
    return j < features ? X[at(row * features + j)] : y[at(row)];
  }

  Index systems, rows, features;
  std::unique_ptr<T[]> X, y;
};

// The largest error of a scatter, for columns of variance 1, against two passes in long double.
template <class T>
double error(const Sample<T>& sample, const Result& result) {
  const Index m = sample.rows, columns = sample.features + 1;
  double worst = 0;
  for (Index s = 0; s < sample.systems; ++s) {
    std::vector<long double> mean(at(columns));
    for (Index j = 0; j < columns; ++j) {
      long double sum = 0;
      for (Index i = 0; i < m; ++i) sum += sample.z(s, i, j);
      mean[at(j)] = sum / static_cast<long double>(m);
    }
    for (Index j = 0; j < columns; ++j) {
      for (Index k = 0; k < columns; ++k) {
        long double sum = 0;
        for (Index i = 0; i < m; ++i) {
          sum += (sample.z(s, i, j) - mean[at(j)]) * (sample.z(s, i, k) - mean[at(k)]);
        }
        const double got = result.scatter[at((s * columns + j) * columns + k)];
        worst = std::max(worst, std::abs(got - static_cast<double>(sum)) / static_cast<double>(m));
      }
    }
  }
  return worst;
}

template <class T>
std::string message_of(Sample<T>& sample) {
  try {
    static_cast<void>(sample.moments(2));
  } catch (const std::invalid_argument& problem) {
    return problem.what();
  }
  return "";
}

}  // namespace

TEST_CASE_TEMPLATE("scatters agree with two passes in long double, at any mean", T, double, float) {
  for (const double middle : {0.0, 1e7}) {
    for (Index p = 0; p < 27; ++p) {
      for (const Index m : {Index{1}, Index{3}, Index{40}, Index{130}, Index{1500}}) {
        if (m == 1500 && p % 5 != 0) continue;
        const Sample<T> sample(2, m, p, middle);
        const Result result = sample.moments(1);
        CHECK(error(sample, result) < 1e-14);
        CHECK(result == sample.moments(3));
        CHECK(result == sample.moments_by_columns(nullptr));
        std::vector<double> weights(at(2 * m));
        for (Index i = 0; i < 2 * m; ++i) weights[at(i)] = static_cast<double>(1 + i * i % 5);
        CHECK(sample.moments({sample.X.get(), sample.y.get(), 2, m, p, weights.data()}, 1) ==
              sample.moments_by_columns(weights.data()));
      }
    }
  }
}

TEST_CASE("each system of a stack has the same bits as alone") {
  const Sample<double> stack(9, 2100, 5, 3.0);
  const Result all = stack.moments(2);
  for (Index s = 0; s < 9; ++s) {
    std::vector<double> mean(6), scatter(36), once(18);
    data::second_moments<double>({stack.X.get() + s * 2100 * 5, stack.y.get() + s * 2100, 1, 2100, 5}, 2,
                                 {mean.data(), scatter.data(), once.data()});
    CHECK(std::equal(mean.begin(), mean.end(), all.mean.begin() + s * 6));
    CHECK(std::equal(scatter.begin(), scatter.end(), all.scatter.begin() + s * 36));
  }
}

TEST_CASE("the message names the invalid cell") {
  Sample<double> sample(2, 1300, 9, 0.0);
  sample.X[(1300 + 1299) * 9 + 8] = NAN;
  CHECK(message_of(sample) == "X must be finite, got nan at system 1, row 1299, column 8; drop or fill it");
  sample.y[1300 + 1299] = sample.y[1300 + 1298] = -std::numeric_limits<double>::infinity();
  CHECK(message_of(sample) == "y must be finite, got -inf at system 1, row 1298; drop or fill it");
  sample = Sample<double>(1, 40, 9, 0.0);
  sample.X[7] = 1e300;
  CHECK(message_of(sample).find("overflow") != std::string::npos);
}

TEST_CASE("a merged tree is the same for every order of arrival") {
  const Index columns = 3, leaves = 11;
  const auto grown = [&](std::vector<Index> order) {
    data::MergeTree tree(columns);
    tree.reset(5);  // a tree is used again
    tree.reset(leaves);
    for (const Index leaf : order) {
      auto part = tree.take();
      part->count = static_cast<double>(leaf + 1);
      for (Index j = 0; j < data::padded(columns); ++j) {
        part->shift[at(j)] = static_cast<double>(leaf * j);
        part->off[at(j)] = part->squares[at(j)] = 1.0 / static_cast<double>(3 + leaf);
        for (Index k = 0; k < data::padded(columns); ++k)
          part->scatter[at(j * data::padded(columns) + k)] = 1.0 / static_cast<double>(7 + leaf);
      }
      tree.add(leaf, std::move(part));
    }
    const data::Part& root = tree.root();
    std::vector<double> numbers(root.off.get(), root.off.get() + columns);
    for (Index j = 0; j < columns; ++j) numbers.push_back(root.scatter[at(j)]);
    numbers.push_back(static_cast<double>(root.count));
    return numbers;
  };
  const auto forward = grown({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  CHECK(forward.back() == 66);
  CHECK(forward == grown({10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0}));
  CHECK(forward == grown({5, 0, 10, 3, 8, 1, 6, 2, 9, 4, 7}));
}

TEST_CASE("a merged part can be removed") {
  struct Whole {
    explicit Whole(double count_) : count(count_), mean(3), scatter(9), low(6), accuracy(at(3 * data::kAccuracy)) {}
    [[nodiscard]] data::MomentsView view() const {
      return {count, mean.data(), scatter.data(), low.data(), accuracy.data()};
    }
    [[nodiscard]] data::MomentsSlots slots() { return {mean.data(), scatter.data(), low.data(), accuracy.data()}; }
    double count;
    std::vector<double> mean, scatter, low, accuracy;
  };
  const Sample<double> a(1, 50, 2, 5.0), b(1, 20, 2, -1e6);
  const Result one = a.moments(1), two = b.moments(1);
  std::vector<double> accuracy(at(3 * data::kAccuracy), 1e-12);
  std::fill_n(accuracy.begin(), 3, 0.0);  // low parts of the means
  const data::MomentsView first{50, one.mean.data(), one.scatter.data(), nullptr, accuracy.data()};
  const data::MomentsView second{20, two.mean.data(), two.scatter.data(), nullptr, accuracy.data()};
  Whole both(70), left(50);
  data::merge_moments(first, second, 1, 3, 70, false, true, both.slots());
  for (Index j = 0; j < 3; ++j) CHECK(both.accuracy[at(data::kSmallest * 3 + j)] == 1e-12);  // that of both parts
  data::merge_moments(both.view(), second, -1, 3, 50, false, true, left.slots());
  for (std::size_t k = 0; k < 9; ++k) CHECK(left.scatter[k] == doctest::Approx(one.scatter[k]).epsilon(1e-15));
  for (std::size_t k = 0; k < 3; ++k) CHECK(left.mean[k] == doctest::Approx(one.mean[k]).epsilon(1e-15));
  CHECK_THROWS_AS(data::merge_moments(first, both.view(), -1, 3, -20, false, true, left.slots()),
                  std::invalid_argument);
  CHECK_THROWS_AS(data::merge_moments(second, {10, one.mean.data(), both.scatter.data(), nullptr, accuracy.data()}, -1,
                                      3, 10, false, true, left.slots()),
                  std::invalid_argument);
}

TEST_CASE("whole weights do what repetitions of the rows do, for every width") {
  for (const Index features : {0, 1, 7, 8, 30})
    for (const Index rows : {1, 5, 129, 3000}) {
      const Sample<double> sample(1, rows, features, 100.0);
      std::vector<double> weights, X, y;
      for (Index i = 0; i < rows; ++i) {
        weights.push_back(static_cast<double>(1 + i * i % 4));
        for (int copy = 0; copy < 1 + i * i % 4; ++copy) {
          X.insert(X.end(), sample.X.get() + i * features, sample.X.get() + (i + 1) * features);
          y.push_back(sample.y[at(i)]);
        }
      }
      const auto moments = [&](const data::Stack<double>& stack) {
        const std::size_t columns = at(features + 1);
        Result result{std::vector<double>(columns), std::vector<double>(columns * columns),
                      std::vector<double>(3 * columns)};
        data::second_moments(stack, 2, {result.mean.data(), result.scatter.data(), result.once.data()});
        return result;
      };
      const Result weighted = moments({sample.X.get(), sample.y.get(), 1, rows, features, weights.data()});
      const Result repeated = moments({X.data(), y.data(), 1, static_cast<Index>(y.size()), features});
      for (std::size_t j = 0; j < weighted.mean.size(); ++j)
        CHECK(weighted.mean[j] == doctest::Approx(repeated.mean[j]).epsilon(1e-14));
      double size = 0;
      for (const double entry : repeated.scatter) size = std::max(size, std::abs(entry));
      for (std::size_t j = 0; j < weighted.scatter.size(); ++j)
        CHECK(std::abs(weighted.scatter[j] - repeated.scatter[j]) <= 1e-13 * size);
    }
}
