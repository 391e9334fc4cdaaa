#include "pyrometer/minimum/absolute/scaled.hpp"

#include <cmath>
#include <limits>

#include "pyrometer/minimum/absolute/whitening.hpp"

namespace pyrometer::minimum::absolute {

Extremes::Extremes(Index columns)
    : size(at(columns)), row(at(columns)), least(at(columns), std::numeric_limits<double>::infinity()) {}

void Extremes::add(Index column, double value_size, Index of_row) {
  if (value_size > size[at(column)]) size[at(column)] = value_size, row[at(column)] = of_row;
  if (value_size > 0) least[at(column)] = std::min(least[at(column)], value_size);
}

Extremes extremes(const Table& table, ExecutionContext context) {
  const Index p = table.features;
  const base::Chunks chunks{table.count, kChunk * kBlock};
  std::vector<Extremes> parts(at(chunks.number()), Extremes(p + 1));
  std::vector<char> odd(at(chunks.number()));
  context.for_each_chunk(chunks.number(), table.count * (p + 1), [&](Index chunk, int) {
    Extremes& mine = parts[at(chunk)];
    Vec x(at(table.columns + 1));
    for (Index i = chunks.begin(chunk); i < chunks.end(chunk); ++i) {
      const double y = table.raw(i, x.data());
      x[at(p)] = y;
      for (Index j = 0; j <= p; ++j) {
        const double size = std::abs(x[at(j)]);
        if (!std::isfinite(size)) odd[at(chunk)] = 1;
        mine.add(j, size, i);
      }
    }
  });
  Extremes out(p + 1);
  for (Index chunk = 0; chunk < chunks.number(); ++chunk) {
    if (odd[at(chunk)] != 0) diagnose(table);
    const Extremes& part = parts[at(chunk)];
    for (Index j = 0; j <= p; ++j) {
      out.add(j, part.size[at(j)], part.row[at(j)]);
      out.least[at(j)] = std::min(out.least[at(j)], part.least[at(j)]);
    }
  }
  return out;
}

Scaled::Scaled(const Table& of, const Extremes& largest)
    : Table(of.count, of.features, of.intercept, nullptr), of_(of) {
  weights = of.weights;
  for (const double size : largest.size) {
    // Clamped so that the factor is a normal number.
    exponents_.push_back(size > 0 ? -std::clamp(std::ilogb(size), -1000, 1000) : 0);
    factor_.push_back(std::ldexp(1.0, exponents_.back()));
  }
  for (Index j = 0; j < features; ++j)
    underflows = underflows || largest.least[at(j)] * factor_[at(j)] < std::numeric_limits<double>::min();
}

double Scaled::raw(Index i, double* x) const {
  const double y = of_.raw(i, x);
  for (Index j = 0; j < features; ++j) x[j] *= factor_[at(j)];
  return y * factor_[at(features)];
}

}  // namespace pyrometer::minimum::absolute
