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

// The first lanes of a vector; zeros in the others.
struct Lanes {
  Bits kept{};
  explicit Lanes(Index first) {
    Bits lane;
    for (int i = 0; i < kNarrow; ++i) lane[i] = i;
    kept = lane < first;
  }
  [[gnu::always_inline]] void keep(V& v) const { v = reinterpret_cast<V>(reinterpret_cast<Bits>(v) & kept); }
};

// Calls use(k, x, slot) for every row k, with its features x padded with zeros. Slots are 0 to 3 in turn, for
// independent sums, or always 0.
template <int kSlots, class T, class Use>
[[gnu::always_inline]] inline void for_each_row(const Rows<T>& rows, Use use) {
  const Index p = rows.features;
  const Lanes features(p);
  // Whole vectors while they end inside the array; lanes beyond the features are masked.
  const Index room = rows.readable - kNarrow;
  const Index whole = room < 0 || p == 0 ? 0 : room / p + 1;
  T rest[4 * kNarrow]{};
  const auto at = [&](Index k, Index count, Index& step) {
    const T* x = rows.X + k * p;
    step = p;
    if (k + count > whole) [[unlikely]] {
      for (Index r = 0; r < count; ++r) std::copy_n(x + r * p, p, rest + r * kNarrow);
      x = rest;
      step = kNarrow;
    }
    return x;
  };
  const auto one = [&](Index k, const T* x, auto slot) {
    V v;
    base::load(x, v);
    features.keep(v);
    use(k, v, slot);
  };
  Index k = 0, step = p;
  for (; kSlots == 4 && k + 4 <= rows.rows; k += 4) {
    const T* x = at(k, 4, step);
    one(k, x, Slot<0>{});
    one(k + 1, x + step, Slot<1>{});
    one(k + 2, x + 2 * step, Slot<2>{});
    one(k + 3, x + 3 * step, Slot<3>{});
  }
  for (; k < rows.rows; ++k) one(k, at(k, 1, step), Slot<0>{});
}

[[gnu::always_inline]] inline double sum_of(const V& v) {
  double sum = 0;
  for (int lane = 0; lane < kNarrow; ++lane) sum += v[lane];
  return sum;
}

// y(k) - shift, zeros behind them up to a whole vector; their sum and the sum of their squares.
template <class T>
[[gnu::always_inline]] inline void targets(const Rows<T>& rows, double shift, double* y, double& sum, double& squares) {
  V total{}, squared{};
  // As many targets are readable as rows.
  const Index m = rows.rows, readable = rows.features > 0 ? rows.readable / rows.features : m;
  for (Index k = 0; k < m; k += kNarrow) {
    V v{};
    if (k + kNarrow <= readable) [[likely]] {
      base::load(rows.y + k, v);
    } else {
      for (Index lane = 0; k + lane < m; ++lane) v[lane] = static_cast<double>(rows.y[k + lane]);
    }
    v -= shift;
    if (k + kNarrow > m) Lanes(m - k).keep(v);
    base::store<double>(y + k, v);
    total += v;
    squared += v * v;
  }
  sum += sum_of(total);
  squares += sum_of(squared);
}

template <class T>
[[gnu::always_inline]] inline void load_shift(const Rows<T>& rows, const double* shift, V& centre) {
  base::load(shift, centre);
  Lanes(rows.features).keep(centre);
}

}  // namespace

template <class T>
void add_mean(const Rows<T>& rows, double* shift) {
  V centre, sum{};
  load_shift(rows, shift, centre);
  for_each_row<1>(rows, [&](Index, const V& x, auto) { sum += x - centre; });
  double y[kBlock], target = 0, square = 0;
  const Index p = rows.features;
  targets(rows, shift[p], y, target, square);
  const double m = static_cast<double>(rows.rows);
  sum /= m;
  for (Index j = 0; j < p; ++j) shift[j] += sum[j];
  shift[p] += target / m;
}

template <class T>
void add_narrow(const Rows<T>& rows, const double* shift, double* off, double* c, const T* ahead) {
  const Index p = rows.features, ld = padded(p + 1);
  V centre, sum[4] = {}, with_target{}, products[kRotations] = {};
  load_shift(rows, shift, centre);

  double y[kBlock], target = 0, square = 0;
  targets(rows, shift[p], y, target, square);
  for_each_row<4>(rows, [&](Index i, const V& x, auto slot) {
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

  // Lane i of rotation r is the product of i and i + r, or of i and i + r - kNarrow.
  for (int r = 0; r < kRotations; ++r) {
    for (Index i = 0; i < p - r; ++i) c[i * ld + i + r] += products[r][i];
    if (2 * r == kNarrow) break;
    for (Index i = kNarrow - r; i < p; ++i) c[(i + r - kNarrow) * ld + i] += products[r][i];
  }
  sum[0] = (sum[0] + sum[1]) + (sum[2] + sum[3]);
  for (Index j = 0; j < p; ++j) {
    off[j] += sum[0][j];
    c[j * ld + p] += with_target[j];
  }
  off[p] += target;
  c[p * ld + p] += square;
}

template void add_mean(const Rows<double>&, double*);
template void add_mean(const Rows<float>&, double*);
template void add_narrow(const Rows<double>&, const double*, double*, double*, const double*);
template void add_narrow(const Rows<float>&, const double*, double*, double*, const float*);

}  // namespace pyrometer::data
