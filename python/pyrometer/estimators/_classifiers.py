"""Classifiers: logistic regression of two classes, softmax regression of two or more."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets

from pyrometer.base import Array, validate
from pyrometer.estimators._base import SystemEstimator, in_range
from pyrometer.linear import LogisticRegression, SoftmaxRegression

__all__ = ["LogisticClassifier", "SoftmaxClassifier"]


class _Classifier(ClassifierMixin, SystemEstimator):
    """A linear model of the log odds of classes."""

    classes_: npt.NDArray[Any]
    intercept_: Array

    def decision_function(self, X: Any) -> Array:
        """Return the log odds of rows.

        Parameters
        ----------
        X : array_like or data frame, shape (m, p)
            Features, those of `fit` in the same order.

        Returns
        -------
        ndarray of float64, shape (m,) or (m, C)
            Of two classes, the log odds of ``classes_[1]``; of more, ``X @ coef_.T + intercept_``.

        Raises
        ------
        ValueError
            If one of a row is beyond the range of doubles.
        """
        scores = self._linear(X)
        if len(self.classes_) > 2:
            return scores
        with np.errstate(over="ignore"):
            return in_range(scores[:, -1] - scores[:, 0] if scores.shape[1] > 1 else scores[:, 0])

    def predict(self, X: Any) -> npt.NDArray[Any]:
        """Return the most probable class of rows.

        Parameters
        ----------
        X : array_like or data frame, shape (m, p)
            As for `decision_function`.

        Returns
        -------
        ndarray, shape (m,)
            Labels of `classes_`; of equal probabilities the first.

        Raises
        ------
        ValueError
            If the log odds of a row is beyond the range of doubles.
        """
        scores = self.decision_function(X)
        best = scores.argmax(axis=1) if scores.ndim > 1 else (scores > 0.0).astype(np.intp)
        return np.asarray(self.classes_[best])

    def predict_proba(self, X: Any) -> Array:
        """Return the probabilities of the classes.

        Parameters
        ----------
        X : array_like or data frame, shape (m, p)
            As for `decision_function`.

        Returns
        -------
        ndarray of float64, shape (m, C)
            In the order of `classes_`.

        Raises
        ------
        ValueError
            If the log odds of a row is beyond the range of doubles.
        """
        return np.exp(self._logarithms(X))

    def predict_log_proba(self, X: Any) -> Array:
        """Return the logarithms of the probabilities of the classes, finite where a probability underflows.

        Parameters
        ----------
        X : array_like or data frame, shape (m, p)
            As for `decision_function`.

        Returns
        -------
        ndarray of float64, shape (m, C)
            In the order of `classes_`.

        Raises
        ------
        ValueError
            If a logarithm of a row is beyond the range of doubles.
        """
        return in_range(self._logarithms(X))

    def _logarithms(self, X: Any) -> Array:
        """Return the logarithms of the probabilities, minus infinity beyond the doubles."""
        scores = self.decision_function(X)
        if scores.ndim == 1:
            return -np.logaddexp(0.0, np.column_stack([scores, -scores]))
        with np.errstate(over="ignore"):
            scores = scores - scores.max(axis=1, keepdims=True)
        return np.asarray(scores - np.log(np.exp(scores).sum(axis=1, keepdims=True)))

    def _checked(self, X: Any, y: Any, sample_weight: Any, *, reset: bool = True) -> tuple[Any, Any, Any]:
        X, y, weights = super()._checked(X, y, sample_weight, reset=reset)
        try:
            check_classification_targets(y)
            self.classes_ = np.unique(y)
        except TypeError:  # labels that cannot be sorted
            kinds = " and ".join(sorted({type(label).__name__ for label in np.ravel(y).tolist()}))
            raise TypeError(
                f"y must have labels of one kind, got {kinds}; drop rows without a label, or use strings."
            ) from None
        if len(self.classes_) < 2:
            raise ValueError(
                f"{type(self).__name__} needs at least two classes in y, got 1 class, {self.classes_.tolist()[0]!r}."
            )
        return X, y, weights

    def _set_parameters(self, coefficients: Array, intercepts: Array) -> None:
        self.coef_, self.intercept_ = coefficients, intercepts


class LogisticClassifier(_Classifier):
    r"""Logistic regression of two classes, by Newton's method.

    Minimises the cross entropy (4.1), :math:`E = \frac1m\sum_i \left[\ln(1 + e^{z_i}) - y_iz_i\right]` with the log
    odds :math:`z_i = \theta\cdot x_i + b` of the second class, whose rows have :math:`y_i = 1`.

    Parameters
    ----------
    fit_intercept : bool
        Whether the model has a constant b.
    copy_X : bool
        Whether rows are copied where no conversion copies them. Without a copy, do not change `X` while `system_` or
        `temperature` is used.

    Attributes
    ----------
    classes_ : ndarray, shape (2,)
        The labels, sorted.
    coef_ : ndarray, shape (1, p)
        Parameters :math:`\theta`; where columns are linearly dependent, those of least norm with the log odds of
        ``certificate_.parameters`` on the rows.
    intercept_ : ndarray, shape (1,)
        The constant b, 0 without one.
    certificate_ : Minimum
        The least cross entropy, with `gap`, `digits`, `attained`, and `parameter_error`: bounds of the errors of the
        parameters.
    system_ : LogisticRegression
        The rows, for functions such as `pyrometer.mean_energy`; not in pickles and copies.
    n_features_in_ : int
        Number of features p.
    feature_names_in_ : ndarray of str, shape (p,)
        Their names, if they have any.

    See Also
    --------
    SoftmaxClassifier : More than two classes.
    sklearn.linear_model.LogisticRegression : The same for ``C=numpy.inf``, that is without a penalty.

    Notes
    -----
    There is no penalty, so that separable labels have no minimiser: the cross entropy approaches its infimum as
    parameters diverge. `fit` then gives a SeparationWarning, ``certificate_.attained`` is False, ``certificate_.value``
    the infimum, and the parameters are those of one finite iterate, which separates the classes. Their directions
    are useful, their sizes and the probabilities are not.

    Time O(m p\ :sup:`2`) for each of about ten steps.

    Examples
    --------
    >>> import pyrometer as pm
    >>> from pyrometer.estimators import LogisticClassifier
    >>> model = LogisticClassifier().fit([[0.0], [1.0], [2.0], [3.0]], ["no", "yes", "no", "yes"])
    >>> model.predict([[0.5], [2.5]]).tolist(), model.predict_proba([[1.5]]).round(12)
    (['no', 'yes'], array([[0.5, 0.5]]))
    >>> model.certificate_.attained, model.certificate_.digits > 12, model.temperature(pm.Normal(10.0)).verdict
    (True, True, 'ok')
    """

    def _describe(self, X: Any, y: Any, weights: Any) -> LogisticRegression:
        labels = validate.labels_in(y)
        if len(labels) > 2:
            raise ValueError(
                f"Only binary classification is supported. y has {len(labels)} classes; use SoftmaxClassifier."
            )
        return LogisticRegression(X, y, labels=labels, intercept=self.fit_intercept, weights=weights)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags

    def _more_tags(self) -> dict[str, bool]:
        """Return the same tag for versions of scikit-learn before 1.6."""
        return {"binary_only": True}


class SoftmaxClassifier(_Classifier):
    r"""Softmax regression of two or more classes, by Newton's method; not in the paper.

    Minimises the cross entropy :math:`E = \frac1m\sum_i \left[\ln\sum_{c=1}^C e^{z_{ic}} - z_{i,y_i}\right]` with
    :math:`z_{ic} = \theta_c\cdot x_i + b_c`.

    Parameters
    ----------
    fit_intercept : bool
        Whether the model has constants b.
    copy_X : bool
        Whether rows are copied where no conversion copies them. Without a copy, do not change `X` while `system_` or
        `temperature` is used.

    Attributes
    ----------
    classes_ : ndarray, shape (C,)
        The labels, sorted.
    coef_ : ndarray, shape (C, p)
        Parameters :math:`\theta_c`, of sum 0 over the classes, also if there are two classes; where columns are
        linearly dependent, those of least norm with the probabilities of ``certificate_.parameters`` on the rows.
    intercept_ : ndarray, shape (C,)
        The constants :math:`b_c`, of sum 0; 0 without them.
    certificate_ : Minimum
        The least cross entropy, with `gap`, `digits`, `attained`, and `parameter_error`: bounds of the errors of the
        parameters, class by class, the constant of each last.
    system_ : SoftmaxRegression
        The rows, for functions such as `pyrometer.mean_energy`; not in pickles and copies.
    n_features_in_ : int
        Number of features p.
    feature_names_in_ : ndarray of str, shape (p,)
        Their names, if they have any.

    See Also
    --------
    LogisticClassifier : Two classes with half as many parameters, and therefore another entropy.
    sklearn.linear_model.LogisticRegression : The same for more than two classes and ``C=numpy.inf``, that is without a
        penalty.

    Notes
    -----
    Separable labels are treated as by `LogisticClassifier`.

    Time O(m C\ :sup:`2` p\ :sup:`2`) for each of about ten steps.

    Examples
    --------
    >>> from pyrometer.estimators import SoftmaxClassifier
    >>> X, y = [[0.0], [1.0], [2.0], [3.0], [1.5], [1.6]], ["low", "low", "high", "high", "high", "mid"]
    >>> model = SoftmaxClassifier().fit(X + X, y + ["mid", "high", "low", "mid", "low", "low"])
    >>> model.classes_.tolist(), model.predict_proba([[1.0]]).round(3)
    (['high', 'low', 'mid'], array([[0.248, 0.497, 0.256]]))
    >>> bool(abs(model.coef_.sum()) < 1e-12), model.certificate_.attained
    (True, True)
    """

    def _describe(self, X: Any, y: Any, weights: Any) -> SoftmaxRegression:
        labels = validate.labels_in(y)  # also those of rows of weight 0
        return SoftmaxRegression(X, y, intercept=self.fit_intercept, weights=weights, labels=labels)
