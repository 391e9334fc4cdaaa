#include "pyrometer/minimum/softmax/columns.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

namespace pyrometer::minimum {
namespace {

/// Removes the rows that column j separates from `remaining`, at its least (sign 1) or greatest value (sign -1).
bool peel(const data::Rows<double>& rows, bool intercept, Index j, double sign, std::vector<Index>& remaining,
          std::vector<SeparatedByColumn>& parts) {
  const auto value = [&](Index i) { return sign * rows.X[i * rows.features + j]; };
  double threshold = intercept ? INFINITY : 0;
  for (const Index i : remaining) threshold = std::min(threshold, value(i));
  if (!intercept && threshold < 0) return false;
  SeparatedByColumn part{j, 0, sign * threshold, sign, {}};
  std::vector<Index> others;
  for (const Index i : remaining) {
    if (value(i) == threshold) {
      others.push_back(i);
      continue;
    }
    const auto label = static_cast<Index>(rows.y[i]);
    if (!part.rows.empty() && label != part.label) return false;
    part.label = label;
    part.rows.push_back(i);
  }
  if (part.rows.empty()) return false;
  remaining = std::move(others);
  parts.push_back(std::move(part));
  return true;
}

}  // namespace

std::vector<SeparatedByColumn> separated_by_columns(const data::Rows<double>& rows, bool intercept,
                                                    std::vector<Index>& remaining) {
  std::vector<SeparatedByColumn> parts;
  remaining.resize(at(rows.rows));
  std::iota(remaining.begin(), remaining.end(), Index{0});
  for (bool again = true; again && !remaining.empty();) {
    again = false;
    for (Index j = 0; j < rows.features; ++j)
      for (const double sign : {1.0, -1.0})
        again = (!remaining.empty() && peel(rows, intercept, j, sign, remaining, parts)) || again;
  }
  return parts;
}

void move_apart(const data::Rows<double>& rows, bool intercept, Index classes,
                const std::vector<SeparatedByColumn>& parts, double far, std::vector<double>& theta) {
  const Index p = rows.features, n = p + (intercept ? 1 : 0), others = classes - 1;
  std::vector<double> z(at(classes));
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    double length = 0;
    for (const Index i : part->rows) {
      const double* const x = rows.X + i * p;
      for (Index c = 0; c < others; ++c) {
        z[at(c)] = intercept ? theta[at(c * n + p)] : 0;
        for (Index j = 0; j < p; ++j) z[at(c)] += x[j] * theta[at(c * n + j)];
      }
      const double own = std::exchange(z[at(part->label)], -INFINITY), most = *std::max_element(z.begin(), z.end());
      length = std::max(length, (far + most - own) / (part->sign * (x[part->column] - part->threshold)));
      z.back() = 0;
    }
    const double move = part->sign * length;
    for (Index c = 0; c < others; ++c) {
      const double own = part->label == others ? -move : c == part->label ? move : 0;
      theta[at(c * n + part->column)] += own;
      if (intercept) theta[at(c * n + p)] -= own * part->threshold;
    }
  }
}

}  // namespace pyrometer::minimum
