#include <tuple>

#include "bindings.hpp"
#include "pyrometer/energy/sampled/squares.hpp"

namespace pyrometer::bindings {
namespace {

// The views are valid as long as the arrays, which the caller keeps alive.
energy::Squares squares_of(Index count, const Array<double>& mean, const Array<double>& scatter, bool intercept,
                           double l1, double l2, Index penalised) {
  require_rank(scatter, 3, "scatter");
  if (scatter.shape(1) != scatter.shape(2)) throw py::value_error("scatter must be a stack of square matrices");
  const Matrix flat{scatter.data(), scatter.shape(0) * scatter.shape(1), scatter.shape(2)};
  return {count, matrix_of(mean, "mean"), flat, intercept, l1, l2, penalised};
}

std::tuple<py::array_t<double>, py::array_t<double>> sample_squares(Index count, const Array<double>& mean,
                                                                    const Array<double>& scatter, bool intercept,
                                                                    const Array<double>& scale,
                                                                    const Families& families, double l1, double l2,
                                                                    Index penalised, const base::Seed& seed,
                                                                    Index first_draw, Index samples, int threads) {
  const energy::Squares squares = squares_of(count, mean, scatter, intercept, l1, l2, penalised);
  const model::LawBatch law = law_of(scale, families);
  py::array_t<double> value({squares.systems(), law.batch()}), error({squares.systems(), law.batch()});
  double *const value_data = value.mutable_data(), *const error_data = error.mutable_data();
  released([&] { energy::sample_squares(squares, law, {seed, first_draw, samples}, threads, value_data, error_data); });
  return {value, error};
}

py::array_t<double> sample_squares_energies(Index count, const Array<double>& mean, const Array<double>& scatter,
                                            bool intercept, const Array<double>& scale, const Families& families,
                                            double l1, double l2, Index penalised, const base::Seed& seed,
                                            Index first_draw, Index samples, int threads) {
  const energy::Squares squares = squares_of(count, mean, scatter, intercept, l1, l2, penalised);
  const model::LawBatch law = law_of(scale, families);
  py::array_t<double> energies({squares.systems(), law.batch(), samples});
  double* const data = energies.mutable_data();
  released([&] { energy::sample_squares_energies(squares, law, {seed, first_draw, samples}, threads, data); });
  return energies;
}

}  // namespace

void bind_energy(py::module_& module) {
  const auto bind = [&](const char* name, auto function, const char* doc) {
    module.def(name, function, "count"_a, "mean"_a.noconvert(), "scatter"_a.noconvert(), "intercept"_a,
               "scale"_a.noconvert(), "families"_a, "l1"_a, "l2"_a, "penalised"_a, "seed"_a, "first_draw"_a,
               "samples"_a, "threads"_a, doc);
  };
  bind("sample_squares", &sample_squares, "Sampled squared-error energies: mean and standard error, (systems, laws).");
  bind("sample_squares_energies", &sample_squares_energies, "The energy of every draw, (systems, laws, samples).");
}

}  // namespace pyrometer::bindings
