"""Weights of rows against other programs and exact arithmetic, and where they are kept."""

import math
import pickle

import mpmath
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import scipy.optimize
import sklearn.linear_model
import statsmodels.api as sm

import pyrometer as pm

RNG = np.random.default_rng(3)
X = RNG.normal(size=(60, 3)) * [1.0, 1e3, 1e-4] + [0.0, 1e4, 1.0]
Y = RNG.normal(size=60) + X[:, 0] + 5.0
LABELS = (RNG.random(60) < 0.4) * 1.0
WEIGHTS = RNG.exponential(size=60) ** 2


def exact_squares(X, y, w, l2=0.0):
    """Minimum and parameters of a weighted ridge with an unpenalised intercept, at 60 digits."""
    with mpmath.workdps(60):
        rows = [[*map(mpmath.mpf, map(float, row)), mpmath.mpf(1)] for row in X]
        weights, target = ([mpmath.mpf(float(v)) for v in a] for a in (w, y))
        total, n = mpmath.fsum(weights), len(rows[0])
        G, h = mpmath.matrix(n, n), mpmath.matrix(n, 1)
        for j in range(n):
            h[j] = mpmath.fsum(v * r[j] * t for v, r, t in zip(weights, rows, target, strict=True)) / total
            for k in range(n):
                G[j, k] = mpmath.fsum(v * r[j] * r[k] for v, r in zip(weights, rows, strict=True)) / total
        for j in range(n - 1):
            G[j, j] += l2
        theta = mpmath.lu_solve(G, h)
        square = mpmath.fsum(v * t * t for v, t in zip(weights, target, strict=True)) / total
        return float(square - mpmath.fdot(h, theta)), np.array([float(t) for t in theta])


@pytest.mark.parametrize("spread", [0, 2, 8, 30])
@pytest.mark.parametrize("l2", [0.0, 0.5])
@pytest.mark.parametrize("tied", [False, True])
def test_least_squares_agree_with_exact_arithmetic(spread, l2, tied):
    rng = np.random.default_rng([spread, tied])
    Z = rng.normal(size=(25, 3)) + 1e3 * tied
    Z[:, 2] = np.where(tied, Z[:, 1] + 1e-4 * Z[:, 2], Z[:, 2])  # the rows are needed
    y, w = rng.normal(size=25), 10.0 ** rng.uniform(-spread, spread, size=25)
    penalty = pm.L2(l2, intercept=False) if l2 else None
    found = pm.minimum_energy(pm.LinearRegression(Z, y, penalty=penalty, weights=w))
    value, theta = exact_squares(Z, y, w, l2)
    assert abs(found.value - value) <= max(found.gap, found.value * 10.0**-found.digits)
    assert (np.abs(found.parameters - theta) <= found.parameter_error + 1e-15 * np.abs(theta)).all()


def test_least_squares_agree_with_statsmodels():
    found = pm.minimum_energy(pm.LinearRegression(X, Y, weights=WEIGHTS))
    fitted = sm.WLS(Y, np.column_stack([X, np.ones(60)]), weights=WEIGHTS).fit()
    np.testing.assert_allclose(found.parameters, fitted.params, rtol=1e-7)
    assert found.value == pytest.approx(np.average(fitted.resid**2, weights=WEIGHTS), rel=1e-10)


def test_lasso_agrees_with_scikit_learn():
    Z = X / X.std(axis=0)
    found = pm.minimum_energy(pm.LinearRegression(Z, Y, penalty=pm.L1(0.4, intercept=False), weights=WEIGHTS))
    fitted = sklearn.linear_model.Lasso(alpha=0.2, tol=1e-14, max_iter=100_000).fit(Z, Y, sample_weight=WEIGHTS)
    np.testing.assert_allclose(found.parameters[:3], fitted.coef_, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("intercept", [True, False])
def test_absolute_deviations_agree_with_a_linear_program(seed, intercept):
    rng = np.random.default_rng(seed)
    m, p = int(rng.choice([3, 12, 150])), int(rng.integers(1, 4))
    Z, y, w = rng.normal(size=(m, p)), rng.normal(size=m), 10.0 ** rng.uniform(-3, 3, size=m)
    A = np.column_stack([Z, np.ones((m, int(intercept)))])
    share = w / w.sum()
    found = pm.minimum_energy(pm.LinearRegression(Z, y, energy="mae", weights=w, intercept=intercept))
    free = [(None, None)] * A.shape[1] + [(0, None)] * (2 * m)
    program = scipy.optimize.linprog(
        np.concatenate([np.zeros(A.shape[1]), share, share]),
        A_eq=np.hstack([A, np.eye(m), -np.eye(m)]),
        b_eq=y,
        bounds=free,
    )
    assert found.value == pytest.approx(program.fun, rel=1e-7, abs=1e-9)
    reached = np.average(np.abs(y - A @ found.parameters), weights=w)
    assert reached <= found.value + found.gap + 1e-14


@pytest.mark.parametrize("seed", range(6))
def test_cross_entropy_agrees_with_statsmodels_and_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    Z, w = rng.normal(size=(80, 2)), rng.exponential(size=80)
    labels = (rng.random(80) < 0.5) * 1.0
    found = pm.minimum_energy(pm.LogisticRegression(Z, labels, weights=w))
    design = np.column_stack([Z, np.ones(80)])
    fitted = sm.GLM(labels, design, family=sm.families.Binomial(), freq_weights=w).fit(tol=1e-13)
    np.testing.assert_allclose(found.parameters, fitted.params, rtol=1e-6, atol=1e-8)
    assert found.value == pytest.approx(-fitted.llf / w.sum(), rel=1e-9)
    other = sklearn.linear_model.LogisticRegression(C=np.inf, tol=1e-10, max_iter=1000)
    np.testing.assert_allclose(
        other.fit(Z, labels, sample_weight=w).coef_[0], found.parameters[:2], rtol=1e-3, atol=1e-5
    )


def test_energies_are_weighted_means_of_those_of_single_rows():
    """The energies of one row alone, averaged: every law, loss and method, and draws."""
    share = WEIGHTS / WEIGHTS.sum()
    for make, y in (
        (pm.LinearRegression, Y),
        (lambda X, y, **k: pm.LinearRegression(X, y, energy="mae", **k), Y),
        (pm.LogisticRegression, LABELS),
    ):
        whole, rows = make(X, y, weights=WEIGHTS), make(X[:, None, :], y[:, None])
        for law in (pm.Normal(0.3), pm.Uniform(2.0), pm.Mixed(np.full(2, 0.1), np.full(2, 3.0))):
            for method in ("exact", "asymptotic"):
                one, each = (pm.mean_energy(system, law, method=method).value for system in (whole, rows))
                assert one == pytest.approx(share @ each, rel=1e-12)
            one, each = (pm.sample_energies(system, law, samples=5, rng=1) for system in (whole, rows))
            np.testing.assert_allclose(one, share @ each, rtol=1e-12)


def test_sampled_cross_entropies_of_extreme_margins():
    Z = np.array([[1e-9], [1.0], [30.0], [-800.0], [1e5]])
    labels, w = np.array([1.0, 0.0, 0.0, 1.0, 1.0]), np.array([1.0, 2.0, 3.0, 1e-3, 0.5])
    law = pm.Normal(1.5)
    theta = pm.sample_parameters(pm.LogisticRegression(Z, labels, intercept=False), law, samples=200, rng=2)
    energies = pm.sample_energies(pm.LogisticRegression(Z, labels, intercept=False, weights=w), law, samples=200, rng=2)
    margins = (2.0 * labels - 1.0) * (theta @ Z.T)
    np.testing.assert_allclose(energies, np.logaddexp(0.0, -margins) @ w / w.sum(), rtol=1e-14)


def test_rows_of_weight_0_do_not_separate_nor_count():
    labels, w = np.array([0.0, 0.0, 1.0, 1.0, 0.0]), np.array([1.0, 2.0, 1.0, 1.0, 0.0])
    Z = np.array([[0.0], [1.0], [2.0], [3.0], [9.0]])
    assert pm.minimum_energy(pm.LogisticRegression(Z, labels)).attained
    with pytest.warns(pm.errors.SeparationWarning):
        assert not pm.minimum_energy(pm.LogisticRegression(Z, labels, weights=w)).attained
    names = ["no", "no", "yes", "yes", "unknown"]
    with pytest.warns(pm.errors.SeparationWarning):
        pm.minimum_energy(pm.LogisticRegression(Z, names, labels=("no", "yes"), weights=w))
    wide = np.column_stack([Z, [1.0, 1.0, 1.0, 1.0, 2.0]])  # constant but for the last row
    assert pm.minimum_energy(pm.LinearRegression(wide, labels, weights=w)).rank == 1
    Z[4] = np.nan
    for energy in ("mse", "mae"):
        found = pm.minimum_energy(pm.LinearRegression(Z, labels, energy=energy, weights=w))
        expected = pm.minimum_energy(pm.LinearRegression(Z[:4], labels[:4], energy=energy, weights=w[:4]))
        assert found.value == pytest.approx(expected.value, rel=1e-14)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame, lambda data: pa.table(data)])
def test_columns_of_frames(frame):
    w = WEIGHTS.copy()
    w[[3, 7]] = 0.0
    holes = X.copy()
    holes[3] = np.nan
    data = frame({"a": holes[:, 0], "b": holes[:, 1], "y": Y, "w": w})
    features = data[["a", "b"]] if not isinstance(data, pa.Table) else data.select(["a", "b"])
    system = pm.LinearRegression(features, data["y"], weights=data["w"])
    assert system.names == ("a", "b")
    assert system.moments.target == (None if isinstance(data, pa.Table) else "y")
    kept = w > 0.0
    expected = pm.minimum_energy(pm.LinearRegression(X[kept, :2], Y[kept], weights=w[kept]))
    assert pm.minimum_energy(system).value == pytest.approx(expected.value, rel=1e-13)


def test_threads_and_single_precision():
    Z, y, w = (RNG.normal(size=shape).astype(np.float32) for shape in ((40_000, 3), 40_000, 40_000))
    w = np.abs(w)
    for dtype in (np.float32, np.float64):
        one, two = (pm.Moments.of(Z.astype(dtype), y.astype(dtype), weights=w, threads=n) for n in (1, 2))
        assert np.array_equal(one.scatter, two.scatter)
        assert np.array_equal(one.mean, two.mean)
    for energy in ("mae", "ce"):
        make = pm.LogisticRegression if energy == "ce" else pm.LinearRegression
        options = {} if energy == "ce" else {"energy": energy}
        target = (y > 0.0).astype(np.float32) if energy == "ce" else y
        system = make(np.asfortranarray(Z), target, weights=w, **options)
        for law in (pm.Normal(1.0), pm.Uniform(1.0)):
            values = [
                pm.mean_energy(system, law, method=how, samples=64, rng=1, threads=n).value
                for how in ("exact", "monte-carlo")
                for n in (1, 2)
            ]
            assert values[0] == values[1]
            assert values[2] == values[3]
        single = pm.minimum_energy(system, threads=1)
        double = pm.minimum_energy(make(Z.astype(float), target.astype(float), weights=w, **options), threads=2)
        assert single.value == pytest.approx(double.value, rel=1e-12)


def test_weights_are_kept():
    w = np.array([1.0, 2.0, 0.5])
    systems = [
        pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0], weights=w),
        pm.LinearRegression([[1.0], [2.0], [4.0]], [1.0, 2.0, 3.0], energy="mae", weights=w),
        pm.LogisticRegression([[1.0], [2.0], [4.0]], [0, 1, 0], weights=w),
    ]
    for system in systems:
        assert np.array_equal(system.weights, w)
        assert not system.weights.flags.writeable
        assert any(line.split() == ["rows", "3", "weighted"] for line in repr(system).splitlines())
        assert system.rows == 3
        again = pickle.loads(pickle.dumps(system))
        assert np.array_equal(again.weights, w)
        law = pm.Normal(2.0)
        assert pm.temperature(again, law).value == pm.temperature(system, law).value
        table = pm.sweep({"one": system}, {"normal": law})
        assert table["temperature"][0] == pm.temperature(system, law).value
    w[:] = 1.0
    assert systems[0].weights[1] == 2.0
    assert pm.LinearRegression([[1.0], [2.0]], [1.0, 2.0]).weights is None


def test_counts_are_whole_where_weights_are():
    assert pm.Moments.of(X, Y).count == 60
    assert not pm.Moments.of(X, Y).weighted
    whole = pm.Moments.of(X, Y, weights=np.arange(60))
    assert whole.count == 1770
    assert isinstance(whole.count, int)
    assert whole.rows == 60
    part = pm.Moments.of(X, Y, weights=WEIGHTS)
    assert isinstance(part.count, float)
    assert part.count == pytest.approx(math.fsum(WEIGHTS), rel=1e-16)
    assert repr(whole).splitlines()[1:3] == ["  rows         60", "  weight     1770    sum over the rows"]
    assert isinstance((whole + pm.Moments.of(X, Y)).count, int)


def test_moments_are_merged_and_subtracted_without_loss(tmp_path):
    """Counts are exact: a small part that remains of a large one has its own energies."""
    small, large = pm.Moments.of(X, Y, weights=WEIGHTS * 1e-9), pm.Moments.of(X + 1.0, Y, weights=WEIGHTS)
    together = small + large
    left = together - large
    assert left.count == pytest.approx(small.count, rel=1e-15)
    path = tmp_path / "whole.moments"
    together.save(path)
    again = pm.Moments.load(path) - large
    assert again.count == left.count
    assert again.rows == left.rows
    assert again.weighted
    assert np.array_equal(again.scatter, left.scatter)
    assert pickle.loads(pickle.dumps(together)).count == together.count
    truth, lost = small.mean_squares(), left.square_errors()
    assert (np.abs(left.mean_squares() - truth) <= lost[:-1] + 1e-13 * truth).all()


def test_files_of_rows_without_weights_stay_readable_by_earlier_releases(tmp_path):
    for moments, version in (
        (pm.Moments.of(X, Y), '"version": 2'),
        (pm.Moments.of(X, Y, weights=WEIGHTS), '"version": 3'),
    ):
        moments.save(tmp_path / "m")
        with np.load(tmp_path / "m") as archive:
            assert version in str(archive["header"])


def test_one_heavy_row_far_from_the_first_ones():
    """The first rows are far away, and of negligible weight: deviations are from the weighted mean."""
    Z = np.concatenate([np.full(1000, 1e9), 1.0 + np.arange(1000.0)])[:, None]
    w = np.concatenate([np.full(1000, 1e-30), np.ones(1000)])
    moments = pm.Moments.of(Z, Z[:, 0], weights=w)
    np.testing.assert_allclose(moments.scatter, np.full((2, 2), (1000.0**3 - 1000.0) / 12.0), rtol=1e-13)


def test_standardised_features():
    w = WEIGHTS.copy()
    w[5] = 0.0
    Z = pm.datasets.standardize(X, weights=w)
    np.testing.assert_allclose(np.average(Z, axis=0, weights=w), 0.0, atol=1e-12)
    np.testing.assert_allclose(np.average(Z**2, axis=0, weights=w), 1.0, rtol=1e-12)
    moments = pm.Moments.of(X, Y, weights=w).standardized()
    np.testing.assert_allclose(pm.Moments.of(Z, Y, weights=w).scatter, moments.scatter, rtol=1e-9, atol=1e-9)


def test_mixtures_take_their_shares_from_the_weights():
    law = pm.Normal(1.0)
    for energy in ("mse", "mae"):

        def system(rows, weights, energy=energy):
            return pm.LinearRegression(X[rows], Y[rows], energy=energy, weights=weights)

        a, b = slice(0, 20), slice(20, 60)
        mixture = pm.mix(system(a, WEIGHTS[a]), system(b, WEIGHTS[b]), law)
        whole = pm.temperature(system(slice(0, 60), WEIGHTS), law)
        assert mixture.mixed.energy == pytest.approx(whole.energy, rel=1e-12)
        assert mixture.test == "none"
        assert np.isnan(mixture.p_value)
        assert mixture.pooling_loss >= -1e-12
        share = WEIGHTS[a].sum() / WEIGHTS.sum()
        parts = share * mixture.a.energy + (1.0 - share) * mixture.b.energy
        assert parts == pytest.approx(whole.energy, rel=1e-12)
        with pytest.raises(ValueError, match="divide all weights of both by one number"):
            pm.mix(system(a, WEIGHTS[a] * 1e200), system(b, WEIGHTS[b]), law)


@pytest.mark.filterwarnings("ignore::pyrometer.errors.SimulationWarning")
def test_tables_and_files(tmp_path):
    path = tmp_path / "rows.csv"
    w = WEIGHTS.copy()
    w[2] = 0.0
    pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "y": Y, "w": w}).to_csv(path, index=False)
    data = pm.interop.read_data(path, target="y", weights="w")
    assert data.names == ("a", "b")
    assert np.array_equal(data.weights, w)
    table = pm.tables.systems(data.X, data.y, weights=data.weights, samples=200)
    kept = w > 0.0
    same = pm.tables.systems(data.X[kept], data.y[kept], weights=w[kept], samples=200)
    np.testing.assert_allclose(table["E"], same["E"], rtol=1e-12)
    expected = pm.mean_energy(pm.LinearRegression(data.X, data.y, weights=w), pm.Normal(10.0)).value
    assert table["E"][0] == pytest.approx(expected, rel=1e-12)
