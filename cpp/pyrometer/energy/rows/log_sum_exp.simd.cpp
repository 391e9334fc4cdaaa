#include "pyrometer/energy/rows/log_sum_exp.hpp"

#include <algorithm>
#include <numbers>

#include "pyrometer/energy/rows/expectation.hpp"
#include "pyrometer/energy/rows/piecewise.hpp"

namespace pyrometer::energy {
namespace {

constexpr std::size_t kBlock = 64;

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
  for_each_place(OfQuotient{value_, slope_, kCentre}, s, s, value, slope);
}

}  // namespace pyrometer::energy
