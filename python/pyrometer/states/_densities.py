"""Densities of rows other than Gaussian: fitted by libraries, scored row by row.

The joint density is p(y | x) p(x) (2.12). The caller chooses p(x); the loss determines p(y | x), as in `DataState`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from pyrometer.base import Array, described, validate
from pyrometer.states._conditionals import CONDITIONALS
from pyrometer.states._rows import Rows

__all__ = ["Density", "Estimator", "Joint", "checked_density", "cross_fitted"]

_FOLDS = 5
_COMPONENTS = (1, 2, 4, 8)
_LARGEST = 1e290  # log density, of which sums over rows are within the range of a double


@runtime_checkable
class Estimator(Protocol):
    """An estimator of a density with the methods of scikit-learn's."""

    def fit(self, X: Any) -> Any:
        """Fit to rows (m, p)."""

    def score_samples(self, X: Any) -> Any:
        """Log density at rows (m, p)."""


Density: TypeAlias = str | Estimator | Callable[[Any], Any]


def checked_density(density: Any) -> Density:
    """Check the argument `density`."""
    if isinstance(density, str):
        validate.choice("density", density, ("gaussian", "kernel", "mixture"))
    elif isinstance(density, type) or not (isinstance(density, Estimator) or callable(density)):
        raise TypeError(
            "density must be 'gaussian', 'kernel', 'mixture', an object with fit and score_samples, or a function that "
            f"returns the log density of rows, got {described(density)}."
        )
    return density  # type: ignore[no-any-return]


class Joint:
    """The joint density of rows: p(x) of the caller's choice, p(y | x) of the loss."""

    def __init__(self, density: Density, loss: str, rows: Rows) -> None:
        self.rows = rows
        self.is_fitted = isinstance(density, (str, Estimator))
        self.features = _features(density, rows.x)
        self.conditional = CONDITIONALS[loss](rows)

    def scores(self, other: Rows) -> Array:
        """Return -ln p of rows."""
        return np.asarray(self.conditional.scores(other) - self.features(other.x))

    def influence(self, other: Joint) -> Array:
        """Influence of each row of this density on the mean score of the rows of another, times m.

        Through a nonparametric density of the features it is 1 - p_other / p; through p(y | x) it is that of the
        fitted parameters.
        """
        influence = np.zeros(len(self.rows.x))
        if self.is_fitted:
            with np.errstate(over="ignore"):
                influence -= np.exp(other.features(self.rows.x) - self.features(self.rows.x))
        return np.asarray(influence + self.conditional.influence(other.conditional))


def cross_fitted(density: Density, loss: str, rows: Rows, block: int) -> Array:
    """Return -ln p of every row under a density fitted to the other four folds of blocks."""
    fold = np.arange(len(rows.x)) // block % _FOLDS
    scores = np.empty(len(fold))
    for k in range(_FOLDS):
        scores[fold == k] = Joint(density, loss, rows[fold != k]).scores(rows[fold == k])
    return scores


def _features(density: Density, x: Array) -> Callable[[Array], Array]:
    """Return ln p(x) as a function, fitted to `x` unless the density is a callable; 0 of no features."""
    if not x.shape[1]:
        return lambda other: np.zeros(len(other))
    score: Callable[[Array], Any]
    if density == "kernel":
        score = _kernel(x)
    elif density == "mixture":
        score = _mixture(x)
    elif isinstance(density, Estimator):
        score = copy.deepcopy(density).fit(x).score_samples
    else:
        score = density  # type: ignore[assignment]

    def checked(other: Array) -> Array:
        result = np.asarray(score(other), dtype=np.float64)
        if result.shape != (len(other),):
            raise ValueError(
                f"density must return one log density for each row, shape {(len(other),)}, got {result.shape}."
            )
        possible = np.abs(result) < _LARGEST  # False for nan
        if not possible.all():
            raise ValueError(
                f"density must be above 0 and finite at every row, with a logarithm below {_LARGEST:g} in size, got "
                f"log density {result[int(np.argmin(possible))]}."
            )
        return result

    return checked


def _kernel(x: Array) -> Callable[[Array], Any]:
    """Gaussian kernels with the covariance of the rows, scaled by Scott's rule."""
    try:
        from scipy.stats import gaussian_kde
    except ImportError as error:
        raise ImportError("density='kernel' needs SciPy: pip install 'pyrometer[density]'.") from error
    try:
        density = gaussian_kde(x.T)
    except np.linalg.LinAlgError as error:
        raise ValueError(_without("kernel")) from error
    return lambda other: density.logpdf(other.T)


def _mixture(x: Array) -> Callable[[Array], Any]:
    """Gaussian mixture of 1, 2, 4 or 8 components, chosen by the Bayesian information criterion."""
    try:
        from sklearn.mixture import GaussianMixture
    except ImportError as error:
        raise ImportError("density='mixture' needs scikit-learn: pip install 'pyrometer[density]'.") from error
    centre, size = x.mean(axis=0), x.std(axis=0)  # scikit-learn's reg_covar is absolute
    if not (size > 0.0).all():
        raise ValueError(_without("mixture"))
    z = (x - centre) / size
    most = min((len(x) - 1) // (x.shape[1] + 1), len(np.unique(z, axis=0)))
    sizes = [k for k in _COMPONENTS if k <= most] or [1]
    fits = [GaussianMixture(k, max_iter=1000, random_state=0).fit(z) for k in sizes]
    best = min(fits, key=lambda mixture: float(mixture.bic(z)))
    return lambda other: best.score_samples((other - centre) / size) - np.log(size).sum()


def _without(density: str) -> str:
    return (
        f"X must have linearly independent columns that vary within every four fifths of its rows for "
        f"density={density!r}; drop columns that are almost constant, or use density='gaussian'."
    )
