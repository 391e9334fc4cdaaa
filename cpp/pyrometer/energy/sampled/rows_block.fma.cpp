#include "pyrometer/energy/sampled/rows_block.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <type_traits>

namespace pyrometer::energy {
namespace {

using Vec = base::Vec<double>;
typedef std::int64_t Bits __attribute__((vector_size(base::kVectorBytes)));

constexpr int kL = base::kLanes<double>, kPanels = base::kTilePanels, kRows = kL;  // a tile: kRows x kPanels vectors
constexpr Index kDepth = 128;        // parameters at a time: 24 KB of draws and 8 KB of rows in the L1 cache
constexpr Index kBlock = 24 * 1024;  // numbers of a block of rows
constexpr Index kMostRows = 512;     // in a block: a product of as many factors in [1, 2] is finite

constexpr std::int64_t kSign = std::int64_t{1} << 63;

Index padded(Index rows) { return (rows + kRows - 1) / kRows * kRows; }

/// The tile of sums: start(r) or what is in c, plus x_r . theta.
template <bool kFirst>
[[gnu::always_inline]] inline void multiply(Index depth, const double* __restrict x, const double* __restrict start,
                                            const double* __restrict theta, const double* __restrict c,
                                            Vec (&sum)[kRows][kPanels]) {
#pragma GCC unroll 8
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 3
    for (int n = 0; n < kPanels; ++n) {
      if constexpr (kFirst)
        sum[r][n] = start[r] - Vec{};
      else
        base::load(c + (r * kPanels + n) * kL, sum[r][n]);
    }
  }
#pragma GCC unroll 2
  for (Index k = 0; k < depth; ++k) {
    Vec right[kPanels];
#pragma GCC unroll 3
    for (int n = 0; n < kPanels; ++n) base::load(theta + (k * kPanels + n) * kL, right[n]);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
      const double left = x[r * depth + k];
#pragma GCC unroll 3
      for (int n = 0; n < kPanels; ++n) sum[r][n] += left * right[n];
    }
  }
}

/// Sums of |t - y| and of sign(t - y) y; start = -y. Together they make t sign(t - y) = |t - y| + y sign(t - y).
struct Absolute {
  Vec size[kPanels] = {}, turned[kPanels] = {};

  [[gnu::always_inline]] void take(const Vec (&sum)[kRows][kPanels], const double* start) {
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 3
      for (int n = 0; n < kPanels; ++n) {
        const Bits bits = reinterpret_cast<Bits>(sum[r][n]);
        const Vec minus_y = start[r] - Vec{};
        const Bits size_bits = bits & ~kSign, turned_bits = (bits & kSign) ^ reinterpret_cast<Bits>(minus_y);
        size[n] += reinterpret_cast<Vec>(size_bits);
        turned[n] += reinterpret_cast<Vec>(turned_bits);
      }
    }
  }

  void add_to(double* energy, double* slope) const {
    for (int n = 0; n < kPanels; ++n)
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
struct CrossEntropy {
  Vec doubled[kPanels] = {};  // 2 max(t, 0), summed
  Vec product[kPanels], above[kPanels] = {};

  CrossEntropy() {
    for (Vec& p : product) p = 1 - Vec{};
  }

  /// Not inlined: its constants would occupy registers of the matrix product.
  [[gnu::noinline]] void take(const double* t, Index rows) {
    CrossEntropy sums = *this;
    for (Index i = 0; i < rows; ++i, t += kDrawGroup) {
#pragma GCC unroll 3
      for (int n = 0; n < kPanels; ++n) {
        Vec v;
        base::load(t + n * kL, v);
        sums.take(v, n);
      }
    }
    *this = sums;
  }

  [[gnu::always_inline]] void take(const Vec& t, int n) {
    Vec a, e;
    exponential(t, n, a, e);
    const Vec factor = e + 1.0;
    above[n] = above[n] * factor + (a * e) * product[n];
    product[n] *= factor;
  }

  /// Adds to `doubled`; e = exp(-a), a = |t|.
  [[gnu::always_inline]] void exponential(const Vec& t, int n, Vec& a, Vec& e) {
    // exp(-a) = 2^k exp(-rest), rest = a + k ln 2 in [-ln 2 / 2, ln 2 / 2]: minimax to 2.5e-16. Beyond 708, 2^k would
    // not be normal; a larger a adds less than 1e-300 to anything.
    constexpr double kMagic = 0x1.8p52 + 1023;  // adding it rounds to integers, and biases them as exponents are
    const Bits bits = reinterpret_cast<Bits>(t) & ~kSign;
    const Vec size = reinterpret_cast<Vec>(bits);
    doubled[n] += t + size;
    a = size > 708.0 ? 708.0 - Vec{} : size;
    const Vec biased = kMagic - a * 0x1.71547652b82fep+0;
    const Bits power_bits = reinterpret_cast<Bits>(biased) << 52;
    const Vec power = reinterpret_cast<Vec>(power_bits), k = biased - kMagic;
    const Vec rest = a + k * 0x1.62e42fefa39efp-1;
    Vec p = 0x1.28c54c94aca1dp-22 - Vec{};
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
    e = p * power;
  }

  void add_to(double* energy, double* slope) const {
    for (int n = 0; n < kPanels; ++n)
      for (int lane = 0; lane < kL; ++lane) {
        energy[n * kL + lane] += 0.5 * doubled[n][lane] + std::log(product[n][lane]);
        slope[n * kL + lane] += 0.5 * doubled[n][lane] - above[n][lane] / product[n][lane];
      }
  }
};

/// The same of weighted rows. Weights are no exponents of a product of factors, so that each row has its own logarithm
/// and fraction.
struct WeightedCrossEntropy {
  Vec energies[kPanels] = {}, slopes[kPanels] = {};

  [[gnu::noinline]] void take(const double* t, Index rows, const double* weights) {
    for (Index i = 0; i < rows; ++i, t += kDrawGroup) {
      for (int n = 0; n < kPanels; ++n) {
        Vec v, a, e, log;
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
  [[gnu::always_inline]] static void log_one_plus(const Vec& e, Vec& log) {
    const Vec s = e / (2.0 + e), z = s * s;
    Vec p = 2.0 / 31 - Vec{};
#pragma GCC unroll 15
    for (int k = 29; k >= 3; k -= 2) p = p * z + 2.0 / k;
    log = s * (p * z) + 2.0 * s;
  }

  void add_to(double* energy, double* slope) const {
    for (int n = 0; n < kPanels; ++n)
      for (int lane = 0; lane < kL; ++lane) {
        energy[n * kL + lane] += energies[n][lane];
        slope[n * kL + lane] += slopes[n][lane];
      }
  }
};

struct Factors {
  const double* x;      // rows x depth
  const double* start;  // rows
  Index rows, depth;
  const double* weights = nullptr;  // of cross entropy
};

/// Writes tiles to `products`, adding to them unless this is the first part of the parameters.
template <bool kFirst>
[[gnu::noinline]] void multiply_all(const Factors& factors, const double* theta, double* products) {
  const auto& [x, start, rows, depth, weights] = factors;
  for (Index i = 0; i < rows; i += kRows) {
    Vec sum[kRows][kPanels];
    multiply<kFirst>(depth, x + i * depth, start + i, theta, products + i * kDrawGroup, sum);
#pragma GCC unroll 8
    for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 3
      for (int n = 0; n < kPanels; ++n)
        base::store<double>(products + i * kDrawGroup + (r * kPanels + n) * kL, sum[r][n]);
    }
  }
}

/// The last part of the parameters, and the loss.
template <bool kFirst>
void finish_absolute(const Factors& factors, const double* theta, const double* products, double* energy,
                     double* slope) {
  const auto& [x, start, rows, depth, weights] = factors;
  Absolute loss;
  for (Index i = 0; i < rows; i += kRows) {
    Vec sum[kRows][kPanels];
    multiply<kFirst>(depth, x + i * depth, start + i, theta, kFirst ? nullptr : products + i * kDrawGroup, sum);
    loss.take(sum, start + i);
  }
  loss.add_to(energy, slope);
}

template <bool kFirst, class Loss>
void finish_cross_entropy(const Factors& factors, const double* theta, double* products, double* energy,
                          double* slope) {
  constexpr Index kStrip = 4 * kRows;  // fits the L1 cache; two calls
  alignas(64) double strip[kFirst ? kStrip * kDrawGroup : 1];
  Loss loss;
  for (Index i = 0; i < factors.rows; i += kStrip) {
    const Index rows = std::min(kStrip, factors.rows - i);
    double* const t = kFirst ? strip : products + i * kDrawGroup;
    multiply_all<kFirst>({factors.x + i * factors.depth, factors.start + i, rows, factors.depth, nullptr}, theta, t);
    if constexpr (std::is_same_v<Loss, CrossEntropy>) {
      loss.take(t, rows);
    } else {
      loss.take(t, rows, factors.weights + i);
    }
  }
  loss.add_to(energy, slope);
}

template <class Loss>
void finish_all(Index part, const Factors& factors, const double* theta, double* products, double* energy,
                double* slope) {
  (part == 0 ? finish_cross_entropy<true, Loss> : finish_cross_entropy<false, Loss>)(factors, theta, products, energy,
                                                                                     slope);
}

}  // namespace

void PackedDraws::set(const double* scale, const double* numbers, Index stride, Index draws) {
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
      weights_(base::aligned_array<double>(capacity_)) {}

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

template <class T>
void RowBlocks::add(const LabelledRows<T>& rows, Index system, Index begin, Index end, const PackedDraws& draws,
                    double* energy, double* slope) {
  const Index height = padded(end - begin);
  for (Index part = 0; part < parts_; ++part) {
    const Index first = part * parameters_ / parts_, depth = (part + 1) * parameters_ / parts_ - first;
    fill(rows, system, begin, end, first, depth);
    const Factors factors{x_.get(), start_.get(), height, depth, weights_.get()};
    for (Index g = 0; g < draws.groups(); ++g) {
      const double* theta = draws.group(g, first);
      double* const products = parts_ > 1 ? products_.get() + g * height * kDrawGroup : nullptr;
      double *const e = energy + g * kDrawGroup, *const s = slope + g * kDrawGroup;
      const bool absolute = rows.loss == SampledLoss::absolute;
      if (part + 1 < parts_)
        (part == 0 ? multiply_all<true> : multiply_all<false>)(factors, theta, products);
      else if (absolute)
        (part == 0 ? finish_absolute<true> : finish_absolute<false>)(factors, theta, products, e, s);
      else if (rows.weights == nullptr)
        finish_all<CrossEntropy>(part, factors, theta, products, e, s);
      else
        finish_all<WeightedCrossEntropy>(part, factors, theta, products, e, s);
    }
  }
}

template void RowBlocks::add(const LabelledRows<double>&, Index, Index, Index, const PackedDraws&, double*, double*);
template void RowBlocks::add(const LabelledRows<float>&, Index, Index, Index, const PackedDraws&, double*, double*);

}  // namespace pyrometer::energy
