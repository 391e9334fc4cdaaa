#include "pyrometer/minimum/softmax/faces.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "pyrometer/minimum/logistic/facial_reduction.hpp"

namespace pyrometer::minimum {
namespace {

constexpr Index kMostNumbers = Index{1} << 26;

// The least factor of `direction` with which its rows get margins of kFar, given the margins that they have.
double reach_of(const std::vector<double>& V, Index width, const Separated& part, const std::vector<double>& so_far) {
  double factor = 0;
  for (const Index q : part.rows) {
    const double* v = V.data() + q * width;
    double margin = 0, before = 0;
    for (Index j = 0; j < width; ++j) {
      margin += v[j] * part.direction[at(j)];
      before += v[j] * so_far[at(j)];
    }
    factor = std::max(factor, (kFar - before) / std::max(margin, std::numeric_limits<double>::min()));
  }
  return factor;
}

}  // namespace

ClassFace face_of_classes(const data::Rows<double>& rows, Index classes, bool combinations, int threads) {
  const Index n = rows.features, others = classes - 1, width = others * n, count = rows.rows * others;
  ClassFace out;
  out.allowed.assign(at(rows.rows * classes), 1);
  out.direction.assign(at(width), 0.0);
  if (count * width > kMostNumbers) return out;
  std::vector<double> V(at(count * width), 0.0);
  const std::vector<double> ones(at(count), 1.0);
  const auto other = [&](Index q) {
    const auto y = static_cast<Index>(rows.y[q / others]);
    return q % others + (q % others >= y ? 1 : 0);
  };
  for (Index q = 0; q < count; ++q) {
    const auto y = static_cast<Index>(rows.y[q / others]);
    const Index c = other(q);
    for (Index j = 0; j < n; ++j) {
      const double x = rows.X[q / others * n + j];
      if (y < others) V[at(q * width + y * n + j)] = x;
      if (c < others) V[at(q * width + c * n + j)] = -x;
    }
  }
  const data::Rows<double> differences{V.data(), ones.data(), count, width, count * width};
  const std::vector<bool> all(at(width), true);
  const Face face = combinations ? face_of_combinations(differences, false, all, {}, threads)
                                 : face_of(differences, false, all, {}, threads);
  out.certain = face.certain;
  out.any = !face.separated.empty();
  out.dimension = face.dimension;
  for (auto part = face.separated.rbegin(); part != face.separated.rend(); ++part) {
    for (const Index q : part->rows) out.allowed[at(q / others * classes + other(q))] = 0;
    const double factor = reach_of(V, width, *part, out.direction);
    for (Index j = 0; j < width; ++j) out.direction[at(j)] += factor * part->direction[at(j)];
  }
  return out;
}

}  // namespace pyrometer::minimum
