"""Slow, independent answers about the cross entropy of labelled rows: many digits, and exact separation."""

from __future__ import annotations

import mpmath
import numpy as np
import numpy.typing as npt
from scipy.optimize import linprog

from pyrometer import _core

Array = npt.NDArray[np.float64]


def solve(X, y, intercept=True, threads=1):
    """One system through the core: value, parameters, gap, attained, rank, iterations."""
    X = np.ascontiguousarray(X)
    y = np.ascontiguousarray(y, dtype=X.dtype)
    return tuple(answer[0] for answer in _core.logistic(X[None], y[None], intercept, threads))


def labelled(m, p, seed=0, scale=1.0, intercept=0.3):
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((m, p))
    t = X @ rng.standard_normal(p) * (scale / np.sqrt(max(p, 1))) + intercept
    return X, (rng.random(m) < 1 / (1 + np.exp(-t))).astype(float)


def with_constant(X, intercept=True) -> Array:
    return np.column_stack([X, np.ones(len(X))]) if intercept else np.asarray(X, dtype=float)


def energy(X, y, theta, intercept=True, digits=50) -> mpmath.mpf:
    """The mean loss with many digits, from the doubles as they are."""
    with mpmath.workdps(digits):
        total = mpmath.mpf(0)
        for row, label in zip(with_constant(X, intercept), y, strict=True):
            t = mpmath.fdot([mpmath.mpf(float(v)) for v in row], [mpmath.mpf(v) for v in theta])
            total += mpmath.log1p(mpmath.exp(t if label == 0 else -t))
        return total / len(y)


def newton(X, y, start, intercept=True, digits=40) -> tuple[mpmath.mpf, list[mpmath.mpf]]:
    """The minimum by Newton's method at `digits` digits, from near it."""
    with mpmath.workdps(digits):
        rows = [[mpmath.mpf(float(v)) for v in row] for row in with_constant(X, intercept)]
        theta = [mpmath.mpf(float(v)) for v in start]
        n = len(theta)
        for _ in range(40):
            gradient, hessian = mpmath.zeros(n, 1), mpmath.zeros(n, n)
            for row, label in zip(rows, y, strict=True):
                p = 1 / (1 + mpmath.exp(-mpmath.fdot(row, theta)))
                for j in range(n):
                    gradient[j] += (p - int(label)) * row[j]
                    for k in range(n):
                        hessian[j, k] += p * (1 - p) * row[j] * row[k]
            step = mpmath.lu_solve(hessian, gradient)
            theta = [a - b for a, b in zip(theta, step, strict=True)]
            if mpmath.norm(step) < mpmath.mpf(10) ** (-digits // 2 - 5) * (1 + mpmath.norm(mpmath.matrix(theta))):
                break
        return energy(X, y, theta, intercept, digits), theta


def separated_rows(X, y, intercept=True) -> npt.NDArray[np.bool_]:
    """The rows that some direction without a loser puts strictly on their label's side.

    Maximises sum_i s_i over directions d with s_i <= (2 y_i - 1) x_i . d and 0 <= s_i <= 1: where it can be positive it
    is 1, because directions add up and scale.
    """
    Z = (2 * np.asarray(y, dtype=float) - 1)[:, None] * with_constant(X, intercept)
    m, n = Z.shape
    result = linprog(
        np.concatenate([np.zeros(n), -np.ones(m)]),
        A_ub=np.hstack([-Z, np.eye(m)]),
        b_ub=np.zeros(m),
        bounds=[(None, None)] * n + [(0, 1)] * m,
        method="highs",
    )
    assert result.status == 0
    return result.x[n:] > 0.5
