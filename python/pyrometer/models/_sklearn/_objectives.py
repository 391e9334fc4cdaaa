"""What linear estimators of scikit-learn minimise: one record for each of them.

Energies of pyrometer are means over rows, without factors 1/2, so that penalties are divided by the weight of the loss.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

__all__ = ["OBJECTIVES", "Objective", "Refusal"]


class Refusal(ValueError):
    """An option of an estimator that has no counterpart; the message says what to set."""


@dataclass(frozen=True)
class Objective:
    """The mean loss over rows plus ``l1 sum |theta| + l2 sum theta^2``.

    Parameters
    ----------
    energy : str
        "mse", "mae", or "ce" for the cross entropy of two or more classes.
    l1, l2 : float
        The weights of the penalties.
    intercept : bool
        Whether the penalty includes the intercept.
    signs : bool
        Whether the two classes are the targets -1 and 1.
    each : bool
        Whether more than two classes have an objective each.
    off : str
        How to leave the penalty out.
    """

    energy: str
    l1: float = 0.0
    l2: float = 0.0
    intercept: bool = False
    signs: bool = False
    each: bool = False
    off: str = ""


_Record: TypeAlias = Callable[[Any, int, float], Objective]
"""A function of the estimator, the number of rows and their total weight."""


def _elastic(alpha: float, ratio: float) -> Objective:
    """Return the objective ``1/(2m) sum r^2 + alpha (ratio |theta| + (1 - ratio)/2 theta^2)``, times 2."""
    l1, l2 = 2.0 * alpha * ratio, alpha * (1.0 - ratio)
    if l1 and l2:
        raise Refusal(f"has both penalties (l1_ratio={ratio!r}), and a system has one; set l1_ratio to 0 or 1")
    return Objective("mse", l1, l2)


def _fitted(estimator: Any, name: str) -> Any:
    if not hasattr(estimator, name):
        raise Refusal("chooses its penalty when it is fitted; call its fit(X, y) first")
    return getattr(estimator, name)


def _number(name: str, value: Any) -> float:
    numbers = np.asarray(value, dtype=float)
    if numbers.size != 1:
        raise Refusal(f"has {numbers.size} values of {name}, one for each target; pass an estimator of one target")
    return float(numbers.reshape(()))


def _least_squares(*_: Any) -> Objective:
    return Objective("mse")


def _ridge(estimator: Any, _: int, total: float) -> Objective:
    return Objective("mse", l2=_number("alpha", estimator.alpha) / total)


def _ridge_cv(estimator: Any, _: int, total: float) -> Objective:
    return Objective("mse", l2=_number("alpha_", _fitted(estimator, "alpha_")) / total)


def _bayesian_ridge(estimator: Any, _: int, total: float) -> Objective:
    return Objective("mse", l2=float(_fitted(estimator, "lambda_") / estimator.alpha_) / total)


def _ridge_classifier(estimator: Any, _: int, total: float) -> Objective:
    return Objective("mse", l2=_number("alpha", estimator.alpha) / total, signs=True, each=True)


def _ridge_classifier_cv(estimator: Any, _: int, total: float) -> Objective:
    return Objective("mse", l2=_number("alpha_", _fitted(estimator, "alpha_")) / total, signs=True, each=True)


def _lasso(estimator: Any, *_: Any) -> Objective:
    return Objective("mse", l1=2.0 * float(estimator.alpha))


def _lasso_cv(estimator: Any, *_: Any) -> Objective:
    return Objective("mse", l1=2.0 * float(_fitted(estimator, "alpha_")))


def _elastic_net(estimator: Any, *_: Any) -> Objective:
    return _elastic(float(estimator.alpha), float(estimator.l1_ratio))


def _elastic_net_cv(estimator: Any, *_: Any) -> Objective:
    return _elastic(float(_fitted(estimator, "alpha_")), float(estimator.l1_ratio_))


def _tweedie(estimator: Any, *_: Any) -> Objective:
    if estimator.power != 0 or estimator.link not in ("auto", "identity"):
        raise Refusal(
            f"has a deviance of power {estimator.power!r} and link {estimator.link!r}, and a system a squared error; "
            "set power=0 and link='identity'"
        )
    return Objective("mse", l2=float(estimator.alpha))


def _quantile(estimator: Any, *_: Any) -> Objective:
    """Return the objective ``mean |r|/2 + alpha |theta|``, times 2."""
    if estimator.quantile != 0.5:
        raise Refusal(f"has the quantile {estimator.quantile!r}, and a system the median; set quantile=0.5")
    return Objective("mae", l1=2.0 * float(estimator.alpha), off="set alpha=0.0")


def _support_vectors(estimator: Any, _: int, total: float) -> Objective:
    """Return the objective ``|theta|^2/2 + C sum r^2``, over C m; the intercept is one of theta."""
    if estimator.epsilon != 0.0:
        raise Refusal(f"neglects errors below epsilon={estimator.epsilon!r}; set epsilon=0.0")
    if estimator.loss != "squared_epsilon_insensitive":
        raise Refusal(
            "has a penalty on absolute errors, and systems have one on squared errors only; set "
            "loss='squared_epsilon_insensitive', or use QuantileRegressor(alpha=0.0)"
        )
    if estimator.fit_intercept and estimator.intercept_scaling != 1.0:
        raise Refusal("has another penalty on the intercept; set intercept_scaling=1.0")
    return Objective("mse", l2=0.5 / (float(estimator.C) * total), intercept=True)


# Losses of stochastic gradient descent: the energy, and its factor in the objective.
_STOCHASTIC = {
    "squared_error": ("mse", 0.5),
    "epsilon_insensitive": ("mae", 1.0),
    "log_loss": ("ce", 1.0),
}


def _stochastic(estimator: Any, rows: int, total: float) -> Objective:
    """Return the objective ``1/m sum w loss + alpha penalty``, with m rows whatever their weight."""
    losses = [name for name in _STOCHASTIC if ("ce" in _STOCHASTIC[name]) == hasattr(estimator, "class_weight")]
    if estimator.loss not in losses:
        raise Refusal(f"has the loss {estimator.loss!r}; set loss to {' or '.join(map(repr, losses))}")
    energy, factor = _STOCHASTIC[estimator.loss]
    if energy == "mae" and estimator.epsilon != 0.0:
        raise Refusal(f"neglects errors below epsilon={estimator.epsilon!r}; set epsilon=0.0")
    strength = float(estimator.alpha) * rows / (factor * total)
    if estimator.penalty is None or strength == 0.0:
        return Objective(energy, each=True)
    ratio = {"l1": 1.0, "l2": 0.0, "elasticnet": float(estimator.l1_ratio or 0.0)}[estimator.penalty]
    if energy != "mse":
        return Objective(energy, l2=strength, off="set penalty=None")
    return _elastic(0.5 * strength, ratio)


def _logistic(estimator: Any, _: int, total: float) -> Objective:
    """Return the objective ``C sum loss + penalty``, over C m; None was the penalty's name of infinite C."""
    strength = 0.0 if estimator.penalty is None else 1.0 / (float(estimator.C) * total)
    ovr = getattr(estimator, "multi_class", None) == "ovr"  # of versions before 1.8
    return Objective("ce", l2=0.5 * strength, each=ovr, off="set C=numpy.inf")


OBJECTIVES: dict[str, _Record] = {
    "LinearRegression": _least_squares,
    "Ridge": _ridge,
    "RidgeCV": _ridge_cv,
    "BayesianRidge": _bayesian_ridge,
    "RidgeClassifier": _ridge_classifier,
    "RidgeClassifierCV": _ridge_classifier_cv,
    "Lasso": _lasso,
    "LassoLars": _lasso,
    **dict.fromkeys(("LassoCV", "LassoLarsCV", "LassoLarsIC"), _lasso_cv),
    "ElasticNet": _elastic_net,
    "ElasticNetCV": _elastic_net_cv,
    "TweedieRegressor": _tweedie,
    "QuantileRegressor": _quantile,
    "LinearSVR": _support_vectors,
    **dict.fromkeys(("SGDRegressor", "SGDClassifier"), _stochastic),
    "LogisticRegression": _logistic,
}
"""The objectives by the names of the classes."""
