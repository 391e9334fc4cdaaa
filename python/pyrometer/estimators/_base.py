"""The base of the estimators: validation by scikit-learn's rules, a system, its minimum and its temperature."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt
import sklearn.utils.validation as checks
from sklearn.base import BaseEstimator

from pyrometer.base import Array, validate
from pyrometer.data import Moments
from pyrometer.linear import LinearRegression, System, without_rows
from pyrometer.results import Minimum, Temperature
from pyrometer.thermodynamics import minimum_energy, temperature

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["SystemEstimator", "in_range", "unchanged_if_refused"]


# Most solutions of least squares, each of the residuals of those before, until these are rounding.
_ROUNDS = 5
# Products of doubles in units of two to this power do not overflow, nor do sums of them.
_FAR = 520


@np.errstate(over="ignore", invalid="ignore")  # scikit-learn adds the numbers up to see whether one is nan
def _validated(estimator: Any, *data: Any, **options: Any) -> Any:
    """Return data that scikit-learn has checked; names and number of features are set or compared."""
    for name, array in zip("Xy", data, strict=False):
        if np.ma.is_masked(array):
            raise ValueError(f"{name} must have no masked values; drop those rows first.")
    if hasattr(checks, "validate_data"):  # since version 1.6
        return checks.validate_data(estimator, *data, **options)
    return estimator._validate_data(*data, **options)


@contextmanager
def unchanged_if_refused(estimator: BaseEstimator) -> Iterator[None]:
    """Restore the attributes of an estimator where its data are refused."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


class SystemEstimator(BaseEstimator):
    """An estimator that minimises the energy of a linear system.

    Attributes
    ----------
    system_ : LinearRegression, LogisticRegression or SoftmaxRegression
        The system of the rows of `fit`, for functions such as `pyrometer.mean_energy`.
    certificate_ : Minimum
        Its minimum: energy, parameters, certified gap, digits and bounds of the errors of the parameters.
    """

    _target_options: ClassVar[dict[str, Any]] = {}
    """Options of scikit-learn's validation of y."""

    coef_: Array
    n_features_in_: int
    system_: System
    certificate_: Minimum[float, str]

    def __init__(self, *, fit_intercept: bool = True, copy_X: bool = True) -> None:
        self.fit_intercept = fit_intercept
        self.copy_X = copy_X

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Minimise the energy of the rows.

        Parameters
        ----------
        X : array_like or data frame, shape (m, p)
            Features, finite, real; not sparse.
        y : array_like or column, shape (m,)
            Targets or labels.
        sample_weight : float or array_like, shape (m,), optional
            Weights of the rows, finite, >= 0, of a positive sum; only their ratios matter. Whole numbers act as
            repetitions of the rows.

        Returns
        -------
        estimator
            Itself, fitted.

        Raises
        ------
        TypeError, ValueError
            If the data are not finite real numbers of matching shapes, or an option is out of range. The estimator is
            unchanged then.

        Warns
        -----
        PrecisionWarning
            If fewer than 9 digits of the minimum energy are certain.
        SeparationWarning
            Of classifiers, if the labels are separable: see there.
        """
        with unchanged_if_refused(self):
            X, y, weights = self._checked(X, y, sample_weight)
            return self._learn(self._describe(X, y, weights))

    def system(self, X: Any, y: Any, sample_weight: Any = None) -> System:
        """Return the system that `fit` would minimise; nothing is fitted.

        Parameters
        ----------
        X, y
            As for `fit`.
        sample_weight : array_like, shape (m,), optional
            As for `fit`.

        Returns
        -------
        LinearRegression, LogisticRegression or SoftmaxRegression
            The system, with its penalty. `X` of float64 or float32 is not copied.
        """
        return self._describe(X, y, sample_weight)

    def temperature(self, law: Any, **options: Any) -> Temperature[Any, Any]:
        """Temperature of the fitted system under a law of its initial parameters (2.7).

        Parameters
        ----------
        law : Normal, Uniform, TruncatedNormal, Mixed, Independent or Constant
            Law of the parameters; a batch of laws gives arrays.
        **options
            As of `pyrometer.temperature`: `method`, `resolution`, `samples`, `rng`, `threads`.

        Returns
        -------
        Temperature
            With ``certificate_`` for its minimum.

        Raises
        ------
        NotFittedError
            If it is not fitted. A subclass of ValueError.
        ValueError
            As `pyrometer.temperature`, and if the rows were lost: they are not in pickles and copies of estimators.
        """
        checks.check_is_fitted(self)
        if not hasattr(self, "system_"):
            name = type(self).__name__
            raise ValueError(
                f"the rows of {name} are needed, and pickles and copies have none; call fit(X, y) again, or "
                "pyrometer.temperature(estimator.system(X, y), law)."
            )
        return temperature(self.system_, law, **options)

    def _describe(self, X: Any, y: Any, weights: Any) -> System:
        raise NotImplementedError

    def _checked(self, X: Any, y: Any, sample_weight: Any, *, reset: bool = True) -> tuple[Any, Any, Any]:
        """Return rows and weights that scikit-learn has checked; the rows are copied if they are kept."""
        for name in ("fit_intercept", "copy_X"):
            validate.flag(name, getattr(self, name, False))
        X, y = _validated(self, X, y, reset=reset, copy=getattr(self, "copy_X", False), **self._target_options)
        if sample_weight is not None:
            sample_weight = checks._check_sample_weight(sample_weight, X, dtype=np.float64)
            negative = np.flatnonzero(sample_weight < 0.0)
            if negative.size:
                raise ValueError(
                    f"sample_weight must be >= 0, got {sample_weight[negative[0]]} at row {negative[0]}; a weight of 0 "
                    "leaves a row out."
                )
        return X, y, sample_weight

    def _learn(self, system: System) -> Self:
        """Minimise a system, and keep it with its minimum."""
        minimum = minimum_energy(system)
        self.certificate_ = minimum
        self.system_ = system if system.moments is None else without_rows(system, minimum)
        table = minimum.parameters.reshape(-1, self.n_features_in_ + bool(self.fit_intercept))
        if system.moments is None and minimum.rank < self.n_features_in_:
            table = np.array([_of_least_norm(system, each) for each in table])
        intercepts = table[:, -1].copy() if self.fit_intercept else np.zeros(len(table))
        self._set_parameters(table[:, : self.n_features_in_].copy(), intercepts)
        return self

    def _set_parameters(self, coefficients: npt.NDArray[np.float64], intercepts: npt.NDArray[np.float64]) -> None:
        raise NotImplementedError

    def _linear(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the linear functions of rows, (m,) or (m, functions)."""
        checks.check_is_fitted(self)
        X = _validated(self, X, reset=False)
        with np.errstate(over="ignore", invalid="ignore"):
            values = np.asarray(X @ self.coef_.T + self.intercept_, dtype=np.float64)
            far = ~np.isfinite(values) if values.ndim == 1 else ~np.isfinite(values).all(axis=1)
            if far.any():  # sums within the doubles may have terms beyond them
                scaled = np.ldexp(X[far].astype(np.float64), -_FAR) @ np.ldexp(self.coef_.T, -_FAR)
                values[far] = np.ldexp(scaled + np.ldexp(self.intercept_, -2 * _FAR), 2 * _FAR)
        return in_range(values)

    def __getstate__(self) -> dict[str, Any]:
        """Return the state without rows: those of a fitted estimator are not in its pickles and copies."""
        state = dict(super().__getstate__())
        if "system_" in state and state["system_"].moments is None:
            del state["system_"]
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        if hasattr(self, "system_"):
            self.system_ = without_rows(self.system_, self.certificate_)


def in_range(values: Array) -> Array:
    """Return linear functions of rows; ValueError for a row in which one is beyond the doubles."""
    if not np.isfinite(values).all():
        row = int(np.argmin(np.isfinite(values).reshape(len(values), -1).all(axis=1)))
        raise ValueError(f"X must have predictions below 1.8e308, got an overflow at row {row}; rescale the features.")
    return values


@np.errstate(over="ignore", invalid="ignore")  # of what overflows there are no moments
def _of_least_norm(system: System, parameters: Array) -> Array:
    """Return the parameters of least norm, the constant not counted, that have the same linear function of the rows.

    Where columns are linearly dependent, the minimisers of other losses are then unique, as those of least squares are.
    """
    (X,), _ = system.stacked_rows()
    X, p = X.astype(np.float64, copy=False), X.shape[1]
    rounding = (p + 1) * np.finfo(float).eps * (np.abs(X) @ np.abs(parameters[:p]) + np.abs(parameters[p:]).sum())
    least, residual = np.zeros_like(parameters), X @ parameters[:p] + parameters[p:].sum()
    for _ in range(_ROUNDS):
        try:
            moments = Moments.of(X, residual, intercept=system.intercept)
        except ValueError:  # squares beyond the range of doubles
            return parameters
        step = LinearRegression.from_moments(moments).least_energy(0)[0].parameters
        least, residual = least + step, residual - (X @ step[:p] + step[p:].sum())
        if (np.abs(residual) <= rounding).all():
            return least
    return least if (np.abs(residual) <= _fitted_error(X, rounding, intercept=system.intercept)).all() else parameters


def _fitted_error(X: Array, rounding: Array, *, intercept: bool) -> Array:
    """Bound the errors of linear functions that are fitted to values of these errors, and evaluated with the same."""
    size = np.abs(X).max(axis=0, initial=0.0)
    design = X / np.where(size > 0.0, size, 1.0)
    if intercept:
        design = np.column_stack([design, np.ones(len(X))])
    basis, lengths, _ = np.linalg.svd(design, full_matrices=False)
    basis = np.abs(basis[:, lengths > lengths[0] * len(X) * np.finfo(float).eps])
    return np.asarray(rounding + basis @ (basis.T @ rounding))
