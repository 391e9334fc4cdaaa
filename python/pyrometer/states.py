"""Temperatures of the second kind: the model stays, the data move (2.8)-(2.12).

Two samples of the same distribution differ by noise, so a bare quotient of differences says nothing. Everything here
comes with a standard error, and with one p-value for energy, entropy and divergence together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer import _validate
from pyrometer._validate import RandomSource
from pyrometer.minimum import minimum_energy
from pyrometer.systems import LinearRegression, LogisticRegression

__all__ = ["DataState", "Shift", "shift"]

_Array: TypeAlias = npt.NDArray[np.float64]
Model: TypeAlias = LinearRegression | LogisticRegression | Callable[[Any], Any]
_MOST_BLOCKS = 1024
_LEAST_BLOCKS = 8
_TOGETHER = 64  # resamples made at once: their weights fill a few megabytes


class DataState:
    r"""Rows under a fixed model: their energy, and the entropy of the joint density p(x, y) = p(y | x) p(x) (2.12).

    The features are Gaussian with the moments of the rows. Given them the target has the law that belongs to the loss:
    for squared error Gaussian about the model's prediction and what of the residual is linear in the features; for
    absolute error Laplace about the prediction; for cross entropy the Bernoulli law that the model predicts.

    Parameters
    ----------
    X : array_like or data frame, shape (m, p)
        Features; finite. No constant or dependent columns: their density has no entropy.
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

    Attributes
    ----------
    rows : int
        Number of rows m.
    energy : float
        Mean loss of the model on these rows.
    entropy : float
        Differential entropy of the joint density in nats (2.10).
    loss : str
        "mse", "mae" or "ce".

    Raises
    ------
    TypeError, ValueError
        If the rows are not finite numbers of matching shapes, or the model does not fit them.

    Notes
    -----
    The rows are not kept: only sums over at most 1024 blocks, from which `shift` resamples.

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

    __slots__ = ("_centre", "_counts", "_sums", "energy", "entropy", "features", "loss", "rows")

    def __init__(self, X: Any, y: Any, *, model: Model, energy: str | None = None, block: int = 1) -> None:
        x, target, prediction, self.loss = _predicted(X, y, model, energy)
        size = _validate.count("block", block, minimum=1)
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
        z = np.column_stack([x, residual]) if self.loss == "mse" else x
        self._centre: _Array = z.mean(axis=0)
        z = z - self._centre
        columns = [losses, inner, *z.T, *(z[:, j] * z[:, k] for j, k in _pairs(z.shape[1]))]
        size = max(size, -(-self.rows // _MOST_BLOCKS))
        starts = np.arange(0, self.rows, size)
        self._sums: _Array = np.add.reduceat(np.stack(columns, axis=1), starts, axis=0)
        self._counts: _Array = np.diff(np.append(starts, self.rows)).astype(np.float64)
        total = _densities(self.rows, self._sums.sum(axis=0)[None], z.shape[1], self.loss)
        if not np.isfinite(total.entropy[0]):
            raise ValueError(
                "X must have no constant or dependent columns, the residuals must be no linear function of them, and "
                "rows must outnumber columns, or the density has no entropy; drop columns, or fit with fewer."
            )
        self.energy, self.entropy = float(total.energy[0]), float(total.entropy[0])

    def __repr__(self) -> str:
        return (
            f"<DataState: {self.rows} rows, {self.features} features, {self.loss}, "
            f"E = {self.energy:.6g}, S = {self.entropy:.6g}>"
        )

    def header(self) -> dict[str, Any]:
        """Return what describes the state besides its arrays."""
        return {name: getattr(self, name) for name in ("rows", "features", "loss", "energy", "entropy")}

    def arrays(self) -> dict[str, _Array]:
        """Return the sums that the state is made of."""
        return {"centre": self._centre, "counts": self._counts, "sums": self._sums}

    @classmethod
    def restored(cls, header: dict[str, Any], arrays: dict[str, _Array]) -> DataState:
        """Return the state of a header and its arrays."""
        state = cls.__new__(cls)
        for name in ("rows", "features", "loss", "energy", "entropy"):
            setattr(state, name, header[name])
        state._centre, state._counts, state._sums = arrays["centre"], arrays["counts"], arrays["sums"]
        d = len(state._centre)
        if state._sums.shape != (len(state._counts), 2 + d + d * (d + 1) // 2):
            raise ValueError(f"sums of shape {state._sums.shape}")
        return state

    def covariance(self, resamples: int, random: np.random.Generator) -> _Array:
        """Covariance (2, 2) of energy and entropy over samples of rows, by drawing blocks again."""
        parts = []
        for weights in _drawings(len(self._counts), resamples, random):
            made = _densities(weights @ self._counts, weights @ self._sums, len(self._centre), self.loss)
            parts.append(np.stack([made.energy, made.entropy]))
        drawn = np.concatenate(parts, axis=1)
        if len(self._counts) < _LEAST_BLOCKS or not np.isfinite(drawn).all():
            raise ValueError(
                f"a state must have at least {_LEAST_BLOCKS} blocks of rows, and rows enough for each resample to have "
                f"a density, got {len(self._counts)} blocks of {self.rows} rows; use more rows or a smaller block."
            )
        return np.asarray(np.cov(drawn))

    def about(self, centre: _Array) -> _Array:
        """Return the sums over blocks with features and residual measured from `centre`."""
        move, d = self._centre - centre, len(self._centre)
        sums = self._sums.copy()
        first, n = sums[:, 2 : 2 + d], self._counts
        for c, (j, k) in enumerate(_pairs(d)):
            sums[:, 2 + d + c] += move[j] * first[:, k] + move[k] * first[:, j] + n * move[j] * move[k]
        sums[:, 2 : 2 + d] = first + n[:, None] * move
        return sums


@dataclass(frozen=True, kw_only=True)
class Shift:
    r"""What a shift of the data does to the energy and the entropy of a fixed model.

    Attributes
    ----------
    before, after : DataState
        The two states.
    energy_change, entropy_change : float
        :math:`\Delta E` in units of the loss, :math:`\Delta S` in nats.
    divergence : float
        KL divergence of the new density from the old one, in nats. An entropy that is fitted to each state cannot see a
        shift of the mean; this does.
    cross_entropy : float
        What the old density needs in excess for the new rows: ``entropy_change + divergence``.
    temperature : float
        :math:`T = \Delta E / \Delta S` (2.9), in units of the loss per nat; nan where `verdict` is "undefined".
    energy_change_error, entropy_change_error, divergence_error, cross_entropy_error, temperature_error : float
        Their standard errors, from resampled blocks of rows.
    p_value : float
        Probability of energy, entropy and divergence that differ together at least as much, if both samples are of one
        distribution: by permuting blocks between the samples, which holds for every distribution and number of rows.
    verdict : str
        "ok", or "undefined" where the entropy has not changed by more than twice its standard error.

    Examples
    --------
    >>> import numpy as np
    >>> import pyrometer as pm
    >>> rng = np.random.default_rng(0)
    >>> x = rng.normal(size=(2000, 1))
    >>> model = lambda X: X[:, 0]
    >>> calm, noisy = ((x, x[:, 0] + noise * rng.normal(size=2000)) for noise in (1.0, 1.5))
    >>> found = pm.shift(calm, noisy, model=model, energy="mse", rng=0)
    >>> found.verdict, found.p_value < 0.01, abs(found.temperature - 3.08) < 3 * found.temperature_error
    ('ok', True, True)
    """

    before: DataState
    after: DataState
    energy_change: float
    entropy_change: float
    divergence: float
    cross_entropy: float
    temperature: float
    energy_change_error: float
    entropy_change_error: float
    divergence_error: float
    cross_entropy_error: float
    temperature_error: float
    p_value: float
    verdict: str


def shift(
    before: DataState | tuple[Any, Any],
    after: DataState | tuple[Any, Any],
    *,
    model: Model,
    energy: str | None = None,
    block: int = 1,
    resamples: int = 999,
    rng: RandomSource = None,
) -> Shift:
    r"""Temperature of a shift of the data under a fixed model (2.9), with errors and a test.

    Parameters
    ----------
    before, after : DataState or (X, y)
        The two samples.
    model, energy, block
        As for `DataState`; not used for what is one already.
    resamples : int
        How often rows are drawn again for the errors, and permuted for the p-value; at least 99. The p-value is a
        multiple of ``1 / (resamples + 1)``.
    rng : int, SeedSequence, Generator or None
        Source of randomness.

    Returns
    -------
    Shift
        Changes of energy and entropy, the divergence, T, their errors, the p-value and a verdict.

    Raises
    ------
    TypeError, ValueError
        If the states are not of the same loss and features, or an option is out of range.

    Notes
    -----
    A model fits the rows that it was trained on better than others of the same distribution, by about n/m of its
    energy on both sides; where that matters, hold rows out for `before`.

    The statistic of the test is the squared length of (:math:`\Delta E, \Delta S`, KL) in units of their covariance
    over all permutations, the sample's own included.

    Cost: ``resamples`` products with at most 1024 block sums of :math:`(p + 2)(p + 5)/2` numbers each.

    Examples
    --------
    >>> import numpy as np
    >>> import pyrometer as pm
    >>> rng = np.random.default_rng(2)
    >>> X = rng.normal(size=(400, 2))
    >>> y = X @ [1.0, 2.0] + rng.normal(size=400)
    >>> trained = pm.LinearRegression(X[:200], y[:200])
    >>> found = pm.shift((X[:200], y[:200]), (X[200:], y[200:]), model=trained, rng=0)
    >>> found.p_value > 0.05
    True
    """
    count = _validate.count("resamples", resamples, minimum=99)
    old, new = (as_state(*given, model, energy, block) for given in (("before", before), ("after", after)))
    if (old.loss, old.features) != (new.loss, new.features):
        raise ValueError(
            f"before and after must have the same loss and features, got {old.loss} with {old.features} and {new.loss} "
            f"with {new.features}."
        )
    random = np.random.Generator(np.random.PCG64(np.random.SeedSequence(_validate.seed(rng))))
    compare = _Comparison(old, new)
    found = compare.of(np.ones((1, len(old._counts))), np.ones((1, len(new._counts))))[0]
    redrawn, permuted = compare.redrawn(count, random), compare.permuted(count, random)
    if min(map(len, compare.counts)) < _LEAST_BLOCKS or not np.isfinite([redrawn, permuted]).all():
        raise ValueError(
            f"before and after must have at least {_LEAST_BLOCKS} blocks of rows, and rows enough for each resample to "
            f"have a density, got {len(old._counts)} and {len(new._counts)} blocks of {old.rows} and {new.rows} rows; "
            "use more rows or a smaller block."
        )
    spread = np.cov(redrawn.T)
    errors = np.sqrt(np.diag(spread))
    change, entropy, divergence = map(float, found)
    known = abs(entropy) > 2.0 * errors[1]
    T = change / entropy if known else np.nan
    slope = np.array([1.0, -T]) / entropy if known else np.full(2, np.nan)
    return Shift(
        before=old,
        after=new,
        energy_change=change,
        entropy_change=entropy,
        divergence=divergence,
        cross_entropy=entropy + divergence,
        temperature=T,
        energy_change_error=float(errors[0]),
        entropy_change_error=float(errors[1]),
        divergence_error=float(errors[2]),
        cross_entropy_error=float(np.sqrt(spread[1:, 1:].sum())),
        temperature_error=float(np.sqrt(slope @ spread[:2, :2] @ slope)),
        p_value=_p_value(np.vstack([found, permuted])),
        verdict="ok" if known else "undefined",
    )


def as_state(name: str, value: Any, model: Model, energy: str | None, block: int) -> DataState:
    """Return a state, made of a pair (X, y) if it is none yet."""
    if isinstance(value, DataState):
        return value
    if isinstance(value, (tuple, list)) and len(value) == 2:
        return DataState(*value, model=model, energy=energy, block=block)
    raise TypeError(f"{name} must be a DataState or a pair (X, y), got {type(value).__name__}.")


@dataclass(frozen=True)
class _Density:
    """Energies, entropies and what the divergence needs, one for each of a batch of samples."""

    energy: _Array
    entropy: _Array
    mean: _Array
    covariance: _Array
    width: _Array


class _Comparison:
    """Two states as sums over blocks about a common centre."""

    def __init__(self, old: DataState, new: DataState) -> None:
        self.loss, self.d = old.loss, len(old._centre)
        self.sums = (old.about(old._centre), new.about(old._centre))
        self.counts = (old._counts, new._counts)

    def of(self, first: _Array, second: _Array) -> _Array:
        """Changes of energy and entropy, and the divergence, for block weights (batch, blocks) of the two samples."""
        old, new = (
            _densities(weights @ counts, weights @ sums, self.d, self.loss)
            for weights, counts, sums in zip((first, second), self.counts, self.sums, strict=True)
        )
        return _changes(old, new, self.loss)

    def redrawn(self, resamples: int, random: np.random.Generator) -> _Array:
        """The bootstrap: blocks of each sample drawn with replacement."""
        first, second = (_drawings(len(n), resamples, random) for n in self.counts)
        return np.concatenate([self.of(*weights) for weights in zip(first, second, strict=True)])

    def permuted(self, resamples: int, random: np.random.Generator) -> _Array:
        """Blocks dealt to the two samples at random, each as many as it has."""
        sums, counts = np.concatenate(self.sums), np.concatenate(self.counts)
        total, rows, many = sums.sum(axis=0), counts.sum(), len(self.counts[0])
        parts = []
        for begin in range(0, resamples, _TOGETHER):
            size = min(_TOGETHER, resamples - begin)
            chosen = random.permuted(np.broadcast_to(np.arange(len(counts)) < many, (size, len(counts))), axis=1)
            weights = chosen.astype(np.float64)
            part, held = weights @ sums, weights @ counts
            old = _densities(held, part, self.d, self.loss)
            parts.append(_changes(old, _densities(rows - held, total - part, self.d, self.loss), self.loss))
        return np.concatenate(parts)


def _drawings(blocks: int, resamples: int, random: np.random.Generator) -> Iterator[_Array]:
    """How often each block is drawn, (some, blocks) at a time, `resamples` in all."""
    for begin in range(0, resamples, _TOGETHER):
        size = min(_TOGETHER, resamples - begin)
        yield random.multinomial(blocks, np.full(blocks, 1.0 / blocks), size=size).astype(np.float64)


def _pairs(d: int) -> list[tuple[int, int]]:
    return [(j, k) for j in range(d) for k in range(j, d)]


def _densities(rows: Any, sums: _Array, d: int, loss: str) -> _Density:
    """Fit the joint density to samples known by their sums (batch, 2 + d + d(d+1)/2)."""
    means = sums / np.reshape(rows, (-1, 1))
    mean = means[:, 2 : 2 + d]
    covariance = np.empty((len(means), d, d))
    for c, (j, k) in enumerate(_pairs(d)):
        covariance[:, j, k] = covariance[:, k, j] = means[:, 2 + d + c] - mean[:, j] * mean[:, k]
    sign, logarithm = np.linalg.slogdet(covariance)
    scales = np.prod(np.diagonal(covariance, axis1=1, axis2=2), axis=1)
    whole = (sign > 0) & (np.exp(logarithm) > 1e-12 * scales)
    entropy = np.where(whole, 0.5 * (d * np.log(2.0 * np.pi * np.e) + logarithm), -np.inf)
    with np.errstate(divide="ignore"):
        entropy += {"mse": 0.0, "mae": np.log(2.0 * np.e * means[:, 1]), "ce": means[:, 1]}[loss]
    return _Density(means[:, 0], entropy, mean, covariance, means[:, 1])


def _changes(old: _Density, new: _Density, loss: str) -> _Array:
    """Changes of energy and entropy, and the divergence of the new density from the old, (batch, 3)."""
    if not (np.isfinite(old.entropy).all() and np.isfinite(new.entropy).all()):
        return np.full((len(old.energy), 3), np.nan)
    inverse = np.linalg.inv(old.covariance)
    away = new.mean - old.mean
    d = old.mean.shape[1]
    logarithms = [np.linalg.slogdet(state.covariance)[1] for state in (old, new)]
    divergence = 0.5 * (
        np.einsum("bij,bji->b", inverse, new.covariance)
        + np.einsum("bi,bij,bj->b", away, inverse, away)
        - d
        + logarithms[0]
        - logarithms[1]
    )
    if loss == "mae":
        share = new.width / old.width
        divergence += share - 1.0 - np.log(share)
    return np.stack([new.energy - old.energy, new.entropy - old.entropy, divergence], axis=1)


def _p_value(points: _Array) -> float:
    """Share of points, the first among them, that are as far from their centre as the first, in their own metric."""
    away = points - points.mean(axis=0)
    metric = np.linalg.pinv(np.cov(away.T))
    lengths = np.einsum("bi,ij,bj->b", away, metric, away)
    return float(np.mean(lengths >= lengths[0] * (1.0 - 1e-12)))


def _predicted(X: Any, y: Any, model: Any, energy: str | None) -> tuple[_Array, _Array, _Array, str]:
    """Check rows and model; return features, target, predictions and the loss."""
    data = _validate.data(X, y)
    if data.X.ndim != 2:
        raise ValueError(f"X must have shape (rows, features), got {data.X.shape}; a stack is a loop over its systems.")
    _validate.finite(data)
    x, target = data.X.astype(np.float64), data.y.astype(np.float64)
    if x.shape[1] == 0:
        raise ValueError("X must have at least one feature, got none.")
    if isinstance(model, (LinearRegression, LogisticRegression)):
        if energy is not None and energy != model.energy:
            raise ValueError(f"energy must be that of the model, {model.energy!r}, got {energy!r}; leave it out.")
        if model.shape != () or model.parameters - model.intercept != x.shape[1]:
            raise ValueError(
                f"model must be one system of {x.shape[1]} features, got {model!r} for X of shape {x.shape}."
            )
        parameters = minimum_energy(model).parameters
        scores = x @ parameters[: x.shape[1]] + (parameters[-1] if model.intercept else 0.0)
        return x, target, 1.0 / (1.0 + np.exp(-scores)) if model.energy == "ce" else scores, model.energy
    if not callable(model):
        raise TypeError(f"model must be a system or a callable that predicts, got {type(model).__name__}.")
    if energy is None:
        raise ValueError("energy must be 'mse', 'mae' or 'ce' for a callable model, got None.")
    loss = _validate.choice("energy", energy, ("mse", "mae", "ce"))
    prediction = np.asarray(_validate.numeric("predictions of the model", model(X)), dtype=np.float64)
    if prediction.shape != target.shape:
        raise ValueError(f"model must give one prediction for each row, shape {target.shape}, got {prediction.shape}.")
    if not np.isfinite(prediction).all():
        raise ValueError("model must give finite predictions, got nan or inf.")
    return x, target, prediction, loss
