#include "pyrometer/minimum/softmax/faces.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
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

/// Differences that an element of one class separates.
struct OfColumn {
  Index column, label;
  double sign;
  std::vector<std::pair<Index, Index>> pairs;  ///< of rows and classes
};

/// The same for a direction with this one element.
double reach_of(const data::Rows<double>& rows, Index classes, const OfColumn& part,
                const std::vector<double>& so_far) {
  const Index n = rows.features;
  double factor = 0;
  for (const auto& [i, c] : part.pairs) {
    const auto y = static_cast<Index>(rows.y[i]);
    DoubleDouble before;
    for (Index j = 0; j < n; ++j) {
      const double x = rows.X[i * n + j];
      if (x != 0 && y + 1 < classes) before.add_product(x, so_far[at(y * n + j)]);
      if (x != 0 && c + 1 < classes) before.add_product(-x, so_far[at(c * n + j)]);
    }
    factor = std::max(factor, (kFar - before.value()) / std::abs(rows.X[i * n + part.column]));
  }
  return factor;
}

}  // namespace

ClassFace face_of_classes(const data::Rows<double>& rows, Index classes, bool combinations, int threads,
                          std::vector<std::uint8_t> allowed, const ClassFace& known) {
  const Index n = rows.features, others = classes - 1, width = others * n;
  std::vector<std::pair<Index, Index>> pairs;
  Overlap overlap{{}, known.dimension};
  for (Index i = 0; i < rows.rows; ++i)
    for (Index c = 0; c < classes; ++c) {
      if (!allowed[at(i * classes + c)] || c == static_cast<Index>(rows.y[i])) continue;
      if (!known.allowed.empty() && known.allowed[at(i * classes + c)]) overlap.rows.push_back(std::ssize(pairs));
      pairs.emplace_back(i, c);
    }
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
                                 : face_of(differences, false, all, {}, threads, overlap);
  out.certain = face.certain;
  out.open = face.open;
  out.any = !face.separated.empty();
  out.dimension = face.dimension;
  for (auto part = face.separated.rbegin(); part != face.separated.rend(); ++part) {
    for (const Index q : part->rows) out.allowed[at(pairs[at(q)].first * classes + pairs[at(q)].second)] = 0;
    const double factor = reach_of(V, width, *part, out.direction);
    for (Index j = 0; j < width; ++j) out.direction[at(j)] += factor * part->direction[at(j)];
  }
  return out;
}

ClassFace face_of_columns(const data::Rows<double>& rows, Index classes) {
  const Index n = rows.features, others = classes - 1;
  ClassFace out;
  out.allowed.assign(at(rows.rows * classes), 1);
  out.direction.assign(at(others * n), 0.0);
  const auto label = [&](Index i) { return static_cast<Index>(rows.y[i]); };
  std::vector<OfColumn> parts;
  std::vector<Index> free(at(n), others);
  for (bool again = true; again;) {
    again = false;
    std::vector<double> least(at(classes * n), 0.0), greatest(least);
    for (Index i = 0; i < rows.rows; ++i) {
      const std::uint8_t* const allowed = out.allowed.data() + i * classes;
      const bool any = std::count(allowed, allowed + classes, 1) > 1;
      for (Index c = 0; c < classes; ++c) {
        if (!any || !allowed[c]) continue;
        const double sign = c == label(i) ? 1 : -1;
        double *const low = least.data() + c * n, *const high = greatest.data() + c * n;
        for (Index j = 0; j < n; ++j) {
          const double x = sign * rows.X[i * n + j];
          low[j] = std::min(low[j], x);
          high[j] = std::max(high[j], x);
        }
      }
    }
    for (Index q = 0; q < classes * n; ++q) {
      if ((least[at(q)] < 0) == (greatest[at(q)] > 0)) continue;
      OfColumn part{q % n, q / n, greatest[at(q)] > 0 ? 1.0 : -1.0, {}};
      for (Index i = 0; i < rows.rows; ++i)
        for (Index c = 0; c < classes && rows.X[i * n + part.column] != 0; ++c)
          if (std::uint8_t& allowed = out.allowed[at(i * classes + c)];
              allowed && c != label(i) && (c == part.label || label(i) == part.label))
            allowed = 0, part.pairs.emplace_back(i, c);
      free[at(part.column)] = std::max<Index>(free[at(part.column)] - 1, 0);
      parts.push_back(std::move(part));
      again = out.any = true;
    }
  }
  out.dimension = std::accumulate(free.begin(), free.end(), Index{0});
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) {
    const double move = part->sign * reach_of(rows, classes, *part, out.direction);
    for (Index c = 0; c < others; ++c)
      if (part->label == others || part->label == c)
        out.direction[at(c * n + part->column)] += part->label == c ? move : -move;
  }
  return out;
}

}  // namespace pyrometer::minimum
