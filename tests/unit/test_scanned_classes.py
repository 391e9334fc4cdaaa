"""Minima of classes whose rows stay on disk: those of the same rows in memory, with and without separated classes."""

from __future__ import annotations

import warnings

import numpy as np
import pyarrow as pa
import pytest
from scipy.special import logsumexp, softmax

import pyrometer as pm
from pyrometer import _core
from pyrometer.data import _scan

ROWS = 9000


@pytest.fixture(autouse=True)
def small_memory(monkeypatch):
    """A sample of 4096 rows at most."""
    monkeypatch.setattr(_scan, "_CELLS", 1)


def rows(classes, seed=0, p=3):
    rng = np.random.default_rng(seed)
    X = rng.normal([3.0, 0.0, 1e3][:p], [1.0, 1e-2, 20.0][:p], size=(ROWS, p))
    logits = (X - X.mean(axis=0)) / X.std(axis=0) @ rng.normal(size=(p, classes))
    return X, (logits + rng.gumbel(size=(ROWS, classes))).argmax(axis=1)


def both(X, y, classes, *, weights=None, **options):
    """The minimum out-of-core, and that in memory."""
    names = tuple(f"class {c}" for c in range(classes))
    labels = np.array(names)[y]
    columns = {f"x{j}": column for j, column in enumerate(X.T)} | {"y": labels}
    if weights is not None:
        columns["w"] = weights
        options["weights"] = "w"
    system = pm.SoftmaxRegression.scan(pa.table(columns), target="y", labels=names, chunk_rows=1777, **options)
    assert not system.scanned.complete
    options.pop("weights", None)
    held = pm.SoftmaxRegression(X, labels, labels=names, weights=weights, **options)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pm.SeparationWarning)
        return pm.minimum_energy(system), pm.minimum_energy(held)


def require_equal(found, held):
    assert abs(found.value - held.value) <= found.gap + held.gap
    assert found.gap <= 1e-9 * found.value or (found.value == 0.0 and found.gap < 1e-15)
    assert (found.attained, found.rank, found.method) == (held.attained, held.rank, held.method)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("classes", [2, 3, 6])
def test_overlapping_classes(classes, intercept):
    X, y = rows(classes)
    w = np.random.default_rng(1).integers(0, 3, size=ROWS) * 0.7
    for weights in (None, w):
        found, held = both(X, y, classes, intercept=intercept, weights=weights)
        require_equal(found, held)
        assert found.attained
        errors = found.parameter_error + held.parameter_error
        assert (np.abs(found.parameters - held.parameters) <= errors).all()
        assert errors.max() < 1e-6 * np.abs(held.parameters).max()
        theta = found.parameters.reshape(classes, -1)
        Z = X @ theta[:, :3].T + (theta[:, 3] if intercept else 0.0)
        losses = logsumexp(Z, axis=1) - Z[np.arange(ROWS), y]
        assert found.value == pytest.approx(np.average(losses, weights=weights), rel=1e-12)


@pytest.mark.parametrize("classes", [2, 4])
def test_columns_that_depend_on_others(classes):
    X, y = rows(classes)
    kind = np.random.default_rng(2).integers(0, 3, ROWS)
    found, held = both(np.column_stack([X, X[:, 0] - X[:, 1], np.eye(3)[kind]]), y, classes)
    require_equal(found, held)
    assert found.rank == 5
    with pytest.warns(pm.ConstantColumnWarning):
        found, held = both(np.column_stack([X, np.full(ROWS, 7.3)]), y, classes)
    require_equal(found, held)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("classes", [2, 4])
def test_classes_that_are_separated(classes, intercept):
    X, _ = rows(classes)
    X = X - X.mean(axis=0) * (not intercept)
    theta = np.random.default_rng(3).normal(size=(classes, 3)) / X.std(axis=0)
    found, held = both(X, ((X - X.mean(axis=0) * intercept) @ theta.T).argmax(axis=1), classes, intercept=intercept)
    require_equal(found, held)
    assert found.value == 0.0


@pytest.mark.parametrize("count", [3, 900])
@pytest.mark.parametrize("classes", [2, 3, 5])
def test_classes_that_are_separated_in_part(classes, count):
    """A rare value of a column that all rows of one class have; of 3 rows the sample may have none."""
    X, y = rows(classes)
    rare = np.zeros(ROWS, dtype=bool)
    rare[np.random.default_rng(4).choice(ROWS, count, replace=False)] = True
    y = np.where(rare, 1, y)
    found, held = both(np.column_stack([X, rare]), y, classes)
    require_equal(found, held)
    assert not found.attained
    assert found.value == pytest.approx(held.value, rel=1e-12)
    left = pm.minimum_energy(pm.SoftmaxRegression(X[~rare], y[~rare]))
    assert found.value == pytest.approx(left.value * np.mean(~rare), rel=1e-12)
    theta = found.parameters.reshape(classes, -1)
    Z = np.column_stack([X, rare, np.ones(ROWS)]) @ theta.T
    losses = logsumexp(Z, axis=1) - Z[np.arange(ROWS), y]
    assert losses.mean() == pytest.approx(found.value, rel=1e-10)
    assert losses[rare].max() < 1e-10


@pytest.mark.parametrize("sharp", [30.0, 200.0])
def test_classes_separated_in_part_and_others_far_apart(sharp):
    """Classes that are far below a row's own dominate the Hessian: the bound closes without them only."""
    rng = np.random.default_rng(16)
    X = rng.normal(size=(ROWS, 3))
    y = (sharp * X @ rng.normal(size=(3, 6)) + rng.gumbel(size=(ROWS, 6))).argmax(axis=1)
    rare = [5, 70, 4000]
    y[rare] = 0, 1, 2
    found, held = both(np.column_stack([X, np.isin(np.arange(ROWS), rare)]), y, 6)
    assert abs(found.value - held.value) <= found.gap + held.gap
    assert found.gap <= 1e-6 * found.value
    assert not found.attained


def test_classes_that_one_class_of_rows_separates():
    """Class 2 has a column to itself: its rows have no loss, and the others two classes left."""
    X, y = rows(2)
    rare = np.arange(ROWS) % 3 == 0
    found, held = both(np.column_stack([X, rare]), np.where(rare, 2, y), 3)
    require_equal(found, held)
    left = pm.minimum_energy(pm.LogisticRegression(X[~rare], y[~rare]))
    assert found.value == pytest.approx(left.value * np.mean(~rare), rel=1e-12)


def test_classes_without_rows_and_with_one():
    X, y = rows(3)
    found, held = both(X, np.where(y == 1, 0, y), 3)
    require_equal(found, held)
    assert not found.attained
    y = np.where(y == 1, 0, y)
    y[ROWS - 2] = 1
    found, held = both(X, y, 3)
    require_equal(found, held)
    with pytest.warns(pm.ConstantColumnWarning):
        found, held = both(X, np.full(ROWS, 2), 3)
    require_equal(found, held)
    found, held = both(X, np.where(y == 1, 0, y), 3, intercept=False)
    require_equal(found, held)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sums_over_rows_at_parameters(dtype):
    X, y = rows(3)
    X, w = X.astype(dtype), np.random.default_rng(5).exponential(size=ROWS)
    shift, theta = X.mean(axis=0).astype(float), np.random.default_rng(6).normal(size=8)
    allowed = np.random.default_rng(7).random((ROWS, 3)) < 0.7
    allowed[np.arange(ROWS), y] = True
    D = np.column_stack([X.astype(float) - shift, np.ones(ROWS)])
    Z = np.where(allowed, D @ np.vstack([theta.reshape(2, 4), np.zeros(4)]).T, -np.inf)
    P = softmax(Z, axis=1)
    slope = w[:, None] * (P - np.eye(3)[y])
    args = X, y.astype(dtype), 3, True, shift, theta
    found = _core.evaluate_softmax(*args, True, 1, w, allowed.astype(np.uint8))
    assert found[0] == pytest.approx(w @ (logsumexp(Z, axis=1) - Z[np.arange(ROWS), y]), rel=1e-12)
    np.testing.assert_allclose(found[3], (np.abs(slope[:, :2]).T @ np.abs(D)).ravel(), rtol=1e-11)
    assert (np.abs(found[2] - (slope[:, :2].T @ D).ravel()) <= 1e-12 * found[3]).all()
    np.testing.assert_array_equal(found[4], np.abs(D).max(axis=0))
    hessian = [[(D.T * (w * P[:, c] * ((c == d) - P[:, d]))) @ D for d in range(2)] for c in range(2)]
    np.testing.assert_allclose(found[5], np.block(hessian), rtol=1e-9, atol=1e-9 * np.abs(found[5]).max())
    again = _core.evaluate_softmax(*args, False, 3, w, allowed.astype(np.uint8))
    assert again[:2] == found[:2]
    assert again[2].tobytes() == found[2].tobytes()
    assert again[5].shape == (0, 0)
    with pytest.raises(ValueError, match=r"shift \(p,\) and theta \(k n,\)"):
        _core.evaluate_softmax(*args[:5], theta[1:], True, 1)
    with pytest.raises(ValueError, match=r"allowed must have shape \(m, C\)"):
        _core.evaluate_softmax(*args, True, 1, w, np.ones((ROWS, 2), dtype=np.uint8))


def test_nearly_dependent_columns_are_refused():
    X, y = rows(3)
    X[:, 2] = X[:, 0] + 1e-7 * np.random.default_rng(0).normal(size=ROWS)
    with pytest.raises(ValueError, match="columns may be nearly dependent.*in memory: .*or drop some"):
        both(X, y, 3)
    found = pm.minimum_energy(pm.SoftmaxRegression(X, y))  # what the message advises
    assert found.gap < 1e-9 * found.value
    found, held = both(X[:, :2], y, 3)
    require_equal(found, held)
