#include "pyrometer/energy/network/activate.hpp"

#include <cstdint>
#include <type_traits>

namespace pyrometer::energy {
namespace {

using base::kLanes;
using base::Vec;

template <class T>
struct Number;

/// Coefficients from the highest power down; each polynomial interpolates at the Chebyshev points of its interval.
template <>
struct Number<double> {
  using Integer = std::int64_t;
  static constexpr Integer kSign = Integer{1} << 63;
  static constexpr int kMantissa = 52, kHalfDigits = 27;
  static constexpr double kMagic = 0x1.8p52 + 1023;  // adding it rounds to an integer with the bias of exponents
  static constexpr double kDeepest = 708;            // e^-708 is still normal
  static constexpr double kFlatTanh = 20, kFlatErf = 6, kFlatNormal = 37.5;  // beyond, the result is 1 or below e^-703
  static constexpr double kHalfWay = 3.75;
  /// (e^r - 1 - r) / r^2, |r| <= ln 2 / 2.
  static constexpr double kExp[] = {
      0x1.af38d53857513p-26, 0x1.2891a8c1d838dp-22, 0x1.71de0d9c145d0p-19, 0x1.a019b8ef67c6cp-16, 0x1.a01a01a7c8d47p-13,
      0x1.6c16c17893833p-10, 0x1.11111111109adp-7,  0x1.5555555553d4fp-5,  0x1.5555555555556p-3,  0x1.0000000000001p-1};
  /// (artanh(s) / s - 1) / z, z = s^2 <= 1/9.
  static constexpr double kArtanh[] = {
      0x1.4b0a26c5f2aefp-4, 0x1.687a6e7c95176p-5, 0x1.eb905e8575054p-5, 0x1.10ac75dc602b1p-4, 0x1.3b18b294bebf9p-4,
      0x1.745cf0b0e03bdp-4, 0x1.c71c727143318p-4, 0x1.24924923d44c6p-3, 0x1.999999999a3ddp-3, 0x1.5555555555555p-2};
  /// erf(x) / x, x^2 <= 1.
  static constexpr double kErf[] = {0x1.43f6d0dee7032p-27,  -0x1.462a758d4591dp-23, 0x1.b5d3ea9fd0b5ap-20,
                                    -0x1.f4684782919e8p-17, 0x1.f99c295886f05p-14,  -0x1.c02d67e37081ep-11,
                                    0x1.565bcb082cca2p-8,   -0x1.b82ce3026aae0p-6,  0x1.ce2f21a000d30p-4,
                                    -0x1.812746b037352p-2,  0x1.20dd750429b6bp+0};
  /// (1 + 2 a) e^(a^2) erfc(a) in u = (a - kHalfWay) / (a + kHalfWay), a in [0, 27] (Shepherd, Laframboise 1981).
  static constexpr double kErfc[] = {
      0x1.8f0ffdbb20089p-28,  0x1.0e4712c0b6414p-25, -0x1.4af9367a85627p-29, -0x1.1796a467a1621p-22,
      -0x1.ce236c96bb462p-26, 0x1.d92c522deabb1p-20, -0x1.0ab1065d04e73p-20, -0x1.805bfed8b2914p-17,
      0x1.77ad9deacbac3p-16,  0x1.b14ecdf512975p-15, -0x1.30402a37e014ap-12, 0x1.33fac2ca97845p-12,
      0x1.cc3a13770104ap-10,  -0x1.3f603bae031abp-7, 0x1.d0b0037644f9dp-6,   -0x1.e0d0fa713e946p-5,
      0x1.7a14188ab0315p-4,   -0x1.bda9309a14364p-4, 0x1.510169d096097p-4,   0x1.d5f294814d7adp-9,
      -0x1.1f367683f89a1p-3,  0x1.3ccda0b5d5dc3p+0};
};

template <>
struct Number<float> {
  using Integer = std::int32_t;
  static constexpr Integer kSign = Integer{1} << 31;
  static constexpr int kMantissa = 23, kHalfDigits = 12;
  static constexpr float kMagic = 0x1.8p23f + 127;
  static constexpr float kDeepest = 85;
  static constexpr float kFlatTanh = 10, kFlatErf = 4, kFlatNormal = 12.5;
  static constexpr float kHalfWay = 2;
  static constexpr float kExp[] = {0x1.6d113cp-10f, 0x1.120ba2p-7f, 0x1.55551ap-5f, 0x1.5554dcp-3f, 0x1p-1f};
  static constexpr float kArtanh[] = {0x1.12f598p-3f, 0x1.21249ap-3f, 0x1.99ad6cp-3f, 0x1.55554cp-2f};
  static constexpr float kErf[] = {-0x1.281efap-11f, 0x1.428d76p-8f,  -0x1.b5b310p-6f,
                                   0x1.ce0ab2p-4f,   -0x1.812680p-2f, 0x1.20dd74p+0f};
  static constexpr float kErfc[] = {-0x1.bcb986p-12f, -0x1.4b61a0p-10f, 0x1.5c1280p-10f, 0x1.1be90ap-7f,
                                    -0x1.08231ap-7f,  -0x1.bc1f8ep-5f,  0x1.4ffc06p-3f,  -0x1.5407c2p-3f,
                                    -0x1.7bf60ep-4f,  0x1.46e80ep+0f};
};

template <class T>
struct Integers {
  typedef typename Number<T>::Integer Vec __attribute__((vector_size(base::kVectorBytes)));
};

template <class T, std::size_t N>
[[gnu::always_inline]] inline void polynomial(const T (&coefficients)[N], const Vec<T>& x, Vec<T>& p) {
  p = coefficients[0] - Vec<T>{};
#pragma GCC unroll 32
  for (std::size_t i = 1; i < N; ++i) p = p * x + coefficients[i];
}

/// 1 / d for d in [1, 1e6].
template <class T>
[[gnu::always_inline]] inline void reciprocal(const Vec<T>& d, Vec<T>& r) {
#if defined(__AVX512F__)
  // Newton's method on an estimate of 14 bits, two steps or one, takes 6 cycles; a division takes 16.
  if constexpr (std::is_same_v<T, double>) {
    r = __builtin_ia32_rcp14pd512_mask(d, Vec<T>{}, 0xFF);
    const Vec<T> e = 1 - d * r;
    r += r * e;
    r += r * (e * e);
  } else {
    r = __builtin_ia32_rcp14ps512_mask(d, Vec<T>{}, 0xFFFF);
    r += r * (1 - d * r);
  }
#else
  r = 1 / d;
#endif
}

/// min(|x|, most); NaN gives NaN.
template <class T>
[[gnu::always_inline]] inline void size_of(const Vec<T>& x, T most, Vec<T>& a) {
  using Bits = typename Integers<T>::Vec;
  const Bits bits = reinterpret_cast<Bits>(x) & ~Number<T>::kSign;
  a = reinterpret_cast<Vec<T>>(bits);
  a = a > most ? most - Vec<T>{} : a;
}

/// Gives `size`, which is not negative, the sign of `x`.
template <class T>
[[gnu::always_inline]] inline void sign_of(const Vec<T>& x, Vec<T>& size) {
  using Bits = typename Integers<T>::Vec;
  const Bits bits = (reinterpret_cast<Bits>(x) & Number<T>::kSign) | reinterpret_cast<Bits>(size);
  size = reinterpret_cast<Vec<T>>(bits);
}

/// e^-a = power (1 + p) for a in [0, kDeepest], |p| < 0.42 and exact to rounding relative to itself.
template <class T>
[[gnu::always_inline]] inline void exponential(const Vec<T>& a, Vec<T>& power, Vec<T>& p) {
  using N = Number<T>;
  using Bits = typename Integers<T>::Vec;
  // ln 2 in two parts; k times the first is exact, with or without fma.
  constexpr bool kDouble = std::is_same_v<T, double>;
  constexpr T kLog2 = static_cast<T>(0x1.71547652b82fep+0);
  constexpr T kHigh = static_cast<T>(kDouble ? 0x1.62e42feep-1 : 0x1.62e3p-1);
  constexpr T kLow = static_cast<T>(kDouble ? 0x1.a39ef35793c76p-33 : 0x1.2fefa2p-17);
  const Vec<T> biased = N::kMagic - a * kLog2;
  const Bits power_bits = reinterpret_cast<Bits>(biased) << N::kMantissa;
  power = reinterpret_cast<Vec<T>>(power_bits);
  const Vec<T> k = N::kMagic - biased;
  const Vec<T> r = (k * kHigh - a) + k * kLow;
  polynomial(N::kExp, r, p);
  p = r + (r * r) * p;
}

struct Identity {
  template <class T>
  [[gnu::always_inline]] static void apply(Vec<T>&) {}
};

struct Relu {
  template <class T>
  [[gnu::always_inline]] static void apply(Vec<T>& x) {
    x = x < 0 ? Vec<T>{} : x;  // NaN gives NaN
  }
};

struct LeakyRelu {
  template <class T>
  [[gnu::always_inline]] static void apply(Vec<T>& x) {
    x = x < 0 ? x * static_cast<T>(model::kLeak) : x;
  }
};

/// -t / (2 + t) with t = e^(-2 |x|) - 1.
struct Tanh {
  template <class T>
  [[gnu::always_inline]] static void apply(Vec<T>& x) {
    Vec<T> a, power, p, r;
    size_of(x, Number<T>::kFlatTanh, a);
    exponential<T>(a + a, power, p);
    const Vec<T> t = (1 - power) - power * p;
    reciprocal<T>(2 - t, r);
    Vec<T> size = t * r;
    sign_of<T>(x, size);
    x = size;
  }
};

template <class T>
[[gnu::always_inline]] inline void logistic(const Vec<T>& x, Vec<T>& s) {
  Vec<T> a, power, p, r;
  size_of(x, Number<T>::kDeepest, a);
  exponential<T>(a, power, p);
  const Vec<T> e = power + power * p;
  reciprocal<T>(1 + e, r);
  s = x < 0 ? e * r : r;
}

struct Sigmoid {
  template <class T>
  [[gnu::always_inline]] static void apply(Vec<T>& x) {
    Vec<T> s;
    logistic<T>(x, s);
    x = x != x ? x : s;
  }
};

struct Silu {
  template <class T>
  [[gnu::always_inline]] static void apply(Vec<T>& x) {
    Vec<T> s;
    logistic<T>(x, s);
    x *= s;
  }
};

struct Elu {
  template <class T>
  [[gnu::always_inline]] static void apply(Vec<T>& x) {
    Vec<T> a, power, p;
    size_of(x, Number<T>::kDeepest, a);
    exponential<T>(a, power, p);
    x = x < 0 ? (power - 1) + power * p : x;
  }
};

struct Selu {
  template <class T>
  [[gnu::always_inline]] static void apply(Vec<T>& x) {
    constexpr T kAbove = static_cast<T>(model::kSelu), kBelow = static_cast<T>(model::kSelu * model::kSeluBelow);
    Vec<T> a, power, p;
    size_of(x, Number<T>::kDeepest, a);
    exponential<T>(a, power, p);
    x = x < 0 ? kBelow * ((power - 1) + power * p) : kAbove * x;
  }
};

/// x n / d with e = e^-|x|: n = e (e + 2), d = n + 2 below 0; n = 1 + 2 e, d = n + 2 e^2 above.
struct Mish {
  template <class T>
  [[gnu::always_inline]] static void apply(Vec<T>& x) {
    Vec<T> a, power, p, r;
    size_of(x, Number<T>::kDeepest, a);
    exponential<T>(a, power, p);
    const Vec<T> e = power + power * p, square = e * e, doubled = e + e;
    const Vec<T> n = x < 0 ? square + doubled : 1 + doubled;
    const Vec<T> rest = x < 0 ? 2 - Vec<T>{} : square + square;
    reciprocal<T>(n + rest, r);
    x *= n * r;
  }
};

struct HardSwish {
  template <class T>
  [[gnu::always_inline]] static void apply(Vec<T>& x) {
    Vec<T> share = (x + 3) * static_cast<T>(1.0 / 6);
    share = share < 0 ? Vec<T>{} : share;
    x *= share > 1 ? 1 - Vec<T>{} : share;
  }
};

struct HardTanh {
  template <class T>
  [[gnu::always_inline]] static void apply(Vec<T>& x) {
    x = x < -1 ? -1 - Vec<T>{} : x;
    x = x > 1 ? 1 - Vec<T>{} : x;
  }
};

/// max(x, 0) + ln(1 + e), e = e^-|x|, and ln(1 + e) = 2 artanh(e / (2 + e)).
struct Softplus {
  template <class T>
  [[gnu::always_inline]] static void apply(Vec<T>& x) {
    Vec<T> a, power, p, r;
    size_of(x, Number<T>::kDeepest, a);
    exponential<T>(a, power, p);
    const Vec<T> e = power + power * p;
    reciprocal<T>(2 + e, r);
    const Vec<T> s = e * r, z = s * s;
    polynomial(Number<T>::kArtanh, z, p);
    const Vec<T> doubled = s + s, log = doubled + doubled * (z * p);
    x = x < 0 ? log : x + log;
  }
};

/// erfc(a) e^(a^2) for a in [0, 27].
template <class T>
[[gnu::always_inline]] inline void scaled_complement(const Vec<T>& a, Vec<T>& c) {
  constexpr T kHalfWay = Number<T>::kHalfWay;
  const Vec<T> below = 1 + 2 * a, beyond = a + kHalfWay;
  Vec<T> r;
  reciprocal<T>(below * beyond, r);
  polynomial<T>(Number<T>::kErfc, (a - kHalfWay) * (below * r), c);
  c *= beyond * r;
}

struct Erf {
  template <class T>
  [[gnu::always_inline]] static void apply(Vec<T>& x) {
    Vec<T> a, power, p, c, near;
    size_of(x, Number<T>::kFlatErf, a);
    const Vec<T> z = a * a;
    exponential<T>(z, power, p);
    scaled_complement<T>(a, c);
    polynomial(Number<T>::kErf, z, near);
    const Vec<T> far = 1 - (power + power * p) * c;
    Vec<T> size = a < 1 ? a * near : far;
    sign_of<T>(x, size);
    x = x != x ? x : size;
  }
};

/// x Phi(x), and Phi(-a) = erfc(a / sqrt 2) / 2.
struct Gelu {
  template <class T>
  [[gnu::always_inline]] static void apply(Vec<T>& x) {
    Vec<T> a, power, p, c;
    size_of(x, Number<T>::kFlatNormal, a);
    // The rounding of z = a^2 / 2 would be multiplied by z: half of the digits of a have an exact square.
    using Bits = typename Integers<T>::Vec;
    constexpr T kHalf = static_cast<T>(0.5);
    const Vec<T> z = (a * kHalf) * a;
    const Bits high_bits = reinterpret_cast<Bits>(a) >> Number<T>::kHalfDigits << Number<T>::kHalfDigits;
    const Vec<T> high = reinterpret_cast<Vec<T>>(high_bits), low = a - high;
    const Vec<T> lost = ((high * kHalf) * high - z) + (low * kHalf) * (a + high);
    exponential<T>(z, power, p);
    scaled_complement<T>(a * static_cast<T>(0x1.6a09e667f3bcdp-1), c);
    const Vec<T> e = power + power * p;
    const Vec<T> tail = (e - e * lost) * (c * kHalf);
    x = x < 0 ? x * tail : x - x * tail;
  }
};

/// Adds the squares of kLanes<T> numbers, widened.
template <class T>
[[gnu::always_inline]] inline void add_squares(const T* x, Vec<double>* sums) {
#pragma GCC unroll 2
  for (int half = 0; half < kLanes<T> / kLanes<double>; ++half) {
    Vec<double> wide;
    base::load(x + half * kLanes<double>, wide);
    sums[half] += wide * wide;
  }
}

template <class Function, bool kOutputs, class T>
void pass(T* z, Index units, double* squares) {
  constexpr int kL = kLanes<double>, kHalves = kLanes<T> / kL;
  Vec<double> sums[kHalves];
  for (int half = 0; half < kHalves; ++half) base::load(squares + half * kL, sums[half]);
  for (const T* const end = z + units * kLanes<T>; z != end; z += kLanes<T>) {
    Vec<T> x;
    base::load(z, x);
    if constexpr (!kOutputs) add_squares(z, sums);
    Function::template apply<T>(x);
    base::store<T>(z, x);
    if constexpr (kOutputs) add_squares(z, sums);
  }
  for (int half = 0; half < kHalves; ++half) base::store<double>(squares + half * kL, sums[half]);
}

template <class Function, class T>
void pass(T* z, Index units, bool outputs, double* squares) {
  (outputs ? pass<Function, true, T> : pass<Function, false, T>)(z, units, squares);
}

}  // namespace

template <class T>
ActivationPass<T> activation_pass(model::Activation activation) {
  using enum model::Activation;
  switch (activation) {
    case tanh:
      return pass<Tanh, T>;
    case sigmoid:
      return pass<Sigmoid, T>;
    case relu:
      return pass<Relu, T>;
    case leaky_relu:
      return pass<LeakyRelu, T>;
    case identity:
      return pass<Identity, T>;
    case erf:
      return pass<Erf, T>;
    case gelu:
      return pass<Gelu, T>;
    case silu:
      return pass<Silu, T>;
    case softplus:
      return pass<Softplus, T>;
    case elu:
      return pass<Elu, T>;
    case selu:
      return pass<Selu, T>;
    case mish:
      return pass<Mish, T>;
    case hardswish:
      return pass<HardSwish, T>;
    case hardtanh:
      return pass<HardTanh, T>;
  }
  return nullptr;
}

template ActivationPass<double> activation_pass(model::Activation activation);
template ActivationPass<float> activation_pass(model::Activation activation);

}  // namespace pyrometer::energy
