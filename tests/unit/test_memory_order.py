"""Rows that are stored by columns, as Fortran and most data frames do: the same bits, without a copy of the data."""

import numpy as np
import pandas as pd
import polars as pl
import pytest

import pyrometer as pm

RNG = np.random.default_rng(12)
LAW = pm.Normal(1.5)


def by_columns(X):
    """Return a copy whose systems are stored by columns."""
    return np.ascontiguousarray(X.swapaxes(-1, -2)).swapaxes(-1, -2)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("stack", [(), (2, 3)])
def test_both_orders_have_the_same_bits(dtype, weighted, stack):
    for p in (1, 2, 5, 8, 10, 14, 15, 16, 40):
        for m in (1, 7, 130, 1500):
            X, y = RNG.normal(3.0, size=(*stack, m, p)).astype(dtype), RNG.normal(size=(*stack, m)).astype(dtype)
            turned, w = by_columns(X), np.broadcast_to(RNG.uniform(0.5, 2.0, m), y.shape) if weighted else None
            one, other = pm.Moments.of(X, y, weights=w), pm.Moments.of(turned, y, weights=w)
            assert np.array_equal(one.scatter, other.scatter)
            assert np.array_equal(one.mean, other.mean)
            for a, b in (
                (pm.LinearRegression(Z, y, energy="mae", weights=w) for Z in (X, turned)),
                (pm.LogisticRegression(Z, y > 0.0, weights=w) for Z in (X, turned)),
            ):
                assert np.array_equal(pm.mean_energy(a, LAW).value, pm.mean_energy(b, LAW).value)


def test_what_needs_rows_by_rows_makes_them():
    X, y = RNG.normal(size=(400, 3)), RNG.normal(size=400)
    classes = np.digitize(y, [-0.5, 0.5])
    turned = np.asfortranarray(X)
    for make in (
        lambda Z: pm.LinearRegression(Z, y, energy="mae"),
        lambda Z: pm.LogisticRegression(Z, y > 0.0),
        lambda Z: pm.SoftmaxRegression(Z, classes),
    ):
        for ask in (
            lambda system: pm.minimum_energy(system).value,
            lambda system: pm.mean_energy(system, LAW).value,
            lambda system: pm.mean_energy(system, pm.Uniform(1.0), method="monte-carlo", samples=50, rng=1).value,
        ):
            assert ask(make(turned)) == ask(make(X))
    assert pm.mean_energy(pm.LinearRegression(turned, y, energy="mae"), pm.Uniform(1.0)) == pm.mean_energy(
        pm.LinearRegression(X, y, energy="mae"), pm.Uniform(1.0)
    )


def test_memory_is_shared():
    X, y = np.asfortranarray(RNG.normal(size=(50, 4))), RNG.normal(size=50)
    for data in (X, pd.DataFrame(X, copy=False), pd.DataFrame(np.ascontiguousarray(X), copy=False)):
        system = pm.LinearRegression(data, y, energy="mae")
        assert np.shares_memory(system.X, data.to_numpy() if isinstance(data, pd.DataFrame) else X)
        pm.mean_energy(system, LAW)
        assert np.shares_memory(system.X, data.to_numpy() if isinstance(data, pd.DataFrame) else X)


@pytest.mark.parametrize("columns", [[0, 1, 2, 3], [1, 0], [3, 1], [2], [0, 0], [0, 2]])
def test_columns_of_frames_keep_their_order(columns):
    X = np.asfortranarray(RNG.normal(size=(30, 4)))
    names = [f"c{j}" for j in range(len(columns))]
    expected = pm.Moments.of(X[:, columns], X[:, 0]).mean
    chosen = pd.DataFrame({name: pd.Series(X[:, j], copy=False) for name, j in zip(names, columns, strict=True)})
    for frame in (chosen, pd.DataFrame(X)[columns] if len(set(columns)) == len(columns) else chosen):
        assert np.array_equal(pm.Moments.of(frame, X[:, 0]).mean, expected)
    assert np.array_equal(
        pm.Moments.of(pl.DataFrame(dict(zip(names, X.T[columns], strict=True))), X[:, 0]).mean, expected
    )
    mixed = pd.DataFrame(
        {name: X[:, j].astype(np.float32 if j % 2 else float) for name, j in zip(names, columns, strict=True)}
    )
    assert pm.Moments.of(mixed, X[:, 0]).mean == pytest.approx(expected, rel=1e-6)


def test_the_first_bad_row_is_named():
    X, y = np.asfortranarray(RNG.normal(size=(3000, 5))), RNG.normal(size=3000)
    X[20, 4] = X[100, 0] = np.nan
    for make in (pm.Moments.of, pm.LinearRegression, lambda Z, t: pm.LinearRegression(Z, t, energy="mae")):
        with pytest.raises(ValueError, match=r"^X must be finite, got nan at row 20, column 4"):
            make(X, y)
        with pytest.raises(ValueError, match="no missing values, got 1 in column 'c0'"):
            make(pd.DataFrame(X, columns=[f"c{j}" for j in range(5)]), y)
