#include "pyrometer/energy/network/sampled.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "pyrometer/base/aligned.hpp"
#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/interrupt.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/base/running.hpp"
#include "pyrometer/base/truncated.hpp"
#include "pyrometer/energy/network/layer.hpp"
#include "pyrometer/energy/network/orthogonal.hpp"
#include "pyrometer/energy/network/sampled_cross_entropy.hpp"

namespace pyrometer::energy {
namespace {

using base::AlignedArray;

constexpr Index kSlab = 64 * 1024;        // weights at a time
constexpr Index kPartNumbers = 1 << 20;   // activations that a worker holds of a part of the rows
constexpr Index kLeastPart = 512;         // rows: with fewer, regenerating the weights for every part is too expensive
constexpr Index kGroupNumbers = 1 << 21;  // activations that a worker holds of all laws of a group
constexpr Index kTask = 1 << 22;          // flops worth a task
constexpr Index kInterruptFlops = 1 << 24;  // flops between two checks for an interrupt
constexpr Index kSlots = 1 << 22;           // sums of parts held at a time
constexpr Index kRandomFlops = 200;         // what a random number costs
constexpr Index kUnitFlops = 60;            // what an activation costs
// What selecting a row costs, and each of its numbers.
constexpr Index kPickedFlops = 700, kPickedNumberFlops = 27;
constexpr Index kPilotDraws = 24, kPilotRows = 256, kPilotFew = 16;
constexpr double kPilotError = 0.3;  // relative standard error sqrt(2 / 23) of a variance of 24 draws
constexpr std::uint64_t kPickRange = std::uint64_t{1} << 62;  // counters of the bits that select rows

template <class T>
Index panels_of(Index rows) {
  return (rows + kPanelRows<T> - 1) / kPanelRows<T>;
}

/// Families and scales of `laws`.
void check_laws(const NetworkLaws& laws) {
  const Matrix& families = laws.families;
  require(families.rows == 4 && families.cols == laws.layers, "families must be 4 x ", laws.layers,
          ", numbers of the families of weights and of biases, and their precisions, got ", families.rows, " x ",
          families.cols);
  for (Index i = 0; i < 2 * laws.layers; ++i) {
    const double family = families.data[i], precision = families.data[i + 2 * laws.layers];
    require(family >= 0 || family == model::kConstant || (family == model::kOrthogonal && i < laws.layers),
            "families must be at least 0, -1 for constants or -2 for orthogonal weights, got ", family);
    require(precision > 0 && std::isfinite(precision), "precisions must be finite and positive, got ", precision);
  }
  for (const bool weights : {true, false}) {
    const Matrix& scale = weights ? laws.weight : laws.bias;
    const char* const name = weights ? "weight" : "bias";
    require(scale.rows == laws.weight.rows && scale.cols == laws.layers, name, " must be ", laws.weight.rows, " x ",
            laws.layers, ", laws by layers, got ", scale.rows, " x ", scale.cols);
    for (Index i = 0; i < scale.size(); ++i) {
      const bool constant = families.row(weights ? 0 : 1)[i % laws.layers] == model::kConstant;
      require(std::isfinite(scale.data[i]) && (scale.data[i] >= 0 || constant), name,
              " must be finite and at least 0, got ", scale.data[i]);
      require(!weights || !constant || scale.data[i] == 0, "constant weights must be 0, got ", scale.data[i]);
    }
  }
}

template <class T>
void check(const NetworkRows<T>& rows, const NetworkLaws& laws, const NetworkDraws& draws) {
  require(laws.layers >= 1, "widths must have at least 2 entries, got ", laws.layers + 1);
  for (Index l = 0; l <= laws.layers; ++l)
    require(laws.widths[l] >= 1, "widths must be at least 1, got ", laws.widths[l], " at position ", l);
  require(rows.rows >= 1, "X must have at least 1 row, got ", rows.rows);
  check_laws(laws);
  require(static_cast<Index>(laws.activation.size()) == laws.layers - 1, "activation must have one for each of ",
          laws.layers - 1, " hidden layers, got ", laws.activation.size());
  require(!rows.cross_entropy || !draws.averaged, "cross entropy must not be averaged over the last layer");
  require(draws.first >= 0 && draws.samples >= 0, "first_draw and samples must be at least 0, got ", draws.first,
          " and ", draws.samples);
  require(draws.rows >= 0 && draws.rows <= rows.rows, "rows must be 0 (all) .. ", rows.rows, ", got ", draws.rows);
}

template <class T>
double norm_squared(const T* x, Index size) {
  double sum = 0;
  for (Index j = 0; j < size; ++j) sum += static_cast<double>(x[j]) * static_cast<double>(x[j]);
  return sum;
}

/// Rows from(0) .. from(count - 1) of a row-major matrix, as panels; rows that fill the last panel are zero.
template <class T, class From>
void pack(const T* data, Index width, Index count, From from, T* out) {
  constexpr Index L = kPanelRows<T>;
  for (Index panel = 0; panel < panels_of<T>(count); ++panel, out += width * L)
    for (Index lane = 0; lane < L; ++lane) {
      const Index i = panel * L + lane;
      const T* const row = i < count ? data + from(i) * width : nullptr;
      for (Index j = 0; j < width; ++j) out[j * L + lane] = row ? row[j] : T{0};
    }
}

/// Shared by all workers, read only.
template <class T>
class Problem {
 public:
  Problem(const NetworkRows<T>& rows, const NetworkLaws& laws, const NetworkDraws& draws)
      : rows_(rows), laws_(laws), draws_(draws) {
    const Index L = laws.layers;
    Index widest = 1, offset = 0;
    for (Index l = 1; l <= L; ++l) {
      offsets_.push_back(offset);
      offset += width(l) * (width(l - 1) + 1);
      if (l > drawn()) continue;
      widest = std::max(widest, width(l));
      flops_a_row_ += 2 * width(l) * width(l - 1) + kUnitFlops * width(l);
      random_ += width(l) * width(l - 1);
      if (laws.families.row(0)[l - 1] == model::kOrthogonal)  // 4 flops at a tenth of the speed of products
        random_ += 40 * width(l) * width(l - 1) * std::min(width(l), width(l - 1)) / kRandomFlops;
    }
    widest_ = widest;
    const Index tile = kPanelGroup * kPanelRows<T>;
    const Index part = std::max(kLeastPart, kPartNumbers / (2 * widest)) / tile * tile;
    parts_ = {used(), part};
    const Index numbers = 2 * widest * std::min(part, used());
    group_ = std::clamp(kGroupNumbers / numbers, Index{1}, std::max<Index>(1, laws.laws()));

    std::vector<double> norm;
    for (Index i = 0; i < rows.rows; ++i) norm.push_back(norm_squared(rows.X + i * width(0), width(0)));
    input_ = std::accumulate(norm.begin(), norm.end(), 0.0) / static_cast<double>(rows.rows);
    if (rows.y) target_ = norm_squared(rows.y, rows.rows * width(L)) / static_cast<double>(rows.rows);
    for (Index i = 0; rows.y && i < rows.rows * width(L); ++i) target_sum_ += static_cast<double>(rows.y[i]);
    target_sum_ /= static_cast<double>(rows.rows);
    if (draws.rows > 0) {
      order_.resize(norm.size());
      std::iota(order_.begin(), order_.end(), Index{0});
      const auto key = [&](Index i) { return std::pair(norm[at(i)], i); };
      std::sort(order_.begin(), order_.end(), [&](Index a, Index b) { return key(a) < key(b); });
    } else if (drawn() > 0) {
      const auto all = [](Index i) { return i; };
      x_ = base::aligned_array<T>(padded(rows.rows) * width(0));
      pack(rows.X, width(0), rows.rows, all, x_.get());
      if (takes_targets()) {
        y_ = base::aligned_array<T>(padded(rows.rows) * width(L));
        pack(rows.y, width(L), rows.rows, all, y_.get());
      }
    }
  }

  [[nodiscard]] Index width(Index l) const { return laws_.widths[l]; }
  [[nodiscard]] Index offset(Index l) const { return offsets_[at(l - 1)]; }
  /// Layers whose parameters are drawn.
  [[nodiscard]] Index drawn() const { return laws_.layers - (draws_.averaged ? 1 : 0); }
  [[nodiscard]] Index used() const { return draws_.rows > 0 ? draws_.rows : rows_.rows; }
  [[nodiscard]] bool takes_targets() const { return rows_.y && !draws_.averaged; }
  [[nodiscard]] static Index padded(Index count) { return panels_of<T>(count) * kPanelRows<T>; }
  [[nodiscard]] Index flops(Index count) const { return count * flops_a_row_ + kRandomFlops * random_; }

  /// The row of stratum s in draw k: uniform on its share of the sorted rows, whose ends may be within a row.
  [[nodiscard]] Index pick(Index draw, Index s) const {
    const auto words =
        base::threefry(draws_.seed, {static_cast<std::uint64_t>(draw), static_cast<std::uint64_t>(s / 2) | kPickRange});
    const auto bits = words[at(s % 2)];
    const double u = static_cast<double>(bits >> 11) * 0x1p-53, m = static_cast<double>(rows_.rows);
    const auto i = static_cast<Index>((static_cast<double>(s) + u) * m / static_cast<double>(draws_.rows));
    return order_[at(std::min(i, rows_.rows - 1))];
  }

  const NetworkRows<T>& rows_;
  const NetworkLaws& laws_;
  const NetworkDraws& draws_;
  std::vector<Index> offsets_, order_;
  AlignedArray<T> x_, y_;
  base::Chunks parts_{};
  Index widest_ = 0, group_ = 0, flops_a_row_ = 0, random_ = 0;
  double input_ = 0, target_ = 0, target_sum_ = 0;
};

template <class T>
class Worker {
 public:
  explicit Worker(const Problem<T>& problem)
      : p_(problem), space_(Problem<T>::padded(std::min(problem.parts_.size, problem.used()))) {
    if (p_.drawn() == 0) return;
    Index slab = 0, units = 1;
    for (Index l = 1; l <= p_.drawn(); ++l) {
      slab = std::max(slab, (slab_units(l) + kUnitGroup) * p_.width(l - 1) + 1);
      units = std::max(units, p_.width(l));
    }
    slab_ = base::aligned_array<T>(slab);
    std::fill_n(slab_.get(), slab, T{0});
    bias_ = base::aligned_array<T>(units + 1);
    for (auto& activations : activations_) activations = base::aligned_array<T>(p_.group_ * p_.widest_ * space_);
    sums_ = base::aligned_array<double>(p_.group_ * space_);
    if (p_.draws_.rows == 0) return;
    x_ = base::aligned_array<T>(space_ * p_.width(0));
    if (p_.takes_targets()) y_ = base::aligned_array<T>(space_ * p_.width(p_.laws_.layers));
  }

  /// sums[law * L + l - 1] = sum over the rows of a part of |z_l|^2, or of |x_{l-1}|^2 if averaged.
  void run(Index draw, Index part, Index first_law, Index laws, double* sums) {
    const Index L = p_.laws_.layers, begin = p_.parts_.begin(part), count = p_.parts_.end(part) - begin;
    const bool averaged = p_.draws_.averaged;
    Panels<const T> x{nullptr, p_.width(0)}, y{nullptr, p_.width(L)};
    if (p_.drawn() > 0) rows(draw, begin, count, x, y);
    if (averaged)
      for (Index law = 0; law < laws; ++law) sums[law * L] = 0;  // known without a draw
    for (Index l = 1; l <= p_.drawn(); ++l) {
      layer(draw, l, first_law, laws, count, x, y);
      for (Index law = 0; law < laws; ++law) {
        const double* const squares = sums_.get() + law * space_;
        double sum = 0;
        if (p_.rows_.cross_entropy && l == L)
          sum = outputs(draw, begin, count, activations(l, law));
        else
          for (Index i = 0; i < count; ++i) sum += squares[i];
        sums[law * L + l - (averaged ? 0 : 1)] = sum;
      }
    }
  }

 private:
  /// Sum of the cross entropies of the rows of a part, from their logits.
  double outputs(Index draw, Index begin, Index count, const T* logits) {
    const std::int64_t* labels = p_.rows_.labels;
    if (labels && p_.draws_.rows > 0) {
      labels_.resize(at(count));
      for (Index i = 0; i < count; ++i) labels_[at(i)] = labels[p_.pick(draw, begin + i)];
      labels = labels_.data();
    } else if (labels) {
      labels += begin;
    }
    return sum_of_cross_entropies(logits, p_.width(p_.laws_.layers), count, kPanelRows<T>, labels);
  }

  [[nodiscard]] double family(Index l, bool weights) const { return p_.laws_.families.row(weights ? 0 : 1)[l - 1]; }

  /// Units whose weights are generated at a time: those of an orthogonal layer depend on each other.
  [[nodiscard]] Index slab_units(Index l) const {
    if (family(l, true) == model::kOrthogonal) return p_.width(l);
    return std::min(p_.width(l), std::max(kUnitGroup, kSlab / p_.width(l - 1) / kUnitGroup * kUnitGroup));
  }

  void rows(Index draw, Index begin, Index count, Panels<const T>& x, Panels<const T>& y) {
    const auto& data = p_.rows_;
    if (p_.draws_.rows == 0) {
      x.data = p_.x_.get() + begin * x.width;
      if (p_.takes_targets()) y.data = p_.y_.get() + begin * y.width;
      return;
    }
    picked_.resize(at(count));
    for (Index i = 0; i < count; ++i) picked_[at(i)] = p_.pick(draw, begin + i);
    const auto from = [&](Index i) { return picked_[at(i)]; };
    pack(data.X, x.width, count, from, x_.get());
    x.data = x_.get();
    if (!p_.takes_targets()) return;
    pack(data.y, y.width, count, from, y_.get());
    y.data = y_.get();
  }

  /// Numbers first .. first + count - 1 of the draw; the streams begin at even ones.
  const T* numbers(double family, Index draw, Index first, Index count, T* out) const {
    const Index odd = first % 2;
    const base::Seed seed = p_.draws_.seed;
    if (family == model::kConstant)
      std::fill_n(out, count + odd, T{1});
    else if (family == model::kUniform)
      base::uniforms(seed, draw, 1, first - odd, count + odd, out);
    else if (std::isfinite(family))
      base::truncated_normals(seed, draw, 1, first - odd, count + odd, family, out);
    else
      base::normals(seed, draw, 1, first - odd, count + odd, out);
    return out + odd;
  }

  /// Weights of `units` units of layer l from `first` on, in units of their scale.
  const T* weights(Index draw, Index l, Index first, Index units) {
    const Index depth = p_.width(l - 1), start = p_.offset(l) + first * depth;
    if (family(l, true) >= 0) return numbers(family(l, true), draw, start, units * depth, slab_.get());
    if (family(l, true) == model::kConstant) return std::fill_n(slab_.get(), units * depth, T{0}) - units * depth;
    orthogonal(p_.draws_.seed, draw, start, units, depth, slab_.get());
    return slab_.get();
  }

  void layer(Index draw, Index l, Index first_law, Index laws, Index count, const Panels<const T>& input,
             const Panels<const T>& targets) {
    const auto& scales = p_.laws_;
    const Index depth = p_.width(l - 1), width = p_.width(l), panels = panels_of<T>(count), L = scales.layers;
    const bool last = l == L;
    const ActivationPass<T> pass =
        activation_pass<T>(last ? model::Activation::identity : scales.activation[at(l - 1)]);
    bool biased = false;
    for (Index law = 0; law < laws; ++law) biased |= scales.bias.row(first_law + law)[l - 1] != 0;
    const T* const bias =
        biased ? numbers(family(l, false), draw, p_.offset(l) + width * depth, width, bias_.get()) : nullptr;
    std::fill_n(sums_.get(), laws * space_, 0.0);
    const Index step = slab_units(l);
    for (Index first = 0; first < width; first += step) {
      const Index units = std::min(step, width - first);
      const T* const weight = weights(draw, l, first, units);
      for (Index law = 0; law < laws; ++law) {
        unchecked_ += 2 * count * units * depth;
        if (unchecked_ > kInterruptFlops) {
          base::throw_if_interrupted();
          unchecked_ = 0;
        }
        const double weight_scale = scales.weight.row(first_law + law)[l - 1];
        const double bias_scale = scales.bias.row(first_law + law)[l - 1];
        const Panels<const T> x = l == 1 ? input : Panels<const T>{activations(l - 1, law), depth};
        const Panels<T> out{activations(l, law), width};
        const Panels<const T> y{last ? targets.data : nullptr, targets.width};
        const LayerUnits<T> part{weight, bias_scale != 0 ? bias + first : nullptr, units, static_cast<T>(weight_scale),
                                 static_cast<T>(bias_scale)};
        pass_layer<T>(x, panels, part, y, pass, out, first, p_.draws_.averaged, sums_.get() + law * space_);
      }
    }
  }

  T* activations(Index l, Index law) { return activations_[l % 2].get() + law * p_.widest_ * space_; }

  const Problem<T>& p_;
  Index space_, unchecked_ = 0;
  AlignedArray<T> slab_, bias_, x_, y_, activations_[2];
  AlignedArray<double> sums_;
  std::vector<Index> picked_;
  std::vector<std::int64_t> labels_;
};

template <class T>
[[noreturn]] void throw_not_finite(double energy, Index draw, Index law, Index l) {
  require(false, "the energy of draw ", draw, " must be finite, got ", energy, " in layer ", l, " under law ", law,
          "; use a smaller scale", std::is_same_v<T, float> ? " or float64 data." : ".");
  std::abort();
}

/// Writes energies of every layer, or of the last one only if there are targets or labels.
template <class T>
void sample(const NetworkRows<T>& rows, const NetworkLaws& laws, const NetworkDraws& draws, int threads, double* out) {
  check(rows, laws, draws);
  const bool single = rows.y || rows.cross_entropy;
  if (laws.laws() == 0 || draws.samples == 0) return;
  const Problem<T> problem(rows, laws, draws);
  const Index L = laws.layers, number = problem.parts_.number(), batch = laws.laws();
  const base::Chunks groups{batch, problem.group_};
  const Index wave = std::clamp(kSlots / (batch * L * number), Index{1}, draws.samples);
  const Index most = std::min(problem.used(), problem.parts_.size);
  const Index flops = std::max<Index>(1, problem.flops(most) * std::min(batch, problem.group_));  // 0: nothing is drawn
  const base::Chunks shape{wave, std::clamp(kTask / flops, Index{1}, Index{256})};
  if (draws.samples <= kTask / (flops * number)) threads = 1;

  const auto slots = base::aligned_array<double>(wave * number * batch * L);
  std::vector<Worker<T>> workers;
  for (int i = base::worker_count(shape.number() * number * groups.number(), threads); i > 0; --i)
    workers.emplace_back(problem);

  for (Index start = 0; start < draws.samples; start += wave) {
    const base::Chunks chunks{std::min(wave, draws.samples - start), shape.size};
    base::for_each_chunk(chunks.number() * number * groups.number(), threads, [&](Index task, int worker) {
      const Index part = task % number, group = task / number % groups.number(),
                  chunk = task / number / groups.number();
      const Index first_law = groups.begin(group), count = groups.end(group) - first_law;
      for (Index k = chunks.begin(chunk); k < chunks.end(chunk); ++k)
        workers[at(worker)].run(draws.first + start + k, part, first_law, count,
                                slots.get() + ((k * number + part) * batch + first_law) * L);
    });
    const double used = static_cast<double>(problem.used());
    for (Index law = 0; law < batch; ++law)
      for (Index k = 0; k < chunks.count; ++k)
        for (Index l = single ? L : 1; l <= L; ++l) {
          double energy = 0;
          for (Index part = 0; part < number; ++part)
            energy += slots[at(((k * number + part) * batch + law) * L + l - 1)];
          energy /= used;
          if (draws.averaged) {
            const double weight = laws.weight.row(law)[l - 1], bias = laws.bias.row(law)[l - 1];
            energy = static_cast<double>(laws.widths[l]) *
                     (weight * weight / laws.families.row(2)[l - 1] * (l == 1 ? problem.input_ : energy) +
                      bias * bias / laws.families.row(3)[l - 1]);
            if (rows.y) energy += problem.target_ - 2 * laws.fixed(law) * problem.target_sum_;
          }
          if (!std::isfinite(energy)) [[unlikely]]
            throw_not_finite<T>(energy, draws.first + start + k, law, l);
          const Index slot = law * draws.samples + start + k;
          out[single ? slot : slot * L + l - 1] = energy;
        }
  }
}

}  // namespace

template <class T>
void sample_network(const NetworkRows<T>& rows, const NetworkLaws& laws, const NetworkDraws& draws, int threads,
                    double* energy) {
  sample<T>({rows.X, nullptr, rows.rows}, laws, draws, threads, energy);
}

template <class T>
void sample_network_errors(const NetworkRows<T>& rows, const NetworkLaws& laws, const NetworkDraws& draws, int threads,
                           double* energy) {
  require(rows.y != nullptr, "y must be given");
  sample<T>(rows, laws, draws, threads, energy);
}

template <class T>
void sample_network_cross_entropy(const NetworkRows<T>& rows, const NetworkLaws& laws, const NetworkDraws& draws,
                                  int threads, double* energy) {
  const Index most = std::max<Index>(2, laws.widths[laws.layers]);
  for (Index i = 0; rows.labels && i < rows.rows; ++i)
    require(rows.labels[i] >= 0 && rows.labels[i] < most, "labels must be 0 .. ", most - 1, ", got ", rows.labels[i]);
  sample<T>({rows.X, nullptr, rows.rows, rows.labels, true}, laws, draws, threads, energy);
}

template <class T>
Index network_rows(const NetworkRows<T>& rows, const NetworkLaws& laws, bool averaged, int threads) {
  const NetworkRows<T> inputs{rows.X, nullptr, rows.rows};
  const Index many = std::min(rows.rows, kPilotRows), L = laws.layers;
  NetworkDraws draws{{0, 0}, Index{1} << 62, kPilotDraws, many < rows.rows ? many : 0, averaged};
  check(inputs, laws, draws);
  if (many <= kPilotFew || (averaged && L == 1) || laws.laws() == 0) return 0;
  std::vector<double> fine(at(laws.laws() * kPilotDraws * L)), coarse(fine.size());
  sample(inputs, laws, draws, threads, fine.data());
  draws.rows = kPilotFew;
  sample(inputs, laws, draws, threads, coarse.data());

  // The mean of r of m rows has the variance B + W / r, of all rows too, and that of r given all W (1/r - 1/m).
  const double inverse_few = 1.0 / static_cast<double>(kPilotFew), inverse_many = 1.0 / static_cast<double>(many),
               inverse_all = 1.0 / static_cast<double>(rows.rows);
  double between = 0, within = 0;
  for (Index law = 0; law < laws.laws(); ++law) {
    base::Running energy, difference;
    for (Index k = 0; k < kPilotDraws; ++k) {
      const auto slot = at((law * kPilotDraws + k) * L + L - 1);
      energy.add(fine[slot]);
      difference.add(coarse[slot] - fine[slot]);
    }
    if (energy.mean <= 0) continue;
    const double square = energy.mean * energy.mean,
                 w = difference.variance() / (inverse_few + inverse_many - 2 * inverse_all);
    within += w / square;
    between += std::max(energy.variance() - w * inverse_many, kPilotError * w * inverse_many) / square;
  }
  if (!std::isfinite(within) || !std::isfinite(between)) return 0;  // squares overflow: no estimate
  if (within <= 0) return std::min(many, kPanelGroup * kPanelRows<T>);

  const Problem<T> problem(inputs, laws, draws);
  const double draw = static_cast<double>(problem.flops(0)) / static_cast<double>(problem.group_);
  const double row = static_cast<double>(problem.flops(1) - problem.flops(0));
  const double picked = row + static_cast<double>(kPickedFlops + kPickedNumberFlops * laws.widths[0]);
  const double tile = static_cast<double>(kPanelGroup * kPanelRows<T>), m = static_cast<double>(rows.rows);
  const double rounded = std::ceil(std::clamp(std::sqrt(within * draw / (between * picked)), 1.0, m) / tile) * tile;
  const bool all =
      (between + within / rounded) * (draw + rounded * picked) >= (between + within / m) * (draw + m * row);
  return rounded >= m || all ? 0 : static_cast<Index>(rounded);
}

template void sample_network(const NetworkRows<double>&, const NetworkLaws&, const NetworkDraws&, int, double*);
template void sample_network(const NetworkRows<float>&, const NetworkLaws&, const NetworkDraws&, int, double*);
template void sample_network_errors(const NetworkRows<double>&, const NetworkLaws&, const NetworkDraws&, int, double*);
template void sample_network_errors(const NetworkRows<float>&, const NetworkLaws&, const NetworkDraws&, int, double*);
template void sample_network_cross_entropy(const NetworkRows<double>&, const NetworkLaws&, const NetworkDraws&, int,
                                           double*);
template void sample_network_cross_entropy(const NetworkRows<float>&, const NetworkLaws&, const NetworkDraws&, int,
                                           double*);
template Index network_rows(const NetworkRows<double>&, const NetworkLaws&, bool, int);
template Index network_rows(const NetworkRows<float>&, const NetworkLaws&, bool, int);

}  // namespace pyrometer::energy
