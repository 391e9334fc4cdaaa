#include "pyrometer/energy/rows/uniform_rows.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/double_double.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/energy/rows/symmetric_sum.hpp"
#include "pyrometer/energy/rows/uniform_lanes.hpp"
#include "pyrometer/model/law.hpp"

namespace pyrometer::energy {
namespace {

constexpr int kWidth = UniformLanes::kWidth;
constexpr Index kChunkFlops = 1 << 22;

// What constant parameters c do to one row: R is compared with `target`, and the energy has `more` (as in mean).
struct Shift {
  double target = 0, more = 0, bound = 0;
};

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
  void add(const Shift& shift, double weight = 1.0) {
    value.add(weight * shift.more);
    bound.add(2.0 * weight * shift.bound);
    slope_bound.add(2.0 * weight * shift.bound);
  }
  void add(const Sums& other) {
    value.add(other.value.value());
    bound.add(other.bound.value());
    slope.add(other.slope.value());
    slope_bound.add(other.slope_bound.value());
  }
};

// The random parameters of laws, normal before uniform before truncated ones, and the constant ones.
class Arrangement {
 public:
  explicit Arrangement(const model::LawBatch& law) {
    std::vector<Index> uniform, truncated;
    for (Index j = 0; j < law.parameters(); ++j) {
      const double bound = law.bound[at(j)];
      switch (model::family_of(bound)) {
        case model::Family::constant:
          constants.push_back(j);
          break;
        case model::Family::uniform:
          uniform.push_back(j);
          break;
        case model::Family::normal:
          order.push_back(j);
          break;
        // No double tells the others from a normal law.
        case model::Family::truncated:
          (bound < kNoBound ? truncated : order).push_back(j);
          break;
      }
    }
    normals = static_cast<Index>(order.size());
    uniforms = static_cast<Index>(uniform.size());
    order.insert(order.end(), uniform.begin(), uniform.end());
    order.insert(order.end(), truncated.begin(), truncated.end());
    for (const Index j : truncated) {
      const bool again = !owned.empty() && owned.back()->bound() == law.bound[at(j)];
      if (!again) owned.push_back(TruncatedShape::of(law.bound[at(j)]));
      shapes.push_back(owned.back().get());
    }
    for (Index b = 0; b < law.batch(); ++b) {
      for (std::size_t k = 0; k < order.size(); ++k) {
        const Index j = order[k];
        const bool reach = static_cast<Index>(k) >= normals + uniforms;
        scales.push_back(law.scale.row(b)[j] * (reach ? law.bound[at(j)] : 1.0));
      }
    }
  }

  [[nodiscard]] Index random() const { return static_cast<Index>(order.size()); }
  [[nodiscard]] UniformLaw law(Index b, double logistic) const {
    return {scales.data() + b * random(), normals, uniforms, random() - normals - uniforms, shapes.data(), logistic};
  }

  static constexpr double kNoBound = 9;
  std::vector<Index> order, constants;
  Index normals = 0, uniforms = 0;
  std::vector<double> scales;  // laws x random parameters, in this order
  std::vector<const TruncatedShape*> shapes;

 private:
  std::vector<std::shared_ptr<const TruncatedShape>> owned;
};

// Rows first .. first + count - 1 into lanes; the lanes beyond repeat the last row.
template <class T>
void transpose(const T* X, const T* y, Index count, Index features, const std::vector<Index>& order,
               UniformLanes& lanes) {
  for (int lane = 0; lane < kWidth; ++lane) {
    const Index row = std::min<Index>(lane, count - 1);
    Index k = 0;
    for (const Index j : order)
      lanes.x(k++, lane) = j < features ? std::fabs(static_cast<double>(X[row * features + j])) : 1.0;
    lanes.y[lane] = y ? std::fabs(static_cast<double>(y[row])) : 0.0;
  }
}

// The sum of c_j x_j over constant parameters, and a bound of its rounding error.
template <class T>
Shift shift_of(const T* x, Index features, const double* scale, const std::vector<Index>& constants) {
  Shift shift;
  double size = 0;
  for (const Index j : constants) {
    const double part = j < features ? scale[j] * static_cast<double>(x[j]) : scale[j];
    shift.target += part;
    size += std::fabs(part);
  }
  shift.bound = kUnit * static_cast<double>(constants.size() + 1) * size;
  return shift;
}

// Throws, naming the cell, for a row whose energy is infinite or NaN.
template <class T>
void diagnose(const T* x, Index features, Index row) {
  for (Index j = 0; j < features; ++j)
    require(std::isfinite(x[j]), "X must be finite, got ", x[j], " at row ", row, ", column ", j, "; drop or fill it");
  require(false, "the energy must be below 1.8e308, got an overflow at row ", row,
          "; use a smaller scale or rescale the features");
}

// Throws unless the scales of the laws are those of the parameters.
void require_laws(const model::LawBatch& law, Index parameters) {
  const Matrix scale = law.scale;
  require(scale.cols == parameters, "scale must have ", parameters, " columns, got ", scale.cols);
  model::require_families(law, parameters);
  for (Index i = 0; i < scale.size(); ++i) {
    const bool constant = model::family_of(law.bound[at(i % parameters)]) == model::Family::constant;
    require(std::isfinite(scale.data[i]) && (constant || scale.data[i] >= 0),
            "scale must be finite and not negative, got ", scale.data[i], " at law ", i / parameters, ", parameter ",
            i % parameters);
  }
}

}  // namespace

template <class T>
void uniform_rows(const T* X, const T* y, Index systems, Index rows, Index features, bool intercept, RowLoss loss,
                  const model::LawBatch& law_batch, int threads, double* mean, double* bound, double* slope,
                  double* slope_bound, const double* weights) {
  const Index parameters = features + intercept, laws = law_batch.batch();
  require(loss != RowLoss::softmax, "loss must be 'norm', 'absolute' or 'cross-entropy', got 'softmax'");
  require(rows > 0, "X must have at least one row");
  require_laws(law_batch, parameters);
  const Arrangement arrangement(law_batch);
  const bool entropy = loss == RowLoss::cross_entropy;
  const bool shifted = !arrangement.constants.empty() && loss != RowLoss::norm;
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
      require(std::isfinite(targets[i]), "y must be finite, got ", targets[i], " at row ", first + i,
              "; drop or fill it");
    transpose(X + row * features, targets, count, features, arrangement.order, lanes);
    for (Index law = 0; law < laws; ++law) {
      Shift shifts[kWidth];
      for (int lane = 0; shifted && lane < kWidth; ++lane) {
        const Index i = std::min<Index>(lane, count - 1);
        Shift& shift = shifts[lane] =
            shift_of(X + (row + i) * features, features, law_batch.scale.row(law), arrangement.constants);
        // E ln(1 + e^{R + c}) - t (R + c) = E |R + G + c| / 2 + (1/2 - t) c
        if (entropy)
          shift.more = (1.0 - 2.0 * static_cast<double>(y[row + i])) * shift.target;
        else
          shift.target = static_cast<double>(targets[i]) - shift.target;
        lanes.y[lane] = std::fabs(shift.target);
      }
      lanes.evaluate(arrangement.law(law, entropy ? 1.0 : 0.0), slope != nullptr);
      for (int lane = 0; lane < count; ++lane) {
        if (!std::isfinite(lanes.value[lane])) [[unlikely]]
          diagnose(X + (row + lane) * features, features, first + lane);
        if (weights) {
          sums[law].add(lanes, lane, weights[row + lane]);
        } else {
          sums[law].add(lanes, lane);
        }
        if (shifted) sums[law].add(shifts[lane], weights ? weights[row + lane] : 1.0);
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

template void uniform_rows<double>(const double*, const double*, Index, Index, Index, bool, RowLoss,
                                   const model::LawBatch&, int, double*, double*, double*, double*, const double*);
template void uniform_rows<float>(const float*, const float*, Index, Index, Index, bool, RowLoss,
                                  const model::LawBatch&, int, double*, double*, double*, double*, const double*);

}  // namespace pyrometer::energy
