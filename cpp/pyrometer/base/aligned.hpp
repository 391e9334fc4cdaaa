// Scratch memory that starts on a cache line.
#pragma once

#include <cstddef>
#include <memory>
#include <new>

#include "pyrometer/base/types.hpp"

namespace pyrometer::base {

struct AlignedDelete {
  static constexpr std::align_val_t kAlignment{64};
  void operator()(void* memory) const { ::operator delete(memory, kAlignment); }
};

/// An array of `size` numbers, not initialised, aligned to 64 bytes.
template <class T>
using AlignedArray = std::unique_ptr<T[], AlignedDelete>;

template <class T>
[[nodiscard]] AlignedArray<T> aligned_array(Index size) {
  const std::size_t bytes = sizeof(T) * at(size);
  return AlignedArray<T>(static_cast<T*>(::operator new(bytes, AlignedDelete::kAlignment)));
}

}  // namespace pyrometer::base
