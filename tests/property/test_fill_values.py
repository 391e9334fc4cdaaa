"""Minima of cross entropies of rows with huge fill values: the same in every form of the data, and true."""

import warnings

import mpmath
import numpy as np
import pytest

import pyrometer as pm


def rows_with_fills(seed):
    """Ordinary columns, or of 0 and 1, some with fill values, some the sum of two others; whole weights."""
    rng = np.random.default_rng(seed)
    m, p, kind = int(rng.integers(5, 81)), int(rng.integers(1, 7)), rng.integers(0, 5)
    X = rng.integers(0, 2, (m, p)).astype(float) if kind < 2 else rng.standard_normal((m, p))
    if kind > 2:
        X = np.round(X, 1) if kind == 3 else 10.0 ** rng.integers(3, 9) + X
    fill = 10.0 ** int(rng.integers(3, 37))
    if rng.random() < 0.85:
        for j in rng.choice(p, rng.integers(1, p + 1), replace=False):
            some = rng.integers(1, max(2, m // int(rng.choice([3, 8, 20]))))
            X[rng.choice(m, some, replace=False), j] = fill * rng.choice([1, -1])
        if rng.random() < 0.4:
            X[rng.integers(m)] = fill
    if rng.random() < 0.3 and p > 2:
        X[:, 2] = X[:, 0] + X[:, 1]
    classes = 2 if rng.random() < 0.5 else int(rng.integers(3, 5))
    return rng, X, rng.integers(0, classes, m), classes, bool(rng.integers(2)), rng.integers(1, 4, m)


def lowest(X, labels, weights, classes, intercept):
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        if classes == 2:
            found = pm.minimum_energy(pm.LogisticRegression(X, labels, weights=weights, intercept=intercept))
        else:
            system = pm.SoftmaxRegression(X, labels, weights=weights, intercept=intercept, labels=range(classes))
            found = pm.minimum_energy(system)
    assert found.digits >= 9 or told
    return found


def energy(X, labels, weights, theta, intercept):
    """Of parameters of all classes but the first, whose own are 0, with many digits."""
    with mpmath.workdps(100):
        total, theta = mpmath.mpf(0), [[mpmath.mpf(t) for t in one] for one in theta.tolist()]
        for x, label, weight in zip(X.tolist(), labels.tolist(), weights.tolist(), strict=True):
            row = [mpmath.mpf(value) for value in x] + [mpmath.mpf(1)] * intercept
            logits = [mpmath.fdot(row, one) for one in theta]
            highest = max(logits)
            terms = mpmath.fsum(mpmath.exp(z - highest) for z in logits)
            total += weight * (mpmath.log(terms) + highest - logits[label])
        return total / sum(weights.tolist())


def all_classes(found, classes, columns):
    theta = found.parameters.reshape(-1, columns)
    return theta if classes > 2 else np.vstack([np.zeros(columns), theta])


@pytest.mark.parametrize("first", range(0, 300, 50))
def test_forms_of_the_same_rows_have_the_same_minimum(first):
    for seed in range(first, first + 50):
        rng, X, labels, classes, intercept, weights = rows_with_fills(seed)
        (m, p), again = X.shape, np.repeat(np.arange(len(X)), weights)
        rows, columns, powers = rng.permutation(m), rng.permutation(p), 2.0 ** rng.integers(-20, 20, p)
        base = lowest(X, labels, weights, classes, intercept)
        for form, other, own, w in (
            ("repeated", X[again], labels[again], None),
            ("rows in another order", X[rows], labels[rows], weights[rows]),
            ("columns in another order", X[:, columns], labels, weights),
            ("columns times powers of two", X * powers, labels, weights),
        ):
            found = lowest(other, own, w, classes, intercept)
            assert found.attained == base.attained, (seed, form)
            assert abs(found.value - base.value) <= found.gap + base.gap, (seed, form)
            assert min(found.digits, 9) == pytest.approx(min(base.digits, 9), abs=1.0), (seed, form)


@pytest.mark.parametrize("first", range(1000, 1080, 20))
def test_the_value_is_the_energy_of_the_parameters_and_no_others_have_less(first):
    for seed in range(first, first + 20):
        rng, X, labels, classes, intercept, weights = rows_with_fills(seed)
        columns = X.shape[1] + intercept
        found = lowest(X, labels, weights, classes, intercept)
        theta = all_classes(found, classes, columns)
        reached = float(energy(X, labels, weights, theta, intercept))
        assert abs(reached - found.value) <= found.gap * (1 + 1e-9) + 1e-15, seed
        if X.shape[1] > 2 and (X[:, 2] == X[:, 0] + X[:, 1]).all():
            # Parameters that would change nothing, but for rounding of the sums.
            theta = theta.copy()
            theta[:, :3] += rng.standard_normal((len(theta), 1)) * [1, 1, -1]
            other = float(energy(X, labels, weights, theta, intercept))
            assert found.value - found.gap <= other + 1e-15, seed


def test_a_row_far_larger_than_all_others_is_not_taken_for_separated():
    # A direction of tiny parameters that combines columns has margins of the large row that are not 0.
    rng = np.random.default_rng(7)
    X = np.column_stack([rng.integers(-2, 3, 24), rng.integers(0, 2, 24), 1e20 * rng.standard_normal(24), np.zeros(24)])
    X[:, 3] = rng.integers(-1, 2, 24)
    labels = rng.integers(0, 2, 24)
    X[5] = [1e36, 0, 2e36, 1e36]
    again = np.repeat(np.arange(24), rng.integers(1, 4, 24))
    found = lowest(X[again], labels[again], None, 2, True)
    theta = all_classes(found, 2, 5)
    assert found.attained
    assert found.digits > 9
    assert float(energy(X[again], labels[again], np.ones(len(again)), theta, True)) == pytest.approx(found.value)


def test_rows_that_no_parameters_of_doubles_separate_are_not_refused():
    X = [[1, 1, 1e6, 1], [1, -1e6, 1, 0], [1, 0, 0, 0], [1, -1e6, 0, 1], [-1e6, 0, 0, 1], [0, 1, 0, 1]]
    X += [[0, 0, 0, 1], [1, 1, 1, 0], [1, 0, 1e6, 1], [-1e6, 1, 1, 1e6], [0, 0, 1, 1], [1, 0, 1e6, 1]]
    labels = np.array([2, 2, 3, 2, 0, 1, 3, 2, 1, 3, 1, 1])
    found = lowest(np.array(X), labels, None, 4, True)
    reached = float(energy(np.array(X), labels, np.ones(12), all_classes(found, 4, 5), True))
    assert reached <= found.value + found.gap + 1e-15
    assert found.value - found.gap <= 0.5126
