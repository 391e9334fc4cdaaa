#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "bindings.hpp"
#include "pyrometer/energy/network/orthogonal.hpp"
#include "pyrometer/energy/network/sampled.hpp"

namespace pyrometer::bindings {
namespace {

using Widths = Array<Index>;

energy::NetworkLaws laws_of(const Widths& widths, const std::string& activation, const Array<double>& families,
                            const Array<double>& weight, const Array<double>& bias) {
  require_rank(widths, 1, "widths");
  return {widths.size() - 1,
          widths.data(),
          model::activations_named(activation, at(std::max<Index>(2, widths.size()) - 2)),
          matrix_of(families, "families"),
          matrix_of(weight, "weight"),
          matrix_of(bias, "bias")};
}

template <class T>
energy::NetworkRows<T> rows_of(const Array<T>& X, const Widths& widths) {
  require_rank(X, 2, "X");
  if (widths.size() < 1 || X.shape(1) != widths.data()[0])
    throw py::value_error("X must have widths[0] columns, got " + std::to_string(X.shape(1)));
  return {X.data(), nullptr, X.shape(0), nullptr, false};
}

template <class T>
py::array_t<double> sample(const Array<T>& X, const Widths& widths, const std::string& activation,
                           const Array<double>& families, const Array<double>& weight, const Array<double>& bias,
                           const base::Seed& seed, Index first_draw, Index samples, Index rows, bool averaged,
                           int threads) {
  const energy::NetworkLaws laws = laws_of(widths, activation, families, weight, bias);
  const energy::NetworkRows<T> data = rows_of(X, widths);
  const energy::NetworkDraws draws{seed, first_draw, samples, rows, averaged};
  py::array_t<double> energy({laws.laws(), samples, laws.layers});
  double* const out = energy.mutable_data();
  released([&] { energy::sample_network(data, laws, draws, threads, out); });
  return energy;
}

template <class T>
py::array_t<double> sample_errors(const Array<T>& X, const Array<T>& y, const Widths& widths,
                                  const std::string& activation, const Array<double>& families,
                                  const Array<double>& weight, const Array<double>& bias, const base::Seed& seed,
                                  Index first_draw, Index samples, Index rows, bool averaged, int threads) {
  const energy::NetworkLaws laws = laws_of(widths, activation, families, weight, bias);
  energy::NetworkRows<T> data = rows_of(X, widths);
  require_rank(y, 2, "y");
  if (y.shape(0) != data.rows || y.shape(1) != widths.data()[laws.layers])
    throw py::value_error("y must have a row for every row of X and widths[-1] columns");
  data.y = y.data();
  const energy::NetworkDraws draws{seed, first_draw, samples, rows, averaged};
  py::array_t<double> energy({laws.laws(), samples});
  double* const out = energy.mutable_data();
  released([&] { energy::sample_network_errors(data, laws, draws, threads, out); });
  return energy;
}

template <class T>
py::array_t<double> sample_cross_entropy(const Array<T>& X, const std::optional<Array<Index>>& labels,
                                         const Widths& widths, const std::string& activation,
                                         const Array<double>& families, const Array<double>& weight,
                                         const Array<double>& bias, const base::Seed& seed, Index first_draw,
                                         Index samples, Index rows, int threads) {
  const energy::NetworkLaws laws = laws_of(widths, activation, families, weight, bias);
  energy::NetworkRows<T> data = rows_of(X, widths);
  if (labels) {
    require_rank(*labels, 1, "labels");
    if (labels->shape(0) != data.rows) throw py::value_error("labels must have one for every row of X");
    data.labels = labels->data();
  }
  const energy::NetworkDraws draws{seed, first_draw, samples, rows, false};
  py::array_t<double> energy({laws.laws(), samples});
  double* const out = energy.mutable_data();
  released([&] { energy::sample_network_cross_entropy(data, laws, draws, threads, out); });
  return energy;
}

template <class T>
Index rows_a_draw(const Array<T>& X, const Widths& widths, const std::string& activation, const Array<double>& families,
                  const Array<double>& weight, const Array<double>& bias, bool averaged, int threads) {
  const energy::NetworkLaws laws = laws_of(widths, activation, families, weight, bias);
  const energy::NetworkRows<T> data = rows_of(X, widths);
  return released([&] { return energy::network_rows(data, laws, averaged, threads); });
}

template <class T>
void bind_sampled(py::module_& module) {
  module.def("sample_network", &sample<T>, "X"_a.noconvert(), "widths"_a.noconvert(), "activation"_a,
             "families"_a.noconvert(), "weight"_a.noconvert(), "bias"_a.noconvert(), "seed"_a, "first_draw"_a,
             "samples"_a, "rows"_a, "averaged"_a, "threads"_a,
             "Energies of the layers of sampled networks, (laws, samples, layers).");
  module.def("sample_network_errors", &sample_errors<T>, "X"_a.noconvert(), "y"_a.noconvert(), "widths"_a.noconvert(),
             "activation"_a, "families"_a.noconvert(), "weight"_a.noconvert(), "bias"_a.noconvert(), "seed"_a,
             "first_draw"_a, "samples"_a, "rows"_a, "averaged"_a, "threads"_a,
             "Mean squared errors of sampled networks, (laws, samples).");
  module.def("sample_network_cross_entropy", &sample_cross_entropy<T>, "X"_a.noconvert(), "labels"_a.noconvert(),
             "widths"_a.noconvert(), "activation"_a, "families"_a.noconvert(), "weight"_a.noconvert(),
             "bias"_a.noconvert(), "seed"_a, "first_draw"_a, "samples"_a, "rows"_a, "threads"_a,
             "Mean cross entropies of sampled networks, (laws, samples); labels None for the mean over all labels.");
  module.def("network_rows", &rows_a_draw<T>, "X"_a.noconvert(), "widths"_a.noconvert(), "activation"_a,
             "families"_a.noconvert(), "weight"_a.noconvert(), "bias"_a.noconvert(), "averaged"_a, "threads"_a,
             "Rows a draw for the smallest standard error per second; 0 for all.");
}

Array<double> orthogonal(const base::Seed& seed, Index first_draw, Index draws, Index first, Index rows, Index cols,
                         bool single) {
  Array<double> out({draws, rows, cols});
  double* const data = out.mutable_data();
  released([&] {
    std::vector<float> narrow(single ? at(rows * cols) : 0);
    for (Index k = 0; k < draws; ++k) {
      if (single) {
        energy::orthogonal(seed, first_draw + k, first, rows, cols, narrow.data());
        std::copy(narrow.begin(), narrow.end(), data + k * rows * cols);
      } else {
        energy::orthogonal(seed, first_draw + k, first, rows, cols, data + k * rows * cols);
      }
    }
  });
  return out;
}

}  // namespace

void bind_network_sampled(py::module_& module) {
  bind_sampled<double>(module);
  bind_sampled<float>(module);
  module.def("orthogonal", &orthogonal, "seed"_a, "first_draw"_a, "draws"_a, "first_parameter"_a, "rows"_a, "cols"_a,
             "single"_a = false,
             "Random matrices with orthonormal rows or columns times sqrt(max(rows, cols)), (draws, rows, cols).");
}

}  // namespace pyrometer::bindings
