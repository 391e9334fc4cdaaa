#include "pyrometer/data/resampled.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <utility>
#include <vector>

#include "pyrometer/base/aligned.hpp"
#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/require.hpp"
#include "pyrometer/base/tile.hpp"

namespace pyrometer::data {
namespace {

constexpr int kTogether = base::kLanes<double>;
constexpr Index kChunk = 64;              // resamples per chunk: random numbers are generated for 64 draws at a time
constexpr Index kLeast = Index{1} << 23;  // products worth a second thread: some milliseconds
constexpr Index kDrawing = 16;            // cost of a random block, in products
constexpr Index kDepth = 128;             // blocks whose weights and three panels of sums stay in the L1 cache
constexpr Index kSparse = 4;              // panels of which more blocks than one in so many have sums are dense

using Product = void (*)(Index depth, const double* a, const double* b, Index stride, double* c, Index ld);

template <int Panels>
void product(Index depth, const double* a, const double* b, Index stride, double* c, Index ld) {
  base::Ahead none;
  base::tile<kTogether, Panels>(depth, a, b, stride, c, ld, none);
}

// products[n - 1] is kTogether rows high and n panels wide.
template <int... N>
constexpr auto products_of(std::integer_sequence<int, N...>) {
  return std::array<Product, sizeof...(N)>{product<N + 1>...};
}
constexpr auto products = products_of(std::make_integer_sequence<int, base::kTilePanels>{});

// Sums over blocks in panels of kTogether columns, and the product with weights: kTogether resamples at a time. Of
// sparse panels, such as those of counts of many values, the blocks without sums are passed over.
class Packed {
 public:
  explicit Packed(Matrix sums) : blocks_(sums.rows), panels_((sums.cols + kTogether - 1) / kTogether) {
    data_ = base::aligned_array<double>(blocks_ * panels_ * kTogether);
    std::fill_n(data_.get(), blocks_ * panels_ * kTogether, 0.0);
    for (Index b = 0; b < blocks_; ++b)
      for (Index c = 0; c < sums.cols; ++c) data_[offset(c / kTogether, b) + at(c % kTogether)] = sums.row(b)[c];
    filled_.resize(at(panels_));
    for (Index p = 0; p < panels_; ++p) {
      std::vector<Index>& filled = filled_[at(p)];
      for (Index b = 0; b < blocks_ && static_cast<Index>(filled.size()) * kSparse <= blocks_; ++b) {
        const double* const row = data_.get() + offset(p, b);
        if (std::any_of(row, row + kTogether, [](double sum) { return sum != 0; })) filled.push_back(b);
      }
      if (is_sparse(p))
        for (Index i = 0; i < static_cast<Index>(filled.size()); ++i)
          std::copy_n(data_.get() + offset(p, filled[at(i)]), kTogether, data_.get() + offset(p, i));
    }
  }

  [[nodiscard]] Index blocks() const { return blocks_; }
  [[nodiscard]] Index width() const { return panels_ * kTogether; }

  // out(r, c) += sum_b weights(b, r) sums(b, c); weights b x kTogether, out kTogether x width().
  void multiply(const double* weights, double* out) const {
    for (Index begin = 0; begin < blocks_; begin += kDepth) {
      const Index depth = std::min(kDepth, blocks_ - begin);
      for (Index p = 0; p < panels_;) {
        Index n = 0;
        while (n < base::kTilePanels && p + n < panels_ && !is_sparse(p + n)) ++n;
        if (n > 0)
          products[at(n - 1)](depth, weights + begin * kTogether, data_.get() + offset(p, begin), blocks_ * kTogether,
                              out + p * kTogether, width());
        p += std::max<Index>(n, 1);
      }
    }
    std::vector<double> drawn(at(blocks_ / kSparse * kTogether));  // weights of the blocks of a sparse panel
    for (Index p = 0; p < panels_; ++p) {
      if (!is_sparse(p)) continue;
      double* end = drawn.data();
      for (const Index b : filled_[at(p)]) end = std::copy_n(weights + b * kTogether, kTogether, end);
      products[0]((end - drawn.data()) / kTogether, drawn.data(), data_.get() + offset(p, 0), 0, out + p * kTogether,
                  width());
    }
  }

 private:
  [[nodiscard]] bool is_sparse(Index panel) const {
    return static_cast<Index>(filled_[at(panel)].size()) * kSparse <= blocks_;
  }

  [[nodiscard]] std::size_t offset(Index panel, Index block) const { return at((panel * blocks_ + block) * kTogether); }

  Index blocks_, panels_;
  base::AlignedArray<double> data_;
  std::vector<std::vector<Index>> filled_;  // blocks of each panel that have sums, which come first in a sparse one
};

std::vector<double> total(Matrix sums) {
  std::vector<double> result(at(sums.cols));
  for (Index b = 0; b < sums.rows; ++b)
    for (Index c = 0; c < sums.cols; ++c) result[at(c)] += sums.row(b)[c];
  return result;
}

// The index below `number` that a uniform in (-1/2, 1/2) selects; the sum may round up to 1.
Index picked(double uniform, Index number) {
  return std::min(static_cast<Index>((uniform + 0.5) * static_cast<double>(number)), number - 1);
}

// weights(b, r): how often resample r has drawn block b, when each draws as many blocks as there are.
void draw(const double* uniforms, Index stride, Index lanes, Index blocks, double* weights) {
  std::fill_n(weights, blocks * kTogether, 0.0);
  for (Index i = 0; i < blocks; ++i)
    for (Index r = 0; r < lanes; ++r) weights[picked(uniforms[i * stride + r], blocks) * kTogether + r] += 1;
}

// weights(b, r): 1 for the `chosen` blocks that resample r has drawn without replacement, else 0.
void deal(const double* uniforms, Index stride, Index lanes, Index blocks, Index chosen, std::vector<Index>& order,
          double* weights) {
  std::fill_n(weights, blocks * kTogether, 0.0);
  for (Index r = 0; r < lanes; ++r) {
    std::iota(order.begin(), order.end(), Index{0});
    for (Index i = 0; i < chosen; ++i) {
      Index *const here = order.data() + i, *const there = here + picked(uniforms[i * stride + r], blocks - i);
      std::swap(*here, *there);
      weights[*here * kTogether + r] = 1;
    }
  }
}

void write(BlockState& state, const double* sums, Density density, double* out) {
  (void)state.fit(sums, density);
  out[0] = state.energy;
  out[1] = state.entropy;
}

// Fits two samples and writes their changes.
class Pair {
 public:
  Pair(Index columns, Density density, Least least, const double* apart = nullptr)
      : d_(block_coordinates(columns)),
        density_(density),
        least_(least),
        apart_(apart),
        old_(d_),
        now_(d_),
        scratch_(size()) {}

  void write(const double* old, const double* now, double* out) {
    const bool before = old_.fit(old, density_, least_), after = now_.fit(now, density_, least_);
    out[0] = now_.energy - old_.energy;
    out[1] = now_.entropy - old_.entropy;
    out[2] = before && after ? divergence(old_, now_, density_, scratch_.data(), apart_) : NAN;
  }

 private:
  [[nodiscard]] std::size_t size() const { return at(d_ * (d_ + 1)); }

  Index d_;
  Density density_;
  Least least_;
  const double* apart_;
  BlockState old_, now_;
  std::vector<double> scratch_;
};

void require_sizes(Matrix sums, Index resamples, int threads) {
  require(sums.rows >= 1, "sums must have at least one block, got ", sums.rows);
  require(resamples >= 0, "resamples must be at least 0, got ", resamples);
  require(threads >= 0, "threads must be at least 0, got ", threads);
}

void require_sums(Matrix sums, Index resamples, int threads) {
  require_sizes(sums, resamples, threads);
  (void)block_coordinates(sums.cols);
}

void require_pair(Matrix old, Matrix now, Index resamples, int threads) {
  require_sums(old, resamples, threads);
  require_sums(now, resamples, threads);
  require(old.cols == now.cols, "both samples must have the same columns, got ", old.cols, " and ", now.cols);
}

// Calls body(first, lanes, workspace) for groups of up to kTogether resamples: workspace.uniforms(i, r) are their
// random numbers, `numbers` for each resample.
struct Workspace {
  const double* uniforms;
  double* weights;
  double* sums;  // two samples, kTogether x width each
};

template <class Body>
void for_each_group(Index resamples, int threads, base::Seed seed, Index numbers, Index blocks, Index width,
                    Body body) {
  const base::Chunks chunks{resamples, kChunk};
  if (resamples * blocks * (width + kDrawing) < kLeast) threads = 1;
  const Index share = (numbers + 1) * kChunk + (blocks + 2 * width) * kTogether;
  const Index workers = base::worker_count(chunks.number(), threads);
  const auto memory = base::aligned_array<double>(workers * share);
  base::for_each_chunk(chunks.number(), threads, [&](Index chunk, int worker) {
    double* const uniforms = memory.get() + worker * share;
    double* const weights = uniforms + (numbers + 1) / 2 * 2 * kChunk;
    const Index begin = chunks.begin(chunk), draws = chunks.end(chunk) - begin;
    base::uniforms(seed, begin, draws, 0, numbers, uniforms);
    for (Index r = 0; r < draws; r += kTogether) {
      const Workspace work{uniforms + r, weights, weights + blocks * kTogether};
      std::fill_n(work.sums, 2 * width * kTogether, 0.0);
      body(begin + r, std::min<Index>(kTogether, draws - r), draws, worker, work);
    }
  });
}

}  // namespace

void redrawn_states(Matrix sums, Density density, base::Seed seed, Index resamples, int threads, double* out) {
  require_sums(sums, resamples, threads);
  const Packed packed(sums);
  std::vector<BlockState> states(at(base::worker_count(resamples, threads)) + 1,
                                 BlockState(block_coordinates(sums.cols)));
  write(states[0], total(sums).data(), density, out);
  for_each_group(resamples, threads, seed, sums.rows, sums.rows, packed.width(),
                 [&](Index first, Index lanes, Index stride, int worker, const Workspace& work) {
                   BlockState& state = states[at(worker)];
                   draw(work.uniforms, stride, lanes, sums.rows, work.weights);
                   packed.multiply(work.weights, work.sums);
                   for (Index r = 0; r < lanes; ++r)
                     write(state, work.sums + r * packed.width(), density, out + (first + r + 1) * 2);
                 });
}

void redrawn_sums(Matrix sums, Index skipped, base::Seed seed, Index resamples, int threads, double* out) {
  require_sizes(sums, resamples, threads);
  require(skipped >= 0 && skipped % 2 == 0, "skipped draws must be an even number of at least 0, got ", skipped);
  const Packed packed(sums);
  for_each_group(resamples, threads, seed, skipped + sums.rows, sums.rows, packed.width(),
                 [&](Index first, Index lanes, Index stride, int, const Workspace& work) {
                   draw(work.uniforms + skipped * stride, stride, lanes, sums.rows, work.weights);
                   packed.multiply(work.weights, work.sums);
                   for (Index r = 0; r < lanes; ++r)
                     std::copy_n(work.sums + r * packed.width(), sums.cols, out + (first + r) * sums.cols);
                 });
}

void dealt_sums(Matrix sums, Index chosen, base::Seed seed, Index resamples, int threads, double* out) {
  require_sizes(sums, resamples, threads);
  require(1 <= chosen && chosen <= sums.rows, "chosen must be 1 to the number of blocks, got ", chosen);
  const Packed packed(sums);
  std::vector<std::vector<Index>> orders(at(base::worker_count(resamples, threads)) + 1,
                                         std::vector<Index>(at(sums.rows)));
  for_each_group(resamples, threads, seed, chosen, sums.rows, packed.width(),
                 [&](Index first, Index lanes, Index stride, int worker, const Workspace& work) {
                   deal(work.uniforms, stride, lanes, sums.rows, chosen, orders[at(worker)], work.weights);
                   packed.multiply(work.weights, work.sums);
                   for (Index r = 0; r < lanes; ++r)
                     std::copy_n(work.sums + r * packed.width(), sums.cols, out + (first + r) * sums.cols);
                 });
}

void redrawn_shifts(Matrix old, Matrix now, const double* apart, Density density, base::Seed seed, Index resamples,
                    int threads, double* out) {
  require_pair(old, now, resamples, threads);
  const std::array<Packed, 2> packed{Packed(old), Packed(now)};
  const Index width = packed[0].width(), second = (old.rows + 1) / 2 * 2;
  const Pair pair(old.cols, density, Least::required, apart);
  std::vector<Pair> pairs(at(base::worker_count(resamples, threads)) + 1, pair);
  pairs[0].write(total(old).data(), total(now).data(), out);
  for_each_group(resamples, threads, seed, second + now.rows, std::max(old.rows, now.rows), width,
                 [&](Index first, Index lanes, Index stride, int worker, const Workspace& work) {
                   for (Index s = 0; s < 2; ++s) {
                     const Packed& sample = packed[at(s)];
                     draw(work.uniforms + s * second * stride, stride, lanes, sample.blocks(), work.weights);
                     sample.multiply(work.weights, work.sums + s * width * kTogether);
                   }
                   for (Index r = 0; r < lanes; ++r) {
                     const double* const sums = work.sums + r * width;
                     pairs[at(worker)].write(sums, sums + width * kTogether, out + (first + r + 1) * 3);
                   }
                 });
}

void dealt_shifts(Matrix old, Matrix now, Index old_dealt, Index now_dealt, Density density, base::Seed seed,
                  Index resamples, int threads, double* out) {
  require_pair(old, now, resamples, threads);
  require(1 <= old_dealt && old_dealt <= old.rows && 1 <= now_dealt && now_dealt <= now.rows,
          "dealt blocks must be 1 to the blocks of each sample, got ", old_dealt, " and ", now_dealt);
  const Index cols = old.cols, both = old_dealt + now_dealt, chosen = std::min(old_dealt, now_dealt);
  std::vector<double> dealt(old.data, old.data + old_dealt * cols);
  dealt.insert(dealt.end(), now.data, now.data + now_dealt * cols);
  const Packed packed({dealt.data(), both, cols});
  const Index width = packed.width();
  const std::vector<double> all = total({dealt.data(), both, cols});
  const std::vector<double> kept[] = {total({old.row(old_dealt), old.rows - old_dealt, cols}),
                                      total({now.row(now_dealt), now.rows - now_dealt, cols})};
  const std::size_t few = old_dealt <= now_dealt ? 0 : 1;
  const auto workers = at(base::worker_count(resamples, threads)) + 1;
  std::vector<Pair> pairs(workers, Pair(cols, density, Least::imposed));
  std::vector<std::vector<Index>> orders(workers, std::vector<Index>(at(both)));
  pairs[0].write(total(old).data(), total(now).data(), out);
  for_each_group(resamples, threads, seed, chosen, both, width,
                 [&](Index first, Index lanes, Index stride, int worker, const Workspace& work) {
                   const auto w = at(worker);
                   deal(work.uniforms, stride, lanes, both, chosen, orders[w], work.weights);
                   packed.multiply(work.weights, work.sums);
                   for (Index r = 0; r < lanes; ++r) {
                     double* const sums[] = {work.sums + r * width, work.sums + (kTogether + r) * width};
                     for (Index c = 0; c < cols; ++c) {
                       const auto column = at(c);
                       sums[1][c] = all[column] - sums[0][c] + kept[1 - few][column];
                       sums[0][c] += kept[few][column];
                     }
                     pairs[w].write(sums[few], sums[1 - few], out + (first + r + 1) * 3);
                   }
                 });
}

}  // namespace pyrometer::data
