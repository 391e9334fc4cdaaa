#include "pyrometer/minimum/softmax/evaluator.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "pyrometer/data/products.hpp"
#include "pyrometer/minimum/logistic/block_kernel.hpp"
#include "pyrometer/minimum/softmax/block_kernel.hpp"

namespace pyrometer::minimum {
namespace {

using base::aligned_array;
using base::AlignedArray;
using data::kBlock;

// Enough chunks for many threads, each with many more than n^2 numbers, and limited memory for their results.
base::Chunks softmax_chunks(Index rows, Index columns, Index pairs) {
  const Index square = data::padded(columns) * data::padded(columns) * std::max<Index>(pairs, 1);
  const Index most = std::clamp(Index{1 << 25} / square, Index{4}, Index{64});
  const Index size = std::max({Index{1024}, 16 * columns, (rows + most - 1) / most});
  return {rows, (size + kBlock - 1) / kBlock * kBlock};
}

AlignedArray<double> zero_array(Index size) {
  auto array = aligned_array<double>(size);
  std::fill_n(array.get(), size, 0.0);
  return array;
}

// The factors of allowed classes of a block, class by class.
void unpack(const std::uint8_t* allowed, Index classes, Index depth, double* to) {
  for (Index k = 0; k < depth; ++k)
    for (Index c = 0; c < classes; ++c) to[c * kBlock + k] = allowed[k * classes + c] ? 1.0 : 0.0;
}

// The element (i, j) of the sum over d != c of the products of c and d, i <= j.
double own_block(const SoftmaxEvaluation& evaluation, Index classes, Index c, Index square, Index element) {
  double sum = 0;
  for (Index d = 0; d < classes; ++d)
    if (d != c) {
      const Index a = std::min(c, d), b = std::max(c, d), pair = a * classes - a * (a + 1) / 2 + b - a - 1;
      sum += evaluation.products[at(pair * square + element)];
    }
  return sum;
}

}  // namespace

double hessian_of(const SoftmaxEvaluation& evaluation, Index columns, Index classes, Index row, Index column) {
  const Index ld = data::padded(columns), square = ld * ld;
  const Index a = row / columns, b = column / columns, i = row % columns, j = column % columns;
  const Index where = std::min(i, j) * ld + std::max(i, j);
  if (a == b) return own_block(evaluation, classes, a, square, where);
  const Index low = std::min(a, b), high = std::max(a, b);
  return -evaluation.products[at((low * classes - low * (low + 1) / 2 + high - low - 1) * square + where)];
}

template <class T>
struct SoftmaxEvaluator<T>::Scratch {
  Scratch(Index width, Index classes, bool masked)
      : packed(zero_array(kBlock * width)),
        scaled(zero_array(kBlock * width)),
        sums(zero_array(width)),
        logits(zero_array(kBlock * classes)),
        slopes(zero_array(kBlock * classes)),
        allowed(masked ? zero_array(kBlock * classes) : nullptr) {}
  AlignedArray<double> packed, scaled, sums, logits, slopes, allowed;
};

template <class T>
struct SoftmaxEvaluator<T>::Part {
  double loss = 0, least = std::numeric_limits<double>::infinity();
  AlignedArray<double> gradient, size, reach, products;
};

template <class T>
SoftmaxEvaluator<T>::SoftmaxEvaluator(const ClassifiedRows<T>& table, const double* shift, int threads)
    : table_(table),
      columns_(table.rows.features + (table.intercept ? 1 : 0)),
      width_(data::padded(table.rows.features + 1)),
      pairs_(table.classes * (table.classes - 1) / 2),
      threads_(threads),
      shift_(at(width_), 0.0),
      reach_(at((table.allowed ? table.classes : 1) * width_), 0.0),
      ones_(at(kBlock), T{1}),
      chunks_(softmax_chunks(table.rows.rows, table.rows.features + 1, pairs_)) {
  std::copy(shift, shift + table.rows.features, shift_.begin());
  // The constant feature is packed where moments have the target; without it, 1 - 1 is packed there.
  if (!table.intercept) shift_[at(table.rows.features)] = 1;
}

template <class T>
std::vector<double> SoftmaxEvaluator<T>::reach() const {
  std::vector<double> out(reach_.begin(), reach_.begin() + width_);
  for (std::size_t j = 0; j < reach_.size(); ++j) out[j % at(width_)] = std::max(out[j % at(width_)], reach_[j]);
  return out;
}

template <class T>
void SoftmaxEvaluator<T>::stretch_allowed(Index begin, Index depth, const double* d, double* reach) const {
  constexpr Index lanes = base::kLanes<double>;
  for (Index c = 0; c < classes(); ++c)
    for (Index i = 0; i < depth; ++i)
      for (Index j = 0; table_.allowed[(begin + i) * classes() + c] && j < columns_; ++j)
        reach[c * width_ + j] =
            std::max(reach[c * width_ + j], std::abs(d[j / lanes * kBlock * lanes + i * lanes + j % lanes]));
}

template <class T>
void SoftmaxEvaluator<T>::chunk(Index chunk, Scratch& scratch, Wanted wanted, Part& part) const {
  const Index k = classes() - 1, panels = width_ / base::kLanes<double>;
  const Index square = data::padded(columns_) * data::padded(columns_);
  const Index grams = wanted == Wanted::products ? pairs_ : wanted == Wanted::least_gram ? 1 : 0;
  part.gradient = zero_array(k * width_);
  part.size = zero_array(k * width_);
  if (!reached_) part.reach = zero_array(std::ssize(reach_));
  if (grams) part.products = aligned_array<double>(grams * square);
  for (Index g = 0; g < grams; ++g) data::start_products(columns_, part.products.get() + g * square);

  double *const d = scratch.packed.get(), *const z = scratch.logits.get(), *const slope = scratch.slopes.get();
  alignas(64) double root[kBlock];
  for (Index begin = chunks_.begin(chunk); begin < chunks_.end(chunk); begin += kBlock) {
    const Index end = std::min(begin + kBlock, chunks_.end(chunk)), depth = end - begin;
    data::Rows<T> block = table_.rows.from(begin, end);
    block.y = ones_.data();
    data::pack(block, shift_.data(), d, scratch.sums.get());
    if (!reached_ && !table_.allowed) stretch(d, depth, panels, part.reach.get());
    if (!reached_ && table_.allowed) stretch_allowed(begin, depth, d, part.reach.get());
    for (Index c = 0; c < k; ++c) project(d, depth, panels, theta_.data() + c * width_, z + c * kBlock);
    std::fill_n(z + k * kBlock, kBlock, 0.0);
    const double* const weight = table_.rows.weights ? table_.rows.weights + begin : nullptr;
    if (table_.allowed) unpack(table_.allowed + begin * classes(), classes(), depth, scratch.allowed.get());
    softmax_link(z, scratch.allowed.get(), classes(), table_.rows.y + begin, weight, depth, slope, part.loss,
                 part.least);
    for (Index c = 0; c < k; ++c)
      weigh(d, depth, panels, slope + c * kBlock, nullptr, nullptr, part.gradient.get() + c * width_,
            part.size.get() + c * width_, nullptr, 0);
    const auto add = [&](Index gram) {
      scale_rows(d, depth, panels, root, scratch.scaled.get());
      data::add_products(scratch.scaled.get(), depth, columns_, part.products.get() + gram * square, nullptr, 0);
    };
    if (wanted == Wanted::products) {
      Index pair = 0;
      for (Index a = 0; a < classes(); ++a)
        for (Index b = a + 1; b < classes(); ++b, ++pair) {
          const double *const one = z + a * kBlock, *const other = z + b * kBlock;
          for (Index i = 0; i < depth; ++i) root[i] = one[i] * other[i];
          for (Index i = 0; weight && i < depth; ++i) root[i] *= weight[i];
          for (Index i = 0; i < depth; ++i) root[i] = std::sqrt(root[i]);
          add(pair);
        }
    } else if (wanted == Wanted::least_gram) {
      for (Index i = 0; i < depth; ++i) {
        double least = z[i];
        for (Index c = 1; c < classes(); ++c) least = std::min(least, z[c * kBlock + i]);
        root[i] = std::sqrt(least * (weight ? weight[i] : 1.0));
      }
      add(0);
    }
  }
  for (Index g = 0; g < grams; ++g) data::finish_products(columns_, part.products.get() + g * square);
}

template <class T>
void SoftmaxEvaluator<T>::evaluate(const std::vector<double>& theta, Wanted wanted, SoftmaxEvaluation& out) {
  const Index k = classes() - 1, square = data::padded(columns_) * data::padded(columns_);
  theta_.assign(at(k * width_), 0.0);
  for (Index c = 0; c < k; ++c) std::copy_n(theta.begin() + c * columns_, columns_, theta_.begin() + c * width_);
  std::vector<Part> parts(at(chunks_.number()));
  std::vector<Scratch> scratch;
  for (int w = 0; w < base::worker_count(chunks_.number(), threads_); ++w)
    scratch.emplace_back(width_, classes(), table_.allowed != nullptr);
  base::for_each_chunk(chunks_.number(), threads_,
                       [&](Index i, int worker) { chunk(i, scratch[at(worker)], wanted, parts[at(i)]); });
  out.loss = 0;
  out.least = std::numeric_limits<double>::infinity();
  out.gradient.assign(at(parameters()), 0.0);
  out.size = out.gradient;
  for (const Part& part : parts) {
    out.loss += part.loss;
    out.least = std::min(out.least, part.least);
    for (Index c = 0; c < k; ++c)
      for (Index j = 0; j < columns_; ++j) {
        out.gradient[at(c * columns_ + j)] += part.gradient[at(c * width_ + j)];
        out.size[at(c * columns_ + j)] += part.size[at(c * width_ + j)];
      }
    for (std::size_t j = 0; j < reach_.size() && !reached_; ++j) reach_[j] = std::max(reach_[j], part.reach[j]);
  }
  reached_ = true;
  if (wanted == Wanted::gradient) return;
  const Index numbers = square * (wanted == Wanted::products ? pairs_ : 1);
  auto& sum = wanted == Wanted::products ? out.products : out.least_gram;
  sum = zero_array(numbers);
  const base::Chunks bands{numbers, 1 << 14};
  base::for_each_chunk(bands.number(), threads_, [&](Index band, int) {
    for (const Part& part : parts)
      for (Index i = bands.begin(band); i < bands.end(band); ++i) sum[at(i)] += part.products[at(i)];
  });
}

template class SoftmaxEvaluator<double>;
template class SoftmaxEvaluator<float>;

template <class T>
void softmax_energies(const ClassifiedRows<T>& table, const double* parameters, Index draws, int threads,
                      double* energy) {
  constexpr Index kGroup = 256;  // sets at a time
  const Index p = table.rows.features, n = p + (table.intercept ? 1 : 0), width = data::padded(p + 1);
  const Index panels = width / base::kLanes<double>, m = table.rows.rows;
  std::vector<double> shift(at(width), 0.0);
  if (!table.intercept) shift[at(p)] = 1;
  const std::vector<T> ones(at(kBlock), T{1});
  const base::Chunks rows{m, std::max<Index>(1024, (m + 63) / 64 / kBlock * kBlock + kBlock)}, groups{draws, kGroup};
  const Index tasks = rows.number() * groups.number();
  std::vector<double> partial(at(rows.number() * draws), 0.0), theta(at(draws * table.classes * width), 0.0);
  for (Index s = 0; s < draws * table.classes; ++s) std::copy_n(parameters + s * n, n, theta.begin() + s * width);
  struct Space {
    AlignedArray<double> packed, sums, logits, slopes, allowed;
  };
  std::vector<Space> spaces;
  for (int w = 0; w < base::worker_count(tasks, threads); ++w)
    spaces.push_back({zero_array(kBlock * width), zero_array(width), zero_array(kBlock * table.classes),
                      zero_array(kBlock * table.classes),
                      table.allowed ? zero_array(kBlock * table.classes) : nullptr});
  base::for_each_chunk(tasks, threads, [&](Index task, int worker) {
    const Index piece = task / groups.number(), group = task % groups.number();
    Space& space = spaces[at(worker)];
    for (Index begin = rows.begin(piece); begin < rows.end(piece); begin += kBlock) {
      const Index end = std::min(begin + kBlock, rows.end(piece)), depth = end - begin;
      data::Rows<T> block = table.rows.from(begin, end);
      block.y = ones.data();
      data::pack(block, shift.data(), space.packed.get(), space.sums.get());
      if (table.allowed) unpack(table.allowed + begin * table.classes, table.classes, depth, space.allowed.get());
      for (Index s = groups.begin(group); s < groups.end(group); ++s) {
        for (Index c = 0; c < table.classes; ++c)
          project(space.packed.get(), depth, panels, theta.data() + (s * table.classes + c) * width,
                  space.logits.get() + c * kBlock);
        double least = 0;
        softmax_link(space.logits.get(), space.allowed.get(), table.classes, table.rows.y + begin,
                     table.rows.weights ? table.rows.weights + begin : nullptr, depth, space.slopes.get(),
                     partial[at(piece * draws + s)], least);
      }
    }
  });
  for (Index s = 0; s < draws; ++s) {
    double sum = 0;
    for (Index piece = 0; piece < rows.number(); ++piece) sum += partial[at(piece * draws + s)];
    energy[s] = sum / static_cast<double>(m);
  }
}

template void softmax_energies(const ClassifiedRows<double>&, const double*, Index, int, double*);
template void softmax_energies(const ClassifiedRows<float>&, const double*, Index, int, double*);

}  // namespace pyrometer::minimum
