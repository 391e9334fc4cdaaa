"""Rows under a fixed model, summarised: their energy, and the entropy of their joint density (2.8)-(2.12)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer import _core, _validate
from pyrometer._blocks import LEAST, boundaries
from pyrometer._degenerate import dependence, require_spread
from pyrometer._densities import Density, Rows, cross_fitted, known
from pyrometer._predicted import Model, loss_of, predicted
from pyrometer._validate import RandomSource

__all__ = ["DataState"]

_Array: TypeAlias = npt.NDArray[np.float64]
_HEADER = ("rows", "features", "loss", "energy", "entropy", "discrete_entropy")
_LAWS = {"mse": "normal", "mae": "laplace", "ce": "bernoulli"}


class DataState:
    r"""Rows under a fixed model: their energy, and the entropy of the joint density p(x, y) = p(y | x) p(x) (2.12).

    The features have the density that `density` names. Given them the target has the law that belongs to the loss: for
    squared error Gaussian about the model's prediction and what of the residual is linear in the features; for
    absolute error Laplace about the prediction; for cross entropy the Bernoulli law that the model predicts.

    Parameters
    ----------
    X : array_like or data frame, shape (m, p)
        Features; finite. No constant or dependent columns: their density has no entropy. More rows than columns, and
        one more for squared error.
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

    Raises
    ------
    TypeError, ValueError
        If the rows are not finite numbers of matching shapes, or the model or the density does not fit them.
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
        *("_centre", "_counts", "_kept", "_sums", "density", "discrete_entropy"),
        *("energy", "entropy", "features", "loss", "names", "rows"),
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
        x, target, prediction, self.loss, found = predicted(X, y, model, energy, wanted)
        names = self.names = found or names
        size = _validate.count("block", block, minimum=1)
        self.density = known(density)
        self.rows, self.features = x.shape
        residual = target - prediction
        if self.loss == "ce":
            if ((target != 0) & (target != 1)).any():
                raise ValueError("y must be 0 or 1 for cross entropy.")
            if not ((prediction > 0) & (prediction < 1)).all():
                raise ValueError("model must predict probabilities above 0 and below 1 for cross entropy.")
            losses = -np.log(np.where(target == 1, prediction, 1.0 - prediction))
            inner = -prediction * np.log(prediction) - (1.0 - prediction) * np.log1p(-prediction)
        else:
            losses = residual**2 if self.loss == "mse" else np.abs(residual)
            inner = np.abs(residual)
        require_spread(x, target, residual, self.loss, names)
        z = np.column_stack([x, residual]) if self.loss == "mse" else x
        self._centre: _Array = z.mean(axis=0)
        z = z - self._centre
        d = z.shape[1]
        begins = boundaries(self.rows, size)
        self._counts: _Array = np.diff(np.append(begins, self.rows)).astype(np.float64)
        columns = [losses, inner, *z.T, *(z[:, j] * z[:, k] for j, k in _pairs(d))]
        self._sums: _Array = np.stack([np.add.reduceat(column, begins) for column in columns], axis=1)
        self.energy, self.entropy = map(float, _core.redrawn_states(self.blocks(), self.law, (0, 0), 0, 1)[0])
        if not np.isfinite(self.entropy):
            raise ValueError(dependence(z, self.features, names))
        self._kept: Kept | None = None
        if density == "gaussian":
            scores = _gaussian(z)
            if self.loss == "mae":
                scores += losses / losses.mean()
        else:
            if len(begins) < LEAST:
                raise ValueError(f"X must have at least {LEAST} blocks of rows for this density, got {len(begins)}.")
            rows = Rows(x, residual, inner)
            scores = cross_fitted(density, self.loss, rows, size)
            self.entropy = float(scores.mean())
            self._kept = Kept(rows, losses, scores)
            scores = scores - inner if self.loss == "ce" else scores
        self.discrete_entropy = _discrete(scores + losses if self.loss == "ce" else scores)

    def __repr__(self) -> str:
        return (
            f"<DataState: {self.rows} rows, {self.features} features, {self.loss}, "
            f"E = {self.energy:.6g}, S = {self.entropy:.6g}>"
        )

    def header(self) -> dict[str, Any]:
        """Return what describes the state besides its arrays."""
        return {name: getattr(self, name) for name in (*_HEADER, "names")}

    def arrays(self) -> dict[str, _Array]:
        """Return the sums that the state is made of."""
        return {"centre": self._centre, "counts": self._counts, "sums": self._sums}

    @classmethod
    def restored(cls, header: dict[str, Any], arrays: dict[str, _Array]) -> DataState:
        """Return the state of a header and its arrays."""
        state = cls.__new__(cls)
        for name in _HEADER:
            setattr(state, name, header[name])
        state.density, state._kept = "gaussian", None
        state.names = tuple(header.get("names") or ()) or None
        state._centre, state._counts, state._sums = arrays["centre"], arrays["counts"], arrays["sums"]
        d = len(state._centre)
        if state._sums.shape != (len(state._counts), 2 + d + d * (d + 1) // 2):
            raise ValueError(f"sums of shape {state._sums.shape}")
        return state

    @property
    def law(self) -> str:
        """The core's name for the density."""
        return _LAWS[self.loss]

    def covariance(self, resamples: int, random: RandomSource, threads: int = 0) -> _Array:
        """Covariance (2, 2) of energy and entropy over samples of rows, by drawing blocks again."""
        if self._kept is not None:
            return mean_covariance(self, np.stack([self._kept.losses, self._kept.scores], axis=1))
        drawn = _core.redrawn_states(self.blocks(), self.law, _validate.seed(random), resamples, threads)[1:]
        if len(self._counts) < LEAST or not np.isfinite(drawn).all():
            raise ValueError(
                f"a state must have at least {LEAST} blocks of rows, and rows enough for each resample to have "
                f"a density, got {len(self._counts)} blocks of {self.rows} rows; use more rows or a smaller block."
            )
        return np.asarray(np.cov(drawn.T))

    def blocks(self, like: DataState | None = None) -> _Array:
        """Sums over blocks as the core takes them, with features and residual measured from the centre of `like`."""
        move, d = self._centre - (self if like is None else like)._centre, len(self._centre)
        sums = np.column_stack([self._counts, self._sums])
        first, n = self._sums[:, 2 : 2 + d], self._counts
        for c, (j, k) in enumerate(_pairs(d)):
            sums[:, 3 + d + c] += move[j] * first[:, k] + move[k] * first[:, j] + n * move[j] * move[k]
        sums[:, 3 : 3 + d] += n[:, None] * move
        return sums

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
) -> DataState:
    """Return a state, made of a pair (X, y) if it is none yet; errors begin with its name."""
    if isinstance(value, DataState):
        return value
    if isinstance(value, (tuple, list)) and len(value) == 2:
        loss_of(model, energy)
        state = DataState.__new__(DataState)
        try:
            X, y = value
            state._fill(X, y, model, energy, block, density, names, like.features if like else None)
        except (TypeError, ValueError) as error:
            if type(error) not in (TypeError, ValueError):
                raise
            raise type(error)(f"{name}: {error}") from error
        return state
    raise TypeError(f"{name} must be a DataState or a pair (X, y), got {type(value).__name__}.")


def _pairs(d: int) -> list[tuple[int, int]]:
    return [(j, k) for j in range(d) for k in range(j, d)]


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
