"""Two systems and their pooled data: temperatures, heats, and the loss of pooling with its test (3.6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pyrometer.base import Array, RandomSource, described, plain, tail_probabilities, validate
from pyrometer.data import Moments
from pyrometer.laws import Law
from pyrometer.linear import LinearRegression, LogisticRegression, SoftmaxRegression, System, system_of
from pyrometer.losses import ABSOLUTE, LOGISTIC, LOSSES, SOFTMAX, SQUARED
from pyrometer.results import Floats, Minimum, Shown, Temperature, shaped
from pyrometer.states import _records as records
from pyrometer.states._bartlett import inflation
from pyrometer.states._shift_result import Shift
from pyrometer.thermodynamics import minimum_energy, not_a_system, temperature

__all__ = ["POOLING_TESTS", "Mixture", "mix", "pooling_test", "retraining"]


# Largest uncertainty of a p-value, from the digits of the minima.
_SETTLED = 0.01
# Largest mean of a likelihood ratio, relative to that of its limit, that its expansion describes.
_EXPANDED = 1.5
# Rounding of the terms of a squared error, relative to their square.
_TERMS = 1e-14


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Mixture(Shown, record=records.MIXTURE):
    r"""Two systems and the system of all their rows.

    Heat and pooling loss account for the whole change: with w the shares of the rows,
    :math:`T_{AB} S = w_A T_A S + w_B T_B S - \mathrm{loss}`.

    Attributes
    ----------
    a, b, mixed : Temperature
        The exact temperatures of the two systems and of all their rows together.
    limit_a, limit_b, limit_mixed : float or ndarray
        Their limits for large scales (3.51), (3.52): there `limit_mixed` is the row-weighted mean of the others. nan
        where there is none: of sampled energies, and without a random parameter.
    heat_a, heat_b : float or ndarray
        Change of the mean energy of each by mixing, times its share of the rows (3.55), (3.56), in units of the loss;
        their sum is 0.
    pooling_loss : float or ndarray
        Minimum energy of all rows less the row-weighted mean of the two minima: the excess loss of one model for both.
        It is at least 0, up to rounding.
    p_value : float or ndarray
        Probability of a pooling loss at least as large if one model holds for both; nan where `test` is "none".
    test : str
        "chow" (F test; squared error without a penalty), "likelihood-ratio" (cross entropy, corrected for few rows), or
        "none": absolute error, a penalty, weights of rows, separable labels, no more rows than parameters, too few rows
        for the correction, or minima of too few digits.
    between : bool or ndarray of bool
        Whether the mixed temperature lies between the two; False where one of them is undefined. The paper states it
        for the limit of large scales; at ordinary scales it fails for many pairs.
    rows_a, rows_b : int
        Rows of the two systems.

    Examples
    --------
    >>> import pyrometer as pm
    >>> old = pm.LinearRegression([[0.0], [1.0], [2.0], [3.0]], [0.0, 1.1, 1.9, 3.0])
    >>> new = pm.LinearRegression([[0.0], [2.0], [4.0], [6.0]], [3.0, 2.1, 0.9, 0.0])
    >>> mixture = pm.mix(old, new, pm.Normal(10.0))
    >>> mixture.between, mixture.heat_a + mixture.heat_b, mixture.p_value < 0.001
    (True, 0.0, True)
    """

    a: Temperature[Floats, Any]
    b: Temperature[Floats, Any]
    mixed: Temperature[Floats, Any]
    limit_a: Floats
    limit_b: Floats
    limit_mixed: Floats
    heat_a: Floats
    heat_b: Floats
    pooling_loss: Floats
    p_value: Floats
    test: str
    between: bool | npt.NDArray[np.bool_]
    rows_a: int
    rows_b: int

    def retrain(self, shift: Shift) -> str:
        """Say in words whether to train again, from this test of one model for both and a test of the data.

        Parameters
        ----------
        shift : Shift
            From the data of the first system to those of the second; its level is that of both tests.

        Returns
        -------
        str
            One or two sentences.

        Raises
        ------
        TypeError, ValueError
            If `shift` is something else, or this is the mixture of a stack or of a batch of laws.

        Examples
        --------
        >>> import numpy as np
        >>> import pyrometer as pm
        >>> rng = np.random.default_rng(0)
        >>> X, Z = rng.normal(size=(200, 2)), rng.normal(1.0, 1.0, size=(200, 2))
        >>> y, w = X @ [1.0, 2.0] + rng.normal(size=200), Z @ [1.0, 2.0] + rng.normal(size=200)
        >>> old, new = pm.LinearRegression(X, y), pm.LinearRegression(Z, w)
        >>> result = pm.shift((X, y), (Z, w), model=old, rng=0)
        >>> print(pm.mix(old, new, pm.Normal(1.0)).retrain(result)[:55])
        No need: the data have moved, and one model still holds
        """
        if not isinstance(shift, Shift):
            raise TypeError(f"shift must be a Shift, got {described(shift)}; use pm.shift(before, after, model=model).")
        if np.ndim(self.p_value):
            raise ValueError(
                f"the mixture must be that of two single systems, got one of shape {np.shape(self.p_value)}."
            )
        return retraining(shift.p_value, float(self.p_value), self.test, shift.level)

    @property
    def temperature_a(self) -> Floats:
        """Temperature of the first system."""
        return self.a.value

    @property
    def temperature_b(self) -> Floats:
        """Temperature of the second system."""
        return self.b.value

    @property
    def temperature_mixed(self) -> Floats:
        """Temperature of all rows together."""
        return self.mixed.value


def mix(
    a: System | Moments,
    b: System | Moments,
    law: Law,
    *,
    resolution: float = 1.0,
    samples: int = 10_000,
    rng: RandomSource = None,
    threads: int | None = None,
) -> Mixture:
    r"""Temperatures of two systems and of their data together (3.47)-(3.56), with the loss of pooling and its test.

    This also answers whether to retrain on old and new data together: ``pm.mix(old, new, law)`` on kept `Moments` of
    the old data.
    To drop old data, subtract: ``pm.LinearRegression.from_moments(all_data - old)``.

    Parameters
    ----------
    a, b : LinearRegression, LogisticRegression, SoftmaxRegression or Moments
        Two systems of the same kind: energy, labels of classes, penalty, intercept, features and stack. Moments stand
        for squared error without a penalty. The share of weighted rows is that of their weights.
    law : Normal, Uniform, TruncatedNormal, Mixed, Independent or Constant
        Law of the parameters, the same for both; a batch of laws gives arrays.
    resolution, samples, rng, threads
        As in `temperature`. Mean energies are sampled where they have no formula: those of more than two classes under
        a law that is not normal. All systems have the same draws, so that their energies add up.

    Returns
    -------
    Mixture
        Exact temperatures, limits, heats, the pooling loss and how significant it is.

    Raises
    ------
    TypeError
        If `a` or `b` is none of these.
    ValueError
        If the two are not of one kind, or the law does not fit.

    Notes
    -----
    For squared error second moments suffice; rows, where there are any, are used only where the moments have too few
    digits for a minimum. The p-value is nan where the digits of the minima leave it uncertain by more than 0.01.

    With :math:`k` independent parameters the Chow statistic is
    :math:`F = \frac{M\,\mathrm{loss}/k}{(m_A E^*_A + m_B E^*_B)/(M - 2k)}`, and the likelihood ratio
    :math:`2M\,\mathrm{loss}` is chi-square with :math:`k` degrees of freedom. The former is exact for normal residuals
    of one variance; there is no test for two variances. The latter holds for many rows, and is divided here by its mean
    for the rows at hand relative to :math:`k` (Bartlett; [2]_), which leaves an error O(1/M^2): of 2,500 pairs of
    logistic models that agree, it rejected 5.2, 6.3, 5.9 and 6.4 % at 5 % (±0.4) for 1 and 2 features and 30 and 30
    rows, 5 and 60, 8 and 60, where the ratio itself rejects 6.6, 8.5, 8.5 and 11.4 %; from 100 and 100 rows on 5.0 to
    5.4 %, and 2.7 % for 1 feature and 10 and 10 rows. The p-value is nan where the mean exceeds its limit by more than
    half, as for few rows with almost separable labels. Of more than 4,000 rows, or 100 for each parameter, so many that
    are random, always the same, determine the mean.

    References
    ----------
    .. [1] G. C. Chow, "Tests of equality between sets of coefficients in two linear regressions", Econometrica 28
       (1960), 591-605.
    .. [2] D. N. Lawley, "A general method for approximating to the distribution of likelihood ratio criteria",
       Biometrika 43 (1956), 295-303.

    Examples
    --------
    >>> import numpy as np
    >>> import pyrometer as pm
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(300, 2))
    >>> y = X @ [1.0, 2.0] + rng.normal(size=300)
    >>> old, new = pm.Moments.of(X[:200], y[:200]), pm.Moments.of(X[200:], y[200:])
    >>> mixture = pm.mix(old, new, pm.Normal(1.0))
    >>> mixture.test, bool(mixture.p_value > 0.05), bool(mixture.pooling_loss < 0.05)
    ('chow', True, True)
    """
    first, second = _system("a", a), _system("b", b)
    pooled = _pooled(first, second)
    systems, draws = (first, second, pooled), np.random.SeedSequence(validate.seed(rng))
    options: dict[str, Any] = {"resolution": resolution, "threads": threads}
    parts = [temperature(system, law, samples=samples, rng=draws, **options) for system in systems]
    if parts[0].method == "exact" and parts[0].parameters:
        limits = [temperature(system, law, method="asymptotic", **options).value for system in systems]
    else:
        limits = [shaped(np.full(np.shape(part.energy), np.nan)) for part in parts]
    minima = [minimum_energy(system, threads=threads) for system in systems]
    share = first.total_weight / pooled.total_weight if pooled.weighted else first.rows / pooled.rows
    # The mean energy of all rows is the weighted mean of the two, so the heats are one number with two signs.
    heat = share * (1.0 - share) * (np.asarray(parts[1].energy) - np.asarray(parts[0].energy))
    E_a, E_b, E_both = (np.asarray(minimum.value) for minimum in minima)
    loss = E_both - (share * E_a + (1.0 - share) * E_b)
    test, p = _test(first, second, pooled, minima, loss)
    T_a, T_b, T = (np.asarray(part.value) for part in parts)
    return Mixture(
        a=parts[0],
        b=parts[1],
        mixed=parts[2],
        limit_a=limits[0],
        limit_b=limits[1],
        limit_mixed=limits[2],
        heat_a=shaped(heat),
        heat_b=shaped(0.0 - heat),
        pooling_loss=shaped(loss),
        p_value=shaped(p),
        test=test,
        between=shaped(np.asarray((np.minimum(T_a, T_b) <= T) & (np.maximum(T_a, T_b) >= T))),
        rows_a=first.rows,
        rows_b=second.rows,
    )


def pooling_test(a: System, b: System) -> tuple[str, float]:
    """Return the name of the test whether one model holds for the rows of two single systems, and its p-value."""
    if POOLING_TESTS[a.energy] is None:
        return "none", np.nan
    pooled = _pooled(a, b)
    minima = [minimum_energy(system) for system in (a, b, pooled)]
    share = a.rows / pooled.rows
    values = [np.asarray(minimum.value) for minimum in minima]
    test, p = _test(a, b, pooled, minima, values[2] - (share * values[0] + (1.0 - share) * values[1]))
    return test, float(p)


def retraining(shifted: float, different: float, test: str, level: float) -> str:
    """Say whether to train again, from the p-values of a shift of the data and of the test of one model for both."""
    if np.isnan(different):
        return "Unknown: there is no test of one model for both data sets."
    p = f"(p = {different:.3g}, {test} test)"
    if different <= level:
        return (
            f"Yes: one model does not hold for both {p}; train on the new rows, or add a feature that distinguishes "
            "the two."
        )
    if shifted <= level:
        return (
            f"No need: the data have moved, and one model still holds for both {p}; training on both together makes "
            "it more precise where the new rows are."
        )
    return f"No need: neither the data nor the model that fits them have changed detectably {p}."


def _system(name: str, value: Any) -> System:
    if isinstance(value, Moments):
        return LinearRegression.from_moments(value)
    if not isinstance(value, (LinearRegression, LogisticRegression, SoftmaxRegression)):
        raise not_a_system(name, value, "a LinearRegression, a LogisticRegression, a SoftmaxRegression or Moments")
    return value


def _require_one_kind(a: System, b: System) -> None:
    for name in ("energy", "penalty", "intercept", "labels", "parameters", "shape"):
        first, second = getattr(a, name, None), getattr(b, name, None)
        if name == "labels" and first != second:  # without names they are 0 and 1, which may be those of other names
            first, second = (_numbered(labels, of) for labels, of in ((first, second), (second, first)))
        if first != second:
            raise ValueError(f"a and b must be of one kind, got {name} {plain(repr(first))} and {plain(repr(second))}.")


def _numbered(labels: tuple[Any, ...] | None, other: tuple[Any, ...] | None) -> tuple[Any, ...]:
    """Return labels, or the ones that they stand for: `other`, unless it has 0 or 1 in another place."""
    if labels is not None:
        return labels
    return other if other and all(label == k for k, label in enumerate(other) if label in (0, 1)) else (0, 1)


def _pooled(a: System, b: System) -> System:
    """Return the system of the rows of two systems of one kind; ValueError if they differ in kind."""
    _require_one_kind(a, b)
    if a.rescaled or b.rescaled:
        raise ValueError(
            "a and b must have weights that can be compared, got some of extreme sizes, or of a stack with different "
            "sums; divide all weights of both by one number, and give every data set of a stack the same sum."
        )
    if a.moments is not None and b.moments is not None:
        pooled = LinearRegression.from_moments(a.second_moments + b.second_moments, penalty=a.penalty)
        # Where the moments have too few digits for the minimum, the rows are used.
        if a.X is None or b.X is None or pooled.least_energy(0)[1] is None:
            return pooled
    if a.names is not None and b.names is not None and a.names != b.names:
        raise ValueError(f"a and b must have the same features, got {a.names} and {b.names}.")
    for system in (a, b):
        system.stacked_rows()  # raises if they are not in memory
    X = np.concatenate([a.X, b.X], axis=-2)
    y = np.concatenate([a.y, b.y], axis=-1)
    weights = None
    if a.weighted or b.weighted:
        weights = np.concatenate([_weights(a), _weights(b)], axis=-1)
    if isinstance(a, SoftmaxRegression):
        return SoftmaxRegression(X, a.named(y), intercept=a.intercept, weights=weights, labels=a.labels)
    return system_of(a.energy, X, y, intercept=a.intercept, penalty=a.penalty, weights=weights)


def _weights(system: System) -> Array:
    """Return the weights of the rows, in memory, of a system: 1 if they have none."""
    return np.ones((*system.shape, system.rows)) if system.weights is None else system.weights


class _Pooled(NamedTuple):
    """Statistics of the test of the pooling loss of one pair: sums over rows, with bounds of their errors."""

    loss: float
    loss_error: float
    residual: float
    residual_error: float
    freedom: int
    rest: int
    inflation: float


class _PoolingTest(NamedTuple):
    """A test of the pooling loss; `tail` is its p-value with all errors at their bounds, with the sign given."""

    name: str
    exists: Callable[[_Pooled], bool]
    tail: Callable[[_Pooled, float], float]


def _f_tail(pooled: _Pooled, sign: float) -> float:
    loss = max(pooled.loss + sign * pooled.loss_error, 0.0)
    return _chow(loss, pooled.residual - sign * pooled.residual_error, pooled.freedom, pooled.rest)


def _likelihood_tail(pooled: _Pooled, sign: float) -> float:
    loss = max(pooled.loss + sign * pooled.loss_error, 0.0)
    return tail_probabilities.chi2_tail(2.0 * loss / pooled.inflation, pooled.freedom)


def _is_expanded(pooled: _Pooled) -> bool:
    return pooled.inflation <= _EXPANDED


POOLING_TESTS: dict[str, _PoolingTest | None] = {
    SQUARED.name: _PoolingTest("chow", lambda pooled: pooled.rest > 0, _f_tail),
    ABSOLUTE.name: None,
    LOGISTIC.name: _PoolingTest("likelihood-ratio", _is_expanded, _likelihood_tail),
    SOFTMAX.name: _PoolingTest("likelihood-ratio", _is_expanded, _likelihood_tail),
}


def _test(
    a: System,
    b: System,
    both: System,
    minima: list[Minimum],
    loss: Array,
) -> tuple[str, Array]:
    """Return the name of the test of the pooling loss, and its p-value for each pair of a stack."""
    p, test = np.full(loss.shape, np.nan), POOLING_TESTS[a.energy]
    if test is None or both.weighted or (a.penalty is not None and a.penalty.lam > 0.0):
        return "none", p
    ranks = [a.freedom(np.asarray(minimum.rank)) for minimum in minima]
    freedom, residual_freedom = ranks[0] + ranks[1] - ranks[2], both.rows - ranks[0] - ranks[1]
    errors = [system.rows * _error_of(system, minimum) for system, minimum in zip((a, b, both), minima, strict=True)]
    residual = a.rows * np.asarray(minima[0].value) + b.rows * np.asarray(minima[1].value)
    attained = np.logical_and.reduce([np.asarray(minimum.attained) for minimum in minima])
    expanded = np.logical_and(attained, freedom > 0) & (test.exists is _is_expanded)
    for i in np.ndindex(loss.shape):
        error = float(errors[0][i] + errors[1][i])
        pooled = _Pooled(
            loss=float(both.rows * loss[i]),
            loss_error=error + float(errors[2][i]),
            residual=float(residual[i]),
            residual_error=error,
            freedom=int(freedom[i]),
            rest=int(residual_freedom[i]),
            inflation=_inflation((a, b), minima, ranks, i) if expanded[i] else np.inf,
        )
        # The p-value is given where its bounds, from the errors of the minima, are close.
        if pooled.freedom > 0 and test.exists(pooled) and test.tail(pooled, -1.0) - test.tail(pooled, 1.0) <= _SETTLED:
            p[i] = test.tail(pooled, 0.0)
    return (test.name if np.isfinite(p).any() else "none"), p


def _inflation(systems: tuple[System, System], minima: list[Minimum], ranks: list[Any], i: tuple[int, ...]) -> float:
    """Return the mean of the likelihood ratio of one pair of a stack, relative to that of its limit."""
    first = np.ravel_multi_index(i, systems[0].shape) if i else 0
    parts = [system.stacked_rows(by_columns=True)[0][first] for system in systems]
    theta = minima[2].parameters[i]
    if isinstance(systems[0], SoftmaxRegression):
        theta = theta.reshape(systems[0].classes, -1)
    else:
        theta = np.stack([np.zeros_like(theta), theta])
    counts = (int(ranks[0][i]), int(ranks[1][i]), int(ranks[2][i]))
    return inflation(parts, theta, counts, intercept=systems[0].intercept)


def _error_of(system: System, minimum: Minimum) -> Array:
    """Error bound of the value of the minimum."""
    value, digits = np.asarray(minimum.value), np.asarray(minimum.digits)
    if not LOSSES[system.energy].moments:
        return np.asarray(minimum.gap)
    error = value * 10.0**-digits
    # No digits: an exact fit, or one lost to rounding. The rounding of its terms distinguishes them.
    moments = system.known_moments()
    terms = (np.abs(minimum.parameters) * np.sqrt(moments.mean_squares())).sum(axis=-1) + np.sqrt(
        moments.target_square()
    )
    return np.where(digits > 0.0, error, np.maximum(np.maximum(error, minimum.gap), _TERMS * terms**2))


def _chow(loss: float, residual: float, freedom: int, rest: int) -> float:
    if residual <= 0.0:  # both fit exactly: any loss is significant
        return 0.0 if loss > 0.0 else 1.0
    return tail_probabilities.f_tail(loss / freedom / (residual / rest), freedom, rest)
