"""Serial dependence of rows: its range, and the blocks that a permutation test needs. Not in the paper.

A test that permutes blocks of b rows takes the variance of a mean over b rows for that of independent blocks. With
autocorrelations rho_k that variance is, for b rows, gamma_0 (tau - 2 sum_k min(k, b) rho_k / b) / b, where
tau = 1 + 2 sum_k rho_k is the integrated autocorrelation time: less than that of a long sample by the factor
1 - (c / b)(1 - phi^b), with c = 2 sum_k k rho_k / tau and phi = (tau - 1) / (tau + 1). This is exact for an
autoregression of the first order, where c = 2 phi / (1 - phi^2); for others where b is beyond their memory.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array
from pyrometer.states._blocks import LEAST

__all__ = ["INDEPENDENT", "Dependence", "memory_of"]

_ROWS = 2**16  # the last rows of a longer sample are enough
_SCREEN = (1, 2, 3, 5, 8, 13)  # lags at which dependence is looked for
_FACTOR = 6.0  # rows of a block in units of c: what adjacent blocks still share is a sixth of their variance
_MARGIN = 10.0  # of twice a log-likelihood: one of some ten thousand samples of independent rows exceeds it
_CHANCE = 1e-4  # share of samples of independent rows in which rows of rare numbers follow each other too closely
_FEW = 0.25  # share of the rows of a column; fewer that differ from its commonest number are events ...
_PAIRS = 32.0  # ... if so few pairs of them, or fewer, are expected at each lag: _MARGIN holds for more
_GAPS = (1, 2, 3, 5, 8, 13, 21, 34)  # rows of the longest gap between events that counts as short
_NUMBERS = 2**17  # of columns that are screened together
_ROUNDING = 1e-12  # of the largest magnitude: a column that varies by less is constant
_LONGEST = 1.0 - 1e-6  # largest modulus of the roots of an autoregression
_BORDERS = 1.28  # standard errors by which predictions fail at the borders of groups; those of a tenth of series do


class Dependence(NamedTuple):
    """The longest memory among series that belong to rows.

    Attributes
    ----------
    time : float
        Integrated autocorrelation time tau in rows; 1 where no dependence was found.
    reach : float
        c, in rows; 0 where no dependence was found.
    series : str
        Name of the series; "" where no dependence was found.
    """

    time: float
    reach: float
    series: str

    @property
    def block(self) -> int:
        """Rows of a block that are enough, with `inflation`, for a permutation test to keep its level."""
        return max(1, int(np.ceil(_FACTOR * self.reach)))

    def share(self, rows: float) -> float:
        """Variance of a mean over so many rows, times their number, in units of that of a very long sample."""
        if self.reach == 0.0:
            return 1.0
        phi = (self.time - 1.0) / (self.time + 1.0)
        return float(max(1.0 - self.reach * (1.0 - phi**rows) / rows, 1.0 / self.time))

    def inflation(self, block: float, rows: float) -> float:
        """Variance of a mean over `rows` rows in units of the one that permutations of blocks give it; at least 1."""
        return float(max(1.0, self.share(max(rows, block)) / self.share(block)))

    def correction(self, block: int, rows: float, *, chosen: bool) -> float:
        """Inflation that tests allow for: none with blocks of one row, unless these were chosen for the dependence."""
        return 1.0 if block == 1 and not chosen else self.inflation(block, rows)


INDEPENDENT = Dependence(1.0, 0.0, "")


def memory_of(series: Array, names: list[str], block: int = 1) -> Dependence:
    """Return the longest memory among the columns of `series` (m, k), each fitted by an autoregression.

    Of a column whose blocks of rows are groups the memory is that of their means (`_between_groups`).

    Its order is that of the least Bayesian information criterion; a column counts as dependent where the criterion
    exceeds that of independence by a margin for the number of columns, for its numbers and for their ranks: two
    outliers that are neighbours by chance are no dependence. Where most rows of a column are one number, its ranks have
    outliers as well, and the rows that differ must follow each other more closely than in all but one of ten thousand
    random orders (`_gathered`). Cost: two sorts and some 20 log10(m) products of m numbers for each column that one of
    a few autocorrelations shows to be dependent; those few for the others.
    """
    z = series[-_ROWS:]
    m, k = z.shape
    if m < 10:
        return INDEPENDENT
    longest, dependences = int(min(10.0 * np.log10(m), m // 10)), [INDEPENDENT]
    margin, step = 2.0 * np.log(k) + _MARGIN, max(1, _NUMBERS // m)
    chance = _CHANCE / k
    for first in range(0, k, step):
        columns, shown = _screened(z[:, first : first + step].T, longest)
        for j in map(int, np.flatnonzero(shown)):
            # A pair of outliers that are neighbours by chance is no dependence: ranks must show it, too.
            ranks = _ranks(columns[j])
            ranked, _, steps = _autoregression(_correlations(ranks, longest), m, margin)
            if ranked > 1.0 and _gathered(columns[j], longest, chance):
                time, reach, _ = _autoregression(_correlations(columns[j], longest), m, margin)
                if time > 1.0 and reach > 0.0:
                    memory, start = Dependence(time, reach, names[first + j]), -max(0, len(series) - m) % block
                    if block > 1 and _are_groups(ranks, steps, np.arange(start, m, block)):
                        memory = _between_groups(memory, columns[j][start:], block)
                    dependences.append(memory)
    return max(dependences, key=lambda each: (each.reach, each.time))


def _are_groups(column: Array, steps: Array, begins: npt.NDArray[np.intp]) -> bool:
    """Whether an autoregression predicts the first rows of blocks from the rows before worse than it does others.

    The slope of these rows on their predictions is 1 for every stationary series, whatever its memory.
    """
    p, m = len(steps), len(column)
    predicted = np.convolve(column, steps)[p - 1 : m - 1]
    error, first = column[p:] - predicted, begins[begins >= p] - p
    left = predicted[first]
    return bool(left @ error[first] < -_BORDERS * math.sqrt((left @ left) * (error @ error) / len(error)))


def _between_groups(memory: Dependence, column: Array, block: int) -> Dependence:
    """Return the memory by which means of groups vary as those of an autoregression of the first order of groups.

    Means that are dependent, or fewer than a test needs, have the memory of the rows.
    """
    k = len(column) // block
    if k < LEAST:
        return memory
    means = column[: k * block].reshape(k, block).mean(axis=1)
    means -= means.mean()
    if not means.any():
        return memory._replace(reach=0.0)
    r = _correlations(means, max(1, int(min(10.0 * np.log10(k), k // 10))))
    if _autoregression(r, k, 0.0)[0] > 1.0:
        return memory
    share = 2.0 * max(0.0, float(r[1])) / (1.0 + max(0.0, float(r[1])))  # of the variance, that adjacent means share
    phi = (memory.time - 1.0) / (memory.time + 1.0)
    return memory._replace(reach=min(memory.reach, share * block / (1.0 - phi**block)))


def _screened(columns: Array, longest: int) -> tuple[Array, npt.NDArray[np.bool_]]:
    """Return columns (k, m) about their means, in units of the largest number, and which of them may be dependent."""
    m = columns.shape[1]
    with np.errstate(over="ignore", invalid="ignore"):
        centred = np.array([column - np.add.reduce(column) / m for column in columns])
        largest = np.abs(centred).max(axis=1)
        varies = (_ROUNDING * np.abs(columns).max(axis=1) < largest) & (largest < np.inf)
        centred /= np.where(varies, largest, 1.0)[:, None]
        lags = (0, *(lag for lag in _SCREEN if lag <= longest))
        square, *products = [np.einsum("ij,ij->i", centred[:, lag:], centred[:, : m - lag]) for lag in lags]
        return centred, varies & (np.abs(products).max(axis=0) * math.sqrt(m) > 3.0 * square)


def _correlations(column: Array, longest: int) -> Array:
    """Return the autocorrelations of a column of mean 0."""
    products = np.array([column[lag:] @ column[: len(column) - lag] for lag in range(longest + 1)])
    relative: Array = products / products[0]
    return relative


def _ranks(column: Array) -> Array:
    """Return ranks, those of equal numbers averaged, less their mean."""
    _, place, counts = np.unique(column, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - 0.5 * (counts - 1.0))[place.reshape(-1)]
    centred: Array = ranks - ranks.mean()
    return centred


def _gathered(column: Array, longest: int, chance: float) -> bool:
    """Whether rows that differ from the commonest number, if they are few, are too close for a random order.

    Of all random orders of the column at most the share `chance` does so. These rows are taken together, and those
    above and below the commonest number by themselves.
    """
    m, (numbers, counts) = len(column), np.unique(column, return_counts=True)
    few = m - int(counts.max())
    if few >= _FEW * m or few**2 >= _PAIRS * m:
        return True
    common = numbers[counts.argmax()]
    sides = [side for side in (column > common, column < common) if side.any()]
    events = [*sides, sides[0] | sides[1]] if len(sides) == 2 else sides
    return any(_closeness(np.flatnonzero(each), m, longest) >= math.log(len(events) / chance) for each in events)


def _closeness(places: npt.NDArray[np.intp], m: int, longest: int) -> float:
    """Return -ln P, where at most the share P of k random places among m have gaps as short as these; at least 0.

    The number of gaps of at most L rows is compared with its law, the n-th L of some up to `longest` at 1/(n (n + 1))
    of the level. A gap exceeds L with probability q = prod_{i < L} (m - k - i) / (m - i). Gaps are independent
    geometric numbers given their sum, so negatively associated [1]: Chernoff's bound for k - 1 independent ones holds,
    exp(-(k - 1) D) with the relative entropy D of the share of short gaps to 1 - q. For L = 1 the hypergeometric tail
    is exact: j of the gaps are 1 in C(k - 1, j) C(m - k + 1, k - j) of C(m, k) choices.

    References
    ----------
    .. [1] K. Joag-Dev, F. Proschan, "Negative association of random variables", Annals of Statistics 11 (1983),
       286-295, Theorem 2.8.
    """
    k, limits = len(places), np.array([limit for limit in _GAPS if limit <= longest])
    if k < 2:
        return 0.0
    short = (np.diff(places) <= limits[:, None]).sum(axis=1)
    share, long = short / (k - 1), np.cumprod(1.0 - k / np.arange(m, m - longest, -1.0))[limits - 1]
    with np.errstate(divide="ignore", invalid="ignore"):
        left = np.where(share < 1.0, (1.0 - share) * np.log((1.0 - share) / long), 0.0)
        entropy = np.where(share > 1.0 - long, share * np.log(share / (1.0 - long)) + left, 0.0)
    exponents = (k - 1) * entropy
    logs = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1.0, m + 1.0)))])  # of factorials
    j = np.arange(short[0], k)
    choices = logs[k - 1] - logs[j] - logs[k - 1 - j] + logs[m - k + 1] - logs[k - j] - logs[m - 2 * k + 1 + j]
    choices -= logs[m] - logs[k] - logs[m - k]
    exponents[0] = -choices.max() - math.log(np.exp(choices - choices.max()).sum())
    n = np.arange(1.0, len(limits) + 1.0)
    return float(max(0.0, np.max(exponents - np.log(n * (n + 1.0)))))


def _autoregression(r: Array, m: int, margin: float) -> tuple[float, float, Array]:
    """Return tau, c and coefficients of the autoregression that fits autocorrelations r best; 1, 0 and none if none."""
    best, chosen = 0.0, np.empty(0)
    a, left = np.empty(0), 1.0
    for p in range(1, len(r)):  # Levinson's recursion
        reflection = (r[p] - a @ r[p - 1 : 0 : -1]) / left
        a = np.append(a - reflection * a[::-1], reflection)
        left *= 1.0 - reflection**2
        if left <= 0.0:
            break
        gain = -m * np.log(left) - p * np.log(m) - margin
        if gain > best:
            best, chosen = gain, a
    if not len(chosen):
        return 1.0, 0.0, chosen
    p = len(chosen)
    step = np.vstack([chosen, np.eye(p)[:-1]])
    step *= min(1.0, _LONGEST / float(np.abs(np.linalg.eigvals(step)).max()))
    once = np.linalg.solve(np.eye(p) - step, r[np.abs(np.arange(1, 1 - p, -1))])
    time = 1.0 + 2.0 * once[0]
    return float(time), float(2.0 * np.linalg.solve(np.eye(p) - step, once)[0] / time), chosen
