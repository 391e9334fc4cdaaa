#include <string>
#include <tuple>

#include "bindings.hpp"
#include "pyrometer/energy/sampled/rows.hpp"

namespace pyrometer::bindings {
namespace {

energy::SampledLoss sampled_loss_of(const std::string& name) {
  if (name == "absolute") return energy::SampledLoss::absolute;
  if (name == "cross-entropy") return energy::SampledLoss::cross_entropy;
  throw py::value_error("loss must be 'absolute' or 'cross-entropy', got '" + name + "'");
}

// The view is valid as long as the arrays, which the caller keeps alive.
template <class T>
energy::LabelledRows<T> rows_of(const Array<T>& X, const Array<T>& y, bool intercept, const std::string& loss) {
  require_rank(X, 3, "X");
  require_rank(y, 2, "y");
  if (y.shape(0) != X.shape(0) || y.shape(1) != X.shape(1))
    throw py::value_error("y must have a target for every row of X");
  return {X.data(), y.data(), X.shape(0), X.shape(1), X.shape(2), intercept, sampled_loss_of(loss)};
}

template <class T>
std::tuple<py::array_t<double>, py::array_t<double>, py::array_t<double>> sample_rows(
    const Array<T>& X, const Array<T>& y, bool intercept, const std::string& loss, const Array<double>& scale,
    const Families& families, const base::Seed& seed, Index first_draw, Index samples, int threads) {
  const energy::LabelledRows<T> rows = rows_of(X, y, intercept, loss);
  const model::LawBatch law = law_of(scale, families);
  py::array_t<double> mean({rows.systems, law.batch()}), error({rows.systems, law.batch()}),
      slope({rows.systems, law.batch()});
  const energy::RowAverages averages{mean.mutable_data(), error.mutable_data(), slope.mutable_data()};
  released([&] { energy::sample_rows(rows, law, {seed, first_draw, samples}, threads, averages); });
  return {mean, error, slope};
}

template <class T>
py::array_t<double> sample_rows_energies(const Array<T>& X, const Array<T>& y, bool intercept, const std::string& loss,
                                         const Array<double>& scale, const Families& families, const base::Seed& seed,
                                         Index first_draw, Index samples, int threads) {
  const energy::LabelledRows<T> rows = rows_of(X, y, intercept, loss);
  const model::LawBatch law = law_of(scale, families);
  py::array_t<double> energies({rows.systems, law.batch(), samples});
  double* const data = energies.mutable_data();
  released([&] { energy::sample_rows_energies(rows, law, {seed, first_draw, samples}, threads, data); });
  return energies;
}

}  // namespace

void bind_sampled_rows(py::module_& module) {
  const auto bind = [&](const char* name, auto function, const char* doc) {
    module.def(name, function, "X"_a.noconvert(), "y"_a.noconvert(), "intercept"_a, "loss"_a, "scale"_a.noconvert(),
               "families"_a, "seed"_a, "first_draw"_a, "samples"_a, "threads"_a, doc);
  };
  const char* const averages = "Sampled energies from rows: mean, standard error and slope, (systems, laws).";
  bind("sample_rows", &sample_rows<double>, averages);
  bind("sample_rows", &sample_rows<float>, averages);
  const char* const spectrum = "The energy of every draw, (systems, laws, samples).";
  bind("sample_rows_energies", &sample_rows_energies<double>, spectrum);
  bind("sample_rows_energies", &sample_rows_energies<float>, spectrum);
}

}  // namespace pyrometer::bindings
