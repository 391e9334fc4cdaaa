"""Rows under a fixed model, summarised: their energy, and the entropy of their joint density (2.8)-(2.12)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from pyrometer.base import RandomSource, described, validate
from pyrometer.results import Displayed, finite
from pyrometer.states._block_sums import BlockSums
from pyrometer.states._blocks import LEAST, boundaries
from pyrometer.states._conditionals import CONDITIONALS
from pyrometer.states._degenerate import dependence, lack_of_spread
from pyrometer.states._densities import Density, cross_fitted, known
from pyrometer.states._predictions import Model, Predicted, loss_of, predicted
from pyrometer.states._row_sums import Coordinates, coordinates
from pyrometer.states._rows import Rows

__all__ = ["HEADER", "DataState", "Kept", "as_state"]

_Array: TypeAlias = npt.NDArray[np.float64]
HEADER = ("rows", "features", "loss", "energy", "entropy", "discrete_entropy")


class DataState(Displayed):
    r"""Rows under a fixed model: their energy, and the entropy of the joint density p(x, y) = p(y | x) p(x) (2.12).

    The features have the density that `density` names. Given the features the target has the distribution that belongs
    to the loss: for squared error Gaussian, about the prediction plus a linear function of the features; for
    absolute error Laplace about the prediction; for cross entropy the Bernoulli distribution that the model predicts.

    Parameters
    ----------
    X : array_like or data frame, shape (m, p)
        Features; finite. No constant or dependent columns: their density has no entropy. More rows than columns, and
        one more for squared error. No columns at all (p = 0) are a stream of targets alone.
    y : array_like or column, shape (m,)
        Targets; finite, and 0 or 1 for cross entropy.
    model : LinearRegression, LogisticRegression or callable
        A system stands for its trained model, with the parameters of `minimum_energy`. A callable takes X and returns
        predictions (m,), for cross entropy probabilities of the label 1.
    energy : {"mse", "mae", "ce"}, optional
        The loss of a callable model. A system knows its own.
    block : int
        Number of consecutive rows that are resampled together: 1 for independent rows; for serially dependent rows more
        than their correlation time.
    density : {"gaussian", "kernel", "mixture"}, estimator or callable
        Density of the features. "gaussian" has the moments of the rows. "kernel" is SciPy's `gaussian_kde`, "mixture"
        scikit-learn's `GaussianMixture` of 1, 2, 4 or 8 components, both with the extra ``pyrometer[density]``. Any
        object with ``fit(X)`` and ``score_samples(X)`` is copied and fitted. A callable that takes X and returns
        log densities (m,) is used as it is; it should have been fitted to other rows.

    Attributes
    ----------
    rows : int
        Number of rows m.
    energy : float
        Mean loss of the model on these rows.
    entropy : float
        Differential entropy of the joint density in nats (2.10). For Gaussian densities it is that of the sample
        moments, whose bias is about -d(d + 3)/4m with d features and residuals. For others it is the mean of
        :math:`-\ln p` over the rows by five-fold cross-fitting over blocks.
    discrete_entropy : float
        Entropy :math:`-\sum_i p_i \ln p_i` in nats (2.8) of the density at the rows, normalised over them (A.1); from 0
        to :math:`\ln m`. Where the rows are a grid of cells of size :math:`\Delta` it is the differential entropy less
        :math:`\ln \Delta` (2.25); over a sample, ``exp(discrete_entropy)`` is the effective number of rows among which
        the density distributes its weight.
    loss : str
        "mse", "mae" or "ce".
    density : str, estimator or callable
        As given.
    names : tuple of str or None
        Names of the features, where X is a data frame.
    reason : str
        Why `energy` or `entropy` is nan, only possible for batches of a `RefreshMonitor`; "" where both are numbers.

    Raises
    ------
    TypeError, ValueError
        If the rows are not finite numbers of matching shapes, have no density, or an energy beyond the range of a
        double, or the model or the density does not accept them.
    ImportError
        If the density needs a library that is not installed.

    Notes
    -----
    With "gaussian" the rows are not kept: only sums over some thousand blocks at most, from which `shift` resamples.
    Where the other features explain all but a share s of a column's variance, these sums leave `entropy` an error of
    up to :math:`4\cdot10^{-15}/s` nats; rows with s below :math:`10^{-12}` are refused.
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
        *("_kept", "_sums", "density", "discrete_entropy", "energy", "entropy"),
        *("features", "loss", "names", "reason", "rows"),
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
        self._summarise(predicted(X, y, model, energy), validate.count("block", block, minimum=1), known(density))
        self._require_numbers()

    def _summarise(self, data: Predicted, block: int, density: Density) -> None:
        """Set every attribute from rows and their predictions; energy or entropy is nan where `reason` says why."""
        self.loss, self.names, self.density = data.loss, data.names, density
        self.rows, self.features = data.x.shape
        self.discrete_entropy, self._kept = np.nan, None
        at = coordinates(data)
        self._sums = BlockSums.of(at, boundaries(self.rows, block), self.loss)
        self.energy, self.entropy = self._sums.energy_and_entropy()
        self.reason = self._diagnose(data, at)
        if self.reason:
            return
        conditional = CONDITIONALS[self.loss]
        if density == "gaussian":
            scores = _gaussian(at.z) + conditional.beside_features(at.losses)
        else:
            self._kept = self._cross_fit(data, at, block)
            self.entropy = float(self._kept.scores.mean())
            scores = conditional.observed(self._kept.scores, at.losses, at.inner)
        self.discrete_entropy = _discrete(scores)

    def _diagnose(self, data: Predicted, at: Coordinates) -> str:
        """Set energy and entropy to nan where the rows have none, and return every reason; "" if they have both."""
        reasons = [lack_of_spread(at.x, at.target, at.residual, self.loss, self.names)]
        if reasons[0]:
            self.entropy = np.nan
        elif np.isnan(self.entropy):
            reasons.append(dependence(at.z, self.features, self.names))
        if np.isnan(self.energy):
            reasons.append(
                "energy must be within the range of a double, from 2.2e-308 to 1.8e308; rescale y and the model."
            )
        if infinite_loss := CONDITIONALS[self.loss].impossible(data):
            self.energy = np.nan
            reasons.append(infinite_loss)
        return " ".join(filter(None, reasons))

    def _cross_fit(self, data: Predicted, at: Coordinates, block: int) -> Kept:
        """Return the rows with -ln p of each under a density that was fitted to other rows."""
        if len(self._sums.counts) < LEAST:
            raise ValueError(
                f"X must have at least {LEAST} blocks of rows for this density, got {len(self._sums.counts)}."
            )
        if self._sums.units.any():
            raise ValueError(
                "X and y must have magnitudes from 1e-60 to 1e60 for this density, got others; rescale them, or use "
                "density='gaussian'."
            )
        rows = Rows(data.x, at.residual, at.inner)
        return Kept(rows, at.losses, cross_fitted(self.density, self.loss, rows, block))

    def _require_numbers(self) -> None:
        if self.reason:
            raise ValueError(self.reason)

    def __setstate__(self, state: tuple[None, dict[str, Any]]) -> None:
        values = {"reason": ""} | state[1]
        if not isinstance(values["_sums"], BlockSums):  # of 0.1.0
            centre = values.pop("_centre")
            units = np.zeros(2 + len(centre), dtype=np.int64)
            values["_sums"] = BlockSums(values.pop("_counts"), values["_sums"], centre, units, values["loss"])
        for name, value in values.items():
            setattr(self, name, value)

    def __repr__(self) -> str:
        return (
            f"<DataState: {self.rows} rows, {self.features} features, {self.loss}, "
            f"E = {self.energy:.6g}, S = {self.entropy:.6g}>"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the numbers of the state as types that JSON has; nan is None."""
        about: dict[str, Any] = finite({**self.header(), "density": self.density})
        return about

    @property
    def sums(self) -> BlockSums:
        """The sums over blocks of rows from which everything but a fitted density's scores is computed."""
        return self._sums

    @property
    def kept(self) -> Kept | None:
        """The rows, where the density is not "gaussian"."""
        return self._kept

    @property
    def law(self) -> str:
        """The core's name for the density of y given X."""
        return CONDITIONALS[self.loss].law

    def header(self) -> dict[str, Any]:
        """Return what describes the state besides its arrays."""
        return {name: getattr(self, name) for name in (*HEADER, "names", "reason")}

    @classmethod
    def restored(cls, header: dict[str, Any], sums: BlockSums) -> DataState:
        """Return the Gaussian state of a header and its sums, both checked by the caller."""
        state = cls.__new__(cls)
        for name in HEADER:
            setattr(state, name, header[name])
        state.density, state._kept, state._sums = "gaussian", None, sums
        state.names, state.reason = header.get("names"), header.get("reason", "")
        return state

    def covariance(self, resamples: int, random: RandomSource, threads: int = 0, unit: int | None = None) -> _Array:
        """Covariance (2, 2) of energy and entropy over samples of rows, by resampling blocks.

        Energies are in units of 2^unit, by default of the state's own. It is nan in the row and column of the entropy
        where a resample has no density, and everywhere with too few blocks.
        """
        if self._kept is not None:
            losses = np.ldexp(self._kept.losses, -(self._sums.unit if unit is None else unit))
            return self._sums.covariance_of_means(np.stack([losses, self._kept.scores], axis=1))
        return self._sums.covariance(resamples, validate.seed(random), threads, unit)


@dataclass(frozen=True)
class Kept:
    """Rows with their losses, and -ln p of each under a density fitted to others."""

    rows: Rows
    losses: _Array
    scores: _Array


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
    """Return a state, made of a pair (X, y) if it is not one yet; messages of errors begin with its name.

    `names` are for messages where X has none. Unless it is strict, rows without energy or entropy are no error; the
    state has the reason then. X must have as many columns as `like`.
    """
    if isinstance(value, DataState):
        if strict and value.reason:
            raise ValueError(f"{name}: {value.reason}")
        return value
    if not isinstance(value, (tuple, list)) or len(value) != 2:
        raise TypeError(f"{name} must be a DataState or a pair (X, y), got {described(value)}.")
    loss_of(model, energy)
    state = DataState.__new__(DataState)
    try:
        X, y = value
        data = predicted(X, y, model, energy, like.features if like else None)
        data = data._replace(names=data.names or names or None)
        state._summarise(data, validate.count("block", block, minimum=1), known(density))
        if strict:
            state._require_numbers()
    except (TypeError, ValueError) as error:
        if type(error) not in (TypeError, ValueError):
            raise
        raise type(error)(f"{name}: {error}") from error
    return state


def _gaussian(z: _Array) -> _Array:
    """Half the squared Mahalanobis distances of rows from their mean."""
    whitening = np.linalg.inv(np.linalg.cholesky(z.T @ z / len(z)))
    return np.asarray(0.5 * np.square(z @ whitening.T).sum(axis=1))


def _discrete(scores: _Array) -> float:
    """Entropy of the weights exp(-scores), normalised."""
    excess = scores - scores.min()
    weights = np.exp(-excess)
    total = weights.sum()
    return float(np.log(total) + (weights * excess).sum() / total)
