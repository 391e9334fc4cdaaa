// What is looked up of the columns before a minimum is searched: their sizes and means.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "pyrometer/base/chunks.hpp"
#include "pyrometer/minimum/softmax/evaluator.hpp"

namespace pyrometer::minimum {

/// Of each column the largest absolute value, and the mean, computed from differences to the first row: exact for
/// constant columns.
struct Survey {
  std::vector<double> largest, mean;
};

template <class T>
Survey survey_of(const data::Rows<T>& rows, int threads) {
  const Index p = rows.features;
  const base::Chunks chunks{rows.rows, std::max<Index>(1024, (rows.rows + 63) / 64)};
  std::vector<Survey> parts(at(chunks.number()),
                            Survey{std::vector<double>(at(p), 0.0), std::vector<double>(at(p), 0.0)});
  base::for_each_chunk(chunks.number(), threads, [&](Index chunk, int) {
    double* const __restrict largest = parts[at(chunk)].largest.data();
    double* const __restrict sum = parts[at(chunk)].mean.data();
    for (Index i = chunks.begin(chunk); i < chunks.end(chunk); ++i)
      for (Index j = 0; j < p; ++j) {
        const auto x = static_cast<double>(rows.X[i * p + j]), size = std::abs(x);
        largest[j] = size > largest[j] ? size : largest[j];
        sum[j] += x - static_cast<double>(rows.X[j]);
      }
  });
  Survey out{std::vector<double>(at(p), 0.0), std::vector<double>(at(p), 0.0)};
  for (const Survey& part : parts)
    for (std::size_t j = 0; j < at(p); ++j) {
      out.largest[j] = std::max(out.largest[j], part.largest[j]);
      out.mean[j] += part.mean[j];
    }
  for (Index j = 0; j < p; ++j)
    out.mean[at(j)] = static_cast<double>(rows.X[j]) + out.mean[at(j)] / static_cast<double>(rows.rows);
  return out;
}

/// The exponents of powers of two to which columns are scaled: 0 unless their squares might over- or underflow.
inline std::vector<int> exponents_of(const std::vector<double>& largest) {
  std::vector<int> out;
  for (const double size : largest) {
    const bool extreme = size > 0 && std::isfinite(size) && !(size > 1e-60 && size < 1e60);
    out.push_back(extreme ? -std::ilogb(size) : 0);
  }
  return out;
}

}  // namespace pyrometer::minimum
