#include "pyrometer/minimum/absolute/passes.hpp"

#include <cmath>
#include <limits>

#include "pyrometer/minimum/absolute/kernels.hpp"
#include "pyrometer/minimum/dense/residual.hpp"

namespace pyrometer::minimum::absolute {
namespace {

// Runs body(chunk, first block, last block, scratch) over all blocks.
template <class Body>
void over_blocks(const Source& source, ExecutionContext context, const Body& body) {
  const base::Chunks chunks{source.blocks(), kChunk};
  const Index work = source.count * source.columns;
  std::vector<Vec> scratch(at(context.worker_count(chunks.number(), work)), Vec(at(source.scratch())));
  context.for_each_chunk(chunks.number(), work, [&](Index chunk, int worker) {
    body(chunk, chunks.begin(chunk), chunks.end(chunk), scratch[at(worker)].data());
  });
}

Index chunk_count(Index blocks) { return base::Chunks{blocks, kChunk}.number(); }

// Merges per-chunk lists of rows in order.
Indices joined(const std::vector<Indices>& lists) {
  std::size_t size = 0;
  for (const Indices& list : lists) size += list.size();
  Indices all;
  all.reserve(size);
  for (const Indices& list : lists) all.insert(all.end(), list.begin(), list.end());
  return all;
}

// y - X theta - shift, each rounded once. Plain loops: product_error must not be contracted on processors without fma.
void double_double_residuals(const double* x, const double* y, Index columns, const double* theta, double shift,
                             double* out) {
  double hi[kBlock], lo[kBlock];
  for (Index l = 0; l < kBlock; ++l) {
    hi[l] = y[l];
    lo[l] = 0;
    base::add_compensated(hi[l], lo[l], -shift);
  }
  for (Index j = 0; j < columns; ++j) {
    const double t = -theta[j];
    for (Index l = 0; l < kBlock; ++l) {
      const double value = x[j * kBlock + l], product = value * t;
      base::add_compensated(hi[l], lo[l], product);
      lo[l] += product_error(value, t, product);
    }
  }
  for (Index l = 0; l < kBlock; ++l) out[l] = hi[l] + lo[l];
}

struct Accumulated {
  Lanes hi{}, lo{};
  void add(const Lanes& value) { base::add_compensated(hi, lo, value); }
  [[nodiscard]] DoubleDouble sum() const {
    DoubleDouble all;
    for (int k = 0; k < kLanes; ++k) all.add(hi[k]);
    all.lo += total(lo);
    return all;
  }
  [[nodiscard]] double value() const { return sum().value(); }
  [[nodiscard]] double rest() const {
    DoubleDouble all = sum();
    all.add(-all.value());
    return all.value();
  }
};

}  // namespace

double band(const Source& source, const Vec& theta, const Vec& weight, double share) {
  const Index wanted = std::min<Index>(source.count, 4096), n = source.columns;
  Vec x(at(n + 1)), score(at(wanted));
  for (Index k = 0; k < wanted; ++k) {
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

Sums measure(const Table& table, const Vec& theta, double shift, const Signs& signs, Precision precision,
             ExecutionContext context) {
  const Index n = table.columns, chunks = chunk_count(table.blocks());
  std::vector<Vec> sums(at(chunks));
  std::vector<Indices> wrong(at(chunks));
  std::vector<char> inexact(at(chunks)), near(at(chunks));
  const double slack = static_cast<double>(n + 3) * kEpsilon;
  const bool weighed = table.copies != nullptr;
  over_blocks(table, context, [&](Index chunk, Index first, Index last, double* scratch) {
    std::vector<Accumulated> signed_x(at(n)), absolute_x(at(n));
    Accumulated absolute, excess, magnitude;
    double r[kBlock], s[kBlock], size[kBlock], positive[kBlock], copies[kBlock];
    for (Index b = first; b < last; ++b) {
      const Block block = table.block(b, scratch);
      const Index used = std::min(kBlock, table.count - b * kBlock);
      for (Index l = 0; l < kBlock; ++l) s[l] = l < used ? static_cast<double>(signs[at(b * kBlock + l)]) : 0.0;
      if (precision == Precision::double_double) {
        double_double_residuals(block.x, block.y, n, theta.data(), shift, r);
      } else {
        residuals(block.x, block.y, n, theta.data(), r);
        for (Index l = 0; l < kBlock; ++l) r[l] -= shift;
      }
      for (Index l = used; l < kBlock; ++l) r[l] = 0;
      if (weighed) {
        for (Index l = 0; l < kBlock; ++l) copies[l] = l < used ? table.copies[b * kBlock + l] : 0;
        for (Index l = 0; l < kBlock; ++l) s[l] *= copies[l];
      }
      for (Index l = 0; l < kBlock; ++l) size[l] = std::abs(block.y[l]);
      if (weighed)
        for (Index l = 0; l < kBlock; ++l) size[l] *= copies[l];
      for (Index j = 0; j < n; ++j) {
        const double* column = block.x + j * kBlock;
        const double t = std::abs(theta[at(j)]);
        for (Index l = 0; l < kBlock; ++l) positive[l] = std::abs(column[l]);
        if (weighed)
          for (Index l = 0; l < kBlock; ++l) positive[l] *= copies[l];
        Lanes sum = lanes(positive, 0).v;
        for (int k = 1; k < kParts; ++k) sum += lanes(positive, k).v;
        for (int k = 0; k < kParts; ++k) lanes(size, k).v += lanes(positive, k).v * t;
        absolute_x[at(j)].add(sum);
        if (precision == Precision::double_double) {
          for (int k = 0; k < kParts; ++k) signed_x[at(j)].add(lanes(column, k).v * lanes(s, k).v);
        } else {
          Lanes part{};
          add_weighed(column, s, part);
          signed_x[at(j)].add(part);
        }
      }
      Lanes sum{}, over{}, large{};
      int any = 0, close = 0;
      for (Index l = 0; l < kBlock; ++l) {
        positive[l] = std::abs(r[l]);
        if (weighed) positive[l] *= copies[l];
        any |= static_cast<int>(s[l] * r[l] < -slack * size[l]);
        close |= static_cast<int>((s[l] != 0) & (s[l] * r[l] < kDecided * slack * size[l]));
      }
      if (close != 0) near[at(chunk)] = 1;
      for (Index l = 0; any != 0 && l < used; ++l)
        if (s[l] * r[l] < -slack * size[l]) wrong[at(chunk)].push_back(b * kBlock + l);
      for (int k = 0; k < kParts; ++k) {
        sum += lanes(positive, k).v;
        over += lanes(positive, k).v - lanes(s, k).v * lanes(r, k).v;
        large += lanes(size, k).v;
      }
      absolute.add(sum);
      excess.add(over);
      magnitude.add(large);
    }
    Vec& mine = sums[at(chunk)];
    if (precision == Precision::double_double)
      inexact[at(chunk)] = !table.exact(first * kBlock, std::min(table.count, last * kBlock));
    for (const Accumulated* part : {&absolute, &excess, &magnitude}) mine.push_back(part->value());
    for (const Accumulated& part : signed_x) mine.push_back(part.value());
    for (const Accumulated& part : absolute_x) mine.push_back(part.value());
    for (const Accumulated& part : signed_x) mine.push_back(part.rest());
  });
  std::vector<DoubleDouble> all(at(2 * n + 3));
  for (const Vec& sum : sums) {
    for (std::size_t j = 0; j < all.size(); ++j) all[j].add(sum[j]);
    for (Index j = 0; j < n; ++j) all[at(3 + j)].lo += sum[at(2 * n + 3 + j)];
  }
  Sums out{all[0].value(), all[1].value(), all[2].value(), 0, Vec(at(n)), Vec(at(n)), true, joined(wrong)};
  out.decided = std::find(near.begin(), near.end(), 1) == near.end();
  // Plain sums round within blocks of 64 rows and across lanes; compensated ones in the sums of their low parts;
  // centring rounds as well.
  const bool compensated = precision == Precision::double_double;
  // A product with the multiplicity rounds once more.
  const double terms = static_cast<double>(n + (weighed ? 5 : 3)), unit = kEpsilon / 2, product = weighed ? unit : 0;
  const double centred = std::find(inexact.begin(), inexact.end(), 1) != inexact.end() ? unit : 0;
  // Products below 2^-1022 have errors up to 2^-1074 each, and so have scaled values.
  double underflow = out.magnitude > 0 ? table.rows() * terms * 0x1p-1074 : 0;
  for (Index j = 0; table.underflows && j < table.features; ++j)
    underflow += table.rows() * std::abs(theta[at(j)]) * 0x1p-1074;
  out.rounding = compensated
                     ? (unit + product) * out.absolute + (centred + 4 * terms * terms * unit * unit) * out.magnitude
                     : terms * unit * out.magnitude;
  out.rounding += underflow;
  const double lost =
      compensated ? centred + product + static_cast<double>(table.count) * kEpsilon * kEpsilon : 12 * kEpsilon;
  for (Index j = 0; j < n; ++j) {
    out.signed_x[at(j)] = all[at(3 + j)].value();
    out.rounding_bound[at(j)] = (table.underflows ? table.rows() * 0x1p-1074 : 0) + lost * all[at(3 + n + j)].value() +
                                kEpsilon * std::abs(out.signed_x[at(j)]);
  }
  return out;
}

}  // namespace pyrometer::minimum::absolute
