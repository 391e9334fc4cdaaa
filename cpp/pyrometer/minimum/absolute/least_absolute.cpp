#include "pyrometer/minimum/absolute/least_absolute.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "pyrometer/base/require.hpp"
#include "pyrometer/minimum/absolute/certificate.hpp"
#include "pyrometer/minimum/absolute/solve.hpp"

namespace pyrometer::minimum {
namespace {

using namespace absolute;

struct Answer {
  Certified certified;
  Index rank = 0;

  // Whether the gap is at rounding level, so that less jitter cannot improve it: the dual solution does not depend on
  // it.
  [[nodiscard]] bool closed() const {
    const Certified& c = certified;
    const double rounding = std::max({1e-13 * c.value, c.gap / 2, 4 * kEpsilon * c.terms});
    return c.slack <= rounding || (c.crossed <= rounding && c.slack <= 1e-12 * c.value);
  }
};

bool is_finite(const Certified& candidate) {
  return std::isfinite(candidate.value) && std::isfinite(candidate.gap) &&
         std::all_of(candidate.parameters.begin(), candidate.parameters.end(),
                     [](double t) { return std::isfinite(t); });
}

// Parameters 0: the energy is the mean of |y|.
Certified at_zero(const Table& table, const Whitening& whitening, ExecutionContext context) {
  Vertex zero;
  zero.phi.assign(at(whitening.rank), 0.0);
  Vec x(at(table.columns + 1));
  for (Index i = 0; i < table.count; ++i) zero.signs.push_back(table.row(i, x.data()) < 0 ? -1 : 1);
  return certify(table, whitening, zero, context);
}

// Throws OutOfRange if no finite solution is found; `largest` as for make_whitening.
Answer solve_system(Table& table, const Indices& largest, ExecutionContext context) {
  const Whitening whitening = make_whitening(table, largest, context);
  table.centre = whitening.centre.data();
  Answer best;
  best.rank = whitening.rank - (table.intercept ? 1 : 0);
  best.certified.gap = best.certified.slack = std::numeric_limits<double>::infinity();
  const auto improves = [&](Certified candidate) {
    if (is_finite(candidate) && candidate.slack < best.certified.slack) best.certified = std::move(candidate);
    return is_finite(best.certified) && best.closed();
  };
  bool exact = whitening.rank == 0 && improves(at_zero(table, whitening, context));
  // With less jitter if the optimal vertex of the perturbed data is not optimal for the data, as with outliers that
  // dominate the scale of the residuals.
  Vertex vertex;
  for (const double size : {1e-7, 1e-10, 1e-13})
    exact = exact || improves(solve(table, whitening, size, context, vertex));
  if (!exact && !largest.empty()) improves(at_zero(table, whitening, context));
  if (!is_finite(best.certified)) diagnose(table);
  return best;
}

[[noreturn]] void throw_parameter_range(std::size_t j, std::size_t features, double power) {
  constexpr const char* must = "X and y must have a minimiser within the range of a double, got about 10^";
  const long digits = std::lround(power);
  if (j == features) refuse({must, digits, " for the intercept; divide y by a power of ten"});
  refuse({must, digits, " for the parameter of column ", j, "; multiply that column, or divide y, by a power of ten"});
}

// From the units of Scaled to the caller's. The gap includes what is lost where a result underflows.
void unscale(Certified& candidate, const Exponents& exponents, const Vec& largest) {
  const int of_y = exponents.back();
  const auto p = largest.size() - 1;
  double lost = 0x1p-1074;  // of y that underflowed
  for (std::size_t j = 0; j < candidate.parameters.size(); ++j) {
    const int by = (j < p ? exponents[j] : 0) - of_y;
    const double scaled = candidate.parameters[j], plain = std::ldexp(scaled, by);
    if (!std::isfinite(plain)) throw_parameter_range(j, p, (std::log2(std::abs(scaled)) + by) * std::log10(2.0));
    candidate.parameters[j] = plain;
    candidate.error[j] = std::nextafter(std::ldexp(candidate.error[j], by), std::numeric_limits<double>::infinity());
    if (std::ldexp(plain, -by) != scaled) candidate.error[j] += 0x1p-1074;
    const double size = j < p ? std::ldexp(largest[j], exponents[j]) : 1;
    lost += std::abs(std::ldexp(plain, -by) - scaled) * size + std::abs(scaled) * 0x1p-1074;
  }
  const double value = std::ldexp(candidate.value, -of_y);
  if (std::ldexp(value, of_y) != candidate.value) lost += std::ldexp(1.0, -1074 + of_y);
  candidate.gap = std::nextafter(std::ldexp(candidate.gap + lost, -of_y), std::numeric_limits<double>::infinity());
  candidate.value = value;
}

// For columns whose products leave the range of a double: columns and y are multiplied by powers of two.
Answer solve_scaled(const Table& table, ExecutionContext context) {
  const Extremes largest = extremes(table, context);
  Indices rows = largest.row;
  std::sort(rows.begin(), rows.end());
  rows.erase(std::unique(rows.begin(), rows.end()), rows.end());
  Scaled scaled(table, largest);
  Answer answer = solve_system(scaled, rows, context);
  unscale(answer.certified, scaled.exponents(), largest.size);
  return answer;
}

template <class T>
Answer solve_one(const T* X, const T* y, const double* weights, Index rows, Index features, bool intercept,
                 ExecutionContext context) {
  TableOf<T> table(X, y, rows, features, intercept);
  table.weights = weights;
  Answer plain;
  plain.certified.gap = std::numeric_limits<double>::infinity();
  try {
    plain = solve_system(table, {}, context);
    if (plain.closed() || plain.certified.slack <= 1e-6 * plain.certified.value) return plain;
  } catch (const OutOfRange&) {
  }
  Answer scaled = solve_scaled(table, context);
  if (scaled.certified.gap < plain.certified.gap) return scaled;
  if (!is_finite(plain.certified)) {
    throw std::invalid_argument(
        "X and y must have a certified minimum within the range of a double, got a bound beyond it; rescale columns of "
        "which a few values are many orders of magnitude larger than the others");
  }
  return plain;
}

}  // namespace

template <class T>
void least_absolute(const T* X, const T* y, Index systems, Index rows, Index features, bool intercept, int threads,
                    double* value, double* parameters, double* gap, Index* rank, double* parameter_error,
                    const double* weights) {
  require(systems >= 0 && rows >= 1 && features >= 0, "X must have at least one row, got shape (", systems, ", ", rows,
          ", ", features, ")");
  const Index n = features + (intercept ? 1 : 0);
  const auto one = [&](Index s, ExecutionContext context) {
    Answer answer;
    try {
      answer = solve_one(X + s * rows * features, y + s * rows, weights ? weights + s * rows : nullptr, rows, features,
                         intercept, context);
    } catch (const std::invalid_argument& error) {
      std::string what = error.what();
      const std::string system = "system " + std::to_string(s);
      if (const auto place = what.find("at row"); systems > 1 && place != std::string::npos) {
        what.insert(place + 3, system + ", ");
      } else if (systems > 1) {
        what += " (" + system + ")";
      }
      throw std::invalid_argument(what);
    }
    value[s] = answer.certified.value;
    gap[s] = answer.certified.gap;
    rank[s] = answer.rank;
    std::copy_n(answer.certified.parameters.begin(), n, parameters + s * n);
    if (parameter_error != nullptr) std::copy_n(answer.certified.error.begin(), n, parameter_error + s * n);
  };
  if (systems == 1) return one(0, ExecutionContext{threads, false});
  const base::Chunks chunks{systems, 1};
  base::for_each_chunk(chunks.number(), threads, [&](Index s, int) { one(s, ExecutionContext{1, true}); });
}

template void least_absolute(const double*, const double*, Index, Index, Index, bool, int, double*, double*, double*,
                             Index*, double*, const double*);
template void least_absolute(const float*, const float*, Index, Index, Index, bool, int, double*, double*, double*,
                             Index*, double*, const double*);

}  // namespace pyrometer::minimum
