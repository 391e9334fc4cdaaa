#include "pyrometer/data/narrow.hpp"

#include <algorithm>
#include <utility>

#include "pyrometer/data/products.hpp"

namespace pyrometer::data {
namespace {

constexpr int kRotations = kNarrow / 2 + 1;
using V = base::Vec<double>;
typedef std::int64_t Bits __attribute__((vector_size(base::kVectorBytes)));
template <int I>
using Slot = std::integral_constant<int, I>;

// Lane i of out is lane i + R of v.
template <int R, int... Lane>
[[gnu::always_inline]] inline void rotate(const V& v, V& out, std::integer_sequence<int, Lane...>) {
  out = __builtin_shufflevector(v, v, (Lane + R) % kNarrow...);
}

// Calls use(k, x, slot) for every row, x its features padded with zeros; slots 0 to 3 in turn, for independent sums.
template <class T, class Use>
[[gnu::always_inline]] inline void for_each_row(const Rows<T>& rows, Use use) {
  const Index p = rows.features;
  Bits features{};
  for (Index lane = 0; lane < p; ++lane) features[lane] = -1;
  // Whole vectors while they end inside the array; lanes beyond the features are masked.
  const Index room = rows.readable - kNarrow;
  const Index whole = room < 0 || p == 0 ? 0 : room / p + 1;
  const auto one = [&](Index k, auto slot) {
    const T* x = rows.X + k * p;
    V v{};
    if (k < whole) [[likely]] {
      base::load(x, v);
      v = reinterpret_cast<V>(reinterpret_cast<Bits>(v) & features);
    } else {
      for (Index lane = 0; lane < p; ++lane) v[lane] = static_cast<double>(x[lane]);
    }
    use(k, v, slot);
  };
  Index k = 0;
  for (; k + 4 <= rows.rows; k += 4) {
    one(k, Slot<0>{});
    one(k + 1, Slot<1>{});
    one(k + 2, Slot<2>{});
    one(k + 3, Slot<3>{});
  }
  for (; k < rows.rows; ++k) one(k, Slot<0>{});
}

// y(k) - shift; their sum and the sum of their squares.
template <class T>
[[gnu::always_inline]] inline void targets(const T* from, Index rows, double shift, double* y, double& sum,
                                           double& squares) {
  V total{}, squared{};
  Index k = 0;
  for (; k + kNarrow <= rows; k += kNarrow) {
    V v;
    base::load(from + k, v);
    v -= shift;
    base::store<double>(y + k, v);
    total += v;
    squared += v * v;
  }
  for (int lane = 0; k < rows; ++k, ++lane) {
    y[k] = static_cast<double>(from[k]) - shift;
    total[lane] += y[k];
    squared[lane] += y[k] * y[k];
  }
  for (int lane = 0; lane < kNarrow; ++lane) {
    sum += total[lane];
    squares += squared[lane];
  }
}

}  // namespace

template <class T>
void add_narrow(const Rows<T>& rows, const double* shift, double* off, double* c, const T* ahead) {
  const Index p = rows.features, ld = padded(p + 1);
  V centre, sum[4] = {}, with_target{}, products[kRotations] = {};
  base::load(shift, centre);
  for (Index lane = p; lane < kNarrow; ++lane) centre[lane] = 0;

  double y[kBlock], target = 0, square = 0;
  targets(rows.y, rows.rows, shift[p], y, target, square);
  for_each_row(rows, [&](Index i, const V& x, auto slot) {
    __builtin_prefetch(ahead + i * p, 0, 2);
    const V d = x - centre;
    sum[slot] += d;
    with_target += y[i] * d;
    [&]<int... R>(std::integer_sequence<int, R...>) {
      const auto add = [&](int r, const V& rotated) { products[r] += d * rotated; };
      V rotated;
      ((rotate<R>(d, rotated, std::make_integer_sequence<int, kNarrow>{}), add(R, rotated)), ...);
    }(std::make_integer_sequence<int, kRotations>{});
  });

  for (int r = 0; r < kRotations; ++r)
    for (Index i = 0; i < p; ++i) {
      const Index j = (i + r) % kNarrow;
      if (j < p && (i <= j || 2 * r != kNarrow)) c[std::min(i, j) * ld + std::max(i, j)] += products[r][i];
    }
  for (Index j = 0; j < p; ++j) {
    off[j] += (sum[0][j] + sum[1][j]) + (sum[2][j] + sum[3][j]);
    c[j * ld + p] += with_target[j];
  }
  off[p] += target;
  c[p * ld + p] += square;
}

template void add_narrow(const Rows<double>&, const double*, double*, double*, const double*);
template void add_narrow(const Rows<float>&, const double*, double*, double*, const float*);

}  // namespace pyrometer::data
