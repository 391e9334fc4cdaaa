"""Weights of rows in states, shifts and monitors: whole numbers are repetitions, and a row keeps its weight."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

import pyrometer as pm
from pyrometer import _core
from pyrometer.states._blocks import exchangeable
from pyrometer.states._column_ranks import rank_statistics
from pyrometer.states._pair import Pair
from pyrometer.states._row_weights import excess_variance

CHANGES = ("energy_change", "entropy_change", "divergence", "cross_entropy", "temperature")
pytestmark = pytest.mark.filterwarnings("ignore:rows are serially dependent:pyrometer.DependenceWarning")


def numbers(rng, m):
    return rng.normal(size=(m, 3)) + rng.normal(size=(m, 1)), rng.normal(size=m)


def flags(rng, m):
    return numbers(rng, m)[0], (rng.random(m) < 0.4).astype(float)


def classes(rng, m):
    return numbers(rng, m)[0], rng.integers(0, 3, m)


def people(rng, m):
    """Categories, numbers of which some are missing, and a rare value."""
    frame = pd.DataFrame({"city": rng.choice(["Oslo", "Moss", "Bodo"], m), "x": rng.normal(size=m)})
    frame["gaps"] = np.where(rng.random(m) < 0.2, np.nan, rng.gamma(2.0, size=m))
    frame["rare"] = (rng.random(m) < 0.03).astype(float)
    frame.loc[rng.random(m) < 0.1, "city"] = None
    return frame, frame["x"].to_numpy() + rng.normal(size=m)


def thirds(X):
    z = np.exp(0.3 * np.asarray(X))
    return z / z.sum(axis=1, keepdims=True)


KINDS = {
    "mse": (numbers, {"model": lambda X: np.asarray(X)[:, 0] * 1.0, "energy": "mse"}),
    "mae": (numbers, {"model": lambda X: np.asarray(X)[:, 0] * 1.0, "energy": "mae"}),
    "ce": (flags, {"model": lambda X: 1.0 / (1.0 + np.exp(-np.asarray(X)[:, 0])), "energy": "ce"}),
    "softmax": (classes, {"model": thirds, "energy": "softmax"}),
    "frame": (people, {"model": lambda X: np.asarray(X["x"], dtype=float), "energy": "mse"}),
}


def repeated(data, weights):
    rows = np.repeat(np.arange(len(weights)), weights.astype(int))
    X, y = data
    return (X.iloc[rows].reset_index(drop=True) if isinstance(X, pd.DataFrame) else X[rows]), y[rows]


def pair(kind, seed, *, least=0):
    draw, options = KINDS[kind]
    rng = np.random.default_rng([seed, 5])
    before, after = draw(rng, 90), draw(rng, 70)
    weights = tuple(rng.integers(least, 4, m).astype(float) for m in (90, 70))
    return before, after, weights, options


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("kind", KINDS)
def test_whole_weights_are_repetitions(kind, seed):
    before, after, weights, options = pair(kind, seed)
    found = pm.shift(before, after, weights=weights, resamples=99, rng=0, **options)
    rows = [repeated(data, w) for data, w in zip((before, after), weights, strict=True)]
    expected = pm.shift(*rows, resamples=99, rng=0, **options)
    for name in CHANGES[: 4 if not (found.temperature_defined and expected.temperature_defined) else 5]:
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=1e-8, abs=1e-10), name
    for state, other, w in zip((found.before, found.after), (expected.before, expected.after), weights, strict=True):
        assert state.total_weight == other.rows == w.sum()
        assert state.rows == (w > 0).sum()
        for name in ("energy", "entropy", "discrete_entropy"):
            value = getattr(other, name)
            assert getattr(state, name) == pytest.approx(value, rel=1e-9, abs=1e-9, nan_ok=True), name
    told = {row["column"]: row for row in expected.columns}
    for row in found.columns:
        for name in ("before", "after", "deviation_before", "deviation_after", "missing_after", "divergence"):
            assert row[name] == pytest.approx(told[row["column"]][name], rel=1e-7, abs=1e-9, nan_ok=True), name


@pytest.mark.parametrize("weight", [1, 2, 3, 8, 16, 100])
@pytest.mark.parametrize("others", [0, 1])
def test_one_number_of_a_large_weight_is_one_that_occurs_so_often(weight, others):
    rng = np.random.default_rng(others)
    columns = {f"x{k}": rng.normal(size=40) for k in range(others)}
    rows = pd.DataFrame(columns | {"rare": np.where(np.arange(40) == 3, 1.5, np.nan)})
    weighted = pm.DataState(rows, weights=np.full(40, weight))
    repeated = pm.DataState(pd.concat([rows] * weight, ignore_index=True))
    assert weighted.entropy == pytest.approx(repeated.entropy, rel=1e-12)
    after = pm.DataState(pd.concat([rows[:30]] * weight, ignore_index=True), like=repeated)
    found = pm.shift(weighted, pm.DataState(rows[:30], weights=np.full(30, weight), like=weighted), rng=0)
    assert found.divergence == pytest.approx(pm.shift(repeated, after, rng=0).divergence, abs=1e-12)


@pytest.mark.parametrize("seed", range(12))
def test_few_numbers_are_few_in_any_unit_of_weights(seed):
    rng = np.random.default_rng(seed)
    share = rng.choice([0.02, 0.05, 0.1])

    def rows(m):
        few = np.where(rng.random(m) < share, rng.normal(size=m).round(seed % 2), np.nan)
        return pd.DataFrame({"x": rng.normal(size=m), "few": few})

    before, after = rows(100), rows(80)
    weights = rng.choice([0.5, 1.0, 3.0], 100), rng.choice([0.5, 1.0, 3.0], 80)
    found, same = (
        pm.shift(before, after, weights=(unit * weights[0], unit * weights[1]), resamples=99, rng=0) for unit in (1, 64)
    )
    assert found.before.columns.by_counts == same.before.columns.by_counts
    assert found.p_value == same.p_value
    assert {row["column"]: row["p_value"] for row in found.columns} == pytest.approx(
        {row["column"]: row["p_value"] for row in same.columns}
    )


@pytest.mark.parametrize("kind", KINDS)
def test_weights_that_are_alike_are_none(kind):
    before, after, (v, w), options = pair(kind, 7)
    found = pm.shift(before, after, resamples=99, rng=0, **options)
    for factor in (1.0, 0.37, 5.0):
        alike = np.full_like(v, factor), np.full_like(w, factor)
        weighted = pm.shift(before, after, weights=alike, resamples=99, rng=0, **options)
        assert weighted.p_value == found.p_value
        assert list(weighted.columns["p_value"]) == list(found.columns["p_value"])
        exactly = factor <= 1.0 or kind != "frame"  # five of each row are smoothed by one, too
        for name in (*CHANGES[:4], "energy_change_error", "divergence_error") if exactly else CHANGES[:1]:
            assert getattr(weighted, name) == pytest.approx(getattr(found, name), rel=1e-9, abs=1e-12), name
        if factor == 1.0:
            assert weighted.divergence == found.divergence


@pytest.mark.parametrize("kind", KINDS)
def test_p_values_depend_on_the_ratios_of_weights_alone(kind):
    before, after, (v, w), options = pair(kind, 11, least=1)
    v, w = v * np.linspace(0.5, 1.5, 90), w * np.linspace(0.5, 1.5, 70)
    found, scaled = (
        pm.shift(before, after, weights=(c * v, c * w), resamples=99, rng=0, **options) for c in (1.0, 1e-6)
    )
    assert scaled.p_value == found.p_value
    assert list(scaled.columns["column"]) == list(found.columns["column"])
    assert list(scaled.columns["p_value"]) == list(found.columns["p_value"])


@pytest.mark.parametrize("kind", KINDS)
def test_rows_of_weight_0_are_left_out_and_may_hold_anything(kind):
    before, after, (v, w), options = pair(kind, 13)
    X, y = before
    y = y.copy()
    if isinstance(X, pd.DataFrame):
        X = X.copy()
        X.loc[v == 0, "x"] = np.inf
        X.loc[v == 0, "city"] = "nowhere"
    else:
        X = np.where((v == 0)[:, None], np.nan, X)
        y = np.where(v == 0, -3.0, y)
    kept = (before[0][v > 0], before[1][v > 0])
    found = pm.shift((X, y), after, weights=(v, w), resamples=99, rng=0, **options)
    expected = pm.shift(kept, after, weights=(v[v > 0], w), resamples=99, rng=0, **options)
    for name in (*CHANGES, "p_value", "divergence_error"):
        assert getattr(found, name) == pytest.approx(getattr(expected, name), rel=0, nan_ok=True), name
    assert list(found.columns["p_value"]) == list(expected.columns["p_value"])


@pytest.mark.parametrize("form", [np.asarray, np.ndarray.tolist, pd.DataFrame])
@pytest.mark.parametrize("classes", [3, 12])
def test_rows_of_weight_0_may_have_any_probabilities_of_classes(classes, form):
    """As many rows as classes, too, so that neither axis is known by its length."""
    rng = np.random.default_rng(classes)
    X, y, weights = rng.normal(size=(12, 1)), rng.integers(0, classes, 12), np.array([0.0, 1.0, 2.0] * 4)
    probabilities, keep = rng.dirichlet(np.ones(classes), 12), weights > 0.0
    given = np.where(keep[:, None], probabilities, np.nan)
    state = pm.DataState(X, y, energy="softmax", prediction=form(given), weights=weights)
    losses = -np.log(probabilities[np.arange(12), y])
    assert state.energy == pytest.approx(np.average(losses, weights=weights), rel=1e-12)


def test_columns_of_frames_are_weights_and_no_features():
    before, after, (v, w), _ = pair("frame", 3, least=1)
    X, Z = before[0].assign(heavy=v), after[0].assign(heavy=w)
    found = pm.shift(X, Z, weights="heavy", rng=0)
    expected = pm.shift(before[0], after[0], weights=(v, w), rng=0)
    assert found.columns == expected.columns
    assert "heavy" not in found.before.names


def test_rank_statistics_with_weights_are_those_of_the_definition():
    """Against loops over rows and over the permutations of the core."""
    rng = np.random.default_rng(3)
    X, Z = rng.standard_t(3, (60, 1)), rng.standard_t(3, (40, 1)) + 1.0
    v, w = rng.lognormal(size=60), rng.lognormal(size=40)
    states = pm.DataState(X, weights=v), pm.DataState(Z, weights=w)
    found, _, _ = rank_statistics(Pair.of(*states).marginals, 30, (1, 2), 1)
    x, weights = np.concatenate([X, Z])[:, 0], np.concatenate([v, w])
    weights = weights / weights.mean()

    def ranks(values):
        below = np.array([weights[values < value].sum() for value in values])
        return (below + 0.5 * weights + 0.5) / 101.0

    order = np.argsort(x)
    middle = x[order][np.searchsorted(np.cumsum(weights[order]), 50.0)]
    scores = np.column_stack([ranks(x), -np.log(1.0 - ranks(np.abs(x - middle)))])
    scores = weights[:, None] * (scores - weights @ scores / 100.0)
    few = _core.dealt_sums(np.eye(100), 40, (1, 2), 30, 1).astype(bool)
    inverse = np.linalg.inv(scores.T @ scores / 99.0 * 60.0 * 40.0 / 100.0)
    for k, own in enumerate(np.vstack([np.arange(100) >= 60, few])):
        away = scores[own].sum(axis=0)
        assert found[k, 0] == pytest.approx(away @ inverse @ away, rel=1e-9)


def test_permuted_changes_are_those_of_rows_with_their_weights():
    """The change of the energy in each permutation of the core, row by row."""
    rng = np.random.default_rng(4)
    y, z, v, w = rng.normal(size=30), rng.normal(size=20), rng.lognormal(size=30), rng.lognormal(size=20)
    empty = [np.empty((m, 0)) for m in (30, 20)]
    states = [
        pm.DataState(X, each, prediction=0.0 * each, energy="mse", weights=heavy)
        for X, each, heavy in zip(empty, (y, z), (v, w), strict=True)
    ]
    losses, weights = np.concatenate([y, z]) ** 2, np.concatenate([v, w])
    tables = Pair.of(*states).tables
    changes = _core.dealt_shifts(*tables, 30, 20, "normal", (1, 2), 30, 1)
    few = _core.dealt_sums(np.eye(50), 20, (1, 2), 30, 1).astype(bool)
    for k, own in enumerate(np.vstack([np.arange(50) >= 30, few])):
        means = [np.average(losses[each], weights=weights[each]) for each in (~own, own)]
        assert changes[k, 0] == pytest.approx(means[1] - means[0], rel=1e-9, abs=1e-12)


def test_blocks_are_exchanged_by_their_rows_not_by_their_weight():
    rng = np.random.default_rng(0)
    old, new = pm.DataState(rng.normal(size=(5000, 2)), weights=rng.lognormal(size=5000)), None
    new = pm.DataState(rng.normal(size=(700, 2)), weights=rng.lognormal(size=700))
    both = [(state.sums.table(), state.sums.sizes) for state in (old, new)]
    plain = [np.column_stack([sizes, table]) for table, sizes in both]
    for (found, many), (table, same) in zip(
        exchangeable(both[0][0], both[1][0], (both[0][1], both[1][1])), exchangeable(*plain), strict=True
    ):
        assert many == same
        np.testing.assert_array_equal(found, table[:, 1:])
        np.testing.assert_allclose(found[:, 0].sum(), table[:, 1].sum())


def test_null_p_values_are_uniform():
    """Weights of heavy spread: the p-value of a shift and the least of its columns, of 300 nulls."""
    p = np.empty((300, 2))
    for seed in range(300):
        rng = np.random.default_rng([seed, 16])
        X, Z, v, w = rng.normal(size=(60, 2)), rng.normal(size=(40, 2)), rng.lognormal(size=60), rng.lognormal(size=40)
        found = pm.shift(X, Z, weights=(v, w), resamples=99, rng=seed, threads=1)
        p[seed] = found.p_value, min(found.columns["p_value"])
    for each in p.T:
        for level in (0.05, 0.3):
            assert stats.binomtest(int((each <= level).sum()), 300, level).pvalue > 1e-3, level


def test_an_importance_sample_is_no_shift():
    """Rows of N(1, 1) with the weights of N(0, 1) over it agree with N(0, 1), and without them do not."""
    rng = np.random.default_rng(1)
    X, Z = rng.normal(size=(800, 1)), rng.normal(1.0, 1.0, size=(800, 1))
    weights = np.exp(0.5 - Z[:, 0])
    assert pm.shift(X, Z, rng=0).p_value < 0.01
    found = pm.shift(X, Z, weights=(None, weights), rng=0)
    assert found.p_value > 0.05
    assert abs(found.columns["after"][0]) < 0.3


@pytest.mark.parametrize(
    ("weights", "error", "message"),
    [
        ([1.0] * 5, ValueError, r"weights must have one value for each row, shape \(60,\), got \(5,\)"),
        ([1.0] * 59 + [np.nan], ValueError, "weights must be finite and >= 0, got nan at row 59"),
        ([1.0] * 3 + [-2.0] + [1.0] * 56, ValueError, "weights must be finite and >= 0, got -2.0 at row 3"),
        ([0.0] * 60, ValueError, "weights must have a positive sum, got zeros only"),
        ([1e-40] * 60, ValueError, r"weights must have a greatest one of 2\^-64 to 2\^64, got 1e-40"),
        ([True] * 60, TypeError, "weights must be numbers, got booleans"),
        ("heavy", TypeError, "X must be a data frame for weights='heavy'"),
        (np.ones((60, 1)), ValueError, "weights must have one value for each row"),
    ],
)
def test_bad_weights(weights, error, message):
    X = np.random.default_rng(0).normal(size=(60, 2))
    with pytest.raises(error, match=message):
        pm.DataState(X, weights=weights)
    with pytest.raises(error, match=message if isinstance(weights, str) else "before: weights|before: " + message):
        pm.shift(X, X, weights=weights if isinstance(weights, str) else (weights, None))
    monitor = pm.RefreshMonitor(X, None, rng=0)
    with pytest.raises(error, match="batch 1: "):
        monitor.update(X, weights=weights)
    assert monitor.batches == 0


def test_where_weights_cannot_be():
    X = np.random.default_rng(0).normal(size=(60, 2))
    state, ones = pm.DataState(X), np.linspace(1.0, 2.0, 60)
    with pytest.raises(ValueError, match="before must be rows with weights=, got a DataState"):
        pm.shift(state, X, weights=(ones, None))
    with pytest.raises(TypeError, match="weights must be the name of a column of X, or a pair of arrays"):
        pm.shift(X, X, weights=ones)
    for density in ("kernel", "mixture", lambda x: -(x**2).sum(axis=1)):
        with pytest.raises(ValueError, match="weights must be None for density="):
            pm.DataState(X, weights=ones, density=density)
    with pytest.raises(ValueError, match="weights must be None without a new reference"):
        pm.RefreshMonitor(X, None).reset(weights=ones)


@pytest.mark.parametrize(("before", "after"), [(400, 60), (60, 400), (150, 150)])
def test_the_variance_that_permutations_do_not_show(before, after):
    """Against the variances of differences of weighted means over samples, and over permutations of one pair each."""
    rng = np.random.default_rng([before, after])
    differences, dealt, found = [], [], []
    for _ in range(1500):
        x, z = rng.normal(size=before), rng.normal(0.6, 1.0, size=after)
        weights = np.ones(before), np.exp(0.18 - 0.6 * z)  # of N(0, 1) over N(0.6, 1)
        values, heavy = np.concatenate([x, z]), np.concatenate(weights)
        for order, differ in ((np.arange(before + after), differences), (rng.permutation(before + after), dealt)):
            v, w = values[order], heavy[order]
            old, new = (np.average(v[part], weights=w[part]) for part in (slice(before), slice(before, None)))
            differ.append(new - old)
        tables = [np.column_stack([w, np.zeros(len(w)), w * v, w * v**2]) for v, w in zip((x, z), weights, strict=True)]
        found.append(excess_variance((tables[0], tables[1]), (np.ones(before), np.ones(after)), 1))
    excess = np.var(differences) / np.var(dealt)
    assert abs(np.mean(found) / max(1.0, excess) - 1.0) < 0.12
    assert (excess > 1.2) == (after < before)


def test_weights_of_one_rule_have_no_excess():
    X = np.random.default_rng(3).normal(size=(90, 2))
    state = pm.DataState(X, weights=np.full(90, 0.37), block=4)
    rows = state.sums.rows
    table = np.column_stack([state.sums.counts, state.sums.sums[:, 1:4], state.sums.sums[:, [4, 6]]])
    assert excess_variance((table[:10], table[10:]), (rows[:10], rows[10:]), 2) == 1.0


@pytest.mark.parametrize("weighted", [(False, True), (True, True)])
def test_identifiers_of_weighted_rows_are_no_shift(weighted):
    """Each in one row, their shares are the weights, of which both samples need not have the same distribution."""
    rejected = []
    for seed in range(20):
        rng = np.random.default_rng(seed)

        def rows(first, m, rng=rng):
            return pd.DataFrame({"x": rng.normal(size=m), "name": [f"name {first + k:04d}" for k in range(m)]})

        weights = rng.integers(0, 4, 200) + 0.5 if weighted[0] else None, rng.random(150) + 0.1
        found = pm.shift(rows(0, 200), rows(200, 150), weights=weights, resamples=99, rng=seed)
        rejected.append(found.p_value <= 0.05)
    assert sum(rejected) <= 4
