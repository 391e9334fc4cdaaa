"""Regressors, and least absolute deviations."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
from sklearn.base import RegressorMixin

from pyrometer.estimators._base import SystemEstimator
from pyrometer.linear import LinearRegression

__all__ = ["LADRegressor", "Regressor"]


class Regressor(RegressorMixin, SystemEstimator):
    """A linear model of one real target."""

    intercept_: float

    _target_options: ClassVar[dict[str, Any]] = {"y_numeric": True}

    def predict(self, X: Any) -> npt.NDArray[np.float64]:
        """Return the linear function of rows.

        Parameters
        ----------
        X : array_like or data frame, shape (m, p)
            Features, those of `fit` in the same order.

        Returns
        -------
        ndarray of float64, shape (m,)
            ``X @ coef_ + intercept_``.

        Raises
        ------
        ValueError
            If that of a row is beyond the range of doubles.
        """
        return self._linear(X)

    def _set_parameters(self, coefficients: npt.NDArray[np.float64], intercepts: npt.NDArray[np.float64]) -> None:
        self.coef_, self.intercept_ = coefficients[0], float(intercepts[0])


class LADRegressor(Regressor):
    r"""Least absolute deviations, by the simplex method.

    Minimises (2.17), :math:`E = \frac1m\sum_i |y_i - \theta\cdot x_i - b|`: the conditional median.

    Parameters
    ----------
    fit_intercept : bool
        Whether the model has a constant b.
    copy_X : bool
        Whether rows are copied where no conversion copies them. Without a copy, do not change `X` while `system_` or
        `temperature` is used.

    Attributes
    ----------
    coef_ : ndarray, shape (p,)
        Parameters :math:`\theta`; where columns are linearly dependent, those of least norm with the predictions of
        ``certificate_.parameters`` on the rows.
    intercept_ : float
        The constant b, 0 without one.
    certificate_ : Minimum
        The least mean absolute deviation, with `gap`, `digits`, and `parameter_error`: bounds of the errors of the
        parameters (inf where the minimiser may not be unique; it is then one of them).
    system_ : LinearRegression
        The rows, for functions such as `pyrometer.mean_energy`; not in pickles and copies.
    n_features_in_ : int
        Number of features p.
    feature_names_in_ : ndarray of str, shape (p,)
        Their names, if they have any.

    See Also
    --------
    sklearn.linear_model.QuantileRegressor : With ``quantile=0.5, alpha=0`` it has the same minimisers; its loss is half
        of this one.

    Notes
    -----
    There is no penalty. Time about O(m n\ :sup:`2`) for n parameters; see `minimum_energy`.

    Examples
    --------
    >>> import pyrometer as pm
    >>> from pyrometer.estimators import LADRegressor
    >>> model = LADRegressor().fit([[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 7.0])    # y = x, but for the last row
    >>> model.coef_.round(12), model.predict([[4.0]]).round(12)
    (array([1.]), array([4.]))
    >>> model.certificate_.gap < 1e-12, model.temperature(pm.Normal(10.0)).verdict
    (True, 'ok')
    """

    def _describe(self, X: Any, y: Any, weights: Any) -> LinearRegression:
        return LinearRegression(X, y, energy="mae", intercept=self.fit_intercept, weights=weights)
