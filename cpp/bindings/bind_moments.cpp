#include <algorithm>
#include <optional>

#include "bindings.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/data/first_bad.hpp"
#include "pyrometer/data/merge.hpp"
#include "pyrometer/data/second_moments.hpp"
#include "pyrometer/minimum/least_squares/least_squares.hpp"

namespace pyrometer::bindings {
namespace {

// The ranks of the centred columns of X, or None if they are independent in every system.
py::object ranks_of(const Array<double>& mean, const Array<double>& scatter, int threads) {
  const minimum::Moments moments{mean.shape(0), 1, mean.shape(1) - 1, mean.data(), scatter.data()};
  Array<Index> rank(mean.shape(0));
  const std::span<Index> out{rank.mutable_data(), at(moments.systems)};
  released([&] { minimum::ranks(moments, threads, out); });
  const bool full = std::all_of(out.begin(), out.end(), [&](Index r) { return r == moments.features; });
  return full ? py::object(py::none()) : py::object(rank);
}

template <class T>
py::tuple second_moments(const RowArray<T>& X, const Array<T>& y, int threads, const Weights& weights, bool ranks) {
  const bool by_columns = is_by_columns(X);
  require_rank(y, 2, "y");
  require(y.shape(0) == X.shape(0) && y.shape(1) == X.shape(1), "y must have shape (", X.shape(0), ", ", X.shape(1),
          "), got (", y.shape(0), ", ", y.shape(1), ")");
  const data::Stack<T> stack{X.data(),  y.data(), X.shape(0), X.shape(1), X.shape(2), weights_of(weights, y),
                             by_columns};
  const py::ssize_t columns = X.shape(2) + 1;
  Array<double> mean({X.shape(0), columns}), scatter({X.shape(0), columns, columns});
  Array<double> once({py::ssize_t{3}, X.shape(0), columns});
  const data::MomentsOut out{mean.mutable_data(), scatter.mutable_data(), once.mutable_data()};
  released([&] { data::second_moments(stack, threads, out); });
  const py::object rank = ranks ? ranks_of(mean, scatter, threads) : py::none();
  return py::make_tuple(mean, scatter, once, rank);
}

// Moments of a stack of data sets in Python: (count, mean, scatter, scatter_low or None, accuracy).
struct State {
  double count;
  Array<double> mean, scatter;
  std::optional<Array<double>> low;
  Array<double> accuracy;

  explicit State(const py::tuple& from) {
    if (from.size() != 5) throw py::value_error("moments must be (count, mean, scatter, scatter_low, accuracy)");
    count = from[0].cast<double>();
    mean = from[1].cast<Array<double>>();
    scatter = from[2].cast<Array<double>>();
    if (!from[3].is_none()) low = from[3].cast<Array<double>>();
    accuracy = from[4].cast<Array<double>>();
    require(mean.ndim() >= 1 && mean.shape(mean.ndim() - 1) >= 1, "mean must have the shape (..., p + 1)");
  }

  [[nodiscard]] Index columns() const { return mean.shape(mean.ndim() - 1); }
  void require_sizes(Index systems, Index columns) const {
    require(mean.size() == systems * columns && scatter.size() == mean.size() * columns,
            "moments must have the same columns, got a mean of ", mean.size(), " and a scatter of ", scatter.size(),
            " numbers for ", systems, " systems of ", columns);
    require(
        accuracy.size() == data::kAccuracy * mean.size() && (!low || low->size() == systems * data::half_of(columns)),
        "moments must have an accuracy and a scatter_low of their columns");
  }
  [[nodiscard]] data::MomentsView view(Index system, Index columns) const {
    return {count, mean.data() + system * columns, scatter.data() + system * columns * columns,
            low ? low->data() + system * data::half_of(columns) : nullptr,
            accuracy.data() + system * data::kAccuracy * columns};
  }
};

py::tuple merge_moments(const py::tuple& a, const py::tuple& b, int sign, double count, bool single, bool exact) {
  const State left(a), right(b);
  const Index columns = left.columns(), systems = left.mean.size() / columns;
  left.require_sizes(systems, columns);
  right.require_sizes(systems, columns);
  std::vector<py::ssize_t> shape(left.mean.shape(), left.mean.shape() + left.mean.ndim() - 1);
  const auto with = [&shape](std::initializer_list<py::ssize_t> last) {
    std::vector<py::ssize_t> all = shape;
    all.insert(all.end(), last);
    return all;
  };
  Array<double> mean(with({columns})), scatter(with({columns, columns})), low(with({data::half_of(columns)}));
  Array<double> accuracy(with({py::ssize_t{data::kAccuracy}, columns}));
  const data::MomentsSlots out{mean.mutable_data(), scatter.mutable_data(), low.mutable_data(),
                               accuracy.mutable_data()};
  released([&] {
    for (Index system = 0; system < systems; ++system)
      data::merge_moments(
          left.view(system, columns), right.view(system, columns), sign, columns, count, single, exact,
          {out.mean + system * columns, out.scatter + system * columns * columns,
           out.scatter_low + system * data::half_of(columns), out.accuracy + system * data::kAccuracy * columns});
  });
  return py::make_tuple(mean, scatter, low, accuracy);
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
             "weights"_a.noconvert() = py::none(), "ranks"_a = false,
             "Means and scatter about them of (X, y): X (s, m, p), y (s, m) -> (s, p+1), (s, p+1, p+1), "
             "and, (3, s, p+1), the low parts of the means, the squares that were rounded and those that are left; "
             "if wanted, the ranks (s) of the centred columns of X, or None where all are independent. "
             "Each system of X is stored by rows or by columns.");
  module.def("second_moments", &second_moments<float>, "X"_a.noconvert(), "y"_a.noconvert(), "threads"_a,
             "weights"_a.noconvert() = py::none(), "ranks"_a = false, "The same for float32 data.");
  module.def("merge_moments", &merge_moments, "a"_a, "b"_a, "sign"_a, "count"_a, "single"_a, "exact"_a = true,
             "Moments of a united with b (sign 1) or of a without b (sign -1), each (count, mean, scatter, scatter_low "
             "or None, accuracy) with leading axes of a stack; returns the last four.");
  module.def("first_bad", &first_bad<double>, "x"_a.noconvert(), "allowed"_a, "threads"_a,
             "The flat index of the first number that is not 'finite' or a 'label', 0 or 1; -1 if there is none.");
  module.def("first_bad", &first_bad<float>, "x"_a.noconvert(), "allowed"_a, "threads"_a, "The same for float32 data.");
}

}  // namespace pyrometer::bindings
