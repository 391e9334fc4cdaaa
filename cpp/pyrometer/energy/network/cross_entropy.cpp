#include "pyrometer/energy/network/cross_entropy.hpp"

#include <cmath>

#include "pyrometer/energy/rows/expectation.hpp"
#include "pyrometer/energy/rows/log_sum_exp.hpp"

namespace pyrometer::energy {

CrossEntropy cross_entropy(Index outputs, const std::vector<double>& v) {
  std::vector<double> s(v.size());
  for (std::size_t i = 0; i < v.size(); ++i) s[i] = std::sqrt(v[i]);
  CrossEntropy result{std::vector<double>(v.size()), std::vector<double>(v.size())};
  if (outputs == 1)
    mean_softplus(s, result.value, result.slope);
  else
    LogSumExp::of(outputs)(s, result.value, result.slope);
  return result;
}

}  // namespace pyrometer::energy
