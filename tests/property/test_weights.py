"""Whole weights do what repetitions of rows do, and only ratios of weights matter: every loss, method and path."""

import warnings
from fractions import Fraction

import numpy as np
import pyarrow as pa
import pytest

import pyrometer as pm
from pyrometer.data import _scan

SEEDS = range(6)
METHODS = ("exact", "refined", "asymptotic", "monte-carlo")
PENALTIES = (None, pm.L1(0.1), pm.L2(0.3, intercept=False))


class Rows:
    """Rows with whole weights, some of them 0, and the same rows repeated."""

    def __init__(self, seed, m=None):
        rng = np.random.default_rng(seed)
        self.m, self.p = m or int(rng.choice([5, 40, 700])), int(rng.integers(1, 5))
        self.X = rng.normal(size=(self.m, self.p)) * 10.0 ** rng.integers(-6, 7, size=self.p) + rng.normal(size=self.p)
        self.y = rng.normal(size=self.m) + self.X[:, 0] / np.abs(self.X[:, 0]).max()
        self.labels = (self.y + rng.logistic(size=self.m) > np.median(self.y)) * 1.0
        self.weights = rng.integers(0, 5, size=self.m)
        self.weights[: self.p + 3] = rng.integers(1, 5, size=min(self.m, self.p + 3))
        self.intercept = bool(seed % 3)

    def repeated(self, array):
        return np.repeat(array, self.weights, axis=0)

    def systems(self, weights):
        """Yield weighted systems of every loss and penalty, and those of the repeated rows."""
        X, kept = self.X.copy(), {"intercept": self.intercept}
        X[self.weights == 0] = np.nan  # a row of weight 0 may have any values
        for penalty in PENALTIES:
            yield (
                pm.LinearRegression(X, self.y, penalty=penalty, weights=weights, **kept),
                pm.LinearRegression(self.repeated(self.X), self.repeated(self.y), penalty=penalty, **kept),
            )
        yield (
            pm.LinearRegression(X, self.y, energy="mae", weights=weights, **kept),
            pm.LinearRegression(self.repeated(self.X), self.repeated(self.y), energy="mae", **kept),
        )
        yield (
            pm.LogisticRegression(X, self.labels, weights=weights, **kept),
            pm.LogisticRegression(self.repeated(self.X), self.repeated(self.labels), **kept),
        )

    def laws(self, n):
        k = n // 2
        laws = [pm.Normal(np.geomspace(0.5, 2.0, n)), pm.Uniform(np.full((2, n), 3.0))]
        return [*laws, pm.Mixed(np.full(k, 0.7), np.full(n - k, 2.0))] if 0 < k < n else laws

    def table(self, weights):
        columns = {f"x{j}": column for j, column in enumerate(self.X.T)} | {"y": self.y, "label": self.labels}
        return pa.table(columns | {"w": weights})


def agree(found, expected, relative=1e-12):
    np.testing.assert_allclose(found, expected, rtol=relative, atol=0.0)


def same_energies(weighted, repeated, laws):
    for law in laws:
        for method in METHODS:
            found, expected = (
                pm.mean_energy(system, law, method=method, samples=50, rng=3) for system in (weighted, repeated)
            )
            agree(found.value, expected.value)
            agree(found.standard_error, expected.standard_error, 1e-9)
        agree(*(pm.sample_energies(system, law, samples=7, rng=2) for system in (weighted, repeated)))
        agree(*(pm.linear.componentwise(system, law) for system in (weighted, repeated)))
        if weighted.energy == "mse":
            agree(*(pm.energy_variance(system, law) for system in (weighted, repeated)))


def same_minima(weighted, repeated):
    found, expected = pm.minimum_energy(weighted), pm.minimum_energy(repeated)
    assert np.array_equal(found.attained, expected.attained)
    assert np.array_equal(found.rank, expected.rank)
    uncertain = np.asarray(found.gap) + np.asarray(expected.gap) + 1e-12 * np.asarray(expected.value)
    assert (np.abs(np.asarray(found.value) - expected.value) <= uncertain).all()
    allowed = found.parameter_error + expected.parameter_error + 1e-12 * np.abs(expected.parameters)
    assert (np.abs(found.parameters - expected.parameters) <= allowed)[np.isfinite(allowed)].all()
    assert (np.asarray(found.digits) > 9.0).all()


@pytest.mark.filterwarnings("ignore::pyrometer.errors.SimulationWarning")
@pytest.mark.parametrize("seed", SEEDS)
def test_whole_weights_are_repetitions_in_memory(seed):
    rows = Rows(seed)
    for weighted, repeated in rows.systems(rows.weights):
        assert weighted.rows == rows.m
        same_energies(weighted, repeated, rows.laws(weighted.parameters))
        same_minima(weighted, repeated)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("factor", [1e200, 1e-200, 2.0**-600, 1.0 / 3.0])
def test_only_ratios_of_weights_matter(seed, factor):
    rows = Rows(seed)
    for (scaled, _), (weighted, _) in zip(rows.systems(factor * rows.weights), rows.systems(rows.weights), strict=True):
        law = pm.Normal(1.3)
        agree(pm.mean_energy(scaled, law).value, pm.mean_energy(weighted, law).value)
        agree(pm.temperature(scaled, law).value, pm.temperature(weighted, law).value)
        assert pm.minimum_energy(scaled).value == pytest.approx(pm.minimum_energy(weighted).value, rel=1e-12)


@pytest.mark.filterwarnings("ignore::pyrometer.errors.PrecisionWarning")  # of columns of very different sizes
@pytest.mark.parametrize("seed", SEEDS)
def test_paths_of_lasso_and_of_training(seed):
    rows = Rows(seed)
    weighted, repeated = list(rows.systems(rows.weights))[1]
    agree(*(pm.minimum_path(system, [3.0, 0.3, 0.01]).value for system in (weighted, repeated)))
    plain = list(rows.systems(rows.weights))[2]
    paths = [pm.training_path(system, pm.Normal(2.0), [0.0, 0.1, 3.0]) for system in plain]
    for name in ("energy", "temperature"):
        found, expected = (getattr(path, name) for path in paths)
        bounds = sum(getattr(path, "error_bound" if name == "energy" else "temperature_error_bound") for path in paths)
        assert (np.abs(found - expected) <= bounds + 1e-12 * np.abs(expected)).all()


@pytest.mark.filterwarnings("ignore::pyrometer.errors.SimulationWarning")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("standardize", [False, True])
def test_scans(seed, standardize):
    rows = Rows(seed)
    for energy in ("mse", "mae", "ce"):
        cls = pm.LogisticRegression if energy == "ce" else pm.LinearRegression
        options = {"target": "label" if energy == "ce" else "y", "standardize": standardize}
        options |= {"drop": ["y" if energy == "ce" else "label"]} | ({} if energy == "ce" else {"energy": energy})
        weighted = cls.scan(rows.table(rows.weights * 1e150), weights="w", chunk_rows=9, **options)
        options["drop"] = [*options["drop"], "w"]
        repeated = cls.scan(rows.table(rows.weights).take(rows.repeated(np.arange(rows.m))), **options)
        assert weighted.rows == rows.m
        assert weighted.weighted
        assert "weighted" in repr(weighted)
        same_energies(weighted, repeated, rows.laws(weighted.parameters)[:2])
        same_minima(weighted, repeated)


@pytest.mark.parametrize("seed", SEEDS[:2])
def test_passes_over_files(seed, monkeypatch):
    monkeypatch.setattr(_scan, "_CELLS", 1)  # so that a part of the rows is in memory
    rows = Rows(seed, m=9000)
    for energy, cls in (("mae", pm.LinearRegression), ("ce", pm.LogisticRegression)):
        options = {"energy": energy} if energy == "mae" else {}
        target, other = ("y", "label") if energy == "mae" else ("label", "y")
        scanned = cls.scan(rows.table(rows.weights), target=target, drop=[other], weights="w", **options)
        assert not scanned.scanned.complete
        found = pm.minimum_energy(scanned)
        y = rows.y if energy == "mae" else rows.labels
        expected = pm.minimum_energy(cls(rows.repeated(rows.X), rows.repeated(y), **options))
        assert found.value == pytest.approx(expected.value, rel=1e-10)
        assert abs(found.value - expected.value) <= found.gap + expected.gap


@pytest.mark.parametrize("seed", SEEDS)
def test_stacks(seed):
    rng = np.random.default_rng(seed)
    m, p = int(rng.choice([6, 60])), 2
    X, y = rng.normal(size=(3, m, p)) + 1.0, rng.normal(size=(3, m))
    weights = rng.integers(0, 4, size=(3, m))
    weights[:, :5] = rng.integers(1, 4, size=(3, 5))
    labels = (y > 0.0) * 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pm.errors.SeparationWarning)
        for make, target in (
            (pm.LinearRegression, y),
            (lambda X, y, **k: pm.LinearRegression(X, y, energy="mae", **k), y),
            (pm.LogisticRegression, labels),
        ):
            stack = make(X, target, weights=weights)
            alone = [make(X[i], target[i], weights=weights[i]) for i in range(3)]
            for law in (pm.Normal(2.0), pm.Uniform([[1.0], [2.0]])):
                agree(
                    pm.mean_energy(stack, law).value, np.stack([pm.mean_energy(system, law).value for system in alone])
                )
            found = pm.minimum_energy(stack)
            for i, system in enumerate(alone):
                expected = pm.minimum_energy(system)
                assert abs(found.value[i] - expected.value) <= found.gap[i] + expected.gap + 1e-12 * expected.value
                part = pm.minimum_energy(stack.members(i, i + 1))
                assert part.value[0] == found.value[i]
            shared = make(X, target, weights=weights[0])
            assert pm.mean_energy(shared, pm.Normal(1.0)).value[0] == pytest.approx(
                pm.mean_energy(alone[0], pm.Normal(1.0)).value, rel=1e-13
            )


@pytest.mark.parametrize("seed", SEEDS)
def test_moments_of_parts_add_up(seed):
    rows = Rows(seed)
    weights = rows.weights * np.random.default_rng(seed).choice([1.0, 0.1])
    whole = pm.Moments.of(rows.X, rows.y, weights=weights)
    cut = rows.m // 2
    first = pm.Moments.of(rows.X[:cut], rows.y[:cut], weights=weights[:cut])
    second = pm.Moments.of(rows.X[cut:], rows.y[cut:], weights=weights[cut:])
    for together in (first + second, first.copy().update(rows.X[cut:], rows.y[cut:], weights=weights[cut:])):
        assert together.count == pytest.approx(weights.sum(), rel=1e-15)
        assert together.rows == rows.m
        agree(together.mean, whole.mean, 1e-10)
        size = np.sqrt(np.diagonal(whole.scatter))
        assert (np.abs(together.scatter - whole.scatter) <= 1e-11 * np.outer(size, size)).all()
    back = together - second
    size = np.sqrt(np.diagonal(first.scatter))
    assert back.count == pytest.approx(first.count, rel=1e-15)
    assert (np.abs(back.scatter - first.scatter) <= 1e-10 * np.outer(size, size)).all()


@pytest.mark.parametrize("m", [3, 300, 40_000])
def test_the_count_is_the_sum_of_the_weights_rounded_once(m):
    for seed in range(2):
        rng = np.random.default_rng([m, seed])
        weights = rng.random(m) * 10.0 ** rng.integers(-9, 9, m) if seed % 2 else rng.random(m) + 1e-3
        moments = pm.Moments.of(rng.normal(size=(m, 1)), rng.normal(size=m), weights=weights)
        assert moments.count == float(sum(map(Fraction, weights.tolist()), Fraction(0)))
