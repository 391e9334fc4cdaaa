#include "pyrometer/energy/sampled/squares.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/interrupt.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/base/running.hpp"
#include "pyrometer/energy/sampled/group.hpp"
#include "pyrometer/energy/sampled/monomials.hpp"
#include "pyrometer/energy/sampled/quadratic.hpp"

namespace pyrometer::energy {
namespace {

using base::Running;

constexpr Index kChunk = 512;               // draws of a chunk; the last bits of results depend on it
constexpr Index kWave = 64;                 // chunks between two merges, which bounds the memory of their results
constexpr Index kNear = 1 << 12;            // random numbers that a worker holds at a time, or one tile
constexpr Index kPairs = 4096;              // of systems and laws at a time, for the same purpose
constexpr Index kPackedBytes = 64 << 20;    // of systems at a time
constexpr Index kSmall = 1 << 18;           // flops that are not worth a second thread
constexpr Index kInterruptFlops = 1 << 24;  // flops between two checks for an interrupt

struct Problem {
  const Squares& squares;
  const model::LawBatch& law;
  const base::Draws& draws;
};

void check(const Problem& problem, Index fewest) {
  const auto& [squares, law, draws] = problem;
  const Index columns = squares.mean.cols, n = squares.parameters();
  require(squares.count >= 1, "count must be at least 1, got ", squares.count);
  require(columns >= 1 && n >= 1, "mean must have a column for the target and the model a parameter, got ", columns,
          " columns");
  require(squares.scatter.cols == columns && squares.scatter.rows == squares.systems() * columns,
          "scatter must be systems x columns x columns with ", squares.systems(), " systems and ", columns,
          " columns, got ", squares.scatter.size(), " numbers");
  require(law.parameters() == n, "scale must have ", n, " columns, one for each parameter, got ", law.parameters());
  model::require_families(law, n);
  require(squares.penalised >= 0 && squares.penalised <= n, "penalised must be 0 .. ", n, ", got ", squares.penalised);
  require(draws.first >= 0, "the first draw must be at least 0, got ", draws.first);
  require(draws.samples >= fewest, "samples must be at least ", fewest, ", got ", draws.samples);
}

Index draw_cost(Index parameters) { return parameters * (parameters + 40); }  // in flops, a random number being 40

/// Scratch memory and operations of one worker: some tiles of draws at a time.
class Worker {
 public:
  /// As many tiles as fit the L1 cache, so that each system is loaded once for all of them.
  Worker(Index features, Index parameters)
      : number_(parameters * kTile),
        tiles_(std::bit_floor(at(std::clamp(kNear / number_, Index{1}, kChunk / kTile))), Tile(features)),
        numbers_(tiles_.size() * at(number_)),
        penalty_(draws()),
        energies_(draws()) {}

  [[nodiscard]] Index draws() const { return static_cast<Index>(tiles_.size()) * kTile; }

  void draw(base::Seed seed, Index first_draw, const std::vector<double>& bound) {
    for (std::size_t t = 0; t < tiles_.size(); ++t)
      draw_standard(seed, first_draw + static_cast<Index>(t) * kTile, kTile, bound, numbers_of(t));
  }

  void scale(const Squares& squares, const double* scale) {
    const Index features = squares.features();
    std::fill_n(penalty_.data(), draws(), 0.0);
    for (std::size_t t = 0; t < tiles_.size(); ++t) {
      double* const penalty = penalty_.data() + static_cast<Index>(t) * kTile;
      for (Index j = 0; j < squares.parameters(); ++j) {
        double theta[kTile];
        for (Index k = 0; k < kTile; ++k) theta[k] = scale[j] * numbers_of(t)[j * kTile + k];
        if (j < features)
          tiles_[t].set_feature(j, theta);
        else
          tiles_[t].set_intercept(theta);
        if (j < squares.penalised)
          for (Index k = 0; k < kTile; ++k)
            penalty[k] += squares.l1 * std::abs(theta[k]) + squares.l2 * (theta[k] * theta[k]);
      }
    }
  }

  [[nodiscard]] const double* energies(const Quadratic& quadratic, Index count) {
    for (Index t = 0; t * kTile < count; ++t) quadratic.evaluate(tiles_[at(t)], energies_.data() + t * kTile);
    for (Index k = 0; k < count; ++k) energies_.data()[k] += penalty_.data()[k];
    return energies_.data();
  }

 private:
  double* numbers_of(std::size_t tile) { return numbers_.data() + tile * at(number_); }

  Index number_;
  std::vector<Tile> tiles_;
  std::vector<double> numbers_;  // of each tile: parameters x kTile
  AlignedArray penalty_, energies_;
};

void require_finite(const double* energies, Index count, Index first_draw, Index system, Index law) {
  // x - x is 0 for finite numbers only. Branch-free, so that it vectorises.
  Index bad = 0;
  for (Index k = 0; k < count; ++k) bad |= energies[k] - energies[k] != 0;
  if (!bad) [[likely]]
    return;
  Index k = 0;
  while (std::isfinite(energies[k])) ++k;
  throw_not_finite("the energy of draw " + std::to_string(first_draw + k), system, law);
}

/// Evaluates a chunk of draws for every pair of the group: sink.take(chunk of the wave, pair, place of the first draw,
/// energies, count).
template <class Sink>
void evaluate_chunk(const Problem& problem, const Group& group, const std::vector<Quadratic>& quadratics, Index chunk,
                    Index begin, Index end, Worker& space, Sink& sink) {
  const Index law_cost = space.draws() * group.systems * draw_cost(problem.squares.parameters());
  Index unchecked = 0;
  for (Index draw = begin; draw < end; draw += space.draws()) {
    const Index count = std::min(space.draws(), end - draw);
    space.draw(problem.draws.seed, problem.draws.first + draw, problem.law.bound);
    for (Index b = 0; b < group.laws; ++b) {
      unchecked += law_cost;
      if (unchecked > kInterruptFlops) {
        base::throw_if_interrupted();
        unchecked = 0;
      }
      space.scale(problem.squares, problem.law.scale.row(group.first_law + b));
      for (Index s = 0; s < group.systems; ++s) {
        const double* energies = space.energies(quadratics[at(s)], count);
        require_finite(energies, count, problem.draws.first + draw, group.first_system + s, group.first_law + b);
        sink.take(chunk, s * group.laws + b, draw, energies, count);
      }
    }
  }
}

/// For each group of pairs, evaluates its chunks of draws in waves, merged in order after each wave.
template <class Sink>
void sample_groups(const Problem& problem, int threads, Sink& sink) {
  const auto& [squares, law, draws] = problem;
  if (squares.systems() == 0 || law.batch() == 0) return;
  const Index laws = std::min(law.batch(), kPairs);
  const Index fitting = kPackedBytes / Quadratic::bytes(squares.features());
  const Index systems = std::max<Index>(1, std::min({squares.systems(), kPairs / laws, fitting}));
  const base::Chunks chunks{draws.samples, kChunk};
  // Below some tens of microseconds a second thread does not pay.
  if (draws.samples <= kSmall / draw_cost(squares.parameters()) / law.batch() / squares.systems()) threads = 1;
  std::vector<Worker> spaces(at(base::worker_count(std::min(kWave, chunks.number()), threads)),
                             Worker(squares.features(), squares.parameters()));

  Group group{};
  std::vector<Quadratic> quadratics;
  for (group.first_system = 0; group.first_system < squares.systems(); group.first_system += systems) {
    group.systems = std::min(systems, squares.systems() - group.first_system);
    quadratics.clear();
    for (Index s = group.first_system; s < group.first_system + group.systems; ++s)
      quadratics.emplace_back(squares.count, squares.mean.row(s), squares.scatter.row(s * squares.mean.cols),
                              squares.features());
    for (group.first_law = 0; group.first_law < law.batch(); group.first_law += laws) {
      group.laws = std::min(laws, law.batch() - group.first_law);
      sink.begin(group, std::min(kWave, chunks.number()));
      for (Index first = 0; first < chunks.number(); first += kWave) {
        const Index wave = std::min(kWave, chunks.number() - first);
        base::for_each_chunk(wave, threads, [&](Index chunk, int worker) {
          evaluate_chunk(problem, group, quadratics, chunk, chunks.begin(first + chunk), chunks.end(first + chunk),
                         spaces[at(worker)], sink);
        });
        sink.merge(wave);
      }
      sink.end(draws.samples);
    }
  }
}

/// Mean and standard error of every pair.
class Averages {
 public:
  Averages(Index laws, double* mean, double* standard_error)
      : laws_(laws), mean_(mean), standard_error_(standard_error) {}

  void begin(const Group& group, Index chunks) {
    group_ = group;
    totals_.assign(at(group.pairs()), {});
    partial_.assign(at(group.pairs() * chunks), {});
  }
  void take(Index chunk, Index pair, Index, const double* energies, Index count) {
    partial_[at(chunk * group_.pairs() + pair)].merge(Running::of(energies, count));
  }
  void merge(Index chunks) {
    for (Index i = 0; i < chunks * group_.pairs(); ++i) {
      Running& part = partial_[at(i)];
      totals_[at(i % group_.pairs())].merge(part);
      part = {};
    }
  }
  void end(Index) const {
    for (Index pair = 0; pair < group_.pairs(); ++pair) {
      const Running& total = totals_[at(pair)];
      require_variance(total, group_.system(pair), group_.law(pair));
      const Index slot = group_.system(pair) * laws_ + group_.law(pair);
      mean_[slot] = total.mean;
      standard_error_[slot] = total.standard_error();
    }
  }

 private:
  Index laws_;
  double *mean_, *standard_error_;
  Group group_{};
  std::vector<Running> totals_, partial_;
};

;

}  // namespace

void sample_squares(const Squares& squares, const model::LawBatch& law, const base::Draws& draws, int threads,
                    double* mean, double* standard_error) {
  const Problem problem{squares, law, draws};
  check(problem, 2);
  if (!law.has_constants() && has_few_monomials(squares, draws.samples) &&
      average_by_monomials(squares, law, draws, threads, mean, standard_error))
    return;
  Averages sink(law.batch(), mean, standard_error);
  sample_groups(problem, threads, sink);
}

void sample_squares_energies(const Squares& squares, const model::LawBatch& law, const base::Draws& draws, int threads,
                             double* energies) {
  const Problem problem{squares, law, draws};
  check(problem, 1);
  EnergyWriter sink(law.batch(), draws.samples, energies);
  sample_groups(problem, threads, sink);
}

}  // namespace pyrometer::energy
