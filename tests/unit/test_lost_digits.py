"""Moments that were merged and subtracted: no minimum has fewer digits than are stated; truth in exact arithmetic."""

from __future__ import annotations

import contextlib
import functools
import itertools
import operator
import pickle
import warnings
from fractions import Fraction

import numpy as np
import pytest

import pyrometer as pm
from pyrometer.data._moments import Moments

MARGIN = 0.5


def gram(X, y, intercept, weights=None):
    """Raw second moments of (features, 1, target), exactly."""

    def integers(column):
        ratios = [float(value).as_integer_ratio() for value in column]
        unit = max(denominator for _, denominator in ratios)  # all are powers of two
        return [numerator * (unit // denominator) for numerator, denominator in ratios], unit

    columns = [integers(column) for column in np.column_stack([X] + [np.ones(len(y))] * intercept + [y]).T]
    w = integers(np.ones(len(y)) if weights is None else weights)[0]
    return [
        [Fraction(sum(c * i * j for c, i, j in zip(w, a, b, strict=True)), u * v * sum(w)) for b, v in columns]
        for a, u in columns
    ]


def solve(matrix, right):
    """Gauss; None for a singular matrix."""
    n, rows = len(right), [[*row, value] for row, value in zip(matrix, right, strict=True)]
    for i in range(n):
        pivot = next((k for k in range(i, n) if rows[k][i] != 0), None)
        if pivot is None:
            return None
        rows[i], rows[pivot] = rows[pivot], rows[i]
        for k in range(n):
            if k != i and rows[k][i] != 0:
                factor = rows[k][i] / rows[i][i]
                rows[k] = [a - factor * b for a, b in zip(rows[k], rows[i], strict=True)]
    return [row[n] / row[i] for i, row in enumerate(rows)]


def minimum(X, y, intercept, penalty):
    """The minimum energy, exactly; None if columns are dependent."""
    G = gram(X, y, intercept)
    n, p = len(G) - 1, X.shape[1]
    A, b, square = [row[:n] for row in G[:n]], [G[i][n] for i in range(n)], G[n][n]
    weighed = [penalty is not None and (j < p or penalty.intercept) for j in range(n)]
    if not isinstance(penalty, pm.L1):
        for j in range(n):
            A[j][j] += Fraction(penalty.lam) * weighed[j] if penalty else 0
        theta = solve(A, b)
        return theta and square - sum(u * v for u, v in zip(b, theta, strict=True))
    half = Fraction(penalty.lam) / 2
    for signs in itertools.product(*((0, 1, -1) if w else (None,) for w in weighed)):
        active = [j for j in range(n) if signs[j] != 0]
        found = solve([[A[i][j] for j in active] for i in active], [b[j] - half * (signs[j] or 0) for j in active])
        if found is None:
            continue
        theta = [Fraction(0)] * n
        for j, value in zip(active, found, strict=True):
            theta[j] = value
        slope = [b[i] - sum(A[i][j] * theta[j] for j in range(n)) for i in range(n)]
        if all(abs(slope[j]) <= half if signs[j] == 0 else theta[j] * (signs[j] or 0) >= 0 for j in range(n)):
            fit = sum((b[j] + slope[j]) * theta[j] for j in range(n))
            return square - fit + 2 * half * sum(abs(theta[j]) for j in range(n) if weighed[j])
    return None


def true_digits(value, truth):
    error = float(abs(Fraction(value) - truth) / truth)
    return 16.0 if error == 0 else float(np.clip(-np.log10(error), 0.0, 16.0))


def minimise(moments, penalty=None):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pm.PrecisionWarning)
        return pm.minimum_energy(pm.LinearRegression.from_moments(moments, penalty=penalty))


def check(moments, X, y, penalty=None):
    """Assert that the digits are there, and return them; and that the gap holds."""
    truth = minimum(X, y, moments.intercept, penalty)
    if truth is None or truth <= 0:
        return 16.0
    found = minimise(moments, penalty)
    assert found.digits <= true_digits(found.value, truth) + MARGIN
    return found.digits


@pytest.fixture(scope="module")
def line():
    rng = np.random.default_rng(3)
    X = rng.normal(size=(1000, 1))
    return X, X[:, 0] + 0.1 * rng.normal(size=1000)


SPIKES = [1e-13, 1e2, 1e5, 1e8, 1e10, 1e12, 1e13, 1e150]


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("spike", SPIKES)
@pytest.mark.parametrize("where", ["x", "y", "both"])
def test_a_spike_that_came_and_went(line, intercept, spike, where):
    X, y = line
    row = np.array([[spike * (where != "y")]]), np.array([spike * (where != "x")])
    a, b = Moments.of(X, y, intercept=intercept), Moments.of(*row, intercept=intercept)
    digits = check((a + b) - b, X, y)
    assert digits >= np.clip(12.5 - 2 * max(0.0, np.log10(spike) - 9.0), 0.0, 16.0)  # sums of two doubles
    check((b + a) - b, X, y)
    together = Moments.of(np.r_[X, row[0]], np.r_[y, row[1]], intercept=intercept)
    check(together - b, X, y)
    check(a.copy().update(*row) - b, X, y)
    alone = (a + b) - a
    assert not alone.scatter.any()
    np.testing.assert_allclose(alone.mean, [row[0][0, 0], row[1][0]], rtol=1e-9, atol=1e-9)


def history(rng):
    """Rows that are left, and their moments after parts came together and went in any order."""
    p, intercept = int(rng.integers(1, 4)), bool(rng.random() < 0.6)
    m = int(rng.integers(p + 3, 80))
    scale = 10.0 ** (rng.uniform(-3, 3, p + 1) * (rng.random() < 0.5))
    Z = rng.normal(size=(m, p + 1))
    Z[:, p] += Z[:, :p] @ rng.normal(size=p) - Z[:, p] * (1 - 10.0 ** rng.uniform(-4, 0))
    Z = (Z + np.where(rng.random(p + 1) < 0.3, 10.0 ** rng.uniform(0, 8, p + 1), 0.0)) * scale
    dtype = np.float32 if rng.random() < 0.2 else np.float64
    top = rng.choice([6.0, 13.0, 13.0, 13.0, 30.0 if dtype is np.float32 else 100.0])

    def spikes():
        size = int(rng.choice([1, 1, 2, 5, 20]))
        columns = rng.random(p + 1) < 0.5
        columns[rng.integers(p + 1)] = True
        shape = (size if rng.random() < 0.5 else 1, 1)
        sizes = 10.0 ** rng.uniform(rng.choice([-13.0, 2.0, 2.0]), top, shape)
        shapes = rng.normal(size=(size, p + 1)) if rng.random() < 0.5 else np.ones((size, p + 1))
        rest = rng.normal(size=(size, p + 1)) * scale * (rng.random() < 0.5)
        return np.where(columns, sizes * shapes, rest).astype(dtype)

    def of(rows):
        rows = rows.astype(dtype)
        return Moments.of(rows[:, :p], rows[:, p], intercept=intercept)

    Z = Z.astype(dtype)
    gone = [spikes() for _ in range(rng.integers(1, 6))]
    parts = [*np.split(Z, np.sort(rng.integers(1, m, rng.integers(0, 4)))), *gone]
    parts = [parts[k] for k in rng.permutation(len(parts)) if len(parts[k])]
    if rng.random() < 0.5:
        parts = [np.concatenate(parts)]
    total = of(parts[0])
    for part in parts[1:]:
        how = rng.integers(3)
        total = (
            total.copy().update(part[:, :p], part[:, p]) if how == 0 else (of(part) + total, total + of(part))[how - 1]
        )
    for k in rng.permutation(len(gone)):
        for rows in [gone[k]] if rng.random() < 0.7 else gone[k][:, None]:
            total = total - of(rows)
    lam, free = 10.0 ** rng.uniform(-3, 1) * float(scale[0]), bool(rng.random() < 0.5)
    penalty = [None, None, pm.L2(lam * scale[0], intercept=free), pm.L1(lam * scale[-1], intercept=free)][
        rng.integers(4)
    ]
    return Z.astype(float), total, penalty


@pytest.mark.parametrize("block", range(4))
def test_stated_digits_are_there_after_any_history(block):
    for seed in range(60 * block, 60 * block + 60):
        Z, moments, penalty = history(np.random.default_rng([9, seed]))
        digits = check(moments, Z[:, :-1], Z[:, -1], penalty)
        assert check(pickle.loads(pickle.dumps(moments)), Z[:, :-1], Z[:, -1], penalty) == digits


def test_float32_rows_that_round_one_way():
    # Squares of multiples of 1 / 256 beside one of 1.4e11: halves of the last place, that are always rounded down.
    rng = np.random.default_rng(4)
    for seed in range(20):
        X = (rng.integers(-512, 512, size=(60, 1)) / 256 + 382731.0).astype(np.float32)
        y = (X[:, 0] - 382731.0 + 0.1 * rng.normal(size=60)).astype(np.float32)
        both = Moments.of(np.r_[X[:8], np.float32([[0.059 * seed]]), X[8:]], np.r_[y[:8], np.float32([0.0]), y[8:]])
        check(both - Moments.of(np.float32([[0.059 * seed]]), np.float32([0.0])), X.astype(float), y.astype(float))


def test_parts_far_from_zero_merge_without_loss():
    rng = np.random.default_rng(5)
    X = 1e8 + rng.normal(size=(6000, 2))
    y = X @ [1.0, 2.0] + 0.1 * rng.normal(size=6000)
    parts = [Moments.of(*rows) for rows in zip(np.split(X, 120), np.split(y, 120), strict=True)]
    total = parts[0]
    for part in parts[1:]:
        total = total + part
    assert check(total, X, y) > 11.0
    # Of files of 0.1.0 a mean is a double, and says no more.
    old = [Moments(part.count, part.mean, part.scatter, intercept=True) for part in parts]
    total = old[0]
    for part in old[1:]:
        total = total + part
    assert check(total, X, y) < 9.0


def test_ten_spikes_in_any_order(line):
    X, y = line
    rng = np.random.default_rng(6)
    for _ in range(8):
        spikes = [Moments.of([[10.0 ** rng.uniform(2, 13)]], [10.0 ** rng.uniform(2, 13)]) for _ in range(10)]
        total = Moments.of(X, y)
        for spike in spikes:
            total = total + spike if rng.random() < 0.5 else spike + total
        for k in rng.permutation(10):
            total = total - spikes[k]
        check(total, X, y)


def test_stacks_have_their_own_errors():
    rng = np.random.default_rng(7)
    X, y = rng.normal(size=(3, 40, 2)), rng.normal(size=(3, 40))
    row = np.zeros((3, 1, 2))
    row[1] = 1e10
    whole = Moments.of(np.concatenate([X, row], axis=1), np.concatenate([y, np.zeros((3, 1))], axis=1))
    left = whole - Moments.of(row, np.zeros((3, 1)))
    digits = minimise(left).digits
    assert digits[1] == 0.0
    assert min(digits[0], digits[2]) > 11
    assert minimise(left.members(0, 1)).digits[0] == digits[0]


def test_the_warning_says_what_to_do_and_it_helps(line):
    X, y = line
    left = Moments.of(np.r_[X, [[1e7]]], np.r_[y, 0.0]) - Moments.of([[1e7]], [0.0])
    system = pm.LinearRegression.from_moments(left)
    with pytest.warns(
        pm.PrecisionWarning, match=r"compute the moments of the remaining rows directly, Moments\.of\(X, y\)"
    ):
        assert pm.minimum_energy(system).digits < 9
    anew = pm.LinearRegression.from_moments(Moments.of(X, y))  # warnings are errors
    assert pm.minimum_energy(anew).digits > 12


def test_a_mean_energy_is_bounded(line):
    X, y = line
    anew = pm.mean_energy(pm.LinearRegression.from_moments(Moments.of(X, y)), pm.Normal(2.0))
    assert anew.error_bound == 0.0
    for spike in (1e3, 1e7, 1e10):
        left = Moments.of(np.r_[X, [[spike]]], np.r_[y, spike]) - Moments.of([[spike]], [spike])
        system = pm.LinearRegression.from_moments(left)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            found = pm.mean_energy(system, pm.Normal(2.0))
            sampled = pm.mean_energy(system, pm.Normal(2.0), method="monte-carlo", samples=10, rng=1)
            pm.energy_variance(system, pm.Normal(2.0))
        assert abs(found.value - anew.value) <= found.error_bound
        assert sampled.error_bound == found.error_bound
        caught = [each for each in caught if each.category is pm.PrecisionWarning]
        assert len(caught) == (3 if spike > 1e3 else 0)
        assert all("compute the moments of the remaining rows" in str(warning.message) for warning in caught)


def test_mixtures_do_not_use_minima_without_digits(line):
    X, y = line
    left = Moments.of(np.r_[X[:500], [[1e12]]], np.r_[y[:500], 0.0]) - Moments.of([[1e12]], [0.0])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pm.PrecisionWarning)
        assert np.isnan(pm.mix(left, Moments.of(X[500:], y[500:]), pm.Normal(1.0)).p_value)


def test_what_was_lost_survives_a_file(line, tmp_path):
    X, y = line
    left = Moments.of(np.r_[X, [[1e5]]], np.r_[y, 0.0]) - Moments.of([[1e5]], [0.0])
    left.save(tmp_path / "left")
    loaded = Moments.load(tmp_path / "left")
    assert minimise(loaded).digits == minimise(left).digits
    assert ((loaded + left) - left).scatter.tolist() == left.scatter.tolist()


@pytest.mark.parametrize("seed", range(100))
def test_dependent_columns_are_dependent_within_what_was_lost(seed):
    rng = np.random.default_rng(seed)
    m, k = int(rng.integers(10, 200)), int(rng.integers(1, 6))
    B, spikes = rng.normal(size=(m, k)), rng.normal(size=(5, 2 * k)) * 10.0 ** rng.uniform(0, 5)
    X, y = np.repeat(B, 2, axis=1), B.sum(axis=1) + 0.1 * rng.normal(size=m)
    left = Moments.of(np.r_[X, spikes], np.r_[y, np.zeros(5)]) - Moments.of(spikes, np.zeros(5))
    slopes, rest, *_ = np.linalg.lstsq(B - B.mean(axis=0), y - y.mean(), rcond=None)
    for penalty in (None, pm.L1(1e-9, intercept=False)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pm.PrecisionWarning)
            found = pm.minimum_energy(pm.LinearRegression.from_moments(left, penalty=penalty))
        assert found.rank == k
        sums = found.parameters[:-1].reshape(k, 2).sum(axis=1)
        np.testing.assert_allclose(sums, slopes, atol=1e-3)
        assert abs(found.value - rest[0] / m) <= 10.0 ** (MARGIN - found.digits) * found.value + 1e-8


@pytest.mark.parametrize("exponent", range(460, 512, 3))
def test_moments_near_the_largest_double_have_no_warning_of_numpy(exponent):
    """Sums of squares may be doubles where what bounds their errors is none; then nothing is known of them."""
    for seed, rows in ((0, 3), (1, 300), (2, 5000)):
        X = np.random.default_rng(seed).normal(size=(rows, 2)) * 2.0**exponent
        X[0] *= 50.0
        with warnings.catch_warnings():
            warnings.simplefilter("error", RuntimeWarning)
            warnings.simplefilter("ignore", pm.PrecisionWarning)
            with contextlib.suppress(ValueError):  # beyond the range of a double, with the column and what to do
                moments = pm.Moments.of(X, X[:, 0])
                for each in (moments, moments + moments, (moments + moments) - moments):
                    pm.minimum_energy(pm.LinearRegression.from_moments(each))


def test_moments_that_were_merged_and_subtracted_are_finite_and_can_be_loaded_again(tmp_path):
    """Near the ends of the range of a double: a refusal, or numbers that a file may hold."""
    path, answered = tmp_path / "moments.npz", 0
    for seed in range(300):
        r = np.random.default_rng(seed)
        sizes = 2.0 ** r.uniform(-1000.0, 511.0, (2, 3)) if seed % 2 else 2.0 ** r.uniform(495.0, 511.0, (2, 3))
        sizes = np.where(r.random((2, 3)) < 0.3, 1.0, sizes)
        rows = [r.normal(size=(int(r.integers(1, 20)), 3)) * size for size in sizes]
        with contextlib.suppress(ValueError):
            a, b = (pm.Moments.of(part[:, :2], part[:, 2]) for part in rows)
            for moments in (a + b, (a + b) - b, (a + b) - a):
                assert np.isfinite(moments.mean).all()
                assert np.isfinite(moments.scatter).all()
                moments.save(path)
                assert pm.Moments.load(path).count == moments.count
                answered += 1
    assert answered > 300


def test_drawn_energies_of_lost_moments_warn():
    r = np.random.default_rng(0)
    X, Z = r.normal(size=(50, 2)), 1e9 * r.normal(size=(3, 2))
    y, z = X @ [1.0, -2.0] + 0.1 * r.normal(size=50), 1e9 * r.normal(size=3)
    moments = pm.Moments.of(np.r_[X, Z], np.r_[y, z]) - pm.Moments.of(Z, z)
    with pytest.warns(pm.PrecisionWarning, match="certain digits"):
        pm.sample_energies(pm.LinearRegression.from_moments(moments), pm.Normal(1.0), samples=3, rng=0)


def test_rounded_counts_of_weighted_rows_are_in_the_bounds():
    """Exact moments are within the bounds when weighted rows, far away and heavy, come and go in any order."""
    for seed in range(60):
        r = np.random.default_rng(seed)
        p, blocks = int(r.integers(1, 3)), []
        for _ in range(int(r.integers(2, 5))):
            m = int(r.integers(1, 6))
            Z = r.normal(size=(m, p + 1)) + 10.0 ** r.uniform(0, 12, size=p + 1) * (r.random(p + 1) < 0.5)
            weights = r.choice([1.0, 3.0, 0.5, 1e-6, 1e6], size=m) if r.random() < 0.7 else np.ones(m)
            blocks.append((Z, weights))
        parts = [Moments.of(Z[:, :p], Z[:, p], weights=weights) for Z, weights in blocks]
        left = sum(parts[1:], parts[0])
        for k in r.permutation(len(parts) - 1)[: int(r.integers(1, len(parts)))] + 1:
            left, blocks[k] = left - parts[k], None
        Z = [[Fraction(x) for x in row] for Z, _ in filter(None, blocks) for row in Z.tolist()]
        w = [Fraction(x) for _, weights in filter(None, blocks) for x in weights.tolist()]
        mean = [sum(a * row[j] for a, row in zip(w, Z, strict=True)) / sum(w) for j in range(p + 1)]
        of_mean, of_scatter = left.lost() or (np.zeros(p + 1), np.zeros(p + 1))
        deviation = np.sqrt(np.diag(left.scatter) / left.count)
        for j in range(p + 1):
            usual = 1e-14 * deviation[j] + 4e-16 * abs(left.mean[j])
            assert abs(float(Fraction(left.mean[j]) - mean[j])) <= of_mean[j] + usual, seed
            for k in range(p + 1):
                exact = sum(a * (row[j] - mean[j]) * (row[k] - mean[k]) for a, row in zip(w, Z, strict=True))
                bound = np.sqrt(of_scatter[j] * of_scatter[k]) + 1e-13 * left.count * deviation[j] * deviation[k]
                assert abs(float(Fraction(left.scatter[j, k]) - exact)) <= bound, seed


def test_a_mean_that_a_far_row_has_rounded():
    """Double-double sums keep 32 digits: a mean near 1 is lost beside one of 1e40, and the bound says so."""
    one, far = Moments.of([[0.75]], [-0.3]), Moments.of([[1.0], [2.0]], [1e40, 1e40])
    left = one + far - far
    assert left.lost().mean[1] >= abs(left.mean[1] + 0.3) > 0.0
    assert left.lost().mean[0] < 1e-12


@pytest.mark.parametrize("seed", range(40))
def test_columns_that_are_dependent_keep_the_digits_of_the_others(seed):
    rng = np.random.default_rng(seed)
    groups, m = int(rng.integers(3, 9)), int(rng.integers(100, 1000))
    group = np.sort(rng.permutation(np.r_[np.arange(groups), rng.integers(groups, size=m - groups)]))
    x = rng.integers(-9, 10, m)
    X, y = np.column_stack([x, np.eye(groups)[group]]), x + 2.0 * group + rng.integers(-9, 10, m)
    whole = Moments.of(X, y)
    parts = functools.reduce(operator.add, (Moments.of(X[group == k], y[group == k]) for k in range(groups)))
    largest = float(np.abs(whole.scatter[-1]).max()) / m
    for penalty in (None, pm.L1(0.1 * largest, intercept=False), pm.L1(1e-4 * largest, intercept=False)):
        if penalty is None:
            truth = minimum(X[:, :-1], y, True, None)
        else:
            truth = Fraction(pm.minimum_energy(pm.LinearRegression(X, y, penalty=penalty)).value)
        for moments in (whole, parts):
            found = minimise(moments, penalty)
            assert 11 < found.digits <= true_digits(found.value, truth) + MARGIN
