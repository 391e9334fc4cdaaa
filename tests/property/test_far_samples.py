"""Two samples of different places and widths: divergences and deviations against exact covariances."""

from fractions import Fraction

import mpmath
import numpy as np
import pyarrow as pa
import pytest

import pyrometer as pm

CASES = range(60)


def _samples(seed):
    """Rows before and after; a fill value in one of them, or means that are many deviations apart."""
    rng = np.random.default_rng(seed)
    p, kind = int(rng.integers(1, 4)), seed % 3
    size = 10.0 ** rng.uniform(-3.0, 3.0, p)
    before, after = (rng.normal(size=(int(rng.integers(24, 40)), p)) * size for _ in range(2))
    fill = size[0] * 10.0 ** rng.uniform(3.0, 14.0)
    if kind == 2:
        after += size * 10.0 ** rng.uniform(0.0, 12.0, p)
    else:
        (before, after)[kind][3, 0] = fill
    return before, after


def _moments(X):
    """Means and covariance of rows of doubles, from exact sums."""
    columns = [[Fraction(float(x)) for x in column] for column in X.T]
    means = [sum(column) / len(X) for column in columns]
    of = [[x - mean for x in column] for column, mean in zip(columns, means, strict=True)]
    exact = [[sum(x * y for x, y in zip(a, b, strict=True)) / len(X) for a in of] for b in of]
    number = lambda value: mpmath.mpf(value.numerator) / value.denominator  # noqa: E731
    return [number(mean) for mean in means], mpmath.matrix([[number(value) for value in row] for row in exact])


def _divergence(before, after):
    """Divergence of Gaussians, with columns in units of their deviations before."""
    (mean, covariance), (other, changed) = _moments(before), _moments(after)
    unit = [mpmath.sqrt(covariance[j, j]) for j in range(len(mean))]
    scaled = lambda C: mpmath.matrix([[C[j, k] / unit[j] / unit[k] for k in range(C.cols)] for j in range(C.rows)])  # noqa: E731
    first, second = scaled(covariance), scaled(changed)
    inverse = first**-1
    away = mpmath.matrix([(b - a) / u for a, b, u in zip(mean, other, unit, strict=True)])
    trace = sum((inverse * second)[j, j] for j in range(len(mean)))
    logarithm = mpmath.log(mpmath.det(first)) - mpmath.log(mpmath.det(second))
    return float((trace + (away.T * inverse * away)[0] - len(mean) + logarithm) / 2)


@pytest.mark.parametrize("seed", CASES)
def test_divergences_of_samples_far_apart_agree_with_exact_covariances(seed):
    before, after = _samples(seed)
    with mpmath.workdps(80):
        expected = _divergence(before, after)
        of_columns = [_divergence(before[:, [j]], after[:, [j]]) for j in range(before.shape[1])]
        deviations = [[float(mpmath.sqrt(_moments(X)[1][j, j])) for j in range(X.shape[1])] for X in (before, after)]
    found = pm.shift(before, after, resamples=99, rng=0, threads=1)
    assert found.divergence == pytest.approx(expected, rel=1e-11, abs=1e-12)
    assert found.cross_entropy == found.entropy_change + found.divergence
    table = found.columns
    for j in range(before.shape[1]):
        row = list(table["column"]).index(f"column {j}")
        assert table["divergence"][row] == pytest.approx(of_columns[j], rel=1e-11, abs=1e-12)
        assert [table["deviation_before"][row], table["deviation_after"][row]] == pytest.approx(
            [deviations[0][j], deviations[1][j]], rel=1e-11
        )
        for when, X, deviation in zip(
            ("before", "after"), (before, after), (each[j] for each in deviations), strict=True
        ):
            assert abs(table[when][row] - float(_moments(X)[0][j])) <= 1e-15 * (np.abs(X[:, j]).mean() + deviation)
    if seed % 3 == 2:  # neither has a fill value: every resample has a density
        assert not found.reason
        assert np.isfinite([found.entropy_change_error, found.divergence_error]).all()
        assert np.isfinite(table["standard_error"][np.asarray(table["column"]) != "(joint)"]).all()


@pytest.mark.parametrize("seed", range(6))
def test_a_fill_value_far_beyond_the_others_changes_no_other_mean_and_no_rank(seed):
    """At 10^100 of a deviation the divergence is not computed; the p-values are those at 10^30."""
    rng = np.random.default_rng(seed)
    samples = [rng.normal(size=(int(rng.integers(24, 40)), 2)) + 0.4 * k * (seed % 3) for k in range(2)]
    results = []
    for far in (1e30, 1e100):
        samples[seed % 2][3, 0] = far
        results.append(pm.shift(*samples, resamples=99, rng=0, threads=1))
    near, found = (list(each.columns["column"]).index("column 0") for each in results)
    assert results[1].p_value == results[0].p_value
    assert results[1].columns["p_value"][found] == results[0].columns["p_value"][near]
    assert np.isnan(results[1].columns["divergence"][found])
    assert np.isnan(results[1].divergence)
    for when, X in zip(("before", "after"), samples, strict=True):
        mean, covariance = _moments(X[:, :1])
        assert results[1].columns[when][found] == pytest.approx(float(mean[0]), rel=1e-12)
        assert results[1].columns[f"deviation_{when}"][found] == pytest.approx(float(mpmath.sqrt(covariance[0])))


def test_resamples_without_a_density_say_which_column_has_none():
    rng = np.random.default_rng(0)
    before, after = rng.normal(size=(40, 2)), rng.normal(size=(40, 2))
    before[3, 1] = 1e12
    reason = pm.shift(before, after, resamples=99, rng=0, threads=1).reason
    assert "without a few of the rows column 1 is constant, or its variance is lost in rounding" in reason
    assert "use more rows" not in reason
    wide = pm.shift(rng.normal(size=(14, 12)), rng.normal(size=(14, 12)), resamples=99, rng=0, threads=1)
    assert "99 of 99 resamples of the rows have no density; use more rows" in wide.reason


@pytest.mark.parametrize("seed", range(8))
def test_errors_of_samples_far_apart_are_those_of_near_ones(seed):
    rng = np.random.default_rng(seed)
    before, after = np.round(rng.normal(size=(40, 2)), 6), np.round(1.5 * rng.normal(size=(30, 2)), 6)
    near, far = (pm.shift(before, after + away, resamples=99, rng=0, threads=1) for away in (0.0, 2.0**30))
    assert far.entropy_change_error == pytest.approx(near.entropy_change_error, rel=1e-6)


@pytest.mark.parametrize("fill", [10.0, 1e3, 1e4])
def test_columns_with_missing_numbers_agree_with_the_numbers_there_are(fill):
    rng = np.random.default_rng(3)
    before, after = rng.normal(size=(2, 60, 2))
    before[5, 0] = fill
    before[:7:3, 0] = after[10:20, 0] = np.nan
    names = ["a", "b"]
    frames = [
        pa.table({name: pa.array(X[:, j], from_pandas=True) for j, name in enumerate(names)}) for X in (before, after)
    ]
    table = pm.shift(*frames, resamples=99, rng=0, threads=1).columns
    row = list(table["column"]).index("a")
    first, second = (X[~np.isnan(X[:, 0]), 0] for X in (before, after))
    assert table["deviation_after"][row] == pytest.approx(second.std(), rel=1e-9)
    ratio = (second.std() / first.std()) ** 2
    normal = 0.5 * (ratio + ((second.mean() - first.mean()) / first.std()) ** 2 - 1.0 - np.log(ratio))
    counts = np.array([[len(first), 60 - len(first)], [len(second), 60 - len(second)]], dtype=float)
    p, q = (counts + counts.sum(axis=0) / 120.0) / 61.0
    expected = len(second) / 60.0 * normal + (q * np.log(q / p)).sum()
    assert table["divergence"][row] == pytest.approx(expected, rel=1e-9)
