// One layer of a network for all rows of data: a matrix product whose result is packed for the next one.
#pragma once

#include <type_traits>

#include "pyrometer/base/simd.hpp"
#include "pyrometer/base/types.hpp"
#include "pyrometer/energy/network/activate.hpp"

namespace pyrometer::energy {

/// Rows of data in one panel; panels and units of a tile.
template <class T>
inline constexpr Index kPanelRows = base::kLanes<std::remove_const_t<T>>;
inline constexpr Index kPanelGroup = base::kTilePanels;
#if defined(__AVX512F__) || defined(__aarch64__)
inline constexpr Index kUnitGroup = 8;
#else
inline constexpr Index kUnitGroup = 4;
#endif

/// Some units of one layer under one law.
///
/// weight   units x depth standardised numbers, row-major; kUnitGroup - 1 more rows of finite numbers must be readable.
/// bias     units standardised numbers; nullptr for none.
template <class T>
struct LayerUnits {
  const T* weight;
  const T* bias;
  Index units;
  T weight_scale, bias_scale;
};

/// Activations of rows of data: unit j of row i at [(i / kPanelRows * width + j) * kPanelRows + i % kPanelRows].
template <class T>
struct Panels {
  T* data;
  Index width;

  [[nodiscard]] T* at(Index panel, Index unit) const { return data + (panel * width + unit) * kPanelRows<T>; }
};

/// z(j, r) = weight_scale sum_k weight(j, k) x(k, r) + bias_scale bias(j) - target(j, r), and then `pass` over z.
///
/// x        all the units of the layer before, panels 0 .. panels-1.
/// target   data nullptr for none.
/// out      written from unit `first` on: z after the pass. Aligned to a vector, as all panels.
/// squares  panels x kPanelRows sums over units, of outputs or of z, as the pass adds them.
///
/// Serial. Cost: 2 depth units flops a row, in tiles of kUnitGroup units by kPanelGroup panels; weights are read once
/// for each such group of panels, which stays in the L1 cache.
template <class T>
void pass_layer(const Panels<const T>& x, Index panels, const LayerUnits<T>& layer, const Panels<const T>& target,
                ActivationPass<T> pass, const Panels<T>& out, Index first, bool outputs, double* squares);

extern template void pass_layer(const Panels<const double>&, Index, const LayerUnits<double>&,
                                const Panels<const double>&, ActivationPass<double>, const Panels<double>&, Index, bool,
                                double*);
extern template void pass_layer(const Panels<const float>&, Index, const LayerUnits<float>&, const Panels<const float>&,
                                ActivationPass<float>, const Panels<float>&, Index, bool, double*);

}  // namespace pyrometer::energy
