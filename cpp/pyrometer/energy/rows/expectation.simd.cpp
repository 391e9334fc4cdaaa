#include "pyrometer/energy/rows/expectation.hpp"

#include <cstring>

#include "pyrometer/energy/rows/expectation_tables.hpp"
#include "pyrometer/energy/rows/piecewise.hpp"

namespace pyrometer::energy {
namespace {

using Numbers = base::Vec<double>;
constexpr std::size_t kLanes = base::kLanes<double>;

[[gnu::always_inline]] inline void magnitude(const Numbers& x, Numbers& a) {
  using Bits = base::Vec<std::int64_t>;
  const Bits bits = reinterpret_cast<Bits>(x) & INT64_MAX;
  a = reinterpret_cast<Numbers>(bits);
}

struct Softplus {
  template <bool kSlope>
  [[gnu::always_inline]] static void apply(const Numbers&, const Numbers& s, Numbers& value, Numbers& slope) {
    constexpr double kRootPi = 1.7724538509055160273;
    const Numbers sum = s + kRootPi, v = s / sum;
    const Place place(8.0 * v);
    place.polynomial(tables::kSoftplus, value);
    value *= sum;
    if constexpr (kSlope) {
      place.polynomial(tables::kSoftplusSlope, slope);
      slope *= s * v;
    }
  }
};

struct Folded {
  template <bool kSlope>
  [[gnu::always_inline]] static void apply(const Numbers& y, const Numbers& s, Numbers& value, Numbers& slope) {
    Numbers a;
    magnitude(y, a);
    const auto within = a < 8.0 * s;  // not so where s = 0
    const Place place(a / s);
    place.polynomial(tables::kFolded, value);
    value = within ? s * value : a;
    if constexpr (kSlope) {
      place.polynomial(tables::kFoldedSlope, slope);
      slope = within ? s * slope : Numbers{};
    }
  }
};

template <class Loss, bool kSlope>
void pass(const double* y, const double* s, std::size_t count, double* value, double* slope) {
  Numbers target, deviation, mean, derivative;
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    base::load(y + i, target);
    base::load(s + i, deviation);
    Loss::template apply<kSlope>(target, deviation, mean, derivative);
    base::store<double>(value + i, mean);
    if constexpr (kSlope) base::store<double>(slope + i, derivative);
  }
  if (i == count) return;
  const std::size_t bytes = (count - i) * sizeof(double);
  target = deviation = Numbers{};
  std::memcpy(&target, y + i, bytes);
  std::memcpy(&deviation, s + i, bytes);
  Loss::template apply<kSlope>(target, deviation, mean, derivative);
  std::memcpy(value + i, &mean, bytes);
  if constexpr (kSlope) std::memcpy(slope + i, &derivative, bytes);
}

template <class Loss>
void pass(Vector y, Vector s, MutableVector value, MutableVector slope) {
  (slope.empty() ? pass<Loss, false> : pass<Loss, true>)(y.data(), s.data(), s.size(), value.data(), slope.data());
}

}  // namespace

void mean_softplus(Vector s, MutableVector value, MutableVector slope) { pass<Softplus>(s, s, value, slope); }

void mean_folded(Vector y, Vector s, MutableVector value, MutableVector slope) { pass<Folded>(y, s, value, slope); }

}  // namespace pyrometer::energy
