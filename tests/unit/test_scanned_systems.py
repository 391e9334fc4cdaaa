"""Systems whose rows stay on disk: the numbers of the same rows in memory."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from scipy import special

import pyrometer as pm
from pyrometer import _core
from pyrometer.data import _scan
from pyrometer.linear import _absolute_out_of_core

ROWS = 20_000
RNG = np.random.default_rng(5)
X = RNG.normal([3.0, 0.0, 1e3], [1.0, 1e-2, 20.0], size=(ROWS, 3))
LINE = X @ [1.0, 200.0, -0.1]
Y = LINE + RNG.standard_t(2, size=ROWS)
FLAG = LINE - LINE.mean() + RNG.logistic(size=ROWS) > 0.5
LAWS = [pm.Normal([[0.5], [20.0]]), pm.Uniform(3.0), pm.Mixed([1.0, 2.0], [3.0, 4.0])]


def table(X=X, y=Y):
    return pa.table({**{f"x{j}": column for j, column in enumerate(X.T)}, "y": y})


@pytest.fixture(params=["mae", "ce"])
def pair(request, tmp_path):
    """A system of rows in a file, and the same in memory."""
    path = tmp_path / "rows.parquet"
    if request.param == "mae":
        parquet.write_table(table(), path)
        return pm.LinearRegression.scan(path, target="y", energy="mae", chunk_rows=3001), pm.LinearRegression(
            X, Y, energy="mae"
        )
    parquet.write_table(table(y=FLAG), path)
    return pm.LogisticRegression.scan(path, target="y", chunk_rows=3001), pm.LogisticRegression(X, FLAG)


@pytest.fixture
def small_memory(monkeypatch):
    """A sample of 4096 rows, and problems of 6000 at most: what a file of a hundred million has in proportion."""
    monkeypatch.setattr(_scan, "_CELLS", 1)
    monkeypatch.setattr(_absolute_out_of_core, "_FEWEST", 3000)
    monkeypatch.setattr(_absolute_out_of_core, "_CELLS", 1)


@pytest.mark.parametrize("law", LAWS, ids=["normal", "uniform", "mixed"])
@pytest.mark.parametrize("method", ["exact", "refined", "asymptotic", "monte-carlo"])
def test_energies(pair, law, method):
    scanned, held = (pm.mean_energy(system, law, method=method, samples=40, rng=3) for system in pair)
    np.testing.assert_allclose(scanned.value, held.value, rtol=1e-12)
    np.testing.assert_allclose(scanned.standard_error, held.standard_error, rtol=1e-10)
    np.testing.assert_allclose(scanned.error_bound, held.error_bound, rtol=1e-6)
    assert (scanned.method, scanned.samples) == (held.method, held.samples)


@pytest.mark.parametrize("method", ["auto", "monte-carlo"])
def test_temperatures(pair, method, small_memory):
    scanned, held = (pm.temperature(system, LAWS[0], method=method, samples=40, rng=3) for system in pair)
    np.testing.assert_allclose(scanned.value, held.value, rtol=1e-9)
    np.testing.assert_allclose(scanned.marginal, held.marginal, rtol=1e-10)
    assert scanned.parameters == 4


def test_spectra(pair):
    scanned, held = (pm.sample_energies(system, LAWS[1], samples=30, rng=3) for system in pair)
    np.testing.assert_allclose(scanned, held, rtol=1e-12)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("energy", ["mae", "ce"])
def test_minima(small_memory, energy, intercept):
    options = {"target": "y", "chunk_rows": 3001, "intercept": intercept}
    if energy == "mae":
        scanned = pm.LinearRegression.scan(table(), energy="mae", **options)
        held = pm.LinearRegression(X, Y, energy="mae", intercept=intercept)
    else:
        scanned = pm.LogisticRegression.scan(table(y=FLAG), **options)
        held = pm.LogisticRegression(X, FLAG, intercept=intercept)
    assert len(scanned.scanned.y) < ROWS
    found, expected = pm.minimum_energy(scanned), pm.minimum_energy(held)
    assert abs(found.value - expected.value) <= found.gap + expected.gap
    assert found.gap < 1e-9 * found.value
    np.testing.assert_allclose(found.parameters, expected.parameters, rtol=1e-6, atol=1e-8)
    assert (found.attained, found.rank, found.method) == (True, 3, expected.method)
    assert found.parameters.shape == (3 + intercept,)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("intercept", [True, False])
def test_sums_over_rows_at_parameters(dtype, intercept):
    rows, labels = X.astype(dtype), FLAG.astype(dtype)
    shift, theta = X.mean(axis=0) * intercept, np.array([0.3, 20.0, -0.01, 0.2])[: 3 + intercept]
    loss, least, gradient, size, reach, curvature = _core.evaluate_logistic(
        rows, labels, intercept, shift, theta, True, 1
    )
    D = rows.astype(float) - shift
    D = np.concatenate([D, np.ones((ROWS, 1))], axis=1) if intercept else D
    t = D @ theta
    slope, weight = special.expit(t) - FLAG, special.expit(t) * special.expit(-t)
    np.testing.assert_allclose(loss, np.logaddexp(0.0, np.where(FLAG, -t, t)).sum(), rtol=1e-12)
    np.testing.assert_allclose(least, np.where(FLAG, t, -t).min(), rtol=1e-9)
    np.testing.assert_allclose(size, np.abs(slope) @ np.abs(D), rtol=1e-11)
    assert (np.abs(gradient - slope @ D) <= 1e-12 * size).all()
    np.testing.assert_array_equal(reach, np.abs(D).max(axis=0))
    np.testing.assert_allclose(curvature, (D.T * weight) @ D, rtol=1e-9, atol=1e-9 * np.abs(curvature).max())
    again = _core.evaluate_logistic(rows, labels, intercept, shift, theta, False, 3)
    assert again[:2] == (loss, least)
    assert again[2].tobytes() == gradient.tobytes()
    assert again[5].shape == (0, 0)
    with pytest.raises(ValueError, match=r"shift \(p,\) and theta \(n,\)"):
        _core.evaluate_logistic(rows, labels, intercept, shift, theta[1:], True, 1)


def test_few_rows_are_solved_in_memory(pair):
    scanned, held = map(pm.minimum_energy, pair)
    assert (scanned.value, scanned.gap) == (held.value, held.gap)


@pytest.mark.parametrize("distances", [64, 2])
def test_a_biased_start_is_mended(small_memory, monkeypatch, distances):
    # Half of the rows have another line: a sample of some thousand is off by more than the first band. With two sums
    # only, the steps are far too long as well.
    monkeypatch.setattr(_absolute_out_of_core, "_DISTANCES", distances)
    monkeypatch.setattr(_absolute_out_of_core, "_SIGNS", 6 if distances > 2 else 0)
    y = np.where(np.random.default_rng(6).random(ROWS) < 0.5, Y, Y + X[:, 0] ** 3)
    found = pm.minimum_energy(pm.LinearRegression.scan(table(y=y), target="y", energy="mae", chunk_rows=999))
    expected = pm.minimum_energy(pm.LinearRegression(X, y, energy="mae"))
    assert abs(found.value - expected.value) <= found.gap + expected.gap
    assert found.gap < 1e-9 * found.value


@pytest.mark.parametrize("energy", ["mae", "ce"])
def test_dependent_columns(small_memory, energy):
    wide = np.concatenate([X, X[:, :1] - 2.0 * X[:, 2:]], axis=1)
    if energy == "mae":
        scanned = pm.LinearRegression.scan(table(wide), target="y", energy="mae")
        held = pm.LinearRegression(X, Y, energy="mae")
    else:
        scanned = pm.LogisticRegression.scan(table(wide, FLAG), target="y")
        held = pm.LogisticRegression(X, FLAG)
    found, expected = pm.minimum_energy(scanned), pm.minimum_energy(held)
    np.testing.assert_allclose(found.value, expected.value, rtol=1e-9)
    assert found.rank == 3


def test_separated_labels(small_memory):
    labels = np.median(LINE) < LINE
    with pytest.warns(pm.SeparationWarning):
        found = pm.minimum_energy(pm.LogisticRegression.scan(table(y=labels), target="y"))
    assert (found.value, found.attained) == (0.0, False)
    margins = (2 * labels - 1) * (X @ found.parameters[:-1] + found.parameters[-1])
    assert margins.min() > 0
    assert np.logaddexp(0.0, -margins).mean() <= found.gap


def test_labels_separated_in_part(small_memory):
    rare = np.arange(ROWS) % 1000 == 0
    labels = FLAG | rare
    wide = np.concatenate([X, rare[:, None].astype(float)], axis=1)
    with pytest.warns(pm.SeparationWarning):
        found = pm.minimum_energy(pm.LogisticRegression.scan(table(wide, labels), target="y"))
    left = pm.minimum_energy(pm.LogisticRegression(X[~rare], FLAG[~rare]))
    assert not found.attained
    assert found.digits > 9
    np.testing.assert_allclose(found.value, left.value * np.mean(~rare), rtol=1e-12)
    without = pm.minimum_energy(pm.LogisticRegression.scan(table(X, labels), target="y"))
    assert without.attained
    assert without.digits > 9


def test_squared_error_keeps_the_moments_alone():
    system = pm.LinearRegression.scan(table(), target="y", penalty=pm.L2(0.1))
    assert (system.scanned, system.names, system.rows) == (None, ("x0", "x1", "x2"), ROWS)
    held = pm.LinearRegression(X, Y, penalty=pm.L2(0.1))
    np.testing.assert_allclose(pm.minimum_energy(system).value, pm.minimum_energy(held).value, rtol=1e-12)


def test_labels_may_be_words():
    words = pa.array(np.where(FLAG, "yes", "no"))
    system = pm.LogisticRegression.scan(table(y=words), target="y", labels=("no", "yes"))
    expected = pm.mean_energy(pm.LogisticRegression(X, FLAG), LAWS[1]).value
    np.testing.assert_allclose(pm.mean_energy(system, LAWS[1]).value, expected, rtol=1e-13)
    with pytest.raises(ValueError, match=r"'y' must be 'no' or 'maybe', got 'yes' in row \d+"):
        pm.LogisticRegression.scan(table(y=words), target="y", labels=("no", "maybe"))
    with pytest.raises(ValueError, match="'y' must be 0 or 1, got .* in row 1"):
        pm.LogisticRegression.scan(table(), target="y")
    with pytest.raises(ValueError, match="'y' must be 0 or 1, got 'no' in row 1; pass its"):
        pm.LogisticRegression.scan(table(y=words), target="y")
    with pytest.raises(ValueError, match="two different labels"):
        pm.LogisticRegression.scan(table(y=words), target="y", labels=("no", "no"))


def test_what_can_be_read_only_once_is_refused():
    with pytest.raises(ValueError, match="must allow several passes"):
        pm.LinearRegression.scan(table().to_reader(), target="y", energy="mae")


def test_a_file_that_has_changed_is_noticed(tmp_path):
    path = tmp_path / "rows.parquet"
    parquet.write_table(table(), path)
    system = pm.LinearRegression.scan(path, target="y", energy="mae")
    parquet.write_table(table().slice(0, 900), path)
    with pytest.raises(ValueError, match="must not change while a system uses it, got 900 rows, expected 20000"):
        pm.mean_energy(system, LAWS[1])


def test_what_needs_rows_in_memory_says_so(pair):
    scanned, held = pair
    with pytest.raises(TypeError, match="rows of this system are in .*rows.parquet, not in memory"):
        pm.mix(scanned, held, pm.Normal(1.0))


def test_pickles(pair):
    again = pickle.loads(pickle.dumps(pair[0]))
    assert pm.mean_energy(again, LAWS[1]).value == pm.mean_energy(pair[0], LAWS[1]).value
    assert repr(again) == repr(pair[0])


@pytest.mark.parametrize("rows", [2, 300_000])
def test_exact_fits_give_no_warning(rows):
    """As in memory: warnings are errors here."""
    x = np.random.default_rng(0).normal(size=rows)
    table = pa.table({"x": x, "y": 2.0 * x + 1.0})
    minimum = pm.minimum_energy(pm.LinearRegression.scan(table, target="y", energy="mae", chunk_rows=10_000))
    assert minimum.value + minimum.gap < 1e-15
    assert minimum.parameters == pytest.approx([2.0, 1.0], abs=1e-12)


def test_nearly_dependent_columns_are_refused_out_of_core(small_memory):
    """Moments cannot tell dependence from distances below 1e-8: a pass over the rows does."""
    r = np.random.default_rng(0)
    x = r.normal(size=20_000)
    y = (r.random(20_000) < 1.0 / (1.0 + np.exp(-x))) * 1.0
    for distance in (1e-6, 1e-7, 1e-9, 1e-12):
        table = pa.table({"a": x, "b": x + distance * r.normal(size=20_000), "y": y})
        with pytest.raises(ValueError, match="nearly dependent"):
            pm.minimum_energy(pm.LogisticRegression.scan(table, target="y", chunk_rows=1000))
    large = r.normal(size=(2, 20_000))
    large[:, 5] *= 1e12
    table = pa.table({"a": large[0], "b": large[1], "y": y})
    with pytest.raises(ValueError, match="nearly dependent"):
        pm.minimum_energy(pm.LogisticRegression.scan(table, target="y", intercept=False, chunk_rows=1000))


def test_dependent_columns_out_of_core_are_those_in_memory(small_memory):
    r = np.random.default_rng(1)
    x, kind = r.normal(size=(2, 20_000)), r.integers(0, 4, 20_000)
    y = (r.random(20_000) < 1.0 / (1.0 + np.exp(-x[0]))) * 1.0
    designs = {
        "copies": [x[0], x[0], 3.0 * x[0]],
        "a sum": [x[0], x[1], x[0] + 2.0 * x[1], np.full(20_000, 7.3)],
        "dummies": [x[0], *(1.0 * (kind == k) for k in range(4))],
        "large means": [1e5 + 1e-3 * x[0], 2.0 * (1e5 + 1e-3 * x[0]) + 1.0],
    }
    for columns in designs.values():
        table = pa.table({str(k): column for k, column in enumerate(columns)} | {"y": y})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", pm.ConstantColumnWarning)
            scanned = pm.LogisticRegression.scan(table, target="y", chunk_rows=1000)
        ours = pm.minimum_energy(scanned)
        same = pm.minimum_energy(pm.LogisticRegression(np.stack(columns, axis=1), y))
        assert ours.rank == same.rank
        assert abs(ours.value - same.value) <= ours.gap + same.gap


def test_columns_that_moments_take_for_dependent_count_out_of_core(small_memory):
    rng = np.random.default_rng(3)
    X = rng.normal(size=(12_000, 3))
    X[:, 2] = X[:, 0] + 1e-7 * X[:, 2]
    y = X[:, 0] + rng.normal(size=12_000)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pm.PrecisionWarning)
        found = pm.minimum_energy(pm.LinearRegression.scan(table(X, y), target="y", energy="mae"))
    assert found.rank == 3 == pm.minimum_energy(pm.LinearRegression(X, y, energy="mae")).rank
