#include "pyrometer/base/truncated.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "pyrometer/base/minus_two_log.hpp"
#include "pyrometer/base/require.hpp"

namespace pyrometer::base {
namespace {

constexpr Index kStrip = 64;

// Wichura's coefficients, of numerators and denominators.
constexpr double kCentre[] = {3.3871328727963666080e0,  1.3314166789178437745e+2, 1.9715909503065514427e+3,
                              1.3731693765509461125e+4, 4.5921953931549871457e+4, 6.7265770927008700853e+4,
                              3.3430575583588128105e+4, 2.5090809287301226727e+3};
constexpr double kUnderCentre[] = {1.0,
                                   4.2313330701600911252e+1,
                                   6.8718700749205790830e+2,
                                   5.3941960214247511077e+3,
                                   2.1213794301586595867e+4,
                                   3.9307895800092710610e+4,
                                   2.8729085735721942674e+4,
                                   5.2264952788528545610e+3};
constexpr double kTail[] = {1.42343711074968357734e0,  4.63033784615654529590e0, 5.76949722146069140550e0,
                            3.64784832476320460504e0,  1.27045825245236838258e0, 2.41780725177450611770e-1,
                            2.27238449892691845833e-2, 7.74545014278341407640e-4};
constexpr double kUnderTail[] = {1.0,
                                 2.05319162663775882187e0,
                                 1.67638483018380384940e0,
                                 6.89767334985100004550e-1,
                                 1.48103976427480074590e-1,
                                 1.51986665636164571966e-2,
                                 5.47593808499534494600e-4,
                                 1.05075007164441684324e-9};
constexpr double kFar[] = {6.65790464350110377720e0,  5.46378491116411436990e0,  1.78482653991729133580e0,
                           2.96560571828504891230e-1, 2.65321895265761230930e-2, 1.24266094738807843860e-3,
                           2.71155556874348757815e-5, 2.01033439929228813265e-7};
constexpr double kUnderFar[] = {1.0,
                                5.99832206555887937690e-1,
                                1.36929880922735805310e-1,
                                1.48753612908506148525e-2,
                                7.86869131145613259100e-4,
                                1.84631831751005468180e-5,
                                1.42151175831644588870e-7,
                                2.04426310338993978564e-15};

[[gnu::always_inline]] inline double ratio(const double (&over)[8], const double (&under)[8], double x) {
  double a = over[7], b = under[7];
#pragma GCC unroll 8
  for (int k = 6; k >= 0; --k) {
    a = a * x + over[k];
    b = b * x + under[k];
  }
  return a / b;
}

/// What the inverse distribution function depends on.
struct Truncation {
  double bound, inside, outside;  // erf and erfc of bound / sqrt(2); 0 where it is less than half a unit of any number

  explicit Truncation(double b)
      : bound(b), inside(std::erf(b / std::numbers::sqrt2)), outside(b < 20 ? std::erfc(b / std::numbers::sqrt2) : 0) {}
};

/// kStrip uniforms to truncated normals. Plain loops without branches, which compilers vectorise.
void invert(const Truncation& law, double* numbers) {
  alignas(64) double centre[kStrip], size[kStrip], root[kStrip], tail[kStrip];
  for (Index i = 0; i < kStrip; ++i) {
    const double q = numbers[i] * law.inside;
    centre[i] = q * ratio(kCentre, kUnderCentre, 0.180625 - q * q);
    size[i] = std::fabs(q);
  }
  double farthest = 0;
  for (Index i = 0; i < kStrip; ++i) {
    const double u = 2.0 * std::fabs(numbers[i]), beyond = 0.5 * ((1.0 - u) + u * law.outside);
    root[i] = std::sqrt(0.5 * minus_two_log(beyond));
    tail[i] = ratio(kTail, kUnderTail, root[i] - 1.6);
  }
  for (Index i = 0; i < kStrip; ++i) farthest = root[i] > farthest ? root[i] : farthest;
  for (Index i = 0; farthest > 5.0 && i < kStrip; ++i)
    if (root[i] > 5.0) tail[i] = ratio(kFar, kUnderFar, root[i] - 5.0);
  for (Index i = 0; i < kStrip; ++i) {
    const double x = size[i] <= 0.425 ? std::fabs(centre[i]) : tail[i], least = x < law.bound ? x : law.bound;
    numbers[i] = std::copysign(least, numbers[i]);
  }
}

template <class T>
void fill_truncated(Seed seed, Index first_draw, Index draws, Index first_parameter, Index parameters, double bound,
                    T* out) {
  require(bound > 0, "bound must be > 0, got ", bound);
  uniforms(seed, first_draw, draws, first_parameter, parameters, out);
  const Truncation law(bound);
  const Index all = parameters * draws;
  for (Index first = 0; first < all; first += kStrip) {
    const Index count = std::min(kStrip, all - first);
    alignas(64) double strip[kStrip] = {};
    for (Index i = 0; i < count; ++i) strip[i] = static_cast<double>(out[first + i]);
    invert(law, strip);
    for (Index i = 0; i < count; ++i) out[first + i] = static_cast<T>(strip[i]);
  }
}

}  // namespace

void truncated_normals(Seed seed, Index first_draw, Index draws, Index first_parameter, Index parameters, double bound,
                       double* out) {
  fill_truncated(seed, first_draw, draws, first_parameter, parameters, bound, out);
}
void truncated_normals(Seed seed, Index first_draw, Index draws, Index first_parameter, Index parameters, double bound,
                       float* out) {
  fill_truncated(seed, first_draw, draws, first_parameter, parameters, bound, out);
}

}  // namespace pyrometer::base
