// The minimum without the classes of rows that are separated.
#pragma once

#include <vector>

#include "pyrometer/minimum/softmax/descent.hpp"
#include "pyrometer/minimum/softmax/faces.hpp"

namespace pyrometer::minimum {

/// The logits, rows x classes; those of the last class are 0.
[[nodiscard]] std::vector<double> logits_of(const data::Rows<double>& rows, Index classes,
                                            const std::vector<double>& theta);

/// The minimum without the separated classes of rows, after a descent over all that ended at `theta`. The columns of
/// `table` and those of `exact` span the same space. face: out, the classes that are separated, if that is certain.
///
/// First without the classes that single columns separate, then without those of large margins at `theta`: where
/// Newton's method certifies a minimum over the others, these overlap, and facial reduction (faces.hpp) has the few
/// dimensions left, or none; else up to (n (C - 1))^4 operations.
[[nodiscard]] DescentResult rest_of(const ClassifiedRows<double>& table, const data::Rows<double>& exact,
                                    const std::vector<double>& theta, int threads, ClassFace& face);

}  // namespace pyrometer::minimum
