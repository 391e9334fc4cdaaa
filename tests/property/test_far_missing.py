"""Columns with missing numbers, far from what stands for them: entropies and divergences against exact moments."""

import pickle
from fractions import Fraction

import mpmath
import numpy as np
import pyarrow as pa
import pytest

import pyrometer as pm

CASES = range(100)
HALF = mpmath.mpf(1) / 2


def _samples(seed):
    """Rows before and after with missing numbers, and weights: a fill value in one of them, or distant means."""
    rng = np.random.default_rng(seed)
    p, kind = int(rng.integers(1, 4)), seed % 3
    rows = rng.integers(24, 40, 2)
    size = 10.0 ** rng.uniform(-3.0, 3.0, p)
    before, after = (rng.normal(size=(m, p)) * size for m in rows)
    if kind == 2:
        after += size * 10.0 ** rng.uniform(0.0, 12.0, p)
    else:
        (before, after)[kind][3, 0] = size[0] * 10.0 ** rng.uniform(0.0, 12.0)
    for X in (before, after):
        lost = [rng.permutation(np.arange(4, len(X)))[: rng.integers(1, 9)] for _ in range(p)]
        for j in range(p):
            X[lost[0] if seed % 5 == 4 else lost[j], j] = np.nan
    return before, after, [rng.uniform(0.2, 3.0, m) if seed % 2 else np.ones(m) for m in rows]


def _frame(X):
    return pa.table({f"c{j}": pa.array(column, from_pandas=True) for j, column in enumerate(X.T)})


def _number(value):
    return mpmath.mpf(value.numerator) / value.denominator


def _moments(columns, weights):
    """Means and covariance of columns of fractions."""
    total = sum(weights)
    means = [sum(w * x for w, x in zip(weights, column, strict=True)) / total for column in columns]
    of = [[x - mean for x in column] for column, mean in zip(columns, means, strict=True)]
    exact = [[sum(w * x * y for w, x, y in zip(weights, a, b, strict=True)) / total for a in of] for b in of]
    return [_number(mean) for mean in means], mpmath.matrix([[_number(value) for value in row] for row in exact])


def _entropy(covariance):
    return HALF * (covariance.rows * mpmath.log(2 * mpmath.pi * mpmath.e) + mpmath.log(mpmath.det(covariance)))


def _divergence(before, after):
    (mean, covariance), (other, changed) = before, after
    inverse = covariance**-1
    away = mpmath.matrix([b - a for a, b in zip(mean, other, strict=True)])
    trace = sum((inverse * changed)[j, j] for j in range(len(mean)))
    logarithm = mpmath.log(mpmath.det(covariance)) - mpmath.log(mpmath.det(changed))
    return HALF * (trace + (away.T * inverse * away)[0] - len(mean) + logarithm)


def _single(moments, j):
    return [moments[0][j]], mpmath.matrix([[moments[1][j, j]]])


class _Sample:
    """Exact moments of the numbers that are there, and of all with those that stand for missing ones."""

    def __init__(self, X, weights, fill=None):
        self.weights = [Fraction(float(w)) for w in weights]
        self.present, self.shares, self.fill, filled = [], [], [], []
        for j, column in enumerate(X.T):
            there = [k for k, x in enumerate(column) if not np.isnan(x)]
            numbers, own = [Fraction(float(column[k])) for k in there], [self.weights[k] for k in there]
            self.present.append(_moments([numbers], own))
            mean = sum(w * x for w, x in zip(own, numbers, strict=True)) / sum(own)
            self.fill.append(mean if fill is None else fill[j])
            self.shares.append((sum(own), sum(self.weights) - sum(own)))
            filled.append([self.fill[j] if np.isnan(x) else Fraction(float(x)) for x in column])
        self.filled = _moments(filled, self.weights)

    @property
    def total(self):
        return sum(self.weights)

    @property
    def entropy(self):
        value = _entropy(self.filled[1])
        for j, present in enumerate(self.present):
            shares = [_number(each / self.total) for each in self.shares[j]]
            value += shares[0] * _entropy(present[1]) - _entropy(_single(self.filled, j)[1])
            value -= sum(share * mpmath.log(share) for share in shares)
        return value

    @property
    def unexplained(self):
        """Least share of the variance of a coordinate that the others leave, where missing ones have their numbers."""
        inverse = self.filled[1] ** -1
        return min(1 / (inverse[j, j] * self.filled[1][j, j]) for j in range(inverse.rows))


def _of_shares(old, new, one):
    pool = [a + b for a, b in zip(old, new, strict=True)]
    pool = [one * each / sum(pool) for each in pool]
    p, q = ([(a + b) / (sum(of) + one) for a, b in zip(of, pool, strict=True)] for of in (old, new))
    return sum(_number(b) * mpmath.log(_number(b / a)) for a, b in zip(p, q, strict=True))


def _divergences(before, after):
    """Divergence of all columns together, and of each."""
    rows = len(before.weights) + len(after.weights)
    one = min(Fraction(1), (before.total + after.total) / rows)
    total, each = _divergence(before.filled, after.filled), []
    for j in range(len(before.present)):
        share = _number(after.shares[j][0] / after.total)
        own = share * _divergence(before.present[j], after.present[j])
        each.append(own + _of_shares(before.shares[j], after.shares[j], one))
        total += each[j] - _divergence(_single(before.filled, j), _single(after.filled, j))
    return total, each


def _shift_or_error(before, after, weights):
    try:
        return pm.shift(before, after, weights=weights, resamples=99, rng=0, threads=1), ""
    except ValueError as error:
        return None, str(error)


@pytest.mark.parametrize("seed", CASES)
def test_columns_with_missing_numbers_agree_with_exact_moments_or_are_refused(seed):
    before, after, weights = _samples(seed)
    given = tuple(weights) if seed % 2 else None
    with mpmath.workdps(80):
        old = _Sample(before, weights[0])
        new = _Sample(after, weights[1], old.fill)
        least = float(min(old.unexplained, new.unexplained))
        total, each = _divergences(old, new)
        deviations = [[float(mpmath.sqrt(of.present[j][1][0, 0])) for of in (old, new)] for j in range(len(each))]
        means = [[float(of.present[j][0][0]) for of in (old, new)] for j in range(len(each))]
        entropies = [float(old.entropy), float(new.entropy)]
    found, error = _shift_or_error(_frame(before), _frame(after), given)
    if found is None:
        assert "are missing in the same rows depend on each other" in error
        assert least < 1e-12
        return
    near = pytest.approx
    tolerance = 1e-10 + 4e-15 / least
    assert [found.before.entropy, found.after.entropy] == near(entropies, rel=1e-10, abs=tolerance)
    assert found.entropy_change == near(entropies[1] - entropies[0], rel=1e-10, abs=2.0 * tolerance)
    assert found.divergence == near(float(total), rel=1e-10, abs=2.0 * tolerance)
    rows = {row["column"]: row for row in found.columns}
    for j, expected in enumerate(each):
        row = rows[f"c{j}"]
        assert row["divergence"] == near(float(expected), rel=1e-10, abs=1e-10)
        assert [row["deviation_before"], row["deviation_after"]] == near(deviations[j], rel=1e-10)
        assert [row["before"], row["after"]] == near(means[j], rel=1e-12, abs=1e-12 * max(deviations[j]))


@pytest.mark.parametrize("seed", [0, 1, 2, 5, 8, 11, 15, 20, 23, 26])
@pytest.mark.parametrize("grow", [False, True])
def test_monitors_agree_with_shifts_also_when_loaded(seed, grow, tmp_path):
    before, after, weights = _samples(seed)
    old_weights, new_weights = weights if seed % 2 else (None, None)
    old = pm.DataState(_frame(before), weights=old_weights)
    new = pm.DataState(_frame(after), weights=new_weights, like=old)
    monitor = pm.RefreshMonitor(old, None, run_length=20, rng=0, grow=grow)
    found, expected = monitor.update(_frame(after), weights=new_weights), pm.shift(old, new, resamples=99, rng=0)
    assert found.divergence == pytest.approx(expected.divergence, rel=1e-10, abs=1e-10)
    assert found.entropy_change == pytest.approx(expected.entropy_change, rel=1e-10, abs=1e-10)
    if grow:
        if new.columns.present:
            with pytest.raises(ValueError, match="near the one that stands for missing ones"):
                pm.RefreshMonitor(new, None, grow=True)
        return
    other = pm.RefreshMonitor(new, None, run_length=20, rng=0)
    other.save(tmp_path / "monitor")
    loaded = pm.RefreshMonitor.load(tmp_path / "monitor", None)
    twin = pm.RefreshMonitor(pickle.loads(pickle.dumps(new)), None, run_length=20, rng=0)
    divergences = [each.update(_frame(before), weights=old_weights).divergence for each in (other, loaded, twin)]
    assert divergences == [divergences[0]] * 3
    assert divergences[0] == pytest.approx(pm.shift(new, old, resamples=99, rng=0).divergence, rel=1e-10)


@pytest.mark.parametrize("fill", [1e100, 1e154, 1e158, 1e300])
def test_numbers_80_powers_of_ten_from_those_that_stand_for_missing_ones_are_refused(fill):
    before, after = np.random.default_rng(0).normal(size=(2, 40, 2))
    before[3, 0] = fill
    before[5:8, 0] = after[7:12, 0] = np.nan
    with pytest.raises(ValueError, match="after: X must have numbers within 80 powers of ten"):
        pm.shift(_frame(before), _frame(after), rng=0)


@pytest.mark.parametrize("away", 10.0 ** np.arange(1.0, 13.0))
def test_batches_far_from_a_reference_that_grows_are_compared_as_shifts_are(away):
    rng = np.random.default_rng(0)
    before, after = rng.normal(size=(80, 2)), rng.normal(size=(60, 2))
    before[3, 0] = away
    after[:, 1] += away
    found = pm.RefreshMonitor(pm.DataState(before), None, run_length=20, rng=0, grow=True).update(after)
    expected = pm.shift(before, after, resamples=99, rng=0)
    assert found.divergence == pytest.approx(expected.divergence, rel=1e-11)
    columns = {row["column"]: row["divergence"] for row in expected.columns}
    assert {row["column"]: row["divergence"] for row in found.columns} == pytest.approx(columns, rel=1e-9)
