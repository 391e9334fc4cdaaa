"""Least squares in exact-enough arithmetic, row by row: knows nothing of moments, factors or certificates."""

import mpmath


def energy(X, y, theta, *, intercept, l1=0.0, l2=0.0, penalise_intercept=True):
    """Mean squared residual and penalty at `theta`, the intercept last, at 60 digits."""
    with mpmath.workdps(60):
        theta = [mpmath.mpf(float(t)) for t in theta]
        weights, offset = (theta[:-1], theta[-1]) if intercept else (theta, 0)
        total = mpmath.mpf(0)
        for row, target in zip(X, y, strict=True):
            total += (float(target) - mpmath.fdot(weights, map(float, row)) - offset) ** 2
        penalised = theta if penalise_intercept or not intercept else weights
        return total / len(y) + sum(l1 * abs(t) + l2 * t**2 for t in penalised)


def minimum(X, y, *, intercept, l2=0.0, penalise_intercept=True):
    """Return the minimum of `energy` without l1, at 600 digits; the columns must be independent."""
    m, p = X.shape
    with mpmath.workdps(600):
        A = mpmath.matrix([[mpmath.mpf(float(v)) for v in row] + [mpmath.mpf(1)] * intercept for row in X])
        b = mpmath.matrix([mpmath.mpf(float(v)) for v in y])
        G = A.T * A / m
        for j in range(p + (intercept and penalise_intercept)):
            G[j, j] += l2
        h = A.T * b / m
        return mpmath.fdot(b, b) / m - mpmath.fdot(h, mpmath.lu_solve(G, h))
