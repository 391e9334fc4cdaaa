// The widest vector of doubles of the instruction-set level, for the few kernels that compilers do not vectorise well.
//
// Results made with mul_add() round once where the level has fma and twice where it does not: the last bits differ
// between levels, which the kernel's header must say. Random streams therefore do not use it.
#pragma once

#if defined(__AVX512F__) || (defined(__AVX2__) && defined(__FMA__))
#include <immintrin.h>
#endif

namespace pyrometer::base {

#if defined(__AVX512F__)

using Lanes = __m512d;
inline Lanes broadcast(double value) { return _mm512_set1_pd(value); }
inline Lanes mul_add(Lanes a, Lanes b, Lanes c) { return _mm512_fmadd_pd(a, b, c); }

#elif defined(__AVX2__) && defined(__FMA__)

using Lanes = __m256d;
inline Lanes broadcast(double value) { return _mm256_set1_pd(value); }
inline Lanes mul_add(Lanes a, Lanes b, Lanes c) { return _mm256_fmadd_pd(a, b, c); }

#else

using Lanes = double __attribute__((vector_size(16), may_alias));
inline Lanes broadcast(double value) { return Lanes{value, value}; }
inline Lanes mul_add(Lanes a, Lanes b, Lanes c) { return a * b + c; }

#endif

inline constexpr int kLaneCount = static_cast<int>(sizeof(Lanes) / sizeof(double));

/// `at` is aligned to the vector.
inline Lanes load(const double* at) { return *reinterpret_cast<const Lanes*>(at); }
inline void store(double* at, Lanes value) { *reinterpret_cast<Lanes*>(at) = value; }

}  // namespace pyrometer::base
