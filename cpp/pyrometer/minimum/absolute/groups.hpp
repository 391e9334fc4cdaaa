// Rows that are the same to the last bit, as of integers and categories, together.
#pragma once

#include <optional>

#include "pyrometer/minimum/absolute/blocks_of_rows.hpp"

namespace pyrometer::minimum::absolute {

struct Groups {
  Indices first;  ///< a row of each
  Vec count;      ///< of its rows
};

/// Whether most rows are the same as others: of these three quarters are.
[[nodiscard]] bool repeats(const Rows& sample);

/// The groups of all rows, those of `sample` first; none if there are more than a sixteenth of the rows.
///
/// Cost: a pass over the rows.
[[nodiscard]] std::optional<Groups> group(const Table& table, const Indices& sample, ExecutionContext context);

/// Each row times the number of its copies: its part of the energy is theirs.
void weigh(Rows& rows, const Groups& groups);

/// A table of the first row of each group, which counts as often as there are copies.
struct Distinct final : Table {
  Distinct(const Table& of, const Groups& groups);
  double raw(Index i, double* x) const override { return of_.raw(groups_.first[at(i)], x); }
  void prefetch(Index i) const override { of_.prefetch(groups_.first[at(i)]); }

 private:
  const Table& of_;
  const Groups& groups_;
};

}  // namespace pyrometer::minimum::absolute
