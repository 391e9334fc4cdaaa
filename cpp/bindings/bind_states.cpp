#include "bindings.hpp"
#include "pyrometer/base/require.hpp"
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

py::array_t<double> redrawn_shifts(const Sums& old, const Sums& now, const Sums& apart, std::string_view density,
                                   const base::Seed& seed, Index resamples, int threads) {
  const Matrix first = matrix_of(old, "old"), second = matrix_of(now, "now");
  const Index d = data::block_coordinates(first.cols);
  require(apart.size() == d, "apart must have a number for each coordinate, ", d, ", got ", apart.size());
  py::array_t<double> out({resamples + 1, Index{3}});
  double* const data = out.mutable_data();
  const double* const centres = apart.data();
  released([&] {
    data::redrawn_shifts(first, second, centres, data::density_named(density), seed, resamples, threads, data);
  });
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

using SumsOver = void (*)(Matrix, Index, base::Seed, Index, int, double*);

// Sums over the blocks of each resample; `number` is what the function takes as its second argument.
template <SumsOver function>
py::array_t<double> resampled_sums(const Sums& sums, Index number, const base::Seed& seed, Index resamples,
                                   int threads) {
  const Matrix blocks = matrix_of(sums, "sums");
  py::array_t<double> out({resamples, blocks.cols});
  double* const data = out.mutable_data();
  released([&] { function(blocks, number, seed, resamples, threads, data); });
  return out;
}

}  // namespace

void bind_states(py::module_& module) {
  module.def("redrawn_states", &redrawn_states, "sums"_a.noconvert(), "density"_a, "seed"_a, "resamples"_a, "threads"_a,
             "Energy and entropy of a sample and of samples redrawn from its blocks, (resamples + 1, 2).");
  module.def("redrawn_shifts", &redrawn_shifts, "old"_a.noconvert(), "now"_a.noconvert(), "apart"_a.noconvert(),
             "density"_a, "seed"_a, "resamples"_a, "threads"_a,
             "Changes between two samples and their bootstrap, (resamples + 1, 3).");
  module.def("dealt_shifts", &dealt_shifts, "old"_a.noconvert(), "now"_a.noconvert(), "old_dealt"_a, "now_dealt"_a,
             "density"_a, "seed"_a, "resamples"_a, "threads"_a,
             "Changes between two samples and with their blocks dealt at random, (resamples + 1, 3).");
  module.def("redrawn_sums", &resampled_sums<data::redrawn_sums>, "sums"_a.noconvert(), "skipped"_a, "seed"_a,
             "resamples"_a, "threads"_a, "Sums over the blocks that redrawn_shifts draws, (resamples, columns).");
  module.def("dealt_sums", &resampled_sums<data::dealt_sums>, "sums"_a.noconvert(), "chosen"_a, "seed"_a, "resamples"_a,
             "threads"_a, "Sums over the blocks that dealt_shifts gives to the smaller sample, (resamples, columns).");
}

}  // namespace pyrometer::bindings
