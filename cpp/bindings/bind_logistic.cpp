#include <optional>

#include "bindings.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/minimum/logistic/logistic.hpp"
#include "pyrometer/minimum/logistic/partial_sums.hpp"

namespace pyrometer::bindings {
namespace {

template <class T>
py::tuple logistic(const Array<T>& X, const Array<T>& y, bool intercept, int threads,
                   std::optional<Array<double>> parameter_error, const Weights& weights,
                   std::optional<Array<double>> direction) {
  require_rank(X, 3, "X");
  require_rank(y, 2, "y");
  const py::ssize_t systems = X.shape(0), rows = X.shape(1), p = X.shape(2);
  if (y.shape(0) != systems || y.shape(1) != rows) throw py::value_error("X must have shape (s, m, p) and y (s, m)");
  const minimum::LabelledRows<T> data{X.data(), y.data(), systems, rows, p, intercept, weights_of(weights, y)};
  Array<double> value(systems), parameters({systems, data.parameters()}), gap(systems);
  Array<double> error = parameter_error.value_or(Array<double>({systems, data.parameters()}));
  if (error.size() != parameters.size() || (direction && direction->size() != parameters.size()))
    throw py::value_error("parameter_error and direction must have shape (s, n)");
  Array<bool> attained(systems);
  Array<Index> rank(systems), iterations(systems);
  const minimum::LogisticMinima out{
      span_of(value), span_of(parameters), span_of(gap),        span_of(attained),
      span_of(error), span_of(rank),       span_of(iterations), direction ? span_of(*direction) : std::span<double>()};
  released([&] { minimum::logistic(data, threads, out); });
  return py::make_tuple(value, parameters, gap, attained, rank, iterations);
}

template <class T>
py::tuple evaluate_logistic(const Array<T>& X, const Array<T>& y, bool intercept, const Array<double>& shift,
                            const Array<double>& theta, bool curvature, int threads, const Weights& weights) {
  require_rank(X, 2, "X");
  require_rank(y, 1, "y");
  const py::ssize_t rows = X.shape(0), p = X.shape(1), n = p + (intercept ? 1 : 0);
  require(rows >= 1 && y.size() == rows && shift.size() == p && theta.size() == n, "X must have shape (m, p), y (m,), ",
          "shift (p,) and theta (n,) with m >= 1, got (", rows, ", ", p, "), ", y.size(), ", ", shift.size(), " and ",
          theta.size());
  const data::Rows<T> data{X.data(), y.data(), rows, p, X.size(), weights_of(weights, y)};
  const double *from = shift.data(), *at = theta.data();
  Array<double> gradient(n), size(n), reach(n), second({curvature ? n : 0, curvature ? n : 0});
  minimum::EvaluationArrays out{gradient.mutable_data(), size.mutable_data(), reach.mutable_data(),
                                curvature ? second.mutable_data() : nullptr};
  released([&] { minimum::evaluate_once(data, intercept, from, at, threads, out); });
  return py::make_tuple(out.loss, out.least, gradient, size, reach, second);
}

}  // namespace

void bind_logistic(py::module_& module) {
  module.def("logistic", &logistic<double>, "X"_a.noconvert(), "y"_a.noconvert(), "intercept"_a, "threads"_a,
             "parameter_error"_a.noconvert() = py::none(), "weights"_a.noconvert() = py::none(),
             "direction"_a.noconvert() = py::none());
  module.def("logistic", &logistic<float>, "X"_a.noconvert(), "y"_a.noconvert(), "intercept"_a, "threads"_a,
             "parameter_error"_a.noconvert() = py::none(), "weights"_a.noconvert() = py::none(),
             "direction"_a.noconvert() = py::none());
  module.def("evaluate_logistic", &evaluate_logistic<double>, "X"_a.noconvert(), "y"_a.noconvert(), "intercept"_a,
             "shift"_a.noconvert(), "theta"_a.noconvert(), "curvature"_a, "threads"_a,
             "weights"_a.noconvert() = py::none());
  module.def("evaluate_logistic", &evaluate_logistic<float>, "X"_a.noconvert(), "y"_a.noconvert(), "intercept"_a,
             "shift"_a.noconvert(), "theta"_a.noconvert(), "curvature"_a, "threads"_a,
             "weights"_a.noconvert() = py::none());
}

}  // namespace pyrometer::bindings
