#include <optional>
#include <string>

#include "bindings.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/energy/rows/expectation.hpp"
#include "pyrometer/energy/rows/mean_abs.hpp"
#include "pyrometer/energy/rows/normal_rows.hpp"
#include "pyrometer/energy/rows/uniform_rows.hpp"

namespace pyrometer::bindings {
namespace {

energy::RowLoss loss_of(const std::string& name) {
  if (name == "norm") return energy::RowLoss::norm;
  if (name == "absolute") return energy::RowLoss::absolute;
  if (name == "softmax") return energy::RowLoss::softmax;
  require(name == "cross-entropy", "loss must be 'norm', 'absolute', 'cross-entropy' or 'softmax', got '", name, "'");
  return energy::RowLoss::cross_entropy;
}

template <class T>
void require_rows(const py::array& X, const Array<T>& y) {
  require_rank(X, 3, "X");
  require_rank(y, 2, "y");
  require(y.shape(0) == X.shape(0) && y.shape(1) == X.shape(1), "y must have shape (", X.shape(0), ", ", X.shape(1),
          "), got (", y.shape(0), ", ", y.shape(1), ")");
}

using Answer = std::tuple<Array<double>, std::optional<Array<double>>>;

template <class T>
Answer normal_rows(const RowArray<T>& X, const Array<T>& y, bool intercept, const std::string& loss,
                   const Array<double>& scale, bool slope, int threads, const Weights& weights, Index classes) {
  const bool by_columns = is_by_columns(X);
  require_rows(X, y);
  const double* const by_row = weights_of(weights, y);
  const Matrix laws = matrix_of(scale, "scale");
  const energy::RowLoss what = loss_of(loss);
  Array<double> mean({X.shape(0), scale.shape(0)});
  std::optional<Array<double>> slopes;
  if (slope) slopes.emplace(std::vector<py::ssize_t>{X.shape(0), scale.shape(0)});
  double *mean_out = mean.mutable_data(), *slope_out = slope ? slopes->mutable_data() : nullptr;
  released([&] {
    energy::normal_rows(X.data(), y.data(), X.shape(0), X.shape(1), X.shape(2), intercept, what, laws, threads,
                        mean_out, slope_out, by_row, classes, by_columns);
  });
  return {mean, slopes};
}

using Bounded = std::tuple<Array<double>, Array<double>, std::optional<Array<double>>, std::optional<Array<double>>>;

template <class T>
Bounded uniform_rows(const Array<T>& X, const Array<T>& y, bool intercept, const std::string& loss,
                     const Array<double>& scale, const Families& families, bool slope, int threads,
                     const Weights& weights) {
  require_rows(X, y);
  const double* const by_row = weights_of(weights, y);
  const model::LawBatch laws = law_of(scale, families);
  const energy::RowLoss what = loss_of(loss);
  Array<double> mean({X.shape(0), scale.shape(0)}), bound({X.shape(0), scale.shape(0)});
  std::optional<Array<double>> slopes, slope_bounds;
  if (slope) {
    slopes.emplace(std::vector<py::ssize_t>{X.shape(0), scale.shape(0)});
    slope_bounds.emplace(std::vector<py::ssize_t>{X.shape(0), scale.shape(0)});
  }
  double *mean_out = mean.mutable_data(), *bound_out = bound.mutable_data();
  double *slope_out = slope ? slopes->mutable_data() : nullptr,
         *slope_bound_out = slope ? slope_bounds->mutable_data() : nullptr;
  released([&] {
    energy::uniform_rows(X.data(), y.data(), X.shape(0), X.shape(1), X.shape(2), intercept, what, laws, threads,
                         mean_out, bound_out, slope_out, slope_bound_out, by_row);
  });
  return {mean, bound, slopes, slope_bounds};
}

template <class T>
Array<double> mean_abs(const Array<T>& X, int threads) {
  require_rank(X, 3, "X");
  Array<double> mean({X.shape(0), X.shape(2)});
  double* out = mean.mutable_data();
  released([&] { energy::mean_abs(X.data(), X.shape(0), X.shape(1), X.shape(2), threads, out); });
  return mean;
}

std::tuple<Array<double>, Array<double>> expectation(const std::string& kind, const Array<double>& y,
                                                     const Array<double>& s) {
  const Vector targets = vector_of(y, "y"), deviations = vector_of(s, "s");
  require(targets.size() == deviations.size(), "y and s must have the same size, got ", targets.size(), " and ",
          deviations.size());
  const energy::RowLoss loss = loss_of(kind);
  require(loss == energy::RowLoss::absolute || loss == energy::RowLoss::cross_entropy,
          "kind must be 'absolute' or 'cross-entropy', got '", kind, "'");
  Array<double> value(s.size()), slope(s.size());
  const MutableVector value_out{value.mutable_data(), deviations.size()};
  const MutableVector slope_out{slope.mutable_data(), deviations.size()};
  released([&] {
    loss == energy::RowLoss::absolute ? energy::mean_folded(targets, deviations, value_out, slope_out)
                                      : energy::mean_softplus(deviations, value_out, slope_out);
  });
  return {value, slope};
}

}  // namespace

void bind_rows(py::module_& module) {
  module.def("normal_rows", &normal_rows<double>, "X"_a.noconvert(), "y"_a.noconvert(), "intercept"_a, "loss"_a,
             "scale"_a.noconvert(), "slope"_a, "threads"_a, "weights"_a.noconvert() = py::none(), "classes"_a = 2,
             "Mean energies of normal laws: X (s, m, p), y (s, m), scale (b, n) -> mean (s, b), slope (s, b) or None. "
             "Each system of X is stored by rows or by columns.");
  module.def("normal_rows", &normal_rows<float>, "X"_a.noconvert(), "y"_a.noconvert(), "intercept"_a, "loss"_a,
             "scale"_a.noconvert(), "slope"_a, "threads"_a, "weights"_a.noconvert() = py::none(), "classes"_a = 2,
             "The same for float32 data.");
  module.def("uniform_rows", &uniform_rows<double>, "X"_a.noconvert(), "y"_a.noconvert(), "intercept"_a, "loss"_a,
             "scale"_a.noconvert(), "families"_a, "slope"_a, "threads"_a, "weights"_a.noconvert() = py::none(),
             "Mean energies of laws of any families: X (s, m, p), y (s, m), scale (b, n) -> mean, error bound (s, b), "
             "slope and its error bound (s, b) or None.");
  module.def("uniform_rows", &uniform_rows<float>, "X"_a.noconvert(), "y"_a.noconvert(), "intercept"_a, "loss"_a,
             "scale"_a.noconvert(), "families"_a, "slope"_a, "threads"_a, "weights"_a.noconvert() = py::none(),
             "The same for float32 data.");
  module.def("mean_abs", &mean_abs<double>, "X"_a.noconvert(), "threads"_a,
             "Means of |x_ij| over rows: X (s, m, p) -> (s, p).");
  module.def("mean_abs", &mean_abs<float>, "X"_a.noconvert(), "threads"_a, "The same for float32 data.");
  module.def("expectation", &expectation, "kind"_a, "y"_a.noconvert(), "s"_a.noconvert(),
             "E|y - sZ| or E ln(1 + e^{sZ}) and s times its derivative, elementwise over y (k,), s (k,).");
}

}  // namespace pyrometer::bindings
