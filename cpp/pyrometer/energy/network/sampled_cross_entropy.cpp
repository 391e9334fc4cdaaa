#include "pyrometer/energy/network/sampled_cross_entropy.hpp"

#include <algorithm>
#include <cmath>

namespace pyrometer::energy {
namespace {

double of_one(double z, const std::int64_t* label) {
  const double rest = std::log1p(std::exp(-std::abs(z)));
  if (!label) return rest + 0.5 * std::abs(z);
  return rest + ((z > 0) == (*label == 1) ? 0.0 : std::abs(z));
}

/// unit(c) is the logit of class c.
template <class Unit>
double of_several(Index outputs, Unit unit, const std::int64_t* label) {
  double most = unit(0), sum = 0, total = 0;
  for (Index c = 1; c < outputs; ++c) most = std::max(most, unit(c));
  for (Index c = 0; c < outputs; ++c) {
    sum += std::exp(unit(c) - most);
    total += most - unit(c);
  }
  return std::log(sum) + (label ? most - unit(*label) : total / static_cast<double>(outputs));
}

}  // namespace

template <class T>
double sum_of_cross_entropies(const T* logits, Index outputs, Index rows, Index panel, const std::int64_t* labels) {
  double sum = 0;
  for (Index i = 0; i < rows; ++i) {
    const T* const row = logits + i / panel * outputs * panel + i % panel;
    const auto unit = [&](Index c) { return static_cast<double>(row[c * panel]); };
    const std::int64_t* const label = labels ? labels + i : nullptr;
    sum += outputs == 1 ? of_one(unit(0), label) : of_several(outputs, unit, label);
  }
  return sum;
}

template double sum_of_cross_entropies(const double*, Index, Index, Index, const std::int64_t*);
template double sum_of_cross_entropies(const float*, Index, Index, Index, const std::int64_t*);

}  // namespace pyrometer::energy
