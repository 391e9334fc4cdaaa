#include "bindings.hpp"
#include "pyrometer/minimum/logistic.hpp"

namespace pyrometer::bindings {
namespace {

template <class T>
std::span<T> all(Array<T>& array) {
  return {array.mutable_data(), static_cast<std::size_t>(array.size())};
}

template <class T>
py::tuple logistic(const Array<T>& X, const Array<T>& y, bool intercept, int threads) {
  require_rank(X, 3, "X");
  require_rank(y, 2, "y");
  const py::ssize_t systems = X.shape(0), rows = X.shape(1), p = X.shape(2);
  if (y.shape(0) != systems || y.shape(1) != rows) throw py::value_error("X must have shape (s, m, p) and y (s, m)");
  const minimum::LabelledRows<T> data{X.data(), y.data(), systems, rows, p, intercept};
  Array<double> value(systems), parameters({systems, data.parameters()}), gap(systems);
  Array<bool> attained(systems);
  Array<Index> rank(systems), iterations(systems);
  const minimum::LogisticMinima out{all(value), all(parameters), all(gap), all(attained), all(rank), all(iterations)};
  released([&] { minimum::logistic(data, threads, out); });
  return py::make_tuple(value, parameters, gap, attained, rank, iterations);
}

}  // namespace

void bind_logistic(py::module_& module) {
  module.def("logistic", &logistic<double>, "X"_a.noconvert(), "y"_a.noconvert(), "intercept"_a, "threads"_a);
  module.def("logistic", &logistic<float>, "X"_a.noconvert(), "y"_a.noconvert(), "intercept"_a, "threads"_a);
}

}  // namespace pyrometer::bindings
