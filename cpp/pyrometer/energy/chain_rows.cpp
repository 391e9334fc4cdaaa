#include "pyrometer/energy/chain_rows.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "pyrometer/base/require.hpp"
#include "pyrometer/energy/chebyshev.hpp"

namespace pyrometer::energy {
namespace {

constexpr std::size_t kNodes = 14;     // of a panel: 1e-12 of a function that is analytic for |Im ln q| < pi
constexpr double kWidth = 2;           // of a panel, in ln q
constexpr std::size_t kDistinct = 24;  // norms that are their own nodes

}  // namespace

RowNodes::RowNodes(Vector norms) {
  require(!norms.empty(), "norms must have at least one row, got none");
  std::vector<double> sorted(norms.begin(), norms.end());
  for (const double norm : sorted)
    require(std::isfinite(norm) && norm >= 0, "norms must be finite and not negative, got ", norm);
  std::sort(sorted.begin(), sorted.end());
  const double rows = static_cast<double>(sorted.size());

  std::size_t distinct = 1;
  for (std::size_t i = 1; i < sorted.size(); ++i) distinct += sorted[i] != sorted[i - 1];
  auto from = sorted.begin();
  const auto own_node = [&] {
    const auto to = std::upper_bound(from, sorted.end(), *from);
    norm_.push_back(*from);
    weight_.push_back(static_cast<double>(to - from) / rows);
    from = to;
  };
  if (distinct <= kDistinct) {
    while (from != sorted.end()) own_node();
    first_panel_ = norm_.size();
    return;
  }
  if (*from == 0) own_node();
  first_panel_ = norm_.size();

  const double low = std::log(*from), high = std::log(sorted.back());
  const std::size_t panels = static_cast<std::size_t>(std::max(1.0, std::ceil((high - low) / kWidth)));
  const double width = (high - low) / static_cast<double>(panels);
  for (std::size_t panel = 0; panel < panels; ++panel) {
    const double begin = low + width * static_cast<double>(panel);
    const bool last = panel + 1 == panels;
    const auto to = last ? sorted.end() : std::lower_bound(from, sorted.end(), std::exp(begin + width));
    if (from == to) continue;
    const Chebyshev grid(begin, begin + width, kNodes);
    double sum[kNodes] = {}, basis[kNodes];
    share_.push_back(static_cast<double>(to - from) / rows);
    for (; from != to; ++from) {
      grid.basis(std::log(*from), basis);
      for (std::size_t i = 0; i < kNodes; ++i) sum[i] += basis[i];
    }
    for (std::size_t i = 0; i < kNodes; ++i) {
      norm_.push_back(std::exp(grid.node(i)));
      weight_.push_back(sum[i] / rows);
    }
  }
}

double RowNodes::mean(const double* values) const {
  double sum = 0;
  for (std::size_t i = 0; i < weight_.size(); ++i) sum += weight_[i] * values[i];
  return sum;
}

double RowNodes::error(const double* values) const {
  double bound = 0;
  for (std::size_t panel = 0; panel < share_.size(); ++panel)
    bound += share_[panel] * chebyshev_tail(values + first_panel_ + panel * kNodes, kNodes);
  return bound;
}

}  // namespace pyrometer::energy
