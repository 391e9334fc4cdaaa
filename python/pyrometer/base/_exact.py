"""Numbers that double precision cannot hold: large integers, and long doubles."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["first_inexact", "first_rounded"]

_EXACT = 2**53
# A rounding error of more than this share of the range of a column is a loss.
_SHARE = 1e-12


def first_inexact(array: npt.NDArray[Any]) -> int | None:
    """Return the flat index of the first integer that no double equals; None if there is none."""
    if array.dtype.kind not in "iu" or array.dtype.itemsize < 8 or not array.size:
        return None
    if int(array.min()) >= -_EXACT and int(array.max()) <= _EXACT:
        return None
    rounded = array.astype(np.float64)
    limit = 2.0**64 if array.dtype.kind == "u" else 2.0**63
    beyond = rounded >= limit
    inexact = beyond | (np.where(beyond, 0.0, rounded).astype(array.dtype) != array)
    return int(inexact.argmax()) if inexact.any() else None


@np.errstate(over="ignore", invalid="ignore")
def first_rounded(array: npt.NDArray[Any], axis: int) -> int | None:
    """Return the flat index of the first long double that rounding moves by more than 1e-12 of the range along `axis`.

    None if there is none. Values that are not finite are left to other checks.
    """
    if array.dtype.kind != "f" or array.dtype.itemsize <= 8 or not array.size:
        return None
    finite = np.where(np.isfinite(array), array, 0.0)
    error = np.abs(finite - finite.astype(np.float64))
    reach = finite.max(axis, keepdims=True) - finite.min(axis, keepdims=True)
    lost = (error > _SHARE * reach) & (reach > 0.0) & np.isfinite(finite.astype(np.float64))
    return int(lost.argmax()) if lost.any() else None
