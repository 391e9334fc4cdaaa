#include <optional>

#include "bindings.hpp"
#include "pyrometer/minimum/absolute/least_absolute.hpp"

namespace pyrometer::bindings {
namespace {

template <class T>
py::tuple least_absolute(const Array<T>& X, const Array<T>& y, bool intercept, int threads,
                         std::optional<Array<double>> parameter_error, const Weights& weights) {
  require_rank(X, 3, "X");
  require_rank(y, 2, "y");
  const py::ssize_t systems = X.shape(0), rows = X.shape(1), p = X.shape(2);
  if (y.shape(0) != systems || y.shape(1) != rows) throw py::value_error("X must have shape (s, m, p) and y (s, m)");
  Array<double> value(systems), parameters({systems, p + (intercept ? 1 : 0)}), gap(systems);
  Array<Index> rank(systems);
  if (parameter_error && parameter_error->size() != parameters.size())
    throw py::value_error("parameter_error must have shape (s, n)");
  double* errors = parameter_error ? parameter_error->mutable_data() : nullptr;
  double *values = value.mutable_data(), *thetas = parameters.mutable_data(), *gaps = gap.mutable_data();
  Index* ranks = rank.mutable_data();
  const double* const by_row = weights_of(weights, y);
  released([&] {
    minimum::least_absolute(X.data(), y.data(), systems, rows, p, intercept, threads, values, thetas, gaps, ranks,
                            errors, by_row);
  });
  return py::make_tuple(value, parameters, gap, rank);
}

template <class T>
void bind_least_absolute(py::module_& module) {
  module.def("least_absolute", &least_absolute<T>, "X"_a.noconvert(), "y"_a.noconvert(), "intercept"_a, "threads"_a,
             "parameter_error"_a.noconvert() = py::none(), "weights"_a.noconvert() = py::none());
}

}  // namespace

void bind_absolute(py::module_& module) {
  bind_least_absolute<double>(module);
  bind_least_absolute<float>(module);
}

}  // namespace pyrometer::bindings
