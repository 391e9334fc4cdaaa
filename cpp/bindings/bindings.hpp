// Includes pybind11 for all files of bindings, which include this first, so that all use the same casters and helpers.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <optional>
#include <span>
#include <utility>
#include <variant>
#include <vector>

#include "pyrometer/base/types.hpp"
#include "pyrometer/model/law.hpp"

namespace pyrometer::bindings {

namespace py = pybind11;
using namespace pybind11::literals;

/// A C-contiguous array of exactly this dtype. Bind it with .noconvert(); otherwise other arrays are copied silently.
template <class T>
using Array = py::array_t<T, py::array::c_style>;

/// Rows (systems, m, p) of exactly this dtype, stored by rows or by columns. Bind it with .noconvert().
template <class T>
using RowArray = py::array_t<T, 0>;

/// Whether each system is stored by columns; throws ValueError for any other order than by rows.
template <class T>
bool is_by_columns(const RowArray<T>& X) {
  if (X.ndim() != 3) throw py::value_error("X must have 3 axes, got " + std::to_string(X.ndim()));
  if (X.flags() & py::array::c_style) return false;
  const auto in_order = [&X](int axis, py::ssize_t numbers) {
    return X.shape(axis) <= 1 || X.strides(axis) == numbers * static_cast<py::ssize_t>(sizeof(T));
  };
  if (!in_order(0, X.shape(1) * X.shape(2)) || !in_order(1, 1) || !in_order(2, X.shape(1)))
    throw py::value_error("X must be stored by rows or, within each system, by columns");
  return true;
}

/// Throws ValueError unless `array` has `rank` axes. The Python layer validates first; this is a precondition.
inline void require_rank(const py::array& array, py::ssize_t rank, const char* name) {
  if (array.ndim() != rank)
    throw py::value_error(std::string(name) + " must have " + std::to_string(rank) + " axes, got " +
                          std::to_string(array.ndim()));
}

inline Vector vector_of(const Array<double>& array, const char* name) {
  require_rank(array, 1, name);
  return {array.data(), at(array.size())};
}

/// All elements of an array that the core writes to.
template <class T>
std::span<T> span_of(Array<T>& array) {
  return {array.mutable_data(), at(array.size())};
}

template <class T>
BasicMatrix<T> matrix_of(const Array<T>& array, const char* name) {
  require_rank(array, 2, name);
  return {array.data(), array.shape(0), array.shape(1)};
}

/// Weights of rows, one for each target, or None.
using Weights = std::optional<Array<double>>;

template <class T>
const double* weights_of(const Weights& weights, const Array<T>& y) {
  if (weights && weights->size() != y.size()) throw py::value_error("weights must have the shape of y");
  return weights ? weights->data() : nullptr;
}

/// The families of the parameters of laws: the number of leading normal ones, the others being uniform, or a number for
/// each, see model::family_of().
using Families = std::variant<Index, Array<double>>;

inline model::LawBatch law_of(const Array<double>& scale, const Families& families) {
  const Matrix scales = matrix_of(scale, "scale");
  if (const Index* normals = std::get_if<Index>(&families)) return {scales, *normals};
  const Vector bound = vector_of(std::get<Array<double>>(families), "families");
  return {scales, std::vector<double>(bound.begin(), bound.end())};
}

/// Runs `work` without the GIL. One core call per binding goes through here.
template <class Work>
decltype(auto) released(Work&& work) {
  const py::gil_scoped_release release;
  return std::forward<Work>(work)();
}

// The functions that each file of bindings adds to the module.
void bind_info(py::module_& module);
void bind_random(py::module_& module);
void bind_moments(py::module_& module);
void bind_states(py::module_& module);
void bind_minimum(py::module_& module);
void bind_logistic(py::module_& module);
void bind_softmax(py::module_& module);
void bind_absolute(py::module_& module);
void bind_energy(py::module_& module);
void bind_rows(py::module_& module);
void bind_sampled_rows(py::module_& module);
void bind_network_chain(py::module_& module);
void bind_network_sampled(py::module_& module);

}  // namespace pyrometer::bindings
