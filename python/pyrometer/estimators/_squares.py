"""Regressors on second moments: least squares with an L2 penalty, and the lasso."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sklearn.utils.validation import check_is_fitted

from pyrometer.base import described, validate
from pyrometer.data import Moments
from pyrometer.estimators._base import unchanged_if_refused
from pyrometer.estimators._regressors import Regressor
from pyrometer.linear import L1, L2, LinearRegression, Penalty, minimum_path
from pyrometer.results import Minimum

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["LassoRegressor", "OLSRegressor"]


class _MomentsRegressor(Regressor):
    """A regressor that needs the second moments of the rows only, and so can be fitted in parts."""

    lam: float

    def fit_moments(self, moments: Moments) -> Self:
        """Minimise the energy of rows that are given by their second moments.

        Parameters
        ----------
        moments : Moments
            Of one data set, with an intercept if `fit_intercept`: from `Moments.scan` of a file larger than memory, for
            example.

        Returns
        -------
        estimator
            Itself, fitted.

        Raises
        ------
        TypeError, ValueError
            If `moments` is not so.
        """
        if not isinstance(moments, Moments):
            raise TypeError(f"moments must be a Moments, got {described(moments)}; make one with Moments.of(X, y).")
        if moments.shape:
            raise ValueError(f"moments must be of one data set, got a stack of shape {moments.shape}.")
        if moments.intercept != validate.flag("fit_intercept", self.fit_intercept):
            raise ValueError(
                f"moments must have intercept={self.fit_intercept}, as the estimator, got {moments.intercept}; set "
                f"fit_intercept={moments.intercept}."
            )
        with unchanged_if_refused(self):
            system = self._of_moments(moments)
            self.n_features_in_ = moments.mean.shape[-1] - 1
            if moments.names is not None:
                self.feature_names_in_ = np.array(moments.names, dtype=object)
            elif hasattr(self, "feature_names_in_"):
                del self.feature_names_in_
            return self._learn(system)

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        r"""Add rows to those of `fit`, `fit_moments` and earlier calls, and minimise the energy of all of them.

        Parameters
        ----------
        X, y, sample_weight
            As for `fit`. Rows without weights have the weight 1.

        Returns
        -------
        estimator
            Itself, fitted to all rows.

        Raises
        ------
        TypeError, ValueError
            As `fit`, and if features differ. The estimator is unchanged then.

        Notes
        -----
        The result is that of `fit` of all rows up to rounding, from moments alone: `certificate_` has fewer digits
        where columns are nearly dependent. Time O(m p\ :sup:`2` + p\ :sup:`3`) for m rows.
        """
        fitted = hasattr(self, "system_")
        with unchanged_if_refused(self):
            X, y, weights = self._checked(X, y, sample_weight, reset=not fitted)
            moments = Moments.of(X, y, intercept=self.fit_intercept, weights=weights)
            if fitted:
                if self.system_.rescaled:
                    raise ValueError(
                        "sample_weight of the rows before is too large or too small to be added to; divide it by its "
                        "maximum, and call fit again."
                    )
                moments = self.system_.second_moments + moments
            return self._learn(self._of_moments(moments))

    def _of_moments(self, moments: Moments) -> LinearRegression:
        return LinearRegression.from_moments(moments, penalty=self._penalty())

    def _describe(self, X: Any, y: Any, weights: Any) -> LinearRegression:
        return LinearRegression(X, y, penalty=self._penalty(), intercept=self.fit_intercept, weights=weights)

    def _penalty(self) -> Penalty | None:
        raise NotImplementedError


class OLSRegressor(_MomentsRegressor):
    r"""Least squares, with an L2 penalty if there is one.

    Minimises (2.21), :math:`E = \frac1m\sum_i (y_i - \theta\cdot x_i - b)^2 + \lambda\sum_j\theta_j^2`; the constant b
    is not penalised.

    Parameters
    ----------
    lam : float
        The weight :math:`\lambda` of the penalty, finite and >= 0.
    fit_intercept : bool
        Whether the model has a constant b.

    Attributes
    ----------
    coef_ : ndarray, shape (p,)
        Parameters :math:`\theta`; where they are not unique, those of least norm.
    intercept_ : float
        The constant b, 0 without one.
    certificate_ : Minimum
        The minimum energy, the penalty included, with `gap`, `digits`, and `parameter_error`: bounds of the errors of
        the parameters.
    system_ : LinearRegression
        The moments of the rows, ``system_.moments``, for functions such as `pyrometer.mean_energy`.
    n_features_in_ : int
        Number of features p.
    feature_names_in_ : ndarray of str, shape (p,)
        Their names, if they have any.

    See Also
    --------
    sklearn.linear_model.LinearRegression : The same without a penalty.
    sklearn.linear_model.Ridge : The same for ``alpha = lam * m``, with m the number of rows, or the sum of
        `sample_weight`: its energy is a sum over rows, not a mean.

    Notes
    -----
    Time O(m p\ :sup:`2` + p\ :sup:`3`), also for the QR of the rows that is needed where their moments have too few
    digits. Rows are not kept.

    Examples
    --------
    >>> import pyrometer as pm
    >>> from pyrometer.estimators import OLSRegressor
    >>> model = OLSRegressor().fit([[0.0], [1.0], [2.0]], [0.5, 0.5, 1.5])
    >>> model.coef_.round(12), round(model.intercept_, 6), round(model.certificate_.value, 6)
    (array([0.5]), 0.333333, 0.055556)
    >>> model.partial_fit([[3.0]], [9.0]).coef_.round(12)
    array([2.65])
    >>> model.temperature(pm.Normal(10.0)).verdict
    'ok'
    """

    def __init__(self, *, lam: float = 0.0, fit_intercept: bool = True) -> None:
        self.lam = lam
        self.fit_intercept = fit_intercept

    def _penalty(self) -> L2 | None:
        penalty = L2(self.lam, intercept=False)
        return penalty if penalty.lam else None


class LassoRegressor(_MomentsRegressor):
    r"""Least squares with an L1 penalty, by coordinate descent and exact steps on the active set.

    Minimises (2.20), :math:`E = \frac1m\sum_i (y_i - \theta\cdot x_i - b)^2 + \lambda\sum_j|\theta_j|`; the constant b
    is not penalised.

    Parameters
    ----------
    lam : float
        The weight :math:`\lambda` of the penalty, finite and >= 0.
    fit_intercept : bool
        Whether the model has a constant b.

    Attributes
    ----------
    coef_ : ndarray, shape (p,)
        Parameters :math:`\theta`, exact zeros outside the active set.
    intercept_ : float
        The constant b, 0 without one.
    certificate_ : Minimum
        The minimum energy, the penalty included, with `gap`, `digits`, and `parameter_error`: bounds of the errors of
        the parameters.
    lam_max_ : float
        The least :math:`\lambda` for which all :math:`\theta_j` are 0, up to rounding.
    system_ : LinearRegression
        The moments of the rows, ``system_.moments``, for functions such as `pyrometer.mean_energy`.
    n_features_in_ : int
        Number of features p.
    feature_names_in_ : ndarray of str, shape (p,)
        Their names, if they have any.

    See Also
    --------
    sklearn.linear_model.Lasso : The same for ``alpha = lam / 2``: its energy has a factor 1/2 before the squares.

    Notes
    -----
    Time O(m p\ :sup:`2`) for the moments, and then O(a\ :sup:`2` (a + p)) for a active features. Rows are not kept.

    Examples
    --------
    >>> from pyrometer.estimators import LassoRegressor
    >>> model = LassoRegressor(lam=1.0).fit([[1.0, 0.0], [2.0, 0.1], [4.0, 0.0]], [1.0, 2.0, 3.0])
    >>> model.coef_.round(3)
    array([0.321, 0.   ])
    >>> model.path([1.0, 0.5, 0.1]).parameters[:, 0].round(3)       # of lam, from the moments
    array([0.321, 0.482, 0.611])
    """

    lam_max_: float

    def __init__(self, *, lam: float = 0.1, fit_intercept: bool = True) -> None:
        self.lam = lam
        self.fit_intercept = fit_intercept

    def path(self, lam: npt.ArrayLike) -> Minimum[npt.NDArray[np.float64], npt.NDArray[np.str_]]:
        r"""Minimise the energy of the fitted rows for many weights of the penalty: the regularisation path.

        Parameters
        ----------
        lam : array_like, shape (k,)
            Weights, finite and >= 0, in any order, such as ``model.lam_max_ * numpy.geomspace(1.0, 1e-3, 100)``.

        Returns
        -------
        Minimum
            ``parameters`` of shape (k, n), the constant last; other fields of shape (k,).

        Raises
        ------
        TypeError, ValueError
            As `pyrometer.minimum_path`.

        Notes
        -----
        From second moments: O(k a\ :sup:`2` (a + p)), whatever the number of rows.
        """
        check_is_fitted(self)
        return minimum_path(self.system_, lam)

    def _penalty(self) -> L1:
        return L1(self.lam, intercept=False)

    def _set_parameters(self, coefficients: npt.NDArray[np.float64], intercepts: npt.NDArray[np.float64]) -> None:
        super()._set_parameters(coefficients, intercepts)
        moments = self.system_.known_moments()
        slopes = moments.scatter[:-1, -1] / moments.count
        if not self.fit_intercept:
            slopes = slopes + moments.mean[:-1] * moments.mean[-1]
        self.lam_max_ = 2.0 * float(np.abs(slopes).max())
