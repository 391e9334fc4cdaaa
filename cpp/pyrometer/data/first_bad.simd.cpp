#include "pyrometer/data/first_bad.hpp"

#include <algorithm>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/simd.hpp"

namespace pyrometer::data {
namespace {

constexpr Index kChunk = 1 << 16;
constexpr std::uintptr_t kAhead = 1 << 12;  // bytes

// Zero if and only if the number is allowed; such products do not underflow to 0.
struct Finite {
  template <class Number>
  [[gnu::always_inline]] static void rest(const Number& x, Number& r) {
    r = x - x;
  }
};
struct Label {
  template <class Number>
  [[gnu::always_inline]] static void rest(const Number& x, Number& r) {
    r = x * (x - 1);
  }
};

template <class Rule, class T>
Index first_of(const T* x, Index count) {
  using Vec = base::Vec<T>;
  constexpr Index kStep = base::kLanes<T>;
  Index i = 0;
  // Blocks are tested as a whole, and searched element by element on failure.
  for (constexpr Index kBlock = 32 * kStep; i + kBlock <= count; i += kBlock) {
    auto bad = Vec{} != Vec{};
    base::Ahead ahead{reinterpret_cast<std::uintptr_t>(x + i) + kAhead, base::kVectorBytes};
    for (Index k = i; k < i + kBlock; k += kStep) {
      Vec v, r;
      ahead.fetch();
      base::load(x + k, v);
      Rule::rest(v, r);
      bad |= r != Vec{};
    }
    bool any = false;
    for (int lane = 0; lane < kStep; ++lane) any |= bad[lane] != 0;
    if (any) break;
  }
  for (; i < count; ++i) {
    T r;
    Rule::rest(x[i], r);
    if (r != 0) return i;
  }
  return -1;
}

}  // namespace

template <class T>
Index first_bad(const T* x, Index count, Allowed allowed, int threads) {
  const base::Chunks chunks{count, kChunk};
  std::vector<Index> first(at(chunks.number()));
  base::for_each_chunk(chunks.number(), threads, [&](Index chunk, int) {
    const Index begin = chunks.begin(chunk), size = chunks.end(chunk) - begin;
    const Index within = (allowed == Allowed::finite ? first_of<Finite, T> : first_of<Label, T>)(x + begin, size);
    first[at(chunk)] = within < 0 ? -1 : begin + within;
  });
  const auto bad = std::ranges::find_if(first, [](Index i) { return i >= 0; });
  return bad == first.end() ? -1 : *bad;
}

template Index first_bad<double>(const double*, Index, Allowed, int);
template Index first_bad<float>(const float*, Index, Allowed, int);

}  // namespace pyrometer::data
