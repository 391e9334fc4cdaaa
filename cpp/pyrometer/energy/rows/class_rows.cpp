#include "pyrometer/energy/rows/class_rows.hpp"

#include <cmath>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/energy/rows/log_sum_exp.hpp"

namespace pyrometer::energy {
namespace {

constexpr Index kChunk = 8;  // rows

template <class T>
double deviation(const T* x, const double* scale, Index features, bool intercept, Index row) {
  double s = intercept ? scale[features] : 0.0;
  for (Index j = 0; j < features; ++j) s = std::hypot(s, static_cast<double>(x[j]) * scale[j]);
  require(std::isfinite(s), "the energy must be below 1.8e308, got an overflow at row ", row,
          "; use a smaller scale or rescale the features");
  return s;
}

}  // namespace

template <class T>
void class_rows(const T* X, Index systems, Index rows, Index features, bool intercept, Index classes, Matrix scale,
                bool limit, int threads, double* mean, double* slope, const double* weights) {
  const Index n = features + (intercept ? 1 : 0), laws = scale.rows;
  require(rows > 0, "X must have at least one row");
  require(scale.cols == classes * n, "scale must have ", classes * n, " columns, got ", scale.cols);
  for (Index i = 0; i < scale.size(); ++i)
    require(std::isfinite(scale.data[i]) && scale.data[i] >= 0, "scale must be finite and not negative, got ",
            scale.data[i]);
  const base::Chunks chunks{rows, kChunk};
  std::vector<MeanLogSumExp> partial(at(systems * laws * chunks.number()), MeanLogSumExp{0, 0});
  base::for_each_chunk(std::ssize(partial), threads, [&](Index task, int) {
    const Index chunk = task % chunks.number(), law = task / chunks.number() % laws,
                system = task / chunks.number() / laws;
    std::vector<double> s(at(classes));
    for (Index i = chunks.begin(chunk); i < chunks.end(chunk); ++i) {
      const T* x = X + (system * rows + i) * features;
      for (Index c = 0; c < classes; ++c) s[at(c)] = deviation(x, scale.row(law) + c * n, features, intercept, i);
      const double most = limit ? mean_maximum(s) : 0.0;
      const MeanLogSumExp row = limit ? MeanLogSumExp{most, most} : mean_log_sum_exp(s);
      const double weight = weights ? weights[system * rows + i] : 1.0;
      partial[at(task)].value += weight * row.value;
      partial[at(task)].slope += weight * row.slope;
    }
  });
  for (Index k = 0; k < systems * laws; ++k) {
    MeanLogSumExp sum{0, 0};
    for (Index chunk = 0; chunk < chunks.number(); ++chunk) {
      sum.value += partial[at(k * chunks.number() + chunk)].value;
      sum.slope += partial[at(k * chunks.number() + chunk)].slope;
    }
    mean[k] = sum.value / static_cast<double>(rows);
    if (slope) slope[k] = sum.slope / static_cast<double>(rows);
  }
}

template void class_rows(const double*, Index, Index, Index, bool, Index, Matrix, bool, int, double*, double*,
                         const double*);
template void class_rows(const float*, Index, Index, Index, bool, Index, Matrix, bool, int, double*, double*,
                         const double*);

}  // namespace pyrometer::energy
