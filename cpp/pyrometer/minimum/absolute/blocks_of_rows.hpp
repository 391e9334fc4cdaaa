// Rows of a regression in blocks of 64, stored column by column, so that kernels vectorise over rows.
#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <new>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/base/interrupt.hpp"
#include "pyrometer/base/splitmix.hpp"
#include "pyrometer/base/types.hpp"

namespace pyrometer::minimum::absolute {

using Vec = std::vector<double>;
using Indices = std::vector<Index>;
/// Signs of the residuals, +1 or -1; 0 for rows whose sign is undecided or that are interpolated.
using Signs = std::vector<std::int8_t>;

inline constexpr Index kBlock = 64;
/// Blocks per chunk of a parallel loop.
inline constexpr Index kChunk = 32;
/// Scattered rows are prefetched this many rows ahead.
inline constexpr Index kAhead = 12;

using pyrometer::at;

/// One block: column j is x[j * kBlock + l], l < 64; rows beyond the last one are zero in x and y.
struct Block {
  const double* x;
  const double* y;
};

/// How loops run: on `threads` threads, or serially where the caller is itself one worker of a parallel loop
/// (`nested`), which must not call the interrupt hook.
struct ExecutionContext {
  /// Loops that read fewer numbers than this, 0.2 to 0.4 ms of work, run serially: waking threads takes 10 to 50 us.
  /// Eight products of numbers in a register count as one that is read.
  static constexpr Index kSerialWork = 400000;

  int threads = 1;
  bool nested = false;

  void check_interrupt() const {
    if (!nested) base::throw_if_interrupted();
  }
  void for_each_chunk(Index chunks, Index work, const std::function<void(Index, int)>& body) const {
    if (!is_serial(work)) return base::for_each_chunk(chunks, threads, body);
    check_interrupt();
    for (Index chunk = 0; chunk < chunks; ++chunk) body(chunk, 0);
  }
  [[nodiscard]] int worker_count(Index chunks, Index work) const {
    return is_serial(work) ? 1 : base::worker_count(chunks, threads);
  }
  [[nodiscard]] bool is_serial(Index work) const { return nested || work < kSerialWork; }
};

/// A source of rows: what a pass over all rows needs, independent of how they are stored.
struct Source {
  Index columns = 0;
  Index count = 0;

  [[nodiscard]] Index blocks() const { return (count + kBlock - 1) / kBlock; }
  /// How many doubles of scratch space block() needs.
  [[nodiscard]] virtual Index scratch() const = 0;
  [[nodiscard]] virtual Block block(Index b, double* scratch) const = 0;
  /// Copies row i to z and returns its y.
  virtual double row(Index i, double* z) const = 0;
  /// Prefetches row i into the cache.
  virtual void prefetch(Index /*i*/) const {}

 protected:
  Source() = default;
  Source(Index of_columns, Index rows) : columns(of_columns), count(rows) {}
  Source(const Source&) = default;
  Source(Source&&) = default;
  Source& operator=(const Source&) = default;
  Source& operator=(Source&&) = default;
  ~Source() = default;
};

/// Allocates numbers that are not set: threads that fill them also touch their pages first, which takes as long.
template <class T>
struct Unset : std::allocator<T> {
  Unset() = default;
  template <class U>
  explicit(false) Unset(const Unset<U>& /*other*/) {}
  template <class U>
  struct rebind {
    using other = Unset<U>;
  };
  template <class U, class... Value>
  void construct(U* at, const Value&... value) {
    if constexpr (sizeof...(Value) == 0)
      ::new (static_cast<void*>(at)) U;
    else
      ::new (static_cast<void*>(at)) U(value...);
  }
};

/// Rows stored in blocks, usually in whitened coordinates (see Whitening), with the constant as one of the columns.
struct Rows final : Source {
  std::vector<double, Unset<double>> x;
  Vec y;

  Rows() = default;
  /// x is not set.
  Rows(Index of_columns, Index rows) : Source(of_columns, rows), x(at(blocks() * columns * kBlock)) {
    y.resize(at(blocks() * kBlock));
  }
  [[nodiscard]] Index scratch() const override { return 0; }
  [[nodiscard]] Block block(Index b, double* /*scratch*/) const override {
    return {x.data() + b * columns * kBlock, y.data() + b * kBlock};
  }
  double row(Index i, double* z) const override {
    const double* from = x.data() + (i / kBlock) * columns * kBlock + i % kBlock;
    for (Index j = 0; j < columns; ++j) z[j] = from[j * kBlock];
    return y[at(i)];
  }
  void set(Index i, const double* z, double value) {
    double* to = x.data() + (i / kBlock) * columns * kBlock + i % kBlock;
    for (Index j = 0; j < columns; ++j) to[j * kBlock] = z[j];
    y[at(i)] = value;
  }
  void append(const double* z, double value) {
    ++count;
    x.resize(at(blocks() * columns * kBlock), 0.0);
    y.resize(at(blocks() * kBlock));
    set(count - 1, z, value);
  }
};

/// The caller's data, centred when read: x - centre, y - centre of y, and a last column of ones with an intercept.
struct Table : Source {
  Index features = 0;
  bool intercept = false;
  const double* centre = nullptr;   ///< features + 1 numbers, the last for y
  const double* weights = nullptr;  ///< weight, or multiplicity, of each row; null: all 1
  bool underflows = false;          ///< whether values of X may have underflowed when scaled

  [[nodiscard]] Index scratch() const override { return (columns + 1) * kBlock; }
  [[nodiscard]] Block block(Index b, double* scratch) const override;
  /// Whether centring rows [begin, end) is free of rounding errors.
  [[nodiscard]] virtual bool exact(Index begin, Index end) const;
  /// Row i without centring: `features` numbers to x; returns its y.
  virtual double raw(Index i, double* x) const = 0;

  /// The sum of the weights of the rows.
  [[nodiscard]] double rows() const;

  double row(Index i, double* z) const override {
    const double y = raw(i, z);
    for (Index j = 0; j < features; ++j) z[j] -= centre[j];
    if (intercept) z[features] = 1;
    return y - centre[features];
  }

 protected:
  Table(Index rows, Index of_features, bool with_intercept, const double* centred)
      : Source(of_features + (with_intercept ? 1 : 0), rows),
        features(of_features),
        intercept(with_intercept),
        centre(centred) {}
  ~Table() = default;
};

/// The rounding error of the difference value - less, exactly.
inline double rounding_of_difference(double value, double less) {
  const double difference = value - less, part = difference - value;
  return (value - (difference - part)) - (less + part);
}

/// A C-contiguous table of numbers of type T.
template <class T>
struct TableOf final : Table {
  const T* X;
  const T* target;

  TableOf(const T* of_X, const T* y, Index rows, Index of_features, bool with_intercept,
          const double* centred = nullptr)
      : Table(rows, of_features, with_intercept, centred), X(of_X), target(y) {}
  [[nodiscard]] Block block(Index b, double* scratch) const override;
  [[nodiscard]] bool exact(Index begin, Index end) const override;
  double raw(Index i, double* x) const override {
    for (Index j = 0; j < features; ++j) x[j] = static_cast<double>(X[i * features + j]);
    return static_cast<double>(target[i]);
  }
  void prefetch(Index i) const override;
};

/// Row k of n, drawn from `rows` rows: one from each of n equal strata, in order, without replacement.
inline Index stratified(Index k, Index n, Index rows) {
  if (n >= rows) return k;
  const std::uint64_t h = base::mixed(static_cast<std::uint64_t>(k) + base::kSplitMix);
  const Index begin = static_cast<Index>(static_cast<double>(k) * (static_cast<double>(rows) / static_cast<double>(n)));
  const Index end =
      static_cast<Index>(static_cast<double>(k + 1) * (static_cast<double>(rows) / static_cast<double>(n)));
  return begin + static_cast<Index>(h % static_cast<std::uint64_t>(std::max<Index>(1, std::min(end, rows) - begin)));
}

}  // namespace pyrometer::minimum::absolute
