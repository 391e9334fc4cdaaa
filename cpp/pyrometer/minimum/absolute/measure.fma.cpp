#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "pyrometer/minimum/absolute/kernels.hpp"
#include "pyrometer/minimum/absolute/over_blocks.hpp"
#include "pyrometer/minimum/absolute/passes.hpp"
#include "pyrometer/minimum/dense/residual.hpp"

namespace pyrometer::minimum::absolute {
namespace {

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

// What measure() evaluates.
struct Measure {
  const Table& table;
  const Vec& theta;
  double shift;
  const Signs& signs;
  Precision precision;

  [[nodiscard]] bool compensated() const { return precision == Precision::double_double; }
  [[nodiscard]] bool weighed() const { return table.weights != nullptr; }
  [[nodiscard]] double slack() const { return static_cast<double>(table.columns + 3) * kEpsilon; }
};

// The rows of a block; 0 beyond the last.
struct BlockRows {
  double residual[kBlock];
  double sign[kBlock];    // times the weight of the row
  double weight[kBlock];  // where rows are weighed
  double size[kBlock];    // |y_i| + sum_j |x_ij theta_j|, times the weight
};

// The sums over the rows of a chunk, and its rows on the wrong side.
struct ChunkSums {
  std::vector<Accumulated> signed_x, absolute_x;
  Accumulated absolute, excess, magnitude;
  Indices wrong;
  char near = 0;  // whether a residual is too close to 0 to keep its sign

  // In the order of the members of Sums, then the low parts of signed_x.
  [[nodiscard]] Vec values() const {
    Vec all;
    for (const Accumulated* part : {&absolute, &excess, &magnitude}) all.push_back(part->value());
    for (const Accumulated& part : signed_x) all.push_back(part.value());
    for (const Accumulated& part : absolute_x) all.push_back(part.value());
    for (const Accumulated& part : signed_x) all.push_back(part.rest());
    return all;
  }
};

// Residuals and signs of block b, and the targets' part of its sizes.
void set_rows(const Measure& m, const Block& block, Index b, BlockRows& rows) {
  const Index n = m.table.columns, used = std::min(kBlock, m.table.count - b * kBlock);
  for (Index l = 0; l < kBlock; ++l) rows.sign[l] = l < used ? static_cast<double>(m.signs[at(b * kBlock + l)]) : 0.0;
  if (m.compensated()) {
    double_double_residuals(block.x, block.y, n, m.theta.data(), m.shift, rows.residual);
  } else {
    residuals(block.x, block.y, n, m.theta.data(), rows.residual);
    for (Index l = 0; l < kBlock; ++l) rows.residual[l] -= m.shift;
  }
  for (Index l = used; l < kBlock; ++l) rows.residual[l] = 0;
  for (Index l = 0; l < kBlock; ++l) rows.size[l] = std::abs(block.y[l]);
  if (!m.weighed()) return;
  for (Index l = 0; l < kBlock; ++l) rows.weight[l] = l < used ? m.table.weights[b * kBlock + l] : 0;
  for (Index l = 0; l < kBlock; ++l) rows.sign[l] *= rows.weight[l];
  for (Index l = 0; l < kBlock; ++l) rows.size[l] *= rows.weight[l];
}

// Adds the columns to their sums and to the sizes of the rows.
void add_columns(const Measure& m, const Block& block, BlockRows& rows, ChunkSums& sums) {
  double positive[kBlock];
  for (Index j = 0; j < m.table.columns; ++j) {
    const double* column = block.x + j * kBlock;
    const double t = std::abs(m.theta[at(j)]);
    for (Index l = 0; l < kBlock; ++l) positive[l] = std::abs(column[l]);
    if (m.weighed())
      for (Index l = 0; l < kBlock; ++l) positive[l] *= rows.weight[l];
    Lanes sum = lanes(positive, 0).v;
    for (int k = 1; k < kParts; ++k) sum += lanes(positive, k).v;
    for (int k = 0; k < kParts; ++k) lanes(rows.size, k).v += lanes(positive, k).v * t;
    sums.absolute_x[at(j)].add(sum);
    if (m.compensated()) {
      for (int k = 0; k < kParts; ++k) sums.signed_x[at(j)].add(lanes(column, k).v * lanes(rows.sign, k).v);
    } else {
      Lanes part{};
      add_weighed(column, rows.sign, part);
      sums.signed_x[at(j)].add(part);
    }
  }
}

// Adds the residuals of block b and compares them with their signs.
void add_residuals(const Measure& m, Index b, const BlockRows& rows, ChunkSums& sums) {
  const Index used = std::min(kBlock, m.table.count - b * kBlock);
  const double slack = m.slack();
  const double *r = rows.residual, *s = rows.sign, *size = rows.size;
  double positive[kBlock];
  Lanes sum{}, over{}, large{};
  int any = 0, close = 0;
  for (Index l = 0; l < kBlock; ++l) {
    positive[l] = std::abs(r[l]);
    if (m.weighed()) positive[l] *= rows.weight[l];
    any |= static_cast<int>(s[l] * r[l] < -slack * size[l]);
    close |= static_cast<int>((s[l] != 0) & (s[l] * r[l] < kDecided * slack * size[l]));
  }
  if (close != 0) sums.near = 1;
  for (Index l = 0; any != 0 && l < used; ++l)
    if (s[l] * r[l] < -slack * size[l]) sums.wrong.push_back(b * kBlock + l);
  for (int k = 0; k < kParts; ++k) {
    sum += lanes(positive, k).v;
    over += lanes(positive, k).v - lanes(s, k).v * lanes(r, k).v;
    large += lanes(size, k).v;
  }
  sums.absolute.add(sum);
  sums.excess.add(over);
  sums.magnitude.add(large);
}

// The bounds of rounding errors, given the sums |x_ij|. Plain sums round within blocks of 64 rows and across lanes;
// compensated ones in the sums of their low parts; centring rounds as well.
void set_rounding(const Measure& m, bool inexact, const DoubleDouble* absolute_x, Sums& out) {
  const Index n = m.table.columns;
  // A product with the weight rounds once more.
  const double terms = static_cast<double>(n + (m.weighed() ? 5 : 3)), unit = kEpsilon / 2;
  const double product = m.weighed() ? unit : 0, centred = inexact ? unit : 0;
  // Products below 2^-1022 have errors up to 2^-1074 each, and so have scaled values.
  const double rows = std::max(m.table.rows(), static_cast<double>(m.table.count));
  double underflow = out.magnitude > 0 ? rows * terms * 0x1p-1074 : 0;
  for (Index j = 0; m.table.underflows && j < m.table.features; ++j)
    underflow += rows * std::abs(m.theta[at(j)]) * 0x1p-1074;
  out.rounding = m.compensated()
                     ? (unit + product) * out.absolute + (centred + 4 * terms * terms * unit * unit) * out.magnitude
                     : terms * unit * out.magnitude;
  out.rounding += underflow;
  const double lost =
      m.compensated() ? centred + product + static_cast<double>(m.table.count) * kEpsilon * kEpsilon : 12 * kEpsilon;
  for (Index j = 0; j < n; ++j)
    out.rounding_bound[at(j)] = (m.table.underflows ? rows * 0x1p-1074 : 0) + lost * absolute_x[j].value() +
                                kEpsilon * std::abs(out.signed_x[at(j)]);
}

}  // namespace

Sums measure(const Table& table, const Vec& theta, double shift, const Signs& signs, Precision precision,
             ExecutionContext context) {
  const Measure m{table, theta, shift, signs, precision};
  const Index n = table.columns, chunks = chunk_count(table.blocks());
  std::vector<Vec> sums(at(chunks));
  std::vector<Indices> wrong(at(chunks));
  std::vector<char> inexact(at(chunks)), near(at(chunks));
  over_blocks(table, context, [&](Index chunk, Index first, Index last, double* scratch) {
    ChunkSums own;
    own.signed_x.resize(at(n));
    own.absolute_x.resize(at(n));
    BlockRows rows;
    for (Index b = first; b < last; ++b) {
      const Block block = table.block(b, scratch);
      set_rows(m, block, b, rows);
      add_columns(m, block, rows, own);
      add_residuals(m, b, rows, own);
    }
    sums[at(chunk)] = own.values();
    wrong[at(chunk)] = std::move(own.wrong);
    near[at(chunk)] = own.near;
    if (m.compensated()) inexact[at(chunk)] = !table.exact(first * kBlock, std::min(table.count, last * kBlock));
  });
  std::vector<DoubleDouble> all(at(2 * n + 3));
  for (const Vec& sum : sums) {
    for (std::size_t j = 0; j < all.size(); ++j) all[j].add(sum[j]);
    for (Index j = 0; j < n; ++j) all[at(3 + j)].lo += sum[at(2 * n + 3 + j)];
  }
  const auto any = [](const std::vector<char>& flags) {
    return std::find(flags.begin(), flags.end(), 1) != flags.end();
  };
  Sums out{all[0].value(), all[1].value(), all[2].value(), 0, Vec(at(n)), Vec(at(n)), !any(near), joined(wrong)};
  for (Index j = 0; j < n; ++j) out.signed_x[at(j)] = all[at(3 + j)].value();
  set_rounding(m, any(inexact), all.data() + 3 + n, out);
  return out;
}

}  // namespace pyrometer::minimum::absolute
