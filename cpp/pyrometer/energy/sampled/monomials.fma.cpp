#include "pyrometer/energy/sampled/monomials.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "pyrometer/base/aligned.hpp"
#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/simd.hpp"
#include "pyrometer/data/products.hpp"
#include "pyrometer/energy/sampled/group.hpp"

namespace pyrometer::energy {
namespace {

constexpr Index kFewParameters = 9, kManyDraws = 256;
constexpr Index kMost = kFewParameters * (kFewParameters + 5) / 2;  // monomials
constexpr Index kChunkDraws = 512, kWave = 64;  // the first is part of the definition of the last bits
constexpr Index kPairsAtOnce = 1024;

using Lane = base::Vec<double>;
constexpr Index kLanes = base::kLanes<double>;
constexpr Index kSide = 4;  // vectors of pairs at a time: enough independent sums to hide the latency
constexpr Index kPairGroup = kSide * kLanes;

Index monomials(Index n, bool absolute) { return n * (n + 3) / 2 + (absolute ? n : 0); }

/// Mean square and mean absolute value of a standard number; of truncated ones to a few digits, which suffices.
double square(double bound) {
  if (model::family_of(bound) == model::Family::normal) return 1.0;
  if (model::family_of(bound) == model::Family::uniform) return 1.0 / 12;
  if (bound < 1e-3) return bound * bound / 3;
  const double inside = std::erf(bound / std::numbers::sqrt2);
  return 1.0 - std::sqrt(2 / std::numbers::pi) * bound * std::exp(-0.5 * bound * bound) / inside;
}
double size(double bound) {
  if (model::family_of(bound) == model::Family::normal) return std::sqrt(2 / std::numbers::pi);
  if (model::family_of(bound) == model::Family::uniform) return 0.25;
  if (bound < 1e-3) return bound / 2;
  return -std::sqrt(2 / std::numbers::pi) * std::expm1(-0.5 * bound * bound) / std::erf(bound / std::numbers::sqrt2);
}

/// The expectation of each monomial: sums of deviations from it lose no accuracy.
void expect(Index n, const std::vector<double>& bound, bool absolute, double* mean) {
  double* to = mean;
  for (Index i = 0; i < n; ++i)
    for (Index j = i; j < n; ++j) *to++ = i != j ? 0.0 : square(bound[at(i)]);
  to = std::fill_n(to, n, 0.0);
  for (Index i = 0; i < n && absolute; ++i) *to++ = size(bound[at(i)]);
}

/// Moments of the monomials over draws.
struct Moments {
  Index k;
  double mean[kMost];
  double scatter[kMost * kMost];  // k x k, below the diagonal
};

/// The deviations of the monomials of `count` draws from their expectations, and a column of ones, packed for
/// add_products(); numbers: parameters x stride.
void write_monomials(const double* numbers, Index stride, Index n, Index count, bool absolute, const double* expected,
                     double* to) {
  Index a = 0;
  const auto column = [&](auto value) {
    double* const lane = to + a / kLanes * data::kBlock * kLanes + a % kLanes;
    const double centre = expected[a++];
    for (Index draw = 0; draw < count; ++draw) lane[draw * kLanes] = value(draw) - centre;
  };
  for (Index i = 0; i < n; ++i)
    for (Index j = i; j < n; ++j)
      column([z = numbers + i * stride, w = numbers + j * stride](Index draw) { return z[draw] * w[draw]; });
  for (Index j = 0; j < n; ++j) column([z = numbers + j * stride](Index draw) { return z[draw]; });
  for (Index j = 0; j < n && absolute; ++j)
    column([z = numbers + j * stride](Index draw) { return std::abs(z[draw]); });
  column([](Index) { return 1.0; });
}

Moments moments_of(const base::Draws& draws, const std::vector<double>& bound, Index n, bool absolute, int threads) {
  const Index k = monomials(n, absolute), ld = data::padded(k + 1);
  double expected[kMost + 1] = {};
  expect(n, bound, absolute, expected);
  const base::Chunks chunks{draws.samples, kChunkDraws};
  const Index wave = std::min(kWave, chunks.number());
  std::vector<base::AlignedArray<double>> sums, spaces;  // of products, the last column's of the deviations themselves
  for (Index i = 0; i < wave; ++i) sums.push_back(base::aligned_array<double>(ld * ld));
  for (int i = base::worker_count(wave, threads); i > 0; --i) {
    spaces.push_back(base::aligned_array<double>(data::kBlock * ld + n * kChunkDraws));
    std::fill_n(spaces.back().get(), data::kBlock * ld, 0.0);  // the padding
  }

  Moments all{k, {}, {}};
  for (Index first = 0; first < chunks.number(); first += wave) {
    const Index here = std::min(wave, chunks.number() - first);
    base::for_each_chunk(here, threads, [&](Index i, int worker) {
      double* const deviations = spaces[at(worker)].get();
      double* const numbers = deviations + data::kBlock * ld;
      double* const products = sums[at(i)].get();
      const Index begin = chunks.begin(first + i), count = chunks.end(first + i) - begin;
      draw_standard(draws.seed, draws.first + begin, count, bound, numbers);
      data::start_products(k + 1, products);
      for (Index row = 0; row < count; row += data::kBlock) {
        const Index rows = std::min(data::kBlock, count - row);
        write_monomials(numbers + row, count, n, rows, absolute, expected, deviations);
        data::add_products(deviations, rows, k + 1, products, nullptr, 0);
      }
      data::finish_products(k + 1, products);
    });
    for (Index i = 0; i < here; ++i) {
      for (Index a = 0; a < k; ++a) {
        const double* const row = sums[at(i)].get() + a * ld;
        for (Index b = a; b < k; ++b) all.scatter[b * k + a] += row[b];
        all.mean[a] += row[k];
      }
    }
  }
  const double number = static_cast<double>(draws.samples);
  for (Index a = 0; a < k; ++a)
    for (Index b = 0; b <= a; ++b) all.scatter[a * k + b] -= all.mean[a] * (all.mean[b] / number);
  for (Index a = 0; a < k; ++a) all.mean[a] = expected[a] + all.mean[a] / number;
  return all;
}

/// The coefficients of the monomials of theta in a system's energy.
class Weights {
 public:
  Weights(const Squares& squares, Index system) {
    const Index p = squares.features(), n = squares.parameters();
    const double* const mean = squares.mean.row(system);
    const auto second = [&](Index i, Index j) {  // of (x, y, 1)
      const double a = i > p ? 1.0 : mean[i], b = j > p ? 1.0 : mean[j];
      const double covariance = i > p || j > p ? 0.0 : squares.scatter.row(system * (p + 1) + i)[j];
      return covariance / static_cast<double>(squares.count) + a * b;
    };
    const auto column = [&](Index j) { return j < p ? j : p + 1; };  // of parameter j
    constant_ = second(p, p);
    double* to = weight_;
    for (Index i = 0; i < n; ++i) {
      *to++ = second(column(i), column(i)) + (i < squares.penalised ? squares.l2 : 0.0);
      for (Index j = i + 1; j < n; ++j) *to++ = 2.0 * second(column(i), column(j));
    }
    for (Index j = 0; j < n; ++j) *to++ = -2.0 * second(column(j), p);
    for (Index j = 0; j < n; ++j) *to++ = j < squares.penalised ? squares.l1 : 0.0;
  }

  [[nodiscard]] double constant() const { return constant_; }

  /// The coefficients of the monomials of the standard numbers, theta_j = scale_j z_j; `stride` apart.
  void scaled(const double* scale, Index n, bool absolute, double* to, Index stride) const {
    const double* from = weight_;
    const auto put = [&](double value) {
      *to = value;
      to += stride;
    };
    for (Index i = 0; i < n; ++i)
      for (Index j = i; j < n; ++j) put(*from++ * scale[i] * scale[j]);
    for (Index j = 0; j < n; ++j) put(*from++ * scale[j]);
    if (absolute)
      for (Index j = 0; j < n; ++j) put(*from++ * std::abs(scale[j]));
  }

 private:
  double constant_, weight_[kMost];
};

/// linear = sum_a c_a M_a, quadratic = sum_ab c_a c_b S_ab: for kPairGroup pairs, c being k x kPairGroup.
void contract(const Moments& moments, const double* c, double* linear, double* quadratic) {
  const auto weight = [c](Index a, Index v, Lane& lane) { base::load(c + a * kPairGroup + v * kLanes, lane); };
  const Index k = moments.k;
  Lane first[kSide] = {}, second[kSide] = {};
  for (Index a = 0; a < k; ++a) {
    const double* const row = moments.scatter + a * k;
    Lane sum[kSide] = {}, here;
    for (Index b = 0; b < a; ++b)
      for (Index v = 0; v < kSide; ++v) {
        weight(b, v, here);
        sum[v] += row[b] * here;
      }
    for (Index v = 0; v < kSide; ++v) {
      weight(a, v, here);
      first[v] += moments.mean[a] * here;
      second[v] += here * (sum[v] + sum[v] + row[a] * here);
    }
  }
  for (Index v = 0; v < kSide; ++v) {
    base::store<double>(linear + v * kLanes, first[v]);
    base::store<double>(quadratic + v * kLanes, second[v]);
  }
}

}  // namespace

bool has_few_monomials(const Squares& squares, Index samples) {
  return squares.parameters() <= kFewParameters && samples >= kManyDraws;
}

bool average_by_monomials(const Squares& squares, const model::LawBatch& law, const base::Draws& draws, int threads,
                          double* mean, double* standard_error) {
  const Index n = squares.parameters(), laws = law.batch(), pairs = squares.systems() * laws;
  const bool absolute = squares.l1 != 0;
  if (pairs == 0) return true;
  const Moments moments = moments_of(draws, law.bound, n, absolute, threads);
  const double number = static_cast<double>(draws.samples), share = number * (number - 1.0);

  const base::Chunks chunks{pairs, kPairsAtOnce};
  std::vector<char> sound(at(chunks.number()), 1);
  base::for_each_chunk(chunks.number(), threads, [&](Index chunk, int) {
    alignas(base::kVectorBytes) double c[kMost * kPairGroup] = {};
    double constant[kPairGroup], linear[kPairGroup], quadratic[kPairGroup];
    const Index begin = chunks.begin(chunk), end = chunks.end(chunk);
    Weights weights(squares, begin / laws);
    for (Index first = begin; first < end; first += kPairGroup) {
      const Index count = std::min(kPairGroup, end - first);
      for (Index pair = 0; pair < count; ++pair) {
        const Index index = first + pair;
        if (index > begin && index % laws == 0) weights = Weights(squares, index / laws);
        constant[pair] = weights.constant();
        weights.scaled(law.scale.row(index % laws), n, absolute, c + pair, kPairGroup);
      }
      contract(moments, c, linear, quadratic);
      for (Index pair = 0; pair < count; ++pair) {
        const double average = constant[pair] + linear[pair], error = std::sqrt(quadratic[pair] / share);
        mean[first + pair] = average;
        standard_error[first + pair] = error;
        if (!std::isfinite(average) || !std::isfinite(error) || underflows(average, quadratic[pair]))
          sound[at(chunk)] = 0;
      }
    }
  });
  return std::find(sound.begin(), sound.end(), 0) == sound.end();
}

}  // namespace pyrometer::energy
