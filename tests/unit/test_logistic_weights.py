"""The lowest cross entropy where weights differ by orders of magnitude, against Newton's decrement at 40 digits."""

import warnings

import mpmath
import numpy as np
import pytest

import pyrometer as pm


@pytest.mark.parametrize(
    ("spread", "seed"), [(3, 8), (3, 282), (3, 314), (3, 499), *((4, seed) for seed in range(120))]
)
def test_cross_entropy_of_weights_that_differ_by_orders_of_magnitude(spread, seed):
    """Few overlapping rows: steps that suit the heavy rows leave the light ones far on the wrong side."""
    rng = np.random.default_rng([seed, spread])
    m, p = int(rng.choice([5, 6, 8, 12, 30])), int(rng.integers(1, 4))
    X = rng.integers(-3, 4, (m, p)).astype(float) if seed in (8, 314) else rng.normal(size=(m, p))
    weights, y = 10 ** rng.uniform(-spread, spread, m), rng.random(m) < 0.5
    y[:2] = [False, True]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pm.SeparationWarning)
        found = pm.minimum_energy(pm.LogisticRegression(X, y, weights=weights))
    assert found.digits > 9
    if not found.attained:
        return
    with mpmath.workdps(40):  # the decrement of Newton's method, squared, is twice the excess of the energy
        rows = mpmath.matrix(np.column_stack([X, np.ones(m)]).tolist())
        share = [mpmath.mpf(w) / mpmath.fsum(weights.tolist()) for w in weights]
        logits = rows * mpmath.matrix(found.parameters.tolist())
        against = [mpmath.exp(-t if label else t) for t, label in zip(logits, y, strict=True)]  # odds
        loss = mpmath.fsum(w * mpmath.log1p(odds) for w, odds in zip(share, against, strict=True))
        slopes = [
            w * odds / (1 + odds) * (-1 if label else 1) for w, odds, label in zip(share, against, y, strict=True)
        ]
        curvatures = mpmath.diag([w * odds / (1 + odds) ** 2 for w, odds in zip(share, against, strict=True)])
        gradient = rows.T * mpmath.matrix(slopes)
        decrement = (gradient.T * mpmath.lu_solve(rows.T * curvatures * rows, gradient))[0]
        assert abs(loss - found.value) <= 1e-12 * loss
        assert decrement <= 1e-9 * loss
