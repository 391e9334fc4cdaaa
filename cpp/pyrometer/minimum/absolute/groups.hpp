// Groups of identical rows, as occur with integers and categories.
#pragma once

#include <optional>

#include "pyrometer/minimum/absolute/blocks_of_rows.hpp"

namespace pyrometer::minimum::absolute {

struct Groups {
  Indices first;  ///< index of the first row of each group
  Vec count;      ///< number of rows of each group
};

/// Whether most rows are duplicates: at least three quarters of the sample are.
[[nodiscard]] bool repeats(const Rows& sample);

/// The groups of identical rows of the table, those of `sample` first; nullopt if the groups number more than a
/// sixteenth of the rows, or more than 2^15.
///
/// Cost: one pass over the rows, a hash lookup each; memory p + 1 doubles a group.
[[nodiscard]] std::optional<Groups> group(const Table& table, const Indices& sample, ExecutionContext context);

/// Multiplies each row and its target by its weight, or multiplicity, and with them its absolute residual.
void weigh(Rows& rows, const double* weights);

/// A table of the first row of each group, with multiplicities.
struct Distinct final : Table {
  Distinct(const Table& of, const Groups& groups);
  double raw(Index i, double* x) const override { return of_.raw(groups_.first[at(i)], x); }
  void prefetch(Index i) const override { of_.prefetch(groups_.first[at(i)]); }

 private:
  const Table& of_;
  const Groups& groups_;
};

}  // namespace pyrometer::minimum::absolute
