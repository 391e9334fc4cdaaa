#include "pyrometer/minimum/absolute/dependence.hpp"

#include <algorithm>
#include <cmath>

namespace pyrometer::minimum::absolute {
namespace {

// Coefficients are known to this part of the largest, each times the size of its column; smaller ones say nothing.
constexpr double kOfLargest = 1e-14;
constexpr double kVanishing = 1e-13;
// What the rounding of the data can leave of a sum, in units of its terms.
constexpr double kOfTerms = 1e-12;

// The nearest number of 20 binary digits.
double plain(double value) {
  const int exponent = 20 - std::clamp(std::ilogb(value), -1100, 1100);
  return std::ldexp(std::round(std::ldexp(value, exponent)), -exponent);
}

}  // namespace

Dependence dependence(Index column, const Vec& parts, const Vec& size) {
  double largest = size[at(column)];
  for (std::size_t j = 0; j < parts.size(); ++j) largest = std::max(largest, std::abs(parts[j]) * size[j]);
  Dependence out{column, {}, {}, {}};
  for (std::size_t j = 0; j < parts.size(); ++j) {
    if (!(std::abs(parts[j]) * size[j] > kVanishing * largest)) continue;
    const double few = plain(parts[j]), doubt = kOfLargest * largest / size[j];
    const bool is_plain = std::abs(few - parts[j]) <= kOfTerms * std::abs(few);
    out.of.push_back(static_cast<Index>(j));
    out.coefficients.push_back(is_plain ? few : parts[j]);
    out.doubt.push_back(is_plain ? 0 : doubt);
  }
  return out;
}

bool all_depend(const Table& table, const Frame& frame, const std::vector<Dependence>& columns, Team team) {
  const Index n = table.columns;
  Vec offset(at(n));  // the rounding of a column that was centred is that of its values
  for (Index j = 0; j < table.features; ++j) offset[at(j)] = std::abs(frame.centre[at(j)]) * frame.weight[at(j)];
  const base::Chunks chunks{table.count, kChunk * kBlock};
  std::vector<char> odd(at(chunks.number()));
  team.each(chunks.number(), table.count * n, [&](Index chunk, int) {
    Vec x(at(n + 1));
    for (Index i = chunks.begin(chunk); i < chunks.end(chunk) && odd[at(chunk)] == 0; ++i) {
      table.row(i, x.data());
      for (Index j = 0; j < n; ++j) x[at(j)] *= frame.weight[at(j)];
      for (const Dependence& d : columns) {
        double left = x[at(d.column)], terms = std::abs(left) + offset[at(d.column)], doubt = 0;
        for (std::size_t k = 0; k < d.of.size(); ++k) {
          const double value = x[at(d.of[k])], part = d.coefficients[k];
          left -= part * value;
          doubt += d.doubt[k] * std::abs(value);
          terms += std::abs(part) * (std::abs(value) + offset[at(d.of[k])]);
        }
        if (!(std::abs(left) <= kOfTerms * terms + doubt)) odd[at(chunk)] = 1;
      }
    }
  });
  return std::find(odd.begin(), odd.end(), 1) == odd.end();
}

}  // namespace pyrometer::minimum::absolute
