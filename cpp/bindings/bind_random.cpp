#include <tuple>

#include "bindings.hpp"
#include "pyrometer/base/random.hpp"
#include "pyrometer/base/truncated.hpp"
#include "pyrometer/energy/sampled/group.hpp"

namespace pyrometer::bindings {
namespace {

using base::Seed;

template <class T, class Fill>
py::array filled(Fill fill, const Seed& seed, Index first_draw, Index draws, Index first_parameter, Index parameters) {
  py::array_t<T> out({parameters, draws});
  T* const data = out.mutable_data();
  released([&] { fill(seed, first_draw, draws, first_parameter, parameters, data); });
  return out;
}

}  // namespace

void bind_random(py::module_& module) {
  module.def(
      "threefry",
      [](const Seed& key, const Seed& counter) {
        const auto [x, y] = base::threefry(key, counter);
        return std::tuple(x, y);
      },
      "key"_a, "counter"_a, "The block of Threefry-2x64-20 at a counter.");
  module.def(
      "normals",
      [](const Seed& seed, Index first_draw, Index draws, Index first_parameter, Index parameters, bool single) {
        const auto fill = [](auto... arguments) { base::normals(arguments...); };
        return single ? filled<float>(fill, seed, first_draw, draws, first_parameter, parameters)
                      : filled<double>(fill, seed, first_draw, draws, first_parameter, parameters);
      },
      "seed"_a, "first_draw"_a, "draws"_a, "first_parameter"_a, "parameters"_a, "single"_a = false,
      "Standard normals, shape (parameters, draws).");
  module.def(
      "uniforms",
      [](const Seed& seed, Index first_draw, Index draws, Index first_parameter, Index parameters, bool single) {
        const auto fill = [](auto... arguments) { base::uniforms(arguments...); };
        return single ? filled<float>(fill, seed, first_draw, draws, first_parameter, parameters)
                      : filled<double>(fill, seed, first_draw, draws, first_parameter, parameters);
      },
      "seed"_a, "first_draw"_a, "draws"_a, "first_parameter"_a, "parameters"_a, "single"_a = false,
      "Uniforms in (-1/2, 1/2), shape (parameters, draws).");
  module.def(
      "truncated_normals",
      [](const Seed& seed, Index first_draw, Index draws, Index first_parameter, Index parameters, double bound,
         bool single) {
        const auto fill = [bound](const Seed& key, Index k, Index count, Index j, Index n, auto* out) {
          base::truncated_normals(key, k, count, j, n, bound, out);
        };
        return single ? filled<float>(fill, seed, first_draw, draws, first_parameter, parameters)
                      : filled<double>(fill, seed, first_draw, draws, first_parameter, parameters);
      },
      "seed"_a, "first_draw"_a, "draws"_a, "first_parameter"_a, "parameters"_a, "bound"_a, "single"_a = false,
      "Standard normals truncated at +-bound, shape (parameters, draws).");
  module.def(
      "standard_numbers",
      [](const Seed& seed, Index first_draw, Index draws, const Array<double>& families) {
        const Vector bounds_of_families = vector_of(families, "families");
        const std::vector<double> bound(bounds_of_families.begin(), bounds_of_families.end());
        py::array_t<double> out({static_cast<Index>(bound.size()), draws});
        double* const data = out.mutable_data();
        released([&] { energy::draw_standard(seed, first_draw, draws, bound, data); });
        return out;
      },
      "seed"_a, "first_draw"_a, "draws"_a, "families"_a.noconvert(),
      "Numbers of parameters of these families, which scales multiply: shape (parameters, draws).");
}

}  // namespace pyrometer::bindings
