"""Shares of 1 beside rows of zeros: but for rounding, these rows alone tell the columns from the constant."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest

import pyrometer as pm


def shares(seed):
    rng = np.random.default_rng([seed, 31])
    m, p = int(rng.integers(15, 60)), int(rng.integers(3, 6))
    counts = rng.poisson(2, (m, p)) * 1.0
    counts[counts.sum(axis=1) == 0, 0] = 1
    counts[: int(rng.integers(1, 3))] = 0
    X = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    scale = rng.choice([0, 0.5])
    y = (rng.random(m) < 1 / (1 + np.exp(-counts @ rng.normal(0, scale, p)))) * 1
    return X, y, rng.lognormal(0, 2, m) if rng.random() < 0.4 else np.ones(m)


def shares_of_classes(seed):
    rng = np.random.default_rng([seed, 53])
    classes, p, m = int(rng.integers(3, 5)), int(rng.integers(2, 4)), int(rng.integers(16, 32))
    counts = rng.poisson(2, (m, p)) * 1.0
    counts[counts.sum(axis=1) == 0, 0] = 1
    empty = int(rng.integers(1, 4))
    counts[:empty] = 0
    X = counts / np.maximum(1, counts.sum(axis=1, keepdims=True))
    y = rng.integers(0, classes, m)
    y[-classes:] = np.arange(classes)
    y[:empty] *= rng.random() < 0.7
    return X, y, rng.lognormal(0, 2, m) if rng.random() < 0.4 else np.ones(m)


def reached(X, y, weights):
    """An energy that Newton's method reaches with 60 digits: a bound of the infimum of the rows as they are."""
    with mpmath.workdps(60):
        signs = 2 * y - 1
        A = [[mpmath.mpf(float(s * x)) for x in (*row, 1.0)] for row, s in zip(X, signs, strict=True)]
        w = [mpmath.mpf(float(x)) for x in weights]
        A_T, theta = mpmath.matrix(A).T, mpmath.zeros(len(A[0]), 1)

        def energy(at):
            margins = A_T.T * at
            return sum(a * mpmath.log1p(mpmath.exp(-z)) for a, z in zip(w, margins, strict=True)), margins

        for _ in range(120):
            before, margins = energy(theta)
            p = [1 / (1 + mpmath.exp(z)) for z in margins]
            slope = A_T * mpmath.matrix([a * b for a, b in zip(w, p, strict=True)])
            bent = [[a * b * (1 - b) * x for x in row] for a, b, row in zip(w, p, A, strict=True)]
            step = mpmath.lu_solve(A_T * mpmath.matrix(bent), slope)
            gain, t = (slope.T * step)[0], mpmath.mpf(1)
            while gain > 1e-20 and energy(theta + t * step)[0] > before - t * gain / 10:
                t /= 2
            theta += t * step
            if gain < 1e-40:
                break
        return float(energy(theta)[0] / sum(w))


@pytest.mark.parametrize("seed", [6, 11, 16, 19, 28, 31, 68, 75, 81, 82, 88, 50027])
@pytest.mark.filterwarnings("ignore::pyrometer.errors.PrecisionWarning", "ignore::pyrometer.errors.SeparationWarning")
def test_what_large_parameters_make_of_rounding_is_in_the_gap(seed):
    X, y, weights = shares(seed)
    for system in (pm.LogisticRegression(X, y, weights=weights), pm.SoftmaxRegression(X, y, weights=weights)):
        minimum = pm.minimum_energy(system)
        if minimum.attained:
            assert reached(X, y, weights) >= minimum.value - minimum.gap - 1e-15


@pytest.mark.parametrize("seed", [6, 11, 68, 75, 82, 50027])
@pytest.mark.filterwarnings("ignore::pyrometer.errors.SeparationWarning")
def test_empty_rows_of_one_label_are_separated(seed):
    """The others have the energy of the model without a column, which depends on the others."""
    X, y, weights = shares(seed)
    full = X.any(axis=1)
    others = pm.minimum_energy(pm.LogisticRegression(X[full, 1:], y[full], weights=weights[full]))
    minimum = pm.minimum_energy(pm.LogisticRegression(X, y, weights=weights))
    assert not minimum.attained
    assert minimum.digits > 12
    share = weights[full].sum() / weights.sum()
    assert abs(minimum.value - share * others.value) <= minimum.gap + share * others.gap


@pytest.mark.filterwarnings("ignore::pyrometer.errors.PrecisionWarning", "ignore::pyrometer.errors.SeparationWarning")
def test_empty_rows_of_some_classes_are_separated_from_the_others():
    """Energies of the others, without a column, and of the shares of the classes in the empty rows."""
    certain = 0
    for seed in range(60):
        X, y, weights = shares_of_classes(seed)
        full, total = X.any(axis=1), weights.sum()
        others = pm.minimum_energy(pm.SoftmaxRegression(X[full, 1:], y[full], weights=weights[full]))
        minimum = pm.minimum_energy(pm.SoftmaxRegression(X, y, weights=weights))
        if min(minimum.digits, others.digits) < 9:
            continue
        certain += 1
        of_empty = np.bincount(y[~full], weights[~full])
        of_empty = of_empty[of_empty > 0]
        least = others.value * weights[full].sum() - (of_empty * np.log(of_empty / of_empty.sum())).sum()
        assert abs(minimum.value - least / total) <= minimum.gap + others.gap, seed
    assert certain >= 56
