#include <optional>

#include "bindings.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/energy/rows/class_rows.hpp"
#include "pyrometer/energy/rows/log_sum_exp.hpp"
#include "pyrometer/minimum/softmax/evaluator.hpp"
#include "pyrometer/minimum/softmax/softmax.hpp"

namespace pyrometer::bindings {
namespace {

template <class T>
void require_classes(const Array<T>& X, const Array<T>& y, Index classes) {
  require_rank(X, 3, "X");
  require_rank(y, 2, "y");
  require(y.shape(0) == X.shape(0) && y.shape(1) == X.shape(1), "X must have shape (s, m, p) and y (s, m)");
  require(classes >= 2, "classes must be at least 2, got ", classes);
}

template <class T>
py::tuple softmax(const Array<T>& X, const Array<T>& y, Index classes, bool intercept, int threads,
                  const Weights& weights, std::optional<Array<double>> parameter_error,
                  std::optional<Array<double>> direction) {
  require_classes(X, y, classes);
  const py::ssize_t systems = X.shape(0);
  const minimum::RowsOfClasses<T> data{X.data(),   y.data(), systems,   X.shape(1),
                                       X.shape(2), classes,  intercept, weights_of(weights, y)};
  Array<double> value(systems), parameters({systems, classes * data.columns()}), gap(systems);
  const auto place = [&](std::optional<Array<double>>& array) {
    require(!array || array->size() == parameters.size(), "parameter_error and direction must have shape (s, C n)");
    return array ? span_of(*array) : std::span<double>();
  };
  Array<bool> attained(systems);
  Array<Index> rank(systems), iterations(systems);
  const minimum::SoftmaxMinima out{span_of(value), span_of(parameters), span_of(gap),           span_of(attained),
                                   span_of(rank),  span_of(iterations), place(parameter_error), place(direction)};
  released([&] { minimum::softmax(data, threads, out); });
  return py::make_tuple(value, parameters, gap, attained, rank, iterations);
}

template <class T>
py::tuple evaluate_softmax(const Array<T>& X, const Array<T>& y, Index classes, bool intercept,
                           const Array<double>& shift, const Array<double>& theta, bool curvature, int threads,
                           const Weights& weights, const std::optional<Array<std::uint8_t>>& allowed) {
  require_rank(X, 2, "X");
  require_rank(y, 1, "y");
  const Index rows = X.shape(0), p = X.shape(1), n = p + (intercept ? 1 : 0), k = n * (classes - 1);
  require(classes >= 2 && rows >= 1 && y.size() == rows && shift.size() == p && theta.size() == k,
          "X must have shape (m, p), y (m,), shift (p,) and theta (k n,) with m >= 1, got (", rows, ", ", p, "), ",
          y.size(), ", ", shift.size(), " and ", theta.size());
  require(!allowed || allowed->size() == rows * classes, "allowed must have shape (m, C)");
  const data::Rows<T> part{X.data(), y.data(), rows, p, X.size(), weights_of(weights, y)};
  const minimum::ClassifiedRows<T> table{part, classes, intercept, allowed ? allowed->data() : nullptr};
  const double* const from = shift.data();
  const std::vector<double> at(theta.data(), theta.data() + k);
  Array<double> gradient(k), size(k), reach(n), second({curvature ? k : 0, curvature ? k : 0});
  double* const element = second.mutable_data();
  minimum::SoftmaxEvaluation out;
  std::vector<double> largest;
  released([&] {
    minimum::SoftmaxEvaluator<T> evaluator(table, from, threads);
    evaluator.evaluate(at, curvature ? minimum::Wanted::products : minimum::Wanted::gradient, out);
    largest = evaluator.reach();
    for (Index i = 0; curvature && i < k; ++i)
      for (Index j = i; j < k; ++j)
        element[i * k + j] = element[j * k + i] = minimum::hessian_of(out, n, classes, i, j);
  });
  std::copy(out.gradient.begin(), out.gradient.end(), gradient.mutable_data());
  std::copy(out.size.begin(), out.size.end(), size.mutable_data());
  std::copy_n(largest.begin(), n, reach.mutable_data());
  return py::make_tuple(out.loss, out.least, gradient, size, reach, second);
}

template <class T>
Array<double> softmax_energies(const Array<T>& X, const Array<T>& y, Index classes, bool intercept,
                               const Array<double>& parameters, int threads, const Weights& weights) {
  require_classes(X, y, classes);
  const Matrix sets = matrix_of(parameters, "parameters");
  const Index systems = X.shape(0), rows = X.shape(1), p = X.shape(2);
  require(sets.cols == classes * (p + (intercept ? 1 : 0)), "parameters must have ",
          classes * (p + (intercept ? 1 : 0)), " columns, got ", sets.cols);
  const double* const by_row = weights_of(weights, y);
  Array<double> energy({systems, sets.rows});
  double* const to = energy.mutable_data();
  released([&] {
    for (Index s = 0; s < systems; ++s) {
      const data::Rows<T> part{X.data() + s * rows * p,
                               y.data() + s * rows,
                               rows,
                               p,
                               (systems - s) * rows * p,
                               by_row ? by_row + s * rows : nullptr};
      minimum::softmax_energies(minimum::ClassifiedRows<T>{part, classes, intercept}, sets.data, sets.rows, threads,
                                to + s * sets.rows);
    }
  });
  return energy;
}

using Answer = std::tuple<Array<double>, std::optional<Array<double>>>;

template <class T>
Answer class_rows(const Array<T>& X, bool intercept, Index classes, const Array<double>& scale, bool limit, bool slope,
                  int threads, const std::optional<Array<double>>& weights) {
  require_rank(X, 3, "X");
  const Matrix laws = matrix_of(scale, "scale");
  require(!weights || weights->size() == X.shape(0) * X.shape(1), "weights must have the shape of y");
  Array<double> mean({X.shape(0), scale.shape(0)});
  std::optional<Array<double>> slopes;
  if (slope) slopes.emplace(std::vector<py::ssize_t>{X.shape(0), scale.shape(0)});
  double *mean_out = mean.mutable_data(), *slope_out = slope ? slopes->mutable_data() : nullptr;
  released([&] {
    energy::class_rows(X.data(), X.shape(0), X.shape(1), X.shape(2), intercept, classes, laws, limit, threads, mean_out,
                       slope_out, weights ? weights->data() : nullptr);
  });
  return {mean, slopes};
}

std::tuple<Array<double>, Array<double>> log_sum_exp(Index classes, const Array<double>& s) {
  const Vector deviations = vector_of(s, "s");
  Array<double> value(s.size()), slope(s.size());
  const MutableVector value_out = span_of(value), slope_out = span_of(slope);
  released([&] { energy::LogSumExp::of(classes)(deviations, value_out, slope_out); });
  return {value, slope};
}

template <class T>
void bind_rows_of(py::module_& module) {
  module.def("softmax", &softmax<T>, "X"_a.noconvert(), "y"_a.noconvert(), "classes"_a, "intercept"_a, "threads"_a,
             "weights"_a.noconvert() = py::none(), "parameter_error"_a.noconvert() = py::none(),
             "direction"_a.noconvert() = py::none(),
             "Minima of the softmax cross entropy: X (s, m, p), classes y (s, m) -> value, parameters (s, C n), gap, "
             "attained, rank, iterations.");
  module.def("evaluate_softmax", &evaluate_softmax<T>, "X"_a.noconvert(), "y"_a.noconvert(), "classes"_a, "intercept"_a,
             "shift"_a.noconvert(), "theta"_a.noconvert(), "curvature"_a, "threads"_a,
             "weights"_a.noconvert() = py::none(), "allowed"_a.noconvert() = py::none());
  module.def("softmax_energies", &softmax_energies<T>, "X"_a.noconvert(), "y"_a.noconvert(), "classes"_a, "intercept"_a,
             "parameters"_a.noconvert(), "threads"_a, "weights"_a.noconvert() = py::none(),
             "Energies of parameters (k, C n) -> (s, k).");
  module.def("class_rows", &class_rows<T>, "X"_a.noconvert(), "intercept"_a, "classes"_a, "scale"_a.noconvert(),
             "limit"_a, "slope"_a, "threads"_a, "weights"_a.noconvert() = py::none(),
             "Mean softmax cross entropies of normal laws: X (s, m, p), scale (b, C n) -> mean (s, b), slope or None.");
}

}  // namespace

void bind_softmax(py::module_& module) {
  bind_rows_of<double>(module);
  bind_rows_of<float>(module);
  module.def("log_sum_exp", &log_sum_exp, "classes"_a, "s"_a.noconvert(),
             "E ln sum_c e^{s Z_c} and s times its derivative, elementwise over s (k,).");
  module.def(
      "mean_maximum", [](Index classes) { return released([=] { return energy::LogSumExp::of(classes).maximum(); }); },
      "classes"_a, "The mean of the maximum of independent standard normal variables.");
}

}  // namespace pyrometer::bindings
