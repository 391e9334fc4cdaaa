// Factors of truncated normal variables in eight cosine series at a time.
#pragma once

#include "pyrometer/energy/rows/cosine_series.hpp"
#include "pyrometer/energy/rows/truncated_shape.hpp"

namespace pyrometer::energy {

/// product[i, lane] *= F_j(k theta_j), k = 2 i + 1, for i < terms and each j: transforms of truncated normal variables.
///
/// theta    features x 8, in [0, pi].
/// nodes    Gauss rules of the features; each sums cos(k theta v_i) over its nodes by Reinsch's recurrence, 3 flops
///          each.
/// spare    terms x 8, scratch.
void truncated_products(const double* theta, const TruncatedShape::Rule* const* rules, Index features, Index terms,
                        double* spare, double* product);

/// Multiplies the bounds by those of truncated normal variables of reach weight_j x_j at frequency t.
void truncated_envelope(const double* x, const double* weight, const TruncatedShape* const* shapes, Index features,
                        const double* half_t, Envelope& out);

}  // namespace pyrometer::energy
