#include "bindings.hpp"
#include "pyrometer/data/resampled.hpp"

namespace pyrometer::bindings {
namespace {

using Sums = Array<double>;

py::array_t<double> redrawn_states(const Sums& sums, std::string_view density, const base::Seed& seed, Index resamples,
                                   int threads) {
  const Matrix blocks = matrix_of(sums, "sums");
  py::array_t<double> out({resamples + 1, Index{2}});
  double* const data = out.mutable_data();
  released([&] { data::redrawn_states(blocks, data::density_named(density), seed, resamples, threads, data); });
  return out;
}

py::array_t<double> redrawn_shifts(const Sums& old, const Sums& now, std::string_view density, const base::Seed& seed,
                                   Index resamples, int threads) {
  const Matrix first = matrix_of(old, "old"), second = matrix_of(now, "now");
  py::array_t<double> out({resamples + 1, Index{3}});
  double* const data = out.mutable_data();
  released([&] { data::redrawn_shifts(first, second, data::density_named(density), seed, resamples, threads, data); });
  return out;
}

py::array_t<double> dealt_shifts(const Sums& old, const Sums& now, Index old_dealt, Index now_dealt,
                                 std::string_view density, const base::Seed& seed, Index resamples, int threads) {
  const Matrix first = matrix_of(old, "old"), second = matrix_of(now, "now");
  py::array_t<double> out({resamples + 1, Index{3}});
  double* const data = out.mutable_data();
  released([&] {
    data::dealt_shifts(first, second, old_dealt, now_dealt, data::density_named(density), seed, resamples, threads,
                       data);
  });
  return out;
}

}  // namespace

void bind_states(py::module_& module) {
  module.def("redrawn_states", &redrawn_states, "sums"_a.noconvert(), "density"_a, "seed"_a, "resamples"_a, "threads"_a,
             "Energy and entropy of a sample and of samples redrawn from its blocks, (resamples + 1, 2).");
  module.def("redrawn_shifts", &redrawn_shifts, "old"_a.noconvert(), "now"_a.noconvert(), "density"_a, "seed"_a,
             "resamples"_a, "threads"_a, "Changes between two samples and their bootstrap, (resamples + 1, 3).");
  module.def("dealt_shifts", &dealt_shifts, "old"_a.noconvert(), "now"_a.noconvert(), "old_dealt"_a, "now_dealt"_a,
             "density"_a, "seed"_a, "resamples"_a, "threads"_a,
             "Changes between two samples and with their blocks dealt at random, (resamples + 1, 3).");
}

}  // namespace pyrometer::bindings
