#include "pyrometer/energy/network/chain_rows.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "pyrometer/base/require.hpp"
#include "pyrometer/energy/network/chebyshev.hpp"

namespace pyrometer::energy {
namespace {

constexpr std::size_t kNodes = 14;     // of a panel: 1e-12 of a function that is analytic for |Im ln q| < pi
constexpr double kWidth = 2;           // of a panel, in ln q
constexpr std::size_t kDistinct = 24;  // norms that are their own nodes

/// Whether the logarithms of two norms are nearly as close as doubles can be: no panel could distinguish them.
bool alike(double a, double b) {
  constexpr double kAlike = 8 * std::numeric_limits<double>::epsilon();
  return a == b || std::abs(a - b) <= kAlike * std::max(1.0, std::abs(std::log(a))) * a;
}

/// The distinct norms in ascending order with their numbers of rows; empty if there are more than kDistinct.
std::vector<std::pair<double, Index>> distinct(Vector norms) {
  std::vector<std::pair<double, Index>> distinct;
  for (const double norm : norms) {
    auto place = std::lower_bound(distinct.begin(), distinct.end(), std::pair{norm, Index{0}});
    if (place != distinct.begin() && (place == distinct.end() || place->first != norm) &&
        alike(std::prev(place)->first, norm))
      --place;
    if (place != distinct.end() && alike(place->first, norm)) {
      ++place->second;
    } else if (distinct.size() == kDistinct) {
      return {};
    } else {
      distinct.insert(place, {norm, 1});
    }
  }
  return distinct;
}

}  // namespace

RowNodes::RowNodes(Vector norms) {
  require(!norms.empty(), "norms must have at least one row, got none");
  const double rows = static_cast<double>(norms.size());
  double least = std::numeric_limits<double>::infinity(), most = 0;
  Index zeros = 0;
  for (const double norm : norms) {
    require(std::isfinite(norm) && norm >= 0, "norms must be finite and not negative, got ", norm);
    zeros += norm == 0;
    if (norm > 0) least = std::min(least, norm);
    most = std::max(most, norm);
  }
  const auto own_node = [&](double norm, Index count) {
    norm_.push_back(norm);
    weight_.push_back(static_cast<double>(count) / rows);
    first_panel_ = norm_.size();
  };
  for (const auto& [norm, count] : distinct(norms)) own_node(norm, count);
  if (!norm_.empty()) return;
  if (zeros > 0) own_node(0, zeros);

  const double low = std::log(least), high = std::log(most);
  const auto panels = static_cast<std::size_t>(std::max(1.0, std::ceil((high - low) / kWidth)));
  const double width = (high - low) / static_cast<double>(panels);
  std::vector<Chebyshev> grid;
  for (std::size_t panel = 0; panel < panels; ++panel) {
    const double begin = low + width * static_cast<double>(panel);
    grid.emplace_back(begin, begin + width, kNodes);
    for (std::size_t i = 0; i < kNodes; ++i) norm_.push_back(std::exp(grid.back().node(i)));
  }
  weight_.resize(norm_.size());
  share_.resize(panels);
  for (const double norm : norms) {
    if (norm == 0) continue;
    const double x = std::log(norm);
    const std::size_t panel = std::min(panels - 1, static_cast<std::size_t>(std::max(0.0, (x - low) / width)));
    double basis[kNodes];
    grid[panel].basis(x, basis);
    double* weight = &weight_[first_panel_ + panel * kNodes];
    for (std::size_t i = 0; i < kNodes; ++i) weight[i] += basis[i];
    share_[panel] += 1;
  }
  for (std::size_t i = first_panel_; i < weight_.size(); ++i) weight_[i] /= rows;
  for (double& share : share_) share /= rows;
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
