#include "pyrometer/minimum/absolute_deviations.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "pyrometer/base/require.hpp"
#include "pyrometer/minimum/absolute_certificate.hpp"
#include "pyrometer/minimum/absolute_solve.hpp"

namespace pyrometer::minimum {
namespace {

using namespace absolute;

struct Answer {
  Certified certified;
  Index rank = 0;
};

Answer solve_system(Table& table, Team team) {
  const Frame frame = make_frame(table, team);
  table.centre = frame.centre.data();
  Answer best;
  best.rank = frame.rank - (table.intercept ? 1 : 0);
  if (frame.rank == 0) {
    Vertex none;
    none.signs.assign(at(table.count), 0);
    for (Index i = 0; i < table.count; ++i) {
      Vec x(at(table.columns + 1));
      none.signs[at(i)] = table.row(i, x.data()) < 0 ? -1 : 1;
    }
    best.certified = certify(table, frame, none, team);
    if (!std::isfinite(best.certified.value)) complain(table);
    return best;
  }
  // Less jitter where the vertex of the jittered data is not one of the data themselves, as with outliers so far away
  // that they set the size of all residuals.
  double least = std::numeric_limits<double>::infinity();
  for (const double size : {1e-7, 1e-10, 1e-13}) {
    Certified found = solve(table, frame, size, team);
    const bool exact = found.slack <= 1e-13 * found.value || found.slack <= found.gap / 2;
    if (found.slack < least) {
      least = found.slack;
      best.certified = std::move(found);
    }
    if (exact) break;
  }
  return best;
}

}  // namespace

template <class T>
void least_absolute(const T* X, const T* y, Index systems, Index rows, Index features, bool intercept, int threads,
                    double* value, double* parameters, double* gap, Index* rank) {
  require(systems >= 0 && rows >= 1 && features >= 0, "X must have at least one row, got shape (", systems, ", ", rows,
          ", ", features, ")");
  const Index n = features + (intercept ? 1 : 0);
  const auto one = [&](Index s, Team team) {
    Answer answer;
    try {
      TableOf<T> table(X + s * rows * features, y + s * rows, rows, features, intercept);
      answer = solve_system(table, team);
    } catch (const std::invalid_argument& error) {
      std::string what = error.what();
      if (const auto place = what.find("at row"); systems > 1 && place != std::string::npos)
        what.insert(place + 3, "system " + std::to_string(s) + ", ");
      throw std::invalid_argument(what);
    }
    value[s] = answer.certified.value;
    gap[s] = answer.certified.gap;
    rank[s] = answer.rank;
    std::copy_n(answer.certified.parameters.begin(), n, parameters + s * n);
  };
  if (systems == 1) return one(0, Team{threads, false});
  const base::Chunks chunks{systems, 1};
  base::for_each_chunk(chunks.number(), threads, [&](Index s, int) { one(s, Team{1, true}); });
}

template void least_absolute(const double*, const double*, Index, Index, Index, bool, int, double*, double*, double*,
                             Index*);
template void least_absolute(const float*, const float*, Index, Index, Index, bool, int, double*, double*, double*,
                             Index*);

}  // namespace pyrometer::minimum
