"""Estimators of scikit-learn as systems, and the initial laws of its neural networks."""

from __future__ import annotations

from typing import Any

import numpy as np

from pyrometer.base import described, listed, nearest, validate
from pyrometer.linear import L1, L2, LinearRegression, LogisticRegression, SoftmaxRegression, System
from pyrometer.models._sklearn._networks import PERCEPTRONS, layers_of, network_of
from pyrometer.models._sklearn._objectives import OBJECTIVES, Objective, Refusal
from pyrometer.networks import Layers, Network

__all__ = ["law", "system"]


def system(estimator: Any, X: Any, y: Any, *, weights: Any = None) -> System | Network:
    r"""Return the system whose energy an estimator of scikit-learn minimises; not in the paper.

    Parameters
    ----------
    estimator : scikit-learn estimator
        `LinearRegression`, `Ridge`, `BayesianRidge`, `Lasso`, `LassoLars`, `ElasticNet` (of one penalty),
        `TweedieRegressor` (of power 0), `QuantileRegressor` (of the median), `LinearSVR` (of epsilon 0),
        `RidgeClassifier` (of two classes), `LogisticRegression`, `SGDRegressor`, `SGDClassifier` (of ``log_loss``),
        `MLPRegressor`, `MLPClassifier` (with ``alpha=0``), one of `pyrometer.estimators`, or a `Pipeline` that ends in
        one. Those that choose their penalty by themselves, such as `LassoCV`, must be
        fitted; others need not be.
    X : array_like or data frame, shape (m, p)
        Features as the estimator is given them; a pipeline's steps transform them first. Where they are not fitted,
        copies of them are.
    y : array_like or column, shape (m,)
        Targets or labels; of `MLPRegressor` also several columns.
    weights : array_like, shape (m,), optional
        The ``sample_weight`` of `fit`, >= 0. Weights of classes (``class_weight``) are multiplied in.

    Returns
    -------
    LinearRegression, LogisticRegression, SoftmaxRegression or Network
        With the estimator's loss, intercept, weights and penalty.

    Raises
    ------
    TypeError
        If `estimator` is not one of these.
    ValueError
        If one of its options has no counterpart, such as a penalty on cross entropy; the message says what to set.

    Notes
    -----
    The objective over its factor, with m the total weight of the rows: `Ridge` has the penalty
    ``pm.L2(alpha / m, intercept=False)``, `Lasso` ``pm.L1(2 alpha, intercept=False)``. Minimisers are those of the
    estimator, up to its tolerance.

    The energy of a network is the loss of `MLPClassifier`, and for k outputs 2 k times that of `MLPRegressor`; `law`
    has its initial parameters. ``pm.temperature(..., minimum=...)`` needs the energy of the trained network.

    Examples
    --------
    >>> import pyrometer as pm
    >>> from sklearn.linear_model import Ridge
    >>> X, y = [[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0]
    >>> system = pm.models.sklearn.system(Ridge(alpha=0.75), X, y)
    >>> system.penalty
    L2(lam=0.25, intercept=False)
    >>> fitted = Ridge(alpha=0.75).fit(X, y)
    >>> bool(abs(pm.minimum_energy(system).parameters[0] - fitted.coef_[0]) < 1e-12)
    True
    """
    estimator, X = _last_step(estimator, X, y)
    name = _name_of(estimator)
    if _is_ours(estimator):
        described_by_itself: System = estimator.system(X, _target(y), weights)
        return described_by_itself
    try:
        if name in PERCEPTRONS:
            return _network(estimator, X, y, weights)
        if name not in OBJECTIVES:
            raise _not_one_of(estimator, name)
        target = _target(y)
        return _system(estimator, name, X, target, _weights(estimator, target, weights))
    except Refusal as refusal:
        raise ValueError(f"{name} {refusal}.") from None


def law(estimator: Any) -> Layers[tuple[()]]:
    r"""Return the law by which scikit-learn draws the initial weights of a neural network; not in the paper.

    Weights and biases of a layer are uniform in :math:`\pm\sqrt{6/(n_{l-1} + n_l)}`, with 2 for 6 for the logistic
    activation.

    Parameters
    ----------
    estimator : MLPClassifier or MLPRegressor
        Or a `Pipeline` that ends in one. Fitted, since the widths of its first and last layer are those of the data.

    Returns
    -------
    Layers
        A law for ``pm.Network(X, hidden=..., bias=True)``.

    Raises
    ------
    TypeError
        If `estimator` is another one. Linear estimators do not start from random parameters.
    ValueError
        If it is not fitted.

    Examples
    --------
    >>> import pyrometer as pm
    >>> from sklearn.neural_network import MLPRegressor
    >>> X, y = [[0.0, 1.0], [1.0, 0.5], [0.5, 2.0]], [0.0, 1.0, 2.0]
    >>> model = MLPRegressor(hidden_layer_sizes=(4,), solver="lbfgs", max_iter=2000).fit(X, y)
    >>> [float(weights.length) for weights in pm.models.sklearn.law(model).weights]      # 2 sqrt(6/6), 2 sqrt(6/5)
    [2.0, 2.1908902300206643]
    """
    while (name := _name_of(estimator)) == "Pipeline":
        estimator = estimator.steps[-1][1]
    if name not in PERCEPTRONS:
        raise TypeError(
            f"estimator must be one of [{listed(list(PERCEPTRONS), name=str)}], got {described(estimator)}, which "
            "draws no initial parameters; choose a law, such as pm.Normal(10.0)."
        )
    return layers_of(estimator)


def _name_of(estimator: Any) -> str:
    """Return the class of scikit-learn that an estimator is of: its own, or the next one that it derives from."""
    if not isinstance(estimator, type):
        for kind in type(estimator).__mro__:
            if kind.__module__.partition(".")[0] == "sklearn":
                return kind.__name__
    hint = f"; pass {estimator.__name__}()." if isinstance(estimator, type) else ", such as Ridge()."
    raise TypeError(f"estimator must be an estimator of scikit-learn, got {described(estimator)}{hint}")


def _is_ours(estimator: Any) -> bool:
    from pyrometer.estimators import SystemEstimator

    return isinstance(estimator, SystemEstimator)


def _not_one_of(estimator: Any, name: str) -> TypeError:
    names = [*OBJECTIVES, *PERCEPTRONS]
    hint = (
        "; pass its best_estimator_." if hasattr(estimator, "best_estimator_") else nearest(name, names, fallback=".")
    )
    return TypeError(f"estimator must be one of [{listed(names, name=str)}], got {described(estimator)}{hint}")


def _network(estimator: Any, X: Any, y: Any, weights: Any) -> Network:
    if weights is not None:
        raise Refusal("is a network, and networks have no weights of rows; leave out weights")
    return network_of(estimator, X, y)


def _last_step(estimator: Any, X: Any, y: Any) -> tuple[Any, Any]:
    """Return the last step of a pipeline, and the features that it is given."""
    while _name_of(estimator) == "Pipeline":
        from sklearn.base import clone
        from sklearn.exceptions import NotFittedError

        before, estimator = estimator[:-1], estimator.steps[-1][1]
        if not len(before.steps):
            continue
        try:
            X = before.transform(X)
        except NotFittedError:
            X = clone(before).fit_transform(X, y)
        X = X.toarray() if hasattr(X, "toarray") else X  # sparse, as of OneHotEncoder
    return estimator, X


def _target(y: Any) -> Any:
    if getattr(y, "ndim", 1) == 2 and y.shape[1] > 1:
        raise ValueError(
            f"y must be one target, got {y.shape[1]} columns; a linear model of several is a system for each: pass one "
            "column."
        )
    return y


def _rows(y: Any) -> int:
    """Return the number of targets, which `y` holds in one dimension or as one column."""
    try:
        return int(np.asarray(y).size)
    except ValueError as error:
        raise ValueError("y must be a regular array of targets, got parts of different lengths.") from error


def _weights(estimator: Any, y: Any, weights: Any) -> Any:
    """Return the weights of the rows, with those of their classes; None for equal ones."""
    from sklearn.utils.class_weight import compute_class_weight
    from sklearn.utils.validation import has_fit_parameter

    if weights is not None and not has_fit_parameter(estimator, "sample_weight"):
        raise Refusal("takes no sample_weight; leave out weights")
    of_classes = getattr(estimator, "class_weight", None)
    if of_classes is None:
        return weights if weights is None else validate.weights(weights)
    if weights is not None and of_classes == "balanced":
        raise Refusal("has class_weight='balanced'; multiply the weights of classes into weights, and set it to None")
    labels = np.asarray(y).reshape(-1)
    classes, codes = np.unique(labels, return_inverse=True)
    made = compute_class_weight(of_classes, classes=classes, y=labels)[codes]
    return made if weights is None else made * validate.weights(weights)


def _system(estimator: Any, name: str, X: Any, y: Any, weights: Any) -> System:
    rows = _rows(y)
    objective = OBJECTIVES[name](estimator, rows, float(rows) if weights is None else float(np.sum(weights)))
    if getattr(estimator, "positive", False):
        raise Refusal("has positive=True, and parameters of a system have any sign; set positive=False")
    options: dict[str, Any] = {"intercept": bool(estimator.fit_intercept), "weights": weights}
    if objective.energy != "mse" and (objective.l1 or objective.l2):
        raise Refusal(f"has a penalty, and systems have one on squared errors only; {objective.off} to leave it out")
    if objective.energy != "ce" and not objective.signs:
        return LinearRegression(X, y, energy=objective.energy, penalty=_penalty(objective), **options)
    classes = _classes(y, objective)
    if objective.signs:
        signs = np.where(np.asarray(y).reshape(-1) == classes[1], 1.0, -1.0)
        return LinearRegression(X, signs, penalty=_penalty(objective), **options)
    if len(classes) == 2:
        return LogisticRegression(X, y, labels=classes, **options)
    return SoftmaxRegression(X, y, **options)


def _penalty(objective: Objective) -> L1 | L2 | None:
    if objective.l1:
        return L1(objective.l1, intercept=objective.intercept)
    return L2(objective.l2, intercept=objective.intercept) if objective.l2 else None


def _classes(y: Any, objective: Objective) -> tuple[Any, ...]:
    classes = tuple(np.unique(np.asarray(y).reshape(-1)).tolist())
    if len(classes) < 2:
        raise ValueError(f"y must have two or more classes, got {len(classes)}.")
    if objective.each and len(classes) > 2:
        raise Refusal(
            f"has an objective for each of {len(classes)} classes; pass a target of two, such as y == {classes[0]!r}"
        )
    return classes
