#include "pyrometer/data/pack.hpp"

#include <algorithm>

#include "pyrometer/base/simd.hpp"
#include "pyrometer/data/products.hpp"

namespace pyrometer::data {
namespace {

constexpr int kL = base::kLanes<double>;
using V = base::Vec<double>;

// Fills `rows` rows of one panel. read(k, v) gives row k. Four partial sums, to hide the latency of additions.
template <class Read>
void pack_panel(Index rows, Read read, const double* shift, double* d, double* sums) {
  V centre, partial[4] = {};
  base::load(shift, centre);
  const auto one = [&](Index k, V& sum) {
    V v;
    read(k, v);
    v -= centre;
    base::store<double>(d + k * kL, v);
    sum += v;
  };
  Index k = 0;
  for (; k + 4 <= rows; k += 4) {
    one(k, partial[0]);
    one(k + 1, partial[1]);
    one(k + 2, partial[2]);
    one(k + 3, partial[3]);
  }
  for (; k < rows; ++k) one(k, partial[0]);
  base::store<double>(sums, (partial[0] + partial[1]) + (partial[2] + partial[3]));
}

// The last panel: fewer than kL features, then the target, then zeros.
template <class T>
void pack_last_panel(const Rows<T>& rows, Index first, const double* shift, double* d, double* sums) {
  typedef std::int64_t Bits __attribute__((vector_size(base::kVectorBytes)));
  const Index p = rows.features, used = p - first;
  Bits feature{}, target{};
  for (Index lane = 0; lane < used; ++lane) feature[lane] = -1;
  target[used] = -1;
  const T* X = rows.X + first;
  // Whole vectors while they end inside the array; lanes beyond the features are masked.
  const Index room = rows.readable - first - kL;
  const Index whole = room < 0 ? 0 : p == 0 ? rows.rows : std::min(rows.rows, room / p + 1);
  const auto read = [&](Index k, V& v) {
    if (k < whole) {
      base::load(X + k * p, v);
    } else {
      v = V{};
      for (Index lane = 0; lane < used; ++lane) v[lane] = static_cast<double>(X[k * p + lane]);
    }
    const V y = V{} + static_cast<double>(rows.y[k]);
    v = reinterpret_cast<V>((reinterpret_cast<Bits>(v) & feature) | (reinterpret_cast<Bits>(y) & target));
  };
  pack_panel(rows.rows, read, shift, d, sums);
}

}  // namespace

template <class T>
void pack(const Rows<T>& rows, const double* shift, double* d, double* sums) {
  const Index p = rows.features;
  Index first = 0;
  for (; first + kL <= p; first += kL) {
    const T* X = rows.X + first;
    const auto read = [&](Index k, V& v) { base::load(X + k * p, v); };
    pack_panel(rows.rows, read, shift + first, d + first * kBlock, sums + first);
  }
  pack_last_panel(rows, first, shift + first, d + first * kBlock, sums + first);
}

template void pack(const Rows<double>&, const double*, double*, double*);
template void pack(const Rows<float>&, const double*, double*, double*);

}  // namespace pyrometer::data
