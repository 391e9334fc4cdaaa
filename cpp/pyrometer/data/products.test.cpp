#include "pyrometer/data/products.hpp"

#include <doctest/doctest.h>

#include "pyrometer/base/aligned.hpp"

using namespace pyrometer;

// Small integers: sums are exact in every order.
TEST_CASE("products of every width and depth are exact for integers") {
  constexpr Index L = base::kLanes<double>;
  for (Index columns = 1; columns < 8 * L + 3; ++columns) {
    const Index ld = data::padded(columns);
    const auto d = base::aligned_array<double>(data::kBlock * ld);
    const auto c = base::aligned_array<double>(ld * ld);
    for (const Index depth : {Index{1}, Index{2}, Index{5}, data::kBlock}) {
      for (Index k = 0; k < depth; ++k) {
        for (Index j = 0; j < ld; ++j) {
          d[at(j / L * data::kBlock * L + k * L + j % L)] =
              j < columns ? static_cast<double>((k * 7 + j * j * 3) % 11 - 5) : 0;
        }
      }
      data::start_products(columns, c.get());
      data::add_products(d.get(), depth, columns, c.get(), d.get(), 1024);
      data::add_products(d.get(), depth, columns, c.get(), nullptr, 0);
      data::finish_products(columns, c.get());
      bool all = true;
      for (Index i = 0; i < columns; ++i) {
        for (Index j = i; j < columns; ++j) {
          double sum = 0;
          for (Index k = 0; k < depth; ++k) {
            sum +=
                static_cast<double>((k * 7 + i * i * 3) % 11 - 5) * static_cast<double>((k * 7 + j * j * 3) % 11 - 5);
          }
          all = all && c[at(i * ld + j)] == 2 * sum;
        }
      }
      CHECK_MESSAGE(all, "columns ", columns, ", depth ", depth);
    }
  }
}
