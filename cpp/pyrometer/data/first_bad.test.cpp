#include "pyrometer/data/first_bad.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

namespace data = pyrometer::data;
using pyrometer::Index;

TEST_CASE("an invalid number is found at every position, and nothing is read beyond the end") {
  for (const std::size_t size : {1U, 31U, 256U, 777U}) {
    std::vector<double> x(size, 1.0);
    for (std::size_t place = 0; place < size; place += 5) {
      for (const double bad : {std::nan(""), HUGE_VAL}) {
        x[place] = bad;
        for (const data::Allowed allowed : {data::Allowed::finite, data::Allowed::label})
          CHECK(data::first_bad(x.data(), static_cast<Index>(size), allowed, 2) == static_cast<Index>(place));
      }
      x[place] = 1.0;
    }
    CHECK(data::first_bad(x.data(), static_cast<Index>(size), data::Allowed::finite, 1) == -1);
  }
}
