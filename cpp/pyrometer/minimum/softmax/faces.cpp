#include "pyrometer/minimum/softmax/faces.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "pyrometer/minimum/dense/residual.hpp"
#include "pyrometer/minimum/faces/facial_reduction.hpp"

namespace pyrometer::minimum {
namespace {

constexpr Index kMostNumbers = Index{1} << 26;

// The least factor of `direction` with which its rows get margins of kFar, given the margins that they have.
double reach_of(const std::vector<double>& V, Index width, const Separated& part, const std::vector<double>& so_far) {
  double factor = 0;
  for (const Index q : part.rows) {
    const double* v = V.data() + q * width;
    DoubleDouble margin, before;
    for (Index j = 0; j < width; ++j) {
      margin.add_product(v[j], part.direction[at(j)]);
      before.add_product(v[j], so_far[at(j)]);
    }
    factor = std::max(factor, (kFar - before.value()) / std::max(margin.value(), std::numeric_limits<double>::min()));
  }
  return factor;
}

}  // namespace

ClassFace face_of_classes(const data::Rows<double>& rows, Index classes, bool combinations, int threads,
                          std::vector<std::uint8_t> allowed) {
  const Index n = rows.features, others = classes - 1, width = others * n;
  std::vector<std::pair<Index, Index>> pairs;
  for (Index i = 0; i < rows.rows; ++i)
    for (Index c = 0; c < classes; ++c)
      if (allowed[at(i * classes + c)] && c != static_cast<Index>(rows.y[i])) pairs.emplace_back(i, c);
  ClassFace out;
  out.allowed = std::move(allowed);
  out.direction.assign(at(width), 0.0);
  const Index count = std::ssize(pairs);
  if (count * width > kMostNumbers) return out;
  std::vector<double> V(at(count * width), 0.0);
  const std::vector<double> ones(at(count), 1.0);
  for (Index q = 0; q < count; ++q) {
    const auto [i, c] = pairs[at(q)];
    const auto y = static_cast<Index>(rows.y[i]);
    for (Index j = 0; j < n; ++j) {
      const double x = rows.X[i * n + j];
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
    for (const Index q : part->rows) out.allowed[at(pairs[at(q)].first * classes + pairs[at(q)].second)] = 0;
    const double factor = reach_of(V, width, *part, out.direction);
    for (Index j = 0; j < width; ++j) out.direction[at(j)] += factor * part->direction[at(j)];
  }
  return out;
}

}  // namespace pyrometer::minimum
