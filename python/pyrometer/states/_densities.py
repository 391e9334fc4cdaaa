"""Densities of rows beyond the Gaussian: fitted by libraries, scored row by row.

The joint density is p(y | x) p(x) (2.12). The caller chooses p(x); p(y | x) belongs to the loss, as in `DataState`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np
import numpy.typing as npt

from pyrometer.states._conditionals import CONDITIONALS
from pyrometer.states._rows import Rows

__all__ = ["Density", "Estimator", "Joint", "cross_fitted", "known"]

_Array: TypeAlias = npt.NDArray[np.float64]
_FOLDS = 5
_COMPONENTS = (1, 2, 4, 8)


@runtime_checkable
class Estimator(Protocol):
    """What can be fitted to rows and score others, such as the densities of scikit-learn."""

    def fit(self, X: Any) -> Any:
        """Fit to rows (m, p)."""

    def score_samples(self, X: Any) -> Any:
        """Logarithm of the density at rows (m, p)."""


Density: TypeAlias = str | Estimator | Callable[[Any], Any]


def known(density: Any) -> Density:
    """Check what a caller names as density."""
    if isinstance(density, str):
        if density not in ("gaussian", "kernel", "mixture"):
            raise ValueError(f"density must be 'gaussian', 'kernel', 'mixture' or an object, got {density!r}.")
    elif not isinstance(density, Estimator) and not callable(density):
        raise TypeError(
            "density must be a name, an object with fit and score_samples, or a function that gives the logarithm of "
            f"the density of rows, got {type(density).__name__}."
        )
    return density  # type: ignore[no-any-return]


class Joint:
    """The joint density of rows, p(x) as the caller chose and p(y | x) as the loss has it."""

    def __init__(self, density: Density, loss: str, rows: Rows) -> None:
        self.rows = rows
        self.is_fitted = isinstance(density, (str, Estimator))
        self.features = _features(density, rows.x)
        self.conditional = CONDITIONALS[loss](rows)

    def scores(self, other: Rows) -> _Array:
        """Return -ln p of rows."""
        return np.asarray(self.conditional.scores(other) - self.features(other.x))

    def influence(self, other: Joint) -> _Array:
        """How each row of this density moves the mean score of the rows of another, times the number of rows.

        A row that is weighed more by w adds w (1 - p_other / p) through a density of features that may take any form,
        and through p(y | x) what moves its parameters.
        """
        moved = np.zeros(len(self.rows.x))
        if self.is_fitted:
            moved -= np.exp(other.features(self.rows.x) - self.features(self.rows.x))
        return np.asarray(moved + self.conditional.influence(other.conditional))


def cross_fitted(density: Density, loss: str, rows: Rows, block: int) -> _Array:
    """Return -ln p of every row, under a density of the blocks that are not in its fifth."""
    fold = np.arange(len(rows.x)) // block % _FOLDS
    scores = np.empty(len(fold))
    for k in range(_FOLDS):
        scores[fold == k] = Joint(density, loss, rows[fold != k]).scores(rows[fold == k])
    return scores


def _features(density: Density, x: _Array) -> Callable[[_Array], _Array]:
    """Return ln p(x) as a function, fitted to `x` unless it comes fitted."""
    found: Callable[[_Array], Any]
    if density == "kernel":
        found = _kernel(x)
    elif density == "mixture":
        found = _mixture(x)
    elif isinstance(density, Estimator):
        found = copy.deepcopy(density).fit(x).score_samples
    else:
        found = density  # type: ignore[assignment]

    def checked(other: _Array) -> _Array:
        result = np.asarray(found(other), dtype=np.float64)
        if result.shape != (len(other),):
            raise ValueError(
                f"density must give one logarithm for each row, shape {(len(other),)}, got {result.shape}."
            )
        if not np.isfinite(result).all():
            row = int(np.argmin(np.isfinite(result)))
            raise ValueError(f"density must be above 0 and finite at every row, got {result[row]} for its logarithm.")
        return result

    return checked


def _kernel(x: _Array) -> Callable[[_Array], Any]:
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


def _mixture(x: _Array) -> Callable[[_Array], Any]:
    """Gaussians of 1, 2, 4 or 8 components, as many as the Bayesian information criterion says."""
    try:
        from sklearn.mixture import GaussianMixture
    except ImportError as error:
        raise ImportError("density='mixture' needs scikit-learn: pip install 'pyrometer[density]'.") from error
    centre, size = x.mean(axis=0), x.std(axis=0)  # its guard against flat components is in units of the features
    if not (size > 0.0).all():
        raise ValueError(_without("mixture"))
    z = (x - centre) / size
    most = min((len(x) - 1) // (x.shape[1] + 1), len(np.unique(z, axis=0)))
    some = [k for k in _COMPONENTS if k <= most] or [1]
    tried = [GaussianMixture(k, max_iter=1000, random_state=0).fit(z) for k in some]
    best = min(tried, key=lambda mixture: float(mixture.bic(z)))
    return lambda other: best.score_samples((other - centre) / size) - np.log(size).sum()


def _without(density: str) -> str:
    return (
        f"X must have columns that vary, none of them by the others, in each four fifths of its rows for "
        f"density={density!r}; drop columns that hardly vary, or use density='gaussian'."
    )
