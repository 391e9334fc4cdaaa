#include "pyrometer/energy/rows/uniform_rows.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/double_double.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/energy/rows/symmetric_sum.hpp"
#include "pyrometer/energy/rows/uniform_lanes.hpp"

namespace pyrometer::energy {
namespace {

constexpr int kWidth = UniformLanes::kWidth;
constexpr Index kChunkFlops = 1 << 22;

// Sums over rows, of one law.
struct Sums {
  base::DoubleDouble value, bound, slope, slope_bound;

  void add(const UniformLanes& rows, int lane) {
    value.add(rows.value[lane]);
    bound.add(rows.bound[lane]);
    slope.add(rows.slope[lane]);
    slope_bound.add(rows.slope_bound[lane]);
  }
  void add(const UniformLanes& rows, int lane, double weight) {
    value.add(weight * rows.value[lane]);
    bound.add(weight * rows.bound[lane] + kUnit * weight * std::fabs(rows.value[lane]));
    slope.add(weight * rows.slope[lane]);
    slope_bound.add(weight * rows.slope_bound[lane] + kUnit * weight * std::fabs(rows.slope[lane]));
  }
  void add(const Sums& other) {
    value.add(other.value.value());
    bound.add(other.bound.value());
    slope.add(other.slope.value());
    slope_bound.add(other.slope_bound.value());
  }
};

// Rows first .. first + count - 1 into lanes; the lanes beyond repeat the last row.
template <class T>
void transpose(const T* X, const T* y, Index count, Index features, bool intercept, UniformLanes& lanes) {
  for (int lane = 0; lane < kWidth; ++lane) {
    const Index row = std::min<Index>(lane, count - 1);
    for (Index j = 0; j < features; ++j) lanes.x(j, lane) = std::fabs(static_cast<double>(X[row * features + j]));
    if (intercept) lanes.x(features, lane) = 1.0;
    lanes.y[lane] = y ? std::fabs(static_cast<double>(y[row])) : 0.0;
  }
}

// Throws, naming the cell, for a row whose energy is infinite or NaN.
template <class T>
void diagnose(const T* x, Index features, Index row) {
  for (Index j = 0; j < features; ++j)
    require(std::isfinite(x[j]), "X must be finite, got ", x[j], " at row ", row, ", column ", j);
  require(false, "the energy must be below 1.8e308, got an overflow at row ", row,
          "; use a smaller scale or rescale the features");
}

// Throws unless the scales of the laws are those of the parameters.
void require_laws(Matrix scale, Index parameters, Index normals) {
  require(scale.cols == parameters, "scale must have ", parameters, " columns, got ", scale.cols);
  require(normals >= 0 && normals <= parameters, "normals must be from 0 to ", parameters, ", got ", normals);
  for (Index i = 0; i < scale.size(); ++i)
    require(std::isfinite(scale.data[i]) && scale.data[i] >= 0, "scale must be finite and not negative, got ",
            scale.data[i], " at law ", i / parameters, ", parameter ", i % parameters);
}

}  // namespace

template <class T>
void uniform_rows(const T* X, const T* y, Index systems, Index rows, Index features, bool intercept, RowLoss loss,
                  Matrix scale, Index normals, int threads, double* mean, double* bound, double* slope,
                  double* slope_bound, const double* weights) {
  const Index parameters = features + intercept, laws = scale.rows;
  require(rows > 0, "X must have at least one row");
  require_laws(scale, parameters, normals);
  const bool entropy = loss == RowLoss::cross_entropy;
  const Index work_size = std::max<Index>(1, (parameters + 10) * 50 * laws);
  const base::Chunks chunks{rows, std::clamp<Index>(kChunkFlops / work_size / kWidth, 1, 512) * kWidth};
  const Index tasks = systems * chunks.number();
  std::vector<Sums> partial(at(tasks * laws));
  std::vector<UniformLanes> workers(at(base::worker_count(tasks, threads)), UniformLanes(parameters));

  // Up to kWidth rows from `first` on.
  const auto add_rows = [&](Index system, Index first, Index count, UniformLanes& lanes, Sums* sums) {
    const Index row = system * rows + first;
    const T* targets = loss == RowLoss::absolute ? y + row : nullptr;
    for (Index i = 0; targets && i < count; ++i)
      require(std::isfinite(targets[i]), "y must be finite, got ", targets[i], " at row ", first + i);
    transpose(X + row * features, targets, count, features, intercept, lanes);
    for (Index law = 0; law < laws; ++law) {
      lanes.evaluate({scale.row(law), normals, parameters, entropy ? 1.0 : 0.0}, slope != nullptr);
      for (int lane = 0; lane < count; ++lane) {
        if (!std::isfinite(lanes.value[lane])) [[unlikely]]
          diagnose(X + (row + lane) * features, features, first + lane);
        if (weights) {
          sums[law].add(lanes, lane, weights[row + lane]);
        } else {
          sums[law].add(lanes, lane);
        }
      }
    }
  };
  base::for_each_chunk(tasks, threads, [&](Index task, int worker) {
    const Index system = task / chunks.number(), chunk = task % chunks.number(), end = chunks.end(chunk);
    for (Index first = chunks.begin(chunk); first < end; first += kWidth)
      add_rows(system, first, std::min<Index>(kWidth, end - first), workers[at(worker)], partial.data() + task * laws);
  });

  const double share = (entropy ? 0.5 : 1.0) / static_cast<double>(rows);
  for (Index cell = 0; cell < systems * laws; ++cell) {
    const Index system = cell / laws, law = cell % laws;
    Sums all;
    for (Index chunk = 0; chunk < chunks.number(); ++chunk)
      all.add(partial[at((system * chunks.number() + chunk) * laws + law)]);
    mean[cell] = all.value.value() * share;
    require(std::isfinite(mean[cell]), "the energy must be below 1.8e308, got an overflow in the sum over rows of law ",
            law, "; use a smaller scale or rescale the features");
    bound[cell] = all.bound.value() * share + 4.0 * kUnit * mean[cell];
    if (!slope) continue;
    slope[cell] = all.slope.value() * share;
    slope_bound[cell] = all.slope_bound.value() * share + 4.0 * kUnit * std::fabs(slope[cell]);
  }
}

template void uniform_rows<double>(const double*, const double*, Index, Index, Index, bool, RowLoss, Matrix, Index, int,
                                   double*, double*, double*, double*, const double*);
template void uniform_rows<float>(const float*, const float*, Index, Index, Index, bool, RowLoss, Matrix, Index, int,
                                  double*, double*, double*, double*, const double*);

}  // namespace pyrometer::energy
