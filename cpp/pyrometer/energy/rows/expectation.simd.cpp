#include "pyrometer/energy/rows/expectation.hpp"

#include "pyrometer/energy/rows/expectation_tables.hpp"
#include "pyrometer/energy/rows/piecewise.hpp"

namespace pyrometer::energy {
namespace {

using Numbers = base::Vec<double>;

[[gnu::always_inline]] inline void magnitude(const Numbers& x, Numbers& a) {
  using Bits = base::Vec<std::int64_t>;
  const Bits bits = reinterpret_cast<Bits>(x) & INT64_MAX;
  a = reinterpret_cast<Numbers>(bits);
}

struct Folded {
  template <bool kSlope>
  [[gnu::always_inline]] void apply(const Places& y, const Places& s, Places& value, Places& slope) const {
    Places a, x;
#pragma GCC unroll 2
    for (std::size_t i = 0; i < kPlaces; ++i) {
      magnitude(y[i], a[i]);
      x[i] = a[i] / s[i];
    }
    const Place place(x);
    place.polynomial(tables::kFolded, value);
    if constexpr (kSlope) place.polynomial(tables::kFoldedSlope, slope);
#pragma GCC unroll 2
    for (std::size_t i = 0; i < kPlaces; ++i) {
      const auto within = a[i] < 8.0 * s[i];  // not so where s = 0
      value[i] = within ? s[i] * value[i] : a[i];
      if constexpr (kSlope) slope[i] = within ? s[i] * slope[i] : Numbers{};
    }
  }
};

}  // namespace

void mean_softplus(Vector s, MutableVector value, MutableVector slope) {
  constexpr double kRootPi = 1.7724538509055160273;
  for_each_place(OfQuotient{tables::kSoftplus, tables::kSoftplusSlope, kRootPi}, s, s, value, slope);
}

void mean_folded(Vector y, Vector s, MutableVector value, MutableVector slope) {
  for_each_place(Folded{}, y, s, value, slope);
}

}  // namespace pyrometer::energy
