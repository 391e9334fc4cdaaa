#include "pyrometer/energy/sampled/rows_block.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>

namespace pyrometer::energy {
namespace {

using base::Vec;
using V = base::Vec<double>;
typedef std::int64_t Bits __attribute__((vector_size(base::kVectorBytes)));

constexpr int kL = base::kLanes<double>, kPanels = base::kTilePanels, kRows = kL;  // a tile: kRows x kPanels vectors
constexpr Index kDepth = 128;        // parameters at a time: 24 KB of draws and 8 KB of rows in the L1 cache
constexpr Index kBlock = 24 * 1024;  // numbers of a block of rows
constexpr Index kMostRows = 512;     // in a block: a product of as many factors in [1, 2] is finite

constexpr std::int64_t kSign = std::int64_t{1} << 63;

Index padded(Index rows) { return (rows + kRows - 1) / kRows * kRows; }

/// The tile of sums: start(r), nothing in single precision, or what is in c, plus x_r . theta.
template <class N>
[[gnu::always_inline]] inline void multiply(bool first, Index depth, const N* __restrict x,
                                            const double* __restrict start, const N* __restrict theta,
                                            const N* __restrict c, Vec<N> (&sum)[kRows][kPanels]) {
  constexpr int kWide = base::kLanes<N>;
  if (first) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 3
      for (int n = 0; n < kPanels; ++n) {
        sum[r][n] = Vec<N>{};
        if constexpr (std::is_same_v<N, double>) sum[r][n] = start[r] - V{};
      }
  } else {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r)
#pragma GCC unroll 3
      for (int n = 0; n < kPanels; ++n) base::load(c + (r * kPanels + n) * kWide, sum[r][n]);
  }
#pragma GCC unroll 2
  for (Index k = 0; k < depth; ++k) {
    Vec<N> right[kPanels];
#pragma GCC unroll 3
    for (int n = 0; n < kPanels; ++n) base::load(theta + (k * kPanels + n) * kWide, right[n]);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const N left = x[r * depth + k];
#pragma GCC unroll 3
      for (int n = 0; n < kPanels; ++n) sum[r][n] += left * right[n];
    }
  }
}

/// Sums of |t - y| and of sign(t - y) y; start = -y. Together they make t sign(t - y) = |t - y| + y sign(t - y).
struct Absolute {
  V size[kPanels] = {}, turned[kPanels] = {};

  [[gnu::always_inline]] void take(const V (&sum)[kRows][kPanels], const double* start) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 3
      for (int n = 0; n < kPanels; ++n) {
        const Bits bits = reinterpret_cast<Bits>(sum[r][n]);
        const V minus_y = start[r] - V{};
        const Bits size_bits = bits & ~kSign, turned_bits = (bits & kSign) ^ reinterpret_cast<Bits>(minus_y);
        size[n] += reinterpret_cast<V>(size_bits);
        turned[n] += reinterpret_cast<V>(turned_bits);
      }
    }
  }

  void add_to(double* energy, double* slope) const {
#pragma GCC unroll 1
    for (int n = 0; n < kPanels; ++n)
#pragma GCC unroll 1
      for (int lane = 0; lane < kL; ++lane) {
        energy[n * kL + lane] += size[n][lane];
        slope[n * kL + lane] += size[n][lane] - turned[n][lane];
      }
  }
};

/// Sums of softplus(t) and of t sigma(t), where t > 0 is a misclassified row. With e = exp(-|t|)
///
///     softplus(t) = max(t, 0) + ln(1 + e),    t sigma(t) = max(t, 0) - |t| e / (1 + e)
///
/// The logarithms are combined to that of one product, the fractions to one fraction with that product as denominator.
/// What the product is above 1 is kept, so that small losses have all digits.
struct CrossEntropy {
  V doubled[kPanels] = {};  // 2 max(t, 0), summed
  V excess[kPanels] = {}, above[kPanels] = {};

  /// Not inlined: its constants would occupy registers of the matrix product.
  [[gnu::noinline]] void take(const double* t, Index rows) {
    CrossEntropy sums = *this;
    for (Index i = 0; i < rows; ++i, t += kDrawGroup) {
#pragma GCC unroll 3
      for (int n = 0; n < kPanels; ++n) {
        V v;
        base::load(t + n * kL, v);
        sums.take(v, n);
      }
    }
    *this = sums;
  }

  [[gnu::always_inline]] void take(const V& t, int n) {
    V a, e;
    exponential(t, n, a, e);
    const V factor = e + 1.0, product = excess[n] + 1.0;
    above[n] = above[n] * factor + (a * e) * product;
    excess[n] += e * product;
  }

  /// Adds to `doubled`; e = exp(-a), a = |t|, and 0 beyond 708.
  [[gnu::always_inline]] void exponential(const V& t, int n, V& a, V& e) {
    // exp(-a) = 2^k exp(-rest), rest = a + k ln 2 in [-ln 2 / 2, ln 2 / 2]: minimax to 2.5e-16. Beyond 708, 2^k would
    // not be normal.
    constexpr double kMagic = 0x1.8p52 + 1023;  // adding it rounds to integers, and biases them as exponents are
    const Bits bits = reinterpret_cast<Bits>(t) & ~kSign;
    const V size = reinterpret_cast<V>(bits);
    doubled[n] += t + size;
    a = size > 708.0 ? 708.0 - V{} : size;
    const V biased = kMagic - a * 0x1.71547652b82fep+0;
    const Bits power_bits = reinterpret_cast<Bits>(biased) << 52;
    const V power = reinterpret_cast<V>(power_bits), k = biased - kMagic;
    const V rest = a + k * 0x1.62e42fefa39efp-1;
    V p = 0x1.28c54c94aca1dp-22 - V{};
    p = p * rest - 0x1.72faf176aad2bp-19;
    p = p * rest + 0x1.a0197cebd1acdp-16;
    p = p * rest - 0x1.a01978c552266p-13;
    p = p * rest + 0x1.6c16c190b553dp-10;
    p = p * rest - 0x1.1111112dd6fcbp-7;
    p = p * rest + 0x1.555555554c0e7p-5;
    p = p * rest - 0x1.555555554b752p-3;
    p = p * rest + 0x1.000000000001cp-1;
    p = p * rest - 0x1.000000000001ep+0;
    p = p * rest + 1.0;
    e = size > 708.0 ? V{} : p * power;
  }

  void add_to(double* energy, double* slope) const {
#pragma GCC unroll 1
    for (int n = 0; n < kPanels; ++n)
#pragma GCC unroll 1
      for (int lane = 0; lane < kL; ++lane) {
        energy[n * kL + lane] += 0.5 * doubled[n][lane] + std::log1p(excess[n][lane]);
        slope[n * kL + lane] += 0.5 * doubled[n][lane] - above[n][lane] / (1 + excess[n][lane]);
      }
  }
};

/// The same of weighted rows. Weights are no exponents of a product of factors, so that each row has its own logarithm
/// and fraction.
struct WeightedCrossEntropy {
  V energies[kPanels] = {}, slopes[kPanels] = {};

  [[gnu::noinline]] void take(const double* t, Index rows, const double* weights) {
    for (Index i = 0; i < rows; ++i, t += kDrawGroup) {
      for (int n = 0; n < kPanels; ++n) {
        V v, a, e, log;
        base::load(t + n * kL, v);
        CrossEntropy one;
        one.exponential(v, n, a, e);
        log_one_plus(e, log);
        energies[n] += weights[i] * (0.5 * one.doubled[n] + log);
        slopes[n] += weights[i] * (0.5 * one.doubled[n] - a * e / (1.0 + e));
      }
    }
  }

  /// ln(1 + e) for 0 < e <= 1 = 2 artanh(s), s = e / (2 + e) <= 1/3: the series in s^2 <= 1/9 to 2^-56.
  [[gnu::always_inline]] static void log_one_plus(const V& e, V& log) {
    const V s = e / (2.0 + e), z = s * s;
    V p = 2.0 / 31 - V{};
#pragma GCC unroll 15
    for (int k = 29; k >= 3; k -= 2) p = p * z + 2.0 / k;
    log = s * (p * z) + 2.0 * s;
  }

  void add_to(double* energy, double* slope) const {
#pragma GCC unroll 1
    for (int n = 0; n < kPanels; ++n)
#pragma GCC unroll 1
      for (int lane = 0; lane < kL; ++lane) {
        energy[n * kL + lane] += energies[n][lane];
        slope[n * kL + lane] += slopes[n][lane];
      }
  }
};

template <class N>
struct Factors {
  const N* x;           // rows x depth
  const double* start;  // rows
  Index rows, depth;
  const double* weights = nullptr;  // of cross entropy
};

/// Writes tiles to `products`, adding to them unless this is the first part of the parameters.
template <class N>
[[gnu::noinline]] void multiply_all(bool first, const Factors<N>& factors, const N* theta, N* products) {
  const auto& [x, start, rows, depth, weights] = factors;
  constexpr int kWide = base::kLanes<N>;
  for (Index i = 0; i < rows; i += kRows) {
    Vec<N> sum[kRows][kPanels];
    N* const to = products + i * kPanels * kWide;
    multiply(first, depth, x + i * depth, start ? start + i : nullptr, theta, static_cast<const N*>(to), sum);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 3
      for (int n = 0; n < kPanels; ++n) base::store<N>(to + (r * kPanels + n) * kWide, sum[r][n]);
    }
  }
}

/// The last part of the parameters, and the loss.
void finish_absolute(bool first, const Factors<double>& factors, const double* theta, const double* products,
                     double* energy, double* slope) {
  const auto& [x, start, rows, depth, weights] = factors;
  Absolute loss;
  for (Index i = 0; i < rows; i += kRows) {
    V sum[kRows][kPanels];
    multiply(first, depth, x + i * depth, start + i, theta, first ? nullptr : products + i * kDrawGroup, sum);
    loss.take(sum, start + i);
  }
  loss.add_to(energy, slope);
}

template <class Loss>
void finish_cross_entropy(bool first, const Factors<double>& factors, const double* theta, double* products,
                          double* energy, double* slope) {
  constexpr Index kStrip = 4 * kRows;  // fits the L1 cache; two calls
  alignas(64) double strip[kStrip * kDrawGroup];
  Loss loss;
  for (Index i = 0; i < factors.rows; i += kStrip) {
    const Index rows = std::min(kStrip, factors.rows - i);
    double* const t = first ? strip : products + i * kDrawGroup;
    multiply_all<double>(first, {factors.x + i * factors.depth, factors.start + i, rows, factors.depth, nullptr}, theta,
                         t);
    if constexpr (std::is_same_v<Loss, CrossEntropy>) {
      loss.take(t, rows);
    } else {
      loss.take(t, rows, factors.weights + i);
    }
  }
  loss.add_to(energy, slope);
}

/// Losses of margins in single precision, summed in double precision. Draws in two halves of each vector.
constexpr int kHalves = 2 * kPanels;

/// Sums of |t - y| and of t sign(t - y).
struct SingleAbsolute {
  V size[kHalves] = {}, turned[kHalves] = {};

  [[gnu::noinline]] void take(const float* t, const double* start, Index rows, double unit) {
    SingleAbsolute sums = *this;
    for (Index i = 0; i < rows; ++i, t += kSingleGroup) {
#pragma GCC unroll 6
      for (int h = 0; h < kHalves; ++h) {
        V v;
        base::load(t + h * kL, v);
        const V rest = v * unit + start[i];
        const Bits bits = reinterpret_cast<Bits>(rest);
        const Bits size_bits = bits & ~kSign, turned_bits = (bits & kSign) ^ reinterpret_cast<Bits>(v);
        sums.size[h] += reinterpret_cast<V>(size_bits);
        sums.turned[h] += reinterpret_cast<V>(turned_bits);
      }
    }
    *this = sums;
  }

  void add_to(double unit, double* energy, double* slope) const {
#pragma GCC unroll 1
    for (int h = 0; h < kHalves; ++h)
#pragma GCC unroll 1
      for (int lane = 0; lane < kL; ++lane) {
        energy[h * kL + lane] += size[h][lane];
        slope[h * kL + lane] += unit * turned[h][lane];
      }
  }
};

/// As CrossEntropy. Products are in single precision over the rows of a strip, at most 2^32.
struct SingleCrossEntropy {
  V doubled[kHalves] = {}, excess[kHalves] = {}, above[kHalves] = {};

  [[gnu::noinline]] void take(const float* t, const double*, Index rows, double unit) {
    using F = Vec<float>;
    const auto factor = static_cast<float>(std::min(unit, 1e38));
    F twice[kPanels] = {}, more[kPanels] = {}, over[kPanels] = {};
    for (Index i = 0; i < rows; ++i, t += kSingleGroup) {
#pragma GCC unroll 3
      for (int n = 0; n < kPanels; ++n) {
        F v, size, a, e;
        base::load(t + n * base::kLanes<float>, v);
        exponential(v, factor, size, a, e);
        twice[n] += v + size;
        const F one_more = e + 1.0F, product = more[n] + 1.0F;
        over[n] = over[n] * one_more + (a * e) * product;
        more[n] += e * product;
      }
    }
    for (int h = 0; h < kHalves; ++h) {
      const auto half = [&](const F(&from)[kPanels], V& v) {
        base::load(reinterpret_cast<const float*>(&from[h / 2]) + h % 2 * kL, v);
      };
      V two, q, o;
      half(twice, two);
      half(more, q);
      half(over, o);
      doubled[h] += unit * two;
      const V product = excess[h] + 1.0;
      above[h] = above[h] * (q + 1.0) + o * product;
      excess[h] += q * product;
    }
  }

  /// size = |t|, a = size * factor up to 87, e = exp(-a), 0 beyond: as in double precision, to 6e-8.
  [[gnu::always_inline]] static void exponential(const Vec<float>& t, float factor, Vec<float>& size, Vec<float>& a,
                                                 Vec<float>& e) {
    using F = Vec<float>;
    typedef std::int32_t Word __attribute__((vector_size(base::kVectorBytes)));
    constexpr float kMagic = 0x1.8p23F + 127;
    const Word bits = reinterpret_cast<Word>(t) & INT32_MAX;
    size = reinterpret_cast<F>(bits);
    const F all = size * factor;
    a = all > 87.0F ? 87.0F - F{} : all;
    const F biased = kMagic - a * 0x1.715476p+0F;
    const Word power_bits = reinterpret_cast<Word>(biased) << 23;
    const F k = biased - kMagic, rest = a + k * 0x1.62e430p-1F;
    F p = 0x1.6ab8cep-10F - F{};
    p = p * rest - 0x1.126dbep-7F;
    p = p * rest + 0x1.55589ep-5F;
    p = p * rest - 0x1.55540ap-3F;
    p = p * rest + 0x1.fffffap-2F;
    p = p * rest - 1.0F;
    p = p * rest + 1.0F;
    e = all > 87.0F ? F{} : p * reinterpret_cast<F>(power_bits);
  }

  void add_to(double, double* energy, double* slope) const {
#pragma GCC unroll 1
    for (int h = 0; h < kHalves; ++h)
#pragma GCC unroll 1
      for (int lane = 0; lane < kL; ++lane) {
        energy[h * kL + lane] += 0.5 * doubled[h][lane] + std::log1p(excess[h][lane]);
        slope[h * kL + lane] += 0.5 * doubled[h][lane] - above[h][lane] / (1 + excess[h][lane]);
      }
  }
};

/// The last part of the parameters, and the loss of the first `count` rows, with margins in units of `unit`.
template <class Loss>
void finish_single(const Factors<float>& factors, Index count, bool first, const float* theta, float* products,
                   double unit, double* energy, double* slope) {
  constexpr Index kStrip = 4 * kRows;
  alignas(64) float strip[kStrip * kSingleGroup];
  Loss loss;
  for (Index i = 0; i < factors.rows; i += kStrip) {
    float* const t = first ? strip : products + i * kSingleGroup;
    const Factors<float> some{factors.x + i * factors.depth, nullptr, std::min(kStrip, factors.rows - i),
                              factors.depth};
    multiply_all(first, some, theta, t);
    loss.take(t, factors.start + i, std::min(kStrip, count - i), unit);
  }
  loss.add_to(unit, energy, slope);
}

}  // namespace

void PackedDraws::set(const double* scale, const double* numbers, Index stride, Index draws, bool single) {
  single_ = single ? scale : nullptr;
  if (single) {
    groups_ = (draws + kSingleGroup - 1) / kSingleGroup;
    auto* to = reinterpret_cast<float*>(theta_.get());
    for (Index g = 0; g < groups_; ++g)
      for (Index j = 0; j < parameters_; ++j, to += kSingleGroup)
        for (Index k = 0; k < kSingleGroup; ++k) to[k] = static_cast<float>(numbers[j * stride + g * kSingleGroup + k]);
    return;
  }
  groups_ = (draws + kDrawGroup - 1) / kDrawGroup;
  double* theta = theta_.get();
  for (Index g = 0; g < groups_; ++g)
    for (Index j = 0; j < parameters_; ++j, theta += kDrawGroup)
      for (Index k = 0; k < kDrawGroup; ++k) theta[k] = scale[j] * numbers[j * stride + g * kDrawGroup + k];
}

RowBlocks::RowBlocks(Index parameters)
    : parameters_(parameters),
      parts_((parameters + kDepth - 1) / kDepth),
      capacity_(std::min(kMostRows, kBlock / ((parameters + parts_ - 1) / parts_) / kRows * kRows)),
      x_(base::aligned_array<double>(capacity_ * ((parameters + parts_ - 1) / parts_))),
      start_(base::aligned_array<double>(capacity_)),
      products_(parts_ > 1 ? base::aligned_array<double>(capacity_ * kDrawChunk) : nullptr),
      weights_(base::aligned_array<double>(capacity_)),
      shares_(at(parameters)) {}

template <class T>
void RowBlocks::fill(const LabelledRows<T>& rows, Index system, Index begin, Index end, Index first, Index depth) {
  const Index features = rows.features, columns = std::min(depth, features - first);
  const Index from = system * rows.rows + begin, count = end - begin;
  const bool labels = rows.loss == SampledLoss::cross_entropy;
  for (Index i = 0; i < count; ++i) {
    const T* __restrict in = rows.X + (from + i) * features + first;
    double* __restrict out = x_.get() + i * depth;
    // Cross entropy uses t or -t; negating the row negates t. An absolute error is times its weight if the row is.
    const double weight = rows.weights ? rows.weights[from + i] : 1.0;
    const double sign = !labels ? weight : rows.y[from + i] != 0 ? -1 : 1;
    weights_[at(i)] = weight;
    for (Index j = 0; j < columns; ++j) out[j] = sign * static_cast<double>(in[j]);
    if (columns < depth) out[columns] = sign;
    start_[at(i)] = labels ? 0.0 : -static_cast<double>(rows.y[from + i]) * weight;
  }
  // Rows that pad the last tile contribute 0: |0 - 0|, or softplus(-1000).
  std::fill(weights_.get() + count, weights_.get() + padded(count), 0.0);
  std::fill(x_.get() + count * depth, x_.get() + padded(count) * depth, 0.0);
  std::fill(start_.get() + count, start_.get() + padded(count), labels ? -1000.0 : 0.0);
}

/// Sets shares_ to scale / unit, with a power of two, unit, above all |x_ij scale_j|; infinity, which makes margins not
/// finite, if one of them is. Returns unit.
double RowBlocks::set_shares(const LabelledRows<float>& rows, Index first, Index count, const double* scale) {
  double* const share = shares_.data();
  std::fill(shares_.begin(), shares_.end(), 0.0);
  const float* x = rows.X + first * rows.features;
  for (Index i = 0; i < count; ++i, x += rows.features)
    for (Index j = 0; j < rows.features; ++j) {
      const double size = std::abs(static_cast<double>(x[j]));
      share[j] = size > share[j] ? size : share[j];
    }
  if (rows.intercept) share[rows.features] = 1;
  double most = 0;
  for (Index j = 0; j < parameters_; ++j) most = std::max(most, share[j] * scale[j]);
  int exponent = 0;
  std::frexp(most, &exponent);
  const double unit = most < INFINITY ? std::ldexp(1.0, exponent) : INFINITY;
  for (Index j = 0; j < parameters_; ++j) share[j] = share[j] > 0 ? scale[j] / unit : 0.0;
  return unit;
}

// x_ij share_j, negated for labels 1, and -y.
void RowBlocks::fill_single(const LabelledRows<float>& rows, Index system, Index begin, Index end, Index first,
                            Index depth) {
  const Index features = rows.features, columns = std::min(depth, features - first);
  const Index from = system * rows.rows + begin, count = end - begin;
  const bool labels = rows.loss == SampledLoss::cross_entropy;
  auto* const __restrict out = reinterpret_cast<float*>(x_.get());
  const double* const __restrict share = shares_.data() + first;
  for (Index i = 0; i < count; ++i) {
    const float* in = rows.X + (from + i) * features + first;
    const double y = static_cast<double>(rows.y[from + i]), weight = rows.weights ? rows.weights[from + i] : 1.0;
    const double factor = !labels ? weight : y != 0 ? -1 : 1;
    for (Index j = 0; j < columns; ++j)
      out[i * depth + j] = static_cast<float>(factor * (static_cast<double>(in[j]) * share[j]));
    if (columns < depth) out[i * depth + columns] = static_cast<float>(factor * share[columns]);
    start_[at(i)] = -y * weight;
  }
  std::fill(out + count * depth, out + padded(count) * depth, 0.0F);
}

void RowBlocks::add_single(const LabelledRows<float>& rows, Index system, Index begin, Index end,
                           const PackedDraws& draws, double* energy, double* slope) {
  const Index count = end - begin, height = padded(count), first_row = system * rows.rows + begin;
  const double unit = set_shares(rows, first_row, count, draws.single());
  for (Index part = 0; part < parts_; ++part) {
    const Index first = part * parameters_ / parts_, depth = (part + 1) * parameters_ / parts_ - first;
    fill_single(rows, system, begin, end, first, depth);
    const Factors<float> factors{reinterpret_cast<const float*>(x_.get()), start_.get(), height, depth};
    for (Index g = 0; g < draws.groups(); ++g) {
      const float* theta = draws.single_group(g, first);
      float* const products =
          parts_ > 1 ? reinterpret_cast<float*>(products_.get()) + g * height * kSingleGroup : nullptr;
      if (part + 1 < parts_)
        multiply_all(part == 0, factors, theta, products);
      else
        (rows.loss == SampledLoss::absolute
             ? finish_single<SingleAbsolute>
             : finish_single<SingleCrossEntropy>)(factors, count, part == 0, theta, products, unit,
                                                  energy + g * kSingleGroup, slope + g * kSingleGroup);
    }
  }
}

template <class T>
void RowBlocks::add(const LabelledRows<T>& rows, Index system, Index begin, Index end, const PackedDraws& draws,
                    double* energy, double* slope) {
  if constexpr (std::is_same_v<T, float>)
    if (draws.single()) return add_single(rows, system, begin, end, draws, energy, slope);
  const Index height = padded(end - begin);
  for (Index part = 0; part < parts_; ++part) {
    const Index first = part * parameters_ / parts_, depth = (part + 1) * parameters_ / parts_ - first;
    fill(rows, system, begin, end, first, depth);
    const Factors<double> factors{x_.get(), start_.get(), height, depth, weights_.get()};
    for (Index g = 0; g < draws.groups(); ++g) {
      const double* theta = draws.group(g, first);
      double* const products = parts_ > 1 ? products_.get() + g * height * kDrawGroup : nullptr;
      double *const e = energy + g * kDrawGroup, *const s = slope + g * kDrawGroup;
      const bool absolute = rows.loss == SampledLoss::absolute;
      if (part + 1 < parts_)
        multiply_all(part == 0, factors, theta, products);
      else if (absolute)
        finish_absolute(part == 0, factors, theta, products, e, s);
      else if (rows.weights == nullptr)
        finish_cross_entropy<CrossEntropy>(part == 0, factors, theta, products, e, s);
      else
        finish_cross_entropy<WeightedCrossEntropy>(part == 0, factors, theta, products, e, s);
    }
  }
}

template void RowBlocks::add(const LabelledRows<double>&, Index, Index, Index, const PackedDraws&, double*, double*);
template void RowBlocks::add(const LabelledRows<float>&, Index, Index, Index, const PackedDraws&, double*, double*);

}  // namespace pyrometer::energy
