#include "pyrometer/energy/sampled/rows.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <type_traits>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/interrupt.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/base/running.hpp"
#include "pyrometer/energy/sampled/group.hpp"
#include "pyrometer/energy/sampled/rows_block.hpp"

namespace pyrometer::energy {
namespace {

using base::Running;

constexpr Index kPart = 16384;              // rows of a chunk; the last bits of results depend on it
constexpr Index kSlots = 4096;              // sums of one chunk of draws and one of rows, 6 kB each, held at a time
constexpr Index kWave = 64;                 // chunks of draws at a time, where there are pairs to share their draws
constexpr Index kTasks = 64;                // wanted for a wave that has fewer chunks
constexpr Index kSmall = 1 << 19;           // flops that are not worth a second thread
constexpr Index kInterruptFlops = 1 << 24;  // flops between two checks for an interrupt

template <class T>
struct Problem {
  const LabelledRows<T>& rows;
  const model::LawBatch& law;
  const base::Draws& draws;

  // For one draw of one pair, including the loss.
  [[nodiscard]] Index flops() const { return rows.rows * (2 * rows.parameters() + 24); }
};

template <class T>
void check(const Problem<T>& problem, Index fewest) {
  const auto& [rows, law, draws] = problem;
  const Index n = rows.parameters();
  require(rows.rows >= 1, "X must have at least 1 row, got ", rows.rows);
  require(n >= 1, "the model must have a parameter, got X without columns and no intercept");
  require(law.parameters() == n, "scale must have ", n, " columns, one for each parameter, got ", law.parameters());
  model::require_families(law, n);
  require(draws.first >= 0, "the first draw must be at least 0, got ", draws.first);
  require(draws.samples >= fewest, "samples must be at least ", fewest, ", got ", draws.samples);
  if (rows.loss != SampledLoss::cross_entropy) return;
  for (Index i = 0; i < rows.systems * rows.rows; ++i)
    require(rows.y[i] == 0 || rows.y[i] == 1, "labels must be 0 or 1, got ", rows.y[i], " in row ", i % rows.rows,
            " of system ", i / rows.rows);
}

/// Sums over one part of the rows, for one chunk of draws.
struct Slot {
  double energy[kDrawChunk], slope[kDrawChunk];
};

/// Scratch memory and operations of one worker.
class Worker {
 public:
  explicit Worker(Index parameters)
      : parameters_(parameters),
        numbers_(base::aligned_array<double>((parameters + 1) * kDrawChunk)),
        draws_(parameters),
        blocks_(parameters) {}

  /// The random numbers of `count` draws from `first` on, and of the next ones that fill whole groups, of either
  /// precision, and whole tiles.
  void draw(base::Seed seed, Index first, Index count, const std::vector<double>& bound) {
    constexpr Index kTile = 64;
    count_ = count;
    stride_ = ((count + kSingleGroup - 1) / kSingleGroup * kSingleGroup + kTile - 1) / kTile * kTile;
    draw_standard(seed, first, stride_, bound, numbers_.get());
  }

  void scale(const double* scale, bool single) { draws_.set(scale, numbers_.get(), stride_, count_, single); }

  template <class T>
  void sum(const LabelledRows<T>& rows, Index system, Index begin, Index end, Slot& slot) {
    std::fill_n(slot.energy, kDrawChunk, 0.0);
    std::fill_n(slot.slope, kDrawChunk, 0.0);
    for (Index row = begin; row < end; row += blocks_.capacity()) {
      const Index stop = std::min(end, row + blocks_.capacity());
      unchecked_ += (stop - row) * kDrawChunk * (parameters_ + 8);
      if (unchecked_ > kInterruptFlops) {
        base::throw_if_interrupted();
        unchecked_ = 0;
      }
      blocks_.add(rows, system, row, stop, draws_, slot.energy, slot.slope);
    }
  }

 private:
  Index parameters_, count_ = 0, stride_ = 0, unchecked_ = 0;
  base::AlignedArray<double> numbers_;  // parameters x stride
  PackedDraws draws_;
  RowBlocks blocks_;
};

/// The division of the work of a group and a wave into tasks: by draws, by rows and, if these are few, by pairs.
struct Tasks {
  Index chunks, parts, systems, laws;

  Tasks(const Group& group, Index wave, Index row_parts) : chunks(wave), parts(row_parts) {
    const Index wanted = (kTasks + wave * row_parts - 1) / (wave * row_parts);
    systems = std::min(group.systems, wanted);
    laws = std::min(group.laws, (wanted + systems - 1) / systems);
  }
  [[nodiscard]] Index number() const { return chunks * parts * systems * laws; }
};

/// For each group of pairs and each wave of chunks of draws: sums over parts of the rows into slots, then
/// sink.take(chunk of the wave, pair, first draw, energies, count, slopes) for every chunk and pair, in parallel.
template <class T, class Sink>
class Sampling {
 public:
  Sampling(const Problem<T>& problem, int threads, Sink& sink)
      : rows_(problem.rows),
        law_(problem.law),
        draws_(problem.draws),
        sink_(sink),
        single_(std::is_same_v<T, float> && !law_.has_constants() &&
                !(rows_.weights && rows_.loss == SampledLoss::cross_entropy)),
        threads_(threads),
        chunks_{draws_.samples, kDrawChunk},
        parts_{rows_.rows, kPart} {
    // Below some tens of microseconds a second thread does not pay.
    if (draws_.samples <= kSmall / problem.flops() / law_.batch() / rows_.systems) threads_ = 1;
  }

  void run() {
    const Index waves = std::min(chunks_.number(), std::clamp(kSlots / parts_.number(), Index{1}, kWave));
    const Index pairs = std::max<Index>(1, kSlots / (parts_.number() * waves));
    const Index laws = std::min(law_.batch(), pairs), systems = std::min(rows_.systems, pairs / laws);
    group_ = {0, systems, 0, laws};
    for (int i = base::worker_count(Tasks(group_, waves, parts_.number()).number(), threads_); i > 0; --i)
      workers_.emplace_back(rows_.parameters());
    slots_ = base::aligned_array<Slot>(waves * systems * laws * parts_.number());
    for (group_.first_system = 0; group_.first_system < rows_.systems; group_.first_system += systems) {
      group_.systems = std::min(systems, rows_.systems - group_.first_system);
      for (group_.first_law = 0; group_.first_law < law_.batch(); group_.first_law += laws) {
        group_.laws = std::min(laws, law_.batch() - group_.first_law);
        sink_.begin(group_, waves);
        for (Index first = 0; first < chunks_.number(); first += waves)
          sample(first, std::min(waves, chunks_.number() - first));
        sink_.end(draws_.samples);
      }
    }
  }

 private:
  // One wave of chunks from `first_chunk` on.
  void sample(Index first_chunk, Index wave) {
    const Tasks tasks(group_, wave, parts_.number());
    base::for_each_chunk(tasks.number(), threads_,
                         [&](Index task, int worker) { sum(tasks, first_chunk, task, workers_[at(worker)]); });
    base::for_each_chunk(wave, threads_, [&](Index chunk, int) {
      for (Index pair = 0; pair < group_.pairs(); ++pair) finish(first_chunk, chunk, pair);
    });
    sink_.merge(wave);
  }

  void sum(const Tasks& tasks, Index first_chunk, Index task, Worker& worker) {
    const Index chunk = task % tasks.chunks, part = task / tasks.chunks % tasks.parts;
    const Index slice = task / tasks.chunks / tasks.parts, s = slice % tasks.systems, b = slice / tasks.systems;
    const Index first = chunks_.begin(first_chunk + chunk);
    worker.draw(draws_.seed, draws_.first + first, chunks_.end(first_chunk + chunk) - first, law_.bound);
    for (Index l = b * group_.laws / tasks.laws; l < (b + 1) * group_.laws / tasks.laws; ++l) {
      worker.scale(law_.scale.row(group_.first_law + l), single_);
      for (Index i = s * group_.systems / tasks.systems; i < (s + 1) * group_.systems / tasks.systems; ++i)
        worker.sum(rows_, group_.first_system + i, parts_.begin(part), parts_.end(part),
                   slots(chunk, i * group_.laws + l)[part]);
    }
  }

  // Adds the parts of a chunk and pair, and hands the energies to the sink.
  void finish(Index first_chunk, Index chunk, Index pair) {
    Slot* const slot = slots(chunk, pair);
    const Index first = chunks_.begin(first_chunk + chunk), count = chunks_.end(first_chunk + chunk) - first;
    const double m = static_cast<double>(rows_.rows);
    bool finite = true;
    for (Index k = 0; k < count; ++k) {
      for (Index part = 1; part < parts_.number(); ++part) {
        slot->energy[k] += slot[part].energy[k];
        slot->slope[k] += slot[part].slope[k];
      }
      slot->energy[k] /= m;
      slot->slope[k] /= m;
      finite &= std::isfinite(slot->energy[k]) && std::isfinite(slot->slope[k]);
    }
    if (!finite) [[unlikely]] {
      Index k = 0;
      while (std::isfinite(slot->energy[k]) && std::isfinite(slot->slope[k])) ++k;
      throw_not_finite("the energy of draw " + std::to_string(draws_.first + first + k), group_.system(pair),
                       group_.law(pair));
    }
    sink_.take(chunk, pair, first, slot->energy, count, slot->slope);
  }

  // Those of the parts of the rows.
  [[nodiscard]] Slot* slots(Index chunk, Index pair) {
    return slots_.get() + (chunk * group_.pairs() + pair) * parts_.number();
  }

  const LabelledRows<T>& rows_;
  const model::LawBatch& law_;
  const base::Draws& draws_;
  Sink& sink_;
  bool single_;
  int threads_;
  base::Chunks chunks_, parts_;
  Group group_{};
  std::vector<Worker> workers_;
  base::AlignedArray<Slot> slots_;
};

template <class T, class Sink>
void sample_groups(const Problem<T>& problem, int threads, Sink& sink) {
  if (problem.rows.systems == 0 || problem.law.batch() == 0) return;
  Sampling<T, Sink>(problem, threads, sink).run();
}

/// Mean, standard error and slope of every pair.
class Averages {
 public:
  Averages(Index laws, const RowAverages& out) : laws_(laws), out_(out) {}

  void begin(const Group& group, Index chunks) {
    group_ = group;
    totals_.assign(at(group.pairs()), {});
    partial_.resize(at(group.pairs() * chunks));
  }
  void take(Index chunk, Index pair, Index, const double* energies, Index count, const double* slopes) {
    Part& part = partial_[at(chunk * group_.pairs() + pair)];
    part = {Running::of(energies, count), 0};
    for (Index k = 0; k < count; ++k) part.slope += slopes[k];
  }
  void merge(Index chunks) {
    for (Index i = 0; i < chunks * group_.pairs(); ++i) {
      const Part& part = partial_[at(i)];
      Part& total = totals_[at(i % group_.pairs())];
      total.energy.merge(part.energy);
      total.slope += part.slope;
    }
  }
  void end(Index samples) const {
    for (Index pair = 0; pair < group_.pairs(); ++pair) {
      const auto& [energy, slope] = totals_[at(pair)];
      require_variance(energy, group_.system(pair), group_.law(pair));
      if (!std::isfinite(slope)) throw_not_finite("the slope of the energies", group_.system(pair), group_.law(pair));
      const Index slot = group_.system(pair) * laws_ + group_.law(pair);
      out_.mean[slot] = energy.mean;
      out_.standard_error[slot] = energy.standard_error();
      out_.slope[slot] = slope / static_cast<double>(samples);
    }
  }

 private:
  struct Part {
    Running energy;
    double slope = 0;  // summed over draws
  };
  Index laws_;
  RowAverages out_;
  Group group_{};
  std::vector<Part> totals_, partial_;
};

}  // namespace

template <class T>
void sample_rows(const LabelledRows<T>& rows, const model::LawBatch& law, const base::Draws& draws, int threads,
                 const RowAverages& averages) {
  const Problem<T> problem{rows, law, draws};
  check(problem, 2);
  Averages sink(law.batch(), averages);
  sample_groups(problem, threads, sink);
}

template <class T>
void sample_rows_energies(const LabelledRows<T>& rows, const model::LawBatch& law, const base::Draws& draws,
                          int threads, double* energies) {
  const Problem<T> problem{rows, law, draws};
  check(problem, 1);
  EnergyWriter sink(law.batch(), draws.samples, energies);
  sample_groups(problem, threads, sink);
}

template void sample_rows(const LabelledRows<double>&, const model::LawBatch&, const base::Draws&, int,
                          const RowAverages&);
template void sample_rows(const LabelledRows<float>&, const model::LawBatch&, const base::Draws&, int,
                          const RowAverages&);
template void sample_rows_energies(const LabelledRows<double>&, const model::LawBatch&, const base::Draws&, int,
                                   double*);
template void sample_rows_energies(const LabelledRows<float>&, const model::LawBatch&, const base::Draws&, int,
                                   double*);

}  // namespace pyrometer::energy
