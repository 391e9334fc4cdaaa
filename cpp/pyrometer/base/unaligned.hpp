// Vectors of numbers at any address.
#pragma once

namespace pyrometer::base {

/// A vector of `Bytes` bytes of numbers T that lies anywhere in memory, among numbers of that type:
/// reinterpret_cast<Unaligned<double, 32>*>(x)->v reads or writes x[0] to x[3].
///
/// Never a vector type with an attribute `aligned` of its own: the attribute is not part of the type, so that a
/// function that takes or returns a reference to such a vector, and every template, is compiled for vectors of the
/// natural alignment. This struct says 1 in every place, and GCC refuses to bind a reference to its member.
template <class T, int Bytes>
struct [[gnu::packed, gnu::may_alias]] Unaligned {
  typedef T Vec __attribute__((vector_size(Bytes)));
  Vec v;
};
static_assert(alignof(Unaligned<double, 64>) == 1 && sizeof(Unaligned<double, 64>) == 64);

}  // namespace pyrometer::base
