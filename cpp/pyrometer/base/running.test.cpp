#include "pyrometer/base/running.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

using namespace pyrometer;
using base::Running;

TEST_CASE("adding, merging and taking all at once agree with the definition") {
  std::vector<double> values;
  for (int i = 0; i < 1003; ++i) values.push_back(1e6 + std::sin(i) * i);
  long double sum = 0, squares = 0;
  for (const double value : values) sum += value;
  const long double mean = sum / static_cast<long double>(values.size());
  for (const double value : values) squares += (value - mean) * (value - mean);

  Running added, merged;
  for (const double value : values) added.add(value);
  for (std::size_t i = 0; i < values.size(); i += 100)
    merged.merge(Running::of(values.data() + i, static_cast<Index>(std::min<std::size_t>(100, values.size() - i))));
  for (const Running& running : {added, merged, Running::of(values.data(), static_cast<Index>(values.size()))}) {
    CHECK(running.count == 1003);
    CHECK(running.mean == doctest::Approx(static_cast<double>(mean)).epsilon(1e-15));
    CHECK(running.squares == doctest::Approx(static_cast<double>(squares)).epsilon(1e-12));
    CHECK(running.variance() == running.squares / 1002);
  }
}

TEST_CASE("merging nothing changes nothing, and one number has no variance") {
  Running one = Running::of(std::vector{3.0}.data(), 1);
  one.merge(Running{});
  CHECK(one.count == 1);
  CHECK(one.mean == 3);
  CHECK(std::isnan(one.variance()));
  Running none = Running::of(nullptr, 0);
  none.merge(one);
  CHECK(none.mean == 3);
}
