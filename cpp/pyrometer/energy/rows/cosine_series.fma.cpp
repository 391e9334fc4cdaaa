#include "pyrometer/energy/rows/cosine_series.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "pyrometer/energy/rows/eight_lanes.hpp"
#include "pyrometer/energy/rows/sinc_lanes.hpp"
#include "pyrometer/energy/rows/symmetric_sum.hpp"

namespace pyrometer::energy {
namespace {

constexpr double kPi = std::numbers::pi;

// sin(k theta) / theta for k = 1, 3, ...: s += d, then d -= 4 sin^2(theta) s. No digits are lost where theta is small.
struct Sine {
  Lanes s, d, c;

  [[gnu::always_inline]] inline void start(const double* theta) {
    Lanes angle;
    load(theta, angle);
    const Lanes w = angle * angle;
    sinc(w, s);
    c = 4.0 * w * s * s;
    d = s * (2.0 - c);
  }
  [[gnu::always_inline]] inline void step() {
    s += d;
    d -= c * s;
  }
};

}  // namespace

void sinc_products(const double* theta, Index features, Index terms, double* product) {
  std::fill_n(product, terms * kSeriesLanes, 1.0);
  for (Index j = 0; j < features; j += 4) {
    Sine a, b, c, d;
    a.start(theta + j * kSeriesLanes);
    b.start(theta + (j + 1) * kSeriesLanes);
    c.start(theta + (j + 2) * kSeriesLanes);
    d.start(theta + (j + 3) * kSeriesLanes);
    for (Index i = 0; i < terms; ++i) {
      const double inverse = 1.0 / static_cast<double>(2 * i + 1), square = inverse * inverse;
      Lanes p;
      load(product + i * kSeriesLanes, p);
      p *= ((a.s * b.s) * (c.s * d.s)) * (square * square);
      store(product + i * kSeriesLanes, p);
      a.step();
      b.step();
      c.step();
      d.step();
    }
  }
}

void envelope(const double* x, const double* weight, Index features, const double* half_t, Envelope& out) {
  Lanes t, gaussian, inverse;
  load(half_t, t);
  fill(0.0, gaussian);
  fill(1.0, inverse);
  Lanes low, high;
  fill(kGaussianUntil, low);
  fill(kInverseFrom, high);
  for (Index j = 0; j < features; ++j) {
    Lanes u;
    load(x + j * kSeriesLanes, u);
    u *= weight[j] * t;
    const Lanes near = u < low ? u : low, far = u > high ? u : high;
    gaussian += near * near;
    inverse *= far * (1.0 / kInverseFrom);
  }
  store(out.gaussian, gaussian);
  store(out.inverse, inverse);
}

void row_sums(const double* x, const double* weight, Index features, RowSums& out) {
  Lanes sum, squares, largest;
  fill(0.0, sum);
  squares = largest = sum;
  for (Index j = 0; j < features; ++j) {
    Lanes a;
    load(x + j * kSeriesLanes, a);
    a *= weight[j];
    sum += a;
    squares += a * a;
    largest = a > largest ? a : largest;
  }
  store(out.sum, sum);
  store(out.squares, squares);
  store(out.largest, largest);
}

void angles(const double* x, const double* weight, Index features, const double* factor, double* theta) {
  Lanes f;
  load(factor, f);
  for (Index j = 0; j < features; ++j) {
    Lanes a;
    load(x + j * kSeriesLanes, a);
    a = (a * weight[j]) * f;
    store(theta + j * kSeriesLanes, a);
  }
  std::fill_n(theta + features * kSeriesLanes, ((features + 3) / 4 * 4 - features) * kSeriesLanes, 0.0);
}

namespace {

// cos(k alpha) and sin(k alpha), k = 1, 3, 5, ..., by the recurrence of sinc_products().
struct Rotation {
  Lanes cosine, sine, step, cosine_step, sine_step;

  [[gnu::always_inline]] void start(const Lanes& alpha) {
    Lanes half;
    sinc(alpha * alpha, sine);
    sine *= alpha;
    sinc(0.25 * (alpha * alpha), half);
    half *= 0.5 * alpha;
    cosine = 1.0 - 2.0 * half * half;
    step = 4.0 * sine * sine;
    cosine_step = -(step * cosine);
    sine_step = sine * (2.0 - step);
  }
  [[gnu::always_inline]] void next_cosine() {
    cosine += cosine_step;
    cosine_step -= step * cosine;
  }
  [[gnu::always_inline]] void next_sine() {
    sine += sine_step;
    sine_step -= step * sine;
  }
};

// e^{-h k^2}: ratios of neighbours fall by a constant factor.
struct Gaussian {
  Lanes decay, ratio, fall;

  [[gnu::always_inline]] void start(const SeriesRows& rows, bool normal) {
    fill(1.0, decay);
    ratio = decay;
    if (normal)
      for (int lane = 0; lane < kSeriesLanes; ++lane) {
        const double t = rows.deviation[lane] * kPi / rows.period[lane], h = 0.5 * t * t;
        decay[lane] = std::exp(-h);
        ratio[lane] = std::exp(-8.0 * h);
      }
    fall = ratio;
  }
  [[gnu::always_inline]] void next() {
    decay *= ratio;
    ratio *= fall;
  }
};

// sinh(k x) / x and cosh(k x): sums of positive numbers.
struct Hyperbola {
  Lanes growth, sinh, sinh_step, cosh, cosh_step;

  [[gnu::always_inline]] void start(const Lanes& x) {
    fill(1.0, cosh);
    for (int lane = 0; lane < kSeriesLanes; ++lane) {
      const double s = x[lane] > 0 ? std::sinh(x[lane]) / x[lane] : 1.0;
      sinh[lane] = s;
      cosh[lane] = std::cosh(x[lane]);
    }
    growth = 4.0 * (x * sinh) * (x * sinh);
    sinh_step = sinh * (2.0 + growth);
    cosh_step = cosh * growth;
  }
  [[gnu::always_inline]] void next() {
    sinh += sinh_step;
    sinh_step += growth * sinh;
    cosh += cosh_step;
    cosh_step += growth * cosh;
  }
};

// cosine_series() if y or l is 0, or (kShifted) neither: two functions, so that the rounding of one does not depend on
// how the compiler treats the other.
template <bool kShifted>
[[gnu::noinline]] void sum_series(const double* product, Index terms, bool slope, SeriesRows& rows) {
  Lanes period, y;
  load(rows.period, period);
  load(rows.y, y);
  const bool normal = *std::max_element(rows.deviation, rows.deviation + kSeriesLanes) > 0;
  Rotation rotation;
  rotation.start(y * (kPi / period));
  Gaussian gaussian;
  gaussian.start(rows, normal);
  Hyperbola logistic;  // at pi l t_1
  logistic.start((kPi * kPi * rows.logistic) / period);

  Lanes sum, derivative, along_y;
  fill(0.0, sum);
  derivative = along_y = sum;
  for (Index i = 0; i < terms; ++i) {
    const double k = static_cast<double>(2 * i + 1), square = 1.0 / (k * k);
    Lanes phi;
    load(product + i * kSeriesLanes, phi);
    if (normal) {
      phi *= gaussian.decay;
      gaussian.next();
    }
    if (rows.logistic > 0) {
      phi *= k / logistic.sinh;
      if constexpr (kShifted) {
        derivative += ((square * phi) * rotation.cosine) * (1.0 - k * logistic.cosh / logistic.sinh);
        along_y += (phi * rotation.sine) * (1.0 / k);
        rotation.next_sine();
      } else {
        if (slope) derivative += (square * phi) * (1.0 - k * logistic.cosh / logistic.sinh);
      }
      logistic.next();
    } else if (slope) {
      derivative += (phi * rotation.sine) * (1.0 / k);
      rotation.next_sine();
    }
    sum += (square * phi) * rotation.cosine;
    rotation.next_cosine();
  }
  const Lanes value = period * (0.5 - (4.0 / (kPi * kPi)) * sum);
  store(rows.value, value);
  // Homogeneity: the value scales with the lengths, y and l together.
  if constexpr (kShifted) {
    store(rows.slope, value + (4.0 / (kPi * kPi)) * (period * derivative - (kPi * y) * along_y));
  } else {
    const Lanes other = rows.logistic > 0 ? -(4.0 / (kPi * kPi)) * period * derivative : (4.0 / kPi) * y * derivative;
    store(rows.slope, value - other);
  }
}

}  // namespace

void cosine_series(const double* product, Index terms, bool slope, SeriesRows& rows) {
  rows.shifted ? sum_series<true>(product, terms, slope, rows) : sum_series<false>(product, terms, slope, rows);
}

}  // namespace pyrometer::energy
