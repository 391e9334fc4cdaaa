#include "pyrometer/minimum/dense/equilibrate.hpp"

namespace pyrometer::minimum {

namespace {

/// The lower median, by counting where the numbers are close. `count` is scratch.
int median(std::vector<int>& numbers, std::vector<Index>& count) {
  const Index middle = (std::ssize(numbers) - 1) / 2;
  const auto [least, most] = std::minmax_element(numbers.begin(), numbers.end());
  int result = *least;
  if (*most - result >= 4096) {
    std::nth_element(numbers.begin(), numbers.begin() + middle, numbers.end());
    return numbers[at(middle)];
  }
  count.assign(at(*most - result + 1), 0);
  for (const int x : numbers) ++count[at(x - *least)];
  for (Index below = count[0]; below <= middle; below += count[at(result - *least)]) ++result;
  return result;
}

}  // namespace

std::vector<int> scales_of(const std::vector<int>& exponents, Index columns) {
  const std::size_t width = at(columns), rows = width ? exponents.size() / width : 0;
  std::vector<int> out(width, 0), most(rows), own;
  std::vector<Index> count;
  for (int round = 0; round < 3; ++round) {
    std::fill(most.begin(), most.end(), kExponentOfZero);
    for (std::size_t j = 0; j < width; ++j) {
      const int* const column = exponents.data() + j * rows;
      for (std::size_t i = 0; i < rows; ++i) {
        const int scaled = column[i] == kExponentOfZero ? kExponentOfZero : column[i] + out[j];
        most[i] = std::max(most[i], scaled);
      }
    }
    for (std::size_t j = 0; j < width; ++j) {
      const int* const column = exponents.data() + j * rows;
      own.clear();
      for (std::size_t i = 0; i < rows; ++i)
        if (column[i] != kExponentOfZero) own.push_back(most[i] - column[i]);
      if (!own.empty()) out[j] = median(own, count);
    }
  }
  return out;
}

}  // namespace pyrometer::minimum
