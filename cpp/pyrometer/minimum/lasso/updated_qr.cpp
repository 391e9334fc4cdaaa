#include "pyrometer/minimum/lasso/updated_qr.hpp"

#include <cmath>
#include <limits>
#include <utility>

namespace pyrometer::minimum {

Index UpdatedQr::factor(const Columns& design, const std::vector<Index>& wanted) {
  std::vector<char> missing(at(design.cols), 0);
  for (const Index j : wanted) missing[at(j)] = 1;
  for (std::size_t k = members_.size(); k-- > 0;) {
    if (missing[at(members_[k])] == 0)
      remove(k);
    else
      missing[at(members_[k])] = 0;
  }
  for (const Index j : wanted)
    if (missing[at(j)] != 0 && !append(design, j)) return j;
  return -1;
}

// Modified Gram-Schmidt, twice.
bool UpdatedQr::append(const Columns& design, Index j) {
  const Index rows = design.rows;
  Numbers rest(design.column(j), design.column(j) + rows), column(basis_.size() + 1);
  for (int pass = 0; pass < 2; ++pass) {
    for (std::size_t k = 0; k < basis_.size(); ++k) {
      const double part = dot(basis_[k].data(), rest.data(), 0, rows);
      subtract(rest.data(), part, basis_[k].data(), 0, rows);
      column[k] += part;
    }
  }
  const double length = std::sqrt(dot(rest.data(), rest.data(), 0, rows));
  shares_.assign(column.begin(), column.end() - 1);
  backward(shares_);
  double made = 1;
  for (const double share : shares_) made += std::abs(share);
  const double noise = std::numeric_limits<double>::epsilon() * (4 + std::sqrt(static_cast<double>(column.size())));
  if (!(length > noise * made)) return false;
  for (double& x : rest) x /= length;
  column.back() = length;
  members_.push_back(j);
  basis_.push_back(std::move(rest));
  triangle_.push_back(std::move(column));
  return true;
}

// The columns after it have one element below the diagonal each, which rotations of the basis remove.
void UpdatedQr::remove(std::size_t k) {
  members_.erase(members_.begin() + static_cast<std::ptrdiff_t>(k));
  triangle_.erase(triangle_.begin() + static_cast<std::ptrdiff_t>(k));
  for (; k < triangle_.size(); ++k) {
    const double a = triangle_[k][k], b = triangle_[k][k + 1], length = std::hypot(a, b), c = a / length,
                 s = b / length;
    const auto turn = [&](double& x, double& y) {
      const double turned = c * x + s * y;
      y = c * y - s * x;
      x = turned;
    };
    triangle_[k].pop_back();
    triangle_[k][k] = length;
    for (std::size_t j = k + 1; j < triangle_.size(); ++j) turn(triangle_[j][k], triangle_[j][k + 1]);
    Numbers &x = basis_[k], &y = basis_[k + 1];
    for (std::size_t i = 0; i < x.size(); ++i) turn(x[i], y[i]);
  }
  basis_.pop_back();
}

void UpdatedQr::backward(Numbers& x) const {
  for (std::size_t k = x.size(); k-- > 0;) {
    x[k] /= triangle_[k][k];
    subtract(x.data(), x[k], triangle_[k].data(), 0, static_cast<Index>(k));
  }
}

void UpdatedQr::solve(Numbers& x) const {
  for (std::size_t k = 0; k < x.size(); ++k)
    x[k] = (x[k] - dot(triangle_[k].data(), x.data(), 0, static_cast<Index>(k))) / triangle_[k][k];
  backward(x);
}

}  // namespace pyrometer::minimum
