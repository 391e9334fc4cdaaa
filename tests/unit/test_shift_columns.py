"""Which column has moved: the table of a shift, its closed forms, and its p-values."""

import dataclasses
import pickle
import re

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import stats

import pyrometer as pm
from pyrometer import _core
from pyrometer.states._column_ranks import midranks, rank_statistics
from pyrometer.states._count_ratios import count_ratios
from pyrometer.states._pair import Pair
from pyrometer.states._permuted import adjusted, permutations
from pyrometer.states._resampled import dealt, redrawn_pair


def line(X):
    return np.asarray(X)[:, 0]


def numbers(seed, m, p=4):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(m, p)) @ np.linalg.cholesky(0.5 * np.eye(p) + 0.5).T
    return X, X[:, 0] + rng.normal(size=m)


def rows_of(found):
    return {row["column"]: row for row in found.columns}


def people(seed, m):
    """Rows as people have them: categories with missing values, flags, whole numbers, a rare and a constant column."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "city": rng.choice(["Oslo", "Bergen", "Moss"], m),
            "paid": rng.random(m) < 0.4,
            "age": pd.array(rng.integers(18, 80, m), dtype="Int64"),
            "income": rng.lognormal(size=m),
            "rare": (rng.random(m) < 0.01) * 1.0,
            "unit": np.ones(m),
        }
    )
    frame.loc[rng.random(m) < 0.1, "city"] = None
    frame.loc[rng.random(m) < 0.1, "age"] = pd.NA
    frame.loc[rng.random(m) < 0.3, "income"] = np.nan
    return frame


def test_divergences_are_those_of_normal_distributions():
    (X, y), (Z, w) = numbers(0, 300), numbers(1, 200)
    Z[:, 2] = 2.0 * Z[:, 2] + 1.0
    found = pm.shift((X, y), (Z, w), model=line, energy="mse", rng=0)
    rows = rows_of(found)
    old, new = np.column_stack([X, y - line(X)]), np.column_stack([Z, w - line(Z)])
    for j, name in enumerate([*(f"column {k}" for k in range(4)), "(residual)"]):
        a, b = old[:, j], new[:, j]
        ratio = b.var() / a.var()
        expected = 0.5 * (ratio + (b.mean() - a.mean()) ** 2 / a.var() - 1.0 - np.log(ratio))
        row = rows[name]
        assert row["divergence"] == pytest.approx(expected, rel=1e-9)
        assert [row["before"], row["deviation_after"]] == pytest.approx([a.mean(), b.std()], rel=1e-9)
    own = sum(row["divergence"] for name, row in rows.items() if name != "(joint)")
    assert rows["(joint)"]["divergence"] == pytest.approx(found.divergence - own, rel=1e-9)
    assert found.columns["column"][0] == "column 2"
    assert rows["column 2"]["p_value"] == 0.001


def test_the_sums_over_resampled_blocks_are_those_of_the_core():
    rng, seed = np.random.default_rng(0), (3, 4)
    for m, n in ((13, 40), (40, 13)):
        a, b = (np.column_stack([np.ones(k), rng.random((k, 2))]) for k in (m, n))
        wide = [np.column_stack([table, rng.random((len(table), 90))]) for table in (a, b)]
        old, new = dealt((wide[0], m - 1), (wide[1], n - 2), seed, 50)
        changes = _core.dealt_shifts(a, b, m - 1, n - 2, "bernoulli", seed, 50, 1)
        assert new[:, 1] / n - old[:, 1] / m == pytest.approx(changes[:, 0], abs=1e-13)
        total = np.concatenate(wide).sum(axis=0)
        assert (old + new - total)[:, 5:] == pytest.approx(np.zeros((51, 88)), abs=1e-11)
        old, new = redrawn_pair((wide[0], wide[1]), seed, 50)
        changes = _core.redrawn_shifts(a, b, np.zeros(0), "bernoulli", seed, 50, 1)
        assert new[:, 1] / n - old[:, 1] / m == pytest.approx(changes[1:, 0], abs=1e-13)


def test_categories_that_each_occur_once_are_not_dependent():
    """Identifiers in order had a memory of hundreds of rows."""
    names = np.array([f"user {k:04d}" for k in range(400)])
    assert pm.DataState(pa.table({"user": names})).correlation_time == 1.0
    assert pm.DataState(pa.table({"user": names.repeat(2)})).correlation_time > 10.0
    assert pm.DataState(pa.table({"user": names.repeat(2)}), block=2).correlation_time == 1.0
    assert pm.DataState(pa.table({"user": names.repeat(2)}), block=3).correlation_time > 10.0


def groups(rng, first, number, away=0.0, *, in_order=True):
    """Ten rows of each group about its mean, with its name."""
    names = first + (np.arange(number) if in_order else rng.permutation(number))
    x = np.repeat(rng.normal(size=number), 10) + rng.normal(size=10 * number) + away
    return pd.DataFrame({"user": [f"user {name:03d}" for name in np.repeat(names, 10)], "x": x})


@pytest.mark.parametrize("in_order", [True, False])
def test_names_of_groups_hide_no_shift(in_order):
    """Divided by what adjacent blocks share, the divergence of names, in one block each, was below all others."""
    for seed in range(10):
        rng = np.random.default_rng(seed)
        before, after = groups(rng, 0, 40, in_order=in_order), groups(rng, 40, 40, 1.2, in_order=in_order)
        assert pm.shift(before, after, block=10, resamples=199, rng=seed).p_value <= 0.05


def test_names_of_groups_are_no_shift():
    """Of 60 names the entropy is ln 2 more than of 30, in every permutation: nothing of it is what blocks share."""
    rejected = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)
        rejected += pm.shift(groups(rng, 0, 60), groups(rng, 60, 30), block=10, resamples=99, rng=seed).shifted
    assert rejected <= 4


@pytest.mark.parametrize("many", ["values", "numbers"])
def test_many_values_or_numbers_of_unequal_samples_are_no_shift(many):
    """Entropies of few rows have a bias, in permutations as well."""
    rejected = 0
    for seed in range(20):
        rng = np.random.default_rng(seed)

        def rows(m, rng=rng):
            noise = rng.normal(size=m + 40)
            columns = {"x": np.convolve(noise, 0.9 ** np.arange(41), mode="valid")}
            if many == "values":
                return pd.DataFrame(columns | {"many": [f"value {k:03d}" for k in rng.integers(0, 400, m)]})
            return pd.DataFrame(columns | {f"number {k}": rng.normal(size=m) for k in range(30)})

        rejected += pm.shift(rows(900), rows(200), block=2, resamples=99, rng=seed).shifted
    assert rejected <= 4


def test_sums_of_sparse_columns_pass_over_zeros_alone():
    rng = np.random.default_rng(4)
    share = np.repeat([0.0, 0.001, 0.02, 0.03, 0.2, 1.0, 0.01, 1.0], 13)
    sums = rng.integers(1, 9, size=(300, 104)) * (rng.random((300, 104)) < share) * 1.0
    both = np.hstack([sums, np.eye(300)])
    for drawn in (_core.redrawn_sums(both, 0, (1, 2), 21, 1), _core.dealt_sums(both, 100, (1, 2), 21, 1)):
        assert (drawn[:, :104] == drawn[:, 104:] @ sums).all()
        assert (drawn[:, 104:].sum(axis=1) == drawn[0, 104:].sum()).all()


@pytest.mark.parametrize(("function", "number"), [("redrawn_sums", 6), ("dealt_sums", 200)])
def test_sums_over_resampled_blocks_do_not_depend_on_threads_nor_on_how_many_there_are(function, number):
    table = np.random.default_rng(0).normal(size=(900, 11))
    call = getattr(_core, function)
    expected = call(table, number, (1, 2), 900, 1)
    assert (call(table, number, (1, 2), 900, 3) == expected).all()
    assert (call(table, number, (1, 2), 130, 1) == expected[:130]).all()
    assert (call(np.ones((900, 2)), number, (1, 2), 3, 1) == (900 if function == "redrawn_sums" else number)).all()
    bad = [("redrawn_sums", 1), ("redrawn_sums", -2), ("dealt_sums", 0), ("dealt_sums", 901)]
    for wrong in (value for name, value in bad if name == function):
        with pytest.raises(ValueError, match="must be"):
            call(table, wrong, (1, 2), 3, 1)


def test_categories_are_compared_by_counts():
    """Shares smoothed by one row of the common shares; the p-value of one column is that of its permutations."""
    shuffled = np.random.default_rng(0).permutation
    before = pd.DataFrame({"c": shuffled(["x"] * 60 + ["y"] * 40)})
    after = pd.DataFrame({"c": shuffled(["x"] * 22 + ["y"] * 26 + ["z"] * 2)})
    found = pm.shift(before, after, resamples=1999, rng=0)
    row = rows_of(found)["c"]
    old, new = np.array([60.0, 40.0, 0.0]), np.array([22.0, 26.0, 2.0])
    pool = (old + new) / 150.0
    p, q = (old + pool) / 101.0, (new + pool) / 51.0
    assert row["divergence"] == pytest.approx(np.sum(q * np.log(q / p)), rel=1e-12)
    assert (row["category"], row["before"], row["after"]) == ("x", 0.6, 0.44)
    assert found.entropy_change == pytest.approx(stats.entropy(new) - stats.entropy(old), rel=1e-12)
    rng = np.random.default_rng(1)
    both, divergences = np.concatenate([before["c"], after["c"]]), []
    for _ in range(4000):
        order = rng.permutation(both)
        old, new = (np.array([(part == c).sum() for c in "xyz"], dtype=float) for part in (order[:100], order[100:]))
        p, q = (old + pool) / 101.0, (new + pool) / 51.0
        divergences.append(np.sum(q * np.log(q / p)))
    expected = np.mean(np.array(divergences) >= row["divergence"] * (1.0 - 1e-9))
    assert row["p_value"] == pytest.approx(expected, abs=4.0 * np.sqrt(1.5 * expected / 2000.0))


def test_missing_numbers_are_shares_and_a_distribution_of_the_rest():
    x, z = (np.random.default_rng(k).normal(size=m) for k, m in ((0, 200), (1, 150)))
    x[:50], z[:10] = np.nan, np.nan
    found = pm.shift(pd.DataFrame({"x": x}), pd.DataFrame({"x": z}), rng=0)
    a, b = x[50:], z[10:]
    ratio = b.var() / a.var()
    old, new = np.array([150.0, 50.0]), np.array([140.0, 10.0])
    pool = (old + new) / 350.0
    p, q = (old + pool) / 201.0, (new + pool) / 151.0
    own = 0.5 * (ratio + (b.mean() - a.mean()) ** 2 / a.var() - 1.0 - np.log(ratio))
    assert found.divergence == pytest.approx(np.sum(q * np.log(q / p)) + 140.0 / 150.0 * own, rel=1e-9)
    row = rows_of(found)["x"]
    assert [row["missing_before"], row["missing_after"]] == pytest.approx([0.25, 1.0 / 15.0])
    assert [row["before"], row["deviation_after"]] == pytest.approx([a.mean(), b.std()], rel=1e-9)
    entropy = [
        stats.entropy(c) + c[0] / c.sum() * (0.5 * np.log(2 * np.pi * np.e * v.var())) for c, v in ((old, a), (new, b))
    ]
    assert found.entropy_change == pytest.approx(entropy[1] - entropy[0], rel=1e-9)
    assert found.after.entropy == pytest.approx(entropy[1], rel=1e-9)


def test_frames_of_every_library_and_any_order_of_columns_and_names_of_categories():
    before, after = people(0, 300), people(1, 200)
    expected = pm.shift(before, after, rng=0)
    assert expected.reason == ""
    assert "by counts, because their numbers have no density: rare, unit" in expected.note
    for convert in (pl.from_pandas, pa.Table.from_pandas):
        found = pm.shift(convert(before), convert(after), rng=0)
        assert (found.p_value, found.divergence) == (expected.p_value, expected.divergence)
        assert found.columns == expected.columns
    order = ["unit", "income", "city", "rare", "age", "paid"]
    words = {"Oslo": "z", "Bergen": "b", "Moss": "a"}
    renamed = [frame[order].assign(city=frame["city"].map(words)) for frame in (before, after)]
    found = pm.shift(*renamed, rng=0)
    assert found.p_value == expected.p_value
    assert found.divergence == pytest.approx(expected.divergence, rel=1e-9)
    for name, row in rows_of(found).items():
        other = rows_of(expected)[name]
        assert row["divergence"] == pytest.approx(other["divergence"], rel=1e-8, abs=1e-12), name
        assert row["p_value"] == pytest.approx(other["p_value"], abs=0.002), name


def test_new_and_absent_categories_are_no_error():
    before, after = people(0, 300), people(1, 200)
    after.loc[:40, "city"] = "Bodo"
    found = pm.shift(before, after, rng=0)
    assert (found.columns["column"][0], found.columns["category"][0]) == ("city", "Bodo")
    assert found.shifted
    few = after[after["city"] == "Moss"]
    few = few[few["paid"]]
    assert np.isfinite(pm.shift(before, few, rng=0).divergence)
    lost = before.assign(age=pd.array([pd.NA] * 300, dtype="Int64"))
    for pair in ((before, lost), (lost, before)):
        found = pm.shift(*pair, rng=0)
        assert found.columns["column"][0] == "age"
        assert {found.columns["missing_before"][0], found.columns["missing_after"][0]} == {
            1.0,
            1.0 - before["age"].count() / 300,
        }
        assert np.isfinite([found.divergence, found.entropy_change]).all()


@pytest.mark.parametrize("rate", [0.0, 0.002, 0.02])
def test_rare_and_constant_columns_never_end_a_test(rate):
    for seed in range(20):
        rng = np.random.default_rng(seed)
        samples = []
        for m in (200, 300):
            X = np.column_stack([rng.normal(size=m), rng.random(m) < rate, np.eye(3)[rng.integers(0, 3, m)]])
            samples.append((X, X[:, 0] + rng.normal(size=m)))
        found = pm.shift(*samples, model=line, energy="mse", resamples=99, rng=seed)
        assert np.isfinite([found.divergence, found.divergence_error, found.entropy_change_error]).all()
        assert found.reason == ""


def test_numbers_that_one_sample_happens_to_have_are_no_shift():
    """Columns of zeros but for a few numbers of one distribution, the level for 20 rows against 1000."""
    rejected = 0
    for seed in range(60):
        X, Z = (
            np.where(rng.random((m, 1)) < 0.95, 0.0, rng.exponential(size=(m, 1)))
            for m, rng in ((20, np.random.default_rng([seed, 0])), (1000, np.random.default_rng([seed, 1])))
        )
        rejected += pm.shift(X, Z, resamples=99, rng=seed, threads=1).shifted
    assert rejected <= 8
    words = [pd.DataFrame({"c": list(text) * 10}) for text in ("xxy", "xyz")]
    names = {"x": "a", "y": "b", "z": "other"}
    found = [pm.shift(*pair, rng=0) for pair in (words, [part.replace(names) for part in words])]
    assert found[0].divergence == pytest.approx(found[1].divergence, rel=1e-12)


def test_more_columns_than_rows():
    rng = np.random.default_rng(0)
    X, Z = rng.normal(size=(40, 300)), rng.normal(size=(25, 300))
    Z[:, 17] += 3.0
    found = pm.shift((X, X[:, 0] + rng.normal(size=40)), (Z, Z[:, 0] + rng.normal(size=25)), model=line, energy="mse")
    assert "as if they were independent" in found.note
    assert found.columns["column"][0] == "column 17"
    own = found.columns["divergence"].sum()
    assert found.divergence == pytest.approx(own, rel=1e-9)
    assert np.isfinite(found.divergence_error)


def test_p_values_are_adjusted_for_the_largest_of_all():
    """Against a loop over permutations, in units of chi-square distributions or of the deviation of cube roots."""
    values = np.random.default_rng(0).standard_exponential((200, 5)) ** 2
    freedom = np.array([1.0, np.nan, 2.0, np.nan, 30.0])
    p, own = adjusted(values, freedom)
    roots = np.cbrt(values)
    t = (roots - roots.mean(axis=0)) / roots.std(axis=0)
    for j in (0, 2, 4):
        nu = freedom[j]
        t[:, j] = (np.cbrt(values[:, j] / nu) - 1.0 + 2.0 / (9.0 * nu)) / np.sqrt(2.0 / (9.0 * nu))
        tail = stats.chi2.isf([0.5, 0.05, 0.001], nu)
        quantiles = (np.cbrt(tail / nu) - 1.0 + 2.0 / (9.0 * nu)) / np.sqrt(2.0 / (9.0 * nu))
        assert quantiles == pytest.approx(stats.norm.isf([0.5, 0.05, 0.001]), abs=0.06)
    assert own == pytest.approx(t[0])
    assert p == pytest.approx([np.mean(t.max(axis=1) >= t[0, j] - 1e-9) for j in range(5)])


@pytest.mark.parametrize("values", [2, 6, 60])
def test_statistics_of_counts_are_likelihood_ratios(values):
    """Against SciPy; values of one row are together, and Pearson's statistic has the mean (K - 1) N/(N - 1)."""
    rng = np.random.default_rng(values)
    groups = rng.choice(values, 100, p=rng.dirichlet(np.ones(values)))
    pair = Pair.of(*(pm.DataState(pd.DataFrame({"g": part.astype(str)})) for part in (groups[:60], groups[60:])))
    found = count_ratios(pair.marginals, permutations(pair.marginals, 99, (1, 2), 1))
    often, number = np.unique(groups, return_counts=True)
    merged = np.where(np.isin(groups, often[number == 1]), -1, groups)
    counts = [[(part == v).sum() for v in np.unique(merged)] for part in (merged[:60], merged[60:])]
    expected = stats.chi2_contingency(counts, correction=False, lambda_="log-likelihood")[0] * 0.99
    assert found.counts[0, 0] == pytest.approx(expected, rel=1e-9)
    assert found.freedom[0] == (1.0 if values == 2 else pytest.approx(found.counts[:, 0].mean()))
    assert (values == 60) == (len(often) > len(counts[0]) > 2)


@pytest.mark.parametrize("weighted", [False, True])
def test_ratios_of_weights_and_of_blocks_have_the_mean_of_chi_square(weighted):
    """Weights and blocks of like rows make shares vary more, in samples and permutations, whatever the unit."""
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"g": np.repeat(rng.choice(list("xyz"), 300), 4)})
    frame["n"] = np.where(np.repeat(rng.random(300) < 0.3, 4), np.nan, rng.normal(size=1200))
    weights = np.repeat(rng.exponential(size=300), 4)
    found = []
    for unit in (1.0, 1e6):
        halves = (slice(0, 800), slice(800, None))
        of = [{"weights": unit * weights[half]} if weighted else {} for half in halves]
        states = [pm.DataState(frame[half], block=4, **each) for half, each in zip(halves, of, strict=True)]
        pair = Pair.of(*states)
        found.append(count_ratios(pair.marginals, permutations(pair.marginals, 3000, (1, 2), 1)))
    for ratios, freedom in ((found[0].counts[:, 0], 2.0), (found[0].missing[:, 0], 1.0)):
        assert ratios.mean() == pytest.approx(freedom, abs=4.0 * ratios.std() / np.sqrt(3000) + 0.02 * freedom)
    for first, second in zip(*found, strict=True):
        assert second == pytest.approx(first, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(("rows", "dose"), [((500, 500), 0.3), ((600, 60), 0.8), ((60, 600), 0.8)])
def test_rare_values_do_not_hide_the_column_that_moved(rows, dose):
    """One number beside 30 columns with values of a few rows, moved by what ranks find in most cases among 31."""
    clear = 0
    for seed in range(8):
        rng = np.random.default_rng([seed, rows[0]])
        X, Z = (np.column_stack([rng.normal(size=m), (rng.random((m, 30)) < 0.005) * 1.0]) for m in rows)
        Z[:, 0] += dose
        clear += "column 0" in pm.shift(X, Z, resamples=199, rng=seed, threads=1).moved
    assert clear >= 5  # with divergences as the statistics of counts: 2, 0 and 4


def test_a_value_that_a_sample_lacks_is_found_in_both_directions():
    """Eight rows of 400 against none: 0.4 % of permutations; the divergence of what is lost is small."""
    rng = np.random.default_rng(0)
    before, after = rng.normal(size=(400, 5)), rng.normal(size=(400, 5))
    before[:, 4], after[:, 4] = 0.0, 0.0
    before[::50, 4] = 1.0
    for pair in ((before, after), (after, before)):
        assert pm.shift(*pair, resamples=199, rng=0).moved == ("column 4",)


def test_the_one_column_that_moved_comes_first():
    first, rejected = 0, 0
    for seed in range(15):
        X, Z = (np.random.default_rng([seed, k]).normal(size=(300, 20)) for k in range(2))
        Z[:, 7] += 0.9
        found = pm.shift(X, Z, resamples=99, rng=seed)
        rejected += found.shifted
        first += bool(found.shifted and found.columns["column"][0] == "column 7")
    assert rejected >= 10
    assert first >= 0.95 * rejected


@pytest.mark.parametrize("density", ["kernel"])
def test_other_densities_with_categories(density):
    before, after = ({"x": f["income"].fillna(1.0), "city": f["city"]} for f in (people(0, 150), people(1, 120)))
    before, after = pd.DataFrame(before), pd.DataFrame(after)
    found = pm.shift(before, after, density=density, rng=0, resamples=99)
    alone = pm.shift(before[["x"]], after[["x"]], density=density, rng=0, resamples=99)
    city = rows_of(found)["city"]["divergence"]
    assert found.divergence == pytest.approx(alone.divergence + city, rel=1e-9)
    assert np.isfinite([found.divergence_error, found.entropy_change_error]).all()
    with pytest.raises(ValueError, match="no missing numbers for this density"):
        pm.shift(people(0, 150), people(1, 120), density=density)


def test_rank_statistics_are_those_of_the_definition():
    """Against SciPy's ranks and a loop over the permutations of the core; ties have their mean rank."""
    rng = np.random.default_rng(3)
    X = np.column_stack([rng.standard_t(3, 60), rng.poisson(2.0, 60)])
    Z = np.column_stack([rng.standard_t(3, 40) + 1.0, rng.poisson(2.0, 40)])
    pair = Pair.of(pm.DataState(X), pm.DataState(Z))
    found, _, freedom = rank_statistics(pair.marginals, 30, (1, 2), 1)
    assert freedom.tolist() == [2.0, 2.0]
    both = np.concatenate([X, Z])
    few = _core.dealt_sums(np.eye(100), 40, (1, 2), 30, 1).astype(bool)  # of the smaller sample
    members = np.vstack([np.arange(100) >= 60, few])
    for j in range(2):
        r = stats.rankdata(both[:, j]) / 101.0
        q = stats.rankdata(np.round(np.abs(both[:, j] - np.median(both[:, j])), 9)) / 101.0
        scores = np.column_stack([r, -np.log(1.0 - q)])
        inverse = np.linalg.inv(np.cov(scores.T) * 60.0 * 40.0 / 100.0)
        for k, own in enumerate(members):
            away = scores[own].sum(axis=0) - 40.0 * scores.mean(axis=0)
            assert found[k, j] == pytest.approx(away @ inverse @ away, rel=1e-9)


def test_ranks_of_values_that_are_equal_up_to_rounding_tie():
    values = np.array([[0.3, 5.0], [0.1 + 0.2, 5.0], [1.0, 2.0], [0.3 + 1e-9, 5.0 + 1e-14]])
    assert midranks(values, np.array([0.3, 5.0])).tolist() == [[1.5, 3.0], [1.5, 3.0], [4.0, 1.0], [3.0, 3.0]]


def test_heavy_tails_do_not_hide_the_column_that_moved():
    first, clear = 0, 0
    for seed in range(12):
        X, Z = (np.random.default_rng([seed, k]).standard_t(3, size=(m, 20)) for k, m in enumerate((200, 100)))
        Z[:, 7] += 1.0
        found = pm.shift(X, Z, resamples=99, rng=seed)
        first += found.columns["column"][0] == "column 7"
        clear += found.columns["p_value"][0] <= 0.05
    assert first >= 11
    assert clear >= 9  # divergences: 1


def test_the_family_wise_error_is_the_level_for_ties_missing_values_and_heavy_tails():
    """Rounding of sums that were moved to another centre must not break ties."""
    false = 0
    for seed in range(60):
        rng = np.random.default_rng([seed, 9])
        frames = []
        for m in (50, 40):
            frame = {f"n{j}": rng.poisson(3.0, m) * 1.1 for j in range(4)} | {
                f"b{j}": rng.random(m) < 0.3 for j in "xy"
            }
            frame |= {f"t{j}": np.where(rng.random(m) < 0.3, np.nan, rng.standard_t(2, m)) for j in range(4)}
            frames.append(pd.DataFrame(frame))
        false += pm.shift(*frames, resamples=99, rng=seed).columns["p_value"].min() <= 0.05
    assert false <= stats.binom.ppf(0.999, 60, 0.05)


def test_columns_are_computed_once_when_they_are_read_and_can_be_pickled_before():
    (X, y), (Z, w) = numbers(0, 300), numbers(1, 200)
    found = pm.shift((X, y), (Z, w), model=line, energy="mse", rng=0, resamples=99)
    assert not isinstance(vars(found)["columns"], pm.Table)
    again = pickle.loads(pickle.dumps(found))
    assert found.columns is found.columns
    assert again.columns == found.columns
    assert pickle.loads(pickle.dumps(found)).columns == found.columns
    assert found.to_dict()["columns"] == found.columns.to_dict()
    assert dataclasses.replace(found, note="x").columns == found.columns


def test_the_joint_density_has_a_row_where_it_has_two_coordinates():
    """With one alone what it adds is rounding, which must not get a p-value, nor take part in those of others."""
    rng = np.random.default_rng(3)
    groups, x, y = rng.choice(["a", "b"], 90), rng.normal(size=(90, 2)), rng.normal(size=90)
    labels = (rng.random(90) < 0.4) * 1.0
    one = pd.DataFrame({"g": groups, "x": 1e3 + x[:, 0]})
    two = one.assign(z=x[:, 1])
    cases = [
        (one, None, {}, False),
        (two, None, {}, True),
        (one[["x"]], y, {"energy": "mae", "prediction": (x[:40, 1], x[40:, 1])}, False),
        (one[["x"]], y, {"energy": "mse", "prediction": (x[:40, 1], x[40:, 1])}, True),
        (one, labels, {"energy": "ce", "prediction": (np.full(40, 0.4), np.full(50, 0.5))}, False),
        (two, labels, {"energy": "ce", "prediction": (np.full(40, 0.4), np.full(50, 0.5))}, True),
    ]
    for frame, target, options, joint in cases:
        parts = [frame[:40], frame[40:]]
        given = parts if target is None else [(parts[0], target[:40]), (parts[1], target[40:])]
        found = pm.shift(*given, rng=0, resamples=99, **options)
        assert ("(joint)" in rows_of(found)) == joint
        assert ("(joint)" in repr(found)) == joint


@pytest.mark.parametrize("seed", range(6))
def test_p_values_do_not_depend_on_units_nor_on_names_of_categories(seed):
    rng = np.random.default_rng(seed)
    m = 70
    frame = pd.DataFrame({"x": rng.standard_cauchy(m), "g": rng.choice(["u", "v", "w"], m)})
    if seed % 2:
        frame["z"] = rng.integers(-2, 3, m) * 1.0
    other = frame.assign(g=frame.g.map({"u": "z", "v": "A", "w": "é"}))
    for name in set(frame) - {"g"}:
        other[name] = -(2.0 ** rng.integers(-40, 40)) * frame[name]
    found, same = (pm.shift(data[:40], data[40:], rng=0, resamples=99) for data in (frame, other))
    assert found.p_value == same.p_value
    assert {row["column"]: row["p_value"] for row in found.columns} == {
        row["column"]: row["p_value"] for row in same.columns
    }


@pytest.mark.parametrize("seed", range(8))
def test_resamples_that_lack_a_rare_value_have_no_density(seed):
    rng = np.random.default_rng(seed)
    rows, rare = int(rng.integers(100, 1000)), int(rng.integers(1, 5))
    flags = rng.permutation(np.arange(rows) < rare) * rng.normal()
    before = pm.DataState(np.column_stack([rng.normal(size=rows), flags]))  # by itself: the flags are not counted
    after = pm.DataState(rng.normal(size=(300, 2)))
    for found in (pm.shift(before, after, rng=seed), pm.shift(after, before, rng=seed)):
        assert np.isnan(found.entropy_change_error)
        assert np.isnan(found.divergence_error)
        lacking = int(re.search(r"(\d+) of 999 resamples of the rows have no density", found.reason).group(1))
        expected = (1.0 - rare / rows) ** rows  # of resamples, in which no rare row is drawn
        assert lacking / 999 == pytest.approx(expected, abs=5.0 * np.sqrt(expected / 999))


@pytest.mark.parametrize("seed", range(10))
def test_columns_that_depend_on_each_other_in_one_sample_alone_may_come_in_any_order(seed):
    """Where nobody has more than one child, whether there are any is their number."""
    rng = np.random.default_rng(seed)

    def drawn(m, most):
        children = np.minimum(rng.poisson(0.7, m), most)
        return pd.DataFrame({"age": rng.normal(size=m), "children": children, "any": (children > 0).astype(int)})

    few, many = drawn(int(rng.integers(60, 400)), 1), drawn(int(rng.integers(60, 400)), 5)
    changes = []
    for names in (["children", "any", "age"], ["age", "any", "children"]):
        for pair in ((few[names], many[names]), (many[names], few[names])):
            found = pm.shift(*pair, resamples=199, rng=seed)
            assert found.shifted
            assert "children" in found.moved
            assert not found.reason
            changes.append(found.entropy_change)
    assert changes[3] == pytest.approx(changes[1], abs=1e-9)


def test_columns_that_depend_on_each_other_in_one_sample_alone_and_are_never_counted_have_a_reason_that_helps():
    rng = np.random.default_rng(3)
    few, many = rng.normal(size=(100, 3)), rng.normal(size=(200, 3))
    many[:, 1:] = rng.poisson(0.7, (200, 2))
    few[:, 1:] = rng.integers(0, 2, (100, 1))
    found = pm.shift(many, few, resamples=99, rng=0)
    assert np.isnan(found.entropy_change)
    assert "linear function of others" in found.reason
    assert found.reason.endswith("in one of the samples and not in the other; drop it")
    place = int(re.search(r"column (\d) is", found.reason)[1])
    found = pm.shift(np.delete(many, place, 1), np.delete(few, place, 1), resamples=99, rng=0)
    assert np.isfinite([found.entropy_change, found.entropy_change_error]).all()


@pytest.mark.parametrize("seed", range(12))
def test_a_column_of_two_numbers_hides_no_other(seed):
    """Squares about the median of such a column can be equal in all blocks: their differences are rounding, no unit."""
    rng = np.random.default_rng([seed, 45])
    sizes = rng.integers(300, 3000, 2)
    pair, values = [], rng.choice([0.0, 1.0, -1.0, 29.0, 30.0, 0.1, 1e9], 2, replace=False)
    share = rng.choice([0.3, 0.5, 0.5])
    for away, rows in zip((0.0, 1.0), sizes, strict=True):
        flag = np.where(rng.random(rows) < share, *values)
        pair.append(np.column_stack([flag, rng.normal(away, 1.0, size=rows)]))
    weights = tuple(rng.exponential(size=rows) for rows in sizes) if seed % 3 == 2 else None
    found = rows_of(pm.shift(*pair, weights=weights, block=1 + seed % 2, resamples=99, rng=seed))
    assert found["column 1"]["p_value"] == 0.01


@pytest.mark.parametrize("seed", range(12))
def test_a_column_that_is_the_same_in_all_blocks_has_not_moved(seed):
    """Means of such blocks differ by rounding, which is that of the rows and not of the means about the centre."""
    rng = np.random.default_rng([seed, 46])
    rows = int(rng.integers(3, 25))
    day = rng.choice([0.0, 0.1, 1.0, 7.3], rows)
    pair = []
    for away in (0.0, 1.5):
        days = int(rng.integers(10, 150))
        pair.append(np.column_stack([np.tile(day, days), rng.normal(away, 1.0, size=rows * days)]))
    same = pm.shift(*(X[:, :1] for X in pair), block=rows, resamples=99, rng=seed)
    assert same.p_value == 1.0
    found = rows_of(pm.shift(*pair, block=rows, resamples=99, rng=seed))
    assert found["column 0"]["p_value"] > 0.5
    assert found["column 1"]["p_value"] == 0.01


def test_an_energy_that_is_the_same_in_all_rows_has_not_changed():
    """Predictions of 0.5 have the loss ln 2 for both labels."""
    for seed in range(8):
        rng = np.random.default_rng([seed, 47])
        sizes = rng.integers(500, 4000), rng.integers(40, 200)
        pair = [(rng.normal(k, 1.0, size=(m, 1)), rng.integers(0, 2, m)) for k, m in enumerate(map(int, sizes))]
        found = rows_of(pm.shift(*pair, model=lambda X: np.full(len(X), 0.5), energy="ce", resamples=99, rng=seed))
        assert found["(energy)"]["p_value"] == 1.0
        assert found["column 0"]["p_value"] == 0.01
