#include <algorithm>
#include <limits>
#include <optional>
#include <tuple>

#include "bindings.hpp"
#include "pyrometer/minimum/lasso/from_rows.hpp"
#include "pyrometer/minimum/lasso/lasso.hpp"
#include "pyrometer/minimum/least_squares/least_squares.hpp"

namespace pyrometer::bindings {
namespace {

using Shape = std::vector<py::ssize_t>;

// The outputs, returned as the tuple (value, parameters, gap, relative_error, condition, parameter_error, rank).
struct Outputs {
  Array<double> value, parameters, gap, relative_error, condition, parameter_error;
  Array<Index> rank;

  Outputs(const Shape& shape, Index n)
      : value(shape),
        parameters(with(shape, n)),
        gap(shape),
        relative_error(shape),
        condition(shape),
        parameter_error(with(shape, n)),
        rank(shape) {
    const std::span<double> errors = span_of(parameter_error);
    std::fill(errors.begin(), errors.end(), std::numeric_limits<double>::infinity());
  }

  static Shape with(Shape shape, Index n) {
    shape.push_back(n);
    return shape;
  }

  minimum::Minima slots() {
    return {span_of(value),     span_of(parameters),      span_of(gap), span_of(relative_error),
            span_of(condition), span_of(parameter_error), span_of(rank)};
  }
  py::tuple tuple() const {
    return py::make_tuple(value, parameters, gap, relative_error, condition, parameter_error, rank);
  }
};

// Earlier errors of the moments: None, or (mean_error, scatter_error).
using Lost = std::optional<std::tuple<Array<double>, Array<double>>>;

minimum::Moments moments_of(double count, const Array<double>& mean, const Array<double>& scatter, bool intercept,
                            const Lost& lost) {
  require_rank(mean, 2, "mean");
  require_rank(scatter, 3, "scatter");
  const py::ssize_t systems = mean.shape(0), columns = mean.shape(1);
  if (columns < 1 || scatter.shape(0) != systems || scatter.shape(1) != columns || scatter.shape(2) != columns)
    throw py::value_error("mean must have shape (s, p + 1) and scatter (s, p + 1, p + 1)");
  minimum::Moments moments{systems, count, columns - 1, mean.data(), scatter.data(), intercept};
  if (lost) {
    const auto& [of_mean, of_scatter] = *lost;
    if (of_mean.size() != mean.size() || of_scatter.size() != mean.size())
      throw py::value_error("the errors in lost must have shape (s, p + 1)");
    moments.mean_error = of_mean.data(), moments.scatter_error = of_scatter.data();
  }
  return moments;
}

py::tuple least_squares(double count, const Array<double>& mean, const Array<double>& scatter, bool intercept,
                        double weight, bool penalise_intercept, int threads, const Lost& lost) {
  const minimum::Moments data = moments_of(count, mean, scatter, intercept, lost);
  Outputs outputs({data.systems}, data.parameters());
  const minimum::Minima out = outputs.slots();
  released([&] { minimum::least_squares(data, {weight, penalise_intercept}, threads, out); });
  return outputs.tuple();
}

py::tuple lasso(double count, const Array<double>& mean, const Array<double>& scatter, bool intercept,
                const Array<double>& weights, bool penalise_intercept, int threads, const Lost& lost,
                bool rows_follow) {
  const minimum::Moments data = moments_of(count, mean, scatter, intercept, lost);
  require_rank(weights, 1, "l1");
  const std::span<const double> path{weights.data(), at(weights.size())};
  Outputs outputs({data.systems, weights.size()}, data.parameters());
  const minimum::Minima out = outputs.slots();
  released([&] { minimum::lasso(data, path, penalise_intercept, threads, out, rows_follow); });
  return outputs.tuple();
}

// A view of the rows of all systems, which the caller keeps alive.
template <class T>
BasicMatrix<T> rows_of(const Array<T>& X, const Array<T>& y, const Array<double>& mean) {
  require_rank(X, 3, "X");
  require_rank(y, 2, "y");
  require_rank(mean, 2, "mean");
  const py::ssize_t systems = X.shape(0), rows = X.shape(1), p = X.shape(2);
  if (y.shape(0) != systems || y.shape(1) != rows || mean.shape(0) != systems || mean.shape(1) != p + 1)
    throw py::value_error("X must have shape (s, m, p), y (s, m) and mean (s, p + 1)");
  return {X.data(), systems * rows, p};
}

template <class T>
py::tuple least_squares_rows(const Array<T>& X, const Array<T>& y, const Array<double>& mean, bool intercept, double l2,
                             bool penalise_intercept, int threads, const std::optional<Array<double>>& scatter,
                             const Weights& row_weights) {
  const BasicMatrix<T> rows = rows_of(X, y, mean);
  const Index systems = X.shape(0);
  if (scatter && scatter->size() != systems * (rows.cols + 1) * (rows.cols + 1))
    throw py::value_error("scatter must have shape (s, p + 1, p + 1)");
  Outputs outputs({systems}, rows.cols + (intercept ? 1 : 0));
  const minimum::Minima out = outputs.slots();
  const double* const by_row = weights_of(row_weights, y);
  released([&] {
    minimum::least_squares_rows(rows, y.data(), systems, mean.data(), scatter ? scatter->data() : nullptr, intercept,
                                {l2, penalise_intercept}, threads, out, by_row);
  });
  return outputs.tuple();
}

template <class T>
py::tuple lasso_rows(const Array<T>& X, const Array<T>& y, const Array<double>& mean, bool intercept,
                     const Array<double>& weights, bool penalise_intercept, const Array<double>& start, int threads,
                     const Weights& row_weights) {
  const BasicMatrix<T> rows = rows_of(X, y, mean);
  const Index systems = X.shape(0);
  require_rank(weights, 1, "l1");
  const std::span<const double> path{weights.data(), at(weights.size())};
  Outputs outputs({systems, weights.size()}, rows.cols + (intercept ? 1 : 0));
  if (start.size() != outputs.parameters.size()) throw py::value_error("start must have shape (s, k, n)");
  std::copy_n(start.data(), start.size(), outputs.parameters.mutable_data());
  const minimum::Minima out = outputs.slots();
  const double* const by_row = weights_of(row_weights, y);
  released([&] {
    minimum::lasso_rows(rows, y.data(), systems, mean.data(), intercept, path, penalise_intercept, threads, out,
                        by_row);
  });
  return outputs.tuple();
}

template <class T>
void bind_rows(py::module_& module) {
  module.def("least_squares_rows", &least_squares_rows<T>, "X"_a.noconvert(), "y"_a.noconvert(), "mean"_a.noconvert(),
             "intercept"_a, "l2"_a, "penalise_intercept"_a, "threads"_a, "scatter"_a = py::none(),
             "row_weights"_a.noconvert() = py::none());
  module.def("lasso_rows", &lasso_rows<T>, "X"_a.noconvert(), "y"_a.noconvert(), "mean"_a.noconvert(), "intercept"_a,
             "l1"_a.noconvert(), "penalise_intercept"_a, "start"_a.noconvert(), "threads"_a,
             "row_weights"_a.noconvert() = py::none());
}

}  // namespace

void bind_minimum(py::module_& module) {
  module.def("least_squares", &least_squares, "count"_a, "mean"_a.noconvert(), "scatter"_a.noconvert(), "intercept"_a,
             "l2"_a, "penalise_intercept"_a, "threads"_a, "lost"_a = py::none());
  bind_rows<double>(module);
  bind_rows<float>(module);
  module.def("lasso", &lasso, "count"_a, "mean"_a.noconvert(), "scatter"_a.noconvert(), "intercept"_a,
             "l1"_a.noconvert(), "penalise_intercept"_a, "threads"_a, "lost"_a = py::none(), "rows_follow"_a = false);
}

}  // namespace pyrometer::bindings
