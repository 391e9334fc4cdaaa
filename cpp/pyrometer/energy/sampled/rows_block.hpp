// The kernel of sampled/rows.hpp: losses of a block of rows under a chunk of draws, summed over the rows.
#pragma once

#include <vector>

#include "pyrometer/base/aligned.hpp"
#include "pyrometer/base/simd.hpp"
#include "pyrometer/energy/sampled/rows.hpp"

namespace pyrometer::energy {

/// Draws of a chunk; the last bits of results depend on it.
inline constexpr Index kDrawChunk = 384;
/// Draws in registers at a time.
inline constexpr Index kDrawGroup = base::kTilePanels * base::kLanes<double>;
/// The same in single precision.
inline constexpr Index kSingleGroup = base::kTilePanels * base::kLanes<float>;
static_assert(kDrawChunk % kDrawGroup == 0 && kDrawChunk % kSingleGroup == 0);

/// Parameters of up to kDrawChunk draws: theta(j, k) at [(k / kDrawGroup * parameters + j) * kDrawGroup + k %
/// kDrawGroup].
class PackedDraws {
 public:
  explicit PackedDraws(Index parameters)
      : parameters_(parameters), theta_(base::aligned_array<double>(parameters * kDrawChunk)) {}

  /// theta(j, k) = scale[j] * numbers[j * stride + k] for the first `draws` draws, rounded up to whole groups. If
  /// `single`, the numbers alone, in single precision and groups of kSingleGroup: scales multiply the rows.
  void set(const double* scale, const double* numbers, Index stride, Index draws, bool single);

  [[nodiscard]] Index groups() const { return groups_; }
  /// The scales if the draws are in single precision, else null.
  [[nodiscard]] const double* single() const { return single_; }
  [[nodiscard]] const float* single_group(Index g, Index parameter) const {
    return reinterpret_cast<const float*>(theta_.get()) + (g * parameters_ + parameter) * kSingleGroup;
  }
  [[nodiscard]] const double* group(Index g, Index parameter) const {
    return theta_.get() + (g * parameters_ + parameter) * kDrawGroup;
  }

 private:
  Index parameters_, groups_ = 0;
  const double* single_ = nullptr;
  base::AlignedArray<double> theta_;
};

/// Scratch memory and kernel of one worker for blocks of rows.
class RowBlocks {
 public:
  explicit RowBlocks(Index parameters);

  /// Rows in one block.
  [[nodiscard]] Index capacity() const { return capacity_; }

  /// energy[k] += sum_i w_i loss(y_i, t_i)   and   slope[k] += sum_i w_i t_i dloss/dt_i
  ///
  /// for the rows begin .. end - 1 of one system, at most capacity() rows, and all groups of draws.
  ///
  /// Serial. energy is not finite if any t_i is not. Single precision if the draws are. Cost as in sampled/rows.hpp.
  template <class T>
  void add(const LabelledRows<T>& rows, Index system, Index begin, Index end, const PackedDraws& draws, double* energy,
           double* slope);

 private:
  template <class T>
  void fill(const LabelledRows<T>& rows, Index system, Index begin, Index end, Index first, Index depth);
  double set_shares(const LabelledRows<float>& rows, Index first, Index count, const double* scale);
  void fill_single(const LabelledRows<float>& rows, Index system, Index begin, Index end, Index first, Index depth);
  void add_single(const LabelledRows<float>& rows, Index system, Index begin, Index end, const PackedDraws& draws,
                  double* energy, double* slope);

  Index parameters_, parts_, capacity_;
  base::AlignedArray<double> x_, start_, products_, weights_;
  std::vector<double> shares_;  // factors of features in single precision
};

extern template void RowBlocks::add(const LabelledRows<double>&, Index, Index, Index, const PackedDraws&, double*,
                                    double*);
extern template void RowBlocks::add(const LabelledRows<float>&, Index, Index, Index, const PackedDraws&, double*,
                                    double*);

}  // namespace pyrometer::energy
