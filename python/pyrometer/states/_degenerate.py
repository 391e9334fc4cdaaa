"""Why rows have no density: one message for each cause."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array, quoted
from pyrometer.states._conditionals import CONDITIONALS

__all__ = ["dependence", "lack_of_spread"]

_ROUNDING = 16.0 * float(np.finfo(np.float64).eps)
_SHARE = 1e-11  # of a column's variance, beyond those before it; the core refuses what is below a tenth of this
_CLOSE = 1e6  # residuals that are larger, in roundings of the targets, are not rounding whatever explains them
_PART = 1e-5  # coefficients of a dependence, in standard deviations, that are smaller are not reported


def lack_of_spread(
    x: Array,
    target: float,
    residual: Array,
    loss: str,
    keep: npt.NDArray[np.bool_],
    *,
    alone: bool,
) -> str:
    """Return why rows are degenerate in ways that the core cannot detect: too few, or constant up to rounding; or "".

    A mean is rounded, so a constant column less its mean need not be 0. `target` is the largest |y|, in the unit of
    the residuals. Only the columns to `keep` need a density; each has its own if they stand `alone`.
    """
    rows, features = len(x), int(keep.sum())
    conditional = CONDITIONALS[loss]
    others = " and the residual" if conditional.joint else ""
    if rows <= (features + conditional.joint if not alone else 1):
        return (
            f"X must have more rows than it has columns{others}, got {rows} for {_counted(features)}{others}: with "
            "fewer there is no density; use more rows or fewer columns."
        )
    if not conditional.continuous:
        return ""
    level = _ROUNDING * target
    if np.abs(residual).max() <= level:
        return (
            "the residuals must not all be 0, got a model that predicts every y to rounding: they have no density; use "
            "rows that it was not trained on, and check that y is not among the features."
        )
    if conditional.joint and np.ptp(residual) <= level:
        return (
            f"the residuals must not all be the same, got {residual[0]:g} in every row: they have no density; check "
            "how y was computed."
        )
    if not conditional.joint or alone or np.ptp(residual) >= _CLOSE * level:
        return ""
    if _unexplained(x if keep.all() else x[:, keep], residual) <= level:
        return (
            "the residuals must not be a linear function of X, got one up to the rounding of y: given the features "
            "they have no density; use rows with noise, and check that y is not computed from the features."
        )
    return ""


def _unexplained(x: Array, residual: Array) -> float:
    """Return the largest deviation of the residuals from a linear function of the features."""
    design = np.column_stack([np.ones(len(x)), x])
    size = np.abs(design).max(axis=0)
    design = design / np.where(size > 0.0, size, 1.0)
    fitted = design @ np.linalg.lstsq(design, residual, rcond=None)[0]
    return float(np.abs(residual - fitted).max())


def dependence(z: Array, features: int, kept: npt.NDArray[np.intp], names: Sequence[str] | None) -> tuple[int, str]:
    """Return which column of `z`, centred, is a linear function of those before it; the last may be the residual.

    `kept` has the columns of X that are in `z`, by whose places and names the message calls them.
    """
    size = np.sqrt(np.mean(z**2, axis=0))
    units = z / np.where(size > 0.0, size, 1.0)
    residual = np.array([np.mean((units[:, j] - units[:, :j] @ _weights(units, j)) ** 2) for j in range(1, z.shape[1])])
    j = 1 + int(np.argmax(residual < _SHARE) if (residual < _SHARE).any() else np.argmin(residual))
    parts = np.flatnonzero(np.abs(_weights(units, j)) > _PART)
    among = " and ".join(_named(int(kept[k]), names) for k in parts[:4]) + (" and others" if len(parts) > 4 else "")
    if j >= features:
        return j, (
            f"the residuals must not be a linear function of X, got one of {among}: given the features "
            "they have no density; use rows with noise, and check that y is not computed from the features."
        )
    same = len(parts) == 1 and bool((z[:, j] == z[:, parts[0]]).all())
    how = f"the same as {among}" if same else f"a linear function of {among}"
    column = _named(int(kept[j]), names)
    return j, f"X must have no dependent columns, got {column}, {how}: together they have no density; drop one."


def _weights(units: Array, j: int) -> Array:
    return np.asarray(np.linalg.lstsq(units[:, :j], units[:, j], rcond=1e-10)[0])


def _named(j: int, names: Sequence[str] | None) -> str:
    return f"column {j}" + (f" ({quoted(names[j])})" if names is not None else "")


def _counted(number: int) -> str:
    return f"{number} column" + ("s" if number > 1 else "")
