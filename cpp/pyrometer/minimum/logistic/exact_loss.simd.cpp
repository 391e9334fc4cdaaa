#include "pyrometer/minimum/logistic/exact_loss.hpp"

#include <algorithm>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/minimum/dense/residual.hpp"
#include "pyrometer/minimum/logistic/block_kernel.hpp"
#include "pyrometer/minimum/logistic/combination.hpp"

namespace pyrometer::minimum {

void margins_of(const data::Rows<double>& rows, const std::vector<Index>& which, bool intercept,
                const std::vector<double>& theta, std::vector<double>& margin, std::vector<double>& terms) {
  Tile tile(rows.features);
  double t[Tile::kRows], size[Tile::kRows];
  margin.resize(which.size());
  terms.resize(which.size());
  for (std::size_t begin = 0; begin < which.size(); begin += at(Tile::kRows)) {
    tile.fill(std::min(Tile::kRows, std::ssize(which) - static_cast<Index>(begin)),
              [&](Index k) { return rows.X + which[begin + at(k)] * rows.features; });
    tile.combine(theta.data(), intercept ? theta.back() : 0.0, t, size);
    for (std::size_t k = 0; k < at(tile.rows()); ++k) {
      margin[begin + k] = (2 * rows.y[which[begin + k]] - 1) * t[k];
      terms[begin + k] = size[k];
    }
  }
}

double loss_at(const data::Rows<double>& rows, bool intercept, const std::vector<double>& theta, int threads) {
  const base::Chunks chunks{rows.rows, 4096};
  std::vector<double> sums(at(chunks.number()), 0.0);
  base::for_each_chunk(chunks.number(), threads, [&](Index chunk, int) {
    Tile tile(rows.features);
    double t[Tile::kRows], size[Tile::kRows], slope[Tile::kRows], root[Tile::kRows], losses[Tile::kRows], least = 0;
    for (Index begin = chunks.begin(chunk); begin < chunks.end(chunk); begin += Tile::kRows) {
      tile.fill(std::min(Tile::kRows, chunks.end(chunk) - begin),
                [&](Index k) { return rows.X + (begin + k) * rows.features; });
      tile.combine(theta.data(), intercept ? theta.back() : 0.0, t, size);
      // An upper bound, whatever the rounding: in double-double precision it matters for terms above some 1e30.
      for (Index k = 0; k < tile.rows(); ++k)
        t[k] -= (2 * rows.y[begin + k] - 1) * 4 * kUnit * kUnit * static_cast<double>(rows.features + 4) * size[k];
      link(t, rows.y + begin, tile.rows(), slope, root, losses, sums[at(chunk)], least,
           rows.weights ? rows.weights + begin : nullptr);
    }
  });
  DoubleDouble sum;
  for (const double part : sums) sum.add(part);
  return sum.value();
}

}  // namespace pyrometer::minimum
