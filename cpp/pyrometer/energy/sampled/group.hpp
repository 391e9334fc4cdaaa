// Shared by the samplers of linear models: random numbers, pairs of systems and laws, and a sink of energies.
#pragma once

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string>
#include <vector>

#include "pyrometer/base/random.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/base/running.hpp"
#include "pyrometer/base/truncated.hpp"
#include "pyrometer/model/law.hpp"

namespace pyrometer::energy {

/// Consecutive systems under consecutive laws, evaluated in one pass over the draws.
struct Group {
  Index first_system, systems, first_law, laws;

  [[nodiscard]] Index pairs() const { return systems * laws; }
  [[nodiscard]] Index system(Index pair) const { return first_system + pair / laws; }
  [[nodiscard]] Index law(Index pair) const { return first_law + pair % laws; }
};

/// Standard numbers of parameters of the families `bound` (see model::LawBatch) in draws first_draw .. first_draw +
/// count: parameters x count. Number j of draw k is that of base::normals, uniforms or truncated_normals at (seed, k,
/// j).
inline void draw_standard(base::Seed seed, Index first_draw, Index count, const std::vector<double>& bound,
                          double* numbers) {
  // From the last run of equal families to the first: the first pair of a run may begin one parameter early, in the
  // run before it, which then overwrites that number.
  for (Index end = static_cast<Index>(bound.size()), begin = end; end > 0; end = begin) {
    const double b = bound[at(end - 1)];
    while (begin > 0 && bound[at(begin - 1)] == b) --begin;
    const Index even = begin - begin % 2;
    double* const out = numbers + even * count;
    switch (model::family_of(b)) {
      case model::Family::normal:
        base::normals(seed, first_draw, count, even, end - even, out);
        break;
      case model::Family::uniform:
        base::uniforms(seed, first_draw, count, even, end - even, out);
        break;
      case model::Family::truncated:
        base::truncated_normals(seed, first_draw, count, even, end - even, b, out);
        break;
      case model::Family::constant:
        std::fill(numbers + begin * count, numbers + end * count, 1.0);
        break;
    }
  }
}

[[noreturn]] inline void throw_not_finite(const std::string& what, Index system, Index law) {
  throw std::invalid_argument(what + " must be finite, got nan or infinity under law " + std::to_string(law) +
                              " (system " + std::to_string(system) + "); use a smaller scale.");
}

/// Whether energies are so small that their squared deviations have underflowed. By rounding they may be negative.
[[nodiscard]] inline bool underflows(double mean, double squares) {
  constexpr double tiny = 1e-140;
  return mean != 0 && std::abs(mean) < tiny && squares < tiny * tiny;
}

/// Throws std::invalid_argument if the variance of the energies overflows or underflows.
inline void require_variance(const base::Running& energies, Index system, Index law) {
  if (!std::isfinite(energies.mean) || !std::isfinite(energies.squares))
    throw_not_finite("the variance of the energies", system, law);
  require(!underflows(energies.mean, energies.squares),
          "the energies must be above 1e-140 for their variance not to underflow, got a mean of ", energies.mean,
          " under law ", law, " (system ", system,
          "); use a larger scale, or for cross entropies a smaller scale or smaller constants, under which the labels "
          "are predicted with less certainty.");
}

/// A sink of the samplers that keeps every energy: energies[(system * laws + law) * samples + draw]. The other sinks
/// average; all have begin(group, chunks of a wave), take(chunk, pair, first draw, energies, count, slopes), which is
/// called in parallel, merge(chunks) after each wave and end(samples).
class EnergyWriter {
 public:
  EnergyWriter(Index laws, Index samples, double* energies) : laws_(laws), samples_(samples), energies_(energies) {}

  void begin(const Group& group, Index) { group_ = group; }
  void take(Index, Index pair, Index first_draw, const double* energies, Index count,
            const double* /*slopes*/ = nullptr) {
    const Index slot = group_.system(pair) * laws_ + group_.law(pair);
    std::copy_n(energies, count, energies_ + slot * samples_ + first_draw);
  }
  void merge(Index) {}
  void end(Index) const {}

 private:
  Index laws_, samples_;
  double* energies_;
  Group group_{};
};

}  // namespace pyrometer::energy
