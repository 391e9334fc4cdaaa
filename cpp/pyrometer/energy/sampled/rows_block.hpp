// The kernel of sampled/rows.hpp: losses of a block of rows under a chunk of draws, summed over the rows.
#pragma once

#include "pyrometer/base/aligned.hpp"
#include "pyrometer/base/simd.hpp"
#include "pyrometer/energy/sampled/rows.hpp"

namespace pyrometer::energy {

/// Draws of a chunk; the last bits of results depend on it.
inline constexpr Index kDrawChunk = 384;
/// Draws in registers at a time.
inline constexpr Index kDrawGroup = base::kTilePanels * base::kLanes<double>;
static_assert(kDrawChunk % kDrawGroup == 0);

/// Parameters of up to kDrawChunk draws: theta(j, k) at [(k / kDrawGroup * parameters + j) * kDrawGroup + k %
/// kDrawGroup].
class PackedDraws {
 public:
  explicit PackedDraws(Index parameters)
      : parameters_(parameters), theta_(base::aligned_array<double>(parameters * kDrawChunk)) {}

  /// theta(j, k) = scale[j] * numbers[j * stride + k] for the first `draws` draws, rounded up to whole groups.
  void set(const double* scale, const double* numbers, Index stride, Index draws);

  [[nodiscard]] Index groups() const { return groups_; }
  [[nodiscard]] const double* group(Index g, Index parameter) const {
    return theta_.get() + (g * parameters_ + parameter) * kDrawGroup;
  }

 private:
  Index parameters_, groups_ = 0;
  base::AlignedArray<double> theta_;
};

/// Scratch memory and kernel of one worker for blocks of rows.
class RowBlocks {
 public:
  explicit RowBlocks(Index parameters);

  /// Rows in one block.
  [[nodiscard]] Index capacity() const { return capacity_; }

  /// energy[k] += sum_i w_i loss(y_i, t_i)   and   slope[k] += sum_i w_i t_i dloss/dt_i   for the rows begin .. end-1 <= begin
  /// + capacity() of one system, and all groups of draws.
  ///
  /// Serial. Not finite, in energy, if any t_i is not. Cost as in sampled/rows.hpp.
  template <class T>
  void add(const LabelledRows<T>& rows, Index system, Index begin, Index end, const PackedDraws& draws, double* energy,
           double* slope);

 private:
  template <class T>
  void fill(const LabelledRows<T>& rows, Index system, Index begin, Index end, Index first, Index depth);

  Index parameters_, parts_, capacity_;
  base::AlignedArray<double> x_, start_, products_, weights_;
};

extern template void RowBlocks::add(const LabelledRows<double>&, Index, Index, Index, const PackedDraws&, double*,
                                    double*);
extern template void RowBlocks::add(const LabelledRows<float>&, Index, Index, Index, const PackedDraws&, double*,
                                    double*);

}  // namespace pyrometer::energy
