#include "pyrometer/minimum/dense/equilibrate.hpp"

namespace pyrometer::minimum {

std::vector<int> scales_of(const std::vector<int>& exponents, Index columns) {
  const std::size_t width = at(columns), rows = width ? exponents.size() / width : 0;
  std::vector<int> out(width, 0), most(rows), own;
  for (int round = 0; round < 3; ++round) {
    for (std::size_t i = 0; i < rows; ++i) {
      most[i] = kExponentOfZero;
      for (std::size_t j = 0; j < width; ++j)
        if (const int exponent = exponents[i * width + j]; exponent != kExponentOfZero)
          most[i] = std::max(most[i], exponent + out[j]);
    }
    for (std::size_t j = 0; j < width; ++j) {
      own.clear();
      for (std::size_t i = 0; i < rows; ++i)
        if (const int exponent = exponents[i * width + j]; exponent != kExponentOfZero)
          own.push_back(most[i] - exponent);
      if (own.empty()) continue;
      const auto middle = own.begin() + (std::ssize(own) - 1) / 2;
      std::nth_element(own.begin(), middle, own.end());
      out[j] = *middle;
    }
  }
  return out;
}

}  // namespace pyrometer::minimum
