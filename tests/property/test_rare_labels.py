"""Few labels of one class among many rows of smooth columns: peaks beside which far rows have margins of 1e7."""

import numpy as np
import pytest

import pyrometer as pm

M, LABELS = 50_000, 4


def powers():
    """Four rows of 50,000, and the powers 1 to 6 of a Gaussian column."""
    rng = np.random.default_rng([100_000, 6, 5, 2])
    x, labels = rng.standard_normal(2 * M), int(rng.integers(1, 7))
    rare = np.zeros(2 * M, bool)
    rare[rng.choice(2 * M, labels, replace=False)] = True
    x = np.r_[x[rare], x[~rare][: M - LABELS]]
    return np.column_stack([x**j for j in range(1, 7)]), np.arange(M) < LABELS


def decrement(X, y, theta):
    """The energy and the squared Newton decrement at parameters, in orthonormal columns of long doubles."""
    signs = np.where(y, 1, -1)
    columns = list(np.c_[np.ones(len(y)), X].astype(np.longdouble).T)
    for j in range(len(columns)):
        for k in (*range(j), *range(j)):
            columns[j] -= columns[k] * (columns[k] @ columns[j])
        columns[j] /= np.sqrt(columns[j] @ columns[j])
    Q = np.array(columns).T
    margins = signs * (X.astype(np.longdouble) @ theta[:-1] + theta[-1])
    p = 1 / (1 + np.exp(np.minimum(margins, 11_000)))
    slope, bent = Q.T @ (signs * p), (Q.T * (p * (1 - p))) @ Q
    size = np.sqrt(np.diag(bent))
    scaled = (slope / size).astype(float)
    square = scaled @ np.linalg.solve((bent / size / size[:, None]).astype(float), scaled)
    return float(np.mean(np.logaddexp(0, -margins))), square / len(y)


@pytest.mark.skipif(np.finfo(np.longdouble).eps > 1e-18, reason="long doubles are doubles")
def test_the_minimum_is_certified_in_any_order_of_the_rows():
    X, y = powers()
    order = np.random.default_rng(2).permutation(M)
    minimum, other = (pm.minimum_energy(pm.LogisticRegression(X[k], y[k])) for k in (order, slice(None)))
    assert minimum.attained
    assert other.attained
    assert min(minimum.digits, other.digits) > 10
    np.testing.assert_allclose(other.value, minimum.value, rtol=1e-10)
    energy, square = decrement(X, y, np.array(minimum.parameters, np.longdouble))
    np.testing.assert_allclose(energy, minimum.value, rtol=1e-11)
    assert square < 1e-9 * minimum.value
