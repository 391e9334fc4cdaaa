#include "pyrometer/energy/rows/log_sum_exp.hpp"

#include <algorithm>
#include <cstring>
#include <numbers>

#include "pyrometer/energy/rows/expectation.hpp"
#include "pyrometer/energy/rows/piecewise.hpp"

namespace pyrometer::energy {
namespace {

using Numbers = base::Vec<double>;
constexpr std::size_t kLanes = base::kLanes<double>;
constexpr std::size_t kBlock = 64;

template <bool kSlope, std::size_t N>
void pass(const double (&values)[N][8], const double (&slopes)[N][8], double centre, const double* from,
          std::size_t count, double* value, double* slope) {
  const auto evaluate = [&](const Numbers& s, Numbers& mean, Numbers& derivative) __attribute__((always_inline)) {
    const Numbers sum = s + centre, v = s / sum;
    const Place place(8.0 * v);
    place.polynomial(values, mean);
    mean *= sum;
    if constexpr (kSlope) {
      place.polynomial(slopes, derivative);
      derivative *= s * v;
    }
  };
  Numbers s, mean, derivative;
  std::size_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    base::load(from + i, s);
    evaluate(s, mean, derivative);
    base::store<double>(value + i, mean);
    if constexpr (kSlope) base::store<double>(slope + i, derivative);
  }
  if (i == count) return;
  const std::size_t bytes = (count - i) * sizeof(double);
  s = Numbers{};
  std::memcpy(&s, from + i, bytes);
  evaluate(s, mean, derivative);
  std::memcpy(value + i, &mean, bytes);
  if constexpr (kSlope) std::memcpy(slope + i, &derivative, bytes);
}

}  // namespace

void LogSumExp::operator()(Vector s, MutableVector value, MutableVector slope) const {
  if (classes_ == 2) {
    double scaled[kBlock];
    for (std::size_t first = 0; first < s.size(); first += kBlock) {
      const std::size_t count = std::min(kBlock, s.size() - first);
      for (std::size_t i = 0; i < count; ++i) scaled[i] = std::numbers::sqrt2 * s[first + i];
      mean_softplus({scaled, count}, value.subspan(first, count), slope.empty() ? slope : slope.subspan(first, count));
    }
    return;
  }
  (slope.empty() ? pass<false, kTerms> : pass<true, kTerms>)(value_, slope_, kCentre, s.data(), s.size(), value.data(),
                                                             slope.data());
}

}  // namespace pyrometer::energy
