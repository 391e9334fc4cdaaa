#include "pyrometer/data/by_rows.hpp"

#include "pyrometer/base/transpose.hpp"
#include "pyrometer/base/unaligned.hpp"

namespace pyrometer::data {

template <class T>
void by_rows(const T* X, Index stride, Index rows, Index columns, T* out) {
  using Four = base::Unaligned<T, 4 * sizeof(T)>;
  Index i = 0;
  for (; i + 4 <= rows; i += 4) {
    Index j = 0;
    for (; j + 4 <= columns; j += 4) {
      typename Four::Vec a[4];
      for (Index l = 0; l < 4; ++l) {
        const T* from = X + (j + l) * stride + i;
        __builtin_prefetch(from + rows, 0, 2);
        a[l] = reinterpret_cast<const Four*>(from)->v;
      }
      base::transpose(a);
      for (Index l = 0; l < 4; ++l) reinterpret_cast<Four*>(out + (i + l) * columns + j)->v = a[l];
    }
    for (; j < columns; ++j)
      for (Index l = i; l < i + 4; ++l) out[l * columns + j] = X[j * stride + l];
  }
  for (; i < rows; ++i)
    for (Index j = 0; j < columns; ++j) out[i * columns + j] = X[j * stride + i];
}

template void by_rows(const double*, Index, Index, Index, double*);
template void by_rows(const float*, Index, Index, Index, float*);

}  // namespace pyrometer::data
