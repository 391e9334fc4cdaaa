#include "pyrometer/energy/network/layer.hpp"

#include <algorithm>

namespace pyrometer::energy {
namespace {

using base::Vec;

/// kUnitGroup units of kPanels panels, of which `valid` units are wanted; z goes to out, panel p at out + p * stride.
template <int kPanels, class T>
[[gnu::noinline]] void tile(Index depth, const T* __restrict x, const T* __restrict weight, Index valid, T scale,
                            const T* __restrict shift, T* __restrict out, Index stride) {
  constexpr Index L = base::kLanes<T>;
  constexpr int kUnits = static_cast<int>(kUnitGroup);
  Vec<T> sum[kUnits][kPanels] = {};
  const Index panel = depth * L;
#pragma GCC unroll 2
  for (Index k = 0; k < depth; ++k) {
    Vec<T> right[kPanels];
#pragma GCC unroll 3
    for (int n = 0; n < kPanels; ++n) base::load(x + n * panel + k * L, right[n]);
#pragma GCC unroll 8
    for (int r = 0; r < kUnits; ++r) {
      const T left = weight[r * depth + k];
#pragma GCC unroll 3
      for (int n = 0; n < kPanels; ++n) sum[r][n] += left * right[n];
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < kUnits; ++r) {
    if (r == valid) return;
#pragma GCC unroll 3
    for (int n = 0; n < kPanels; ++n) base::store<T>(out + n * stride + r * L, scale * sum[r][n] + shift[r]);
  }
}

template <int kPanels, class T>
void pass_panels(const Panels<const T>& x, Index panel, const LayerUnits<T>& layer, const Panels<const T>& target,
                 ActivationPass<T> pass, const Panels<T>& out, Index first, bool outputs, double* squares) {
  constexpr Index L = base::kLanes<T>;
  T shift[kUnitGroup] = {};
  for (Index j = 0; j < layer.units; j += kUnitGroup) {
    const Index valid = std::min(kUnitGroup, layer.units - j);
    if (layer.bias)
      for (Index r = 0; r < valid; ++r) shift[r] = layer.bias_scale * layer.bias[j + r];
    tile<kPanels>(x.width, x.at(panel, 0), layer.weight + j * x.width, valid, layer.weight_scale, shift,
                  out.at(panel, first + j), out.width * L);
  }
  for (Index p = panel; p < panel + kPanels; ++p) {
    T* const z = out.at(p, first);
    if (target.data) {
      const T* const y = target.at(p, first);
      for (Index i = 0; i < layer.units * L; ++i) z[i] -= y[i];
    }
    pass(z, layer.units, outputs, squares + p * L);
  }
}

}  // namespace

template <class T>
void pass_layer(const Panels<const T>& x, Index panels, const LayerUnits<T>& layer, const Panels<const T>& target,
                ActivationPass<T> pass, const Panels<T>& out, Index first, bool outputs, double* squares) {
  Index panel = 0;
  for (; panel + kPanelGroup <= panels; panel += kPanelGroup)
    pass_panels<kPanelGroup>(x, panel, layer, target, pass, out, first, outputs, squares);
  for (; panel < panels; ++panel) pass_panels<1>(x, panel, layer, target, pass, out, first, outputs, squares);
}

template void pass_layer(const Panels<const double>&, Index, const LayerUnits<double>&, const Panels<const double>&,
                         ActivationPass<double>, const Panels<double>&, Index, bool, double*);
template void pass_layer(const Panels<const float>&, Index, const LayerUnits<float>&, const Panels<const float>&,
                         ActivationPass<float>, const Panels<float>&, Index, bool, double*);

}  // namespace pyrometer::energy
