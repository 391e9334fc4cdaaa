"""Cross entropy of rows that are separated in part, on columns and rows of very different sizes: known answers."""

from __future__ import annotations

import itertools
import warnings

import numpy as np
import pytest

import pyrometer as pm

from .logistic_reference import energy, newton, solve


def overlapping(rng, rows, features):
    """Rows of which some appear with both labels: enough of them to let nothing separate any."""
    X = rng.normal(size=(rows, features))
    y = (rng.random(rows) < 0.5).astype(float)
    twice = features + 2
    return np.concatenate([X, X[:twice]]), np.concatenate([y, 1 - y[:twice]])


def separated_in_part(seed, spread):
    """Rows A overlap, rows B are separated by the last column."""
    rng = np.random.default_rng(seed)
    a, b, p = int(rng.integers(6, 60)), int(rng.integers(1, 10)), int(rng.integers(1, 6))
    A = rng.normal(size=(a, p)) * 10 ** (spread * rng.uniform(-1, 1, p))
    y = (rng.random(a) < 0.5) * 1.0
    k = min(a // 2, p + 2)
    A[k : 2 * k], y[k : 2 * k] = A[:k], 1 - y[:k]
    z = rng.choice([-1.0, 1.0], b)
    B = rng.normal(size=(b, p)) * 10 ** (spread * rng.uniform(-1, 1))
    X = np.concatenate([np.column_stack([A, np.zeros(a)]), np.column_stack([B, z])])
    return X, np.concatenate([y, z > 0]), A, y


def nested(seed, whole):
    """Each level has a column of its own that separates it, and anything in those before; then columns are mixed."""
    rng = np.random.default_rng(seed)
    q, levels = int(rng.integers(1, 5)), int(rng.integers(1, 5))
    A, yA = overlapping(rng, int(rng.integers(q + 3, 40)), q)
    if whole:
        A = np.round(2 * A)
    X, y = np.column_stack([A, np.zeros((len(A), levels))]), yA
    for level in range(levels):
        z = rng.choice([-1.0, 1.0], int(rng.integers(1, 8)))
        rows = np.round(2 * rng.normal(size=(len(z), q + levels)))
        rows[:, q + level], rows[:, q + level + 1 :] = z, 0
        X, y = np.concatenate([X, rows]), np.concatenate([y, z > 0])
    if whole:  # exact in doubles, and no column separates by itself
        for _ in range(2 * X.shape[1]):
            i, j = rng.choice(X.shape[1], 2, replace=False)
            X[:, i] += X[:, j] * rng.integers(-2, 3)
    order = rng.permutation(len(X))
    return X[order], y[order], A, yA


def check(X, y, A, labels):
    """The minimum is that over A, weighed by its share of the rows, and not attained."""
    scale = 2.0 ** -np.floor(np.log2(np.maximum(np.abs(A).max(axis=0), 1e-300)))
    known, _, doubt, *_ = solve(A * scale, labels)
    value, theta, gap, attained, *_ = solve(X, y)
    share = len(A) / len(X)
    assert not attained
    assert abs(value - known * share) <= gap + doubt * share
    assert gap <= 1e-9 * value
    assert energy(X, y, theta) - known * share <= gap + doubt * share


@pytest.mark.parametrize("spread", [0, 3, 5, 6, 8])
def test_rows_separated_in_part(spread):
    for seed in [*range(25), 376, 1131]:
        check(*separated_in_part(seed, spread))


@pytest.mark.parametrize("whole", [False, True])
def test_levels_of_separation(whole):
    for seed in range(60):
        check(*nested(seed, whole))


@pytest.mark.parametrize("seed", [3, 7])
def test_scales_of_columns_do_not_matter(seed):
    X, y, A, yA = separated_in_part(seed, 2)
    rng = np.random.default_rng(seed)
    check(X * 10 ** rng.uniform(-10, 10, X.shape[1]), y, A, yA)


def test_many_rows_of_which_few_are_separated():
    # More than are looked at from the start: a row on the wrong side has to be found.
    rng = np.random.default_rng(1)
    A, yA = overlapping(rng, 20_000, 3)
    z = np.where(np.arange(40) < 39, 1.0, -1.0)
    B = np.column_stack([rng.normal(size=(40, 3)), z])
    X = np.concatenate([np.column_stack([A, np.zeros(len(A))]), B])
    X[:, 0] += X[:, 3]
    X[:, 3] += 2 * X[:, 0]
    value, _, gap, attained, *_ = solve(X, np.concatenate([yA, z > 0]))
    known = solve(A, yA)[0] * len(A) / len(X)
    assert not attained
    assert abs(value - known) <= gap <= 1e-9 * value


@pytest.mark.parametrize("exponent", range(4, 13))
def test_a_row_so_large_that_it_loses_nothing(exponent):
    # It rules the curvature far from the minimum, and the bounds near it; the others decide.
    for seed in range(6):
        rng = np.random.default_rng([seed, exponent])
        A, yA = overlapping(rng, int(rng.integers(8, 80)), int(rng.integers(1, 5)))
        known, theta, doubt, *_ = solve(A, yA)
        row = rng.normal(size=A.shape[1]) * 10.0**exponent
        label = float(row @ theta[:-1] + theta[-1] > 0)
        assert abs(row @ theta[:-1]) > 100
        share = len(A) / (len(A) + 1)
        value, found, gap, attained, *_ = solve(np.concatenate([A, row[None]]), np.append(yA, label))
        assert attained
        assert abs(value - known * share) <= gap + doubt
        assert gap <= 1e-9 * value
        np.testing.assert_allclose(found, theta, rtol=1e-6, atol=1e-6 * np.abs(theta).max())


def test_digits_are_those_of_the_gap():
    X, y, *_ = separated_in_part(1131, 5)
    with pytest.warns(pm.SeparationWarning, match="whose value is correct"):
        minimum = pm.minimum_energy(pm.LogisticRegression(X, y))
    assert minimum.digits == pytest.approx(min(16, -np.log10(minimum.gap / minimum.value)), abs=1e-6)
    assert minimum.digits < 15
    assert np.isinf(minimum.parameter_error).all()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pm.SeparationWarning)
        assert pm.minimum_energy(pm.LogisticRegression([[1.0], [2.0]], [0, 1])).digits == 16


def advised(make, X, y):
    """Digits and message of a minimum."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        minimum = pm.minimum_energy(make(X, y))
    return minimum.digits, "".join(str(one.message) for one in caught if one.category is pm.PrecisionWarning)


def entropy(X, y):
    return pm.LogisticRegression(X, y > 0)


def deviation(X, y):
    return pm.LinearRegression(X, y, energy="mae")


@pytest.mark.parametrize("make", [entropy, deviation])
@pytest.mark.parametrize("seed", range(5))
def test_advice_where_few_digits_are_certain_works(make, seed):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(100, 3)), rng.normal(size=100)

    far = X + 1e14 * rng.normal(size=3)
    digits, message = advised(make, far, y)
    assert digits < 9
    assert "pass X - X.mean(axis=0)" in message
    digits, message = advised(make, far - far.mean(axis=0), y)
    assert (digits > 9, message) == (True, "")

    near = np.column_stack([X[:, :2], X[:, 0] + 10**-14.3 * X[:, 2]])
    digits, message = advised(make, near, y)
    assert digits < 9
    assert "replace one of them by its difference from the others, or drop it" in message
    assert advised(make, np.column_stack([X[:, :2], near[:, 2] - X[:, 0]]), y)[1] == ""
    assert advised(make, X[:, :2], y)[1] == ""

    X[17] *= 1e14
    digits, message = advised(make, X, y)
    if digits < 9:  # always so of absolute deviations
        assert "Row 17 is" in message
        assert advised(make, np.delete(X, 17, 0), np.delete(y, 17))[1] == ""


@pytest.mark.parametrize("seed", range(24))
def test_parameters_are_right_to_the_last_digits_and_their_bound_holds(seed):
    rng = np.random.default_rng(seed)
    m, p = int(rng.integers(30, 120)), int(rng.integers(1, 5))
    X = rng.normal(size=(m, p)) * 10 ** rng.uniform(-3, 3, p) + rng.choice([0, 1]) * 10 ** rng.uniform(-1, 3, p)
    t = ((X - X.mean(0)) / X.std(0)) @ rng.normal(size=p)
    y = (rng.random(m) < 1 / (1 + np.exp(-t))).astype(float)
    minimum = pm.minimum_energy(pm.LogisticRegression(X, y))
    best = np.array([float(x) for x in newton(X, y, minimum.parameters, digits=50)[1]])
    distance = np.abs(minimum.parameters - best)
    assert (distance <= minimum.parameter_error).all()
    assert (minimum.parameter_error <= 1e-8 * np.abs(best).max() / np.abs(X).std(axis=0).min()).all()
    offset = 1 + np.abs(X.mean(0) / X.std(0)).max()
    assert (distance <= 1e-14 * offset * (np.abs(best) + np.abs(best).max() * (np.arange(p + 1) == p))).all()


def test_a_minimiser_that_is_not_unique_has_no_bound():
    A, yA = overlapping(np.random.default_rng(0), 40, 2)
    dependent = pm.minimum_energy(pm.LogisticRegression(np.column_stack([A, A[:, 0]]), yA))
    assert dependent.attained
    assert np.isinf(dependent.parameter_error).all()


def test_mix_uses_the_gap():
    # Both minima attained: the likelihood ratio has a p-value. A gap as large as the value would leave it open.
    rng = np.random.default_rng(5)
    A, yA = overlapping(rng, 60, 2)
    B, yB = overlapping(rng, 60, 2)
    mixture = pm.mix(pm.LogisticRegression(A, yA), pm.LogisticRegression(B, yB), pm.Normal(1.0))
    assert mixture.test == "likelihood-ratio"
    assert 0 < mixture.p_value < 1


@pytest.mark.parametrize("block", range(4))
def test_rows_that_a_near_dependence_separates_are_found(block):
    """Columns z and z + 2^-k d of integers: (c, -1) has products 0 or 2^-k with all rows, exactly."""
    checked = 0
    for seed in range(60 * block, 60 * block + 60):
        rng = np.random.default_rng([21, seed])
        k, p, m, intercept = (
            int(rng.integers(36, 46)),
            int(rng.integers(1, 5)),
            int(rng.integers(10, 40)),
            seed % 2 == 1,
        )
        X = rng.integers(-3, 4, (m, p)).astype(float)
        z = X @ rng.integers(-2, 3, p) + intercept * rng.integers(-1, 2)
        d = np.where(z == 0, rng.choice([-1, 1], m), 0)
        y = np.where(z == 0, d > 0, rng.integers(0, 2, m)).astype(float)
        near = np.c_[X, z + 2.0**-k * d][:, rng.permutation(p + 1)] * 2.0 ** rng.integers(-5, 6, p + 1)
        rest = z != 0
        if rest.all() or not rest.any():
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = pm.minimum_energy(pm.LogisticRegression(near, y, intercept=intercept))
            others = pm.minimum_energy(pm.LogisticRegression(X[rest], y[rest], intercept=intercept))
            twice = pm.minimum_energy(
                pm.LogisticRegression(np.r_[near, near, near], np.r_[y, y, 1 - y], intercept=intercept)
            )
        if found.rank < p + 1:  # dependent within rounding
            continue
        checked += 1
        assert not found.attained, seed
        assert found.value == pytest.approx(others.value * rest.mean(), rel=1e-9, abs=1e-12), seed
        assert twice.attained, seed
    assert checked > 20


def with_rounded_sums(seed, unit):
    """Columns a, b and their rounded sum; a is so small that the rounding of the sum is like another column."""
    if seed == 0:
        a, b = np.array([3, 4, 2, 4, 2, 4, 3, 2, 3, 2, 3, 3]) * unit, np.array([0.0] * 6 + [1, 1, 0, 0, 0, 0])
        y = np.array([1.0, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 1])
        return np.c_[a, b, a + b], y, np.array([2.0, 4, 1, 2, 3, 3, 4, 1, 3, 3, 2, 4])
    rng = np.random.default_rng([35, seed])
    m = int(rng.integers(6, 30))
    a, b, y = rng.integers(1, 5, m) * unit, rng.integers(0, 2, m) * 1.0, rng.integers(0, 2, m) * 1.0
    return np.c_[a, b, a + b], y, rng.integers(1, 5, m) * 1.0


def test_parameters_are_never_worse_than_zeros():
    """Where only the rounding of a column separates, its parameters are of 1e15; the first minimum had a gap of 3.6."""
    undecided = 0
    for seed, unit in itertools.product(range(14), (5e-6, 1e-5 / 3)):  # decimals are decided, and thirds are not
        X, y, weights = with_rounded_sums(seed, unit)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = pm.minimum_energy(pm.LogisticRegression(X, y, weights=weights))
            without = pm.minimum_energy(pm.LogisticRegression(X[:, :2], y, weights=weights))
        repeated = weights.astype(int)
        at_parameters = energy(X.repeat(repeated, axis=0), y.repeat(repeated), found.parameters)
        assert at_parameters <= np.log(2) * (1 + 1e-12)
        assert at_parameters <= found.value + found.gap
        assert found.gap <= np.log(2) * (1 + 1e-12)
        assert found.value - found.gap <= without.value * (1 + 1e-9)
        assert found.digits > 9 or unit != 5e-6
        undecided += found.digits < 1
    assert undecided > 0
