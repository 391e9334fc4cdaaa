// Vectors at unaligned addresses.
#pragma once

namespace pyrometer::base {

/// A vector of `Bytes` bytes of numbers T at any address of an array of such numbers:
/// reinterpret_cast<Unaligned<double, 32>*>(x)->v reads or writes x[0] to x[3].
///
/// A vector type with its own attribute `aligned` does not work: the attribute is not part of the type, so functions
/// that take or return a reference to such a vector, and templates, are compiled for the natural alignment. This struct
/// has alignment 1 everywhere, and GCC refuses to bind a reference to its member.
template <class T, int Bytes>
struct [[gnu::packed, gnu::may_alias]] Unaligned {
  typedef T Vec __attribute__((vector_size(Bytes)));
  Vec v;
};
static_assert(alignof(Unaligned<double, 64>) == 1 && sizeof(Unaligned<double, 64>) == 64);

}  // namespace pyrometer::base
