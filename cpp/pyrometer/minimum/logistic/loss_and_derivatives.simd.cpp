#include "pyrometer/minimum/logistic/loss_and_derivatives.hpp"

#include <algorithm>
#include <limits>

#include "pyrometer/base/interrupt.hpp"
#include "pyrometer/data/products.hpp"
#include "pyrometer/minimum/logistic/block_kernel.hpp"

namespace pyrometer::minimum {
namespace {

using base::aligned_array;
using base::AlignedArray;
using data::kBlock;

// Enough chunks for many threads, each with many more than n^2 numbers, and limited memory for their results.
base::Chunks chunks_of(Index rows, Index columns) {
  const Index square = data::padded(columns) * data::padded(columns);
  const Index most = std::clamp(Index{1 << 25} / square, Index{8}, Index{64});
  const Index size = std::max({Index{1024}, 16 * columns, (rows + most - 1) / most});
  return {rows, (size + kBlock - 1) / kBlock * kBlock};
}

// Sets the array to zeros, allocating it if necessary.
template <class T>
void clear(AlignedArray<T>& array, Index size) {
  if (!array) array = aligned_array<T>(size);
  std::fill_n(array.get(), size, T{});
}

AlignedArray<double> zeros(Index size) {
  AlignedArray<double> array;
  clear(array, size);
  return array;
}

// Up to this many rows and numbers, rows stay packed between evaluations: they fit the L2 cache.
constexpr Index kKept = 4 * kBlock, kKeptNumbers = 1 << 16;

// Columns whose rows fit the L2 cache, and sizes of theirs, whose products are in the range of single precision.
constexpr Index kFewSingle = 32, kMostSingle = 1024;
constexpr double kLeastSingle = 1e-12, kLargestSingle = 1e12;
// A sum of squares, of so many rows, that has not underflowed.
constexpr double kSoundSquare = 1e-28;

}  // namespace

struct LossEvaluator::Scratch {
  Scratch(Index blocks, Index width)
      : packed(zeros(blocks * kBlock * width)),
        scaled(aligned_array<double>(kBlock * width)),
        sums(zeros(width)),
        rows(zeros(4 * kBlock)) {}
  AlignedArray<double> packed, scaled, sums, rows;
  AlignedArray<float> single;
};

struct LossEvaluator::Part {
  double loss = 0, least = 0;
  AlignedArray<double> gradient, size, reach, curvature;
  AlignedArray<float> single;
};

LossEvaluator::LossEvaluator(Index rows, Index features, bool intercept, const double* shift, int threads,
                             double weight)
    : rows_(rows),
      features_(features),
      columns_(features + (intercept ? 1 : 0)),
      weight_(weight),
      shift_(at(data::padded(features + 1)), 0.0),
      reach_(at(data::padded(features + 1)), 0.0),
      kept_(rows <= kKept && rows * data::padded(features + 1) <= kKeptNumbers),
      threads_(threads),
      chunks_(chunks_of(rows, features + 1)),
      theta_(zeros(data::padded(features + 1))) {
  std::copy(shift, shift + features, shift_.begin());
  // The constant feature is packed where moments have the target; without it, 1 - 1 is packed there.
  if (!intercept) shift_[at(features)] = 1;
  const int workers = base::worker_count(chunks_.number(), threads);
  const Index blocks = kept_ ? (rows + kBlock - 1) / kBlock : 1;
  for (int worker = 0; worker < workers; ++worker) scratch_.emplace_back(blocks, data::padded(features + 1));
  parts_.resize(at(chunks_.number()));
}

LossEvaluator::~LossEvaluator() = default;

template <class T>
LossEvaluatorOf<T>::LossEvaluatorOf(const data::Rows<T>& rows, bool intercept, const double* shift, int threads)
    : LossEvaluator(rows.rows, rows.features, intercept, shift, threads, weight_of(rows)),
      table_(rows),
      ones_(at(kBlock), T{1}) {}

template <class T>
void LossEvaluatorOf<T>::chunk(Index k, Scratch& scratch, const double* theta, Wanted wanted, Part& part) const {
  const bool single = wanted == Wanted::single, curvature = single || wanted == Wanted::curvature;
  const bool energy = wanted != Wanted::gradient;
  const Index width = data::padded(features_ + 1), panels = data::panels(features_ + 1);
  const Index square = data::padded(columns_) * data::padded(columns_);
  clear(part.gradient, width);
  if (energy) clear(part.size, width);
  if (!reached_) clear(part.reach, width);
  if (single) {
    const Index wide = data::padded_single(columns_);
    clear(part.single, wide * wide);
    if (!scratch.single) scratch.single = aligned_array<float>(kBlock * wide);
  } else if (curvature) {
    if (!part.curvature) part.curvature = aligned_array<double>(square);
    data::start_products(columns_, part.curvature.get());
  }
  part.loss = 0;
  part.least = std::numeric_limits<double>::infinity();

  double *t = scratch.rows.get(), *slope = t + kBlock, *root = slope + kBlock;
  for (Index begin = chunks_.begin(k); begin < chunks_.end(k); begin += kBlock) {
    const Index end = std::min(begin + kBlock, chunks_.end(k)), depth = end - begin;
    const double* const weights = table_.weights ? table_.weights + begin : nullptr;
    double* const d = scratch.packed.get() + (kept_ ? begin * width : 0);
    double* const scaled = !curvature ? nullptr : kept_ ? scratch.scaled.get() : d;
    if (!kept_ || !reached_) {
      data::Rows<T> block = table_.from(begin, end);
      block.y = ones_.data();
      data::pack(block, shift_.data(), d, scratch.sums.get());
    }
    if (!reached_) stretch(d, depth, panels, part.reach.get());
    if (theta) project(d, depth, panels, theta, t);
    if (!energy) {
      slopes(t, table_.y + begin, depth, slope, weights);
    } else if (theta) {
      link(t, table_.y + begin, depth, slope, root, root + kBlock, part.loss, part.least, weights);
    } else {  // at theta = 0 all t_i are 0
      double weight = weights ? 0 : static_cast<double>(depth);
      for (Index i = 0; i < depth; ++i) slope[i] = 0.5 - static_cast<double>(table_.y[begin + i]);
      std::fill_n(root, depth, 0.5);
      for (Index i = 0; weights && i < depth; ++i) {
        slope[i] *= weights[i];
        root[i] *= std::sqrt(weights[i]);
        weight += weights[i];
      }
      part.loss += weight * std::log(2.0);
      part.least = 0;
    }
    const Index next = std::min(end + kBlock, rows_);
    const T* ahead = table_.X + end * features_;
    const Index bytes = (next - end) * features_ * static_cast<Index>(sizeof(T));
    weigh(d, depth, panels, slope, root, scaled, part.gradient.get(), energy ? part.size.get() : nullptr, ahead,
          curvature && !single ? 0 : bytes);
    if (single)
      data::add_products_single(scaled, depth, columns_, scratch.single.get(), part.single.get());
    else if (curvature)
      data::add_products(scaled, depth, columns_, part.curvature.get(), ahead, bytes);
  }
  if (curvature && !single) data::finish_products(columns_, part.curvature.get());
}

void LossEvaluator::visit(const double* theta, Wanted wanted) {
  std::copy(theta, theta + columns_, theta_.get());
  const bool zeros = std::all_of(theta, theta + columns_, [](double x) { return x == 0; });
  const double* const from = zeros && wanted != Wanted::gradient ? nullptr : theta_.get();
  base::for_each_chunk(chunks_.number(), threads_,
                       [&](Index k, int worker) { chunk(k, scratch_[at(worker)], from, wanted, parts_[at(k)]); });
}

void LossEvaluator::gradient(const double* theta, std::vector<double>& out) {
  visit(theta, Wanted::gradient);
  out.assign(at(columns_), 0.0);
  for (const Part& part : parts_)
    for (std::size_t j = 0; j < out.size(); ++j) out[j] += part.gradient[j];
}

bool LossEvaluator::fits_single() const {
  return reached_ && columns_ > kFewSingle && columns_ <= kMostSingle &&
         std::all_of(reach_.begin(), reach_.begin() + columns_,
                     [](double size) { return size == 0 || (size > kLeastSingle && size < kLargestSingle); });
}

void LossEvaluator::evaluate(const double* theta, bool curvature, Evaluation& out, bool single) {
  single = single && fits_single();
  visit(theta, !curvature ? Wanted::energy : single ? Wanted::single : Wanted::curvature);
  out.loss = 0;
  out.least = std::numeric_limits<double>::infinity();
  out.gradient.assign(at(columns_), 0.0);
  out.size = out.gradient;
  for (const Part& part : parts_) {
    out.loss += part.loss;
    out.least = std::min(out.least, part.least);
    for (std::size_t j = 0; j < out.gradient.size(); ++j) {
      out.gradient[j] += part.gradient[j];
      out.size[j] += part.size[j];
      if (!reached_) reach_[j] = std::max(reach_[j], part.reach[j]);
    }
  }
  reached_ = true;
  if (!curvature) return;
  add_curvatures(single, out);
  const Index ld = data::padded(columns_);
  for (Index j = 0; single && j < columns_; ++j)
    if (reach_[at(j)] > 0 && !(out.curvature[at(j * ld + j)] > kSoundSquare * weight_))
      return evaluate(theta, true, out);
}

void LossEvaluator::add_curvatures(bool single, Evaluation& out) {
  const Index ld = data::padded(columns_), wide = data::padded_single(columns_);
  if (!out.curvature) out.curvature = aligned_array<double>(ld * ld);
  out.unit = std::numeric_limits<double>::epsilon() / 2;
  if (single) out.unit = static_cast<double>(std::numeric_limits<float>::epsilon()) / 2;
  const base::Chunks bands{columns_, std::max(Index{8}, columns_ / 64)};
  base::for_each_chunk(bands.number(), static_cast<Index>(parts_.size()) * ld * ld > (1 << 16) ? threads_ : 1,
                       [&](Index band, int) {
                         for (Index i = bands.begin(band); i < bands.end(band); ++i) {
                           double* to = out.curvature.get() + i * ld;
                           std::fill(to + i, to + columns_, 0.0);
                           const auto add = [&](const auto* row) {
                             for (Index j = i; j < columns_; ++j) to[j] += static_cast<double>(row[j]);
                           };
                           for (const Part& part : parts_)
                             single ? add(part.single.get() + i * wide) : add(part.curvature.get() + i * ld);
                         }
                       });
}

template class LossEvaluatorOf<double>;
template class LossEvaluatorOf<float>;

}  // namespace pyrometer::minimum
