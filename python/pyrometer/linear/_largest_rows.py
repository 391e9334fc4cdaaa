"""Squared errors whose columns are dependent only within the rounding of huge rows, or of rows of large weights."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array, number_of
from pyrometer.data import dependence_hidden, rank_is_above, typical_sizes
from pyrometer.errors import PrecisionWarning
from pyrometer.linear._light_rows import blocks_of
from pyrometer.linear._minima import ENOUGH_DIGITS, Solved, digits_of, of_weights
from pyrometer.linear._penalties import L2, Penalty
from pyrometer.results import Minimum

if TYPE_CHECKING:
    from pyrometer.linear._base import LinearSystem

__all__ = ["allow_for_largest_rows"]

_HUGE = 1e5  # sizes of rows, in units of typical ones
_BAND = 1e10  # ratio of weights of rows that are minimised together
_LIGHT = 16.0  # the mean weight in units of the least, above which a factor of rows shows less of light ones
_ROOM = 1.01  # of bounds from moments, for their rounding
_MOVED = 3.0  # sizes of parameters, relative to those of a minimiser, that are taken for as good
_DEPENDENT = 1e-9  # singular values of rows of one size, relative to the largest, of dependent columns
_ROUNDED = 64.0 * float(np.finfo(float).eps)  # error of energies from moments, relative to the square of their terms


def allow_for_largest_rows(
    system: LinearSystem,
    solved: Solved,
    method: npt.NDArray[np.str_],
    penalties: Sequence[Penalty | None],
    lowest: Callable[[LinearSystem], Minimum],
    solve: Callable[[LinearSystem], Solved],
) -> PrecisionWarning | None:
    """Widen the gaps of minima whose columns have a higher rank than was computed, and return a warning.

    The minimum is at least that of a sum of squares over the rows that are not huge, or the sum of the minima over rows
    of similar weights. Where the rank is as computed, energies still change with the rounding of the huge rows. Cost:
    nothing where columns are independent, else a look at 4,096 rows, a pass over all unless moments show that none is
    huge, and where some are, or weights are very different, `rank_is_above` and least squares of all rows (`solve`)
    and, of copies, of the others (`lowest`).
    """
    if not penalties:
        return None
    if system.X is None:
        return _of_moments(system, solved)
    value, gap, relative, condition = (
        array.reshape(-1, len(penalties))
        for array in (solved.value, solved.gap, solved.relative_error, solved.condition)
    )
    error = solved.parameter_error.reshape(*value.shape, -1)
    warning = None
    of_moments, of_rows = ((method == name).reshape(value.shape) for name in ("covariance", "orthogonal"))
    for k in np.flatnonzero(np.isinf(condition).any(axis=1)):
        # Where moments show columns to be dependent, rows of all weights do: see `dependence_in_doubt`.
        band = np.inf if of_moments[k].all() else _LIGHT if of_rows[k].any() else _BAND
        X = system.stacked_rows()[0][k]
        centers, scales = typical_sizes(X)
        unlike = _unlike(system, int(k), centers, scales, band)
        if unlike is None:
            continue
        every = _Part(system, int(k), slice(None))
        most = _energies_at_most(system, solved, int(k))
        # With a penalty it is not that of the columns.
        rank = solved.rank[k] if penalties[0] is None else solve(every.system(None)).rank[0]
        if not rank_is_above(X, scales, intercept=system.intercept, above=int(rank) + system.intercept):
            theta = solved.parameters.reshape(*value.shape, -1)[k]
            changes = every.relative_changes(X, centers, scales, theta, value[k]) if unlike.in_size else []
            for j, changed in enumerate(changes):
                gap[k, j] = max(gap[k, j], min(gap[k, j] + changed * value[k, j], most[j]))
                relative[k, j] = max(relative[k, j], changed)
        else:
            for j, least in enumerate(_least(system, int(k), unlike.parts, penalties, lowest)):
                missing = value[k, j] - least
                if missing > gap[k, j]:
                    gap[k, j] = min(gap[k, j] + missing + most[j] - value[k, j], most[j])
                    error[k, j] = np.inf
                    relative[k, j] = max(relative[k, j], missing / value[k, j])
        if relative[k].max() > 10.0**-ENOUGH_DIGITS:
            warning = _warning(float(digits_of(relative[k].max())), unlike.remedy)
    return warning


class _Unlike(NamedTuple):
    """Rows of one system that differ in size or weight, in parts of similar ones: all, or those that are not huge."""

    parts: list[npt.NDArray[np.bool_]]
    in_size: bool
    remedy: str


def _unlike(system: LinearSystem, k: int, centers: Array, scales: Array, band: float) -> _Unlike | None:
    """Return how rows of system k differ, in weight by more than a `band`; None where they are similar."""
    size, weights = _sizes(system, k, centers, scales), system.stacked_weights()
    if weights is not None:
        own = weights[k]
        ratio = own.max() / own
        if own.min() * band < 1.0:
            part = np.floor(np.log(ratio) / np.log(_BAND if ratio.max() >= _BAND else band))
            return _Unlike([part == each for each in np.unique(part)], size is not None, of_weights(own))
    if size is None:
        return None
    row = int(size.argmax())
    remedy = (
        f"row {row} is {size[row]:.1g} times as large as others, and columns that are independent without it are "
        "dependent within its rounding: correct the row or leave it out."
    )
    return _Unlike([size <= _HUGE], True, remedy)


def _least(
    system: LinearSystem,
    k: int,
    parts: Sequence[npt.NDArray[np.bool_]],
    penalties: Sequence[Penalty | None],
    lowest: Callable[[LinearSystem], Minimum],
) -> list[float]:
    """Return what the minima of system k are at least: the sums of those of the parts of its rows."""
    made = [_Part(system, k, part) for part in parts]
    return [sum(part.least(penalty, lowest, alone=len(made) == 1) for part in made) for penalty in penalties]


def _most_at_most(system: LinearSystem, k: int, centers: Array, scales: Array) -> float:
    """Return what no row of system k exceeds in size: the square of a deviation is at most the sum of all squares."""
    moments, weights = system.known_moments(), system.stacked_weights()
    columns = moments.mean.shape[-1]
    squares = moments.scatter.reshape(-1, columns, columns)[k].diagonal()[:-1] / moments.count * system.rows
    least = 1.0 if weights is None else weights[k].min()
    with np.errstate(over="ignore", invalid="ignore"):
        size = (np.abs(moments.mean.reshape(-1, columns)[k, :-1] - centers) + np.sqrt(squares / least)) / scales
    return _ROOM * float(size.max(initial=0.0))


@np.errstate(over="ignore")
def _sizes(system: LinearSystem, k: int, centers: Array, scales: Array) -> Array | None:
    """Return the sizes of rows of system k, in units of typical ones; None where none is huge."""
    if _most_at_most(system, k, centers, scales) <= _HUGE:
        return None
    X = system.stacked_rows()[0][k]
    size: Array = np.empty(len(X))
    for at in blocks_of(X):
        size[at] = (np.abs(X[at] - centers) / scales).max(axis=1)
    return size if size.max() > _HUGE else None


def _of_moments(system: LinearSystem, solved: Solved) -> PrecisionWarning | None:
    """The same without rows: where moments hide whether columns are dependent, only that energies are >= 0 is known."""
    penalty = system.penalty
    # A ridge bounds what is hidden by its own curvature.
    systems = None if isinstance(penalty, L2) and penalty.lam > 0.0 else dependence_hidden(system.known_moments())
    if systems is None:
        return None
    target = np.sqrt(system.known_moments().target_square().reshape(-1)[systems])
    terms = _terms(system, solved, systems) + target.reshape(len(target), *[1] * (solved.value.ndim - 1))
    solved.gap[systems] += solved.value[systems] + _ROUNDED * terms**2
    solved.relative_error[systems] = np.maximum(solved.relative_error[systems], 1.0)
    solved.parameter_error[systems] = np.inf
    return PrecisionWarning(
        "The minimum energy has 0 certain digits, of 16; some rows are far larger than the others, or their weights "
        "are, and columns that are independent without them may be dependent within their rounding: correct these rows "
        "or leave them out; LinearRegression(X, y) names one."
    )


def _energies_at_most(system: LinearSystem, solved: Solved, k: int) -> Array:
    """Return bounds of the energies of the parameters of system k, whose rows are in memory: no gap exceeds them.

    Values of moments are kept where they are known to 9 digits, the estimate being a 200th of the bound at least;
    others are evaluated at parameters that may be rounded once more. Gaps include that; if they reach the value, they
    are such bounds.
    """
    value, gap, relative = (array[k].reshape(-1) for array in (solved.value, solved.gap, solved.relative_error))
    rounding = np.fmin(np.finfo(float).eps * _terms(system, solved, [k]).reshape(-1), np.sqrt(gap))
    share = 200.0 * np.fmin(relative, 10.0**-ENOUGH_DIGITS) + np.finfo(float).eps * (system.parameters + 8)
    result: Array = np.where(gap < value, value * (1.0 + share) + rounding * (2.0 * np.sqrt(value) + rounding), gap)
    return result


def _terms(system: LinearSystem, solved: Solved, systems: Any) -> Array:
    """Return sums over parameters of their sizes times the root mean squares of their columns, shaped as values."""
    squares, size = system.known_moments().mean_squares(), np.abs(solved.parameters[systems])
    of_columns = np.sqrt(squares.reshape(-1, squares.shape[-1])[systems])
    result: Array = (size * of_columns.reshape(len(size), *[1] * (size.ndim - 2), -1)).sum(axis=-1)
    return result


class _Part:
    """Some rows of one system of a stack."""

    def __init__(self, system: LinearSystem, k: int, chosen: Any) -> None:
        X, y = system.stacked_rows()
        weights = system.stacked_weights()
        self._of: Any = type(system)
        self._rows = X[k][chosen], y[k][chosen]
        self._options: dict[str, Any] = {
            "intercept": system.intercept,
            "weights": None if weights is None else weights[k][chosen],
        }
        of_rows: Array = np.ones(len(y[k])) if weights is None else weights[k]
        self.share = float(of_rows[chosen].sum() / of_rows.sum())

    def system(self, penalty: Penalty | None) -> LinearSystem:
        """Return the system of these rows."""
        made: LinearSystem = self._of(*self._rows, penalty=penalty, **self._options)
        return made

    def least(self, penalty: Penalty | None, lowest: Callable[[LinearSystem], Minimum], *, alone: bool) -> float:
        """Return what these rows add to the minimum over all at least, with the penalty if they do so `alone`.

        Else with their share of it. Few rows are fitted exactly. 0 where squares in these rows alone are too small.
        """
        m, p = self._rows[0].shape
        if m == 0 or (m <= p and penalty is None and not alone):
            return 0.0
        scaled = penalty and dataclasses.replace(penalty, lam=penalty.lam / (self.share if alone else 1.0))
        try:
            minimum = lowest(self.system(scaled))
        except ValueError:
            return 0.0
        uncertain = max(minimum.gap, minimum.value * 10.0**-minimum.digits)
        return self.share * max(0.0, float(minimum.value - uncertain))

    def relative_changes(
        self, X: npt.NDArray[Any], centers: Array, scales: Array, theta: Array, value: Array
    ) -> list[float]:
        """Return `changes` relative to the energies `value`: at most 1, as no energy is negative."""
        changes = zip(self.changes(X, centers, scales, theta), value, strict=True)
        return [float(changed / energy) if changed < energy else float(energy > 0.0) for changed, energy in changes]

    @np.errstate(over="ignore", invalid="ignore")
    def changes(self, X: npt.NDArray[Any], centers: Array, scales: Array, theta: Array) -> list[float]:
        """Return what energies change by as parameters theta (k, n) move along dependences by as much as their size.

        A dependence of columns holds up to the rounding of each row's terms, and residuals change by it. Infinity where
        deviations leave the range of a double.
        """
        null = self._dependences(X, centers, scales)
        if null is None:
            return [np.inf] * len(theta)
        unit, (_, y), weights = np.finfo(float).eps, self._rows, self._options["weights"]
        # Of a row z, at most what its residual moves by as theta does, and the rounding of the residual. Parameters of
        # a dependence move along it, by their sizes in units of typical values of their columns.
        units = np.append(scales, [1.0] * self._options["intercept"])
        share = np.abs(null * units)
        moving = share > _DEPENDENT * share.max(axis=1, keepdims=True)
        steps = unit * _MOVED * np.sqrt((theta * units) ** 2 @ moving.T)
        directions = np.abs(null) / np.linalg.norm(share, axis=1, keepdims=True)
        sums, total = np.zeros(len(theta)), 0.0
        for at in blocks_of(X):
            Z = self._columns(X[at])
            size = np.abs(Z)
            move = steps @ (directions @ size.T)
            residual = np.abs(y[at] - theta @ Z.T) + unit * (np.abs(theta) @ size.T)
            w: Array = np.ones(len(Z)) if weights is None else weights[at]
            sums += ((2.0 * residual + move) * move) @ w
            total += float(w.sum())
        return [float(change) for change in sums / total]

    def _columns(self, X: npt.NDArray[Any]) -> Array:
        """Return rows of X in double precision, with the constant feature if there is an intercept."""
        Z = X.astype(np.float64)
        return np.column_stack([Z, np.ones(len(Z))]) if self._options["intercept"] else Z

    def _dependences(self, X: npt.NDArray[Any], centers: Array, scales: Array) -> Array | None:
        """Return parameters (k, n) for which rows of one size vanish; None beyond the range of a double."""
        intercept = bool(self._options["intercept"])
        factor = np.empty((0, X.shape[1] + intercept))
        for at in blocks_of(X):
            rows = self._columns((X[at] - centers if intercept else X[at]) / scales)
            if not np.isfinite(rows).all():
                return None
            largest = np.abs(rows).max(axis=1, keepdims=True)
            rows /= np.where(largest > 0.0, largest, 1.0)
            factor = np.asarray(np.linalg.qr(np.concatenate([factor, rows]), mode="r"))
        _, singular, right = np.linalg.svd(factor, full_matrices=True)
        null: Array = right[np.count_nonzero(singular > _DEPENDENT * singular[0]) :] / np.append(
            scales, [1.0] * intercept
        )
        if intercept:
            null[:, -1] -= null[:, :-1] @ centers
        return null


def _warning(digits: float, remedy: str) -> PrecisionWarning:
    return PrecisionWarning(f"The minimum energy has {number_of(int(digits), 'certain digit')}, of 16; {remedy}")
