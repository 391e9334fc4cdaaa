#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "bindings.hpp"
#include "pyrometer/energy/network/chain.hpp"
#include "pyrometer/model/activation.hpp"

namespace pyrometer::bindings {
namespace {

using Shift = std::optional<Array<double>>;

energy::Networks networks_of(const std::string& activation, const Array<Index>& widths, const Array<double>& weight,
                             const Array<double>& bias, const Array<double>& norms, const Shift& shift,
                             bool cross_entropy = false) {
  require_rank(widths, 1, "widths");
  return {model::activations_named(activation, at(std::max<Index>(2, widths.size()) - 2)),
          {widths.data(), widths.data() + widths.size()},
          matrix_of(weight, "weight"),
          matrix_of(bias, "bias"),
          vector_of(norms, "norms"),
          shift ? matrix_of(*shift, "shift") : Matrix{},
          cross_entropy};
}

std::tuple<Array<double>, Array<double>, Array<bool>> network_chain(
    const std::string& activation, const Array<Index>& widths, const Array<double>& weight, const Array<double>& bias,
    const Array<double>& norms, int threads, const Shift& shift, bool cross_entropy) {
  const energy::Networks networks = networks_of(activation, widths, weight, bias, norms, shift, cross_entropy);
  Array<double> energies({networks.laws(), networks.energies()}), errors({networks.laws(), networks.energies()});
  Array<bool> trusted(networks.laws());
  double *energy_out = energies.mutable_data(), *error_out = errors.mutable_data();
  auto* trusted_out = reinterpret_cast<unsigned char*>(trusted.mutable_data());
  released([&] { energy::network_chain(networks, threads, energy_out, error_out, trusted_out); });
  return {energies, errors, trusted};
}

std::tuple<Array<double>, Array<double>, Array<bool>> network_chain_growth(
    const std::string& activation, const Array<Index>& widths, const Array<double>& weight, const Array<double>& bias,
    const Array<double>& norms, int threads, const Shift& shift, bool cross_entropy) {
  const energy::Networks networks = networks_of(activation, widths, weight, bias, norms, shift, cross_entropy);
  Array<double> growth({networks.laws(), networks.energies()}), error({networks.laws(), networks.energies()});
  Array<bool> trusted(networks.laws());
  double *const growth_out = growth.mutable_data(), *const error_out = error.mutable_data();
  auto* trusted_out = reinterpret_cast<unsigned char*>(trusted.mutable_data());
  released([&] { energy::network_chain_growth(networks, threads, growth_out, error_out, trusted_out); });
  return {growth, error, trusted};
}

Array<double> network_chain_draws(const std::string& activation, const Array<Index>& widths,
                                  const Array<double>& weight, const Array<double>& bias, const Array<double>& norms,
                                  base::Seed seed, Index first, Index draws, Index samples, int threads,
                                  const Shift& shift) {
  const energy::Networks networks = networks_of(activation, widths, weight, bias, norms, shift);
  Array<double> energies({networks.laws(), draws, networks.layers()});
  double* const out = energies.mutable_data();
  released([&] { energy::network_chain_draws(networks, seed, first, draws, samples, threads, out); });
  return energies;
}

std::tuple<Array<double>, Array<double>> network_mean_field(const std::string& activation, const Array<Index>& widths,
                                                            const Array<double>& weight, const Array<double>& bias,
                                                            const Array<double>& norms, int threads, const Shift& shift,
                                                            bool cross_entropy) {
  const energy::Networks networks = networks_of(activation, widths, weight, bias, norms, shift, cross_entropy);
  Array<double> leading({networks.laws(), networks.energies()}), corrected({networks.laws(), networks.energies()});
  double *leading_out = leading.mutable_data(), *corrected_out = corrected.mutable_data();
  released([&] { energy::network_mean_field(networks, threads, leading_out, corrected_out); });
  return {leading, corrected};
}

Array<double> activate(const std::string& activation, const Array<double>& z) {
  const model::Activation phi = model::activation_named(activation);
  Array<double> result(std::vector<py::ssize_t>(z.shape(), z.shape() + z.ndim()));
  const double* in = z.data();
  double* out = result.mutable_data();
  const auto count = z.size();
  released([&] {
    for (py::ssize_t i = 0; i < count; ++i) out[i] = model::activate(phi, in[i]);
  });
  return result;
}

py::dict activations() {
  py::dict table;
  for (const model::ActivationRecord& record : model::kActivations)
    table[py::str(std::string(record.name))] = py::make_tuple(record.slope_below, record.even_square);
  return table;
}

}  // namespace

void bind_network_chain(py::module_& module) {
  module.def("activations", &activations, "Names of activations -> (slope below 0, or nan; whether phi^2 is even).");
  module.def("activate", &activate, "activation"_a, "z"_a.noconvert(), "phi(z) of every number, of the same shape.");
  module.def(
      "network_chain", &network_chain, "activation"_a, "widths"_a.noconvert(), "weight"_a.noconvert(),
      "bias"_a.noconvert(), "norms"_a.noconvert(), "threads"_a, "shift"_a.noconvert() = py::none(),
      "cross_entropy"_a = false,
      "Mean energy of every layer under normal laws, its error and whether that can be trusted: widths (L + 1,), "
      "weight, bias (b, L), norms (m,) -> (b, L), (b, L), (b,).");
  module.def("network_chain_growth", &network_chain_growth, "activation"_a, "widths"_a.noconvert(),
             "weight"_a.noconvert(), "bias"_a.noconvert(), "norms"_a.noconvert(), "threads"_a,
             "shift"_a.noconvert() = py::none(), "cross_entropy"_a = false,
             "Derivatives of ln E along the logarithm of all scales, their errors, and trusted as above -> (b, L) "
             "twice, (b,).");
  module.def("network_chain_draws", &network_chain_draws, "activation"_a, "widths"_a.noconvert(),
             "weight"_a.noconvert(), "bias"_a.noconvert(), "norms"_a.noconvert(), "seed"_a, "first"_a, "draws"_a,
             "samples"_a, "threads"_a, "shift"_a.noconvert() = py::none(),
             "The same by sampled scalar chains, one by one, some of `samples` draws -> (b, draws, L).");
  module.def("network_mean_field", &network_mean_field, "activation"_a, "widths"_a.noconvert(), "weight"_a.noconvert(),
             "bias"_a.noconvert(), "norms"_a.noconvert(), "threads"_a, "shift"_a.noconvert() = py::none(),
             "cross_entropy"_a = false,
             "At infinite width, and with the term of order 1 / n -> leading, corrected (b, L).");
}

}  // namespace pyrometer::bindings
