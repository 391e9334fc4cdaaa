"""Bounds of the parameters of cross entropies where several rows hold one fill value, against Newton's method."""

import warnings

import mpmath
import numpy as np
import pytest

import pyrometer as pm


def rows_with_fills(seed):
    """Ordinary columns and classes by chance; a column, or two, with one fill in rows that often share a class."""
    rng = np.random.default_rng([57, seed])
    m, p, classes = int(rng.integers(16, 40)), int(rng.integers(2, 4)), int(rng.integers(2, 5))
    X = rng.normal(size=(m, p)) if seed % 2 else np.round(20 + 5 * rng.normal(size=(m, p)), 1)
    labels = rng.integers(0, classes, m)
    labels[:classes] = range(classes)
    for j in range(int(rng.integers(1, p))):
        filled = classes + rng.choice(m - classes, int(rng.integers(2, 5)), replace=False)
        X[filled, j] = 10.0 ** int(rng.integers(6, 13))
        if rng.random() < 0.8:
            labels[filled] = rng.integers(classes)
    return X, labels, classes


def minimiser(X, labels, theta):
    """From theta, parameters of all classes but the last, in 60 digits; None if Newton's method does not converge."""
    A = np.array([[mpmath.mpf(v) for v in [*row, 1.0]] for row in X.tolist()])
    others, n = theta.shape
    theta = np.array([[mpmath.mpf(v) for v in row] for row in theta.tolist()])
    Y = labels[:, None] == np.arange(others)
    exponential = np.vectorize(mpmath.exp, otypes=[object])
    for _ in range(12):
        Z = A @ theta.T
        most = np.maximum(Z.max(axis=1, keepdims=True), 0)
        P = exponential(Z - most)
        P = P / (P.sum(axis=1, keepdims=True) + exponential(-most))
        gradient, hessian = mpmath.matrix((P - Y).T.dot(A).ravel().tolist()), mpmath.matrix(others * n)
        for c in range(others):
            for d in range(others):
                block = A.T @ (A * (P[:, c] * (int(c == d) - P[:, d]))[:, None])
                for i in range(n):
                    for j in range(n):
                        hessian[c * n + i, d * n + j] = block[i, j]
        step = mpmath.lu_solve(hessian, gradient)
        theta = theta - np.array(list(step)).reshape(others, n)
        if mpmath.norm(step) < 1e-30 * (1 + np.abs(theta).max()):
            return theta
    return None


@pytest.mark.parametrize("first", range(0, 32, 8))
def test_parameters_are_as_near_to_the_minimiser_as_their_bounds_say(first):
    checked = 0
    for seed in range(first, first + 8):
        X, labels, classes = rows_with_fills(seed)
        binary = classes == 2
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = pm.minimum_energy((pm.LogisticRegression if binary else pm.SoftmaxRegression)(X, labels))
        if not found.attained:
            continue
        shape = (1 if binary else classes, X.shape[1] + 1)
        theta, error = found.parameters.reshape(shape), found.parameter_error.reshape(shape)
        with mpmath.workdps(60):
            exact = minimiser(X, 1 - labels if binary else labels, theta if binary else theta[:-1] - theta[-1])
            if exact is None:
                continue
            if not binary:
                exact = np.vstack([exact, exact[:1] * 0])
                exact = exact - exact.sum(axis=0) / classes
            distance = np.abs(exact - theta).astype(float)
        assert (distance <= error).all(), (seed, distance, error)
        assert (error[np.isfinite(error)] <= 1e-4 * (1 + np.abs(theta).max())).all(), (seed, error)
        checked += 1
    assert checked >= 5
