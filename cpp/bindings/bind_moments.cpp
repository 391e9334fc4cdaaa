#include "bindings.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/data/first_bad.hpp"
#include "pyrometer/data/merge.hpp"
#include "pyrometer/data/second_moments.hpp"

namespace pyrometer::bindings {
namespace {

template <class T>
py::tuple second_moments(const Array<T>& X, const Array<T>& y, int threads) {
  require_rank(X, 3, "X");
  require_rank(y, 2, "y");
  require(y.shape(0) == X.shape(0) && y.shape(1) == X.shape(1), "y must have shape (", X.shape(0), ", ", X.shape(1),
          "), got (", y.shape(0), ", ", y.shape(1), ")");
  const data::Stack<T> stack{X.data(), y.data(), X.shape(0), X.shape(1), X.shape(2)};
  const py::ssize_t columns = X.shape(2) + 1;
  Array<double> mean({X.shape(0), columns}), scatter({X.shape(0), columns, columns});
  double *mean_out = mean.mutable_data(), *scatter_out = scatter.mutable_data();
  released([&] { data::second_moments(stack, threads, mean_out, scatter_out); });
  return py::make_tuple(mean, scatter);
}

data::MomentsView view(Index count, const Array<double>& mean, const Array<double>& scatter, py::ssize_t columns) {
  require_rank(mean, 1, "mean");
  require_rank(scatter, 2, "scatter");
  require(mean.size() == columns && scatter.shape(0) == columns && scatter.shape(1) == columns,
          "moments must have the same columns, got a mean of ", mean.size(), " and a scatter of ", scatter.shape(0),
          " x ", scatter.shape(1), " for ", columns);
  return {count, mean.data(), scatter.data()};
}

py::tuple merge_moments(Index count_a, const Array<double>& mean_a, const Array<double>& scatter_a, Index count_b,
                        const Array<double>& mean_b, const Array<double>& scatter_b, int sign) {
  const py::ssize_t columns = mean_a.size();
  const data::MomentsView a = view(count_a, mean_a, scatter_a, columns), b = view(count_b, mean_b, scatter_b, columns);
  Array<double> mean(columns), scatter({columns, columns});
  double *mean_out = mean.mutable_data(), *scatter_out = scatter.mutable_data();
  released([&] { data::merge_moments(a, b, sign, columns, mean_out, scatter_out); });
  return py::make_tuple(mean, scatter);
}

template <class T>
Index first_bad(const Array<T>& x, const std::string& allowed, int threads) {
  require(allowed == "finite" || allowed == "label", "allowed must be 'finite' or 'label', got '", allowed, "'");
  const data::Allowed rule = allowed == "finite" ? data::Allowed::finite : data::Allowed::label;
  return released([&] { return data::first_bad(x.data(), x.size(), rule, threads); });
}

}  // namespace

void bind_moments(py::module_& module) {
  module.def("second_moments", &second_moments<double>, "X"_a.noconvert(), "y"_a.noconvert(), "threads"_a,
             "Means and scatter about them of (X, y): X (s, m, p), y (s, m) -> (s, p+1), (s, p+1, p+1).");
  module.def("second_moments", &second_moments<float>, "X"_a.noconvert(), "y"_a.noconvert(), "threads"_a,
             "The same for float32 data.");
  module.def("merge_moments", &merge_moments, "count_a"_a, "mean_a"_a.noconvert(), "scatter_a"_a.noconvert(),
             "count_b"_a, "mean_b"_a.noconvert(), "scatter_b"_a.noconvert(), "sign"_a,
             "Moments of a united with b (sign 1) or of a without b (sign -1).");
  module.def("first_bad", &first_bad<double>, "x"_a.noconvert(), "allowed"_a, "threads"_a,
             "The flat index of the first number that is not 'finite' or a 'label', 0 or 1; -1 if there is none.");
  module.def("first_bad", &first_bad<float>, "x"_a.noconvert(), "allowed"_a, "threads"_a, "The same for float32 data.");
}

}  // namespace pyrometer::bindings
