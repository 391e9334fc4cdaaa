"""Rows under a fixed model, summarised: their energy, and the entropy of their joint density (2.8)-(2.12)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer import _core
from pyrometer.base import RandomSource, validate
from pyrometer.states._blocks import LEAST, boundaries
from pyrometer.states._conditionals import CONDITIONALS
from pyrometer.states._degenerate import dependence, lack_of_spread
from pyrometer.states._densities import Density, cross_fitted, known
from pyrometer.states._predictions import Model, Predicted, loss_of, predicted
from pyrometer.states._row_sums import FARTHEST, Coordinates, converted, coordinates, in_range, pairs
from pyrometer.states._rows import Rows

__all__ = ["HEADER", "DataState"]

_Array: TypeAlias = npt.NDArray[np.float64]
HEADER = ("rows", "features", "loss", "energy", "entropy", "discrete_entropy")
_LN2 = float(np.log(2.0))


class DataState:
    r"""Rows under a fixed model: their energy, and the entropy of the joint density p(x, y) = p(y | x) p(x) (2.12).

    The features have the density that `density` names. Given them the target has the law that belongs to the loss: for
    squared error Gaussian about the model's prediction and what of the residual is linear in the features; for
    absolute error Laplace about the prediction; for cross entropy the Bernoulli law that the model predicts.

    Parameters
    ----------
    X : array_like or data frame, shape (m, p)
        Features; finite. No constant or dependent columns: their density has no entropy. More rows than columns, and
        one more for squared error. No columns at all (p = 0) are a stream of targets alone.
    y : array_like or column, shape (m,)
        Targets; finite, and 0 or 1 for cross entropy.
    model : LinearRegression, LogisticRegression or callable
        A system stands for its trained model, the parameters of `minimum_energy`. A callable takes X and gives
        predictions (m,); for cross entropy probabilities.
    energy : {"mse", "mae", "ce"}, optional
        The loss of a callable model. A system knows its own.
    block : int
        Neighbouring rows that are resampled together: 1 for independent rows, more than the length of the memory for
        serially dependent ones.
    density : {"gaussian", "kernel", "mixture"}, estimator or callable
        Density of the features. "gaussian" has the moments of the rows. "kernel" is SciPy's `gaussian_kde`, "mixture"
        scikit-learn's `GaussianMixture` of 1, 2, 4 or 8 components, both with the extra ``pyrometer[density]``. Any
        object with ``fit(X)`` and ``score_samples(X)`` is copied and fitted. A callable that takes X and gives
        logarithms of a density (m,) is used as it is; it should have been fitted to other rows.

    Attributes
    ----------
    rows : int
        Number of rows m.
    energy : float
        Mean loss of the model on these rows.
    entropy : float
        Differential entropy of the joint density in nats (2.10). A density flatters the rows that it was fitted to.
        Gaussians do so by d(d + 3)/4m only, with d features and residuals, and have the entropy of their moments. For
        others it is the mean of :math:`-\ln p` over the rows, each under a density that was fitted to four fifths of
        the blocks, its own not among them.
    discrete_entropy : float
        Entropy :math:`-\sum_i p_i \ln p_i` in nats (2.8) of the density at the rows, normalised over them (A.1); from 0
        to :math:`\ln m`. Where the rows are a grid of cells of size :math:`\Delta` it is the differential entropy less
        :math:`\ln \Delta` (2.25); over a sample it tells among how many rows, ``exp(discrete_entropy)``, the density
        spreads its weight.
    loss : str
        "mse", "mae" or "ce".
    density : str, estimator or callable
        As given.
    names : tuple of str or None
        Names of the features, where X is a data frame.
    reason : str
        Why `energy` or `entropy` is nan, which only batches of a `RefreshMonitor` may have; "" where both are numbers.

    Raises
    ------
    TypeError, ValueError
        If the rows are not finite numbers of matching shapes, have no density, or an energy beyond the range of a
        double, or if the model or the density does not fit them.
    ImportError
        If the density needs a library that is not there.

    Notes
    -----
    With "gaussian" the rows are not kept: only sums over some thousand blocks at most, from which `shift` resamples.
    Other densities keep them, and cost five fits, and two or three more in `shift`; a kernel density :math:`m^2`
    exponentials for each pass over the rows besides.

    Examples
    --------
    >>> import numpy as np
    >>> import pyrometer as pm
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(1000, 1))
    >>> state = pm.DataState(x, 2.0 * x[:, 0] + rng.normal(size=1000), model=lambda X: 2.0 * X[:, 0], energy="mse")
    >>> bool(abs(state.energy - 1.0) < 0.1), bool(abs(state.entropy - np.log(2 * np.pi * np.e)) < 0.1)
    (True, True)
    """

    __slots__ = (
        *("_centre", "_counts", "_kept", "_sums", "_units", "density", "discrete_entropy"),
        *("energy", "entropy", "features", "loss", "names", "reason", "rows"),
    )

    def __init__(
        self,
        X: Any,
        y: Any,
        *,
        model: Model,
        energy: str | None = None,
        block: int = 1,
        density: Density = "gaussian",
    ) -> None:
        self._fill(X, y, model, energy, block, density)
        self._require_numbers()

    def _fill(
        self,
        X: Any,
        y: Any,
        model: Model,
        energy: str | None,
        block: int,
        density: Density,
        names: tuple[str, ...] | None = None,
        wanted: int | None = None,
    ) -> None:
        """Summarise rows; `names` are for messages where X has none, `wanted` so many columns must X have."""
        found = predicted(X, y, model, energy, wanted)
        self.loss, self.names = found.loss, found.names or names or None
        size = validate.count("block", block, minimum=1)
        self.density = known(density)
        self._kept: Kept | None = None
        self.rows, self.features = found.x.shape
        at, conditional = coordinates(found), CONDITIONALS[found.loss]
        begins = boundaries(self.rows, size)
        self._centre, self._units = at.centre, at.units
        self._counts: _Array = np.diff(np.append(begins, self.rows)).astype(np.float64)
        products = (at.z[:, j] * at.z[:, k] for j, k in pairs(at.z.shape[1]))
        columns = [at.losses, at.inner, *at.z.T, *products]
        self._sums: _Array = np.stack([np.add.reduceat(column, begins) for column in columns], axis=1)
        self.discrete_entropy = np.nan
        self.energy, self.entropy = self.computed()
        why = [lack_of_spread(at.x, at.target, at.residual, self.loss, self.names)]
        if why[0]:
            self.entropy = np.nan
        elif np.isnan(self.entropy):
            why.append(dependence(at.z, self.features, self.names))
        if np.isnan(self.energy):
            why.append(
                "energy must be within the range of a double, from 2.2e-308 to 1.8e308; rescale y and the model."
            )
        if infinite := conditional.impossible(found):
            self.energy = np.nan
            why.append(infinite)
        self.reason = " ".join(filter(None, why))
        if self.reason:
            return
        if density == "gaussian":
            scores = _gaussian(at.z) + conditional.beside_features(at.losses)
        else:
            scores = conditional.observed(self._score(found, at, size), at.losses, at.inner)
        self.discrete_entropy = _discrete(scores)

    def _score(self, found: Predicted, at: Coordinates, size: int) -> _Array:
        """Keep the rows with their scores under the density, and return these."""
        if len(self._counts) < LEAST:
            raise ValueError(f"X must have at least {LEAST} blocks of rows for this density, got {len(self._counts)}.")
        if self._units.any():
            raise ValueError(
                "X and y must have magnitudes from 1e-60 to 1e60 for this density, got others; rescale them, or use "
                "density='gaussian'."
            )
        rows = Rows(found.x, at.residual, at.inner)
        scores = cross_fitted(self.density, self.loss, rows, size)
        self.entropy = float(scores.mean())
        self._kept = Kept(rows, at.losses, scores)
        return scores

    def computed(self) -> tuple[float, float]:
        """Energy and entropy from the sums, nan where there is none."""
        energy, entropy = map(float, _core.redrawn_states(self.blocks(), self.law, (0, 0), 0, 1)[0])
        units = int(self._units[2:].sum() + (self._units[1] if CONDITIONALS[self.loss].scaled else 0))
        return in_range(energy, int(self._units[0])), entropy + units * _LN2 if units else entropy

    def _require_numbers(self) -> None:
        if self.reason:
            raise ValueError(self.reason)

    def __setstate__(self, state: tuple[None, dict[str, Any]]) -> None:
        values = {"reason": "", "_units": None} | state[1]
        for name, value in values.items():
            setattr(self, name, value)
        if self._units is None:  # of 0.1.0
            self._units = np.zeros(2 + len(self._centre), dtype=np.int64)

    def __repr__(self) -> str:
        return (
            f"<DataState: {self.rows} rows, {self.features} features, {self.loss}, "
            f"E = {self.energy:.6g}, S = {self.entropy:.6g}>"
        )

    def header(self) -> dict[str, Any]:
        """Return what describes the state besides its arrays."""
        return {name: getattr(self, name) for name in (*HEADER, "names", "reason")}

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Return the sums that the state is made of; in units of their own under names of their own."""
        arrays = {"centre": self._centre, "counts": self._counts}
        return arrays | (
            {"sums_in_units": self._sums, "units": self._units} if self._units.any() else {"sums": self._sums}
        )

    @classmethod
    def restored(cls, header: dict[str, Any], arrays: dict[str, npt.NDArray[Any]]) -> DataState:
        """Return the state of a header and its arrays, checked."""
        state = cls.__new__(cls)
        for name in HEADER:
            setattr(state, name, header[name])
        state.density, state._kept = "gaussian", None
        state.names, state.reason = header.get("names"), header.get("reason", "")
        state._centre, state._counts = arrays["centre"], arrays["counts"]
        state._units = arrays.get("units", np.zeros(2 + len(state._centre), dtype=np.int64))
        state._sums = arrays["sums_in_units" if state._units.any() else "sums"]
        return state

    @property
    def law(self) -> str:
        """The core's name for the density."""
        return CONDITIONALS[self.loss].law

    def covariance(self, resamples: int, random: RandomSource, threads: int = 0, unit: int | None = None) -> _Array:
        """Covariance (2, 2) of energy and entropy over samples of rows, by drawing blocks again.

        Energies are in units of 2^unit, or of the state's own. It is nan in the row and column of the entropy where a
        resample has no density, and everywhere with too few blocks.
        """
        own = int(self._units[0])
        unit = own if unit is None else unit
        if self._kept is not None:
            values = np.stack([np.ldexp(self._kept.losses, -unit), self._kept.scores], axis=1)
            return mean_covariance(self, values)
        drawn = _core.redrawn_states(self.blocks(), self.law, validate.seed(random), resamples, threads)[1:]
        if len(self._counts) < LEAST:
            return np.full((2, 2), np.nan)
        drawn[:, 0] = np.ldexp(drawn[:, 0], own - unit)
        return covariance_of(drawn)

    def blocks(self, like: DataState | None = None) -> _Array:
        """Sums over blocks as the core takes them, with features and residual about the centre of `like`, in its units.

        See `is_comparable` for units that are too far from these.
        """
        if like is None or like is self:
            return np.column_stack([self._counts, self._sums])
        d = len(self._centre)
        move = self._moved(like)
        sums = np.column_stack([self._counts, converted(self._sums, self._units, like._units)[0]])
        first, n = sums[:, 3 : 3 + d].copy(), self._counts
        for c, (j, k) in enumerate(pairs(d)):
            sums[:, 3 + d + c] += move[j] * first[:, k] + move[k] * first[:, j] + n * move[j] * move[k]
        sums[:, 3 : 3 + d] += n[:, None] * move
        return sums

    def is_comparable(self, like: DataState) -> bool:
        """Whether the sums can be told in the units of `like`, about its centre."""
        away = np.abs(self._moved(like)).max(initial=0.0)
        return bool(away < FARTHEST) and converted(self._sums, self._units, like._units)[1]

    def _moved(self, like: DataState) -> _Array:
        """The centre from that of `like`, in its units."""
        units = like._units[2:]
        with np.errstate(over="ignore"):
            move = np.ldexp(self._centre, -units) - np.ldexp(like._centre, -units)
        return np.asarray(np.clip(move, -FARTHEST, FARTHEST))

    def summed(self, rows: _Array) -> _Array:
        """Sums over blocks of numbers that belong to rows."""
        return np.asarray(
            np.add.reduceat(rows, np.cumsum(self._counts.astype(np.int64)) - self._counts.astype(np.int64))
        )


@dataclass(frozen=True)
class Kept:
    """Rows with their losses, and -ln p of each under a density fitted to others."""

    rows: Rows
    losses: _Array
    scores: _Array


def covariance_of(drawn: _Array) -> _Array:
    """Covariance of resamples (b, k), nan where some resample lacks a number, or where it is beyond the doubles."""
    known = np.isfinite(drawn).all(axis=0)
    result = np.full((drawn.shape[1],) * 2, np.nan)
    if known.any():
        with np.errstate(over="ignore", invalid="ignore"):
            result[np.ix_(known, known)] = np.cov(drawn[:, known].T)
    result[~np.isfinite(result)] = np.nan
    return result


def mean_covariance(state: DataState, values: _Array) -> _Array:
    """Covariance of the means of rows' values (m, k): what drawing blocks again comes to for a mean."""
    blocks = state.summed(values - values.mean(axis=0))
    return np.asarray(blocks.T @ blocks / state.rows**2 * (len(blocks) / (len(blocks) - 1.0)))


def as_state(
    name: str,
    value: Any,
    model: Model,
    energy: str | None,
    block: int,
    density: Density = "gaussian",
    *,
    names: tuple[str, ...] | None = None,
    like: DataState | None = None,
    strict: bool = True,
) -> DataState:
    """Return a state, made of a pair (X, y) if it is none yet; errors begin with its name.

    If it is not strict, rows without energy or entropy are no error; the state has the reason then.
    """
    if isinstance(value, DataState):
        if strict and value.reason:
            raise ValueError(f"{name}: {value.reason}")
        return value
    if isinstance(value, (tuple, list)) and len(value) == 2:
        loss_of(model, energy)
        state = DataState.__new__(DataState)
        try:
            X, y = value
            state._fill(X, y, model, energy, block, density, names, like.features if like else None)
            if strict:
                state._require_numbers()
        except (TypeError, ValueError) as error:
            if type(error) not in (TypeError, ValueError):
                raise
            raise type(error)(f"{name}: {error}") from error
        return state
    raise TypeError(f"{name} must be a DataState or a pair (X, y), got {type(value).__name__}.")


def _gaussian(z: _Array) -> _Array:
    """Half the squared length of rows about their mean, in units of their covariance."""
    whitening = np.linalg.inv(np.linalg.cholesky(z.T @ z / len(z)))
    return np.asarray(0.5 * np.square(z @ whitening.T).sum(axis=1))


def _discrete(scores: _Array) -> float:
    """Entropy of weights exp(-scores), normalised."""
    away = scores - scores.min()
    weights = np.exp(-away)
    total = weights.sum()
    return float(np.log(total) + (weights * away).sum() / total)
