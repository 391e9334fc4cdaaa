#include "pyrometer/minimum/absolute/passes.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "pyrometer/minimum/absolute/kernels.hpp"
#include "pyrometer/minimum/absolute/over_blocks.hpp"
#include "pyrometer/minimum/dense/residual.hpp"

namespace pyrometer::minimum::absolute {

double band(const Source& source, const Vec& theta, const Vec& weight, double share) {
  const Index wanted = std::min<Index>(source.count, 4096), n = source.columns;
  Vec x(at(n + 1)), score(at(wanted));
  for (Index k = 0; k < wanted; ++k) {
    if (k + kAhead < wanted) source.prefetch(stratified(k + kAhead, wanted, source.count));
    double r = source.row(stratified(k, wanted, source.count), x.data()), norm = 0;
    for (Index j = 0; j < n; ++j) {
      const double scaled = x[at(j)] * weight[at(j)];
      r -= x[at(j)] * theta[at(j)];
      norm += scaled * scaled;
    }
    score[at(k)] = norm > 0 ? std::abs(r) / std::sqrt(norm) : std::numeric_limits<double>::infinity();
    if (std::isnan(score[at(k)])) score[at(k)] = std::numeric_limits<double>::infinity();
  }
  const Index rank = std::min(wanted - 1, static_cast<Index>(share * static_cast<double>(wanted)));
  std::nth_element(score.begin(), score.begin() + rank, score.end());
  return score[at(rank)];
}

Sides classify(const Source& source, const Vec& theta, const Vec& weight, double band, Signs& signs,
               ExecutionContext context, bool& finite) {
  const Index n = source.columns, chunks = chunk_count(source.blocks());
  std::vector<Indices> inside(at(chunks));
  std::vector<Vec> sums(at(chunks));
  signs.resize(at(source.count));
  over_blocks(source, context, [&](Index chunk, Index first, Index last, double* scratch) {
    std::vector<LaneSum> signed_x(at(n + 1));
    double r[kBlock], norm[kBlock], s[kBlock];
    Lanes odd{};
    Indices& mine = inside[at(chunk)];
    for (Index b = first; b < last; ++b) {
      const Block block = source.block(b, scratch);
      const Index used = std::min(kBlock, source.count - b * kBlock);
      residuals(block.x, block.y, n, theta.data(), r);
      Lanes squares[kParts] = {};
      for (Index j = 0; j < n; ++j) {
        const double w = weight[at(j)];
        for (int k = 0; k < kParts; ++k) {
          const Lanes scaled = lanes(block.x + j * kBlock, k).v * w;
          squares[k] += scaled * scaled;
        }
      }
      for (int k = 0; k < kParts; ++k) {
        lanes(norm, k).v = squares[k];
        odd += lanes(r, k).v * 0.0;
      }
      const double band2 = band * band;
      for (Index l = 0; l < kBlock; ++l) s[l] = r[l] * r[l] > band2 * norm[l] ? std::copysign(1.0, r[l]) : 0.0;
      for (Index l = used; l < kBlock; ++l) s[l] = 0;
      for (Index l = 0; l < used; ++l) {
        const Index i = b * kBlock + l;
        signs[at(i)] = static_cast<std::int8_t>(s[l]);
        if (s[l] == 0) mine.push_back(i);
      }
      for (Index j = 0; j < n; ++j) add_weighed(block.x + j * kBlock, s, signed_x[at(j)].sum);
      add_weighed(block.y, s, signed_x[at(n)].sum);
    }
    Vec& sum = sums[at(chunk)];
    sum.resize(at(n + 2));
    for (Index j = 0; j <= n; ++j) sum[at(j)] = total(signed_x[at(j)].sum);
    sum[at(n + 1)] = total(odd);
  });
  Sides sides{joined(inside), {Vec(at(n)), 0}};
  std::vector<DoubleDouble> all(at(n + 1));
  finite = true;
  for (const Vec& sum : sums) {
    for (Index j = 0; j <= n; ++j) all[at(j)].add(sum[at(j)]);
    finite = finite && sum[at(n + 1)] == 0;
  }
  for (Index j = 0; j < n; ++j) sides.rest.x[at(j)] = all[at(j)].value();
  sides.rest.y = all[at(n)].value();
  return sides;
}

Indices misjudged(const Source& source, const Vec& theta, const Signs& signs, double slack, ExecutionContext context) {
  std::vector<Indices> wrong(at(chunk_count(source.blocks())));
  over_blocks(source, context, [&](Index chunk, Index first, Index last, double* scratch) {
    double r[kBlock];
    for (Index b = first; b < last; ++b) {
      const Block block = source.block(b, scratch);
      residuals(block.x, block.y, source.columns, theta.data(), r);
      for (Index i = b * kBlock; i < std::min(source.count, (b + 1) * kBlock); ++i)
        if (r[i % kBlock] * signs[at(i)] < -slack) wrong[at(chunk)].push_back(i);
    }
  });
  return joined(wrong);
}

}  // namespace pyrometer::minimum::absolute
